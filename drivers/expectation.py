"""Compare-and-set: what an edit expects against what the device says. Pure."""

from __future__ import annotations

from collections.abc import Set

from drivers.errors import Conflict
from drivers.types import ConfigState, Edit, Setting


def compare(edit: Edit, have: ConfigState, as_configured: Set[Setting] = frozenset()) -> None:
    """Raises Conflict unless the device says what the edit expects. ``as_configured``: settings of which
    nothing tells what is in force."""
    now = have.known(as_configured)
    other = {name: now.get(name) for name in edit.expect if now.get(name) != edit.expect[name]}
    if other:
        said = ", ".join(f"{name} is {value}, not {edit.expect[name]}" for name, value in other.items())
        raise Conflict(f"{edit.scope.name}: {said}")
