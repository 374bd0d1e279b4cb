"""A controller of recordings: speaks NETCONF over SSH on 127.0.0.1, answers as the recording says, and does
what the commands of a C9800 do to it. Synthetic: no real controller was asked.
"""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from drivers.base import DeviceContext
from drivers.netconf.parse_xml import at, children, name, text
from drivers.transport.netconf_framing import Framing, framed
from inventory.credentials import Secret
from inventory.model import AccessPoint, Band, DeviceConfig, Radio, radio_key

RECORDINGS = Path(__file__).parents[1] / "contract" / "recordings" / "netconf"
R2 = radio_key("north", "ap1", "r2")
R5 = radio_key("north", "ap1", "r5")
X5 = radio_key("north", "ap2", "r5")
X6 = radio_key("north", "ap2", "r6")
USER, PASSWORD = "rrmd", "made up"
BASE = "urn:ietf:params:netconf:base:"
CAPABILITIES = (
    *(f"{BASE}1.0", f"{BASE}1.1"),
    *(f"urn:ietf:params:netconf:capability:{each}:1.0" for each in ("writable-running", "notification")),
    *(f"urn:ietf:params:netconf:capability:{each}:1.0" for each in ("rollback-on-error", "interleave")),
)
OK = "<ok/>"


class Controller:
    """``written``: names of the commands that it was given. ``refuse``: a command to be answered with an
    error, once. ``wrong_id``: it answers requests that nobody made; ``silent``: it answers none.
    ``raw``: what it sends for an answer; ``drops``: so many requests are lost. ``late``: so many
    answers wait until further requests come."""

    def __init__(self) -> None:
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        self.key = paramiko.Ed25519Key.from_private_key(io.StringIO(pem.decode()))
        self.fingerprint = self.key.fingerprint
        self.reset()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._listeners: list[_Talk] = []
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, name="c9800", daemon=True).start()

    def reset(self) -> None:
        self.data = ElementTree.parse(RECORDINGS / "cisco.c9800.xml").getroot()
        self.written: list[str] = []
        self.refuse: str | None = None
        self.wrong_id = False
        self.silent = False
        self.heard_while_silent = threading.Event()
        self.raw: str | None = None
        self.drops = 0
        self.late = 0

    def context(self, **options: object) -> DeviceContext:
        first = (
            Radio(key=R5, band=Band.GHZ_5),
            Radio(key=R2, band=Band.GHZ_2_4),
        )
        second = (Radio(key=X5, band=Band.GHZ_5), Radio(key=X6, band=Band.GHZ_6))
        return DeviceContext(
            config=DeviceConfig(
                id="wlc",
                driver="netconf",
                address=f"127.0.0.1:{self.port}",
                options={"profile": "cisco-iosxe", "host_key": self.fingerprint, **options},
            ),
            radios=first + second,
            aps=(
                AccessPoint(id="ap1", device="wlc", match={"mac": "02:00:00:0a:ff:01"}, radios=first),
                AccessPoint(id="ap2", device="wlc", match={"name": "ap2"}, radios=second),
            ),
            secret=Secret(f"user: {USER}\npassword: {PASSWORD}\n"),
            clock=time.monotonic,
        )

    def notify(self, notification: str) -> None:
        with self._lock:
            for each in self._listeners:
                each.send(notification)

    def hear_radar(self) -> None:
        found = at(self.data, "data", "rrm-oper-data", "ap-dot11-radar-data", "radar-info")
        assert found is not None
        found.append(ElementTree.parse(RECORDINGS / "cisco.radar.xml").getroot())

    def close(self) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def subscribe(self, talk: _Talk) -> None:
        with self._lock:
            self._listeners.append(talk)

    def answer(self, request: Element, talk: _Talk) -> str:
        what = name(request)
        if self.refuse == what:
            self.refuse = None
            return _error("operation-failed", "the radio does not want to")
        if what == "get-config":
            return "<data/>"
        if what == "get":
            return f"<data>{''.join(self._filtered(at(request, 'filter')))}</data>"
        if what == "create-subscription":
            self.subscribe(talk)
        elif what not in ("lock", "unlock"):
            self.written.append(what)
            self._do(what, request)
        return OK

    def _filtered(self, wanted: Element | None) -> Iterator[str]:
        """Whole entries of the lists that are asked for; of one key, if the filter says which."""
        assert wanted is not None
        for container in wanted:
            there = at(self.data, "data", name(container))
            copy = Element(container.tag)
            for entry in there if there is not None else ():
                if any(_matches(entry, each) for each in container):
                    copy.append(entry)
            yield ElementTree.tostring(copy, encoding="unicode")

    def _do(self, what: str, request: Element) -> None:
        if what == "edit-config":
            given = at(request, "config", "rf-cfg-data", "rf-profiles", "rf-profile")
            there = at(self.data, "data", "rf-cfg-data", "rf-profiles", "rf-profile")
            assert given is not None
            assert there is not None
            for leaf in given:
                _set(there, leaf.text, name(leaf))
            return
        radio = self.radio(text(request, "mac-addr"), text(request, "slot-id"))
        if radio is not None:
            _COMMANDS[what](radio, request)

    def radio(self, mac: str | None, slot: str | None) -> Element | None:
        for each in children(self.data, "data", "access-point-oper-data", "radio-oper-data"):
            if (text(each, "wtp-mac"), text(each, "radio-slot-id")) == (mac, slot):
                return each
        return None

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        transport = paramiko.Transport(connection)
        transport.add_server_key(self.key)
        with suppress(paramiko.SSHException, EOFError, OSError):
            transport.start_server(server=_Login(self))
            while transport.is_active():
                transport.join(0.2)


