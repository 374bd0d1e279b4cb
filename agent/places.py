"""Where rrmd keeps things unless told otherwise. Plain values: the CLI starts without heavy imports."""

from __future__ import annotations

from pathlib import Path
from typing import Final

SITES: Final = Path("/etc/rrmd/sites")
STATE_DIR: Final = Path("/var/lib/rrmd")
SOCKET: Final = Path("/run/rrmd/control.sock")
SOCKET_GROUP: Final = "rrmd"
