"""What an edit of a C9800's radio takes, and what it does to service. Pure."""

from __future__ import annotations

from typing import Final

from drivers.errors import Unsupported
from drivers.netconf import render as words
from drivers.netconf.cisco import render
from drivers.netconf.cisco.parse import WIDTHS_MHZ, Radio
from drivers.netconf.parse_hello import Offers
from drivers.netconf.spectrum import cac_s, led_to
from drivers.types import ConfigState, Edit, Effects, Outage, Readback, Setting

RADIO_SETTINGS: Final = frozenset({Setting.CHANNEL, Setting.WIDTH_MHZ, Setting.TX_POWER_DBM, Setting.ENABLED})
PROFILE_KIND: Final = "rf_profile"
SILENT_S: Final = 30.0  # no C9800 was measured: clients may drop and come back


def steps(radio: Radio, edit: Edit, have: ConfigState) -> tuple[str, ...]:
    """RPCs in their order; none when the radio is there. Raises Unsupported."""
    _check(radio, edit, have)
    todo = [*_placed(radio, edit, have), *_powered(radio, edit, have)]
    if (up := edit.set.get(Setting.ENABLED)) is not None and have.configured.get(Setting.ENABLED) != up:
        admin = render.set_admin(radio.key, radio.type, up=bool(up))
        return (*todo, admin) if up else (admin, *todo)
    return tuple(todo)


def _placed(radio: Radio, edit: Edit, have: ConfigState) -> list[str]:
    """A radio narrows before it moves and widens after: the old width need not exist on the new channel."""
    channel, width = edit.set.get(Setting.CHANNEL), edit.set.get(Setting.WIDTH_MHZ)
    now = {**have.configured, **have.in_force}  # in CAC nothing is in force: told again, it would start anew
    moved, wide = [], []
    if channel is not None and (channel != now.get(Setting.CHANNEL) or not radio.static):
        moved.append(render.set_channel(radio.key, radio.type, channel))
    if width is not None and width != now.get(Setting.WIDTH_MHZ):
        wide.append(render.set_width(radio.key, radio.type, width))
    narrows = width is not None and width < now.get(Setting.WIDTH_MHZ, 0)
    return [*wide, *moved] if narrows else [*moved, *wide]


def _powered(radio: Radio, edit: Edit, have: ConfigState) -> list[str]:
    dbm = edit.set.get(Setting.TX_POWER_DBM)
    if dbm is None or (dbm == have.in_force.get(Setting.TX_POWER_DBM) and radio.static_power):
        return []
    level = render.set_level(radio.key, radio.type, radio.levels_dbm.index(dbm) + 1)
    return [level] if radio.static_power else [render.set_static_power(radio.key, radio.type), level]


def effects(radio: Radio, edit: Edit, have: ConfigState) -> Effects:
    """Kept over a restart only once it is saved, which confirming does."""
    todo = steps(radio, edit, have)
    outage, silent_s = _cost(radio, edit, have, todo)
    return Effects(
        commands=todo, outage=outage, silent_s=silent_s, readback=Readback.IN_FORCE, persists=False
    )


def profile_step(edit: Edit, have: ConfigState) -> str | None:
    """The configuration to merge; None: the RF profile has it."""
    if set(edit.set) - {Setting.OBSS_PD_DBM}:
        raise Unsupported("an RF profile is given its OBSS-PD level and nothing else")
    dbm = edit.set.get(Setting.OBSS_PD_DBM)
    if dbm is None or dbm == have.configured.get(Setting.OBSS_PD_DBM):
        return None
    if not -82 <= dbm <= -62:
        raise Unsupported(f"he-non-srg-obss-pd-max is -82 to -62 dBm, not {dbm}")
    return render.set_profile(edit.scope.name, dbm)


def profile_effects(edit: Edit, have: ConfigState, offers: Offers) -> Effects:
    """It moves all radios of the profile. What they do meanwhile nobody has measured: taken for a restart."""
    xml = profile_step(edit, have)
    return Effects(
        commands=words.change(xml, offers) if xml else (),
        outage=Outage.CLIENTS_DROP if xml else Outage.NONE,
        silent_s=SILENT_S if xml else 0.0,
        readback=Readback.CONFIGURED,
        persists=False,
    )


def _check(radio: Radio, edit: Edit, have: ConfigState) -> None:
    if unknown := set(edit.set) - RADIO_SETTINGS:
        raise Unsupported(f"a radio of a C9800 has no {', '.join(sorted(unknown))}")
    if edit.set.get(Setting.ENABLED, 1) not in (0, 1):
        raise Unsupported("enabled is 0 or 1")
    dbm = edit.set.get(Setting.TX_POWER_DBM)
    if dbm is not None and dbm not in radio.levels_dbm:
        told = ", ".join(map(str, radio.levels_dbm)) or "not told"
        raise Unsupported(f"{dbm} dBm: the radio's powers are {told}")
    if edit.set.keys() & {Setting.CHANNEL, Setting.WIDTH_MHZ}:
        led_to(radio.band, WIDTHS_MHZ, edit, have)


def _cost(radio: Radio, edit: Edit, have: ConfigState, todo: tuple[str, ...]) -> tuple[Outage, float]:
    if all("tx-power" in each for each in todo):
        return Outage.NONE, 0.0
    if edit.set.get(Setting.ENABLED) == 0 or Setting.CHANNEL not in {
        **have.configured,
        **have.in_force,
        **edit.set,
    }:
        return Outage.CLIENTS_DROP, SILENT_S
    listening_s = cac_s(radio.band, led_to(radio.band, WIDTHS_MHZ, edit, have))
    return (Outage.CAC if listening_s else Outage.CLIENTS_DROP), SILENT_S + listening_s
