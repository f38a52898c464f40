"""The specification of an activation as data, and the kinds of activations."""

from unified_act.activation.kinds import KINDS, Kind
from unified_act.activation.specification import Activation, Kink, Limits, Parameter

__all__ = ["KINDS", "Activation", "Kind", "Kink", "Limits", "Parameter"]
