"""An AP as the recordings show one: objects, sessions with the rights of the shipped ACL files, programs.

State and timing are this stand-in's own; nothing of it is copied from a device. Synthetic.
"""

from __future__ import annotations

import itertools
import re
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from integration.openwrt.air import Air
from integration.openwrt.bus import Bus, Tempo
from integration.openwrt.rights import USERS, Session
from integration.openwrt.uci import DENIED, INVALID, NOT_FOUND, OK, Sections, Shell, Uci, sections

NOBODY = "0" * 32
METHOD_NOT_FOUND = 3
Answered = tuple[int, dict[str, Any] | None]


class Gone(Exception):
    """-32000: the bus has no such object now."""


class Denied(Exception):
    """-32002: no, wrong or expired session, or no right."""


def station(mac: str, *, tx: int = 1000, retries: int = 50, failed: int = 3) -> dict[str, Any]:
    """One row of `iwinfo assoclist`."""
    return {
        "mac": mac,
        "signal": -50,
        "noise": -92,
        "connected_time": 11,
        "rx": {"packets": 47, "bytes": 5575, "rate": 54000},
        "tx": {"failed": failed, "retries": retries, "packets": tx, "bytes": 4309, "rate": 19500},
    }


@dataclass(slots=True)
class Ap:
    """``written``: calls that change something, in order; ``hanging``: objects whose next call is answered
    only when the AP is closed (they went away while it was in flight); ``newer``: hostapd's own object has
    `switch_channel`; ``stuck``: (object, method, device) that never answers; ``hung``: one came."""

    tempo: Tempo = field(default_factory=Tempo)
    bus: Bus = field(init=False)
    airs: dict[str, Air] = field(init=False)
    uci: Uci = field(init=False)
    shell: Shell = field(init=False)
    sessions: dict[str, Session] = field(default_factory=dict)
    written: list[tuple[str, str, Mapping[str, Any]]] = field(default_factory=list)
    hanging: set[str] = field(default_factory=set)
    stuck: tuple[str, str, str | None] | None = None
    hung: threading.Event = field(default_factory=threading.Event)
    newer: bool = False
    programs: bool = True
    logins: int = 0
    logs_read: int = 0
    hostname: str = "lab-ap"

    def __post_init__(self) -> None:
        self.bus = Bus(tempo=self.tempo)
        self.airs = {
            "radio0": Air(self.bus, "radio0", "phy0", "5g"),
            "radio1": Air(self.bus, "radio1", "phy1", "2g", ssid="lab2", bssid="02:00:00:00:01:00"),
        }
        self.uci = Uci(self.bus, sections(), self._reload)
        self.shell = Shell(self.uci)
        for section, air in self.airs.items():
            config = self.uci.file[section]
            air.config, air.ssid = dict(config), str(self.uci.file[f"default_{section}"]["ssid"])
            block = air.configured()
            assert block is not None
            air._on_air(block)
        self.airs["radio0"].clients = [station("02:00:00:00:02:00"), station("02:00:00:00:02:01")]

    def close(self) -> None:
        self.bus.close()

    def _reload(self, sections: Sections) -> None:
        """`network reload`: each radio whose own settings have changed."""
        for section, air in self.airs.items():
            ssid = str(sections.get(f"default_{section}", {}).get("ssid", air.ssid))
            if sections.get(section) is not None:
                air.load(sections[section], ssid)

    # -- rpcd's sessions ---------------------------------------------------------------------------------

    def log_in(self, args: Mapping[str, Any]) -> Answered:
        if "password" not in args:
            return INVALID, None
        known = USERS.get(str(args.get("username")))
        if known is None or known[0] != args["password"]:
            return DENIED, None
        self.logins += 1
        session = Session.of(str(args["username"]))
        sid = self._reclaimed(session.user) or self._admitted(session, int(args.get("timeout", 300)))
        acls = {"ubus": session.ubus, "uci": session.uci}
        return OK, {"ubus_rpc_session": sid, "timeout": 300, "expires": 299, "acls": acls}

    def _reclaimed(self, user: str) -> str | None:
        """rpcd's session.c: who logs in while an apply of the same user is pending gets its session."""
        sid = self.uci.pending.session if self.uci.pending is not None else ""
        return sid if sid in self.sessions and self.sessions[sid].user == user else None

    def _admitted(self, session: Session, timeout: int) -> str:
        sid = secrets.token_hex(16)
        self.sessions[sid] = session
        if timeout:
            limit_s = timeout * self.tempo.second_s
            session.timer = self.bus.later(limit_s, lambda: self._forget(sid))
        return sid

    def _forget(self, sid: str) -> None:
        self.sessions.pop(sid, None)

    def expire(self) -> None:
        with self.bus.lock:
            self.sessions.clear()

    # -- the bus -----------------------------------------------------------------------------------------

    def objects(self) -> dict[str, list[str]]:
        with self.bus.lock:
            found = {name: list(methods) for name, methods in METHODS.items()}
            if self.newer:
                found["hostapd"].append("switch_channel")
            if not self.programs:
                del found["file"]
            there = [air for air in self.airs.values() if air.there]
            return found | {air.name: list(HOSTAPD) for air in there}

    def call(self, sid: str, name: str, method: str, args: Mapping[str, Any]) -> Answered:
        """As uhttpd does it: the object first, then the right, then the call."""
        with self.bus.lock:
            objects = self.objects()
            if name not in objects:
                raise Gone
            if sid == NOBODY and (name, method) == ("session", "login"):
                return self.log_in(args)
            session = self.sessions.get(sid)
            if session is None or not session.may(name, method):
                raise Denied
            if name in self.hanging or (name, method, args.get("device")) == self.stuck:
                self.hanging.discard(name)
                self.hung.set()
                self.bus.changed.wait_for(lambda: self.bus.closed)
                raise Gone
            if method not in objects[name]:
                return METHOD_NOT_FOUND, None
            return self.done(session, sid, name, method, args)

    def local(self, name: str, method: str, args: Mapping[str, Any]) -> Answered:
        """`ubus call` in a shell: no right is asked for; rpcd's uci wants a session that was granted one."""
        with self.bus.lock:
            objects = self.objects()
            if name not in objects:
                raise Gone
            if name == "session":
                return self._of_session(method, args)
            if method not in objects[name]:
                return METHOD_NOT_FOUND, None
            sid = str(args.get("ubus_rpc_session", ""))
            session = self.sessions.get(sid, Session(user="root"))
            if not sid:
                session = Session(user="root", uci={"wireless": ["read"]})
            rest = {key: value for key, value in args.items() if key != "ubus_rpc_session"}
            return self.done(session, sid, name, method, rest)

    def _of_session(self, method: str, args: Mapping[str, Any]) -> Answered:
        sid = str(args.get("ubus_rpc_session", ""))
        if method == "create":
            self.logins += 1
            made = self._admitted(Session(user="root"), int(args.get("timeout", 300)))
            return OK, {"ubus_rpc_session": made, "timeout": 300, "acls": {}}
        if sid not in self.sessions:
            return NOT_FOUND, None
        if method == "grant" and args.get("scope") == "uci":
            for config, right in args["objects"]:
                self.sessions[sid].uci.setdefault(config, []).append(right)
        return OK, {}

    def done(self, session: Session, sid: str, name: str, method: str, args: Mapping[str, Any]) -> Answered:
        if (name, method) in WRITES or method in WRITES_OF_HOSTAPD:
            self.written.append((name, method, args))
        if name == "uci":
            return self._of_uci(session, sid, method, args)
        if name.startswith("hostapd."):
            return self._of_hostapd(name, method, args)
        do: Callable[[Mapping[str, Any], Session], Answered] = getattr(self, ANSWERS[name, method])
        return do(args, session)

    def _air(self, ifname: object) -> Air | None:
        return next((air for air in self.airs.values() if air.ifname == ifname), None)

    def _of_uci(self, session: Session, sid: str, method: str, args: Mapping[str, Any]) -> Answered:
        right = "read" if method in ("get", "changes") else "write"
        config = args.get("config")
        if (config is not None and right not in session.uci.get(str(config), [])) or not session.uci:
            return DENIED, None
        if method == "get":
            return self.uci.get(sid, args)
        if method == "changes":
            return OK, self.uci.changes(sid)
        if method in ("set", "delete"):
            return getattr(self.uci, method)(sid, args), None
        if method == "apply":
            return self.uci.apply(sid, args), None
        return getattr(self.uci, method)(sid), None

    def _of_hostapd(self, name: str, method: str, args: Mapping[str, Any]) -> Answered:
        air = self._air(name.removeprefix("hostapd."))
        assert air is not None
        if method == "switch_chan":
            return air.switch(args), None
        if method == "bss_transition_request":
            known = {each["mac"] for each in air.clients}
            return (OK if args.get("addr") in known else INVALID), None
        if method == "rrm_nr_get_own":
            return OK, {
                "value": [air.bssid, air.ssid, air.bssid.replace(":", "") + "ef5900008024090603022a00"]
            }
        if method == "rrm_nr_list":
            return OK, {"list": []}
        return OK, air.get_status() if method == "get_status" else air.get_clients()

    def _hostapd_switch(self, args: Mapping[str, Any], session: Session) -> Answered:
        air = next((air for air in self.airs.values() if air.phy == args.get("phy") and air.there), None)
        if air is None:
            return NOT_FOUND, None
        width = {0: 40 if args.get("sec_channel") else 20, 1: 80, 2: 160}[args.get("oper_chwidth", 0)]
        words = {"freq": args.get("frequency"), "bandwidth": width, "bcn_count": args.get("csa_count", 10)}
        words |= {"sec_channel_offset": args.get("sec_channel", 0)}
        if "center_freq1" in args and width > 20:
            words["center_freq1"] = args["center_freq1"]
        return air.switch(words), None

    def _board(self, args: Mapping[str, Any], session: Session) -> Answered:
        release = {"distribution": "OpenWrt", "version": "24.10.2", "revision": "r28739"}
        return OK, {"hostname": self.hostname, "model": "Synthetic AP", "release": release}

    def _devices(self, args: Mapping[str, Any], session: Session) -> Answered:
        return OK, {"br-lan": {"macaddr": "02:00:00:00:00:AA"}, "lo": {"macaddr": "00:00:00:00:00:00"}}

    def _wireless(self, args: Mapping[str, Any], session: Session) -> Answered:
        """What is configured and loaded; `up` says nothing of what is on air."""
        return OK, {section: self._of_netifd(section, air) for section, air in self.airs.items()}

    def _of_netifd(self, section: str, air: Air) -> dict[str, Any]:
        off = air.config.get("disabled") == "1"
        hidden = air.state == "PENDING" or off
        config = {name: value for name, value in air.config.items() if not name.startswith(".")}
        interface = {
            "section": f"default_{section}",
            "config": {"mode": "ap", "ssid": air.ssid, "key": "never-shown"},
        }
        return {
            "up": not hidden,
            "pending": air.state == "PENDING",
            "autostart": True,
            "disabled": off,
            "retry_setup_failed": False,
            "config": config | {"disabled": off},
            "interfaces": [interface | ({} if hidden else {"ifname": air.ifname})],
        }

    def _iwinfo(self, args: Mapping[str, Any], answer: Callable[[Air], dict[str, Any] | None]) -> Answered:
        if not isinstance(args.get("device"), str):
            return INVALID, None
        air = self._air(args["device"])
        said = answer(air) if air is not None and air.info() is not None else None
        return (NOT_FOUND, None) if said is None else (OK, said)

    def _info(self, args: Mapping[str, Any], session: Session) -> Answered:
        return self._iwinfo(args, Air.info)

    def _assoclist(self, args: Mapping[str, Any], session: Session) -> Answered:
        return self._iwinfo(args, lambda air: {"results": air.clients})

    def _survey(self, args: Mapping[str, Any], session: Session) -> Answered:
        return self._iwinfo(args, Air.survey)

    def _freqlist(self, args: Mapping[str, Any], session: Session) -> Answered:
        return self._iwinfo(args, Air.freqlist)

    def _txpowerlist(self, args: Mapping[str, Any], session: Session) -> Answered:
        return self._iwinfo(args, _powers)

    def _scan(self, args: Mapping[str, Any], session: Session) -> Answered:
        return self._iwinfo(args, _heard)

    def _phyname(self, args: Mapping[str, Any], session: Session) -> Answered:
        air = self.airs.get(str(args.get("section")))
        return (OK, {"phyname": air.phy}) if air is not None else (NOT_FOUND, None)

    def _log(self, args: Mapping[str, Any], session: Session) -> Answered:
        self.logs_read += 1
        self.bus.changed.notify_all()
        rows = list(self.bus.log)[-int(args.get("lines", 100)) :]
        return OK, {"log": [{"msg": text, "id": number, "priority": 30} for number, text in rows]}

    def _exec(self, args: Mapping[str, Any], session: Session) -> Answered:
        """rpcd asks for the whole command line where it is not the path that was granted."""
        words = [str(args.get("command")), *map(str, args.get("params", ()))]
        if not any(fnmatchcase(" ".join(words), pattern) for pattern in session.run):
            return DENIED, None
        status, text = self.ran([words[0].rpartition("/")[2], *words[1:]])
        return OK, {"code": status, "stdout": text}

    # -- programs, as in a shell ---------------------------------------------------------------------------

    def ran(self, words: list[str]) -> tuple[int, str]:
        """(exit status, output) of `iw`, `hostapd_cli`, `uci` and `wifi`."""
        with self.bus.lock:
            line = " ".join(words)
            if found := re.fullmatch(r"iw phy (phy\d) channels", line):
                air = next(each for each in self.airs.values() if each.phy == found[1])
                return 0, air.iw_channels()
            if found := re.fullmatch(r"iw dev (\S+) (info|scan dump)", line):
                air_or = self._air(found[1])
                return (0, air_or.iw_dev_info() if found[2] == "info" else SCAN_DUMP) if air_or else (237, "")
            if found := re.fullmatch(r"hostapd_cli -i (\S+) status", line):
                air_or = self._air(found[1])
                said = air_or.cli_status() if air_or else None
                return (0, said) if said is not None else (255, "Failed to connect to hostapd\n")
            return self._changed(words, line)

    def _changed(self, words: list[str], line: str) -> tuple[int, str]:
        self.written.append((words[0], " ".join(words[1:]), {}))
        if found := re.fullmatch(r"iw dev (\S+) set txpower fixed (\d+)", line):
            air = self._air(found[1])
            if air is not None:
                air.power_dbm = int(found[2]) // 100
            return 0, ""
        if words[0] == "uci":
            return self.shell.run(words[1:])
        if found := re.fullmatch(r"wifi (?:reload|up) ?(\w*)", line):
            for section, air in self.airs.items():
                if found[1] == section:
                    air.config = dict(self.uci.file[section])
                    air.restart()
            if not found[1]:
                self._reload(self.uci.file)
            return 0, ""
        return 127, f"{words[0]}: not found\n"


