"""What an edit of an OpenWrt radio takes, and what it costs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import Unsupported
from drivers.openwrt import plan, render
from drivers.openwrt.plan import Manner, Subject, Ways
from drivers.openwrt.spatial_reuse import UciReuse
from drivers.openwrt.spectrum import Spectrum
from drivers.types import ConfigState, Edit, Outage, RadioState, Readback, ScopeRef, Setting
from inventory.channels import block
from inventory.model import Band, RadioKey

SCOPE = ScopeRef(kind="radio", name="phy0-ap0", members=(RadioKey("north/ap1/r5"),))
SUBJECT = Subject(
    ifname="phy0-ap0",
    section="radio0",
    band=Band.GHZ_5,
    htmode="HE80",
    widths_mhz=(20, 40, 80, 160),
    ways=Ways(plain=True),
    manner=Manner(),
    spectrum=Spectrum(country="US"),
    phy="phy0",
    candidates=(36, 40, 44, 48, 149, 153, 157, 161),
    reuse=UciReuse(),
)
SHELL = replace(SUBJECT, ways=Ways(plain=True, shell=True))


def at(
    channel: int = 36,
    width: int = 80,
    center: int = 5210,
    /,
    *,
    state: RadioState = RadioState.ON_AIR,
    **uci: int,
) -> ConfigState:
    """On air there; in UCI too, but for ``uci``."""
    place = {Setting.CHANNEL: channel, Setting.WIDTH_MHZ: width, Setting.CENTER_MHZ: center}
    told = {Setting.TX_POWER_DBM: 20, Setting.OBSS_PD_DBM: -82, Setting.ENABLED: 1}
    configured = {**place, **told, **{Setting(name): value for name, value in uci.items()}}
    on_air = {**place, Setting.TX_POWER_DBM: 20, Setting.ENABLED: 1} if state is RadioState.ON_AIR else {}
    return ConfigState(scope=SCOPE, configured=configured, in_force=on_air, state=state)


def edit(**values: int) -> Edit:
    return Edit(change_id="c1", scope=SCOPE, set={Setting(name): value for name, value in values.items()})


TO_44 = edit(channel=44, width_mhz=80, center_mhz=5210)


def test_another_channel_is_announced_with_every_argument_set() -> None:
    """Without bcn_count the switch is immediate and strands clients; 20 MHz without an offset gave 40."""
    call = plan.deed(SUBJECT, TO_44, at()).csa
    assert call is not None
    assert (call.object, call.method) == ("hostapd.phy0-ap0", "switch_chan")
    assert dict(call.args) == {
        "freq": 5220,
        "bcn_count": 10,
        "bandwidth": 80,
        "center_freq1": 5210,
        "center_freq2": 0,
        "sec_channel_offset": 1,
        "ht": True,
        "vht": True,
        "he": True,
        "block_tx": False,
        "force": False,
    }


def test_the_plan_of_an_announced_switch() -> None:
    effects = plan.effects(SUBJECT, TO_44, at())
    assert (effects.outage, effects.readback) == (Outage.CSA, Readback.IN_FORCE)
    assert effects.silent_s < 10
    assert not effects.persists, "over HTTP recording it would restart the radio"
    assert not effects.undoable, "UCI's rollback knows nothing of a switch at run time"


def test_with_a_shell_it_is_recorded_without_a_second_outage() -> None:
    effects = plan.effects(SHELL, TO_44, at())
    assert (effects.outage, effects.persists) == (Outage.CSA, True)
    assert effects.commands[-1].endswith("uci -t /tmp/.uci-rrmd commit wireless")
    assert "channel=44" in effects.commands[-1]


def test_persist_never_leaves_uci_alone() -> None:
    deed = plan.deed(replace(SHELL, manner=Manner(persist="never")), TO_44, at())
    assert deed.csa is not None
    assert deed.values == {}


def test_persist_always_without_a_shell_costs_one_outage_and_not_two() -> None:
    effects = plan.effects(replace(SUBJECT, manner=Manner(persist="always")), TO_44, at())
    assert (effects.outage, effects.persists, effects.undoable) == (Outage.CLIENTS_DROP, True, True)


def test_told_to_use_uci_the_plan_says_that_clients_drop() -> None:
    subject = replace(SUBJECT, manner=Manner(csa=False))
    deed, effects = plan.deed(subject, TO_44, at()), plan.effects(subject, TO_44, at())
    assert deed.csa is None
    assert deed.values["channel"] == "44"
    assert (effects.outage, effects.persists, effects.undoable) == (Outage.CLIENTS_DROP, True, True)
    assert effects.silent_s >= 25, "a client of the lab needed 25 s to return"


def test_widening_on_the_same_primary_is_never_announced() -> None:
    """149/40 -> 149/80 was answered with 0 and ended in "CSA failed": the AP restarted."""
    have = at(149, 40, 5755)
    subject = replace(SUBJECT, htmode="HE40")
    assert plan.deed(subject, edit(width_mhz=80), have).csa is None
    assert plan.deed(subject, edit(width_mhz=80), have).values["htmode"] == "HE80"
    assert plan.effects(subject, edit(width_mhz=80), have).outage is Outage.CLIENTS_DROP


def test_a_dfs_channel_without_its_cac_is_not_announced_and_never_forced() -> None:
    to_52 = edit(channel=52, width_mhz=80, center_mhz=5290)
    effects = plan.effects(SUBJECT, to_52, at())
    assert effects.outage is Outage.CAC
    assert effects.silent_s >= 60
    assert not any('"force": true' in each for each in effects.commands)


def test_a_dfs_channel_with_its_cac_done_is_announced() -> None:
    ready = frozenset({5260, 5280, 5300, 5320})
    subject = replace(SUBJECT, spectrum=Spectrum(country="US", ready_mhz=ready))
    assert plan.effects(subject, edit(channel=52, width_mhz=80, center_mhz=5290), at()).outage is Outage.CSA


def test_a_block_of_which_only_a_part_had_its_cac_is_not_announced() -> None:
    subject = replace(SUBJECT, spectrum=Spectrum(country="US", ready_mhz=frozenset({5260, 5280})))
    assert plan.effects(subject, edit(channel=52, width_mhz=80, center_mhz=5290), at()).outage is Outage.CAC


def test_a_channel_barred_after_radar_is_refused() -> None:
    subject = replace(SUBJECT, spectrum=Spectrum(country="US", nop_mhz=frozenset({5300})))
    with pytest.raises(Unsupported, match="radar"):
        plan.deed(subject, edit(channel=52, width_mhz=80, center_mhz=5290), at())


def test_an_eht_radio_is_announced_only_where_eht_survives_it() -> None:
    eht = replace(SUBJECT, htmode="EHT80")
    assert plan.effects(eht, TO_44, at()).outage is Outage.CLIENTS_DROP
    call = plan.deed(replace(eht, ways=Ways(eht=True, plain=True)), TO_44, at()).csa
    assert call is not None
    assert (call.object, call.method) == ("hostapd", "switch_channel")
    assert call.args["oper_chwidth"] == 1
    assert call.args["phy"] == "phy0"


def test_320_mhz_goes_by_switch_channel_or_not_at_all() -> None:
    six = replace(SUBJECT, band=Band.GHZ_6, htmode="EHT320", widths_mhz=(20, 40, 80, 160, 320))
    have = at(37, 320, 6105)
    to = edit(channel=101, width_mhz=320, center_mhz=6425)
    with pytest.raises(Unsupported, match="320"):
        plan.deed(six, to, have)
    call = plan.deed(replace(six, ways=Ways(eht=True)), to, have).csa
    assert call is not None
    assert call.args["oper_chwidth"] == 3


def test_a_channel_in_uci_brings_a_list_of_refuges_along() -> None:
    """With a bare `channel` radar took the AP off the air for 32 minutes, and then it stayed off."""
    subject = replace(SUBJECT, manner=Manner(csa=False))
    deed = plan.deed(subject, edit(channel=52, width_mhz=80, center_mhz=5290), at())
    assert deed.values["channels"] == ("36", "40", "44", "48", "52", "149", "153", "157", "161")


def test_a_list_that_is_there_is_kept_and_completed() -> None:
    subject = replace(SUBJECT, manner=Manner(csa=False), listed=("36-48", "149"))
    assert "channels" not in plan.deed(subject, TO_44, at()).values
    far = plan.deed(subject, edit(channel=157, width_mhz=80, center_mhz=5775), at())
    assert far.values["channels"] == ("36-48", "149", "157")


def test_only_5_ghz_has_radar_and_so_a_list() -> None:
    subject = replace(
        SUBJECT, band=Band.GHZ_2_4, htmode="HE20", manner=Manner(csa=False), candidates=(1, 6, 11)
    )
    assert plan.deed(subject, edit(channel=6), at(1, 20, 2412)).values == {"channel": "6"}


STUCK = at(52, 80, 5290, state=RadioState.OFF)


def test_a_radio_that_stayed_off_after_its_nop_is_moved_by_uci() -> None:
    """ "center segment 0 not in sync ... start_dfs_cac() failed", up:true: no object, so nothing to announce
    with."""
    deed = plan.deed(SUBJECT, TO_44, STUCK)
    assert deed.csa is None
    assert deed.values["channel"] == "44"
    assert not plan.effects(SUBJECT, TO_44, STUCK).undoable, "there is nothing to go back to"


def test_a_radio_that_stayed_off_is_restarted_where_it_was_and_gets_refuges() -> None:
    deed = plan.deed(SUBJECT, edit(enabled=1), STUCK)
    assert deed.restart
    assert set(deed.values) == {"channels"}
    assert plan.effects(SUBJECT, edit(enabled=1), STUCK).outage is Outage.CAC


def test_a_radio_in_its_cac_is_on_its_way() -> None:
    waiting = at(52, 80, 5290, state=RadioState.CAC)
    assert plan.deed(SUBJECT, edit(channel=52, width_mhz=80, center_mhz=5290), waiting).empty
    assert plan.deed(SUBJECT, edit(enabled=1), waiting).empty


def test_power_alone_disturbs_nobody() -> None:
    effects = plan.effects(SUBJECT, edit(tx_power_dbm=10), at())
    assert (effects.outage, effects.persists, effects.undoable) == (Outage.NONE, True, True)
    assert dict(plan.deed(SUBJECT, edit(tx_power_dbm=10), at()).values) == {"txpower": "10"}


def test_back_to_where_it_still_is_while_a_reload_is_on_its_way() -> None:
    """UCI was told and netifd takes seconds to hear of it: an undo in between that looked at the radio alone
    would find it there and do nothing, and then it leaves."""
    elsewhere = at(channel=149, center_mhz=5775)
    back = edit(channel=36, width_mhz=80, center_mhz=5210)
    deed = plan.deed(replace(SUBJECT, stale=True), back, elsewhere)
    assert (deed.values["channel"], deed.quiet) == ("36", False)
    assert plan.deed(SUBJECT, back, elsewhere).empty, "announced before, run-time only: UCI was never told"


def test_power_where_uci_was_written_without_a_reload_needs_none_either() -> None:
    """netifd still knows the old channel: its next reload restarts the radio."""
    stale = replace(SHELL, stale=True)
    deed = plan.deed(stale, edit(tx_power_dbm=10), at())
    assert (deed.power_dbm, deed.quiet, dict(deed.values)) == (10, True, {"txpower": "10"})
    assert plan.effects(stale, edit(tx_power_dbm=10), at()).outage is Outage.NONE
    assert (
        plan.effects(replace(SUBJECT, stale=True), edit(tx_power_dbm=10), at()).outage is Outage.CLIENTS_DROP
    )


def test_a_place_that_somebody_committed_without_a_reload_is_neither_lost_nor_taken() -> None:
    """The reload that our power takes would move the radio there."""
    waiting = at(channel=44)
    with pytest.raises(Unsupported, match="waits for a reload"):
        plan.deed(replace(SUBJECT, stale=True), edit(tx_power_dbm=10), waiting)


def test_channel_and_power_with_a_shell_reload_nothing() -> None:
    effects = plan.effects(SHELL, edit(channel=44, tx_power_dbm=10), at())
    assert effects.outage is Outage.CSA
    assert "iw dev phy0-ap0 set txpower fixed 1000" in effects.commands
    assert not any("uci apply" in each for each in effects.commands)


def test_channel_and_power_without_a_shell_write_the_power_alone_into_uci() -> None:
    deed = plan.deed(SUBJECT, edit(channel=44, tx_power_dbm=10), at())
    assert deed.csa is not None
    assert dict(deed.values) == {"txpower": "10"}
    assert plan.effects(SUBJECT, edit(channel=44, tx_power_dbm=10), at()).outage is Outage.CSA


def test_obss_pd_is_told_as_configured_and_drops_clients() -> None:
    deed, effects = (
        plan.deed(SUBJECT, edit(obss_pd_dbm=-72), at()),
        plan.effects(SUBJECT, edit(obss_pd_dbm=-72), at()),
    )
    assert dict(deed.values) == {"he_spr_sr_control": "0", "he_spr_non_srg_obss_pd_max_offset": "10"}
    assert (effects.outage, effects.readback) == (Outage.CLIENTS_DROP, Readback.CONFIGURED)
    assert effects.undoable


def test_a_restart_for_another_setting_does_not_throw_the_radio_back_to_uci_s_channel() -> None:
    """An announced switch is run-time only, and a radio that restarts comes back where UCI says."""
    moved = at(44, 80, 5210, channel=36)
    deed = plan.deed(SUBJECT, edit(obss_pd_dbm=-72), moved)
    assert deed.values["channel"] == "44"
    assert not plan.effects(SUBJECT, edit(obss_pd_dbm=-72), moved).undoable, "36 may be where radar was"


def test_obss_pd_of_a_radio_that_speaks_no_he_is_unsupported() -> None:
    with pytest.raises(Unsupported, match="OBSS-PD"):
        plan.deed(replace(SUBJECT, htmode="VHT80", reuse=None), edit(obss_pd_dbm=-72), at())


def test_a_radio_is_switched_off_by_uci() -> None:
    assert dict(plan.deed(SUBJECT, edit(enabled=0), at()).values) == {"disabled": "1"}
    off = at(state=RadioState.OFF, enabled=0)
    assert plan.deed(SUBJECT, edit(enabled=0), off).empty
    assert plan.deed(SUBJECT, edit(enabled=1), off).values == {"disabled": "0"}


def test_a_radio_that_is_off_is_switched_on_elsewhere_in_one_go() -> None:
    """As a rollback asks for it: where to go, and on."""
    off = at(state=RadioState.OFF, enabled=0)
    deed = plan.deed(SUBJECT, edit(channel=44, width_mhz=80, center_mhz=5210, enabled=1), off)
    assert (deed.values["channel"], deed.values["disabled"]) == ("44", "0")
    here = plan.deed(SUBJECT, edit(channel=36, width_mhz=80, center_mhz=5210, enabled=1), off)
    assert here.values == {"disabled": "0"}


def test_what_is_there_already_is_not_sent() -> None:
    same = edit(channel=36, width_mhz=80, center_mhz=5210, tx_power_dbm=20)
    assert plan.effects(SUBJECT, same, at()).commands == ()
    assert plan.effects(SHELL, same, at()).commands == ()


def test_a_channel_that_was_not_recorded_yet_is_recorded_by_itself() -> None:
    deed = plan.deed(SHELL, TO_44, at(44, 80, 5210, channel=36))
    assert deed.quiet
    assert deed.values["channel"] == "44"
    assert plan.effects(SHELL, TO_44, at(44, 80, 5210, channel=36)).outage is Outage.NONE


@pytest.mark.parametrize(
    "values",
    [
        {"enabled": 2},
        {"enabled": 0, "channel": 36},
        {"obss_pd_dbm": -72, "channel": 36},
        {"tx_power_dbm": 99},
    ],
)
def test_senseless_edits_are_unsupported(values: dict[str, int]) -> None:
    with pytest.raises(Unsupported):
        plan.deed(SUBJECT, edit(**values), at())


@given(
    channel=st.sampled_from((36, 44, 52, 100, 120, 149, 161)),
    width=st.sampled_from((20, 40, 80)),
    shell=st.booleans(),
    csa=st.booleans(),
    persist=st.sampled_from(("never", "quiet", "always")),
    power=st.none() | st.integers(0, 30),
)
def test_whatever_is_asked_the_plan_tells_the_truth(
    channel: int, width: int, shell: bool, csa: bool, persist: str, power: int | None
) -> None:
    """No outage is hidden: what reloads a place, or restarts, drops clients; what is announced is CSA."""
    subject = replace(SUBJECT, ways=Ways(plain=True, shell=shell), manner=Manner(csa=csa, persist=persist))
    target = block(Band.GHZ_5, channel, width)
    wanted = {"channel": channel, "width_mhz": width, "center_mhz": target.center_mhz}
    one = edit(**wanted, **({} if power is None else {"tx_power_dbm": power}))
    deed, effects = plan.deed(subject, one, at()), plan.effects(subject, one, at())
    reloaded = set() if deed.quiet else set(deed.values)
    if reloaded - {"txpower"}:
        assert effects.outage in (Outage.CLIENTS_DROP, Outage.CAC)
    elif deed.csa is not None:
        assert effects.outage is Outage.CSA
        assert channel != 36
    assert (effects.outage is Outage.CAC) == bool(reloaded - {"txpower"} and subject.spectrum.cac_s(target))
    assert bool(effects.commands) is not deed.empty


@pytest.mark.parametrize(
    ("entries", "channels"),
    [(("36-48",), set(range(36, 49))), (("36", "149"), {36, 149}), (("auto", "x-y", "-4", ""), set())],
)
def test_a_channels_list_holds_numbers_and_ranges(entries: tuple[str, ...], channels: set[int]) -> None:
    assert plan.spelled(entries) == channels


def test_beacons_beyond_a_byte_are_refused() -> None:
    """300 became 44 on the device; fewer than 5 are missed by clients that sleep."""
    for count in (0, 4, 256, 300):
        with pytest.raises(Unsupported):
            render.checked_beacons(count)


@pytest.mark.parametrize("subject", [SUBJECT, SHELL], ids=["http", "shell"])
def test_what_uci_is_ahead_with_is_taken_back(subject: Subject) -> None:
    """An undo half a second after the edit: the old values are still in force, and would not be for long."""
    off = at(enabled=0)
    assert plan.deed(subject, edit(enabled=1), off).values == {"disabled": "0"}
    back = plan.deed(subject, edit(channel=36, width_mhz=80, center_mhz=5210, enabled=1), off)
    assert (back.values["disabled"], back.quiet) == ("0", False)
    weak = at(tx_power_dbm=10)
    assert plan.deed(subject, edit(tx_power_dbm=20), weak).values == {"txpower": "20"}
    assert plan.deed(SUBJECT, edit(tx_power_dbm=10), weak).empty, "rpcd has nothing to apply then"


def test_a_radio_that_uci_turns_off_is_not_sent_elsewhere_by_an_announcement() -> None:
    deed = plan.deed(SHELL, edit(channel=44, width_mhz=80, center_mhz=5210, enabled=1), at(enabled=0))
    assert deed.csa is None
    assert (deed.values["disabled"], deed.values["channel"], deed.quiet) == ("0", "44", False)


def test_the_commands_of_a_restart_are_those_that_are_sent() -> None:
    """Over HTTP there is no `wifi`; with a list of channels off and on again is all there is to say."""
    silent, listed = at(state=RadioState.OFF), ("36", "44")
    far = plan.effects(replace(SUBJECT, listed=listed), edit(enabled=1), silent).commands
    assert [words.split()[2:4] for words in far] == [["uci", "set"], ["uci", "apply"], ["uci", "rollback"]]
    assert '"disabled": "1"' in far[0]
    bare = plan.effects(SUBJECT, edit(enabled=1), silent).commands
    assert [words.split()[2:4] for words in bare] == [["uci", "set"], ["uci", "apply"], ["uci", "confirm"]]
    near = plan.effects(replace(SHELL, listed=listed), edit(enabled=1), silent).commands
    assert near == ("wifi up radio0",)
    both = plan.effects(SHELL, edit(enabled=1), silent).commands
    assert len(both) == 2
    assert both[0].endswith("commit wireless")
