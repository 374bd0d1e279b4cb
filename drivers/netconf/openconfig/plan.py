"""What an edit of an OpenConfig radio takes, and what it does to service. Pure."""

from __future__ import annotations

from typing import Final

from drivers.errors import Unsupported
from drivers.netconf import render as words
from drivers.netconf.judge import changed
from drivers.netconf.openconfig import render
from drivers.netconf.openconfig.parse import WIDTHS_MHZ, ApRadio
from drivers.netconf.parse_hello import Offers
from drivers.netconf.spectrum import cac_s, led_to
from drivers.types import ConfigState, Edit, Effects, Outage, Readback, Setting

SETTINGS: Final = frozenset(render.settings())
RESTART_S: Final = 30.0  # the model says nothing of how a radio moves: clients drop and come back


def config(hostname: str, radio: ApRadio, edit: Edit, have: ConfigState, *, take_over: bool) -> str | None:
    """What is merged; None: the radio has it all already. Raises Unsupported."""
    _check(radio, edit, have)
    if not (values := changed(edit, have)):
        return None
    old_width = radio.config.old_width or (radio.state is not None and radio.state.old_width)
    return render.edit(hostname, radio.id, radio.frequency, values, old_width=old_width, take_over=take_over)


def effects(
    hostname: str, radio: ApRadio, edit: Edit, have: ConfigState, *, take_over: bool, offers: Offers
) -> Effects:
    """Its commands are the requests, without the locks around them and what an undo timer adds."""
    xml = config(hostname, radio, edit, have, take_over=take_over)
    outage, silent_s = _cost(radio, edit, have) if xml else (Outage.NONE, 0.0)
    commands = words.change(xml, offers) if xml else ()
    kept = (words.copy_config("running", "startup"),) if xml and offers.startup else ()
    return Effects(
        commands=(*commands, *kept),
        outage=outage,
        silent_s=silent_s,
        readback=Readback.CONFIGURED if radio.state is None else Readback.IN_FORCE,
        persists=True,
    )


def as_configured(radio: ApRadio) -> frozenset[Setting]:
    """All, of a device that tells nothing of what is in force."""
    return SETTINGS if radio.state is None else frozenset()


def _check(radio: ApRadio, edit: Edit, have: ConfigState) -> None:
    if unknown := set(edit.set) - SETTINGS:
        raise Unsupported(f"openconfig-access-points has no {', '.join(sorted(unknown))}")
    if edit.scope.kind != "radio" or len(edit.scope.members) != 1:
        raise Unsupported(f"one radio at a time is set, not {edit.scope.kind} {edit.scope.name}")
    if edit.set.get(Setting.ENABLED, 1) not in (0, 1):
        raise Unsupported("enabled is 0 or 1")
    if not -128 <= edit.set.get(Setting.TX_POWER_DBM, 0) <= 127:
        raise Unsupported("transmit-power is -128 to 127 dBm")
    if edit.set.keys() & {Setting.CHANNEL, Setting.WIDTH_MHZ}:
        led_to(radio.band, WIDTHS_MHZ, edit, have)


def _cost(radio: ApRadio, edit: Edit, have: ConfigState) -> tuple[Outage, float]:
    values = changed(edit, have)
    if set(values) == {Setting.TX_POWER_DBM}:
        return Outage.NONE, 0.0
    if edit.set.get(Setting.ENABLED) == 0:
        return Outage.CLIENTS_DROP, RESTART_S
    now = {**have.configured, **have.in_force, **edit.set}
    where = led_to(radio.band, WIDTHS_MHZ, edit, have) if Setting.CHANNEL in now else frozenset[int]()
    listening_s = cac_s(radio.band, where)
    return (Outage.CAC if listening_s else Outage.CLIENTS_DROP), RESTART_S + listening_s
