"""Layers: an activation as a module of a framework, with the weights that it learns."""

from unified_act.layers.contract import Layers, LayersOfLibraries, check_options
from unified_act.layers.make import get_layer, layer_spec
from unified_act.layers.spec import LayerSpec
from unified_act.layers.weights import export_weights, import_weights

__all__ = [
    "LayerSpec",
    "Layers",
    "LayersOfLibraries",
    "check_options",
    "export_weights",
    "get_layer",
    "import_weights",
    "layer_spec",
]
