"""HW_FAILURE of devices that do not answer: unreachable is not dead, and many at once are neither."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sights import (
    ABLE,
    ME,
    NOW,
    NOW_S,
    change_of,
    heard_as,
    history,
    reading,
    sight_of,
    site,
    there,
    told,
    view_of,
)

from agent.change import State
from agent.detectors.loss import loss
from agent.detectors.sight import Finding, Presence, Sight
from agent.memory import Memory
from agent.view import SiteView
from drivers.types import DeviceInfo, NeighborReading, RadioInfo, RadioReading, Setting, Snapshot
from inventory.model import Band, RadioKey

LOST_S = NOW_S - 240.0
DEAD, UNREACHABLE = f"{ME}:dead", f"{ME}:unreachable"


def key(n: int) -> RadioKey:
    return RadioKey(f"lab/ap{n}/r5")


def sights(
    lost: Mapping[int, dict[str, Any]], aps: int = 20, view: SiteView | None = None, **given: Any
) -> dict[RadioKey, Sight]:
    """A site of which these APs are lost."""
    gone: dict[RadioKey, RadioReading | None] = {key(n): None for n in lost}
    view = view or view_of(site(aps), readings=gone, **given)
    values = {"missed": 4, "answers_otherwise": False, "lost_at_s": LOST_S}
    return {
        each: sight_of(history(count=2), view, each, **({**values, **lost[n]} if n in lost else {}))
        for n, each in enumerate(view.site.radios, start=1)
    }


def several(numbers: Iterable[int]) -> dict[int, dict[str, Any]]:
    return {n: {} for n in numbers}


def heard_before(*who: int, age_s: float = 250.0, **given: Any) -> dict[RadioKey, Sequence[NeighborReading]]:
    """These radios heard the first AP so long ago."""
    return {key(n): [heard_as(ME, age_s=age_s, **given)] for n in who}


def test_nothing_is_lost() -> None:
    assert loss(sights({}), ()) == []
    assert loss({}, ()) == []


def test_unreachable_after_three_polls_and_a_second_way_of_asking() -> None:
    finding = there(loss(sights({1: {}}), ()))
    assert (finding.key, finding.severity, finding.evidence["what"]) == (UNREACHABLE, "major", "unreachable")
    for better in ({"missed": 2}, {"answers_otherwise": None}, {"answers_otherwise": True}):
        assert loss(sights({1: better}), ()) == []


def test_others_of_a_power_cut_are_waited_for() -> None:
    assert loss(sights({1: {"lost_at_s": NOW_S - 149.0}}), ()) == []
    assert loss(sights({1: {"lost_at_s": NOW_S - 150.0}}), ()) != []


def test_dead_when_two_neighbours_no_longer_hear_it() -> None:
    finding = there(loss(sights({1: {}}, heard=heard_before(2, 3)), ()))
    assert (finding.key, finding.severity) == (DEAD, "critical")
    assert finding.evidence == {"what": "dead", "deaf_neighbours": 2}
    assert there(loss(sights({1: {}}, heard=heard_before(2)), ())).key == UNREACHABLE
    both = loss(sights({1: {}}, heard=heard_before(2, 3)), {UNREACHABLE})
    assert told(both) == [(DEAD, Presence.THERE), (UNREACHABLE, Presence.THERE)]


def alive(found: Sequence[Finding]) -> bool:
    return there(found).key == UNREACHABLE


def test_what_is_no_evidence_of_death() -> None:
    assert alive(loss(sights({1: {}}, heard=heard_before(2, 3, age_s=20.0)), ()))  # still heard
    assert alive(loss(sights({1: {}}, heard=heard_before(2, 3, signal_dbm=-83.0)), ()))  # hardly ever heard
    assert alive(loss(sights({1: {}}, heard=heard_before(2, 3, age_s=1200.0)), ()))  # not heard long before
    assert alive(loss(sights({1: {}}, heard=heard_before(2, 3), scanned_age_s=200.0), ()))  # no scan since
    assert alive(loss(sights({1: {}}, heard=heard_before(2, 3), scanned_age_s=None), ()))
    off = {key(2): reading(key(2), channel=36), key(3): None, ME: None}
    view = view_of(site(20), readings=off, heard=heard_before(2, 3))
    assert alive(loss(sights({1: {}}, view=view), ()))  # a deaf one that is lost itself


def test_a_neighbour_that_was_just_moved_is_no_witness() -> None:
    moved = change_of(key(2), State.COMMITTED, target={Setting.CHANNEL: 44}, prior={Setting.CHANNEL: 36})
    assert alive(loss(sights({1: {}}, heard=heard_before(2, 3), changes=(moved,)), ()))
    assert there(loss(sights({1: {}}, heard=heard_before(2, 3, 4), changes=(moved,)), ())).key == DEAD


def test_once_dead_it_is_dead_until_it_answers() -> None:
    """Neighbours that help with more power are changed, and no witnesses any more."""
    old, new = {Setting.TX_POWER_DBM: 17}, {Setting.TX_POWER_DBM: 20}
    helped = tuple(change_of(key(n), State.MONITORING, target=new, prior=old) for n in (2, 3))
    given = sights({1: {}}, heard=heard_before(2, 3), changes=helped)
    assert told(loss(given, {DEAD})) == [(DEAD, Presence.THERE)]
    assert told(loss(given, ())) == [(UNREACHABLE, Presence.THERE)]


def test_many_at_once_are_one_alert() -> None:
    quarter = several(range(1, 6))
    finding = there(loss(sights(quarter, heard=heard_before(7, 8)), ()))
    assert (finding.key, finding.radio, finding.severity) == ("site_loss", None, "major")
    assert finding.evidence == {"what": "site_loss", "aps": 5, "of": 20}


def test_three_of_many_are_not_much_of_a_site() -> None:
    keys = [finding.evidence["what"] for finding in loss(sights(several(range(1, 4))), ())]
    assert keys == ["unreachable"] * 3
    assert len(loss(sights(several(range(1, 4)), aps=8), ())) == 1


def test_lost_one_after_the_other_is_not_together() -> None:
    spread = {n: {"lost_at_s": NOW_S - 240.0 - 400.0 * n} for n in range(1, 6)}
    assert {f.evidence["what"] for f in loss(sights(spread), ())} == {"unreachable"}
    assert len(loss(sights(spread), ())) == 5


def test_one_that_is_lost_beside_a_site_loss_is_told() -> None:
    lost = {**several(range(2, 7)), 1: {"lost_at_s": NOW_S - 3600.0}}
    assert {f.key for f in loss(sights(lost), ())} == {"site_loss", UNREACHABLE}


def test_a_site_loss_ends_below_half_of_what_raises_it() -> None:
    still = loss(sights(several(range(1, 4))), {"site_loss"})
    assert still == []  # neither there nor over: the three are its own
    ended = loss(sights({1: {}}), {"site_loss"})
    assert told(ended) == [("site_loss", Presence.OVER), (UNREACHABLE, Presence.THERE)]


def test_an_ap_that_answers_on_another_way_is_not_counted() -> None:
    half = {n: {"answers_otherwise": n < 4} for n in range(1, 6)}
    assert "site_loss" not in {f.key for f in loss(sights(half), ())}


def test_back() -> None:
    found = loss(sights({}), {DEAD, UNREACHABLE, f"{ME}:stuck", "lab/ap99/r5:dead"})
    assert sorted(told(found)) == [(DEAD, Presence.OVER), (UNREACHABLE, Presence.OVER)]
    assert loss(sights({}, view=view_of(readings={ME: None})), {DEAD}) == []
    assert told(loss(sights({1: {}}), {DEAD})) == [(DEAD, Presence.THERE)]


def opened(radio: RadioKey) -> DeviceInfo:
    found = {radio: RadioInfo(key=radio, name="radio0", band=Band.GHZ_5)}
    return DeviceInfo(vendor="", model="", version="", identity="", radios=found, capabilities=ABLE)


def test_its_bssids_are_known_after_the_loss() -> None:
    """What the detector rests on: a lost device's readings are gone, its BSSIDs are not."""
    where = site(4)
    memory = Memory({"lab": where})
    ear = replace(reading(key(2)), neighbors=(heard_as(ME, age_s=0.0),), at_s=NOW_S - 250.0)
    memory.see(Snapshot(at_s=NOW_S, readings={ME: reading(), key(2): ear, key(3): replace(ear, key=key(3))}))
    for n in (2, 3):
        deaf = replace(reading(key(n)), neighbors=(), at_s=NOW_S - 5.0)
        memory.see(Snapshot(at_s=NOW_S, readings={key(n): deaf}))
        memory.opened(opened(key(n)))
    memory.lose("lab", "ap1")
    view = memory.view(where, NOW)
    assert view.radios[key(2)].scanned_age_s == 5.0
    assert view.radios[key(4)].scanned_age_s is None
    lone = {ME: sight_of((), view, missed=4, answers_otherwise=False, lost_at_s=LOST_S)}
    assert there(loss(lone, ())).key == DEAD
