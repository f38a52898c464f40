"""MXNet for `unified_act`."""

from unified_act_mxnet.backend import MxnetBackend

__all__ = ["backend"]

backend = MxnetBackend()
