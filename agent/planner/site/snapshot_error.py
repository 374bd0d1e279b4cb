"""What is wrong with a snapshot: where in the JSON, what was expected, what was got. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from inventory.site_error import Steps, dotted
from inventory.yaml_text import shown

MOST: Final = 100
"""Nobody reads more."""

_PHRASES: Final = MappingProxyType(
    {
        "list_type": "a list",
        "dict_type": "an object",
        "model_type": "an object",
        "model_attributes_type": "an object",
        "string_type": "text",
        "int_type": "a whole number",
        "int_from_float": "a whole number",
        "float_type": "a number",
        "finite_number": "a finite number",
        "bool_type": "true or false",
        "too_short": "at least {min_length}",
        "too_long": "at most {max_length}",
        "string_too_short": "text of at least {min_length}",
        "string_too_long": "text of at most {max_length}",
        "string_pattern_mismatch": "text like {pattern}",
        "greater_than_equal": "at least {ge:g}",
        "less_than_equal": "at most {le:g}",
        "literal_error": "{expected}",
        "enum": "{expected}",
        "value_error": "an instant that there is, such as 2026-01-02T03:04:05Z",
    }
)


@dataclass(frozen=True, slots=True, order=True)
class SnapshotError:
    """One thing that a person must correct; as text one line. ``path`` is empty for the whole."""

    path: str
    expected: str
    got: str

    def __str__(self) -> str:
        text = f"{self.path or 'snapshot'}: expected {self.expected}, got {self.got}"
        return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


class SnapshotErrors(ValueError):
    """All that is wrong with one snapshot, the first `MOST`."""

    def __init__(self, errors: Iterable[SnapshotError]) -> None:
        self.errors = tuple(sorted(set(errors))[:MOST])
        super().__init__("\n".join(map(str, self.errors)))


def error_at(steps: Steps, expected: str, got: str) -> SnapshotError:
    return SnapshotError(dotted(steps), expected, got)


def explained(error: ValidationError, keys: Iterable[str]) -> Iterator[SnapshotError]:
    """What pydantic found, in the reader's terms. ``keys``: all that a snapshot knows."""
    known = sorted(set(keys))
    for detail in error.errors(include_url=False):
        steps: Steps = tuple(step for step in detail["loc"] if step != "[key]")
        if detail["type"] == "missing":
            yield error_at(steps, f"the key {steps[-1]}", "nothing")
        elif detail["type"] == "extra_forbidden":
            yield error_at(steps, _near(str(steps[-1]), known), "an unknown key")
        else:
            yield error_at(steps, _expected(detail), "nothing" if _empty(detail) else _got(detail["input"]))


def _near(key: str, known: list[str]) -> str:
    near = get_close_matches(key, known, 1)
    return f"a known key (did you mean {near[0]}?)" if near else "a known key"


def _expected(detail: ErrorDetails) -> str:
    phrase = _PHRASES.get(detail["type"])
    return phrase.format_map(detail.get("ctx", {})) if phrase else detail["msg"]


def _empty(detail: ErrorDetails) -> bool:
    return detail["type"] == "too_short" and not detail["input"]


def _got(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "an object" if isinstance(value, dict) else shown(value)
