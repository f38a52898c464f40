"""What is made of a definition, to run it fast: tables of the 16-bit types, and machine code.

`table_of` returns a table, and `gather` what looks up in it. `fused` returns the kernel of an
activation, or None where there is none; `unavailable` says why. `plan_of` returns how it goes
through whole arrays in memory, and `ArrayKernels` computes arrays of a framework so. Without
llvmlite there is no machine code. Nothing is compiled before the first kernel is asked for.
"""

from unified_act.kernels.arrays import ArrayKernels, Memory, NumpyMemory, sum_to_weight
from unified_act.kernels.gathering import Gather, gather
from unified_act.kernels.instructions import NARROW
from unified_act.kernels.kernel import Kernel, fused, unavailable
from unified_act.kernels.layout import Plan, plan_of
from unified_act.kernels.tables import Table, table_of
from unified_act.kernels.threads import ALONE, Threads, openmp_team
from unified_act.kernels.threads import available as available_threads

__all__ = [
    "ALONE",
    "NARROW",
    "ArrayKernels",
    "Gather",
    "Kernel",
    "Memory",
    "NumpyMemory",
    "Plan",
    "Table",
    "Threads",
    "available_threads",
    "fused",
    "gather",
    "openmp_team",
    "plan_of",
    "sum_to_weight",
    "table_of",
    "unavailable",
]
