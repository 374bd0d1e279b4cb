"""Malformed inputs, the same ones each time, and what must hold of a parser that is fed with them.

``RRMD_FUZZ`` is how many of them each parser gets; ``RRMD_FUZZ_SEED`` gives others.
"""

from __future__ import annotations

import gc
import json
import os
import random
import re
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, Final, Protocol, TypeVar

from drivers.errors import Garbage

T = TypeVar("T")
R = TypeVar("R")

TIMES: Final = int(os.environ.get("RRMD_FUZZ", "10000"))
SEED: Final = int(os.environ.get("RRMD_FUZZ_SEED", "7"))
SLOWEST_S: Final = 0.5  # of processor time, for one input; under tracemalloc too
TRACED: Final = 5  # of the inputs one in so many, the last ones: tracing takes three times as long
KEPT: Final = 64 * 1024  # bytes: 32 for each of 2,000; an input takes more, and the interpreter's caches half
NUMBERS: Final = (
    *("-1", "0", "255", "256", "65535", "4294967295", "4294967296", "18446744073709551615"),
    *("18446744073709551616", "-128", "-2147483648", "1e9", "1e999", "nan", "inf", "-0", "0x24", "٣٦", "1_0"),
    *("99999999999999999999999999", "9" * 5000, "", "3 6", "36.5", "177", "5180", "7200", "320"),
)
VALUES: Final[tuple[Any, ...]] = (
    *(None, True, False, "", "x" * 3000, [], {}, [[]], {"a": {}}, "5180", "\x00", "٣٦", "\ud800"),
    *(-1, 0, 1, 255, 256, 2**31, 2**32, 2**63, 2**64, -(2**63), 1e308, 1e999, -86, 0.5, 36, 5180, 320),
)
_NUMBER: Final = re.compile(r"\d+", re.ASCII)


class Cached(Protocol):
    """A function with `functools.lru_cache`: bounded, and no leak."""

    def cache_clear(self) -> None: ...


def feed(
    make: Callable[[random.Random], T],
    parse: Callable[[T], R],
    check: Callable[[T, R], object] = lambda given, told: None,
    *,
    refusals: type[Exception] | tuple[type[Exception], ...] = Garbage,
    caches: Sequence[Cached] = (),
    times: int = TIMES,
) -> int:
    """How many of the inputs were read. Nothing but ``refusals`` may be raised; ``check`` gets what was read;
    none may take long; and of the last fifth nothing may stay in memory."""
    dice, traced = random.Random(SEED), times // TRACED
    read = _fed(dice, times - traced, make, parse, check, refusals)
    _forget(caches)
    tracemalloc.start()
    try:
        read += _fed(dice, traced, make, parse, check, refusals)
        _forget(caches)
        kept, _ = tracemalloc.get_traced_memory()
        where = tracemalloc.take_snapshot().statistics("lineno")[:6] if kept >= KEPT else ()
    finally:
        tracemalloc.stop()
    assert kept < KEPT, f"{kept} bytes of {traced} inputs are still held, of {[*map(str, where)]}"
    return read


def _forget(caches: Sequence[Cached]) -> None:
    for each in caches:
        each.cache_clear()
    re.purge()
    gc.collect()


def _fed(
    dice: random.Random,
    times: int,
    make: Callable[[random.Random], T],
    parse: Callable[[T], R],
    check: Callable[[T, R], object],
    refusals: type[Exception] | tuple[type[Exception], ...],
) -> int:
    read = 0
    for _ in range(times):
        given = make(dice)
        start_s = time.thread_time()
        try:
            told = parse(given)
            check(given, told)
            read += 1
        except refusals:
            pass
        except BaseException as error:
            error.add_note(f"seed {SEED}, of {str(given)[:3000]!r}")
            raise
        assert time.thread_time() - start_s < SLOWEST_S, f"slow: {str(given)[:3000]!r}"
    return read


# -- mutations -------------------------------------------------------------------------------------------


def text_of(*originals: str) -> Callable[[random.Random], str]:
    """Texts of programs: one to three changes each, or now and then noise."""

    def make(dice: random.Random) -> str:
        if dice.random() < 0.02:
            return "".join(chr(dice.randrange(1, 0x3000)) for _ in range(dice.randrange(80)))
        text = dice.choice(originals)
        for _ in range(dice.randint(1, 3)):
            text = _changed(text, dice)
        return text

    return make


def _changed(text: str, dice: random.Random) -> str:
    kind = dice.randrange(8)
    if kind < 3:
        return _other_number(text, dice)
    if kind < 5:
        return _other_lines(text, dice)
    a, b = sorted(dice.randrange(len(text) + 1) for _ in range(2))
    b = min(b, a + dice.choice((1, 5, 60)))
    if kind == 5:
        return text[:a] + text[b:] if dice.random() < 0.7 else text[:a]
    if kind == 6:
        return text[:b] + text[a:]
    return text[:a] + chr(dice.choice((0, 9, 10, 13, 27, 58, 61, 0x663, dice.randrange(0x3000)))) + text[b:]


def _other_number(text: str, dice: random.Random) -> str:
    found = [each.span() for each in _NUMBER.finditer(text)]
    if not found:
        return text + dice.choice(NUMBERS)
    start, end = dice.choice(found)
    return text[:start] + dice.choice(NUMBERS) + text[end:]


