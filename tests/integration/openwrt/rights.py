"""Who may log in to the stand-in, and what the shipped ACL files grant them."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from importlib.resources import files
from typing import Any

USERS = {
    "rrmd": ("lab-Ctl-1", ("rrmd-monitor", "rrmd-scan"), ("rrmd-control",)),
    "look": ("lab-Ctl-1", ("rrmd-monitor",), ()),
    "root": ("lab-Root-1", (), ()),  # read '*' gets what the files grant; here no file is installed for it
    "lean": ("lab-Ctl-1", ("lean",), ("lean",)),
    "nobody-granted": ("lab-Ctl-1", (), ()),
}
ACLS: dict[str, Any] = {
    name: group
    for file in ("rrmd-monitor.json", "rrmd-control.json")
    for name, group in json.loads(files("drivers.openwrt").joinpath("acl", file).read_text()).items()
}
ACLS["lean"] = {  # somebody's own file: no events, no log, no programs, no delete
    "read": {
        "ubus": {
            "hostapd.*": ["get_status", "get_clients"],
            "iwinfo": ["*"],
            "network.wireless": ["status"],
            "system": ["board"],
            "uci": ["get", "changes"],
        },
        "uci": ["wireless"],
    },
    "write": {
        "ubus": {
            "hostapd.*": ["switch_chan"],
            "uci": ["set", "apply", "confirm", "rollback", "revert"],
        },
        "uci": ["wireless"],
    },
}


@dataclass(slots=True)
class Session:
    """``ubus``: pattern of objects -> patterns of methods; ``uci``: read, write; ``run``: command lines."""

    user: str
    ubus: dict[str, list[str]] = field(default_factory=dict)
    uci: dict[str, list[str]] = field(default_factory=dict)
    run: list[str] = field(default_factory=list)
    timer: threading.Timer | None = None

    def may(self, name: str, method: str) -> bool:
        return any(
            fnmatchcase(name, pattern) and any(fnmatchcase(method, each) for each in methods)
            for pattern, methods in self.ubus.items()
        )

    def grant(self, rights: Mapping[str, Any], kind: str) -> None:
        for name, methods in rights.get("ubus", {}).items():
            self.ubus.setdefault(name, []).extend(methods)
        for config in rights.get("uci", ()):
            self.uci.setdefault(config, []).append(kind)
        self.run += list(rights.get("file", ()))

    @classmethod
    def of(cls, user: str) -> Session:
        """With all that its groups grant."""
        session = cls(user=user)
        for groups, kind in zip(USERS[user][1:], ("read", "write"), strict=True):
            for name in groups:
                session.grant(ACLS[name].get(kind, {}), kind)
        return session
