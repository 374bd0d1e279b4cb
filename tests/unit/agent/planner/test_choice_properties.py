"""What holds of every choice of channel, whatever is heard and measured."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from rig import site_of
from unit.agent.planner.test_channel import ABLE, NOW, bssid, pending, reading

from agent.airtime import ChannelAir, airs_of
from agent.change import Cause
from agent.planner import guards, legal, matrix
from agent.planner.channel import assess, rank
from agent.planner.decision import Move
from agent.planner.surroundings import usual_noise_dbm
from agent.view import RadioView, SiteView, block_in_values
from drivers.types import NeighborReading, SurveyReading
from inventory import regulatory
from inventory.channels import Block, block, blocks, frequency_mhz
from inventory.model import Band, RadioKey

ONE, TWO = RadioKey("lab/ap1/r5"), RadioKey("lab/ap2/r5")
CHANNELS = (36, 40, 44, 48, 52, 100, 104, 120, 149, 157, 165)
WIDTHS = (20, 40, 80)
EXAMPLES = settings(max_examples=20, deadline=None)

ratios = st.floats(0.0, 1.0)
all_blocks = st.sampled_from([each for width in WIDTHS for each in blocks(Band.GHZ_5, width)])


@st.composite
def bsss(draw: st.DrawFn) -> NeighborReading:
    where = draw(all_blocks)
    return NeighborReading(
        bssid=f"0a:{draw(st.integers(0, 10**6))}",
        channel=where.primary,
        signal_dbm=draw(st.integers(-95, -30)),
        width_mhz=where.width_mhz,
        center_mhz=where.center_mhz,
        utilization_ratio=draw(st.none() | ratios),
        age_s=10.0,
    )


@st.composite
def airs(draw: st.DrawFn) -> ChannelAir:
    busy = draw(ratios)
    rx = draw(st.floats(0.0, busy))
    return ChannelAir(
        listened_ms=draw(st.integers(1, 100_000)),
        busy=busy,
        rx=rx,
        tx=draw(st.floats(0.0, busy - rx)),
        noise_dbm=draw(st.integers(-100, -70)),
        age_s=draw(st.floats(0.0, 1000.0)),
    )


ears = st.lists(bsss(), max_size=12, unique_by=lambda each: each.bssid)
measured = st.dictionaries(st.sampled_from(CHANNELS).map(lambda n: 5000 + 5 * n), airs(), max_size=8)


def place(
    heard: list[NeighborReading],
    air: dict[int, ChannelAir],
    country: str = "US",
    barred: frozenset[int] = frozenset(),
    here: int = 36,
) -> SiteView:
    """Two APs in one room, where this was heard and measured."""
    site = site_of(2, country=country, widths=WIDTHS)
    radios = {}
    for key, other in ((ONE, TWO), (TWO, ONE)):
        own = NeighborReading(bssid=bssid(other), channel=here, signal_dbm=-40.0, width_mhz=20, age_s=10.0)
        radios[key] = RadioView(
            radio=site.radios[key],
            device=key.split("/")[1],
            reading=reading(key, here),
            neighbors=(*heard, own),
            scanned=True,
            scanned_age_s=10.0,
            air=air,
            capabilities=ABLE,
        )
    bssids = {bssid(key): key for key in site.radios}
    return SiteView(site=site, now=NOW, radios=radios, bssids=bssids, barred_mhz=barred)


def score(seen: SiteView, where: Block, key: RadioKey = ONE) -> float:
    return assess(seen, seen.radios[key], where).score


@EXAMPLES
@given(
    heard=ears,
    air=measured,
    country=st.sampled_from(["US", "DE", "JP", "AU", "CN", "CA"]),
    barred=st.frozensets(st.sampled_from([frequency_mhz(Band.GHZ_5, n) for n in CHANNELS]), max_size=6),
)
def test_never_an_illegal_channel_nor_a_barred_one(
    heard: list[NeighborReading], air: dict[int, ChannelAir], country: str, barred: frozenset[int]
) -> None:
    seen = place(heard, air, country, barred)
    for found in rank(seen, ONE):
        assert regulatory.refusal(country, found.block, seen.radios[ONE].radio) is None
        assert not found.block.mhz20 & barred
    for decision in (
        matrix.leave(seen, ONE, Cause.SPECTRUM_SAT, least_gain=-1.0),
        matrix.escape(seen, ONE),
    ):
        if isinstance(decision, Move):
            goal = block_in_values(seen.radios[ONE].radio, decision.target)
            assert goal is not None
            assert not goal.mhz20 & barred
            assert legal.values_forbidden(seen, seen.radios[ONE], decision.target, None) is None


@EXAMPLES
@given(heard=ears, air=measured)
def test_two_radios_do_not_pick_the_same_block_when_an_equal_one_is_free(
    heard: list[NeighborReading], air: dict[int, ChannelAir]
) -> None:
    """Decided one after the other, with the first one's change still open."""
    seen = place(heard, air)
    first = matrix.leave(seen, ONE, Cause.SPECTRUM_SAT, least_gain=0.0)
    assume(isinstance(first, Move))
    assert isinstance(first, Move)
    taken = first.candidates[0]
    twins = [
        each
        for each in rank(seen, TWO)
        if each.score == pytest.approx(taken.score, rel=1e-9) and not each.block.mhz20 & taken.block.mhz20
    ]
    assume(twins)
    after = replace(seen, changes=(pending(ONE, first.target),))
    second = rank(after, TWO)[0]
    assert not second.block.mhz20 & taken.block.mhz20 or second.score > max(t.score for t in twins)
    crowded = assess(after, after.radios[TWO], taken.block)
    assert crowded.score < taken.score


