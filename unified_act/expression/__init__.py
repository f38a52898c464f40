"""A definition as a graph: recorded once, for kernels, exporters and readers to work with.

>>> from unified_act.expression import record
>>> from unified_act.registry import ACTIVATIONS
>>> print(record(ACTIVATIONS.find("softsign"), {}))
x = input
v1 = x < -1e+18
v2 = x > 1e+18
v3 = where(v2, 1e+18, x)
v4 = where(v1, -1e+18, v3)
v5 = abs(v4)
v6 = v5 + 1.0
v7 = v4 / v6
return v7
"""

from unified_act.expression.derivative import derivatives
from unified_act.expression.derived import Derived, completed, pushforward_of_rows
from unified_act.expression.graph import (
    FLOAT,
    INTEGER,
    MASK,
    Graph,
    Node,
    RecordingError,
)
from unified_act.expression.interpreter import interpret
from unified_act.expression.namespace import HELPERS, OPAQUE, Recorder
from unified_act.expression.printer import text_of
from unified_act.expression.record import PARTS, Expression, record, record_function

__all__ = [
    "FLOAT",
    "HELPERS",
    "INTEGER",
    "MASK",
    "OPAQUE",
    "PARTS",
    "Derived",
    "Expression",
    "Graph",
    "Node",
    "Recorder",
    "RecordingError",
    "completed",
    "derivatives",
    "interpret",
    "pushforward_of_rows",
    "record",
    "record_function",
    "text_of",
]
