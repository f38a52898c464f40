"""What is made of a definition, to run it fast: tables of the 16-bit types, and machine code.

`table_of` returns a table, and `gather` what looks up in it. `computed` computes whole arrays in
memory by machine code, and `fused` returns the kernel for that, or None where there is none;
`unavailable` says why. `computed_arrays` and `pulled_back` do so for arrays of a framework. Without
llvmlite there is no machine code. Nothing is compiled before the first kernel is asked for.
"""

from unified_act.kernels.arrays import Memory, NumpyMemory, computed_arrays, has_kernel, pulled_back
from unified_act.kernels.gathering import Gather, gather
from unified_act.kernels.instructions import NARROW
from unified_act.kernels.kernel import Kernel, fused, unavailable
from unified_act.kernels.layout import computed
from unified_act.kernels.tables import Table, table_of
from unified_act.kernels.threads import ALONE, Threads, openmp_team
from unified_act.kernels.threads import available as available_threads

__all__ = [
    "ALONE",
    "NARROW",
    "Gather",
    "Kernel",
    "Memory",
    "NumpyMemory",
    "Table",
    "Threads",
    "available_threads",
    "computed",
    "computed_arrays",
    "fused",
    "gather",
    "has_kernel",
    "openmp_team",
    "pulled_back",
    "table_of",
    "unavailable",
]
