"""rpcd's uci for one config, with the ways of a real one that a driver has to survive."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from integration.openwrt.bus import Bus

OK, INVALID, NOT_FOUND, NO_DATA, DENIED = 0, 2, 4, 5, 6
Sections = dict[str, dict[str, Any]]
Delta = list[tuple[str, str, str, Any]]
"""(set or delete, section, option, value)."""


def sections() -> Sections:
    """What /etc/config/wireless holds at first."""
    return {
        "radio0": {
            ".type": "wifi-device",
            "type": "mac80211",
            "band": "5g",
            "channel": "36",
            "htmode": "HE80",
            "country": "US",
            "disabled": "0",
        },
        "default_radio0": {
            ".type": "wifi-iface",
            "device": "radio0",
            "mode": "ap",
            "ssid": "lab5",
            "key": "never-shown",
        },
        "radio1": {
            ".type": "wifi-device",
            "type": "mac80211",
            "band": "2g",
            "channel": "1",
            "htmode": "HE20",
            "country": "US",
            "disabled": "0",
        },
        "default_radio1": {
            ".type": "wifi-iface",
            "device": "radio1",
            "mode": "ap",
            "ssid": "lab2",
            "key": "never-shown",
        },
    }


@dataclass(slots=True)
class Pending:
    session: str
    before: Sections
    delta: Delta
    timer: threading.Timer


@dataclass(slots=True)
class Uci:
    """``file``: what is committed; ``reload``: what netifd does when that has changed. It looks some time
    after the last change: what was changed and changed back meanwhile it never sees."""

    bus: Bus
    file: Sections
    reload: Callable[[Sections], None]
    staged: dict[str, Delta] = field(default_factory=dict)
    pending: Pending | None = None
    rollbacks: int = 0
    trigger: threading.Timer | None = None

    def seen(self, session: str) -> Sections:
        """With what the session has staged; after a rollback that is still there."""
        return _with(self.file, self.staged.get(session, []))

    def get(self, session: str, args: Mapping[str, Any]) -> tuple[int, dict[str, Any] | None]:
        if args.get("config") != "wireless":
            return NOT_FOUND, None
        sections = self.seen(session)
        section = args.get("section")
        if section is None:
            named = {
                name: {".anonymous": False, ".name": name, ".index": at, **options}
                for at, (name, options) in enumerate(sections.items())
            }
            return OK, {"values": named}
        if section not in sections:
            return NOT_FOUND, None
        option = args.get("option")
        if option is None:
            return OK, {"values": {".name": section, **sections[section]}}
        return (
            (OK, {"value": sections[section][option]}) if option in sections[section] else (NOT_FOUND, None)
        )

    def set(self, session: str, args: Mapping[str, Any]) -> int:
        section, values = args.get("section"), args.get("values")
        if not isinstance(values, dict):
            return INVALID
        if section not in self.seen(session):
            return NOT_FOUND
        self._stage(session, *(("set", section, name, value) for name, value in values.items()))
        return OK

    def delete(self, session: str, args: Mapping[str, Any]) -> int:
        section, options = args.get("section"), args.get("options") or [args.get("option")]
        there = self.seen(session).get(str(section))
        if there is None or any(option not in there for option in options):
            return NOT_FOUND
        self._stage(session, *(("delete", str(section), str(option), None) for option in options))
        return OK

    def _stage(self, session: str, *delta: tuple[str, str, str, Any]) -> None:
        self.staged.setdefault(session, []).extend(delta)

    def changes(self, session: str) -> dict[str, Any]:
        delta = self.staged.get(session)
        if not delta:
            return {"changes": {}}
        rows = [
            [verb, section, option, *([value] if verb == "set" else [])]
            for verb, section, option, value in delta
        ]
        return {"changes": {"wireless": rows}}

    def revert(self, session: str) -> int:
        if self.pending is not None:
            return DENIED
        self.staged.pop(session, None)
        return OK

    def apply(self, session: str, args: Mapping[str, Any]) -> int:
        rollback = bool(args.get("rollback"))
        if self.pending is not None:
            if rollback:
                return DENIED
            self.pending.timer.cancel()  # anybody's plain apply: 0, nothing applied, and no rollback any more
            self.pending = None
            return OK
        delta = self.staged.pop(session, [])
        if not delta:
            return NO_DATA
        before = copy.deepcopy(self.file)
        if rollback:
            limit_s = args.get("timeout", 60) * self.bus.tempo.second_s
            self.pending = Pending(session, before, delta, self.bus.later(limit_s, self.roll_back))
        self._commit(_with(self.file, delta))
        return OK

    def _commit(self, sections: Sections) -> None:
        self.file = sections
        if self.trigger is not None:
            self.trigger.cancel()
        self.trigger = self.bus.later(self.bus.tempo.trigger_s, lambda: self.reload(self.file))

    def confirm(self, session: str) -> int:
        if self.pending is None:
            return NO_DATA
        if self.pending.session != session:
            return DENIED
        self.pending.timer.cancel()
        self.pending = None
        return OK

    def rollback(self, session: str) -> int:
        if self.pending is None:
            return NO_DATA
        if self.pending.session != session:
            return DENIED
        self.pending.timer.cancel()
        self.roll_back()
        return OK

    def roll_back(self) -> None:
        pending, self.pending = self.pending, None
        if pending is not None:
            self.rollbacks += 1
            self.staged[pending.session] = pending.delta
            self._commit(pending.before)


@dataclass(slots=True)
class Shell:
    """The program `uci`: what it stages lies in a directory of its own, and a commit reloads nothing."""

    uci: Uci
    delta: Delta = field(default_factory=list)

    def run(self, words: list[str]) -> tuple[int, str]:
        """(exit status, output) of set, add_list, delete, revert and commit."""
        words = words[2:] if words[0] == "-t" else words
        words = words[1:] if words[0] == "-q" else words
        if words[0] == "commit":
            self.uci.file = _with(self.uci.file, self.delta)
            self.delta = []
            return 0, ""
        if words[0] == "revert":
            self.delta = []
            return 0, ""
        name, _, value = words[1].partition("=")
        _, section, option = name.split(".")
        there = _with(self.uci.file, self.delta).get(section)
        if there is None or (words[0] == "delete" and option not in there):
            return 1, "uci: Entry not found\n"
        if words[0] == "add_list":
            self.delta.append(("set", section, option, [*there.get(option, []), value]))
        else:
            self.delta.append((words[0], section, option, value))
        return 0, ""


def _with(sections: Sections, delta: Delta) -> Sections:
    result = copy.deepcopy(sections)
    for verb, section, option, value in delta:
        if verb == "set":
            result.setdefault(section, {})[option] = value
        else:
            result.get(section, {}).pop(option, None)
    return result
