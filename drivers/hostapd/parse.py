"""What `hostapd_cli status`, `iw dev` and `iw reg get` say, and the survey and station dumps.

Pure. A field that is not there is None; text that makes no sense raises Garbage and nothing else.
Formats: hostapd 2.10 `src/ap/ctrl_iface_ap.c`, iw 5.19 and 6.9, all from recordings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from drivers.errors import Garbage
from drivers.types import ClientReading, SurveyReading

MAC: Final = r"[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}"
_MHZ: Final = (2400, 7200)
_MOST: Final = 2**64 - 1
_WIDTHS_MHZ: Final = (20, 40, 80, 160, 320)
_MAX_MS: Final = 2**53  # 285,000 years: some drivers report 1.4e19 ms of receiving
_ESCAPE: Final = re.compile(rb"\\(x([0-9a-fA-F]{2})|.)")
_LETTERS: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"e": b"\x1b"}
_CHANNEL: Final = re.compile(
    r"channel (\d{1,4}) \((\d{4,5})(?:\.\d+)? MHz\)(?:, width: (\d{1,3}) MHz)?(?:.*center1: (\d{4,5}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Answer of one command of several that were sent as one."""

    status: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """One interface of `iw dev`. ``frequency_mhz`` None: it is on no channel; ``ssid`` None: it does not
    beacon, or is connected nowhere."""

    name: str
    phy: int | None = None
    mac: str | None = None
    kind: str | None = None
    ssid: str | None = None
    frequency_mhz: int | None = None
    width_mhz: int | None = None
    center_mhz: int | None = None
    tx_power_dbm: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """`hostapd_cli status`: what hostapd believes, which is not always what is on air."""

    state: str
    frequency_mhz: int | None = None
    secondary: int | None = None  # +1, -1, 0
    chwidth: int | None = None  # 0: 20 or 40 MHz, 1: 80, 2: 160, 3: 80+80, 9: 320
    center_channel: int | None = None
    cac_left_s: float | None = None
    ht: bool = False
    vht: bool = False
    he: bool = False
    eht: bool = False
    bssids: Mapping[str, str]  # interface -> BSSID
    ssids: Mapping[str, str]

    @property
    def width_mhz(self) -> int | None:
        if not self.chwidth:
            return None if self.secondary is None else 40 if self.secondary else 20
        return {1: 80, 2: 160, 3: 80, 9: 320}.get(self.chwidth)


def sections(text: str, mark: str) -> dict[str, Section]:
    """Answers by name. What comes before the first mark (a banner) is left out; one without an end too."""
    found: dict[str, Section] = {}
    name, start = None, 0
    for each in re.finditer(rf"^{mark}(?: (\S+)|= (\d{{1,3}}))$", text, re.M | re.ASCII):
        if each[1] is not None:
            name, start = each[1], each.end() + 1
        elif name is not None:
            found[name] = Section(status=int(each[2]), text=text[start : each.start()].removesuffix("\n"))
            name = None
    return found


def status(text: str) -> Status:
    values = dict(re.findall(r"^([\w\[\]]+)=(.*)$", text, re.M))
    if not re.fullmatch(r"[A-Z_]{2,32}", values.get("state", "")):
        raise Garbage(f"hostapd_cli status without a state: {text[:80]!r}")
    names = {key[3:]: value for key, value in values.items() if key.startswith("bss[")}
    named = {name: ssid(values.get(f"ssid{at}", "")) for at, name in names.items()}
    width = _first(values, "eht_oper_chwidth", "he_oper_chwidth", "vht_oper_chwidth")
    prefix = width[0].removesuffix("chwidth") if width else ""
    return Status(
        state=values["state"],
        frequency_mhz=within(values.get("freq"), *_MHZ),
        secondary=within(values.get("secondary_channel"), -1, 1),
        chwidth=within(width[1], 0, 9) if width else None,
        center_channel=within(values.get(f"{prefix}centr_freq_seg0_idx"), 1, 233),
        cac_left_s=within(values.get("cac_time_left_seconds"), 0, 86_400),
        ht=values.get("ieee80211n") == "1",
        vht=values.get("ieee80211ac") == "1",
        he=values.get("ieee80211ax") == "1",
        eht=values.get("ieee80211be") == "1",
        bssids={name: values[f"bssid{at}"] for at, name in names.items() if f"bssid{at}" in values},
        ssids={name: text for name, text in named.items() if text is not None},
    )


def ssid(escaped: str) -> str | None:
    """A network's name from what iw or hostapd print of it: both write \\xNN for what is no plain ASCII,
    hostapd also \\\\ and C's letters. None: hidden (empty, or zeroes). What is no UTF-8 stays escaped."""
    name = _ESCAPE.sub(_octet, escaped.encode())
    return name.decode(errors="backslashreplace") if name.strip(b"\0") else None


def _octet(escape: re.Match[bytes]) -> bytes:
    if escape[2]:
        return bytes.fromhex(escape[2].decode())
    return _LETTERS.get(escape[1], escape[1])


def _first(values: Mapping[str, str], *names: str) -> tuple[str, str] | None:
    """The first of these keys whose value is more than 0; else the first that is there."""
    there = [(name, values[name]) for name in names if name in values]
    return next((each for each in there if number(each[1])), there[0] if there else None)


def interfaces(text: str) -> tuple[Interface, ...]:
    """All interfaces of `iw dev`, or the one of `iw dev X info`."""
    if text.strip() and not re.search(r"^(phy#\d+|Interface \S+)$", text, re.M | re.ASCII):
        raise Garbage(f"iw dev without a phy: {text[:80]!r}")
    return tuple(_interface(phy, name, body) for phy, name, body in _interface_blocks(text))


