"""Commands, and that nothing in a name or number can become another command."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import Unsupported
from drivers.hostapd import render
from drivers.hostapd.render import Modes, Step, Tools
from inventory.channels import Block, block, blocks
from inventory.model import Band

ALL = Modes(ht=True, vht=True, he=True)
TOOLS = Tools()
HEAD = "hostapd_cli -p /var/run/hostapd -i wlan0"


@pytest.mark.parametrize(
    ("to", "arguments"),
    [
        (block(Band.GHZ_5, 149, 40), "5745 sec_channel_offset=1 center_freq1=5755 bandwidth=40"),
        (block(Band.GHZ_5, 40, 40), "5200 sec_channel_offset=-1 center_freq1=5190 bandwidth=40"),
        (block(Band.GHZ_5, 36, 20), "5180 sec_channel_offset=0 center_freq1=5180 bandwidth=20"),
        (block(Band.GHZ_5, 153, 80), "5765 sec_channel_offset=-1 center_freq1=5775 bandwidth=80"),
        (block(Band.GHZ_5, 44, 160), "5220 sec_channel_offset=1 center_freq1=5250 bandwidth=160"),
        (block(Band.GHZ_2_4, 6, 40, 2427), "2437 sec_channel_offset=-1 center_freq1=2427 bandwidth=40"),
    ],
)
def test_chan_switch(to: Block, arguments: str) -> None:
    """The first, third and fourth were taken by the guest's hostapd."""
    step = render.chan_switch(TOOLS, "wlan0", to, ALL, 5)
    assert step.command == f"{HEAD} chan_switch 5 {arguments} ht vht he"


@pytest.mark.parametrize("band", list(Band))
def test_every_block_passes_hostapds_own_check(band: Band) -> None:
    """hostapd 2.10 `hostapd_ctrl_check_freq_params`: the centres that each width and offset allows."""
    centers = {
        (40, 1): (10,),
        (40, -1): (-10,),
        (80, 1): (-10, 30),
        (80, -1): (10, -30),
        (160, 1): (70, 30, -10, -50),
        (160, -1): (50, 10, -30, -70),
    }
    for width in (40, 80, 160):
        for each in blocks(band, width):
            offset = render.secondary(each)
            assert each.center_mhz - each.primary_mhz in centers[width, offset]


def test_a_radio_without_vht_does_not_promise_it() -> None:
    step = render.chan_switch(TOOLS, "wlan0", block(Band.GHZ_2_4, 11, 20), Modes(ht=True, he=True), 10)
    assert step.command.endswith("bandwidth=20 ht he")


@pytest.mark.parametrize("count", [0, 256, 300, -1])
def test_the_count_is_a_byte(count: int) -> None:
    with pytest.raises(Unsupported):
        render.chan_switch(TOOLS, "wlan0", block(Band.GHZ_5, 36, 20), ALL, count)


def test_power_is_in_hundredths() -> None:
    assert render.tx_power(TOOLS, "wlan0", 17).command == "iw dev wlan0 set txpower fixed 1700"
    assert render.tx_power(TOOLS, "wlan0", 0).command == "iw dev wlan0 set txpower fixed 0"
    for dbm in (-1, 41):
        with pytest.raises(Unsupported):
            render.tx_power(TOOLS, "wlan0", dbm)


def test_restart_at_80_mhz() -> None:
    commands = [step.command for step in render.restart(TOOLS, "wlan0", block(Band.GHZ_5, 40, 80), ALL)]
    assert commands == [
        f"{HEAD} disable",
        f"{HEAD} set channel 40",
        f"{HEAD} set ht_capab '[HT40-]'",
        f"{HEAD} set vht_oper_chwidth 1",
        f"{HEAD} set vht_oper_centr_freq_seg0_idx 42",
        f"{HEAD} set he_oper_chwidth 1",
        f"{HEAD} set he_oper_centr_freq_seg0_idx 42",
        f"{HEAD} enable",
    ]


def test_sudo_and_paths() -> None:
    tools = Tools(hostapd_cli="/opt/h cli", ctrl_dir="/run/h", sudo=True)
    assert tools.cli("wlan0", "status") == "sudo -n '/opt/h cli' -p /run/h -i wlan0 status"


@given(name=st.text(min_size=1, max_size=20))
def test_no_name_becomes_a_command(name: str) -> None:
    try:
        words = shlex.split(TOOLS.cli(name, "status"))
    except Unsupported:
        return
    assert words == ["hostapd_cli", "-p", "/var/run/hostapd", "-i", name, "status"]
    assert not name.startswith("-")


@pytest.mark.parametrize(
    "name", ["wlan0;reboot", "$(id)", "-h", "", "a" * 16, "..", "wlan 0", "wlan0\n", "é"]
)
def test_names_that_no_interface_has(name: str) -> None:
    with pytest.raises(Unsupported):
        render.checked_ifname(name)


@given(word=st.text(max_size=20))
def test_no_word_becomes_a_command(word: str) -> None:
    command = render.writes([Step(command=Tools(iw=word).iw_line("dev"))], 100)
    assert f"$({shlex.quote(word)} dev 2>&1)" in command
