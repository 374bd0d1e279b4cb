"""A snapshot is all that a plan is made of: what is asked of the view is asked of it, and answered alike."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.agent.planner.test_channel import ABLE, bssid, pending
from unit.agent.planner.test_choice_properties import EXAMPLES, ONE, TWO, ears, measured, place

from agent.airtime import ChannelAir
from agent.change import Cause, State
from agent.crowd import Usual
from agent.levels import Spread
from agent.pace import Pace
from agent.planner import guards, legal
from agent.planner.channel import rank
from agent.planner.proposal import Proposal
from agent.planner.site import snapshot_words as words
from agent.planner.site.snapshot import from_view, text_of
from agent.planner.site.snapshot_view import read
from agent.view import RadioView, SiteView, values_of
from drivers.types import Capabilities, ClientReading, NeighborReading, RadioReading, RadioState, Reported
from inventory.channels import Block, block, frequency_mhz
from inventory.model import AccessPoint, Band, PlanPolicy, Radio, RadioKey
from inventory.windows import window

clients = st.lists(
    st.builds(
        ClientReading,
        mac=st.just("00:11:22:33:44:55"),
        signal_dbm=st.none() | st.floats(-95.0, -30.0),
        max_width_mhz=st.none() | st.sampled_from([20, 40, 80, 160]),
    ),
    max_size=4,
)
channels_mhz = st.frozensets(st.sampled_from([frequency_mhz(Band.GHZ_5, n) for n in (36, 52, 56, 100, 120)]))
AWAY = block(Band.GHZ_5, 100, 20)


def again(view: SiteView) -> SiteView:
    """The view after a journey as text."""
    return read(json.dumps(from_view(view), allow_nan=False))


def test_written_ap_by_ap_it_is_the_same() -> None:
    seen = replace(place([], {}), changes=(pending(TWO, values_of(AWAY)),))
    assert json.loads(text_of(seen)) == from_view(seen)


def test_a_device_that_lies_costs_its_own_values_and_no_plan() -> None:
    """Channel 999, a noise of +30 dBm, a client at +5 dBm, a share of 7, a level that is no number."""
    lies = [
        NeighborReading(bssid="06:00:00:00:00:01", channel=999, signal_dbm=-50.0),
        NeighborReading(bssid="06:00:00:00:00:02", channel=36, signal_dbm=float("nan")),
        NeighborReading(
            bssid="06:00:00:00:00:03", channel=36, signal_dbm=-60.0, utilization_ratio=7.0, width_mhz=33
        ),
        NeighborReading(bssid="06:00:00:00:00:04", channel=40, signal_dbm=20.0),
    ]
    seen = place(lies, {5180: ChannelAir(busy=0.5, noise_dbm=30.0), 99: ChannelAir(busy=0.5)})
    seen = lived_in(
        seen,
        [ClientReading(mac="c1", signal_dbm=5.0, max_width_mhz=40)],
        tx_power_dbm=Reported(float("inf"), "test"),
    )
    told = again(seen).radios[ONE]
    found = [(each.channel, each.signal_dbm, each.utilization_ratio) for each in told.neighbors]
    assert found[:2] == [(36, -60.0, None), (40, 0.0, None)]
    assert len(found) == len(seen.radios[ONE].neighbors) - 2
    assert {mhz: (air.busy, air.noise_dbm) for mhz, air in told.air.items()} == {5180: (0.5, None)}
    assert told.reading is not None
    assert told.reading.tx_power_dbm is None
    assert [each.max_width_mhz for each in told.reading.clients or ()] == [40]


def test_radar_where_no_channel_is_costs_no_plan_either() -> None:
    seen = replace(place([], {}), barred_mhz=frozenset({5270, 5280}))
    assert again(seen).barred_mhz == {5280}


def lived_in(view: SiteView, said: list[ClientReading], **more: Any) -> SiteView:
    at = view.radios[ONE]
    assert at.reading is not None
    reading = replace(at.reading, clients=tuple(said), **more)
    return replace(view, radios={**view.radios, ONE: replace(at, reading=reading)})


@EXAMPLES
@given(
    heard=ears,
    air=measured,
    country=st.sampled_from(["US", "DE", "JP"]),
    barred=channels_mhz,
    said=clients,
    cac_done=channels_mhz,
    allowed=st.none() | channels_mhz,
    cause=st.sampled_from([Cause.DFS_RADAR, Cause.OPERATOR]),
    state=st.sampled_from([State.APPLYING, State.COMMITTED]),
)
def test_the_same_is_legal_and_ranked_the_same(
    heard: list[NeighborReading],
    air: dict[int, ChannelAir],
    country: str,
    barred: frozenset[int],
    said: list[ClientReading],
    cac_done: frozenset[int],
    allowed: frozenset[int] | None,
    cause: Cause,
    state: State,
) -> None:
    seen = lived_in(
        place(heard, air, country, barred), said, cac_done_mhz=cac_done, allowed_mhz=allowed, nop_mhz=barred
    )
    made = replace(pending(TWO, values_of(AWAY)), prior=values_of(AWAY), cause=cause, state=state)
    seen = replace(seen, changes=(made,))
    back = again(seen)
    for key in seen.radios:
        assert legal.candidates(back, back.radios[key]) == legal.candidates(seen, seen.radios[key])
        assert rank(back, key) == rank(seen, key)
        assert back.neighbours(key) == seen.neighbours(key)


def test_what_a_radio_is_set_to_and_can_be_set_to_comes_back() -> None:
    seen = lived_in(
        place([], {}),
        [],
        tx_power_dbm=Reported(17.5, "test"),
        obss_pd_dbm=Reported(-72, "test"),
        power_choices_dbm=(3, 6, 9),
        state=RadioState.CAC,
        uplink=True,
        managed_by="wlc",
    )
    before, after = seen.radios[ONE], again(seen).radios[ONE]
    assert before.reading is not None
    assert after.reading is not None
    for name in ("state", "power_choices_dbm", "uplink", "managed_by"):
        assert getattr(after.reading, name) == getattr(before.reading, name)
    assert after.reading.tx_power_dbm is not None
    assert after.reading.tx_power_dbm.value == 17.5
    assert after.reading.obss_pd_dbm is not None
    assert after.reading.obss_pd_dbm.value == -72
    assert after.capabilities == before.capabilities
    assert after.radio == before.radio


def test_guards_say_the_same() -> None:
    seen = place([], {})
    seen = replace(seen, changes=(pending(ONE, values_of(AWAY)),), paused=frozenset({"lab/ap2"}))
    for key in seen.radios:
        assert vetoes(again(seen), key, AWAY) == vetoes(seen, key, AWAY)
        assert vetoes(seen, key, AWAY)


def test_a_change_is_as_old_as_the_agent_believes() -> None:
    seen = place([], {})
    made = replace(pending(ONE, values_of(AWAY)), created_utc_us=seen.now.utc_us - 5_000_000)
    seen = replace(seen, changes=(made,), pace=Pace(ahead_us=3_000_000, since_utc_us=seen.now.utc_us))
    assert again(seen).age_us(again(seen).changes[0]) == seen.age_us(made) == 2_000_000


def vetoes(view: SiteView, key: RadioKey, where: Block) -> list[str]:
    return [each.guard for each in guards.vetoes(Proposal(view, key, values_of(where), Cause.SPECTRUM_SAT))]


def test_how_sure_a_level_is_and_what_clients_are_like_come_back() -> None:
    seen = place([], {})
    at = seen.radios[ONE]
    told = replace(
        at,
        spread={bssid(TWO): Spread(2.5, 7.25, 0.875)},
        usual=Usual(12.5, (1.0, 0.75, 0.25, 0.0)),
        capabilities=replace(ABLE, moves_drop=True, obss_pd_acts=True, saves=True, undo_timer_s=(5.0, 60.0)),
    )
    after = again(replace(seen, radios={**seen.radios, ONE: told})).radios[ONE]
    assert after.spread == told.spread
    assert after.usual == told.usual
    assert after.capabilities == told.capabilities
    assert rank(again(replace(seen, radios={**seen.radios, ONE: told})), ONE)


NOT_TOLD: dict[type[Any], set[str]] = {
    SiteView: {"site", "now", "radios", "bssids", "ssids", "deeds", "channels", "pace"},
    RadioView: {"radio", "device", "reading", "neighbors", "scanned", "capabilities", "spread"}
    | {"level_pool", "air_pool", "crowd"},
    RadioReading: {"key", "at_s", "band", "bss", "counters", "survey", "gauges", "neighbors"}
    | {"hardware_resets", "fresh_s"},
    NeighborReading: {"ssid"},
    ClientReading: {"mac", "bssid", "connected_s", "tx_frames", "tx_retries", "tx_failed", "tx_bytes"},
    ChannelAir: set(),
    Capabilities: {"refresh_s", "signals", "signal_ways"},
    AccessPoint: {"id", "match"},
    Radio: {"key"},
}
"""Fields that no plan is made of, or that stand in the snapshot in another place or under another name."""
WORDS: dict[type[Any], type[words.Words]] = {
    SiteView: words.SnapshotWords,
    RadioView: words.RadioWords,
    RadioReading: words.NowWords,
    NeighborReading: words.HeardWords,
    ClientReading: words.ClientWords,
    ChannelAir: words.AirWords,
    Capabilities: words.CanWords,
    AccessPoint: words.ApWords,
    Radio: words.RadioWords,
}


@pytest.mark.parametrize("kind", WORDS, ids=lambda kind: str(kind.__name__))
def test_a_new_field_is_in_the_snapshot_or_known_not_to_be_needed(kind: Any) -> None:
    names = {each.name for each in fields(kind)}
    assert names - NOT_TOLD[kind] - set(WORDS[kind].model_fields) == set()
    assert NOT_TOLD[kind] <= names


def test_the_policy_comes_back_but_for_what_only_monitoring_needs() -> None:
    seen = place([], {})
    policy = replace(
        seen.site.policy,
        quiet_hours=((120, 300), (1380, 60)),
        maintenance=(window("sun 02:00-06:00"),),
        evidence_s=1234.5,
        safe_channels={Band.GHZ_5: 36},
        plan=PlanPolicy(hours=(window("02:00-04:00"),), min_gain_ratio=0.05, coverage_dbm=-65.5),
    )
    seen = replace(seen, site=replace(seen.site, policy=policy))
    back = again(seen).site
    assert replace(back.policy, monitor=policy.monitor, detect=policy.detect) == policy
    assert back.country == seen.site.country
    assert [ap.position_m for ap in back.aps.values()] == [ap.position_m for ap in seen.site.aps.values()]


def test_a_snapshot_has_neither_the_clients_addresses_nor_the_devices() -> None:
    client = ClientReading(mac="aa:bb:cc:dd:ee:ff", bssid=bssid(ONE), signal_dbm=-60.0)
    text = json.dumps(from_view(lived_in(place([], {}), [client])))
    assert "aa:bb:cc:dd:ee:ff" not in text
    assert "address" not in text
