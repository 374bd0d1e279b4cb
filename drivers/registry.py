"""Driver families by name, from the entry points of group ``rrmd.drivers``; built-ins come the same way.

A plugin that cannot be used is logged, listed with its reason, and costs the others nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any, Final

import structlog

from drivers.base import DriverFamily
from drivers.types import Capabilities

log = structlog.get_logger()

GROUP: Final = "rrmd.drivers"
OWN: Final = "rrmd"  # this distribution

Schema = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class UnusableFamily(LookupError):
    """A person must act: install the driver, or repair it. The message says which one and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """Families by name, and why others are not among them."""

    families: Mapping[str, DriverFamily] = field(default_factory=lambda: MappingProxyType({}))
    broken: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def family(self, name: str) -> DriverFamily:
        """Raises UnusableFamily."""
        if (found := self.families.get(name)) is not None:
            return found
        if (reason := self.broken.get(name)) is not None:
            raise UnusableFamily(f"driver {name} cannot be used: {reason}")
        raise UnusableFamily(f"no driver {name}; there are {', '.join(sorted(self.families)) or 'none'}")

    def schemas(self) -> Mapping[str, Schema]:
        """For each family what checks the driver's own keys of a device in the site file."""
        return {name: family.check_options for name, family in self.families.items()}


def discover(points: Iterable[EntryPoint]) -> Registry:
    """What these entry points give, each loaded apart from the others."""
    families: dict[str, DriverFamily] = {}
    broken: dict[str, str] = {}
    for point, reason in _claims(points):
        found = reason if reason is not None else _load(point)
        if isinstance(found, str):
            broken[point.name if point.name not in families else f"{point.name} ({_owner(point)})"] = found
            log.error("driver.refused", driver=point.name, owner=_owner(point), reason=found)
        else:
            families[point.name] = found
    return Registry(families=MappingProxyType(families), broken=MappingProxyType(broken))


def _claims(points: Iterable[EntryPoint]) -> Iterator[tuple[EntryPoint, str | None]]:
    """Each entry point, with the reason why its name is not for it. A name claimed twice goes to our own
    distribution, else to nobody: which one a site would get must not depend on the order of a directory."""
    by_name: dict[str, list[EntryPoint]] = {}
    for point in points:
        same = by_name.setdefault(point.name, [])
        if all((_owner(point), point.value) != (_owner(other), other.value) for other in same):
            same.append(point)
    for name, rivals in sorted(by_name.items()):
        own = [point for point in rivals if _owner(point) == OWN]
        winner = own[0] if len(own) == 1 else rivals[0] if len(rivals) == 1 else None
        claimants = ", ".join(sorted(f"{_owner(point)} ({point.value})" for point in rivals))
        for point in sorted(rivals, key=lambda rival: rival is not winner):
            yield point, None if point is winner else f"the name {name} is claimed by {claimants}"


def _owner(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "unknown"


def _load(point: EntryPoint) -> DriverFamily | str:
    """The family, or why it cannot be used."""
    try:
        return _fault(point.name, found := point.load()) or found
    except (Exception, SystemExit) as error:  # other people's code: any failure is its own, not ours
        return f"{point.value} does not load: {type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _fault(name: str, found: Any) -> str | None:
    """What the contract asks of a family and this object does not give."""
    for method in ("check_options", "device"):
        if not callable(getattr(found, method, None)):
            return f"it has no {method}()"
    if getattr(found, "name", None) != name:
        return f"it calls itself {getattr(found, 'name', None)!r}, its entry point {name!r}"
    if not isinstance(getattr(found, "summary", None), str):
        return "it has no summary"
    if not isinstance(getattr(found, "capabilities", None), Capabilities):
        return "its capabilities are no drivers.types.Capabilities"
    return None


@cache
def registry() -> Registry:
    """What is installed, looked up once."""
    return discover(entry_points(group=GROUP))


def families() -> Mapping[str, DriverFamily]:
    return registry().families


def broken() -> Mapping[str, str]:
    """Name -> why that driver cannot be used."""
    return registry().broken


def schemas() -> Mapping[str, Schema]:
    return registry().schemas()
