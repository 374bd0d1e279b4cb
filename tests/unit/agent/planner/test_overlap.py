"""Who is in whose way, by the blocks of both."""

from __future__ import annotations

import pytest

from agent.planner.channel import SAFE_CHANNELS
from agent.planner.overlap import NOTHING, Hit, hit
from agent.planner.spectrum import levels, mask_of
from inventory.channels import Block, block, blocks
from inventory.model import Band, Radio, RadioKey
from inventory.regulatory import countries, dfs_needed, refusal


def b5(primary: int, width_mhz: int) -> Block:
    return block(Band.GHZ_5, primary, width_mhz)


def b2(primary: int) -> Block:
    return block(Band.GHZ_2_4, primary, 20)


@pytest.mark.parametrize(
    ("mine", "theirs", "cost"),
    [
        (b5(36, 20), b5(36, 20), Hit(1.0, 0.0)),  # they wait for each other
        (b5(36, 20), b5(40, 20), NOTHING),
        (b5(36, 20), b5(36, 80), Hit(1.0, 0.0)),  # a wide one counts once
        (b5(36, 20), b5(40, 40), Hit(0.7, 0.0)),  # here with its wide frames only
        (b5(36, 40), b5(40, 20), Hit(0.0, 0.5)),  # half of the width is lost
        (b5(36, 80), b5(40, 20), Hit(0.0, 0.75)),
        (b5(36, 80), b5(44, 20), Hit(0.0, 0.5)),
        (b5(36, 80), b5(48, 40), Hit(0.0, 0.5)),
        (b5(36, 80), b5(44, 160), Hit(0.7, 0.0)),
        (b5(36, 80), b5(149, 80), NOTHING),
        (b2(1), b2(1), Hit(1.0, 0.0)),
        (b2(1), b2(3), Hit(1.0, 0.0)),  # half of it, and nobody waits: they collide
        (b2(1), b2(4), Hit(0.5, 0.0)),
        (b2(1), b2(5), NOTHING),
        (b2(1), b2(6), NOTHING),
    ],
    ids=str,
)
def test_what_one_costs_another(mine: Block, theirs: Block, cost: Hit) -> None:
    assert hit(mine, theirs) == pytest.approx(cost)


@pytest.mark.parametrize("width_mhz", [20, 40, 80, 160])
def test_on_the_primary_channel_it_costs_more_than_beside_it(width_mhz: int) -> None:
    for mine in blocks(Band.GHZ_5, width_mhz):
        costs = {theirs: hit(mine, theirs) for theirs in blocks(Band.GHZ_5, 20)}
        on = [sum(cost) for theirs, cost in costs.items() if theirs.primary == mine.primary]
        beside = [sum(cost) for theirs, cost in costs.items() if theirs.primary != mine.primary]
        assert on == [1.0]
        assert max(beside, default=0.0) < 1.0
        assert sum(cost > 0 for cost in beside) == width_mhz // 20 - 1


def test_who_shares_no_spectrum_costs_nothing() -> None:
    found = [block for width in (20, 40, 80) for block in blocks(Band.GHZ_5, width)]
    for mine in found:
        for theirs in found:
            assert (hit(mine, theirs) != NOTHING) == bool(mask_of(mine) & mask_of(theirs))


def test_the_parts_of_a_block_are_the_whole_of_it() -> None:
    assert levels(b5(44, 80))[-1][1] == mask_of(b5(36, 80))


@pytest.mark.parametrize("band", Band)
def test_every_country_has_a_safe_channel_where_it_has_one_without_radar(band: Band) -> None:
    radio = Radio(key=RadioKey("lab/ap1/r"), band=band)
    for country in countries():
        free = [
            each.primary
            for each in blocks(band, 20)
            if refusal(country, each, radio) is None and not dfs_needed(country, each)
        ]
        assert not free or set(free) & set(SAFE_CHANNELS[band]), country
