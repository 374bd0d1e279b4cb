from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared_data import shared_data

from inventory.channels import (
    PREFERRED_SCANNING,
    Block,
    block,
    blocks,
    blocks_of,
    channel_of,
    channels,
    frequency_mhz,
    overlap_ratio,
    widths_mhz,
)
from inventory.model import Band

G2, G5, G6 = Band.GHZ_2_4, Band.GHZ_5, Band.GHZ_6
ALL = [each for band in Band for width in widths_mhz(band) for each in blocks(band, width)]
any_block = st.sampled_from(ALL)


@pytest.mark.parametrize("band", Band)
def test_every_block_of_the_published_plan_is_ours_and_no_other(band: Band) -> None:
    table = json.loads(shared_data("channels.json").read_text())[band]
    published = {
        (int(width.split("-")[0]), entry["center_mhz"], primary)
        for width, entries in table.items()
        for entry in entries
        for primary in entry["primary"]
    }
    ours = {(b.width_mhz, b.center_mhz, b.primary) for b in ALL if b.band is band}
    assert ours == published


def test_preferred_scanning_channels_are_the_published_ones() -> None:
    table = json.loads(shared_data("channels.json").read_text())
    assert sorted(table["6_psc"]) == sorted(PREFERRED_SCANNING)


@pytest.mark.parametrize(
    ("band", "channel", "mhz"),
    [
        (G2, 1, 2412),
        (G2, 13, 2472),
        (G2, 14, 2484),
        (G5, 36, 5180),
        (G5, 177, 5885),
        (G6, 1, 5955),
        (G6, 2, 5935),
    ],
)
def test_frequencies(band: Band, channel: int, mhz: int) -> None:
    assert frequency_mhz(band, channel) == mhz
    assert channel_of(mhz) == (band, channel)


@pytest.mark.parametrize(("band", "channel"), [(G5, 1), (G2, 15), (G2, 36), (G5, 38), (G6, 3)])
def test_a_channel_of_another_band_has_no_frequency(band: Band, channel: int) -> None:
    with pytest.raises(ValueError, match=f"{band} GHz has no channel {channel}; it has "):
        frequency_mhz(band, channel)


@pytest.mark.parametrize("mhz", [0, 2413, 2477, 5190, 5945])
def test_a_frequency_between_channels_is_none(mhz: int) -> None:
    with pytest.raises(ValueError, match="no 20 MHz channel"):
        channel_of(mhz)


def test_blocks_of_one_primary() -> None:
    assert [str(b) for b in blocks_of(G2, 6, 40)] == ["6/40-", "6/40+"]
    assert [b.center_mhz for b in blocks_of(G2, 6, 40)] == [2427, 2447]
    assert [str(b) for b in blocks_of(G6, 37, 320)] == ["37/320-1", "37/320-2"]
    assert [str(b) for b in blocks_of(G6, 1, 320)] == ["1/320-1"]
    assert [str(b) for b in blocks_of(G5, 52, 40)] == ["52/40"]
    assert blocks_of(G5, 165, 80)[0].center_mhz == 5855
    assert blocks_of(G5, 144, 160) == blocks_of(G6, 2, 40) == blocks_of(G5, 36, 30) == ()


def test_parts_of_a_block() -> None:
    assert block(G5, 52, 40).mhz20 == {5260, 5280}
    assert block(G2, 6, 40, 2447).mhz20 == {2437, 2457}
    assert block(G5, 116, 80).mhz20 == {5580, 5600, 5620, 5640}
    assert block(G5, 116, 80).primary_mhz == 5580


def test_an_ambiguous_or_impossible_block_says_what_would_be_right() -> None:
    with pytest.raises(ValueError, match="2427, 2447, not None"):
        block(G2, 6, 40)
    with pytest.raises(ValueError, match=r"no 160 MHz block; it has 20, 40, 80 MHz"):
        block(G5, 144, 160)
    with pytest.raises(ValueError, match="5 GHz has no channel 6; it has 36, 40"):
        block(G5, 6, 20)
    with pytest.raises(ValueError, match="can be 5270, not 5290"):
        block(G5, 52, 40, 5290)


@pytest.mark.parametrize(
    "fields", [(G5, 1, 20, 2412), (G5, 52, 40, 5290), (G5, 52, 60, 5270), (G2, 1, 40, 2442)]
)
def test_a_block_outside_the_plan_cannot_exist(fields: tuple[Band, int, int, int]) -> None:
    with pytest.raises(ValueError, match="channel"):
        Block(*fields)


@pytest.mark.parametrize(
    ("a", "b", "ratio"),
    [
        (block(G2, 1, 20), block(G2, 6, 20), 0.0),
        (block(G2, 1, 20), block(G2, 5, 20), 0.0),
        (block(G2, 1, 20), block(G2, 2, 20), 0.75),
        (block(G2, 1, 20), block(G2, 4, 20), 0.25),
        (block(G2, 1, 20), block(G2, 1, 40), 1.0),
        (block(G5, 36, 80), block(G5, 44, 20), 0.25),
        (block(G5, 44, 20), block(G5, 36, 80), 1.0),
        (block(G6, 37, 320, 6105), block(G6, 37, 320, 6265), 0.5),
        (block(G5, 36, 20), block(G6, 1, 20), 0.0),
    ],
)
def test_overlap(a: Block, b: Block, ratio: float) -> None:
    assert overlap_ratio(a, b) == ratio


@given(any_block, any_block)
def test_overlap_is_the_same_spectrum_from_both_sides(a: Block, b: Block) -> None:
    assert 0 <= overlap_ratio(a, b) <= 1
    assert overlap_ratio(a, b) * a.width_mhz == pytest.approx(overlap_ratio(b, a) * b.width_mhz)
    assert overlap_ratio(a, a) == 1


@given(any_block)
def test_a_block_is_found_again_and_its_parts_are_channels(each: Block) -> None:
    assert block(each.band, each.primary, each.width_mhz, each.center_mhz) == each
    assert each.primary_mhz in each.mhz20
    assert {channel_of(mhz)[1] for mhz in each.mhz20} <= set(channels(each.band))
    assert len(each.mhz20) * 20 == each.width_mhz