class _Login(paramiko.ServerInterface):
    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_auth_password(self, username: str, password: str) -> int:
        right = (username, password) == (USER, PASSWORD)
        return paramiko.common.AUTH_SUCCESSFUL if right else paramiko.common.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.common.OPEN_SUCCEEDED

    def check_channel_subsystem_request(self, channel: paramiko.Channel, name: str) -> bool:
        talk = _Talk(self._controller, channel)
        threading.Thread(target=talk.run, name="c9800-talk", daemon=True).start()
        return name == "netconf"


class _Talk:
    """One session."""

    def __init__(self, controller: Controller, channel: paramiko.Channel) -> None:
        self._controller = controller
        self._channel = channel
        self._chunked = False
        self._kept: list[str] = []

    def send(self, message: str) -> None:
        with suppress(OSError, EOFError):
            self._channel.sendall(framed(message, chunked=self._chunked))

    def run(self) -> None:
        listed = "".join(f"<capability>{each}</capability>" for each in CAPABILITIES)
        ns = 'xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"'
        self.send(f"<hello {ns}><capabilities>{listed}</capabilities><session-id>7</session-id></hello>")
        framing = Framing()
        with suppress(OSError, EOFError):
            while data := self._channel.recv(65536):
                if not self._chunked and next(framing.messages(data, chunked=False), None):
                    self._chunked, data = True, b""  # the hello; a request may have come with it
                if self._chunked:
                    for message in framing.messages(data, chunked=True):
                        self._heard(message, ns)

    def _heard(self, message: str, ns: str) -> None:
        root = ElementTree.fromstring(message)
        if name(root) != "rpc":
            return
        if self._controller.drops:
            self._controller.drops -= 1
            return
        if self._controller.silent:
            self._controller.heard_while_silent.set()
            return
        if self._controller.raw is not None:
            self.send(self._controller.raw)
            return
        number = "another" if self._controller.wrong_id else root.get("message-id")
        words = self._controller.answer(root[0], self)
        self._kept.append(f'<rpc-reply {ns} message-id="{number}">{words}</rpc-reply>')
        while len(self._kept) > self._controller.late:
            self.send(self._kept.pop(0))


def _matches(entry: Element, wanted: Element) -> bool:
    keys = ((name(leaf), (leaf.text or "").strip()) for leaf in wanted)
    return name(entry) == name(wanted) and all(text(entry, key) == value for key, value in keys if value)


def _error(tag: str, message: str) -> str:
    words = f"<error-type>application</error-type><error-tag>{tag}</error-tag>"
    severity = "<error-severity>error</error-severity>"
    return f"<rpc-error>{words}{severity}<error-message>{message}</error-message></rpc-error>"


def _set(element: Element, value: object, *path: str) -> None:
    leaf = at(element, *path)
    if leaf is None:
        parent = at(element, *path[:-1])
        assert parent is not None
        leaf = ElementTree.SubElement(parent, parent.tag.replace(name(parent), path[-1]))
    leaf.text = str(value)


def _channel(radio: Element, request: Element) -> None:
    _set(radio, text(request, "chan"), "phy-ht-cfg", "cfg-data", "curr-freq")
    _set(radio, "customized", "phy-ht-cfg", "cfg-data", "phy-ht-cfg-config-type")


def _width(radio: Element, request: Element) -> None:
    label = text(request, "chan-width") or ""
    mhz = label.removeprefix("chan-width-").removesuffix("mhz")
    _set(radio, mhz, "phy-ht-cfg", "cfg-data", "chan-width")


def _level(radio: Element, request: Element) -> None:
    level = text(request, "tx-power-level")
    entry = list(children(radio, "radio-band-info"))[-1]
    _set(entry, level, "phy-tx-pwr-cfg", "cfg-data", "current-tx-power-level")
    dbm = text(entry, "phy-tx-pwr-lvl-cfg", "cfg-data", f"tx-power-level-{level}")
    _set(entry, dbm, "phy-tx-pwr-lvl-cfg", "cfg-data", "curr-tx-power-in-dbm")


def _static_power(radio: Element, request: Element) -> None:
    entry = list(children(radio, "radio-band-info"))[-1]
    _set(entry, text(request, "mode"), "phy-tx-pwr-cfg", "cfg-data", "phy-tx-power-config-type")


def _admin(radio: Element, request: Element) -> None:
    up = text(request, "mode") == "admin-state-enabled"
    _set(radio, "enabled" if up else "disabled", "admin-state")
    _set(radio, "radio-up" if up else "radio-down", "oper-state")


_COMMANDS = {
    "set-ap-slot-phy-ht-chan": _channel,
    "set-slot-chan-width-label": _width,
    "set-ap-slot-tx-power-level": _level,
    "set-ap-slot-tx-power-customize": _static_power,
    "set-ap-slot-admin-state": _admin,
}


@contextmanager
def c9800() -> Iterator[Controller]:
    controller = Controller()
    try:
        yield controller
    finally:
        controller.close()
