"""Profile files: those that come with the driver, and a site's own. Read once, checked whole."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from pydantic import ValidationError

from drivers.snmp import profile_check
from drivers.snmp.notify_words import mistakes, section_of
from drivers.snmp.profile import Profile
from inventory.site_error import SiteError, SiteErrors, Steps, dotted
from inventory.yaml_text import MAX_BYTES, Node, parse, plain, shown, without_nulls

_TRIED: Final = frozenset({"[key]", "int", "float", "str"})
"""What pydantic names in the place of an error, and no file has."""

SHIPPED: Final = Path(__file__).parent / "profiles"


def read(raw: bytes, file: str) -> Profile:
    """Raises SiteErrors: each names file, line, path, what was expected."""
    top = without_nulls(parse(raw, file))
    try:
        profile = Profile.model_validate(plain(top))
        section = section_of(profile)
    except ValidationError as error:
        raise SiteErrors(_explained(error, top, file)) from None
    found = [*profile_check.mistakes(profile), *mistakes(profile, section)]
    if lost := [_mistake(top, file, path, expected) for path, expected in found]:
        raise SiteErrors(lost)
    return profile


def _mistake(top: Node, file: str, loc: Steps, expected: str) -> SiteError:
    path = _in_file(loc, top)
    return SiteError(file, top.at(path).line, dotted(path), expected, shown(plain(top.at(path))))


def _explained(error: ValidationError, top: Node, file: str) -> list[SiteError]:
    found = []
    for detail in error.errors(include_url=False, include_input=False):
        path = _in_file(detail["loc"], top)
        node = top.at(path)
        expected, got = detail["msg"].removeprefix("Value error, "), shown(plain(node))
        if detail["type"] == "extra_forbidden":
            expected, got = "a known key", "an unknown key"
        elif detail["type"] == "missing":
            expected, got = f"the key {path[-1]}", "nothing"
        found.append(SiteError(file, node.line, dotted(path), expected, got))
    return found


def _in_file(loc: Steps, top: Node) -> Steps:
    """The place as the file has it: one that need not be a list is no list there, one that need not be a
    mapping is none, and a kind that was tried is no place."""
    path: Steps = ()
    for step in loc:
        node = top.at(path)
        kind = tuple if isinstance(step, int) else Mapping
        tried = step in _TRIED and step not in node.mapping
        if not tried and isinstance(node.value, kind):
            path = (*path, step)
    return path


def profile_of_file(path: str) -> Profile:
    """A site's own profile, as the file is now. Raises ValueError with one sentence, SiteErrors with one for
    each mistake."""
    try:
        told = Path(path).stat()
        return _read_file(path, told.st_mtime_ns, told.st_size)
    except OSError as error:
        raise ValueError(f"profile_file: {path}: {error.strerror}") from None


@lru_cache(maxsize=64)  # once for all devices of a site, and again when it was changed
def _read_file(path: str, mtime_ns: int, size: int) -> Profile:
    with Path(path).open("rb") as file:
        return read(file.read(MAX_BYTES + 1), path)


@cache
def shipped() -> Mapping[str, Profile]:
    """The profiles that come with the driver, by name."""
    profiles = [profile_of_file(str(path)) for path in sorted(SHIPPED.glob("*.yaml"))]
    return MappingProxyType({profile.name: profile for profile in profiles})
