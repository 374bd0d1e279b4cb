"""YAML text -> nodes: text, mappings and lists that know their line. Scalars stay text.

Plain YAML would turn ``country: NO`` into False and 11:22:33 into 40953, so no scalar is typed here. Not
taken: tags, keys that are no text, a key twice, control characters, more than one document, aliases that
grow beyond `MAX_NODES` or contain themselves, nesting beyond `MAX_DEPTH`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import yaml

from inventory.site_error import ERRORS_MOST, SiteError, SiteErrors, Steps, dotted

MAX_BYTES: Final = 4 * 1024 * 1024
MAX_NODES: Final = 300_000
MAX_DEPTH: Final = 20

_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_TEXT_TAG: Final = "tag:yaml.org,2002:str"


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A value and where its key stands, or it itself in a list (line from 1, column from 0).

    None: null, or nothing written.
    """

    line: int
    column: int
    value: str | Mapping[str, Node] | tuple[Node, ...] | None

    @property
    def mapping(self) -> Mapping[str, Node]:
        """Entries; none when it is no mapping."""
        return self.value if isinstance(self.value, Mapping) else MappingProxyType({})

    def at(self, path: Steps) -> Node:
        """The node at a path below, or the last one on the way that exists."""
        if not path:
            return self
        step, rest = path[0], path[1:]
        if isinstance(self.value, Mapping) and step in self.value:
            return self.value[str(step)].at(rest)
        if isinstance(self.value, tuple) and isinstance(step, int) and step < len(self.value):
            return self.value[step].at(rest)
        return self


def plain(node: Node) -> Any:
    """The node's value as dict, list, text and None."""
    if isinstance(node.value, Mapping):
        return {key: plain(child) for key, child in node.value.items()}
    if isinstance(node.value, tuple):
        return [plain(child) for child in node.value]
    return node.value


def merge(base: Node, over: Node) -> Node:
    """``over`` laid on ``base``: mappings deep, lists and text replace, null unsets. Lines stay their own."""
    if not isinstance(base.value, Mapping) or not isinstance(over.value, Mapping):
        return over
    merged = dict(base.value)
    for key, child in over.value.items():
        merged[key] = merge(merged[key], child) if key in merged else child
    return without_nulls(Node(over.line, over.column, merged))


def without_nulls(node: Node) -> Node:
    """The node without the keys that have no value, at any depth."""
    if not isinstance(node.value, Mapping):
        return node
    kept = {key: without_nulls(child) for key, child in node.value.items() if child.value is not None}
    return Node(node.line, node.column, kept)


def shown(value: object) -> str:
    """A value as an error message quotes it: short, one line."""
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    text = str(value) if str(value).isprintable() and value != "" else ascii(str(value))
    return text if len(text) <= 60 else f"{text[:57]}..."


def parse(raw: bytes, file: str) -> Node:
    """The one document of a file. Raises SiteErrors with all that could be found out."""
    if len(raw) > MAX_BYTES:
        raise _failure(file, 1, f"at most {MAX_BYTES} bytes", "more")
    builder = _Builder(file)
    top = builder.node(_composed(_decoded(raw, file), file), (), (1, 0))
    if builder.errors:
        raise SiteErrors(builder.errors)
    return top


def _failure(file: str, line: int, expected: str, got: str) -> SiteErrors:
    return SiteErrors([SiteError(file, line, "", expected, got)])


def _decoded(raw: bytes, file: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _failure(file, line, "UTF-8", f"byte {raw[error.start]:#04x}") from None


def _composed(text: str, file: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _failure(file, mark.line + 1 if mark else 1, "YAML", _problem(error)) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _failure(file, line, "printable text", f"character {error.character:#04x}") from None
    except RecursionError:
        raise _failure(file, 1, f"at most {MAX_DEPTH} levels", "more") from None
    except (ValueError, OverflowError):  # an escape such as "\Uffffffff" ends in chr()
        raise _failure(file, 1, "YAML", "an escape that is no character") from None


def _problem(error: yaml.MarkedYAMLError) -> str:
    return shown(" ".join(filter(None, (error.context, error.problem))) or "something else")


@dataclass(slots=True)
class _Builder:
    """Walks the composed tree once; every error that does not end the walk is kept."""

    file: str
    errors: list[SiteError] = field(default_factory=list)
    left: int = MAX_NODES

    def refuse(self, line: int, path: Steps, expected: str, got: str) -> None:
        self.errors.append(SiteError(self.file, line, dotted(path), expected, got))
        if len(self.errors) >= ERRORS_MOST:
            raise SiteErrors(self.errors)

    def node(self, source: yaml.Node | None, path: Steps, at: tuple[int, int]) -> Node:
        """The node, standing at a line and column; an alias is built again for each use."""
        self.left -= 1
        if self.left < 0:
            raise _failure(self.file, at[0], f"at most {MAX_NODES} values, aliases expanded", "more")
        if len(path) > MAX_DEPTH:
            raise _failure(self.file, at[0], f"at most {MAX_DEPTH} levels", "more (an alias within itself?)")
        if isinstance(source, yaml.MappingNode):
            return Node(*at, dict(self._entries(source, path)))
        if isinstance(source, yaml.SequenceNode):
            return Node(*at, tuple(self._items(source, path)))
        return Node(*at, self._text(source, path, at[0]))

    def _items(self, source: yaml.SequenceNode, path: Steps) -> Iterator[Node]:
        self._check_tag(source, path)
        for index, child in enumerate(source.value):
            yield self.node(child, (*path, index), _place(child))

    def _entries(self, source: yaml.MappingNode, path: Steps) -> Iterator[tuple[str, Node]]:
        self._check_tag(source, path)
        first: dict[str, int] = {}
        for key, child in source.value:
            line, column = _place(key)
            if not isinstance(key, yaml.ScalarNode) or self._text(key, path, line) is None:
                self.refuse(line, path, "keys that are text", "another key")
            elif key.value in first:
                got = f"it again (first on line {first[key.value]})"
                self.refuse(line, (*path, key.value), "each key once", got)
            else:
                first[key.value] = line
                yield key.value, self.node(child, (*path, key.value), (line, column))

    def _text(self, source: yaml.Node | None, path: Steps, line: int) -> str | None:
        if source is None:
            return None
        self._check_tag(source, path)
        text = str(source.value)
        if any(unicodedata.category(each) in ("Cc", "Cs") and each not in "\n\t" for each in text):
            self.refuse(line, path, "text without control characters", "some")
        written_plain = getattr(source, "style", None) is None
        return None if written_plain and text in _NULLS else text

    def _check_tag(self, source: yaml.Node, path: Steps) -> None:
        if source.tag not in (_TEXT_TAG, "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
            self.refuse(source.start_mark.line + 1, path, "no tag", shown(source.tag))


def _place(source: yaml.Node) -> tuple[int, int]:
    return source.start_mark.line + 1, source.start_mark.column
