"""A radio's settings as configured and as in force, from what was read of it. Pure."""

from __future__ import annotations

from typing import Final

from drivers.snmp.parse_answer import Answer, Row
from drivers.snmp.parse_value import number
from drivers.snmp.plan import as_configured
from drivers.types import ConfigState, RadioReading, RadioState, ScopeRef, Setting

_PLACE: Final = (Setting.CHANNEL, Setting.WIDTH_MHZ)
_FIELDS: Final = (Setting.CHANNEL, Setting.WIDTH_MHZ, Setting.CENTER_MHZ, Setting.TX_POWER_DBM)


def of_radio(answer: Answer, row: Row, reading: RadioReading, ref: ScopeRef) -> ConfigState:
    """A radio that is silent is on no channel: what it is set to is only configured then."""
    shown: dict[Setting, int] = {}
    for setting in _FIELDS:
        reported = getattr(reading, setting.value)
        if reported is not None:
            shown[setting] = round(reported.value)
    on = reading.state is RadioState.ON_AIR
    if on or reading.state is RadioState.OFF:
        shown[Setting.ENABLED] = int(on)
    weak = as_configured(answer.profile)
    in_force = {
        name: value for name, value in shown.items() if name not in weak and (on or name is Setting.ENABLED)
    }
    configured = {**shown, **_told(answer, row, "radio")}
    return ConfigState(scope=ref, configured=configured, in_force=in_force, state=reading.state)


def owned(answer: Answer, row: Row) -> frozenset[Setting]:
    """Settings of a radio that the vendor's own RRM holds: setting one takes it away. Where a dialect does
    not tell them apart, who manages the radio holds its place."""
    place = answer.profile.status.managed
    return frozenset(
        name
        for name, write in answer.profile.set.items()
        if answer.first(write.owned or (place if name in _PLACE else ()), row) is not None
    )


def of_others(answer: Answer, row: Row, ref: ScopeRef) -> ConfigState:
    """Of a band or of the whole device: what is set there. What is in force there, no radio tells."""
    told = _told(answer, row, ref.kind)
    weak = as_configured(answer.profile)
    in_force = {name: value for name, value in told.items() if name not in weak}
    return ConfigState(scope=ref, configured=told, in_force=in_force)


def _told(answer: Answer, row: Row, scope: str) -> dict[Setting, int]:
    """Where the device has a column of its own for what is configured."""
    found: dict[Setting, int] = {}
    for name, write in answer.profile.set.items():
        if write.scope == scope and write.told:
            value = number(answer.first(write.told, row))
            if value is not None:
                found[name] = round(value)
    return found
