"""A snapshot -> SiteView: the one input of all planning, so a what-if runs the code of a live site. Pure.

What a snapshot leaves out gets a sensible value: one written by hand needs a country, bands, and who hears
whom.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from agent.airtime import ChannelAir
from agent.change import Actor, Change
from agent.crowd import WIDTHS_MHZ, Usual
from agent.levels import USUAL_SD_DB, Spread
from agent.moment import Deadline, Moment, utc_us_of
from agent.nop import Met
from agent.planner.site import snapshot_words as words
from agent.planner.site.snapshot_error import SnapshotError, SnapshotErrors, error_at, explained
from agent.planner.site.snapshot_site import errors_of_head, site_of
from agent.view import Heard, RadioView, SiteView
from drivers.types import (
    BssReading,
    Capabilities,
    ClientReading,
    NeighborReading,
    RadioReading,
    Reported,
    ScopeRef,
    Setting,
    Table,
)
from inventory.model import Radio, RadioKey, Site, radio_key
from inventory.site_error import Steps

SOURCE: Final = "snapshot"


def read(text: str | bytes) -> SiteView:
    """The site of a snapshot's JSON text. Raises SnapshotErrors."""
    return to_view(parsed(text))


def parsed(text: str | bytes) -> dict[str, Any]:
    """The JSON object of a text, with no key twice. Raises SnapshotErrors."""
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except SnapshotErrors:
        raise
    except (ValueError, RecursionError) as error:  # ValueError: an integer of thousands of digits, too
        raise SnapshotErrors([SnapshotError("", "JSON", " ".join(str(error).split()))]) from None
    if not isinstance(found, dict):
        raise SnapshotErrors([SnapshotError("", "an object", type(found).__name__)])
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise SnapshotErrors([SnapshotError(twice, "a key once", "it twice in one object")])
    return found


def to_view(snapshot: Any) -> SiteView:
    """The site of a snapshot. Raises SnapshotErrors with all that is wrong."""
    try:
        said = words.SnapshotWords.model_validate(snapshot)
    except ValidationError as error:
        raise SnapshotErrors([*explained(error, _keys()), *_wrong_head(snapshot)]) from None
    site = site_of(said)
    return _Reading(said, site, _moment(said.made_utc)).view()


def _wrong_head(snapshot: Any) -> Iterable[SnapshotError]:
    """What else is wrong with its site, as far as that can be read."""
    site = snapshot.get("site") if isinstance(snapshot, dict) else None
    try:
        return errors_of_head(words.SiteWords.model_validate(site))
    except ValidationError:
        return ()


def _keys() -> Iterator[str]:
    for each in vars(words).values():
        if isinstance(each, type) and issubclass(each, BaseModel):
            yield from each.model_fields


def _moment(made_utc: str | None) -> Moment:
    utc_us = utc_us_of(made_utc) if made_utc else 0
    return Moment(monotonic_s=0.0, utc_us=utc_us, boot_id=SOURCE, boottime_us=0)