@EXAMPLES
@given(heard=ears, air=measured, where=all_blocks, new=bsss())
def test_one_more_bss_never_helps(
    heard: list[NeighborReading], air: dict[int, ChannelAir], where: Block, new: NeighborReading
) -> None:
    assert score(place([*heard, new], air), where) <= score(place(heard, air), where) * (1 + 1e-9)


@EXAMPLES
@given(heard=ears, where=all_blocks, louder_db=st.integers(0, 30), more=ratios, n=st.integers(0, 11))
def test_louder_or_busier_never_helps(
    heard: list[NeighborReading], where: Block, louder_db: int, more: float, n: int
) -> None:
    assume(heard)
    one = heard[n % len(heard)]
    rest = [each for each in heard if each is not one]
    told = one.utilization_ratio or 0.0
    before = replace(one, utilization_ratio=told)
    after = replace(one, signal_dbm=one.signal_dbm + louder_db, utilization_ratio=min(1.0, told + more))
    worse, better = score(place([*rest, after], {}), where), score(place([*rest, before], {}), where)
    assert worse <= better * (1 + 1e-9)


def usual_noise(air: dict[int, ChannelAir]) -> float | None:
    return usual_noise_dbm(place([], air).radios[ONE])


@EXAMPLES
@given(heard=ears, air=measured, where=all_blocks, louder_db=st.integers(0, 30), more=ratios)
def test_more_noise_and_interference_never_help_the_channel_they_are_on(
    heard: list[NeighborReading], air: dict[int, ChannelAir], where: Block, louder_db: int, more: float
) -> None:
    """As long as what is usual for the radio stays: the noise floor counts by what is above it."""
    assume(air)
    for mhz, at in air.items():
        assert at.noise_dbm is not None
        assert at.busy is not None
        worse = replace(at, noise_dbm=at.noise_dbm + louder_db, busy=at.busy + more * (1 - at.busy))
        spoilt = {**air, mhz: worse}
        if mhz in where.mhz20 and usual_noise(spoilt) == usual_noise(air):
            assert score(place(heard, spoilt), where) <= score(place(heard, air), where) * (1 + 1e-9)


@EXAMPLES
@given(heard=ears, air=measured, chance=st.randoms(use_true_random=False))
def test_the_order_of_what_was_heard_decides_nothing(
    heard: list[NeighborReading], air: dict[int, ChannelAir], chance: Random
) -> None:
    shuffled = chance.sample(heard, len(heard))
    one, other = rank(place(heard, air), ONE), rank(place(shuffled, air), ONE)
    assert [c.score for c in one] == pytest.approx([c.score for c in other])


@EXAMPLES
@given(where=all_blocks, load=st.floats(0.05, 1.0), parts=st.integers(1, 5), dbm=st.integers(-95, -30))
def test_a_load_counts_the_same_however_many_bsss_share_it(
    where: Block, load: float, parts: int, dbm: int
) -> None:
    """One AP with five SSIDs, each of which carries a fifth."""

    def shared(count: int) -> float:
        at = [
            NeighborReading(
                bssid=f"0a:{n}",
                channel=where.primary,
                signal_dbm=dbm,
                width_mhz=where.width_mhz,
                center_mhz=where.center_mhz,
                utilization_ratio=load / count,
                age_s=10.0,
            )
            for n in range(count)
        ]
        return score(place(at, {}), where)

    assert shared(parts) == pytest.approx(shared(1), rel=1e-6)


@EXAMPLES
@given(
    factor=st.integers(2, 1000),
    part=st.tuples(*[st.integers(0, 1000)] * 3),
    start=st.integers(0, 10**9),
)
def test_shares_do_not_depend_on_how_long_was_measured(
    factor: int, part: tuple[int, int, int], start: int
) -> None:
    def between(scale: int) -> ChannelAir:
        before = SurveyReading(
            frequency_mhz=5180, active_ms=start, busy_ms=start, rx_ms=start, tx_ms=start, noise_dbm=-95.0
        )
        busy, rx, tx = (start + each * scale for each in part)
        after = replace(before, active_ms=start + 1000 * scale, busy_ms=busy, rx_ms=rx, tx_ms=tx)
        return airs_of([before], [after])[5180]

    short, long = between(1), between(factor)
    assert (long.busy, long.rx, long.tx) == pytest.approx((short.busy, short.rx, short.tx))


@EXAMPLES
@given(heard=ears, air=measured)
def test_every_decision_passes_the_guards_or_says_why_not(
    heard: list[NeighborReading], air: dict[int, ChannelAir]
) -> None:
    seen = place(heard, air)
    decision = matrix.leave(seen, ONE, Cause.SPECTRUM_SAT)
    if isinstance(decision, Move):
        assert not guards.vetoes(guards.Proposal(seen, ONE, decision.target, decision.cause))
        assert block(Band.GHZ_5, 36, 20) != block_in_values(seen.radios[ONE].radio, decision.target)
    else:
        assert decision.reason
