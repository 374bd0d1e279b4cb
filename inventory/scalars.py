"""Rules that type a scalar of the site file. Each says in one phrase what it expects, unit and range.

Every scalar comes as text (see yaml_text). A rule's error carries that phrase, never the text itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final, TypeVar

from pydantic import AfterValidator, PlainValidator
from pydantic_core import PydanticCustomError

Number = TypeVar("Number", int, float)

EXPECTED: Final = "rrmd_expected"
"""Type of a rule's error; its context holds ``expected``, and ``hidden`` where the text may be a secret."""

ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
ID_EXPECTED: Final = "1 to 32 of a-z, 0-9, - starting with a letter or digit"

_WHOLE: Final = re.compile(r"[+-]?(0|[1-9][0-9]{0,14})")
_DECIMAL: Final = re.compile(r"[+-]?(0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?")
_SPAN: Final = re.compile(r"([0-2][0-9]):([0-5][0-9])-([0-2][0-9]):([0-5][0-9])")


def refused(expected: str, *, hidden: bool = False) -> PydanticCustomError:
    """The error of a rule. ``hidden``: what was got is never shown."""
    return PydanticCustomError(EXPECTED, "expected {expected}", {"expected": expected, "hidden": hidden})


def rule(expected: str, read: Callable[[str], Any], *, hidden: bool = False) -> PlainValidator:
    """A rule of its own: ``read`` types the text and raises ValueError where it does not fit."""

    def check(value: object) -> Any:
        try:
            if isinstance(value, str):
                return read(value)
        except (ValueError, KeyError):
            pass
        raise refused(expected, hidden=hidden)

    return PlainValidator(check)


def check(expected: str, holds: Callable[[Any], bool]) -> AfterValidator:
    """A rule for a value that is typed already."""

    def checked(value: Any) -> Any:
        if not holds(value):
            raise refused(expected)
        return value

    return AfterValidator(checked)


def whole(low: int, high: int, unit: str = "") -> PlainValidator:
    """A whole number. 036 is refused: to one YAML tool it is 36, to the next 30."""

    def read(text: str) -> int:
        return _within(int(_matched(_WHOLE, text)), low, high)

    return rule(f"a whole number {low}..{high} {unit}".rstrip(), read)


def number(low: float, high: float, unit: str = "") -> PlainValidator:
    """A decimal number; no exponent, infinity or NaN."""

    def read(text: str) -> float:
        return _within(float(_matched(_DECIMAL, text)), low, high)

    return rule(f"a number {low:g}..{high:g} {unit}".rstrip(), read)


def word(expected: str, pattern: str, *, hidden: bool = False) -> PlainValidator:
    """Text that matches as a whole."""
    compiled = re.compile(pattern)
    return rule(expected, lambda text: _matched(compiled, text), hidden=hidden)


def one_of(kind: type[StrEnum]) -> PlainValidator:
    return rule(f"one of {', '.join(kind)}", kind)


def flag() -> PlainValidator:
    return rule("true or false", {"true": True, "false": False}.__getitem__)


def span(text: str) -> tuple[int, int]:
    """``22:00-05:00`` -> minutes of the day, [from, to); from > to crosses midnight."""
    parts = [int(part) for part in re.split("[:-]", _matched(_SPAN, text))]
    start, end = parts[0] * 60 + parts[1], parts[2] * 60 + parts[3]
    if start >= 1440 or end > 1440 or start == end:
        raise ValueError(text)
    return start, end


def _matched(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(text)
    return text


def _within(value: Number, low: float, high: float) -> Number:
    if not low <= value <= high:
        raise ValueError(value)
    return value