# -- what is known of it -----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Reading:
    """One pass over one snapshot whose site is read."""

    said: words.SnapshotWords
    site: Site
    now: Moment
    errors: list[SnapshotError] = field(default_factory=list)
    bssids: dict[str, RadioKey] = field(default_factory=dict)
    sent: dict[RadioKey, tuple[str, ...]] = field(default_factory=dict)
    numbers: dict[RadioKey, int] = field(default_factory=dict)

    def view(self) -> SiteView:
        self._name_all()
        radios = {key: self._radio(key, each, ap) for key, each, ap in self._all()}
        if self.errors:
            raise SnapshotErrors(self.errors)
        said = self.said
        return SiteView(
            site=self.site,
            now=self.now,
            radios=MappingProxyType(radios),
            barred_mhz=frozenset(said.barred_mhz),
            radar=tuple(map(self._met, said.radar)),
            changes=tuple(map(self._change, said.changes)),
            paused=frozenset(said.paused),
            observing_only=said.observing_only,
            hands_off=said.hands_off,
            bssids=MappingProxyType(self.bssids),
            channels=MappingProxyType(
                {
                    key: at.reading.channel.value
                    for key, at in radios.items()
                    if at.reading and at.reading.channel
                }
            ),
        )

    def _all(self) -> Iterator[tuple[RadioKey, words.RadioWords, words.ApWords]]:
        for ap, said in self.said.aps.items():
            for name, each in said.radios.items():
                yield radio_key(self.site.id, ap, name), each, said

    def _name_all(self) -> None:
        """Whose each BSSID is; a radio of which none is said gets one that nobody else has."""
        for number, (key, each, _) in enumerate(self._all()):
            told = [_made_up("02", number, 0)] if each.bssids is None else each.bssids
            for bssid in told:
                if self.bssids.setdefault(bssid, key) != key:
                    self._wrong(key, ("bssids",), "BSSIDs that no other radio has", bssid)
            self.sent[key], self.numbers[key] = tuple(told), number

    def _wrong(self, key: RadioKey, below: Steps, expected: str, got: str) -> None:
        _, ap, name = key.split("/")
        self.errors.append(error_at(("aps", ap, "radios", name, *below), expected, got))

    def _radio(self, key: RadioKey, said: words.RadioWords, ap: words.ApWords) -> RadioView:
        radio = self.site.radios[key]
        limit_s = self.site.policy.neighbour_age_s
        scanned_age_s = said.scanned_age_s
        if not said.said("scanned_age_s") and said.said("heard"):
            scanned_age_s = 0.0
        heard = [self._heard(key, number, each) for number, each in enumerate(said.heard)]
        return RadioView(
            radio=radio,
            device=ap.device or key.split("/")[1],
            reading=self._reading(radio, said.now) if said.now else None,
            neighbors=Heard({each.bssid: (0.0, each) for each in heard}, 0.0, limit_s),
            scanned=scanned_age_s is not None and scanned_age_s <= limit_s,
            scanned_age_s=scanned_age_s,
            air=MappingProxyType({each.mhz: _air(each) for each in said.air}),
            capabilities=_capabilities(radio, said),
            spread=MappingProxyType(dict(_spread(said.heard, heard))),
            usual=_usual(said.usual) if said.usual else None,
        )

    def _heard(self, key: RadioKey, number: int, said: words.HeardWords) -> NeighborReading:
        bssid, channel = said.bssid, said.channel
        other = None if said.radio is None else RadioKey(f"{self.site.id}/{said.radio}")
        if other is not None and other not in self.sent:
            self._wrong(key, ("heard", number, "radio"), "ap/radio of this snapshot", said.radio or "nothing")
        elif other is not None:
            bssid = bssid or (self.sent[other] or ("",))[0]
            channel = channel or self._channel_of(other)
        if channel is None and (other is None or other in self.sent):
            self._wrong(key, ("heard", number), "the key channel", "nothing")
        return NeighborReading(
            bssid=bssid or _made_up("06", self.numbers[key], number),
            channel=channel or 0,
            signal_dbm=said.signal_dbm,
            width_mhz=said.width_mhz,
            center_mhz=said.center_mhz,
            utilization_ratio=said.utilization_ratio,
            age_s=said.age_s,
        )

    def _channel_of(self, key: RadioKey) -> int | None:
        """Of a radio of this snapshot."""
        _, ap, name = key.split("/")
        now = self.said.aps[ap].radios[name].now
        return now.channel if now else None

    def _reading(self, radio: Radio, said: words.NowWords) -> RadioReading:
        return RadioReading(
            key=radio.key,
            at_s=-said.age_s,
            state=said.state,
            band=radio.band,
            channel=_reported(said.channel),
            width_mhz=_reported(said.width_mhz),
            center_mhz=_reported(said.center_mhz),
            tx_power_dbm=_reported(said.tx_power_dbm),
            obss_pd_dbm=_reported(said.obss_pd_dbm),
            country=_reported(said.country),
            bss=tuple(BssReading(bssid=each) for each in self.sent[radio.key]),
            clients=None if said.clients is None else tuple(map(_client, said.clients, range(10**6))),
            client_count=said.client_count,
            nop_mhz=_frozen(said.nop_mhz),
            cac_done_mhz=_frozen(said.cac_done_mhz),
            allowed_mhz=_frozen(said.allowed_mhz),
            power_choices_dbm=None if said.power_choices_dbm is None else tuple(said.power_choices_dbm),
            cac_left_s=said.cac_left_s,
            uplink=said.uplink,
            managed_by=said.managed_by,
        )

    def _met(self, said: words.MetWords) -> Met:
        radios = frozenset(RadioKey(f"{self.site.id}/{each}") for each in said.radios)
        return Met(utc_us=utc_us_of(said.utc), mhz20=frozenset(said.mhz), radios=radios)

    def _change(self, said: words.ChangeWords) -> Change:
        radios = tuple(RadioKey(f"{self.site.id}/{each}") for each in said.radios)
        return Change(
            id=said.id,
            site=self.site.id,
            device=said.device,
            scope=ScopeRef(kind=said.scope, name=said.name, members=radios),
            target=MappingProxyType(said.target),
            prior=MappingProxyType(said.prior),
            cause=said.cause,
            state=said.state,
            deadline=Deadline.after(self.now, said.left_s),
            actor=Actor(type=said.by),
            drill=said.drill,
            event_id=said.event_id,
            undo_of=said.undo_of,
            verdict=said.verdict,
            created_utc_us=utc_us_of(said.created_utc),
        )


