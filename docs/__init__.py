"""The documentation; `generate` writes what follows from the specifications."""
