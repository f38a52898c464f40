"""The activations as the tests name them: one that needs parameters comes with some."""

from unified_act import catalogue

REQUIRED = {
    "affine": "affine(alpha=2.0, beta=-0.75)",
    "clipped_relu": "clipped_relu(max_value=2.5)",
    "threshold": "threshold(threshold=1.5, value=-20.0)",
}
SPECS = {REQUIRED.get(spec.name, spec.name): spec for spec in catalogue.ACTIVATIONS}
"""By what `get_activation` takes."""