def _made_up(first: str, number: int, index: int) -> str:
    """A locally administered address that no other call gives."""
    octets = (number >> 16, number >> 8, number, index >> 8, index)
    return ":".join([first, *(f"{octet & 255:02x}" for octet in octets)])


def _reported(value: Any) -> Any:
    return None if value is None else Reported(value, SOURCE)


def _frozen(found: Iterable[int] | None) -> frozenset[int] | None:
    return None if found is None else frozenset(found)


def _client(said: words.ClientWords, number: int) -> ClientReading:
    return ClientReading(
        mac=_made_up("0a", number, 0), signal_dbm=said.signal_dbm, max_width_mhz=said.max_width_mhz
    )


def _spread(
    said: Iterable[words.HeardWords], heard: Iterable[NeighborReading]
) -> Iterator[tuple[str, Spread]]:
    """How sure the levels are, of those that say so."""
    for one, each in zip(said, heard, strict=True):
        if one.sd_db is not None or one.scans is not None or one.presence is not None:
            sd_db = USUAL_SD_DB if one.sd_db is None else one.sd_db
            scans = 1.0 if one.scans is None else one.scans
            yield each.bssid, Spread(sd_db, scans, 1.0 if one.presence is None else one.presence)


def _usual(said: words.UsualWords) -> Usual:
    able = {int(width): share for width, share in said.able.items()}
    return Usual(said.clients, tuple(able.get(width, 1.0) for width in WIDTHS_MHZ))


def _air(said: words.AirWords) -> ChannelAir:
    return ChannelAir(
        listened_ms=said.listened_ms,
        busy=said.busy,
        rx=said.rx,
        tx=said.tx,
        noise_dbm=said.noise_dbm,
        age_s=said.age_s,
    )


def _capabilities(radio: Radio, said: words.RadioWords) -> Capabilities | None:
    """None only where the snapshot says so: a hand-written radio can be set as its site allows."""
    if said.can is None and said.said("can"):
        return None
    can = said.can or words.CanWords()
    undo = can.undo_timer_s
    return Capabilities(
        tables=frozenset(Table) if can.tables is None else frozenset(can.tables),
        settings=MappingProxyType(dict.fromkeys(Setting, "radio") if can.settings is None else can.settings),
        widths_mhz=_usual_widths(radio, said.now) if can.widths_mhz is None else tuple(can.widths_mhz),
        undo_timer_s=(undo[0], undo[1]) if undo else None,
        saves=can.saves,
        rx_time_trusted=can.rx_time_trusted,
        actions=frozenset(can.actions),
        obss_pd_acts=can.obss_pd_acts,
        moves_drop=can.moves_drop,
    )


def _usual_widths(radio: Radio, now: words.NowWords | None) -> tuple[int, ...]:
    """Those that its site's file has, and the one that it is on: that its device has for certain."""
    on = {now.width_mhz} if now and now.width_mhz else set()
    return tuple(sorted({*radio.widths_mhz, *on}))
