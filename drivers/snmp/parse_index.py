"""The index of a row: from the numbers behind the column, and back. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final

PartValue = int | str
Shape = tuple[tuple[str, str], ...]
"""Name and kind of each part, in order."""


class NoSuchShape(ValueError):
    """These numbers are no index of this shape: the row is none of this table's."""


@lru_cache(maxsize=65536)  # the same rows answer every poll
def parts(shape: Shape, suffix: str) -> Mapping[str, PartValue]:
    """Values of the parts by name; a MAC as text, lower case with colons. Raises NoSuchShape."""
    try:
        numbers = [int(each) for each in suffix.split(".")]
    except ValueError:
        raise NoSuchShape(suffix) from None
    values: dict[str, PartValue] = {}
    for name, kind in _resolved(shape, len(numbers)):
        values[name], used = _READ[kind](numbers)
        numbers = numbers[used:]
    if numbers:
        raise NoSuchShape(suffix)
    return values


def suffix_of(shape: Shape, values: Mapping[str, PartValue]) -> str:
    """The numbers of a row, or of the beginning of one: as far as its parts are known."""
    known: list[str] = []
    for name, kind in shape:
        if name not in values or kind == "any_mac":
            break
        known.append(_WRITE[kind](values[name]))
    return ".".join(known)


def _resolved(shape: Shape, count: int) -> Shape:
    """With each any_mac as what it is: one number more than the parts have says that MACs are counted."""
    if not any(kind == "any_mac" for _, kind in shape):
        return shape
    counted = count > sum(_FIXED.get(kind, 0) for _, kind in shape)
    return tuple((name, _as_mac(counted) if kind == "any_mac" else kind) for name, kind in shape)


def _as_mac(counted: bool) -> str:
    return "counted_mac" if counted else "mac"


def _number(numbers: Sequence[int]) -> tuple[PartValue, int]:
    if not numbers:
        raise NoSuchShape("too short")
    return numbers[0], 1


def _octets(numbers: Sequence[int], count: int) -> bytes:
    if len(numbers) < count:
        raise NoSuchShape("too short")
    try:
        return bytes(numbers[:count])
    except ValueError:
        raise NoSuchShape("no octets") from None


def _mac(numbers: Sequence[int]) -> tuple[PartValue, int]:
    return _octets(numbers, 6).hex(":"), 6


def _counted_mac(numbers: Sequence[int]) -> tuple[PartValue, int]:
    if numbers[:1] != [6]:
        raise NoSuchShape("no counted MAC")
    return _octets(numbers[1:], 6).hex(":"), 7


def _text(numbers: Sequence[int]) -> tuple[PartValue, int]:
    return _octets(numbers, len(numbers)).decode("utf-8", "replace"), len(numbers)


def _counted_text(numbers: Sequence[int]) -> tuple[PartValue, int]:
    if not numbers:
        raise NoSuchShape("too short")
    return _octets(numbers[1:], numbers[0]).decode("utf-8", "replace"), numbers[0] + 1


def _ip(numbers: Sequence[int]) -> tuple[PartValue, int]:
    return ".".join(map(str, _octets(numbers, 4))), 4


def _rest(numbers: Sequence[int]) -> tuple[PartValue, int]:
    return ".".join(map(str, numbers)), len(numbers)


def _dotted(octets: bytes) -> str:
    return ".".join(map(str, octets))


def _mac_octets(value: PartValue) -> bytes:
    return bytes.fromhex(str(value).replace(":", ""))


def _counted(octets: bytes) -> str:
    return _dotted(bytes((len(octets), *octets)))


_FIXED: Final[Mapping[str, int]] = {"int": 1, "mac": 6, "any_mac": 6, "counted_mac": 7, "ip": 4}
_READ: Final[Mapping[str, Callable[[Sequence[int]], tuple[PartValue, int]]]] = {
    "int": _number,
    "mac": _mac,
    "counted_mac": _counted_mac,
    "text": _text,
    "counted_text": _counted_text,
    "ip": _ip,
    "rest": _rest,
}
_WRITE: Final[Mapping[str, Callable[[PartValue], str]]] = {
    "int": str,
    "mac": lambda value: _dotted(_mac_octets(value)),
    "counted_mac": lambda value: _counted(_mac_octets(value)),
    "text": lambda value: _dotted(str(value).encode()),
    "counted_text": lambda value: _counted(str(value).encode()),
    "ip": str,
    "rest": str,
}
