"""What an edit takes on an SNMP device, and what it does to service. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drivers.errors import Refused, Unsupported
from drivers.snmp import render
from drivers.snmp.parse_answer import Row
from drivers.snmp.profile import Profile, Write
from drivers.snmp.render import Command
from drivers.types import ConfigState, Edit, Effects, Outage, RadioState, Readback, Setting, Values
from inventory.channels import DFS_MHZ, Block, block, blocks_of
from inventory.model import Band

_WEATHER_MHZ: Final = frozenset({5600, 5620, 5640})
_CAC_S: Final = 60.0
_WEATHER_CAC_S: Final = 600.0  # ETSI EN 301 893; the MIBs tell neither the domain nor the time
_PLACE: Final = (Setting.CHANNEL, Setting.WIDTH_MHZ, Setting.CENTER_MHZ)
_OUTAGES: Final = (Outage.NONE, Outage.CSA, Outage.CLIENTS_DROP, Outage.CAC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is set: one radio's row, or that of a band or of the device. ``settable``: what this device lets
    be set there; ``choices``: powers, loudest first; ``owned``: held by the vendor's own RRM, from
    which it may be taken with ``take_over``."""

    profile: Profile
    row: Row
    settable: frozenset[Setting]
    band: Band | None = None
    choices: tuple[int, ...] | None = None
    allowed_mhz: frozenset[int] | None = None
    owned: frozenset[Setting] = frozenset()
    take_over: bool = False


def as_configured(profile: Profile) -> frozenset[Setting]:
    """Settings of which nothing tells what is in force."""
    return frozenset(name for name, write in profile.set.items() if write.readback is not Readback.IN_FORCE)


def commands(subject: Subject, edit: Edit, have: ConfigState) -> tuple[Command, ...]:
    """SETs that lead from ``have`` to the edit's values; none when it is there. Raises Unsupported,
    Refused."""
    target = target_block(subject, edit, have)
    changed = _changed(subject, edit, have)
    writes = subject.profile.set
    if target is not None:
        changed = _with_side(changed, target, writes.get(Setting.WIDTH_MHZ))
    stages = _stages(changed, writes, have, target)
    steps = [(step, values) for name, values in stages for step in writes[name].steps]
    below = target is not None and _is_below(target)
    return render.commands(subject.profile, steps, subject.row, subject.choices, below=below)


def _stages(
    changed: Values, writes: Mapping[Setting, Write], have: ConfigState, target: Block | None
) -> list[tuple[Setting, Values]]:
    """Each setting and its value, in the order of the profile; but narrower before a move, wider after it.
    Each SET is one of its own, and what is on the air between two of them must lie within the old block or
    the new one. Where a word for 40 MHz fits only one of them, 20 MHz lead from one to the other."""
    names = render.settings_in(changed, writes)
    plain = [(name, changed) for name in names]
    if target is None or not {Setting.CHANNEL, Setting.WIDTH_MHZ} <= set(names):
        return plain
    rest = [stage for stage in plain if stage[0] not in _PLACE]
    move, resize = (Setting.CHANNEL, changed), (Setting.WIDTH_MHZ, changed)
    now = _block_of(target.band, have)
    if now is None or now.width_mhz > target.width_mhz:
        fits = now is None or _fits(target, now, writes)
        order = [resize, move]
    else:
        fits = _fits(now, target, writes)
        order = [move, resize]
    if not fits:
        order = [(Setting.WIDTH_MHZ, {**changed, Setting.WIDTH_MHZ: 20}), move, resize]
    return [*order, *rest]


def _block_of(band: Band, have: ConfigState) -> Block | None:
    now = _now(have)
    try:
        return block(band, now[Setting.CHANNEL], now[Setting.WIDTH_MHZ], now.get(Setting.CENTER_MHZ))
    except (KeyError, ValueError):
        return None


def _fits(narrow: Block, wide: Block, writes: Mapping[Setting, Write]) -> bool:
    """True where the word for the width of the narrower block means a part of the wider one around its
    primary too."""
    if narrow.width_mhz not in _sides(writes.get(Setting.WIDTH_MHZ)):
        return True
    return any(
        _is_below(each) is _is_below(narrow) and each.mhz20 <= wide.mhz20
        for each in blocks_of(wide.band, wide.primary, narrow.width_mhz)
    )


def _is_below(wide: Block) -> bool:
    """Most of the block is below its primary channel."""
    return wide.center_mhz < wide.primary_mhz


def _sides(write: Write | None) -> frozenset[int]:
    """Widths of which the device has two words: above the primary channel, and below it."""
    steps = write.steps if write is not None else ()
    return frozenset(-key for step in steps for key in step.map or () if key < 0)


def handing_back(subject: Subject, edit: Edit, have: ConfigState) -> tuple[Command, ...]:
    """SETs that undo what the edit takes from the vendor's RRM, for an edit that fails half way; none where
    it holds nothing of it, or where the dialect has no way."""
    held = _changed(subject, edit, have).keys() & subject.owned
    taken = {step.column for name in held for step in subject.profile.set[name].steps if step.of is None}
    nothing: Values = {}
    steps = [(step, nothing) for step in subject.profile.release if step.column in taken]
    return render.commands(subject.profile, steps, subject.row)


