"""What an activation *is*: its specification, as data, and its kind, which says what follows."""

from unified_act.activation.kinds import KINDS, Kind
from unified_act.activation.specification import Activation, Kink, Limits, Parameter

__all__ = ["KINDS", "Activation", "Kind", "Kink", "Limits", "Parameter"]
