"""Small sites made by hand, for tests of the plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from agent.airtime import ChannelAir
from agent.moment import Moment
from agent.planner.site.build import graph
from agent.planner.site.plan import Plan, PlannedMove, Wishes
from agent.planner.site.planning import planned
from agent.planner.site.problem import Member, Option, Pair
from agent.view import RadioView, SiteView
from drivers.types import (
    BssReading,
    Capabilities,
    NeighborReading,
    RadioReading,
    RadioState,
    Reported,
    Setting,
    Table,
)
from inventory.channels import Block, blocks_of, channels
from inventory.model import AccessPoint, Band, DeviceConfig, Policy, Radio, RadioKey, Site, radio_key

NOW = Moment(monotonic_s=1000.0, utc_us=1_772_000_000_000_000, boot_id="boot-1", boottime_us=1_000_000_000)
ABLE = Capabilities(
    tables=frozenset(Table),
    settings=MappingProxyType(dict.fromkeys(set(Setting) - {Setting.OBSS_PD_DBM}, "radio")),
    widths_mhz=(20, 40, 80, 160, 320),
)
AGE_S = 60.0


def at(text: str, band: Band = Band.GHZ_5) -> Block:
    """``36/20``, the first of the blocks that this may be."""
    primary, width = map(int, text.split("/"))
    return blocks_of(band, primary, width)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ap:
    """An AP of one radio. ``on`` None: it is silent. ``hears``: own APs by name, in dBm; ``strangers``:
    block, dBm and load; ``air``: by MHz. ``more``: of `Radio`; ``said``: of `RadioReading`."""

    on: str | None = "36/20"
    band: Band = Band.GHZ_5
    channels: tuple[int, ...] | None = None
    widths: tuple[int, ...] = (20,)
    hears: Mapping[str, float] = field(default_factory=dict)
    strangers: tuple[tuple[str, float, float], ...] = ()
    air: Mapping[int, ChannelAir] = field(default_factory=dict)
    scanned: bool = True
    tx: float | None = None
    position_m: tuple[float, float, float] | None = None
    zone: str | None = None
    able: Capabilities | None = ABLE
    more: Mapping[str, object] = field(default_factory=dict)
    said: Mapping[str, object] = field(default_factory=dict)


def view(
    aps: Mapping[str, Ap], *, country: str = "US", policy: Policy | None = None, **more: object
) -> SiteView:
    """A site called ``lab`` of these APs, all read and scanned a minute ago."""
    site = Site(
        id="lab",
        country=country,
        timezone="UTC",
        policy=policy or Policy(),
        devices={name: DeviceConfig(id=name, driver="simulated", address=name) for name in aps},
        aps={name: _access_point(name, ap) for name, ap in aps.items()},
    )
    found = SiteView(
        site=site,
        now=NOW,
        radios={key(name): _radio_view(name, aps) for name in aps},
        bssids={_bssid(aps, name): key(name) for name in aps},
    )
    return replace(found, **more)  # type: ignore[arg-type]


def key(name: str) -> RadioKey:
    return radio_key("lab", name, "r")


def _bssid(aps: Mapping[str, Ap], name: str) -> str:
    number = list(aps).index(name)
    return f"02:00:00:00:{number // 256:02x}:{number % 256:02x}"


def _access_point(name: str, ap: Ap) -> AccessPoint:
    radio = Radio(key=key(name), band=ap.band, channels=ap.channels, widths_mhz=ap.widths, **ap.more)  # type: ignore[arg-type]
    return AccessPoint(id=name, device=name, position_m=ap.position_m, zone=ap.zone, radios=(radio,))


def _radio_view(name: str, aps: Mapping[str, Ap]) -> RadioView:
    ap = aps[name]
    heard = [_own(aps, other, dbm) for other, dbm in ap.hears.items()]
    heard += [_stranger(ap.band, number, *each) for number, each in enumerate(ap.strangers)]
    air = dict(ap.air)
    if ap.tx is not None and ap.on is not None:
        mhz = at(ap.on, ap.band).primary_mhz
        air[mhz] = ChannelAir(busy=ap.tx, rx=0.0, tx=ap.tx, listened_ms=10**9, age_s=AGE_S)
    return RadioView(
        radio=_access_point(name, ap).radios[0],
        device=name,
        reading=_reading(aps, name),
        neighbors=tuple(heard),
        scanned=ap.scanned,
        scanned_age_s=AGE_S if ap.scanned else None,
        air=air,
        capabilities=ap.able,
    )


def _reading(aps: Mapping[str, Ap], name: str) -> RadioReading:
    ap = aps[name]
    found = RadioReading(
        key=key(name),
        at_s=NOW.monotonic_s - 5.0,
        state=RadioState.ON_AIR if ap.on else RadioState.NOP,
        band=ap.band,
        bss=(BssReading(bssid=_bssid(aps, name)),),
    )
    if ap.on is not None:
        found = on_block(found, at(ap.on, ap.band))
    return replace(found, **ap.said)  # type: ignore[arg-type]


def on_block(reading: RadioReading, where: Block) -> RadioReading:
    """On air there."""
    return replace(
        reading,
        state=RadioState.ON_AIR,
        channel=Reported(where.primary, "test"),
        width_mhz=Reported(where.width_mhz, "test"),
        center_mhz=Reported(where.center_mhz, "test"),
    )


def _own(aps: Mapping[str, Ap], other: str, dbm: float) -> NeighborReading:
    band = aps[other].band
    where = at(aps[other].on or f"{channels(band)[0]}/20", band)
    return _heard(_bssid(aps, other), where, dbm, None)


def _stranger(band: Band, number: int, text: str, dbm: float, load: float) -> NeighborReading:
    return _heard(f"0a:00:00:00:00:{number:02x}", at(text, band), dbm, load)


def _heard(bssid: str, where: Block, dbm: float, load: float | None) -> NeighborReading:
    return NeighborReading(
        bssid=bssid,
        channel=where.primary,
        signal_dbm=dbm,
        width_mhz=where.width_mhz,
        center_mhz=where.center_mhz,
        utilization_ratio=load,
        age_s=AGE_S,
    )


def mutual(*names: str, dbm: float = -50.0) -> dict[str, dict[str, float]]:
    """Who hears whom where all of these hear each other."""
    return {name: {other: dbm for other in names if other != name} for name in names}


def plan_of(seen: SiteView, wishes: Wishes | None = None) -> Plan:
    return planned(seen, wishes or Wishes(), never)


def moves_of(seen: SiteView, wishes: Wishes | None = None) -> dict[str, PlannedMove]:
    """The moves of a plan, by AP."""
    return {move.radio.split("/")[1]: move for move in plan_of(seen, wishes).moves}


def after(seen: SiteView, wishes: Wishes | None = None) -> dict[str, str]:
    """Where each AP is when all is done."""
    found = plan_of(seen, wishes).outlook
    return {each.radio.split("/")[1]: str(each.after) for each in found}


def never() -> bool:
    return False


def members(seen: SiteView) -> list[Member]:
    return [member for problem in graph(seen).problems for member in problem.members]


def options_of(seen: SiteView, name: str) -> dict[Block, Option]:
    (found,) = (member for member in members(seen) if member.key == key(name))
    return {option.block: option for option in found.options}


def options(seen: SiteView) -> dict[str, list[Block]]:
    """Where each AP may be."""
    return {member.key.split("/")[1]: [option.block for option in member.options] for member in members(seen)}


def pair_of(seen: SiteView) -> Pair | None:
    """The only pair, if there is one."""
    found = [pair for problem in graph(seen).problems for pair in problem.pairs]
    assert len(found) <= 1
    return found[0] if found else None
