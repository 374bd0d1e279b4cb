"""A site at one instant as a JSON object, with all that a plan is made of: SiteView -> snapshot. Pure.

No secrets, no addresses of devices or clients. What each key means: docs/planning.md; the way back:
`agent.planner.site.snapshot_view`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from typing import Any, Final

from pydantic import ValidationError

from agent.airtime import ChannelAir
from agent.change import Change
from agent.crowd import WIDTHS_MHZ, Crowd, Usual
from agent.levels import Spread
from agent.moment import Moment, iso
from agent.nop import Met
from agent.planner.pooling import crowds, pooled_radio
from agent.planner.site.snapshot_words import AirWords, ClientWords, HeardWords, NowWords, Words
from agent.view import RadioView, SiteView
from drivers.types import Capabilities, ClientReading, NeighborReading, RadioReading, Reported
from inventory.channels import is_centre
from inventory.model import AccessPoint, Band, Policy, Radio, RadioKey
from inventory.schema import PolicyWords, RadioWords
from inventory.windows import Window

VERSION: Final = 1

_NOT_OF_PLANS: Final = frozenset({"monitor", "monitor_s", "detect"})
_SPANS: Final = frozenset({"quiet_hours"})


def from_view(view: SiteView) -> dict[str, Any]:
    """The snapshot of a site as plans see it, pooled over its scans; only dicts, lists, text, numbers, flags
    and None."""
    return {**_head(view), "aps": dict(_aps(view))}


def text_of(view: SiteView) -> str:
    """The same as JSON text, written AP by AP: of a great site never all is there at once, and whoever runs
    beside has his turn."""
    aps = ",".join(f"{_json(id)}:{_json(ap)}" for id, ap in _aps(view))
    return f'{_json(_head(view))[:-1]},"aps":{{{aps}}}}}'


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def _head(view: SiteView) -> dict[str, Any]:
    site = view.site
    return {
        "version": VERSION,
        "made_utc": iso(view.now.utc_us),
        "site": {"id": site.id, "country": site.country, "timezone": site.timezone},
        "policy": policy_words(site.policy),
        "barred_mhz": sorted(filter(is_centre, view.barred_mhz)),
        "radar": [_met(each, view.now) for each in view.radar],
        "changes": [_change(each, view) for each in view.changes],
        "paused": sorted(view.paused),
        "observing_only": view.observing_only,
        "hands_off": view.hands_off,
    }


def _aps(view: SiteView) -> Iterator[tuple[str, dict[str, Any]]]:
    sent, crowd = _sent(view.bssids), crowds(view)
    return ((id, _ap(view, ap, sent, crowd)) for id, ap in view.site.aps.items())


def policy_words(policy: Policy) -> dict[str, Any]:
    """The policy in the words of the site file, without what only monitoring and detecting need."""
    names = [name for name in PolicyWords.model_fields if name not in _NOT_OF_PLANS]
    return {
        name: [_span(*each) for each in getattr(policy, name)]
        if name in _SPANS
        else plain(getattr(policy, name))
        for name in names
    }


def plain(value: Any) -> Any:
    """A value in the words of JSON; a radio's settings and policies are made of nothing else."""
    if isinstance(value, StrEnum):
        return str(value)
    if isinstance(value, Window):
        return value.text
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if is_dataclass(value):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    return value


def _span(start: int, end: int) -> str:
    """Minutes of the day as ``22:00-05:00``."""
    return f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"


def _sent(bssids: Mapping[str, RadioKey]) -> Mapping[RadioKey, list[str]]:
    found: dict[RadioKey, list[str]] = {}
    for bssid, key in bssids.items():
        found.setdefault(key, []).append(bssid)
    return found


def _ap(
    view: SiteView, ap: AccessPoint, sent: Mapping[RadioKey, list[str]], crowd: Mapping[Band, Crowd]
) -> dict[str, Any]:
    radios = {}
    for each in ap.radios:  # one by one: the means of a thousand radios would be a lot
        at = pooled_radio(view.radios[each.key], view.now.monotonic_s, crowd.get(each.band))
        radios[each.key.rsplit("/", 1)[1]] = _radio(view, at, sent.get(each.key, []))
    return {**_told(device=ap.device, zone=ap.zone, position_m=plain(ap.position_m)), "radios": radios}


def _radio(view: SiteView, at: RadioView, bssids: list[str]) -> dict[str, Any]:
    return {
        **_config(at.radio),
        "bssids": bssids,
        "now": _believable(NowWords, _now(at.reading, view.now)) if at.reading else None,
        "heard": [each for each in _heard_by(view, at) if "channel" in each],
        "scanned_age_s": at.scanned_age_s,
        "air": _all_believable(AirWords, (_air(mhz, each) for mhz, each in at.air.items())),
        "can": _can(at.capabilities) if at.capabilities else None,
        "usual": _usual(at.usual) if at.usual else None,
    }


