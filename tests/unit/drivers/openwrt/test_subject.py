"""What planning is told of a radio that was read."""

from __future__ import annotations

import random
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from drivers.errors import DriverError
from drivers.hostapd.parse_phy import Dfs, PhyChannel
from drivers.openwrt import plan
from drivers.openwrt.find import Found
from drivers.openwrt.parse_iwinfo import Info
from drivers.openwrt.parse_wireless import Option
from drivers.openwrt.parse_wireless import Radio as Device
from drivers.openwrt.plan import Manner, Subject, Ways
from drivers.openwrt.standing import Base, Local
from drivers.openwrt.subject import candidates, missing_refuges, subject
from drivers.types import ConfigState, Edit, Outage, RadioState, ScopeRef, Setting
from inventory.channels import block
from inventory.model import Band, Radio, RadioKey

KEY = RadioKey("a/ap/r5")
SCOPE = ScopeRef(kind="radio", name="phy0-ap0", members=(KEY,))
RADIO = Radio(key=KEY, band=Band.GHZ_5)
FOUND = Found(key=KEY, band=Band.GHZ_5, section="radio0", ifname="phy0-ap0", bss=("phy0-ap0",))
SECTION = {"channel": "36", "htmode": "HE80", "country": "US"}
INFO = Info(
    phy="phy0",
    frequency_mhz=5180,
    width_mhz=80,
    center_mhz=5210,
    country="US",
    htmodes=("HT40", "HE40", "HE160"),
)


def told(
    section: Mapping[str, object] = SECTION,
    loaded: int | None = 36,
    local: Local | None = None,
    barred: frozenset[int] = frozenset(),
    options: Mapping[str, Option] = MappingProxyType({}),
) -> Subject:
    device = Device(section="radio0", band=Band.GHZ_5, up=True, channel=loaded, htmode="HE80", country="US")
    base = Base(
        radio=replace(device, options=options),
        status=None,
        info=INFO,
        local=local or Local(),
        state=RadioState.ON_AIR,
        section=dict(section),
    )
    return subject(FOUND, base, RADIO, Ways(plain=True), Manner(), barred)


def test_widths_are_those_of_the_configured_kind() -> None:
    assert told().widths_mhz == (40, 80, 160)


def test_uci_that_was_written_without_a_reload_makes_the_next_one_a_restart() -> None:
    assert not told().stale
    assert told({**SECTION, "channel": "44"}).stale
    assert told({**SECTION, "htmode": "HE40"}).stale


@pytest.mark.parametrize(
    ("name", "value", "other"),
    [
        ("country", "US", "DE"),
        ("disabled", False, "1"),
        ("noscan", True, None),
        ("beacon_int", "100", "200"),
        ("channels", ("36", "40"), ["36"]),
    ],
)
def test_any_option_that_waits_for_a_reload_makes_it_a_restart(name: str, value: Any, other: Any) -> None:
    """netifd tells types, the file text: what is alike waits for nothing."""
    alike = {True: "1", False: "0"}[value] if isinstance(value, bool) else value
    filed = {**SECTION, "type": "mac80211", name: list(alike) if isinstance(alike, tuple) else alike}
    assert not told(filed, options={name: value}).restarts
    there = told({**filed, name: other}, options={name: value})
    assert (there.restarts, there.stale) == (True, False)
    have = ConfigState(
        scope=SCOPE,
        configured={Setting.CHANNEL: 36, Setting.WIDTH_MHZ: 80, Setting.CENTER_MHZ: 5210},
        in_force={Setting.CHANNEL: 36, Setting.WIDTH_MHZ: 80, Setting.CENTER_MHZ: 5210},
        state=RadioState.ON_AIR,
    )
    edit = Edit(change_id="c", scope=SCOPE, set={Setting.TX_POWER_DBM: 7})
    assert plan.effects(there, edit, have).outage is Outage.CLIENTS_DROP


def test_a_power_that_waits_for_a_reload_restarts_nothing() -> None:
    assert not told({**SECTION, "txpower": "10"}, options={"txpower": "20"}).restarts


@pytest.mark.parametrize(
    ("value", "listed"),
    [("36 40", ("36", "40")), (["36-48", "149"], ("36-48", "149")), ([], None), (None, None)],
)
def test_the_channels_list(value: object, listed: tuple[str, ...] | None) -> None:
    assert told({**SECTION, "channels": value}).listed == listed


def test_a_bare_channel_is_told_as_a_danger() -> None:
    assert missing_refuges(SECTION, Band.GHZ_5)
    assert not missing_refuges({**SECTION, "channels": ["36"]}, Band.GHZ_5)
    assert not missing_refuges({**SECTION, "channel": "auto"}, Band.GHZ_5)
    assert not missing_refuges(SECTION, Band.GHZ_2_4)


def test_refuges_are_what_the_law_and_the_site_allow() -> None:
    assert {36, 52, 100, 149} <= set(candidates("US", RADIO))
    few = Radio(key=KEY, band=Band.GHZ_5, channels=(36, 40, 52), dfs=False)
    assert candidates("US", few) == (36, 40)
    assert candidates(None, RADIO) == ()
    assert candidates("ZZ", RADIO) == ()


def test_what_the_kernel_says_of_dfs_outdoes_what_was_heard() -> None:
    states = {5260: Dfs.AVAILABLE, 5500: Dfs.UNAVAILABLE}
    channels = {mhz: PhyChannel(mhz=mhz, dfs=dfs) for mhz, dfs in states.items()}
    spectrum = told(local=Local(channels=channels), barred=frozenset({5300})).spectrum
    assert spectrum.nop_mhz == {5500}
    assert spectrum.ready_mhz == {5180, 5200, 5220, 5240, 5260}


def test_over_http_only_what_was_heard_bars_a_channel() -> None:
    spectrum = told(barred=frozenset({5300})).spectrum
    assert spectrum.nop_mhz == {5300}
    assert spectrum.barred(block(Band.GHZ_5, 52, 80))
    assert not spectrum.barred(block(Band.GHZ_5, 52, 20))


WORDS = ("36", "44", "HE80", "EHT320", "HE", "0", "1", "auto", "36-48", "", "x" * 300, "\x00", "VHT80+80")
NAMES = ("channel", "htmode", "channels", "radio", "country", "disabled", "he_spr_sr_control")
ODD: tuple[object, ...] = (None, True, 7, -1, 1.5, ["36", 7], [], {}, ["36-48", "149"])


def test_whatever_uci_holds_10_000_times_planning_ends_with_a_plan_or_a_word() -> None:
    dice = random.Random(7)
    scope = ScopeRef(kind="radio", name="phy0-ap0", members=(KEY,))
    in_force = {Setting.CHANNEL: 36, Setting.WIDTH_MHZ: 80, Setting.CENTER_MHZ: 5210, Setting.ENABLED: 1}
    for _ in range(10_000):
        section = {dice.choice(NAMES): dice.choice((*WORDS, *ODD)) for _ in range(dice.randrange(5))}
        wanted = {dice.choice(list(Setting)): dice.randrange(-90, 400) for _ in range(dice.randrange(1, 4))}
        have = ConfigState(scope=scope, configured={}, in_force=in_force, state=dice.choice(list(RadioState)))
        with suppress(DriverError):
            assert (
                plan.effects(told(section), Edit(change_id="c", scope=scope, set=wanted), have).silent_s >= 0
            )
