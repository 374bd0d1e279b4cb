from __future__ import annotations

import json
import struct
from importlib.resources import files

import pytest
from shared_data import shared_data

from inventory.channels import Block, block, blocks, channels
from inventory.make_regdb import DATABASE, RegdbError, decode, render
from inventory.model import Band, Placement, Radio, RadioKey, SixGhzClass
from inventory.regulatory import (
    NOP_S,
    RefusalCode,
    allowed_blocks,
    cac_s,
    countries,
    dfs_needed,
    dfs_region,
    max_eirp_dbm,
    max_power_dbm,
    refusal,
)

G2, G5, G6 = Band.GHZ_2_4, Band.GHZ_5, Band.GHZ_6
INDOOR, OUTDOOR = Placement.INDOOR, Placement.OUTDOOR


def radio(
    band: Band,
    placement: Placement = INDOOR,
    class_6ghz: SixGhzClass = SixGhzClass.LPI,
    gain: float = 0.0,
    channels: tuple[int, ...] | None = None,
    dfs: bool = True,
) -> Radio:
    return Radio(
        key=RadioKey("s/a/r"),
        band=band,
        placement=placement,
        class_6ghz=class_6ghz,
        antenna_gain_dbi=gain,
        channels=channels,
        dfs=dfs,
    )


def code(country: str, each: Block, who: Radio | None = None) -> RefusalCode | None:
    why = refusal(country, each, who or radio(each.band))
    return None if why is None else why.code


def legal20(country: str, band: Band) -> list[int]:
    return [each.primary for each in allowed_blocks(country, radio(band), 20)]


def shipped() -> dict[str, object]:
    table: dict[str, object] = json.loads(files("inventory").joinpath("regdb.json").read_text())
    return table


def without_wmm(table: dict[str, dict[str, list[dict[str, object]]]]) -> object:
    for entry in table.values():
        for rule in entry["rules"]:
            rule.pop("wmm", None)  # contention rules of client and AP: not ours to set
    return table


def test_the_shipped_table_is_the_one_another_decoder_reads() -> None:
    assert shipped()["countries"] == without_wmm(json.loads(shared_data("regdb.json").read_text()))
    assert len(countries()) == 181  # and 00, the world domain, which is no country
    assert str(shipped()["version"]).startswith("2026.05.30")


@pytest.mark.skipif(not DATABASE.exists(), reason="package wireless-regdb is not installed")
def test_the_installed_package_decodes_to_as_many_countries() -> None:
    assert len(decode(DATABASE.read_bytes())) >= 180


def test_decode_reads_a_made_up_database_and_render_keeps_it() -> None:
    # header, US -> unit 5 (byte 20), end of countries, collection (FCC, one rule at unit 7), rule with a CAC
    data = struct.pack(">4sI", b"RGDB", 20) + struct.pack(">2sH", b"US", 5) + bytes(8)
    data += struct.pack(">BBBxHxx", 4, 1, 1, 7)
    data += struct.pack(">BBHIIIH", 18, 0b10100, 2398, 5_250_000, 5_330_000, 80_000, 600)
    rule = {"start_mhz": 5250.0, "end_mhz": 5330.0, "max_bw_mhz": 80.0, "max_eirp_dbm": 23.98}
    expected = {"US": {"dfs_region": "FCC", "rules": [{**rule, "flags": ["DFS", "AUTO-BW"], "cac_s": 600}]}}
    assert decode(data) == expected
    assert json.loads(render(expected, "1"))["countries"] == expected


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RGDB",
        b"XXXX" + bytes(40),
        struct.pack(">4sI2sH", b"RGDB", 20, b"US", 900),
        b"RGDB\0\0\0\x14US\0\x03\0\0\0\0",
    ],
)
def test_a_damaged_database_is_refused(data: bytes) -> None:
    with pytest.raises(RegdbError):
        decode(data)


def test_2_4_ghz_edges() -> None:
    assert legal20("US", G2) == list(range(1, 12))
    assert legal20("DE", G2) == legal20("JP", G2) == list(range(1, 14))
    assert code("JP", block(G2, 14, 20)) is RefusalCode.NO_OFDM
    assert code("US", block(G2, 12, 20)) is RefusalCode.NO_RULE
    assert code("US", block(G2, 11, 40, 2452)) is None
    assert code("US", block(G2, 9, 40, 2462)) is RefusalCode.NO_RULE


def test_a_radio_stays_in_its_band() -> None:
    assert code("DE", block(G2, 1, 20), radio(G5)) is RefusalCode.BAND


@pytest.mark.parametrize("country", ["XX", "00", "", "de"])
def test_an_unknown_country_allows_nothing(country: str) -> None:
    for each in (block(G2, 1, 20), block(G5, 36, 20), block(G6, 5, 20)):
        assert code(country, each) is RefusalCode.COUNTRY_UNKNOWN
        assert max_eirp_dbm(country, each, INDOOR) is None
        assert not dfs_needed(country, each)


def test_auto_bw_joins_adjacent_rules() -> None:
    assert code("DE", block(G5, 36, 160)) is None
    assert dfs_needed("DE", block(G5, 36, 160))
    assert not dfs_needed("DE", block(G5, 36, 80))
    assert code("IN", block(G5, 36, 160)) is RefusalCode.TOO_WIDE  # the same spectrum without AUTO-BW
    assert code("CA", block(G5, 149, 80)) is None
    assert code("CA", block(G5, 169, 20)) is RefusalCode.NO_RULE  # 169 lies in two rules, not in one


