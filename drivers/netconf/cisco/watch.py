"""What a C9800 tells only when it is asked, turned into signals: what is new since the last look. Pure but
for its memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from drivers.netconf.cisco import parse_event
from drivers.netconf.cisco.parse import Radio, Slot
from drivers.netconf.cisco.parse_event import Left
from drivers.netconf.cisco.parse_rrm import Interferer, RadarHit, Seen
from drivers.netconf.cisco.reading import occupied
from drivers.signals import AttackHeard, ClientLeft, InterferenceHeard, RadarDetected, RogueHeard, Signal
from inventory.channels import channels, frequency_mhz
from inventory.model import Band, RadioKey


class Watch:
    """Outlives a reconnection: radar that was heard meanwhile is told then."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._keys: dict[Slot, RadioKey] = {}
        self._radios: Mapping[Slot, Radio] = {}
        self._hits: Mapping[Slot, frozenset[RadarHit]] | None = None
        self._heard: dict[str, tuple[Interferer, RadioKey]] = {}

    def knows(self, keys: Mapping[RadioKey, Slot], radios: Mapping[Slot, Radio]) -> None:
        """Which radios are whose, and what they are on."""
        self._keys = {slot: key for key, slot in keys.items()}
        self._radios = {**self._radios, **radios}

    def begins(self, seen: Seen) -> None:
        """Radar that was heard before the very first look is no news."""
        if self._hits is None:
            self._hits = seen.radar

    def looked(self, seen: Seen, at_s: float) -> list[Signal]:
        self.begins(seen)
        before, self._hits = self._hits or {}, seen.radar
        return [*self._radar(before, seen.radar, at_s), *self._interference(seen.interferers, at_s)]

    def notified(self, notification: str, at_s: float) -> Signal | None:
        """None: it is of no radio of the inventory, or nothing that counts. Raises Garbage."""
        event = parse_event.event(notification)
        key = self._keys.get(event.radio) if event is not None else None
        if event is None or key is None:
            return None
        if isinstance(event, Left):
            return ClientLeft(at_s=at_s, device=self._device, radio=key, mac=event.mac)
        return RogueHeard(
            at_s=at_s,
            device=self._device,
            radio=key,
            bssid=event.bssid,
            ssid=event.ssid,
            channel=event.channel,
            impersonates=event.impersonates,
            over=event.over,
        )

    def _radar(
        self,
        before: Mapping[Slot, frozenset[RadarHit]],
        hits: Mapping[Slot, frozenset[RadarHit]],
        at_s: float,
    ) -> Iterator[Signal]:
        for slot, key in self._keys.items():
            for hit in sorted(hits.get(slot, frozenset()) - before.get(slot, frozenset()), key=_moment):
                yield RadarDetected(
                    at_s=at_s,
                    device=self._device,
                    mhz20=self._hit_mhz(slot, hit.channel),
                    radio=key,
                    raw=f"channel {hit.channel} at {hit.at}",
                )

    def _hit_mhz(self, slot: Slot, channel: int) -> frozenset[int]:
        """It names just one channel: all that the radio occupied, where that is part of it; else that one."""
        if channel not in channels(Band.GHZ_5):
            return frozenset()
        mhz, radio = frequency_mhz(Band.GHZ_5, channel), self._radios.get(slot)
        block = occupied(radio) if radio is not None else frozenset[int]()
        return block if mhz in block else frozenset({mhz})

    def _interference(self, there: Mapping[str, Interferer], at_s: float) -> Iterator[Signal]:
        for id_, each in there.items():
            key = self._hearing(each)
            if key is not None and self._heard.get(id_) != (each, key):
                self._heard[id_] = (each, key)
                yield self._told(each, key, at_s, over=False)
        for id_ in self._heard.keys() - there.keys():
            each, key = self._heard.pop(id_)
            yield self._told(each, key, at_s, over=True)

    def _told(self, each: Interferer, key: RadioKey, at_s: float, *, over: bool) -> Signal:
        if each.jams:
            return AttackHeard(
                at_s=at_s, device=self._device, radio=key, what=each.what, jamming=True, over=over
            )
        return InterferenceHeard(
            at_s=at_s,
            device=self._device,
            radio=key,
            duty_ratio=None if over else each.duty_ratio,
            what=each.what,
            over=over,
        )

    def _hearing(self, each: Interferer) -> RadioKey | None:
        """The radio of that AP which is on one of the channels. An interferer elsewhere harms nobody here."""
        for slot, key in self._keys.items():
            radio = self._radios.get(slot)
            if slot.mac == each.ap and radio is not None and radio.channel in each.channels:
                return key
        return None


def _moment(hit: RadarHit) -> tuple[str, int]:
    return hit.at, hit.channel
