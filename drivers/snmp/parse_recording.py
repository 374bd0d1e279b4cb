"""What somebody recorded of a device: a `.snmprec` file, or what `snmpwalk -On` printed. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from drivers.errors import Garbage
from drivers.notifications import Oid, Value

_REC: Final = re.compile(r"^\.?(\d+(?:\.\d+)*)\|(\d+)([a-z]?)(?::[^|]*)?\|(.*)$", re.S | re.ASCII)
_WALK: Final = re.compile(r"^(?:\.?([0-2](?:\.\d+)+)|\.?iso((?:\.\d+)+)) = ?(.*)$", re.ASCII)
_NAMED: Final = re.compile(r"^[A-Za-z][A-Za-z0-9-]*::\S+ = ")
_TYPED: Final = re.compile(r"^\.?(?:iso|\d)[.\d]* = [A-Za-z][A-Za-z0-9 -]*: ")
_QUICK: Final = re.compile(r"^\.?(?:iso|[0-2])(?:\.\d+){2,} (?!=)")
_ABSENT: Final = re.compile(r"^(No Such (Object|Instance)|No more variables|NULL$)")
_ENUM: Final = re.compile(r"^\S*\((-?\d+)\)", re.ASCII)
_NUMBER: Final = re.compile(r"^(-?\d+)\b", re.ASCII)
_WHOLE: Final = re.compile(r"\s*-?\d+\s*", re.ASCII)
_COMPLAINT: Final = re.compile(r"^Wrong Type \(should be [^)]*\): ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """``values`` in the order of the file; ``skipped``: lines that are none of a walk."""

    values: Mapping[Oid, Value]
    skipped: int = 0


def parse(text: str) -> Recording:
    """Either kind. Raises Garbage with the line's number."""
    lines = text.removeprefix("\ufeff").split("\n")
    recorded = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    return _snmprec(lines) if _REC.match(recorded) else _walked(lines)


def _snmprec(lines: list[str]) -> Recording:
    values: dict[Oid, Value] = {}
    for number, line in enumerate(lines, start=1):
        line = line.rstrip("\r")
        if not line.strip() or line.startswith("#"):
            continue
        found = _REC.match(line)
        if found is None:
            raise Garbage(f"line {number}: OID|type|value expected, got {line[:60]!r}")
        oid, tag, form, raw = found.groups()
        try:
            value = _recorded(int(tag), form, raw)
        except ValueError as error:
            raise Garbage(f"line {number}: {raw[:40]!r} is no value of type {tag}{form}") from error
        if value is not None:
            values[oid] = value
    return Recording(values=values)


def _recorded(tag: int, form: str, raw: str) -> Value | None:
    """By the tag of RFC 1902; None: the device had nothing there."""
    if tag in (2, 65, 66, 67, 70, 71):
        return _whole(raw)
    if tag in (5, 128, 129, 130):
        return None
    octets = bytes.fromhex(raw) if form == "x" else _octets(raw)
    if tag == 6:
        return _oid(raw)
    if tag == 64:
        return ".".join(map(str, octets)) if form == "x" else _address(raw)
    if tag in (4, 68):
        return octets
    raise ValueError(f"type {tag}")


