"""What is made of a definition, to run it fast: tables of the 16-bit types."""

from unified_act.kernels.tables import NARROW, Table, table_of

__all__ = ["NARROW", "Table", "table_of"]