def _with_side(changed: Values, target: Block, write: Write | None) -> Values:
    """Where a width above its primary and one below it are two words of the device, a move takes one too."""
    if target.width_mhz not in _sides(write) or not changed.keys() & set(_PLACE):
        return changed
    return {**changed, Setting.WIDTH_MHZ: target.width_mhz}


def _changed(subject: Subject, edit: Edit, have: ConfigState) -> Values:
    """Of the edit's values those that the device does not have yet; all of them are checked."""
    if unknown := edit.set.keys() - subject.settable:
        raise Unsupported(f"{edit.scope.name}: {', '.join(sorted(unknown))} can't be set here")
    if edit.set.get(Setting.ENABLED, 1) not in (0, 1):
        raise Unsupported("enabled is 0 or 1")
    for name, value in edit.set.items():
        if (write := subject.profile.set.get(name)) is not None:
            _check_range(name, value, write)
            if write.bands and subject.band not in (None, *write.bands):
                raise Unsupported(f"{edit.scope.name}: the device sets no {name} of {subject.band} GHz")
    _check_place(subject, edit, have)
    now = _now(have)
    changed = {name: value for name, value in edit.set.items() if now.get(name) != value}
    if (held := changed.keys() & subject.owned) and not subject.take_over:
        told = f"{', '.join(sorted(held))} of {edit.scope.name}"
        raise Refused(f"{told}: managed by {subject.profile.owner}; see the option take_over")
    return changed


def _now(have: ConfigState) -> Values:
    """What a radio that is silent is set to counts too: it will be there when it is back."""
    return {**have.configured, **have.in_force}


def _check_range(name: Setting, value: int, write: Write) -> None:
    if write.allowed and not any(low <= value <= high for low, high in write.allowed):
        told = ", ".join(f"{low} to {high}" for low, high in write.allowed)
        raise Refused(f"{name} {value}: the device takes {told}")


def _check_place(subject: Subject, edit: Edit, have: ConfigState) -> None:
    target = target_block(subject, edit, have)
    if target is not None and subject.allowed_mhz is not None and not target.mhz20 <= subject.allowed_mhz:
        raise Refused(f"{edit.scope.name}: {target} is not among the radio's own channels")


def target_block(subject: Subject, edit: Edit, have: ConfigState) -> Block | None:
    """Where the edit leads; None when it says nothing of place, or nothing tells the band. These MIBs take a
    primary and a width: a centre can't be chosen, it must be the one that follows. Raises Unsupported."""
    if subject.band is None or not edit.set.keys() & set(_PLACE):
        return None
    now = _now(have)
    channel = edit.set.get(Setting.CHANNEL, now.get(Setting.CHANNEL))
    if channel is None:
        raise Unsupported(f"{edit.scope.name} is on no channel: the edit must name one")
    width = edit.set.get(Setting.WIDTH_MHZ, now.get(Setting.WIDTH_MHZ, 20))
    try:
        return block(subject.band, channel, width, edit.set.get(Setting.CENTER_MHZ))
    except ValueError as error:
        raise Unsupported(f"{edit.scope.name}: {error}") from error


def effects(subject: Subject, edit: Edit, have: ConfigState) -> Effects:
    """What would be sent, and its cost."""
    todo = commands(subject, edit, have)
    changed = _changed(subject, edit, have)
    writes = [subject.profile.set[name] for name in render.settings_in(changed, subject.profile.set)]
    outage = max((write.outage for write in writes), key=_OUTAGES.index, default=Outage.NONE)
    silent_s = max((write.silent_s for write in writes), default=0.0)
    cac_s = _cac_s(subject, edit, have, changed)
    told = [subject.profile.set[name] for name in render.settings_in(edit.set, subject.profile.set)]
    texts = [command.text for command in todo]
    if texts and handing_back(subject, edit, have):
        texts[0] += f"; taken from {subject.profile.owner}, after an undo too: `rrmd release` hands it back"
    return Effects(
        commands=tuple(texts),
        outage=Outage.CAC if cac_s else outage,
        silent_s=silent_s + cac_s,
        readback=_readback(told),
        persists=all(write.persists for write in writes),
    )


def _readback(writes: list[Write]) -> Readback:
    """The weakest of what is promised."""
    levels = (Readback.NONE, Readback.CONFIGURED, Readback.IN_FORCE)
    return min((write.readback for write in writes), key=levels.index, default=Readback.IN_FORCE)


def _cac_s(subject: Subject, edit: Edit, have: ConfigState, changed: Values) -> float:
    """Listening for radar that a move costs; whether a check of before still counts, no MIB tells."""
    target = target_block(subject, edit, have) if changed.keys() & set(_PLACE) else None
    comes_back = changed.get(Setting.ENABLED) == 1 and have.state is not RadioState.ON_AIR
    if target is None and comes_back:
        there: Values = {name: value for name, value in _now(have).items() if name in _PLACE}
        again = Edit(change_id=edit.change_id, scope=edit.scope, set=there)
        target = target_block(subject, again, have) if there else None
    if target is None or not target.mhz20 & DFS_MHZ:
        return 0.0
    return _WEATHER_CAC_S if target.mhz20 & _WEATHER_MHZ else _CAC_S
