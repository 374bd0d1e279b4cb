"""What the device says -> what we mean by it, by the rules of a source. Pure."""

from __future__ import annotations

import math
import re
from functools import lru_cache

from drivers.errors import Garbage
from drivers.notifications import Value
from drivers.snmp.source import Source
from inventory.channels import channel_of

Result = int | float | str

_MAC = re.compile(
    r"^[0-9a-fA-F]{1,2}([:-][0-9a-fA-F]{1,2}){5}$|^[0-9a-fA-F]{12}$|^([0-9a-fA-F]{4}[.:]){2}[0-9a-fA-F]{4}$"
)


@lru_cache(maxsize=65536)  # most values of a poll are those of the poll before
def converted(source: Source, raw: Value) -> Result | None:
    """The value in our units; None: not reported, by the rules of this source. Raises Garbage where it is out
    of range, or can't be read."""
    if source.only is not None and (source.only == "integer") is not isinstance(raw, int):
        return None
    value = _decoded(source, raw)
    if value is None or value in source.none:
        return None
    value = _picked(source, value)
    if value is None:
        return None
    if isinstance(value, int):
        value = _bits(source, value)
    if source.map is not None:
        value = _mapped(source, value)
    if isinstance(value, int | float):
        value = _scaled(source, value)
    return value


def _decoded(source: Source, raw: Value) -> Result | None:
    """Octets are text unless the source says otherwise; an empty text is no value."""
    if source.as_ == "mac":
        return _beyond(mac_of(raw), int(source.plus))
    if not isinstance(raw, bytes):
        return raw
    if source.as_ == "hex":
        return raw.hex()
    return _text(raw) or None


def _beyond(mac: str, by: int) -> str:
    """The address so many after this one: of APs that give their radios' BSSIDs from a base address on."""
    if not by:
        return mac
    return ((int(mac.replace(":", ""), 16) + by) % 2**48).to_bytes(6).hex(":")


@lru_cache(maxsize=8192)
def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode("utf-8", "replace").strip()


def number(value: Result | None) -> float | None:
    """Raises Garbage for a text."""
    if isinstance(value, str):
        raise Garbage(f"{value[:40]!r} is no number")
    return value


def within(value: Result | None, bounds: tuple[float, float], what: str) -> float | None:
    """The value, if anything can have it at all, whatever a profile lets through. Raises Garbage."""
    told = number(value)
    if told is not None and not bounds[0] <= told <= bounds[1]:
        raise Garbage(f"{told:g} is no {what}")
    return told


def mac_of(raw: Value) -> str:
    """Of 6 octets or of any way to write them; lower case with colons. Raises Garbage."""
    if isinstance(raw, bytes) and len(raw) == 6:
        return raw.hex(":")
    text = _text(raw) if isinstance(raw, bytes) else str(raw)
    if not _MAC.match(text):
        raise Garbage(f"{text[:40]!r} is no MAC address")
    pieces = re.split(r"[:-]", text)
    digits = "".join(piece.zfill(2) for piece in pieces) if len(pieces) == 6 else re.sub(r"[.:]", "", text)
    return bytes.fromhex(digits).hex(":")


def _picked(source: Source, value: Result) -> Result | None:
    """What the pattern picks out; digits are a number."""
    if source.pattern is not None:
        found = re.search(source.pattern, str(value))
        if found is None:
            return None
        value = found[1] or ""
    return value if source.as_ is not None or not isinstance(value, str) else _number_or_text(value)


@lru_cache(maxsize=8192)
def _number_or_text(text: str) -> Result:
    if re.fullmatch(r"[+-]?\d{1,20}", text):
        return int(text)
    if re.fullmatch(r"[+-]?\d{1,20}\.\d{1,20}", text):
        return float(text)
    return text


def _bits(source: Source, value: int) -> int:
    value >>= source.shift
    if source.mask is not None:
        value &= source.mask
    if source.signed is not None and value >= 1 << (source.signed - 1):
        value -= 1 << source.signed
    return value


def _mapped(source: Source, value: Result) -> Result | None:
    table = source.map or {}
    return table.get(value, table.get("*"))


def _scaled(source: Source, value: float) -> float | None:
    if source.times != 1.0 or source.plus != 0.0:
        value = value * source.times + source.plus
    if source.unit == "percent":
        value = value / 100
    elif source.unit == "mw":
        value = _dbm(value)
    elif source.unit == "mhz":
        return _channel(value)
    if source.range is not None and not source.range[0] <= value <= source.range[1]:
        raise Garbage(f"{value:g} is not within {source.range[0]:g} to {source.range[1]:g}")
    return value


def _dbm(milliwatts: float) -> float:
    if milliwatts <= 0:
        raise Garbage(f"{milliwatts:g} mW is no power")
    return 10 * math.log10(milliwatts)


def _channel(mhz: float) -> int | None:
    """None for a frequency between the channels: radios of links are set to such."""
    try:
        return channel_of(round(mhz))[1]
    except ValueError:
        return None
