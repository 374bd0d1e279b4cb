"""Where a 5 GHz radio must listen for radar. Pure."""

from __future__ import annotations

from typing import Final

DFS_MHZ: Final = frozenset({*range(5260, 5321, 20), *range(5500, 5721, 20)})
"""20 MHz channels that need it anywhere: the MIBs do not tell the domain."""
