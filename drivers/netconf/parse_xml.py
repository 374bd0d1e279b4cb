"""XML that a device sent -> a tree, and single leafs of it -> values. Pure.

A leaf that is absent, empty or out of its range is None: not reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from drivers.errors import Garbage

DEPTH_LIMIT: Final = 64  # the deepest leaf that is asked for lies at 14
SIZE_LIMIT: Final = 64 * 1024 * 1024  # characters; what the transport lets through is half of it
MAC: Final = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_DOCUMENT_TYPE: Final = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_INTEGER: Final = re.compile(r"[+-]?\d{1,20}", re.ASCII)
_DECIMAL: Final = re.compile(r"[+-]?\d{1,12}(?:\.\d{1,18})?", re.ASCII)


def tree(text: str) -> Element:
    """The root. Raises Garbage: no XML, a document type, too large, too deep."""
    if len(text) > SIZE_LIMIT:
        raise Garbage(f"an answer of more than {SIZE_LIMIT} characters")
    if _DOCUMENT_TYPE.search(text):
        raise Garbage("an answer with a document type or an entity")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 -- see above
    except (ElementTree.ParseError, ValueError) as error:
        raise Garbage(f"an answer that is no XML: {error}") from None
    level, depth = [root], 0
    while level:
        depth += 1
        if depth > DEPTH_LIMIT:
            raise Garbage(f"an answer nested deeper than {DEPTH_LIMIT} elements")
        level = [child for parent in level for child in parent]
    return root


def name(element: Element) -> str:
    """Without its namespace."""
    return element.tag.rpartition("}")[2]


def at(element: Element | None, *path: str) -> Element | None:
    """The first element of that path of names, whatever their namespace."""
    for step in path:
        element = next(children(element, step), None)
    return element


def children(element: Element | None, *path: str) -> Iterator[Element]:
    """All elements of that path of names, in the order of the answer."""
    if element is None:
        return
    if not path:
        yield element
        return
    for child in element:
        if name(child) == path[0]:
            yield from children(child, *path[1:])


def text(element: Element | None, *path: str) -> str | None:
    found = at(element, *path)
    words = (found.text or "").strip() if found is not None else ""
    return words or None


def integer(element: Element | None, *path: str, least: int, most: int) -> int | None:
    words = text(element, *path)
    if words is None or not _INTEGER.fullmatch(words):
        return None
    return value if least <= (value := int(words)) <= most else None


def counter(element: Element | None, *path: str, bits: int = 64) -> int | None:
    return integer(element, *path, least=0, most=2**bits - 1)


def boolean(element: Element | None, *path: str) -> bool | None:
    return {"true": True, "false": False}.get(text(element, *path) or "")


def percent(element: Element | None, *path: str) -> float | None:
    """A share of 0..100, as a ratio 0..1. More than all of it is no share (vendors report up to 255)."""
    words = text(element, *path)
    if words is None or not _DECIMAL.fullmatch(words):
        return None
    return value / 100 if 0 <= (value := float(words)) <= 100 else None


def identity(element: Element | None, *path: str) -> str | None:
    """An identityref without its prefix."""
    words = text(element, *path)
    return words.rpartition(":")[2] or None if words else None


def mac(element: Element | None, *path: str) -> str | None:
    """Lower case, with colons."""
    words = (text(element, *path) or "").lower().replace("-", ":")
    return words if MAC.fullmatch(words) else None
