"""Calls and shell lines, and that nothing in a name or value can become another command."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import Unsupported
from drivers.hostapd.render import Modes
from drivers.openwrt import render
from inventory.channels import Block, block
from inventory.model import Band

ALL = Modes(ht=True, vht=True, he=True)


def test_20_mhz_says_that_there_is_no_other_half() -> None:
    """`bandwidth 20` without `sec_channel_offset 0` gave 40 MHz."""
    args = render.switch_chan("phy0-ap0", block(Band.GHZ_5, 149, 20), ALL, 5).args
    assert (args["bandwidth"], args["sec_channel_offset"], args["center_freq1"]) == (20, 0, 5745)


@pytest.mark.parametrize(
    ("channel", "width", "offset"), [(44, 80, 1), (40, 80, -1), (48, 40, -1), (36, 160, 1)]
)
def test_the_other_half_lies_where_the_band_plan_says(channel: int, width: int, offset: int) -> None:
    """Frequencies in MHz: a channel number was refused, as was 80 MHz with offset 0."""
    args = render.switch_chan("phy0-ap0", block(Band.GHZ_5, channel, width), ALL, 10).args
    assert args["sec_channel_offset"] == offset
    assert args["freq"] == 5000 + 5 * channel
    assert args["force"] is False


def test_switch_chan_can_say_neither_eht_nor_320_mhz() -> None:
    with pytest.raises(Unsupported):
        render.switch_chan("phy0-ap0", block(Band.GHZ_5, 44, 80), Modes(ht=True, he=True, eht=True), 10)
    with pytest.raises(Unsupported):
        render.switch_chan("phy0-ap0", block(Band.GHZ_6, 37, 320, 6105), Modes(he=True), 10)


def test_switch_channel_names_the_radio_of_a_phy_that_has_several() -> None:
    to = block(Band.GHZ_5, 44, 160)
    assert render.switch_channel("phy0", 1, to, 10).args["radio"] == 1
    args = render.switch_channel("phy0", None, to, 10).args
    assert "radio" not in args
    assert (args["oper_chwidth"], args["center_freq1"], args["csa_count"]) == (2, 5250, 10)


@pytest.mark.parametrize(
    ("htmode", "band", "words"),
    [
        ("HE80", Band.GHZ_5, ("ht", "vht", "he")),
        ("HE20", Band.GHZ_2_4, ("ht", "he")),
        ("EHT160", Band.GHZ_6, ("he", "eht")),
        ("HT40+", Band.GHZ_2_4, ("ht",)),
        ("NOHT", Band.GHZ_2_4, ()),
    ],
)
def test_what_a_bss_speaks(htmode: str, band: Band, words: tuple[str, ...]) -> None:
    assert render.modes_of(htmode, band).words == words


@pytest.mark.parametrize(
    ("now", "to", "then"),
    [
        ("HE80", block(Band.GHZ_5, 36, 40), "HE40"),
        ("VHT80", block(Band.GHZ_5, 36, 20), "VHT20"),
        ("HT20", block(Band.GHZ_2_4, 1, 40, 2422), "HT40+"),
        ("HE20", block(Band.GHZ_2_4, 6, 40, 2447), "HE40"),
        ("NOHT", block(Band.GHZ_2_4, 6, 20), "NOHT"),
        ("EHT20", block(Band.GHZ_6, 37, 160), "EHT160"),
    ],
)
def test_the_same_kind_in_another_width(now: str, to: Block, then: str) -> None:
    assert render.htmode(now, to) == then


@pytest.mark.parametrize(
    ("now", "to"),
    [
        ("HT20", block(Band.GHZ_5, 36, 80)),
        ("VHT80", block(Band.GHZ_6, 37, 320, 6105)),
        ("HE20", block(Band.GHZ_2_4, 6, 40, 2427)),
        ("turbo", block(Band.GHZ_5, 36, 20)),
    ],
)
def test_a_width_that_uci_can_t_say(now: str, to: Block) -> None:
    with pytest.raises(Unsupported):
        render.htmode(now, to)


def test_nobody_s_pending_rollback_is_deleted_by_a_plain_apply() -> None:
    assert render.uci_apply(20).args["rollback"] is True


def test_recording_commits_only_what_it_staged_itself() -> None:
    line = render.record("radio0", {"channel": "44", "channels": ("36", "44")})
    commands = line.split(" && ")
    assert all("uci -t /tmp/.uci-rrmd" in each for each in commands)
    assert commands[-1] == "uci -t /tmp/.uci-rrmd commit wireless"
    assert "uci -t /tmp/.uci-rrmd add_list wireless.radio0.channels=36" in commands


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_nothing_becomes_another_command(section: str, option: str, value: str) -> None:
    try:
        line = render.record(section, {option: value})
        call = render.uci_set(section, {option: value})
    except Unsupported:
        return
    assert call.args["values"] == {option: value}
    assert shlex.split(line)[4] == f"wireless.{section}.{option}={value}"
    assert not set(section + option + value) & set(" ;&|$`'\"\\\n<>")


def test_an_interface_name_can_t_become_an_option() -> None:
    for name in ("-h", "a b", "x;y", ""):
        with pytest.raises(Unsupported):
            render.tx_power(name, 10)