def _whole(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError(text)
    return int(text)


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _oid(text: str) -> str:
    if not re.fullmatch(r"\.?\d+(\.\d+)*", text := text.strip(), re.ASCII):
        raise ValueError(text)
    return text.removeprefix(".")


def _address(text: str) -> str:
    shape = re.fullmatch(r"\d{1,3}(\.\d{1,3}){3}", text := text.strip(), re.ASCII)
    if shape is None or max(map(int, text.split("."))) > 255:
        raise ValueError(text)
    return text


def _walked(lines: list[str]) -> Recording:
    values: dict[Oid, Value] = {}
    skipped = 0
    for number, oid, told in _entries(lines):
        if oid is None:
            if _NAMED.match(told):
                raise Garbage(f"line {number}: names instead of numbers: walk with `snmpwalk -On`")
            skipped += 1
        elif not _ABSENT.match(told):
            try:
                values[oid] = _printed(told)
            except ValueError as error:
                why = _flag(lines, told) or f"can't read {told[:60]!r}"
                raise Garbage(f"line {number}: {oid}: {why}") from error
    if not values and any(_QUICK.match(line) for line in lines):
        raise Garbage("line 1: no types: walk with `snmpwalk -On`, without q")
    if not values:
        raise Garbage("line 1: neither OID|type|value nor the output of `snmpwalk -On`")
    return Recording(values=values, skipped=skipped)


def _flag(lines: list[str], told: str) -> str | None:
    """What is wrong with how it was walked: which flag is to be dropped."""
    if not any(_TYPED.match(line) for line in lines):
        return "no types: walk with `snmpwalk -On`, without Q"
    if told.strip().isdecimal():
        return "a number without a type: walk with `snmpwalk -On`, without t"
    return None


def _entries(lines: list[str]) -> Iterator[tuple[int, Oid | None, str]]:
    """Line, OID and what is printed of it, wrapped lines joined; OID None: a line of something else."""
    open_: tuple[int, Oid, str] | None = None
    for number, line in enumerate(lines, start=1):
        line = line.rstrip("\r")
        if (found := _WALK.match(line)) is not None:
            if open_ is not None:
                yield open_
            open_ = (number, found[1] or f"1{found[2]}", found[3])
        elif open_ is not None and _goes_on(open_[2], line):
            open_ = (open_[0], open_[1], f"{open_[2]}\n{line}")
        elif line.strip():
            yield number, None, line
    if open_ is not None:
        yield open_


def _goes_on(told: str, line: str) -> bool:
    """True for the rest of a hex dump or of a text whose quote is still open."""
    if told.startswith(("Hex-STRING:", "BITS:")):
        return re.fullmatch(r"([0-9A-Fa-f]{2} ?)+\s*", line) is not None
    return told.startswith(('STRING: "', '"')) and not _closed(told)


def _closed(told: str) -> bool:
    body = told.removeprefix("STRING: ")
    plain = re.sub(r"\\.", "", body[1:], flags=re.S)
    return plain.rstrip().endswith('"')


def _printed(told: str) -> Value:
    told = _COMPLAINT.sub("", told)
    kind, colon, rest = told.partition(":")
    reader = _PRINTED.get(kind) if colon else None
    if reader is not None:
        return reader(rest.strip(" ") if kind == "STRING" else rest.strip())
    return _quoted(told)


def _quoted(told: str) -> bytes:
    told = told.rstrip("\n")
    if len(told) < 2 or not (told.startswith('"') and told.endswith('"')):
        raise ValueError(told)
    return _string(told)


def _string(told: str) -> bytes:
    """Unquoted where a display hint has formatted it (0:1a:2b:...)."""
    if len(told) >= 2 and told.startswith('"') and told.endswith('"'):
        told = re.sub(r"\\(.)", r"\1", told[1:-1], flags=re.S)
    return _octets(told)


def _hex(told: str) -> bytes:
    return bytes.fromhex(re.match(r"[0-9A-Fa-f\s]*", told)[0])  # type: ignore[index]  # matches always


def _int(told: str) -> int:
    """``up(1)``, ``5``, ``5 dBm``."""
    found = _ENUM.match(told) or _NUMBER.match(told)
    if found is None:
        raise ValueError(told)
    return int(found[1])


def _network_address(told: str) -> str:
    return _address(".".join(str(int(each, 16)) for each in told.split(":")))


_PRINTED: Final[Mapping[str, Callable[[str], Value]]] = {
    "STRING": _string,
    "Hex-STRING": _hex,
    "BITS": _hex,
    "INTEGER": _int,
    "Integer32": _int,
    "UInteger32": _int,
    "Unsigned32": _int,
    "Gauge32": _int,
    "Counter32": _int,
    "Counter64": _int,
    "Timeticks": _int,
    "OID": _oid,
    "IpAddress": _address,
    "Network Address": _network_address,
    "Opaque": _octets,
}
