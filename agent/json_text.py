"""A JSON object that is text already: who hands it on need not build and render it again. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any


class JsonText(Mapping[str, Any]):
    """Reads like the object that ``text`` says; it is parsed when somebody looks."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def _found(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.text)
        return found

    def __getitem__(self, name: str) -> Any:
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


def rendered(value: Mapping[str, Any]) -> str:
    """As text. Raises TypeError or ValueError for a value that JSON has no word for (NaN is one)."""
    if isinstance(value, JsonText):
        return value.text
    return json.dumps(dict(value), allow_nan=False, separators=(",", ":"))
