"""Events of all the device's interfaces -> signals about its radios, each once. Pure: time is an argument."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

from drivers.hostapd.parse_event import Event, EventKind
from drivers.signals import (
    CacFinished,
    CacStarted,
    ChannelSwitched,
    ClientLeft,
    NopFinished,
    RadarDetected,
    RadioDown,
    RadioUp,
    Signal,
)
from inventory.channels import channel_of
from inventory.model import Band, RadioKey

ECHO_S: Final = 2.0  # the kernel tells every phy of the machine at once; hostapd's queues add milliseconds
_ECHOED: Final = frozenset(
    {EventKind.RADAR, EventKind.NOP_FINISHED, EventKind.CAC_START, EventKind.CAC_COMPLETED}
)


class Listed(Protocol):
    """A radio of the inventory as it was found on the device. ``bss``: interfaces of its BSSs."""

    @property
    def key(self) -> RadioKey: ...
    @property
    def band(self) -> Band: ...
    @property
    def ifname(self) -> str: ...
    @property
    def bss(self) -> tuple[str, ...]: ...


class Mapper:
    """DFS events come once per radio of the machine, so they are matched by frequency and not by the
    interface that told them; all others belong to the interface."""

    def __init__(self, device: str, radios: Iterable[Listed]) -> None:
        self._device = device
        self.finds(radios)
        self._blocks: dict[RadioKey, frozenset[int]] = {}
        self._told: dict[tuple[EventKind, frozenset[int]], tuple[float, str]] = {}

    def finds(self, radios: Iterable[Listed]) -> None:
        """These there are now, with these BSSs."""
        self._radios = tuple(radios)
        self._of_interface = {name: radio for radio in self._radios for name in (radio.ifname, *radio.bss)}

    def seen_on(self, key: RadioKey, mhz20: frozenset[int]) -> None:
        """A poll found the radio there."""
        self._blocks[key] = mhz20

    def last_on(self, key: RadioKey) -> frozenset[int]:
        """20 MHz channels (MHz) on which it was last known to be; empty: not known."""
        return self._blocks.get(key, frozenset())

    def signals(
        self, ifname: str, event: Event, at_s: float, teller: str | None = None
    ) -> tuple[Signal, ...]:
        """``teller``: who told it, where one interface's events come by more ways than one."""
        ifname = event.ifname or ifname
        if event.kind in _ECHOED:
            return () if self._is_echo(teller or ifname, event, at_s) else self._dfs(event, at_s)
        radio = self._of_interface.get(ifname)
        make = _PLAIN.get(event.kind)
        if radio is None or make is None:
            return ()
        if event.kind is EventKind.SWITCHED:
            self._blocks[radio.key] = event.mhz20
        return make(self._device, radio.key, event, at_s)

    def _is_echo(self, teller: str, event: Event, at_s: float) -> bool:
        """The same event by another interface a moment ago; from the same interface it is a new one."""
        last = self._told.get((event.kind, event.mhz20))
        if last is not None and at_s - last[0] <= ECHO_S and last[1] != teller:
            return True
        self._told[event.kind, event.mhz20] = at_s, teller
        return False

    def _dfs(self, event: Event, at_s: float) -> tuple[Signal, ...]:
        key = self._concerned(event)
        if event.kind is EventKind.RADAR:
            return (
                RadarDetected(at_s=at_s, device=self._device, mhz20=event.mhz20, radio=key, raw=event.raw),
            )
        if event.kind is EventKind.NOP_FINISHED:
            return (NopFinished(at_s=at_s, device=self._device, mhz20=event.mhz20),)
        if key is None:
            return ()
        if event.kind is EventKind.CAC_START:
            self._blocks[key] = event.mhz20
            return (CacStarted(at_s=at_s, device=self._device, radio=key, cac_s=event.cac_s),)
        return (CacFinished(at_s=at_s, device=self._device, radio=key, success=event.success is True),)

    def _concerned(self, event: Event) -> RadioKey | None:
        """The radio that is there, else the only one of that band; None: it cannot be told."""
        if event.frequency_mhz is None:
            return None
        band = channel_of(event.frequency_mhz)[0]
        mine = [radio.key for radio in self._radios if radio.band is band]
        there = [key for key in mine if self._blocks.get(key, frozenset()) & event.mhz20]
        candidates = there or mine
        return candidates[0] if len(candidates) == 1 else None


def _switched(device: str, key: RadioKey, event: Event, at_s: float) -> tuple[Signal, ...]:
    assert event.frequency_mhz is not None  # noqa: S101 -- parse_event refuses a switch without one
    channel = channel_of(event.frequency_mhz)[1]
    return (
        ChannelSwitched(
            at_s=at_s,
            device=device,
            radio=key,
            channel=channel,
            width_mhz=event.width_mhz,
            center_mhz=event.center_mhz,
        ),
    )


def _up(device: str, key: RadioKey, event: Event, at_s: float) -> tuple[Signal, ...]:
    return (RadioUp(at_s=at_s, device=device, radio=key),)


def _down(device: str, key: RadioKey, event: Event, at_s: float) -> tuple[Signal, ...]:
    return (RadioDown(at_s=at_s, device=device, radio=key, reason=event.kind.value),)


def _left(device: str, key: RadioKey, event: Event, at_s: float) -> tuple[Signal, ...]:
    if event.mac is None:
        return ()
    return (ClientLeft(at_s=at_s, device=device, radio=key, mac=event.mac),)


_PLAIN: Final[Mapping[EventKind, Callable[[str, RadioKey, Event, float], tuple[Signal, ...]]]] = {
    EventKind.SWITCHED: _switched,
    EventKind.ENABLED: _up,
    EventKind.INTERFACE_ENABLED: _up,
    EventKind.DISABLED: _down,
    EventKind.INTERFACE_DISABLED: _down,
    EventKind.TERMINATING: _down,
    EventKind.CLIENT_LEFT: _left,
}