def _other_lines(text: str, dice: random.Random) -> str:
    """One left out, doubled, or moved."""
    lines = text.split("\n")
    at, to = dice.randrange(len(lines)), dice.randrange(len(lines))
    kind = dice.randrange(3)
    moved = [] if kind == 1 else lines[at : at + 1]
    if kind == 2:
        return "\n".join([*lines[:to], *moved, *lines[to:]])
    rest = [*lines[:at], *lines[at + 1 :]]
    return "\n".join([*rest[:to], *moved, *rest[to:]])


def json_of(*originals: Any) -> Callable[[random.Random], Any]:
    """What JSON can hold: one to three leafs or branches replaced, dropped or doubled."""

    def make(dice: random.Random) -> Any:
        value = dice.choice(originals)
        for _ in range(dice.randint(1, 3)):
            value = twisted(value, dice)
        return value

    return make


def dict_of(*originals: Mapping[str, Any]) -> Callable[[random.Random], dict[str, Any]]:
    """The same, of which the outermost is an object still."""
    make = json_of(*originals)

    def made(dice: random.Random) -> dict[str, Any]:
        value = make(dice)
        return value if isinstance(value, dict) else {"results": value}

    return made


def twisted(value: Any, dice: random.Random) -> Any:
    if dice.random() < 0.15 or not isinstance(value, dict | list) or not value:
        return dice.choice(VALUES)
    if isinstance(value, list):
        at = dice.randrange(len(value))
        changed = [*value[:at], twisted(value[at], dice), *value[at + 1 :]]
        return value + value if dice.random() < 0.1 else changed
    key = dice.choice(list(value))
    if dice.random() < 0.1:
        return {name: each for name, each in value.items() if name != key}
    if dice.random() < 0.03:
        return {
            dice.choice(("", "x", "\ud800", "_", key + key)) if k == key else k: v for k, v in value.items()
        }
    return {**value, key: twisted(value[key], dice)}


def body_of(*originals: Any) -> Callable[[random.Random], bytes]:
    """JSON as octets, which are broken in places too."""
    make = json_of(*originals)

    def made(dice: random.Random) -> bytes:
        body = json.dumps(make(dice)).encode()
        return octets_of(body)(dice) if dice.random() < 0.3 else body

    return made


def octets_of(*originals: bytes) -> Callable[[random.Random], bytes]:
    """Datagrams: octets changed, cut, doubled or made longer; or nothing but noise."""

    def make(dice: random.Random) -> bytes:
        data = bytearray(dice.choice(originals))
        for _ in range(dice.randint(1, 4)):
            _broken(data, dice)
        return bytes(data) if data not in originals else make(dice)  # two changes may cancel each other

    return make


def _broken(data: bytearray, dice: random.Random) -> None:
    at, kind = dice.randrange(len(data) or 1), dice.randrange(16)
    if kind == 0:
        del data[at:]
    elif kind == 1:
        data[at : at + 1] = dice.randbytes(dice.randint(1, 8))
    elif kind == 2:
        data[at:at] = data[at : at + dice.randint(1, 40)]
    elif kind == 3:
        data += dice.randbytes(dice.randint(1, 200))
    elif kind == 4 and dice.random() < 0.3:
        data[:] = dice.randbytes(dice.randint(0, 300))
    elif kind < 8 and data:
        data[at] = dice.choice((0x00, 0x7F, 0x80, 0x84, 0xFF, 0x30, 0x82))
    elif data:
        data[at] ^= 1 << dice.randrange(8)


# -- what was read ---------------------------------------------------------------------------------------


def leafs(told: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """(name of the field, value) of all that a parser read; members of a collection bear its name."""
    if is_dataclass(told) and not isinstance(told, type):
        for each in fields(told):
            yield from leafs(getattr(told, each.name), each.name)
    elif isinstance(told, Mapping):
        for key, value in told.items():
            yield from leafs(key, f"{name}[]")
            yield from leafs(value, name)
    elif isinstance(told, list | tuple | frozenset | set):
        for each in told:
            yield from leafs(each, name)
    elif told is not None and not isinstance(told, Enum):
        yield name, told


def there(text: str, told: Any, *, derived: Mapping[str, Callable[[Any], bool]] | None = None) -> None:
    """Each number and each text that was read stands in what was given; those of the fields ``derived`` are
    made from it, and must be what is said there."""
    lower, numbers = text.lower(), {int(each) for each in _NUMBER.findall(text) if len(each) < 30}
    for name, value in leafs(told):
        rule = (derived or {}).get(name)
        if rule is not None:
            assert rule(value), f"{name} is {value!r}"
        elif isinstance(value, str):
            assert value.lower() in lower, f"{name} is {value!r}, which nobody said"
        elif not isinstance(value, bool) and isinstance(value, int | float):
            assert abs(int(value)) in numbers, f"{name} is {value!r}, which nobody said"


def between(least: float, most: float) -> Callable[[Any], bool]:
    return lambda value: least <= value <= most


def anything(value: object) -> bool:
    """Checked elsewhere, or free."""
    return True