def _config(radio: Radio) -> dict[str, Any]:
    found = {name: plain(getattr(radio, name)) for name in RadioWords.model_fields}
    if radio.band is not Band.GHZ_6:
        del found["class_6ghz"]
    return _told(**found)


def _now(said: RadioReading, now: Moment) -> dict[str, Any]:
    return _told(
        age_s=max(0.0, now.monotonic_s - said.at_s),
        state=str(said.state),
        channel=_value(said.channel),
        width_mhz=_value(said.width_mhz),
        center_mhz=_value(said.center_mhz),
        tx_power_dbm=_value(said.tx_power_dbm),
        obss_pd_dbm=_value(said.obss_pd_dbm),
        country=_value(said.country),
        clients=None if said.clients is None else _all_believable(ClientWords, map(_client, said.clients)),
        client_count=said.client_count,
        nop_mhz=_sorted(said.nop_mhz),
        cac_done_mhz=_sorted(said.cac_done_mhz),
        allowed_mhz=_sorted(said.allowed_mhz),
        power_choices_dbm=plain(said.power_choices_dbm),
        cac_left_s=said.cac_left_s,
        uplink=said.uplink or None,
        managed_by=said.managed_by,
    )


def _client(each: ClientReading) -> dict[str, Any]:
    return _told(signal_dbm=each.signal_dbm, max_width_mhz=each.max_width_mhz)


def _usual(each: Usual) -> dict[str, Any]:
    return {"clients": each.clients, "able": dict(zip(map(str, WIDTHS_MHZ), each.able, strict=True))}


def _heard_by(view: SiteView, at: RadioView) -> list[dict[str, Any]]:
    found = (_heard(each, at.spread.get(each.bssid)) for each in at.neighbors)
    return _all_believable(HeardWords, found)


def _heard(each: NeighborReading, spread: Spread | None) -> dict[str, Any]:
    return _told(
        bssid=each.bssid,
        channel=each.channel,
        signal_dbm=min(each.signal_dbm, 0.0),  # no receiver hears more; NaN stays NaN
        width_mhz=each.width_mhz,
        center_mhz=each.center_mhz,
        utilization_ratio=each.utilization_ratio,
        age_s=max(0.0, each.age_s),
        **(spread._asdict() if spread else {}),
    )


def _air(mhz: int, air: ChannelAir) -> dict[str, Any]:
    return _told(
        mhz=mhz,
        busy=air.busy,
        rx=air.rx,
        tx=air.tx,
        noise_dbm=air.noise_dbm,
        listened_ms=air.listened_ms,
        age_s=max(0.0, air.age_s),
    )


def _can(able: Capabilities) -> dict[str, Any]:
    return _told(
        settings=plain(able.settings),
        widths_mhz=list(able.widths_mhz),
        tables=sorted(map(str, able.tables)),
        actions=sorted(map(str, able.actions)),
        obss_pd_acts=able.obss_pd_acts,
        moves_drop=able.moves_drop,
        rx_time_trusted=able.rx_time_trusted,
        saves=able.saves,
        undo_timer_s=plain(able.undo_timer_s),
    )


def _change(change: Change, view: SiteView) -> dict[str, Any]:
    return _told(
        id=change.id,
        device=change.device,
        scope=change.scope.kind,
        name=change.scope.name,
        radios=[_short(each) for each in change.radios],
        target=plain(change.target),
        prior=plain(change.prior),
        cause=str(change.cause),
        state=str(change.state),
        verdict=change.verdict,
        drill=change.drill,
        event_id=change.event_id,
        undo_of=change.undo_of,
        by=change.actor.type,
        created_utc=iso(view.now.utc_us - view.age_us(change)),  # who reads it knows no other clock
        left_s=change.deadline.left_s(view.now),
    )


def _met(met: Met, now: Moment) -> dict[str, Any]:
    return {
        "utc": iso(met.utc_us),
        "mhz": sorted(met.mhz20),
        "radios": sorted(map(_short, met.radios)),
    }


def _short(key: RadioKey) -> str:
    """``ap/radio``."""
    return key.split("/", 1)[1]


def _told(**found: Any) -> dict[str, Any]:
    """What is reported of these."""
    return {name: value for name, value in found.items() if value is not None}


def _value(said: Reported[Any] | None) -> Any:
    return None if said is None else said.value


def _sorted(found: Iterable[int] | None) -> list[int] | None:
    return None if found is None else sorted(found)


def _all_believable(words: type[Words], found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of which something is left that a snapshot may say."""
    left = (_believable(words, each) for each in found)
    return [each for each in left if each is not None]


def _believable(words: type[Words], said: dict[str, Any]) -> dict[str, Any] | None:
    """The same without what no device can have measured: that counts as not reported, or one device that lies
    would cost the whole site its plan. None: what is left makes no sense."""
    try:
        words.model_validate(said)
    except ValidationError as error:
        wrong = {each["loc"][0] for each in error.errors(include_url=False, include_context=False)}
        left = {name: value for name, value in said.items() if name not in wrong}
        return _believable(words, left) if len(left) < len(said) else None
    return said
