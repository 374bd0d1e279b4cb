"""What is found wrong with one site file, in the reader's terms, until all of it can be said at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from inventory.scalars import EXPECTED, ID, ID_EXPECTED
from inventory.schema import Words
from inventory.site_error import ERRORS_MOST, SiteError, SiteErrors, Steps, dotted
from inventory.yaml_text import Node, plain, shown

Kind = TypeVar("Kind", bound=Words)

_PHRASES: Final = MappingProxyType(
    {
        "list_type": "a list",
        "dict_type": "a mapping",
        "model_type": "a mapping",
        "too_short": "{min_length} values",
        "too_long": "{max_length} values",
    }
)


@dataclass(slots=True)
class Findings:
    """Errors of one file. The same words about the same place count once: a group brings one place to
    many APs."""

    file: str
    errors: list[SiteError] = field(default_factory=list)
    _seen: set[tuple[int, int, str]] = field(default_factory=set)

    def add(self, node: Node, steps: Steps, expected: str, got: str | None = None) -> None:
        """``got`` None: the node's own value. Raises SiteErrors when there are as many as anybody reads."""
        if (place := (node.line, node.column, expected)) in self._seen:
            return
        self._seen.add(place)
        value = shown(node.value) if got is None else got
        self.errors.append(SiteError(self.file, node.line, dotted(steps), expected, value))
        if len(self.errors) >= ERRORS_MOST:
            raise SiteErrors(self.errors)

    def done(self) -> None:
        """Raises SiteErrors when there is anything."""
        if self.errors:
            raise SiteErrors(self.errors)

    def read(self, kind: type[Kind], node: Node, steps: Steps, *, partial: bool = False) -> Kind | None:
        """The mapping, typed; None after saying what is wrong. ``partial``: keys may be missing."""
        try:
            return kind.model_validate(plain(node))
        except ValidationError as error:
            self._explain(error, node, steps, tuple(kind.model_fields), partial=partial)
            return None

    def refusal(self, error: ValueError, node: Node, steps: Steps, who: str) -> None:
        """A driver's refusal of its options; a pydantic model's is told item by item."""
        if isinstance(error, ValidationError):
            self._explain(error, node, steps, (), partial=False)
        else:
            self.add(node, steps, f"options that {who} accepts", f"others ({_one_line(error)})")

    def _explain(
        self, error: ValidationError, node: Node, steps: Steps, keys: tuple[str, ...], *, partial: bool
    ) -> None:
        for detail in error.errors(include_url=False, include_input=False):
            kind, context = detail["type"], detail.get("ctx", {})
            below: Steps = tuple(step for step in detail["loc"] if step != "[key]")
            if kind == "missing":
                if not partial:
                    self.add(node.at(below), (*steps, *below), f"the key {below[-1]}", "nothing")
            elif kind == "extra_forbidden":
                self.add(node.at(below), (*steps, *below), _known(keys, str(below[-1])), "an unknown key")
            else:
                hidden = "*** (not shown)" if context.get("hidden") else None
                self.add(node.at(below), (*steps, *below), _expected(detail), hidden)

    def entries(self, node: Node | None, steps: Steps) -> Iterator[tuple[str, Node]]:
        """Key and value of a mapping whose keys are ids, none for None; says which are no ids."""
        if node is None:
            return
        if node.value is not None and not isinstance(node.value, Mapping):
            self.add(node, steps, "a mapping")
        for key, child in node.mapping.items():
            if ID.fullmatch(key):
                yield key, child
            else:
                self.add(child, (*steps, key), f"an id ({ID_EXPECTED})", shown(key))


def _expected(detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    if detail["type"] == EXPECTED:
        return str(context["expected"])
    if phrase := _PHRASES.get(detail["type"]):
        return phrase.format_map(context)
    return detail["msg"]


def _known(keys: tuple[str, ...], key: str) -> str:
    if near := get_close_matches(key, keys, 1):
        return f"a known key (did you mean {near[0]}?)"
    return f"one of {', '.join(keys)}" if keys else "a known key"


def _one_line(error: ValueError) -> str:
    return " ".join(str(error).split())[:300]
