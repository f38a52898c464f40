"""PyTorch for `unified_act`."""

from unified_act_torch.backend import TorchBackend

__all__ = ["backend"]

backend = TorchBackend()
