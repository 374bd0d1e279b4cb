"""What an edit would do to a simulated radio, from what is known before. Pure."""

from __future__ import annotations

from dataclasses import replace

from drivers.errors import Unsupported
from drivers.simulated.dfs import dfs_parts
from drivers.types import (
    ConfigState,
    Edit,
    Effects,
    Outage,
    RadioState,
    Readback,
    ScopeRef,
    Setting,
    Values,
)
from inventory.channels import Block, block
from inventory.model import Radio, RadioKey
from inventory.regulatory import cac_s

CSA_SILENT_S = 1.0
RESTART_SILENT_S = 5.0
MARGIN_S = 5.0
BLOCK = (Setting.CHANNEL, Setting.WIDTH_MHZ, Setting.CENTER_MHZ)


def only_radio(ref: ScopeRef) -> RadioKey:
    """Every setting of a simulated AP belongs to one radio."""
    if ref.kind != "radio" or len(ref.members) != 1:
        raise Unsupported(f"scope {ref.kind} {ref.name} with {len(ref.members)} radios: only single radios")
    return ref.members[0]


def unsupported(edit: Edit, radio: Radio, *, obss_pd_acts: bool) -> str | None:
    """Why no such device can do it, None when it can (but may refuse)."""
    if not edit.set:
        return "the edit sets nothing"
    width = edit.set.get(Setting.WIDTH_MHZ)
    if width is not None and width not in (20, 40, 80, 160, 320):
        return f"{radio.key}: no width of {width} MHz"
    beside = edit.set.keys() - {Setting.OBSS_PD_DBM, Setting.TX_POWER_DBM}
    if beside and Setting.OBSS_PD_DBM in edit.set and not obss_pd_acts:
        return f"{radio.key}: OBSS-PD takes a restart, and no {', '.join(sorted(beside))} beside it"
    return None


def prior_values(changing: Values, in_force: Values) -> Values:
    """What an undo has to set; a block is always given whole."""
    names = set(changing) | (set(BLOCK) if not set(BLOCK).isdisjoint(changing) else set())
    return {name: in_force[name] for name in names}


def effects(edit: Edit, have: ConfigState, radio: Radio, country: str) -> Effects:
    """Said with what is reported only: a check that the device might be able to skip is expected."""
    outage, silent_s = _outage(edit, have, radio, country)
    return Effects(
        commands=_commands(edit, have, radio),
        outage=outage,
        silent_s=silent_s,
        readback=Readback.IN_FORCE,
        persists=False,
    )


def changes_obss_pd(wanted: Values, now: Values) -> bool:
    return wanted.get(Setting.OBSS_PD_DBM) not in (None, now.get(Setting.OBSS_PD_DBM))


def reticent(have: ConfigState) -> ConfigState:
    """What a device says that can't tell which OBSS-PD level is in force: only how it is configured."""
    told = dict(have.in_force)
    told.pop(Setting.OBSS_PD_DBM, None)
    return replace(have, in_force=told)


def by_restart(edit: Edit, have: ConfigState, radio: Radio, country: str) -> Effects:
    """On a device that takes an OBSS-PD level over only by a restart of the radio, and never tells it."""
    if Setting.OBSS_PD_DBM not in edit.set:
        return effects(edit, have, radio, country)
    known = replace(have, in_force=have.known({Setting.OBSS_PD_DBM}))
    found = replace(effects(edit, known, radio, country), readback=Readback.CONFIGURED)
    if have.state is not RadioState.ON_AIR or not changes_obss_pd(edit.set, known.in_force):
        return found
    return replace(found, outage=Outage.CLIENTS_DROP, silent_s=RESTART_SILENT_S)


def _commands(edit: Edit, have: ConfigState, radio: Radio) -> tuple[str, ...]:
    """The edit goes whole or not at all: a radio that waits for something is told it again."""
    steady = have.state in (RadioState.ON_AIR, RadioState.OFF)
    if steady and all(have.in_force.get(name) == value for name, value in edit.set.items()):
        return ()
    return tuple(f"set {radio.key} {name} {value}" for name, value in sorted(edit.set.items()))


def _outage(edit: Edit, have: ConfigState, radio: Radio, country: str) -> tuple[Outage, float]:
    on_air = have.state is RadioState.ON_AIR
    if edit.set.get(Setting.ENABLED, 1) == 0:
        return (Outage.CLIENTS_DROP if on_air else Outage.NONE), 0.0
    before, after = _blocks(edit, have, radio)
    if on_air and before == after:
        return Outage.NONE, 0.0
    checked = dfs_parts(country, before) if on_air else frozenset()
    if not dfs_parts(country, after) <= checked:
        return Outage.CAC, cac_s(country, after) + MARGIN_S
    return (Outage.CSA, CSA_SILENT_S) if on_air else (Outage.NONE, 0.0)


def _blocks(edit: Edit, have: ConfigState, radio: Radio) -> tuple[Block, Block]:
    now = {**edit.set, **have.in_force}  # a silent radio may tell no channel: then it is nowhere yet
    if not set(BLOCK) <= now.keys():
        raise Unsupported(f"{radio.key}: where it is, or where it is to go, is not known")
    before = block(radio.band, now[Setting.CHANNEL], now[Setting.WIDTH_MHZ], now[Setting.CENTER_MHZ])
    if set(BLOCK).isdisjoint(edit.set):
        return before, before
    channel = edit.set.get(Setting.CHANNEL, before.primary)
    width = edit.set.get(Setting.WIDTH_MHZ, before.width_mhz)
    try:
        return before, block(radio.band, channel, width, edit.set.get(Setting.CENTER_MHZ))
    except ValueError as error:
        raise Unsupported(str(error)) from error
