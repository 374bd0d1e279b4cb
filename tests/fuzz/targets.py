"""What `make fuzz` feeds."""

from __future__ import annotations

from typing import Final

from fuzz.campaign import Target
from fuzz.control_socket import ControlSocketTarget
from fuzz.site_yaml import SiteYamlTarget
from fuzz.trap_listener import TrapListenerTarget

TARGETS: Final[dict[str, Target]] = {
    target.name: target for target in (SiteYamlTarget(), ControlSocketTarget(), TrapListenerTarget())
}
