"""Steering and restarting an OpenWrt radio."""

from __future__ import annotations

import pytest

from drivers.errors import Refused, Unsupported
from drivers.openwrt import act
from drivers.types import Action, ActionRequest, ConfigState, RadioState, ScopeRef, Setting
from inventory.model import RadioKey

CLIENT, OTHER = "02:00:00:00:02:00", "02:00:00:00:03:00"
HOME, AWAY = "02:00:00:00:00:00", "02:00:00:00:01:00"


def request(*clients: str, to: tuple[str, ...] = ()) -> ActionRequest:
    return ActionRequest(action=Action.STEER, radio=RadioKey("a/b/r5"), clients=clients, to_bssids=to)


def test_steering_is_a_hint_and_throws_nobody_out() -> None:
    known = act.targets({AWAY: 2412}, {})
    (call,) = act.steer({CLIENT: "phy0-ap0"}, request(CLIENT, to=(AWAY,)), known)
    assert (call.object, call.method) == ("hostapd.phy0-ap0", "bss_transition_request")
    assert call.args["disassociation_imminent"] is False
    assert call.args["disassociation_timer"] == 0
    assert call.args["neighbors"] == ["02000000010002000000" + "51" + "01" + "07" + "0301ff"]


def test_only_clients_that_are_here_are_asked() -> None:
    stations = {"phy0-ap0": [CLIENT.upper()], "phy0-ap1": [OTHER]}
    assert act.here(stations, request(CLIENT)) == {CLIENT: "phy0-ap0"}
    with pytest.raises(Refused):
        act.here({"phy0-ap0": []}, request(CLIENT))


def test_targets_of_the_ap_s_own_list_are_taken_as_they_are() -> None:
    element = "020000000100ef5900008024090603022a00"
    known = act.targets({}, {"list": [[AWAY, "lab5", element], ["x"], [1, 2, 3], "y"]})
    assert known[AWAY].op_class == 0x80
    assert act.targets({}, ["no mapping"]) == {}


def test_a_target_that_nobody_knows_is_left_out() -> None:
    (call,) = act.steer({CLIENT: "phy0-ap0"}, request(CLIENT, to=("02:00:00:00:09:09",)), {})
    assert call.args["neighbors"] == []


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(Unsupported):
        act.here({"phy0-ap0": [CLIENT]}, request("everyone"))


def have(state: RadioState, enabled: int = 1) -> ConfigState:
    scope = ScopeRef(kind="radio", name="phy0-ap0", members=(RadioKey("a/b/r5"),))
    return ConfigState(scope=scope, configured={Setting.ENABLED: enabled}, in_force={}, state=state)


def test_a_radio_that_waits_out_a_nop_is_not_restarted() -> None:
    with pytest.raises(Refused):
        act.may_restart("phy0-ap0", have(RadioState.NOP))
    act.may_restart("phy0-ap0", have(RadioState.OFF))


def test_a_radio_that_a_person_switched_off_is_not_restarted() -> None:
    with pytest.raises(Refused):
        act.may_restart("phy0-ap0", have(RadioState.OFF, enabled=0))
