"""Hints to clients: few of them, the weakest first, and only to where there is less to do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rig import site_of
from unit.agent.planner.test_channel import bssid
from unit.agent.planner.test_matrix import ALL_ABLE, ONE, THREE, TWO, changed, said, seen_by, served

from agent.airtime import ChannelAir
from agent.planner.decision import Deed
from agent.planner.steer import steered
from agent.view import SiteView
from drivers.types import Action, BssReading, ClientReading


def room(here: int = 8, *there: int) -> SiteView:
    """So many clients on the first radio, and on the others."""
    seen = seen_by(site_of(1 + len(there)))
    clients = dict(zip(seen.radios, (here, *there), strict=True))
    return replace(seen, radios={key: served(at, clients[key]) for key, at in seen.radios.items()})


def asked(seen: SiteView) -> tuple[tuple[str, ...], tuple[str, ...]] | str:
    found = steered(seen, ONE)
    if not isinstance(found, Deed):
        return found.reason
    assert found.request is not None
    assert (found.request.action, found.request.radio) == (Action.STEER, ONE)
    return found.request.clients, found.request.to_bssids


def test_the_weakest_quarter_and_never_more_than_five() -> None:
    assert asked(room(8, 0)) == (("c7", "c6"), (bssid(TWO),))
    assert asked(room(100, 0))[0] == ("c99", "c98", "c97", "c96", "c95")


def test_a_client_whose_signal_is_not_known_is_left_alone() -> None:
    seen = room(1, 0)
    assert asked(said(seen, ONE, clients=(ClientReading(mac="c0"),))) == "nobody_to_steer"


@pytest.mark.parametrize(("there", "free"), [(4, True), (5, False), (0, True)])
def test_only_to_radios_with_half_as_many_clients(there: int, free: bool) -> None:
    assert (asked(room(8, there)) != "nowhere_to_steer_to") is free


def test_where_the_air_was_measured_it_decides() -> None:
    def busy(here: float, there: float) -> SiteView:
        seen = room(8, 0)
        for key, share in ((ONE, here), (TWO, there)):
            seen = changed(seen, key, air={5180: ChannelAir(busy=share, age_s=20.0)})
        return seen

    assert asked(busy(0.8, 0.75)) == "nowhere_to_steer_to"
    assert asked(busy(0.8, 0.6)) == (("c7", "c6"), (bssid(TWO),))


def test_a_radio_whose_clients_are_not_reported_is_no_goal() -> None:
    assert asked(said(room(8, 0), TWO, clients=None)) == "nowhere_to_steer_to"


def test_only_to_the_same_network_and_to_whom_it_hears() -> None:
    other = said(room(8, 0), TWO, bss=(BssReading(bssid=bssid(TWO), ssid="guests"),))
    assert asked(other) == "nowhere_to_steer_to"
    unnamed = said(room(8, 0), TWO, bss=(BssReading(bssid=bssid(TWO)),))
    assert asked(unnamed) == (("c7", "c6"), (bssid(TWO),))
    far = tuple(replace(each, signal_dbm=-83.0) for each in room(8, 0).radios[ONE].neighbors)
    assert asked(changed(room(8, 0), ONE, neighbors=far)) == "nowhere_to_steer_to"


def test_the_loudest_goal_comes_first() -> None:
    seen = room(8, 0, 0)
    ears = [
        replace(each, signal_dbm=-35.0 if each.bssid == bssid(THREE) else -50.0)
        for each in seen.radios[ONE].neighbors
    ]
    assert asked(changed(seen, ONE, neighbors=tuple(ears)))[1] == (bssid(THREE), bssid(TWO))


def test_a_round_of_hints_is_given_time() -> None:
    assert asked(replace(room(8, 0), deeds={(ONE, Action.STEER): 299.0})) == "steered_lately"
    assert asked(replace(room(8, 0), deeds={(ONE, Action.STEER): 300.0})) != "steered_lately"


def test_a_device_that_can_not_is_not_asked() -> None:
    able = replace(ALL_ABLE, actions=frozenset({Action.RESTART}))
    assert asked(changed(room(8, 0), ONE, capabilities=able)) == "device_cannot_steer"
    assert asked(changed(room(8, 0), ONE, capabilities=None)) == "device_cannot_steer"


def test_a_paused_radio_gives_no_hints() -> None:
    assert asked(replace(room(8, 0), paused=frozenset({"lab/ap1"}))) == "vetoed"


def test_one_network_that_is_heard_well_is_enough_to_call_its_ap_near() -> None:
    """A BSS that was heard faintly, once and long ago, says nothing against the other one of the same AP."""
    seen = said(room(8, 0), TWO, bss=tuple(BssReading(bssid=each) for each in (bssid(TWO), "02:aa")))
    ears = (
        *seen.radios[ONE].neighbors,
        replace(seen.radios[ONE].neighbors[0], bssid="02:aa", signal_dbm=-90),
    )
    assert asked(changed(seen, ONE, neighbors=ears)) == (("c7", "c6"), (bssid(TWO), "02:aa"))
