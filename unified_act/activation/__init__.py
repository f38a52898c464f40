"""What an activation *is*: its specification, as data."""

from unified_act.activation.specification import KINDS, Activation, Kind, Kink, Limits, Parameter

__all__ = ["KINDS", "Activation", "Kind", "Kink", "Limits", "Parameter"]
