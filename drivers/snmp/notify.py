"""A trap -> signals, by the section `notifications` of the device's profile. Pure.

What nobody proved (v1, v2c, a v3 user without password) moves nothing by itself: where a signal can't say so
it becomes a Gap, and the device is polled.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from drivers.errors import Garbage
from drivers.notifications import Notification, Oid
from drivers.signals import (
    AttackHeard,
    ChannelSwitched,
    ClientLeft,
    Gap,
    InterferenceHeard,
    NopFinished,
    RadarDetected,
    RadioDown,
    RadioFault,
    RadioUp,
    RogueHeard,
    Signal,
)
from drivers.snmp.notify_trap import Trap
from drivers.snmp.notify_where import Whereabouts
from drivers.snmp.notify_words import Group, Meaning, Means, section_of
from drivers.snmp.parse_value import Result
from drivers.snmp.profile import Profile
from drivers.snmp.source import Sources
from drivers.transport.traps_message import GENERIC, plain_trap
from inventory.channels import DFS_MHZ, blocks_of, frequency_mhz
from inventory.model import Band, RadioKey

EVERYBODYS: Final = Group.model_validate(
    {"base": GENERIC, "traps": [{"trap": "1", "means": Means.POLL}, {"trap": "2", "means": Means.POLL}]}
)
"""coldStart and warmStart: what was known of the device is no longer so."""

ASSUMED: Final = "; the width is not known, and the widest is taken"

_WIDTHS_MHZ: Final = (20, 40, 80, 160)
_TEXT_MOST: Final = 80


class Rules:
    """What the traps of one profile mean, whose section was checked when it was loaded."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self._by_trap: dict[Oid, list[tuple[Group, Meaning]]] = defaultdict(list)
        for group in (*section_of(profile).notifications, EVERYBODYS):
            for meaning in group.traps:
                self._by_trap[plain_trap(f"{group.base}.{meaning.trap}")].append((group, meaning))

    @property
    def traps(self) -> frozenset[Oid]:
        """All that mean something."""
        return frozenset(self._by_trap)

    def signals(self, notification: Notification, device: str, where: Whereabouts) -> tuple[Signal, ...]:
        """What the notification says; nothing, where it means nothing or is about radios of others."""
        said: list[Signal] = []
        for group, meaning in self._by_trap.get(plain_trap(notification.trap), ()):
            trap = Trap(self.profile, group, notification)
            try:
                if trap.is_meant(meaning):
                    said += _MADE[meaning.means](_Told(trap, meaning, device, where))
            except Garbage:
                said.append(Gap(at_s=notification.at_s, device=device))
        return _each_once(said)


def _each_once(said: list[Signal]) -> tuple[Signal, ...]:
    return tuple(dict.fromkeys(said))


@dataclass(frozen=True, slots=True)
class _Told:
    """One meaning of one trap, and who is there."""

    trap: Trap
    meaning: Meaning
    device: str
    where: Whereabouts

    @property
    def at_s(self) -> float:
        return self.trap.notification.at_s

    @property
    def proven(self) -> bool:
        return self.trap.notification.authenticated

    @property
    def gap(self) -> tuple[Signal, ...]:
        return (Gap(at_s=self.at_s, device=self.device),)

    @property
    def said(self) -> Mapping[str, Result]:
        """What the trap says of its radio."""
        told = {name: self.trap.first(sources) for name, sources in self.trap.group.radio.items()}
        return {name: value for name, value in told.items() if value is not None}

    def radios(self) -> list[RadioKey] | None:
        """About which radios it is; None: it names none, empty: none of ours."""
        if not (said := self.said):
            return sorted(self.where.bands) if self.where.one_ap else None
        return sorted(self.where.named(said))

    def what(self) -> str:
        return self.text(self.meaning.what_from) or self.meaning.what

    def over(self) -> bool:
        when = self.meaning.over_when
        return self.meaning.over or (when is not None and self.trap.holds(when))

    def on_wire(self) -> bool:
        when = self.meaning.on_wire_when
        return self.meaning.on_wire or (when is not None and self.trap.holds(when))

    def text(self, sources: Sources) -> str | None:
        """No longer than a person reads, and nothing that a terminal obeys: anybody may have written it."""
        value = self.trap.first(sources)
        if value is None:
            return None
        return "".join(
            each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in str(value)[:_TEXT_MOST]
        )


