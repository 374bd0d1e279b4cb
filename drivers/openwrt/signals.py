"""Events of ubus and of the log -> signals, each once. Pure: time is an argument.

A radio with N BSSs tells radar and a switch N times, a leaving client is told as deauth and as disassoc, and
what comes by ubus comes by the log too. Released versions of OpenWrt never notify radar, so without a log a
switch that nobody ordered, away from a channel with radar detection, is a reason to look.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from drivers.errors import Garbage
from drivers.hostapd.parse_event import Event, EventKind
from drivers.hostapd.signals import ECHO_S, Listed, Mapper
from drivers.openwrt import parse_event
from drivers.openwrt.spectrum import is_dfs
from drivers.signals import (
    ChannelSwitched,
    ClientLeft,
    Gap,
    NopFinished,
    RadarDetected,
    RadioDown,
    RadioUp,
    Signal,
)
from inventory.channels import channel_of
from inventory.model import RadioKey

NOP_S: Final = 1800.0  # non-occupancy period, in every region that has DFS
_ORDERED_S: Final = 30.0  # a switch that comes so soon after our own write is ours (255 beacons are 26 s)
_COMES_AND_GOES: Final = frozenset({"bss.add", "bss.remove", "bss.reload"})


class Heard:
    """What was told lately, so that nothing is told twice. ``infers``: there is no log to hear radar from.
    ``before``: of the session before this one, for radar outlives a session."""

    def __init__(
        self, device: str, radios: Iterable[Listed], *, infers: bool = False, before: Heard | None = None
    ) -> None:
        self._device = device
        self._radios = tuple(radios)
        self._of_interface = {name: each.key for each in self._radios for name in (each.ifname, *each.bss)}
        self._mapper = Mapper(device, self._radios)
        self.infers = infers
        self._last: dict[tuple[str, RadioKey, object], float] = {}
        self._on: dict[RadioKey, type[Signal]] = {}
        self._ordered: dict[RadioKey, float] = {}
        self._barred: dict[int, float] = dict(before._barred) if before is not None else {}

    @property
    def interfaces(self) -> frozenset[str]:
        """Those whose events are understood."""
        return frozenset(self._of_interface)

    def barred(self, at_s: float) -> frozenset[int]:
        """20 MHz channels (MHz) on which radar was heard less than half an hour ago."""
        return frozenset(mhz for mhz, until_s in self._barred.items() if at_s < until_s)

    def seen_on(self, key: RadioKey, mhz20: frozenset[int]) -> None:
        """A poll found the radio there."""
        self._mapper.seen_on(key, mhz20)

    def ordered(self, key: RadioKey, at_s: float) -> None:
        """We are about to move it ourselves."""
        self._ordered[key] = at_s

    def of_log(self, line: str, at_s: float) -> tuple[Signal, ...]:
        try:
            event = parse_event.of_log(line)
        except Garbage:  # radar that can't be read is still a reason to poll at once
            return (Gap(at_s=at_s, device=self._device),)
        return self._told("log", event, at_s) if event else ()

    def of_ubus(self, object: str, kind: str, data: Mapping[str, Any], at_s: float) -> tuple[Signal, ...]:
        """A notification of `hostapd`, which says that BSSs come and go, or of one `hostapd.<ifname>`."""
        if object == "hostapd":
            return (Gap(at_s=at_s, device=self._device),) if kind in _COMES_AND_GOES else ()
        ifname = object.removeprefix("hostapd.")
        try:
            event = parse_event.of_ubus(ifname, kind, data)
        except Garbage:
            return (Gap(at_s=at_s, device=self._device),)
        return self._told("ubus", event, at_s) if event else ()

    def _told(self, source: str, event: Event, at_s: float) -> tuple[Signal, ...]:
        ifname = event.ifname or ""
        key = self._of_interface.get(ifname)
        if event.kind is EventKind.CLIENT_CAME and key is not None:
            self._last.pop(("left", key, event.mac), None)
            return ()
        if event.kind is EventKind.SWITCHED and event.width_mhz is None:
            return self._moved(key, event, at_s) if key is not None else ()
        told = self._mapper.signals(ifname, event, at_s, f"{source} {ifname}")
        for signal in told:
            self._noted(signal)
        return tuple(each for each in told if not self._again(each, at_s))

    def _noted(self, signal: Signal) -> None:
        if isinstance(signal, RadarDetected):
            self._barred.update(dict.fromkeys(signal.mhz20, signal.at_s + NOP_S))
        elif isinstance(signal, NopFinished):
            for mhz in signal.mhz20:
                self._barred.pop(mhz, None)

    def _moved(self, key: RadioKey, event: Event, at_s: float) -> tuple[Signal, ...]:
        """ubus names the primary alone: where the rest of the block is, the next poll says."""
        assert event.frequency_mhz is not None  # noqa: S101 -- parse_event refuses a switch without one
        channel = channel_of(event.frequency_mhz)[1]
        moved = ChannelSwitched(at_s=at_s, device=self._device, radio=key, channel=channel)
        if self._again(moved, at_s):
            return ()
        was = self._mapper.last_on(key)
        if was and event.frequency_mhz not in was:
            self._mapper.seen_on(key, event.mhz20)
        return (*self._inferred(key, was, event, at_s), moved)

    def _inferred(self, key: RadioKey, was: frozenset[int], event: Event, at_s: float) -> tuple[Signal, ...]:
        """Radar, perhaps: only a reason to look, for a person may have moved the AP as well."""
        band = next(each.band for each in self._radios if each.key == key)
        dfs = frozenset(mhz for mhz in was if is_dfs(band, mhz))
        ours = at_s - self._ordered.get(key, -_ORDERED_S - 1) <= _ORDERED_S
        if not self.infers or ours or not dfs or event.mhz20 & was:
            return ()
        raw = f"inferred: left a DFS channel unasked ({event.raw})"
        radar = RadarDetected(
            at_s=at_s, device=self._device, mhz20=dfs, radio=key, authenticated=False, raw=raw
        )
        return (radar,)

    def _again(self, signal: Signal, at_s: float) -> bool:
        """Whether the same was told a moment ago."""
        if isinstance(signal, RadioUp | RadioDown):
            return self._same_state(signal, at_s)
        if isinstance(signal, ChannelSwitched):
            return self._echo(("switched", signal.radio, signal.channel), at_s)
        if isinstance(signal, ClientLeft):
            return self._echo(("left", signal.radio, signal.mac), at_s)
        return False

    def _same_state(self, signal: RadioUp | RadioDown, at_s: float) -> bool:
        """AP-DISABLED and CTRL-EVENT-TERMINATING, of each BSS, are one going down."""
        same = self._on.get(signal.radio) is type(signal)
        self._on[signal.radio] = type(signal)
        return self._echo(("state", signal.radio, type(signal)), at_s) and same

    def _echo(self, told: tuple[str, RadioKey, object], at_s: float) -> bool:
        last = self._last.get(told)
        self._last[told] = at_s
        if len(self._last) > _MOST:
            self._last = {name: when for name, when in self._last.items() if at_s - when <= ECHO_S}
        return last is not None and at_s - last <= ECHO_S


_MOST: Final = 4096  # clients may invent addresses
