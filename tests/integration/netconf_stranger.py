"""A NETCONF server that answers what nobody asked: runs the subsystem, and each answer has another message-id
for as long as there is a file. ``FILE COMMAND...``"""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from integration import netconf_mirror


def answered(message: str, asked: dict[str, str]) -> str:
    if not Path(sys.argv[1]).exists():
        return message
    return re.sub('message-id="[^"]+"', 'message-id="urn:uuid:of-somebody-else"', message)


if __name__ == "__main__":
    netconf_mirror.answered = answered
    netconf_mirror.requested = lambda message, asked: message
    netconf_mirror.main()