def _radar(told: _Told) -> tuple[Signal, ...]:
    """All 20 MHz channels of the width count as hit: where in it the radar was, no trap says. Of a width that
    is not known, the widest."""
    named, channel = told.radios(), told.trap.number(told.meaning.channel)
    if named is None:
        return told.gap
    radios = [key for key in named if told.where.bands[key] is Band.GHZ_5]
    moved_to = told.trap.number(told.meaning.moved_to)
    if moved_to is not None:  # a poll was faster than the trap: where the radio was before, is no more known
        radios = [key for key in radios if not _is_on(told.where, key, moved_to)]
    if not radios:
        return told.gap if named else ()
    hit = RadarDetected(
        at_s=told.at_s,
        device=told.device,
        mhz20=frozenset(),
        authenticated=told.proven,
        raw=f"trap {told.trap.notification.trap}",
    )
    if len(radios) > 1 and channel is not None:  # only one of them can have heard it
        radios = [key for key in radios if _is_on(told.where, key, channel)]
    heard = [(key, _hit(told, key, channel)) for key in radios]
    made = [
        replace(hit, radio=key, mhz20=mhz20, raw=f"{hit.raw}{note}") for key, (mhz20, note) in heard if mhz20
    ]
    return tuple(made) if len(made) == 1 else told.gap


def _hit(told: _Told, key: RadioKey, channel: int | None) -> tuple[frozenset[int], str]:
    """20 MHz channels, and what was assumed. A channel that needs no DFS is not where radar was heard: the
    radio has left already, and it counts as none."""
    was_on = told.where.on_air.get(key)
    mhz = None if channel is None else _mhz(channel)
    if channel is None or mhz not in DFS_MHZ:
        return (was_on.mhz20 if was_on is not None and was_on.mhz20 & DFS_MHZ else frozenset()), ""
    if was_on is None:
        return _widest(channel, _widths_mhz(told.trap.profile)) & DFS_MHZ, ASSUMED
    if mhz in was_on.mhz20:
        return was_on.mhz20, ""
    return _widest(channel, [each for each in _WIDTHS_MHZ if each <= was_on.width_mhz]), ""


def _widths_mhz(profile: Profile) -> Iterable[int]:
    """Where a dialect does not say what its radios can have, they may have any."""
    return profile.widths_mhz if "widths_mhz" in profile.model_fields_set else _WIDTHS_MHZ


def _widest(channel: int, widths_mhz: Iterable[int]) -> frozenset[int]:
    around = [each for width in widths_mhz for each in blocks_of(Band.GHZ_5, channel, width)]
    return max(around, key=lambda each: each.width_mhz).mhz20 if around else frozenset({_mhz(channel)})


def _is_on(where: Whereabouts, key: RadioKey, channel: int) -> bool:
    return key in where.on_air and _mhz(channel) in where.on_air[key].mhz20


def _mhz(channel: int) -> int:
    try:
        return frequency_mhz(Band.GHZ_5, channel)
    except ValueError as error:
        raise Garbage(str(error)) from error


def _radar_cleared(told: _Told) -> tuple[Signal, ...]:
    """A channel is let free by nobody's mere word."""
    channel = told.trap.number(told.meaning.channel)
    if not told.proven or channel is None:
        return ()
    return (NopFinished(at_s=told.at_s, device=told.device, mhz20=frozenset({_mhz(channel)})),)


def _channel_changed(told: _Told) -> tuple[Signal, ...]:
    radios, channel = told.radios(), told.trap.number(told.meaning.channel)
    if radios == []:
        return ()
    if radios is None or len(radios) != 1 or channel is None or not told.proven:
        return told.gap
    return (ChannelSwitched(at_s=told.at_s, device=told.device, radio=radios[0], channel=channel),)


def _radio_down(told: _Told) -> tuple[Signal, ...]:
    return _of_each(
        told,
        lambda key: RadioDown(at_s=told.at_s, device=told.device, radio=key, reason=told.what()),
    )


