"""A NETCONF server that falls silent after a confirmed commit: `netconf_mirror`, but what comes after that is
held up for as long as there is the file RECORDING.mute. RECORDING.armed: it will. ``RECORDING COMMAND...``"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from integration import netconf_mirror

passed_on = netconf_mirror.requested


def requested(message: str, asked: dict[str, str]) -> str:
    armed, mute = Path(f"{sys.argv[1]}.armed"), Path(f"{sys.argv[1]}.mute")
    while mute.exists():
        time.sleep(0.1)  # until the test, another process, removes it
    if "confirmed" in message and "hello" not in message and armed.exists():
        armed.rename(mute)
    return passed_on(message, asked)


if __name__ == "__main__":
    netconf_mirror.requested = requested
    netconf_mirror.main()
