"""Choice of channel: the mistakes that well-known peers make, one test each."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest
from rig import site_of

from agent.change import Cause, Change, State
from agent.moment import Deadline, Moment
from agent.planner import guards, legal, matrix
from agent.planner.channel import assess, rank
from agent.planner.decision import Move, NoChange
from agent.radio_memory import RadioMemory
from agent.view import Heard, RadioView, SiteView, values_of
from drivers.types import (
    BssReading,
    Capabilities,
    NeighborReading,
    RadioReading,
    RadioState,
    Reported,
    ScopeRef,
    Setting,
    Table,
    Values,
)
from inventory import regulatory
from inventory.channels import block
from inventory.model import Band, RadioKey, Site

NOW = Moment(monotonic_s=1000.0, utc_us=1_772_000_000_000_000, boot_id="boot-1", boottime_us=1_000_000_000)
ABLE = Capabilities(
    tables=frozenset(Table),
    settings=MappingProxyType(dict.fromkeys(set(Setting) - {Setting.OBSS_PD_DBM}, "radio")),
    widths_mhz=(20, 40, 80),
)
FIVE_GHZ = (36, 40, 44, 48, 149)


def heard(channel: int, signal_dbm: float, number: int = 1, width_mhz: int = 20) -> NeighborReading:
    where = block(Band.GHZ_5, channel, width_mhz)
    return NeighborReading(
        bssid=f"0a:00:00:00:{channel:02x}:{number:02x}",
        channel=channel,
        signal_dbm=signal_dbm,
        width_mhz=width_mhz,
        center_mhz=where.center_mhz,
        age_s=10.0,
    )


def bssid(key: RadioKey) -> str:
    return f"02:00:00:00:00:0{key.split('/')[1][-1]}"


def reading(key: RadioKey, channel: int, width_mhz: int = 20) -> RadioReading:
    where = block(Band.GHZ_5, channel, width_mhz)
    return RadioReading(
        key=key,
        at_s=NOW.monotonic_s - 5,
        state=RadioState.ON_AIR,
        band=Band.GHZ_5,
        channel=Reported(channel, "test"),
        width_mhz=Reported(width_mhz, "test"),
        center_mhz=Reported(where.center_mhz, "test"),
        bss=(BssReading(bssid=bssid(key)),),
    )


def view(site: Site, ears: tuple[NeighborReading, ...] = (), channel: int = 36) -> SiteView:
    """Every radio of the site on one channel, hearing the same and each other at -40 dBm."""
    radios = {
        key: RadioView(
            radio=radio,
            device=key.split("/")[1],
            reading=reading(key, channel),
            neighbors=(*ears, *(_own(other) for other in site.radios if other != key)),
            capabilities=ABLE,
        )
        for key, radio in site.radios.items()
    }
    return SiteView(site=site, now=NOW, radios=radios, bssids={bssid(key): key for key in site.radios})


def _own(key: RadioKey) -> NeighborReading:
    return NeighborReading(bssid=bssid(key), channel=36, signal_dbm=-40.0, width_mhz=20, age_s=10.0)


def one(channels: tuple[int, ...] | None = FIVE_GHZ, **more: object) -> tuple[Site, RadioKey]:
    site = site_of(1, channels=channels, **more)  # type: ignore[arg-type]
    return site, next(iter(site.radios))


def pending(key: RadioKey, target: Values) -> Change:
    return Change(
        id=f"change-{key}",
        site="lab",
        device=key.split("/")[1],
        scope=ScopeRef(kind="radio", name=key, members=(key,)),
        target=target,
        prior=values_of(block(Band.GHZ_5, 36, 20)),
        cause=Cause.NON_WIFI_BURST,
        state=State.PLANNED,
        deadline=Deadline.after(NOW, 60.0),
        created_utc_us=NOW.utc_us,
    )


def test_one_loud_neighbour_is_worse_than_two_faint_ones() -> None:
    site, key = one(channels=(36, 149), widths=(20,))
    seen = view(site, (heard(36, -45.0), heard(149, -86.0, 1), heard(149, -86.0, 2)))
    assert [c.block.primary for c in rank(seen, key)] == [149, 36]


def test_loudness_moves_the_score_step_by_step() -> None:
    site, key = one()
    shares = [
        assess(seen := view(site, (heard(149, dbm),)), seen.radios[key], block(Band.GHZ_5, 149, 20)).share
        for dbm in (-95.0, -88.0, -82.0, -75.0)
    ]
    assert shares == sorted(shares, reverse=True)
    assert len(set(shares)) == 4


def test_a_wide_bss_counts_once_and_not_once_per_20_mhz() -> None:
    site, key = one(widths=(80,))
    wide_block = block(Band.GHZ_5, 36, 80)

    def foreign(*ears: NeighborReading) -> int:
        seen = view(site, ears)
        return assess(seen, seen.radios[key], wide_block).terms["foreign_ppm"]

    narrow = foreign(heard(36, -60.0))
    assert foreign(heard(36, -60.0, width_mhz=80)) == narrow
    four = tuple(heard(36, -60.0, number) for number in range(4))
    assert foreign(*four) == pytest.approx(4 * narrow, abs=4)


def test_own_earlier_assignments_are_remembered_and_nobody_herds() -> None:
    """Four APs in one room, all on a channel that a stranger fills: decided one after the other, before any
    of them has moved."""
    site = site_of(4, widths=(20,), channels=FIVE_GHZ)
    seen = view(site, tuple(heard(36, -40.0, n) for n in range(3)))
    taken: list[int] = []
    for key in site.radios:
        decision = matrix.leave(seen, key, Cause.NON_WIFI_BURST)
        assert isinstance(decision, Move), decision
        taken.append(decision.target[Setting.CHANNEL])
        seen = replace(seen, changes=(*seen.changes, pending(key, decision.target)))
    assert sorted(taken) == [40, 44, 48, 149]


def test_dfs_channels_are_used_when_they_pay() -> None:
    site, key = one(channels=(36, 149, 100), widths=(20,))
    crowded = view(site, (heard(36, -50.0), heard(149, -50.0)))
    assert rank(crowded, key)[0].block.primary == 100
    empty = view(site)
    assert rank(empty, key)[-1].block.primary == 100, "when nothing is won they are not worth the risk"


def test_no_dfs_channel_where_the_site_wants_none() -> None:
    site, key = one(channels=None, dfs=False)
    assert rank(view(site), key)
    assert not [c for c in rank(view(site), key) if regulatory.dfs_needed("US", c.block)]
    decision = matrix.requested(view(site), key, 100, 20, Cause.OPERATOR)
    assert isinstance(decision, NoChange)
    assert decision.params["why"] == "no_dfs_wanted"


@pytest.mark.parametrize("channel", [1, 6, 11, 14])
def test_a_5_ghz_radio_is_never_sent_to_channel_1(channel: int) -> None:
    site, key = one(channels=None)
    decision = matrix.requested(view(site), key, channel, None, Cause.OPERATOR)
    assert isinstance(decision, NoChange)
    assert decision.reason == "no_such_block"
    wrong = {Setting.CHANNEL: channel, Setting.WIDTH_MHZ: 20}
    assert legal.values_forbidden(view(site), view(site).radios[key], wrong, None) is not None


@pytest.mark.parametrize("band", list(Band))
def test_candidates_are_of_the_radios_own_band(band: Band) -> None:
    site = site_of(1, band=band, widths=(20, 40, 80))
    seen = view(site)
    (key,) = site.radios
    found = legal.candidates(seen, replace(seen.radios[key], reading=None))
    assert found
    assert {b.band for b in found} == {band}


@pytest.mark.parametrize("dbm", [5, 15, 40])
def test_power_outside_the_allowed_list_is_refused(dbm: int) -> None:
    site, key = one(power_dbm=(6, 14))
    target = {Setting.TX_POWER_DBM: dbm}
    vetoes = guards.vetoes(guards.Proposal(view(site), key, target, Cause.OPERATOR))
    assert [v.reason for v in vetoes][:1] in (["power_not_listed"], ["power_over_limit"])
    with_channel = {**values_of(block(Band.GHZ_5, 149, 20)), **target}
    assert guards.vetoes(guards.Proposal(view(site), key, with_channel, Cause.OPERATOR))


def test_power_within_the_list_and_the_law_is_let_through() -> None:
    site, key = one(power_dbm=(6, 14))
    assert not guards.vetoes(guards.Proposal(view(site), key, {Setting.TX_POWER_DBM: 10}, Cause.OPERATOR))


def test_what_a_device_cannot_set_is_known_without_calling_it() -> None:
    """There is no device here at all: the declaration is enough."""
    site, key = one()
    target = {Setting.OBSS_PD_DBM: -70}
    (veto,) = guards.vetoes(guards.Proposal(view(site), key, target, Cause.OPERATOR))
    assert (veto.guard, veto.params["setting"]) == ("capability", Setting.OBSS_PD_DBM)


def test_a_radio_on_a_barred_channel_is_not_switched_on_again() -> None:
    """Undoing `radio off` names no channel; the law asks all the same where it would transmit."""
    site, key = one(channels=None)
    seen = replace(view(site, channel=52), barred_mhz=frozenset({5260}))
    veto = legal.values_forbidden(seen, seen.radios[key], {Setting.ENABLED: 1}, seen.radios[key].block)
    assert veto is not None
    assert veto.guard == "nop"
    assert not legal.values_forbidden(seen, seen.radios[key], {Setting.ENABLED: 0}, seen.radios[key].block)


def test_a_plan_rests_on_all_scans_of_the_day_and_not_on_the_last_one() -> None:
    """A BSS that one scan missed is still there: else the plan flickers."""
    site, key = one()
    memory = RadioMemory(device="ap1")
    first = replace(reading(key, 36), at_s=100.0, neighbors=(heard(149, -50.0), heard(44, -50.0)))
    second = replace(reading(key, 36), at_s=400.0, neighbors=(heard(44, -50.0),))
    memory.see(first)
    memory.see(second)
    known = {n.channel: n.age_s for n in Heard(memory.neighbors, 500.0, site.policy.neighbour_age_s)}
    assert known == {149: 410.0, 44: 110.0}
    assert {
        n.channel for n in Heard(memory.neighbors, 100.0 + 25 * 3600, site.policy.neighbour_age_s)
    } == set()


def test_a_gain_that_does_not_pay_changes_nothing() -> None:
    site, key = one(channels=(36, 149), widths=(20,))
    decision = matrix.leave(view(site, (heard(36, -89.0),)), key, Cause.NON_WIFI_BURST)
    assert isinstance(decision, NoChange)
    assert decision.reason == "gain_too_small"