def _powers(air: Air) -> dict[str, Any]:
    limit = 24 if air.block is not None and air.block.primary_mhz in range(5260, 5721) else 23
    return {"results": [{"dbm": dbm, "mw": 1, "active": False} for dbm in range(limit + 1)]}


def _heard(air: Air) -> dict[str, Any]:
    mhz, channel = (2412, 1) if air.band == "2g" else (5180, 36)
    row = {"ssid": "next door", "bssid": "02:00:00:00:09:00", "mode": "Master", "signal": -71, "quality": 40}
    return {"results": [row | {"band": int(air.band[0]), "channel": channel, "mhz": mhz}]}


SCAN_DUMP = (
    "BSS 02:00:00:00:09:00(on phy0-ap0)\n\tfreq: 5180\n\tsignal: -71.00 dBm\n"
    "\tlast seen: 90 ms ago\n\tSSID: next door\n"
)
HOSTAPD = (
    "get_status",
    "get_clients",
    "switch_chan",
    "bss_transition_request",
    "rrm_nr_get_own",
    "rrm_nr_list",
)
ANSWERS = {
    ("system", "board"): "_board",
    ("network.device", "status"): "_devices",
    ("network.wireless", "status"): "_wireless",
    ("iwinfo", "info"): "_info",
    ("iwinfo", "assoclist"): "_assoclist",
    ("iwinfo", "survey"): "_survey",
    ("iwinfo", "freqlist"): "_freqlist",
    ("iwinfo", "txpowerlist"): "_txpowerlist",
    ("iwinfo", "scan"): "_scan",
    ("iwinfo", "phyname"): "_phyname",
    ("log", "read"): "_log",
    ("file", "exec"): "_exec",
    ("hostapd", "switch_channel"): "_hostapd_switch",
}
METHODS: dict[str, list[str]] = {"session": ["login", "create", "grant", "get"], "hostapd": ["bss_info"]}
METHODS["uci"] = ["get", "changes", "set", "delete", "apply", "confirm", "rollback", "revert"]
for _object, _method in itertools.islice(ANSWERS, len(ANSWERS) - 1):
    METHODS.setdefault(_object, []).append(_method)
WRITES = {("uci", name) for name in ("set", "delete", "apply", "confirm", "rollback", "revert")}
WRITES_OF_HOSTAPD = {"switch_chan", "switch_channel", "bss_transition_request"}
