"""MXNet, imported once for the whole package; the other modules take `mx` from here."""

from __future__ import annotations

import numpy as np

from unified_act_mxnet._numpy_compat import import_mxnet

__all__ = ["BFLOAT16", "mx"]

mx = import_mxnet()

BFLOAT16 = np.dtype([("bfloat16", np.uint16)])
"""How MXNet spells the dtype."""
