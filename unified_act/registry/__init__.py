"""The registry of activations: built-in ones, registered ones, and those of plugins."""

from unified_act.registry.plugins import BACKENDS, Announcement, announced, announcement_of
from unified_act.registry.registration import load_plugin, register_activation
from unified_act.registry.registry import ACTIVATIONS, Registry, list_activations

__all__ = [
    "ACTIVATIONS",
    "BACKENDS",
    "Announcement",
    "Registry",
    "announced",
    "announcement_of",
    "list_activations",
    "register_activation",
]

ACTIVATIONS.load = load_plugin
