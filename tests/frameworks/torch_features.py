"""PyTorch: modules, compilers, transforms, saved and exported models."""
