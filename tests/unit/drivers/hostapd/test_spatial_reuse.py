"""OBSS-PD in hostapd's file: what it says, what it should say, and that an undo is what was before."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import Conflict, Unsupported
from drivers.expectation import compare
from drivers.hostapd import plan, spatial_reuse
from drivers.hostapd.parse_phy import Dfs, PhyChannel
from drivers.hostapd.plan import Subject
from drivers.hostapd.render import Modes, Tools
from drivers.hostapd.spatial_reuse import SpatialReuse, of_file
from drivers.types import ConfigState, Edit, Outage, RadioState, Readback, ScopeRef, Setting
from inventory.model import Band, RadioKey

RECORDINGS = Path(__file__).parents[3] / "contract" / "recordings" / "hostapd"
SCOPE = ScopeRef(kind="radio", name="wlan0", members=(RadioKey("north/ap1/r5"),))
HERE = {Setting.CHANNEL: 36, Setting.WIDTH_MHZ: 40, Setting.CENTER_MHZ: 5190, Setting.ENABLED: 1}
SUBJECT = Subject(
    ifname="wlan0",
    band=Band.GHZ_5,
    tools=Tools(),
    modes=Modes(),
    widths_mhz=(20, 40, 80),
    csa_count=10,
    channels={5180: PhyChannel(mhz=5180), 5260: PhyChannel(mhz=5260, dfs=Dfs.AVAILABLE, cac_s=60.0)},
    config_file="/etc/hostapd/wlan0.conf",
    reuse=SpatialReuse(control=3),
)


def have(dbm: int | None = -82, state: RadioState = RadioState.ON_AIR, **place: int) -> ConfigState:
    level = {} if dbm is None else {Setting.OBSS_PD_DBM: dbm}
    in_force = HERE | {Setting(name): value for name, value in place.items()}
    return ConfigState(scope=SCOPE, configured=level, in_force=in_force, state=state)


def edit(dbm: int, expect: dict[Setting, int] | None = None, **more: int) -> Edit:
    values = {Setting.OBSS_PD_DBM: dbm} | {Setting(name): value for name, value in more.items()}
    return Edit(change_id="c1", scope=SCOPE, set=values, expect=expect or {})


@pytest.mark.parametrize(
    ("lines", "dbm"),
    [
        ("he_spr_sr_control=3", -82),
        ("he_spr_sr_control=2\nhe_spr_non_srg_obss_pd_max_offset=9", -82),
        ("he_spr_sr_control=5\nhe_spr_non_srg_obss_pd_max_offset=10", -72),
        ("he_spr_sr_control=4 \nhe_spr_non_srg_obss_pd_max_offset=1 ", -81),
        ("he_spr_sr_control=1", -62),
    ],
)
def test_levels_of_a_file(lines: str, dbm: int) -> None:
    found = of_file(f"interface=wlan0\n{lines}\n", "wlan0")
    assert found is not None
    assert found.obss_pd_dbm == dbm


@pytest.mark.parametrize(
    "text",
    [
        "interface=wlan0\n",
        "interface=wlan0\nhe_spr_sr_control=0\n",
        "interface=wlan0\nhe_spr_sr_control=abc\n",
        "interface=wlan0\nhe_spr_sr_control=4\n",
        "interface=wlan0\nhe_spr_sr_control=4\nhe_spr_non_srg_obss_pd_max_offset=25\n",
        "interface=wlan1\nhe_spr_sr_control=3\n",
        "he_spr_sr_control=3\n",
    ],
)
def test_files_that_say_nothing_that_could_be_undone(text: str) -> None:
    assert of_file(text, "wlan0") is None


@given(st.integers(1, 31), st.integers(1, 20), st.integers(-82, -62))
def test_there_and_back_is_what_was_before(control: int, offset: int, dbm: int) -> None:
    before = of_file(
        f"interface=w\nhe_spr_sr_control={control}\nhe_spr_non_srg_obss_pd_max_offset={offset}\n", "w"
    )
    assert before is not None
    there = before.at(dbm)
    assert there.obss_pd_dbm == dbm
    assert there.at(before.obss_pd_dbm).obss_pd_dbm == before.obss_pd_dbm
    assert there.control & 0b11001 == control & 0b11001, "PSR, SRG and the HE-SIG-A value are not ours"


@pytest.mark.parametrize("dbm", [-83, -61, 0])
def test_levels_that_the_kernel_refuses_are_not_sent(dbm: int) -> None:
    with pytest.raises(Unsupported, match="-82 to -62"):
        plan.steps(SUBJECT, edit(dbm), have())


def test_it_costs_the_clients() -> None:
    effects = plan.effects(SUBJECT, edit(-72), have())
    assert (effects.outage, effects.silent_s) == (Outage.CLIENTS_DROP, plan.RESTART_S)
    assert (effects.readback, effects.persists) == (Readback.CONFIGURED, True)
    (command,) = effects.commands
    assert command.endswith("disable >/dev/null; hostapd_cli -p /var/run/hostapd -i wlan0 enable; }")


def test_on_a_radar_channel_it_costs_a_cac() -> None:
    effects = plan.effects(SUBJECT, edit(-72), have(channel=52, width_mhz=20, center_mhz=5260))
    assert (effects.outage, effects.silent_s) == (Outage.CAC, 60.0 + plan.RESTART_S)


def test_what_is_there_already_is_not_sent() -> None:
    assert plan.steps(SUBJECT, edit(-82), have()) == ()


def test_without_a_file_there_is_no_such_setting() -> None:
    for subject in (replace(SUBJECT, reuse=None), replace(SUBJECT, config_file=None)):
        with pytest.raises(Unsupported, match="no file"):
            plan.steps(subject, edit(-72), have(None))


def test_it_is_set_alone_and_not_on_a_radio_that_radar_silenced() -> None:
    with pytest.raises(Unsupported, match="beside"):
        plan.steps(SUBJECT, edit(-72, channel=44), have())
    for state in (RadioState.CAC, RadioState.NOP):
        with pytest.raises(Unsupported, match="radar"):
            plan.steps(SUBJECT, edit(-72), have(state=state))


@pytest.mark.parametrize(
    ("dbm", "now_dbm", "power", "order"),
    [(-79, 20, 18, ("txpower", "set he_spr")), (-82, 18, 20, ("set he_spr", "txpower"))],
    ids=["raised, and quieter first", "lowered, and louder last"],
)
def test_the_power_that_a_level_demands_goes_with_it(
    dbm: int, now_dbm: int, power: int, order: tuple[str, str]
) -> None:
    """IEEE 802.11ax 26.10.2.4: at no time more power than the level allows."""
    at = have(-76, tx_power_dbm=now_dbm)
    found = plan.effects(SUBJECT, edit(dbm, tx_power_dbm=power), at)
    assert [word in command for word, command in zip(order, found.commands, strict=True)] == [True, True]
    assert (found.outage, found.readback) == (Outage.CLIENTS_DROP, Readback.CONFIGURED)


def test_what_is_expected_is_compared_with_the_file() -> None:
    compare(edit(-72, {Setting.OBSS_PD_DBM: -82}), have(-82), {Setting.OBSS_PD_DBM})
    with pytest.raises(Conflict, match="obss_pd_dbm is -76, not -82"):
        compare(edit(-72, {Setting.OBSS_PD_DBM: -82}), have(-76), {Setting.OBSS_PD_DBM})


def run(tmp_path: Path, wanted: SpatialReuse, answer: str = "OK") -> tuple[int, list[str]]:
    """The step in a real shell; what it told a stand-in of hostapd_cli."""
    cli, told = tmp_path / "cli", tmp_path / "told"
    cli.write_text(f'#!/bin/sh\nshift 4\necho "$*" >>{told}\necho {answer}\n')
    cli.chmod(0o755)
    tools = Tools(hostapd_cli=str(cli))
    (step,) = spatial_reuse.steps(tools, "wlan0", str(tmp_path / "ap.conf"), wanted)
    sh = shutil.which("sh")
    assert sh is not None
    status = subprocess.run([sh, "-c", step.command], check=False, stdout=subprocess.DEVNULL).returncode
    return status, told.read_text().splitlines()


def test_the_file_and_the_running_hostapd_are_told_the_same(tmp_path: Path) -> None:
    file = tmp_path / "real.conf"
    text = "interface=wlan0\nwpa_psk=secret\nhe_spr_sr_control=3\n# he_spr_sr_control=9\nbss=wlan0_1\n"
    file.write_text(text)
    file.chmod(0o660)
    (tmp_path / "ap.conf").symlink_to(file)
    status, told = run(tmp_path, SpatialReuse(control=3).at(-72))
    assert status == 0
    assert told == [
        "set he_spr_sr_control 5",
        "set he_spr_non_srg_obss_pd_max_offset 10",
        "disable",
        "enable",
    ]
    new = "he_spr_sr_control=5\nhe_spr_non_srg_obss_pd_max_offset=10\n"
    assert file.read_text() == text.replace("he_spr_sr_control=3\n", new, 1)
    assert file.stat().st_mode & 0o777 == 0o660, "as the operator made it"
    assert (tmp_path / "ap.conf").is_symlink()
    assert {path.name for path in tmp_path.iterdir()} == {"cli", "told", "ap.conf", "real.conf"}
    before = of_file(file.read_text(), "wlan0")
    assert before is not None
    run(tmp_path, before.at(-82))
    assert re.findall(r"^he_spr\w+=\d+", file.read_text(), re.M) == [
        "he_spr_sr_control=3",
        "he_spr_non_srg_obss_pd_max_offset=10",
    ]


def test_a_hostapd_that_refuses_keeps_its_file_and_its_clients(tmp_path: Path) -> None:
    (tmp_path / "ap.conf").write_text("interface=wlan0\nhe_spr_sr_control=3\n")
    status, told = run(tmp_path, SpatialReuse(control=3).at(-72), answer="FAIL")
    assert status != 0
    assert told == ["set he_spr_sr_control 5"]
    assert (tmp_path / "ap.conf").read_text() == "interface=wlan0\nhe_spr_sr_control=3\n"


LEVEL = 1 << 28  # BSS_CHANGED_HE_OBSS_PD of Linux 6.1
Moment = tuple[str, bool, str]


def moments(name: str) -> list[Moment]:
    """(command, whether the kernel was told a level, the Spatial Reuse element in the beacon after it)."""
    parts = re.split(r"^\$ ", (RECORDINGS / name).read_text(), flags=re.M)[1:]
    return [_moment(part.replace("hostapd_cli -i wlan0 ", "")) for part in parts]


def _moment(part: str) -> Moment:
    changed = [int(bits, 16) for bits in re.findall(r"phy0 .*changed:(0x\w+)", part)]
    beacon = re.search(r"^beacon .*?(?:Spatial Reuse (\w+))?$", part, re.M)
    assert beacon is not None
    return part.splitlines()[0], any(bits & LEVEL for bits in changed), beacon[1] or ""


def test_without_a_restart_only_the_beacon_changes() -> None:
    told = moments("obss-pd.what-reaches-the-kernel.txt")
    assert told[2:4] == [("update_beacon", False, "ff0327040a"), ("reload", False, "ff0327040a")]
    restarts = [each for each in told if each[0] == "disable; enable"]
    assert restarts[:3] == [
        ("disable; enable", True, "ff0327040a"),
        ("disable; enable", True, "ff03270403"),
        ("disable; enable", True, ""),
    ]
    assert restarts[3] == ("disable; enable", False, ""), "an offset of 25 dB keeps the radio off the air"
    sighup = moments("obss-pd.file-and-sighup.txt")
    assert [each[1:] for each in sighup] == [(False, "ff03270508"), (True, "ff03270508")]
