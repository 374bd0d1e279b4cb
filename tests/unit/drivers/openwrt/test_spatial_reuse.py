"""OBSS-PD in UCI: what a section says, and what takes it to another level."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import Unsupported
from drivers.openwrt.spatial_reuse import UciReuse, of_section

OFFSET = "he_spr_non_srg_obss_pd_max_offset"


@pytest.mark.parametrize(
    ("options", "dbm"),
    [
        ({}, -82),
        ({"he_spr_sr_control": "3", OFFSET: "10"}, -82),
        ({"he_spr_sr_control": "0", OFFSET: "10"}, -72),
        ({"he_spr_sr_control": "0"}, -62),
        ({"he_spr_sr_control": "0", OFFSET: "20"}, -62),
        ({"he_spr_sr_control": "0", OFFSET: "10", "he_bss_color_enabled": "0"}, -82),
    ],
)
def test_what_a_section_says(options: dict[str, str], dbm: int) -> None:
    """Without BSS colour OpenWrt writes none of it into hostapd's file."""
    reuse = of_section({"htmode": "HE80", **options})
    assert reuse is not None
    assert reuse.obss_pd_dbm == dbm


@pytest.mark.parametrize(
    "section",
    [
        {},
        {"htmode": "VHT80"},
        {"htmode": "HE80", "he_spr_sr_control": "on"},
        {"htmode": "HE80", "he_spr_sr_control": "0", OFFSET: "21"},
        {"htmode": "HE80", "he_spr_sr_control": ["0"]},
    ],
)
def test_a_section_that_says_nothing_of_use(section: dict[str, object]) -> None:
    assert of_section(section) is None


@given(st.integers(-81, -62), st.booleans())
def test_a_level_set_is_the_level_read(dbm: int, colored: bool) -> None:
    values, removed = UciReuse(colored=colored).at(dbm)
    assert removed == ()
    again = of_section({"htmode": "HE80", "he_bss_color_enabled": "1" if colored else "0", **values})
    assert again is not None
    assert again.obss_pd_dbm == dbm


def test_back_to_disallowed_is_openwrt_s_own_default() -> None:
    """'3' is never written: the scripts of 22.03 to 24.10 take the option for a boolean."""
    reuse = of_section({"htmode": "HE80", "he_spr_sr_control": "0", OFFSET: "10"})
    assert reuse is not None
    values, removed = reuse.at(-82)
    assert values == {}
    assert set(removed) == {"he_spr_sr_control", OFFSET}
    assert UciReuse().at(-82) == ({}, ())


@pytest.mark.parametrize("dbm", [-83, -61, 0])
def test_outside_its_range_the_kernel_would_leave_the_radio_off(dbm: int) -> None:
    with pytest.raises(Unsupported):
        UciReuse().at(dbm)
