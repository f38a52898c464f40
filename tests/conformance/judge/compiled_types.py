"""What is tried on JAX, where each definition is compiled anew for each type."""

from collections.abc import Sequence

from tests.specifications import KINDS
from unified_act.backend import DTYPES, Numerics
from unified_act.loading import load_backend


def types_on_jax(activation: str, numerics: Numerics) -> Sequence[str]:
    """Those of JAX's own kernel; of definitions float32, and for one of each kind all.

    All of the rest is done by ``unified-act conformance --backend jax``.
    """
    kernel = load_backend("jax").native.get(activation) if numerics == "fast" else None
    if kernel is not None and kernel.dtypes:
        return kernel.dtypes
    return DTYPES if activation in KINDS else ("float32",)
