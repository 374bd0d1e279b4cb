"""A new configuration while changes are open."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from rig import site_of

from agent.configuration import effective, leaving, report
from inventory.model import Mode, RadioKey, Site

AP1, AP2 = RadioKey("lab/ap1/r5"), RadioKey("lab/ap2/r5")
NOBODY: frozenset[RadioKey] = frozenset()


def without(site: Site, ap: str) -> Site:
    aps = {id: each for id, each in site.aps.items() if id != ap}
    devices = {id: each for id, each in site.devices.items() if id != ap}
    return replace(site, aps=MappingProxyType(aps), devices=MappingProxyType(devices))


def moved(site: Site, ap: str) -> Site:
    """The AP at another address, on other channels."""
    device = replace(site.devices[ap], address="elsewhere")
    changed = replace(
        site.aps[ap], radios=tuple(replace(radio, channels=(149,)) for radio in site.aps[ap].radios)
    )
    return replace(
        site,
        aps=MappingProxyType({**site.aps, ap: changed}),
        devices=MappingProxyType({**site.devices, ap: device}),
    )


def test_without_open_changes_the_new_one_counts() -> None:
    old = {"lab": site_of(3)}
    new = {"lab": without(site_of(3), "ap1")}
    assert effective(new, old, NOBODY) == new
    assert effective({}, old, NOBODY) == {}


def test_an_ap_with_an_open_change_stays_as_it_was() -> None:
    old = {"lab": site_of(3)}
    new = {"lab": moved(moved(site_of(3), "ap1"), "ap2")}
    served = effective(new, old, frozenset({AP1}))["lab"]
    assert served.aps["ap1"] == old["lab"].aps["ap1"]
    assert served.devices["ap1"] == old["lab"].devices["ap1"]
    assert served.aps["ap2"] == new["lab"].aps["ap2"]
    assert leaving({"lab": served}, new) == {AP1}


def test_a_lost_device_is_reached_as_wanted_though_a_change_is_open() -> None:
    old = {"lab": site_of(3)}
    new = {"lab": moved(moved(site_of(3), "ap1"), "ap2")}
    held = frozenset({AP1, AP2})
    served = effective(new, old, held, {"lab/ap1"})["lab"]
    assert served.devices["ap1"] == new["lab"].devices["ap1"]
    assert served.devices["ap2"] == old["lab"].devices["ap2"]
    assert served.aps["ap1"] == old["lab"].aps["ap1"], "the change keeps its AP"
    assert report(new, old, held, {"lab/ap1"}).held == ("lab/ap1", "lab/ap2")


def test_a_lost_device_that_is_all_that_is_new_waits_for_nothing() -> None:
    old = {"lab": site_of(3)}
    device = replace(old["lab"].devices["ap1"], credential="cred:new")
    new = {"lab": replace(old["lab"], devices=MappingProxyType({**old["lab"].devices, "ap1": device}))}
    held = frozenset({AP1})
    assert report(new, old, held).held == ("lab/ap1",)
    assert report(new, old, held, {"lab/ap1"}).held == ()
    assert effective(new, old, held, {"lab/ap1"}) == new


def test_a_lost_device_of_another_driver_stays_as_it_was() -> None:
    old = {"lab": site_of(3)}
    device = replace(old["lab"].devices["ap1"], driver="hostapd")
    new = {"lab": replace(old["lab"], devices=MappingProxyType({**old["lab"].devices, "ap1": device}))}
    assert effective(new, old, frozenset({AP1}), {"lab/ap1"}) == old


def test_an_ap_that_is_gone_is_served_until_its_change_is_over() -> None:
    old = {"lab": site_of(3)}
    new = {"lab": without(site_of(3), "ap1")}
    served = effective(new, old, frozenset({AP1}))
    assert AP1 in served["lab"].radios
    assert leaving(served, new) == {AP1}
    assert effective(new, served, NOBODY) == new


def test_a_site_that_is_gone_keeps_its_held_aps_alone() -> None:
    old = {"lab": site_of(3)}
    served = effective({}, old, frozenset({AP2}))
    assert list(served["lab"].aps) == ["ap2"]
    assert list(served["lab"].devices) == ["ap2"]
    assert leaving(served, {}) == {AP2}


def test_a_policy_counts_at_once() -> None:
    old = {"lab": site_of(2)}
    policy = replace(old["lab"].policy, mode=Mode.OBSERVE)
    new = {"lab": replace(old["lab"], policy=policy)}
    assert effective(new, old, frozenset({AP1}))["lab"].policy.mode is Mode.OBSERVE
    assert not leaving(new, new)


def test_the_report_names_what_came_went_and_waits() -> None:
    old = {"lab": site_of(3)}
    new = {"lab": moved(without(site_of(4), "ap1"), "ap2")}
    said = report(new, old, frozenset({AP1, AP2}))
    assert said.added == ("lab/ap4",)
    assert said.removed == ("lab/ap1",)
    assert said.changed == ("lab/ap2",)
    assert said.held == ("lab/ap1", "lab/ap2")


def test_the_report_names_what_a_policy_says_now() -> None:
    old = {"lab": site_of(2), "gone": site_of(2)}
    was = old["lab"].policy
    policy = replace(was, mode=Mode.OBSERVE, monitor=replace(was.monitor, slot_s=7.0))
    said = report({"lab": replace(old["lab"], policy=policy, country="DE")}, old, NOBODY)
    assert said.policy == (
        f"lab: country {old['lab'].country}->DE, mode {was.mode}->observe, "
        f"monitor.slot_s {was.monitor.slot_s}->7.0",
    )
    assert said.told()["policy"] == said.policy[0]
    assert report(old, old, NOBODY).told() == dict.fromkeys(
        ("added", "removed", "changed", "held", "policy"), ""
    )