def _radio_up(told: _Told) -> tuple[Signal, ...]:
    return _of_each(told, lambda key: RadioUp(at_s=told.at_s, device=told.device, radio=key))


def _of_each(told: _Told, made: Callable[[RadioKey], Signal]) -> tuple[Signal, ...]:
    radios = told.radios()
    if radios == []:
        return ()
    if radios is None or not told.proven:
        return told.gap
    return tuple(map(made, radios))


def _of_one(told: _Told, made: Callable[[RadioKey], Signal]) -> tuple[Signal, ...]:
    """About the radio that heard it; where the trap names but its AP, the one on that channel."""
    radios = told.radios()
    if radios is None:
        return told.gap
    channel = told.trap.number(told.meaning.channel) if len(radios) > 1 else None
    if channel is not None:
        on_it = [key for key in radios if _primary(told.where, key) == channel]
        radios = on_it or [key for key in radios if (told.where.bands[key] is Band.GHZ_2_4) is (channel < 15)]
    return (made(radios[0]),) if radios else ()


def _primary(where: Whereabouts, key: RadioKey) -> int | None:
    return where.on_air[key].primary if key in where.on_air else None


def _interference(told: _Told) -> tuple[Signal, ...]:
    duty = told.trap.first(told.meaning.duty_ratio)
    return _of_one(
        told,
        lambda key: InterferenceHeard(
            at_s=told.at_s,
            device=told.device,
            radio=key,
            duty_ratio=float(duty) if isinstance(duty, int | float) else None,
            what=told.what(),
            over=told.over(),
            authenticated=told.proven,
        ),
    )


def _rogue(told: _Told) -> tuple[Signal, ...]:
    bssid = told.text(told.meaning.bssid)
    if bssid is None:
        return told.gap
    signal_dbm = told.trap.first(told.meaning.signal_dbm)
    return _of_one(
        told,
        lambda key: RogueHeard(
            at_s=told.at_s,
            device=told.device,
            radio=key,
            bssid=bssid,
            ssid=told.text(told.meaning.ssid),
            channel=told.trap.number(told.meaning.channel),
            signal_dbm=float(signal_dbm) if isinstance(signal_dbm, int | float) else None,
            impersonates=told.meaning.impersonates,
            on_wire=told.on_wire(),
            over=told.over(),
            authenticated=told.proven,
        ),
    )


def _attack(told: _Told) -> tuple[Signal, ...]:
    return _of_one(
        told,
        lambda key: AttackHeard(
            at_s=told.at_s,
            device=told.device,
            radio=key,
            what=told.what(),
            jamming=told.meaning.jamming,
            over=told.over(),
            authenticated=told.proven,
        ),
    )


def _fault(told: _Told) -> tuple[Signal, ...]:
    return _of_one(
        told,
        lambda key: RadioFault(
            at_s=told.at_s,
            device=told.device,
            radio=key,
            what=told.what(),
            over=told.over(),
            authenticated=told.proven,
        ),
    )


def _client_left(told: _Told) -> tuple[Signal, ...]:
    """Unproven it is worth nothing, and no poll either: clients leave all day."""
    mac = told.text(told.meaning.client)
    if mac is None or not told.proven:
        return ()
    return _of_one(told, lambda key: ClientLeft(at_s=told.at_s, device=told.device, radio=key, mac=mac))


def _poll(told: _Told) -> tuple[Signal, ...]:
    return () if told.radios() == [] else told.gap


_MADE: Final[Mapping[Means, Callable[[_Told], tuple[Signal, ...]]]] = MappingProxyType(
    {
        Means.RADAR: _radar,
        Means.RADAR_CLEARED: _radar_cleared,
        Means.CHANNEL_CHANGED: _channel_changed,
        Means.RADIO_DOWN: _radio_down,
        Means.RADIO_UP: _radio_up,
        Means.INTERFERENCE: _interference,
        Means.ROGUE: _rogue,
        Means.ATTACK: _attack,
        Means.FAULT: _fault,
        Means.CLIENT_LEFT: _client_left,
        Means.POLL: _poll,
    }
)
