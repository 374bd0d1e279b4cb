"""What of an edit is still to be written. Pure."""

from __future__ import annotations

from drivers.types import ConfigState, Edit, Values


def changed(edit: Edit, have: ConfigState) -> Values:
    """What of the edit is not both configured and, as far as it is told, in force."""
    return {
        name: value
        for name, value in edit.set.items()
        if have.configured.get(name) != value or have.in_force.get(name, value) != value
    }
