"""What the device says before a write. Pure."""

from __future__ import annotations

from collections.abc import Set

from drivers.errors import Conflict
from drivers.types import ConfigState, Edit, Setting, Values


def compare(edit: Edit, have: ConfigState, as_configured: Set[Setting]) -> None:
    """Raises Conflict unless the device says what the edit expects."""
    now = have.known(as_configured)
    other = {name: now.get(name) for name in edit.expect if now.get(name) != edit.expect[name]}
    if other:
        said = ", ".join(f"{name} is {value}, not {edit.expect[name]}" for name, value in other.items())
        raise Conflict(f"{edit.scope.name}: {said}")


def changed(edit: Edit, have: ConfigState) -> Values:
    """What of the edit is not both configured and, as far as it is told, in force."""
    return {
        name: value
        for name, value in edit.set.items()
        if have.configured.get(name) != value or have.in_force.get(name, value) != value
    }