def test_no_block_across_a_gap_or_the_end_of_a_rule() -> None:
    assert code("AU", block(G5, 120, 20)) is RefusalCode.NO_RULE
    assert code("DE", block(G5, 144, 20)) is RefusalCode.NO_RULE
    assert code("US", block(G5, 144, 20)) is None
    assert 100 not in legal20("CN", G5)


def test_outdoor() -> None:
    assert code("DE", block(G5, 36, 20), radio(G5, OUTDOOR)) is RefusalCode.NO_OUTDOOR
    assert code("DE", block(G5, 100, 20), radio(G5, OUTDOOR)) is None
    assert max_eirp_dbm("DE", block(G5, 36, 20), OUTDOOR) is None
    assert max_eirp_dbm("DE", block(G5, 36, 20), INDOOR) == 23.01


def test_6_ghz_classes() -> None:
    low = block(G6, 5, 20)
    assert code("DE", low) is None
    assert code("JP", low, radio(G6, OUTDOOR)) is RefusalCode.LPI_INDOOR_ONLY
    assert code("DE", low, radio(G6, class_6ghz=SixGhzClass.SP)) is RefusalCode.CLASS_6GHZ
    assert code("DE", low, radio(G6, class_6ghz=SixGhzClass.VLP)) is RefusalCode.CLASS_6GHZ
    assert code("DE", block(G6, 2, 20)) is RefusalCode.NO_RULE
    assert code("DE", block(G6, 101, 20)) is RefusalCode.NO_RULE
    assert legal20("CN", G6) == []


def test_no_ir_stands_but_for_the_us_indoor_ap_in_6_ghz() -> None:
    assert code("US", block(G6, 5, 320)) is None
    assert max_power_dbm("US", block(G6, 5, 320), radio(G6)) == 12
    assert code("US", block(G5, 173, 20)) is RefusalCode.NO_IR
    assert code("HN", block(G6, 5, 20)) is RefusalCode.NO_IR
    assert code("CU", block(G5, 36, 20)) is RefusalCode.NO_IR


def test_canada_bars_the_weather_band() -> None:
    barred = {each.primary for each in blocks(G5, 20) if code("CA", each) is RefusalCode.BARRED}
    assert barred == {120, 124, 128}
    assert code("CA", block(G5, 116, 80)) is RefusalCode.BARRED
    assert max_eirp_dbm("CA", block(G5, 116, 80), INDOOR) is None
    assert str(refusal("CA", block(G5, 120, 20), radio(G5))) == "CA bars 5600-5650 MHz"


def test_power_is_eirp_less_gain_rounded_down() -> None:
    high = block(G5, 100, 20)
    assert max_power_dbm("DE", high, radio(G5)) == 26  # 26.98
    assert max_power_dbm("DE", high, radio(G5, gain=6.0)) == 20
    assert max_power_dbm("DE", block(G2, 1, 20), radio(G2, gain=2.3)) == 17
    assert max_power_dbm("DE", block(G2, 1, 20), radio(G2, gain=-3)) == 20
    assert max_power_dbm("DE", block(G2, 1, 20), radio(G2, gain=24)) == -4


def test_power_of_a_joined_block_is_that_of_its_weakest_part() -> None:
    assert max_eirp_dbm("DE", block(G5, 36, 160), INDOOR) == 20.0


def test_power_of_an_illegal_block_is_an_error() -> None:
    with pytest.raises(ValueError, match="NO-OFDM"):
        max_power_dbm("JP", block(G2, 14, 20), radio(G2))


@pytest.mark.parametrize(
    ("country", "primary", "width", "seconds"),
    [
        ("DE", 36, 20, 0),
        ("DE", 52, 20, 60),
        ("DE", 116, 20, 60),  # 5570-5590
        ("DE", 116, 40, 600),  # 5570-5610 overlaps
        ("DE", 120, 20, 600),
        ("DE", 128, 20, 600),
        ("DE", 132, 20, 60),  # begins at 5650
        ("DE", 100, 80, 60),
        ("DE", 100, 160, 600),
        ("US", 120, 20, 60),
        ("JP", 120, 20, 60),
        ("IN", 120, 20, 600),  # no region: the longer one
    ],
)
def test_channel_availability_check(country: str, primary: int, width: int, seconds: float) -> None:
    each = block(G5, primary, width)
    assert cac_s(country, each) == seconds


def test_regions_and_non_occupancy() -> None:
    assert [dfs_region(each) for each in ("DE", "US", "JP", "IN")] == ["ETSI", "FCC", "JP", "UNSET"]
    assert NOP_S == 1800
    with pytest.raises(KeyError):
        dfs_region("XX")


def test_allowed_blocks_heed_the_site_file() -> None:
    chosen = radio(G5, channels=(36, 52), dfs=False)
    assert [each.primary for each in allowed_blocks("DE", chosen, 20)] == [36]
    assert allowed_blocks("DE", chosen, 160) == ()


@pytest.mark.parametrize("country", sorted(countries()))
def test_a_wider_block_is_never_legal_where_a_part_is_not(country: str) -> None:
    for band in Band:
        legal = set(legal20(country, band))
        for each in (b for width in (40, 80, 160, 320) for b in blocks(band, width)):
            if code(country, each) is None:
                parts = {p.primary for p in blocks(band, 20) if p.center_mhz in each.mhz20}
                assert parts <= legal <= set(channels(band))