def _interface_blocks(text: str) -> Iterator[tuple[int | None, str, str]]:
    phy = None
    for part in re.split(r"^(?=phy#|[ \t]*Interface )", text, flags=re.M):
        head, _, body = part.partition("\n")
        if found := re.match(r"phy#(\d{1,6})$", head, re.ASCII):
            phy = int(found[1])
        elif found := re.match(r"\s*Interface (\S+)$", head):
            yield phy, found[1], body


def _interface(phy: int | None, name: str, body: str) -> Interface:
    lines = {line.split(" ", 1)[0]: line for line in reversed(body.replace("\t", "").splitlines())}
    channel = _CHANNEL.match(lines.get("channel", ""))
    power = re.match(r"txpower (-?\d{1,3}(?:\.\d+)?) dBm", lines.get("txpower", ""), re.ASCII)
    primary = within(channel[2], *_MHZ) if channel else None
    return Interface(
        name=name,
        phy=number(_rest(lines, "wiphy")) if phy is None else phy,
        mac=mac_of(_rest(lines, "addr")),
        kind=_rest(lines, "type"),
        ssid=_rest(lines, "ssid"),
        frequency_mhz=primary,
        width_mhz=width_of(channel[3]) if channel and primary else None,
        center_mhz=(within(channel[4], *_MHZ) or primary) if channel and primary else None,
        tx_power_dbm=power_of(power[1]) if power else None,
    )


def _rest(lines: Mapping[str, str], word: str) -> str | None:
    return lines[word].partition(" ")[2] or None if word in lines else None


def countries(text: str) -> dict[int | None, str]:
    """Country per phy that manages its own rules, and under None the one of all others (`iw reg get`)."""
    found = re.findall(r"^(global|phy#(\d{1,6})).*\ncountry (\w\w):", text, re.M | re.ASCII)
    if text.strip() and not found:
        raise Garbage(f"iw reg get without a country: {text[:80]!r}")
    return {int(phy) if phy else None: country for _, phy, country in found}


def survey(text: str) -> tuple[SurveyReading, ...]:
    """Air time per channel; of a channel that is listed twice, the one in use or counting longer."""
    found: dict[int, SurveyReading] = {}
    for body in _parts(text, "Survey data from ", "iw survey dump"):
        if (reading := _surveyed(body)) and _better(reading, found.get(reading.frequency_mhz)):
            found[reading.frequency_mhz] = reading
    return tuple(found.values())


def _better(new: SurveyReading, old: SurveyReading | None) -> bool:
    return old is None or (new.in_use, new.active_ms or 0) > (old.in_use, old.active_ms or 0)


def _surveyed(body: str) -> SurveyReading | None:
    values = _fields(body)
    frequency = within(values.get("frequency"), *_MHZ)
    if frequency is None:
        return None
    active = within(values.get("channel active time"), 0, _MAX_MS)
    most = _MAX_MS if active is None else active  # a part that is longer than the whole is garbage
    return SurveyReading(
        frequency_mhz=frequency,
        in_use="[in use]" in values["frequency"],
        noise_dbm=within(values.get("noise"), -120, -30),  # 0 dBm of noise is no measurement
        active_ms=active,
        busy_ms=within(values.get("channel busy time"), 0, most),
        rx_ms=within(values.get("channel receive time"), 0, most),
        tx_ms=within(values.get("channel transmit time"), 0, most),
    )


def stations(text: str) -> tuple[ClientReading, ...]:
    """Clients of one interface (`iw dev X station dump`); counters run from the association."""
    return tuple(
        each for body in _parts(text, "Station ", "iw station dump") if (each := _station(body)) is not None
    )


def _station(body: str) -> ClientReading | None:
    mac = re.match(MAC, body)
    if mac is None:
        return None
    values = _fields(body)
    return ClientReading(
        mac=mac[0].lower(),
        signal_dbm=within(values.get("signal"), -120, -1),
        tx_frames=within(values.get("tx packets"), 0, _MOST),
        tx_retries=within(values.get("tx retries"), 0, _MOST),
        tx_failed=within(values.get("tx failed"), 0, _MOST),
        tx_bytes=within(values.get("tx bytes"), 0, _MOST),
        connected_s=within(values.get("connected time"), 0, 2**32),
    )


def _parts(text: str, head: str, what: str) -> list[str]:
    first, *parts = re.split(rf"^{head}", text, flags=re.M)
    if first.strip():
        raise Garbage(f"{what} begins with {first.strip()[:80]!r}")
    return parts


def _fields(body: str) -> dict[str, str]:
    return {name: value.strip() for name, value in re.findall(r"^[ \t]+(\w[\w /]*):(.*)$", body, re.M)}


def number(text: str | None) -> int | None:
    """The integer that a text begins with; None when there is none, or one that no counter can reach."""
    found = re.match(r"\s*(-?\d{1,20})(?!\d)", text or "", re.ASCII)
    value = int(found[1]) if found else None
    return value if value is not None and abs(value) < 2**64 else None


def within(text: str | None, least: int, most: int) -> int | None:
    """What `number` says, where it is one that there can be."""
    value = number(text)
    return value if value is not None and least <= value <= most else None


def width_of(text: str | None) -> int | None:
    """MHz of a block; None: not told, or no width that a block has."""
    value = number(text)
    return value if value in _WIDTHS_MHZ else None


def power_of(text: str) -> float | None:
    """dBm that a radio can be set to, of digits alone; else None."""
    value = float(text)
    return value if -30 <= value <= 60 else None


def mac_of(text: str | None) -> str | None:
    """The address, if it is one."""
    return text if text is not None and re.fullmatch(MAC, text) else None
