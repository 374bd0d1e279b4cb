"""The command that an edit becomes, and what it will do to service. Pure."""

from __future__ import annotations

from drivers.errors import Unsupported
from drivers.types import Edit, Effects, Outage, Readback, Setting, Values
from linewifi_rrmd.parse import SETTINGS

WORDS = {setting: word for word, setting in SETTINGS.items()}
SILENT_S = 2.0  # a switch is announced for ten beacons


def command(number: str, edit: Edit, undo_after_s: float | None = None) -> str:
    expect = f" expect {_pairs(edit.expect)}" if edit.expect else ""
    undo = "" if undo_after_s is None else f" undo={undo_after_s:g}"
    return f"set {number} {_pairs(edit.set)}{expect}{undo}"


def _pairs(values: Values) -> str:
    return " ".join(f"{WORDS[setting]}={values[setting]}" for setting in sorted(values))


def check(edit: Edit) -> None:
    """Raises Unsupported for what the AP has no word for."""
    if unknown := [str(setting) for setting in edit.set if setting not in WORDS]:
        raise Unsupported(f"LineWifi sets no {', '.join(unknown)}")


def effects(number: str, edit: Edit, have: Values) -> Effects:
    """An edit that changes nothing sends nothing."""
    check(edit)
    differs = {setting for setting, value in edit.set.items() if have.get(setting) != value}
    moves = bool(differs & {Setting.CHANNEL, Setting.WIDTH_MHZ})
    return Effects(
        commands=(command(number, edit),) if differs else (),
        outage=Outage.CSA if moves else Outage.NONE,
        silent_s=SILENT_S if moves else 0.0,
        readback=Readback.IN_FORCE,
        persists=True,
    )
