"""Sights for the tests of detectors: a site of radios with made-up histories, and faults put into them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from rig import site_of

from agent.change import Cause, Change, State
from agent.detectors.sight import Finding, Presence, Sight
from agent.moment import Deadline, Moment
from agent.observation import Observation
from agent.view import RadioView, SiteView
from drivers.signals import Signal
from drivers.types import (
    Action,
    BssReading,
    Capabilities,
    ClientReading,
    NeighborReading,
    RadioReading,
    RadioState,
    Reported,
    ScopeRef,
    Setting,
    Table,
    Values,
)
from inventory.channels import block
from inventory.model import Band, DetectPolicy, Policy, RadioKey, Site

NOW_S = 100_000.0
NOW = Moment(
    monotonic_s=NOW_S, utc_us=1_772_000_000_000_000, boot_id="boot-1", boottime_us=round(NOW_S * 1e6)
)
STEP_S = 30.0
ABLE = Capabilities(
    tables=frozenset(Table),
    settings=MappingProxyType(dict.fromkeys(Setting, "radio")),
    rx_time_trusted=True,
)
SSID = "corp"
ME = RadioKey("lab/ap1/r5")
NEXT = RadioKey("lab/ap2/r5")
POLICY = Policy()


def bssid(key: RadioKey) -> str:
    number = int(key.split("/")[1].removeprefix("ap"))
    return f"02:00:00:00:{number // 256:02x}:{number % 256:02x}"


def quiet(n: int, key: RadioKey = ME, **given: Any) -> Observation:
    """One sample of an ordinary radio, ``n`` steps before now."""
    values: dict[str, Any] = {
        "frames": 3000,
        "retries": 300,
        "failed": 15,
        "bytes": 3_600_000,
        "tx_airtime_ms": 4500,
        "busy_ratio": 0.3,
        "rx_ratio": 0.15,
        "tx_ratio": 0.15,
        "noise_dbm": -95.0,
        "client_count": 8,
        "gone": frozenset(),
        "channel": 36,
        "width_mhz": 20,
    }
    return Observation(key=key, at_s=NOW_S - 1.0 - n * STEP_S, span_s=STEP_S, **{**values, **given})


def history(
    count: int = 70, newest: Sequence[Mapping[str, Any]] = (), key: RadioKey = ME
) -> tuple[Observation, ...]:
    """Ordinary samples up to now, oldest first; ``newest``: what the last ones have instead."""
    found = [quiet(n, key) for n in reversed(range(count))]
    for n, given in enumerate(reversed(newest)):
        found[-1 - n] = replace(found[-1 - n], **given)
    return tuple(found)


def times(count: int, **given: Any) -> list[dict[str, Any]]:
    return [given] * count


def reading(key: RadioKey = ME, channel: int = 36, **given: Any) -> RadioReading:
    where = block(Band.GHZ_5, channel, 20)
    values: dict[str, Any] = {
        "at_s": NOW_S - 1.0,
        "state": RadioState.ON_AIR,
        "channel": Reported(channel, "test"),
        "width_mhz": Reported(20, "test"),
        "center_mhz": Reported(where.center_mhz, "test"),
        "bss": (BssReading(bssid=bssid(key), ssid=SSID),),
    }
    return RadioReading(key=key, band=Band.GHZ_5, **{**values, **given})


def site(aps: int = 4, **detect: Any) -> Site:
    return site_of(aps, policy=replace(POLICY, detect=replace(DetectPolicy(), **detect)))


def view_of(
    where: Site | None = None,
    *,
    readings: Mapping[RadioKey, RadioReading | None] = MappingProxyType({}),
    heard: Mapping[RadioKey, Sequence[NeighborReading]] = MappingProxyType({}),
    scanned_age_s: float | None = 5.0,
    capabilities: Capabilities | None = ABLE,
    changes: tuple[Change, ...] = (),
    deeds: Mapping[tuple[RadioKey, Action], float] = MappingProxyType({}),
) -> SiteView:
    """All radios on channel 36 unless ``readings`` say otherwise."""
    where = where or site()
    radios = {
        key: RadioView(
            radio=each,
            device=key.split("/")[1],
            reading=readings.get(key, reading(key)),
            neighbors=tuple(heard.get(key, ())),
            scanned=scanned_age_s is not None,
            scanned_age_s=scanned_age_s,
            capabilities=capabilities,
        )
        for key, each in where.radios.items()
    }
    return SiteView(
        site=where,
        now=NOW,
        radios=radios,
        bssids={bssid(key): key for key in where.radios},
        ssids=frozenset({SSID}),
        changes=changes,
        deeds=deeds,
    )


def sight_of(
    observations: Sequence[Observation] = (),
    view: SiteView | None = None,
    key: RadioKey = ME,
    signals: Sequence[Signal] = (),
    **given: Any,
) -> Sight:
    return Sight(view=view or view_of(), key=key, observations=observations, signals=signals, **given)


def heard_as(
    key_or_bssid: str, *, signal_dbm: float = -60.0, age_s: float = 10.0, channel: int = 36, **given: Any
) -> NeighborReading:
    name = key_or_bssid if ":" in key_or_bssid else bssid(RadioKey(key_or_bssid))
    return NeighborReading(bssid=name, channel=channel, signal_dbm=signal_dbm, age_s=age_s, **given)


def with_clients(key: RadioKey, macs: Sequence[str]) -> RadioReading:
    return reading(key, clients=tuple(ClientReading(mac=mac) for mac in macs))


def change_of(key: RadioKey, state: State, *, ago_s: float = 60.0, target: Values, prior: Values) -> Change:
    return Change(
        id="c",
        site="lab",
        device=key.split("/")[1],
        scope=ScopeRef(kind="radio", name="r", members=(key,)),
        target=target,
        prior=prior,
        cause=Cause.OPERATOR,
        state=state,
        deadline=Deadline.after(NOW, 60.0),
        created_utc_us=NOW.utc_us - round(ago_s * 1e6),
    )


def told(findings: Sequence[Finding]) -> list[tuple[str, Presence]]:
    return [(each.key, each.presence) for each in findings]


def there(findings: Sequence[Finding]) -> Finding:
    """The one finding, which must say that it is there."""
    (one,) = findings
    assert one.presence is Presence.THERE
    return one


def over(findings: Sequence[Finding]) -> Finding:
    """The one finding, which must say that it is over."""
    (one,) = findings
    assert one.presence is Presence.OVER
    return one
