"""Kernels: machine code made of the definitions.

`computed` computes whole arrays in memory, and `fused` returns the kernel for that, or None where
there is none; `unavailable` says why. Without llvmlite there are none. Nothing is compiled before
the first kernel is asked for.
"""

from unified_act.kernels.fused import Kernel, fused, unavailable
from unified_act.kernels.layout import computed
from unified_act.kernels.threads import available as available_threads

__all__ = ["Kernel", "available_threads", "computed", "fused", "unavailable"]
