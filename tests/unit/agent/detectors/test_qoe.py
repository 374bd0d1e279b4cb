"""EMERGENCY_QOE: far worse than usual, by its own history, and not because the whole site is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sights import (
    ABLE,
    ME,
    NEXT,
    history,
    over,
    reading,
    sight_of,
    site,
    there,
    times,
    view_of,
    with_clients,
)

from agent.counters import Flaw
from agent.detectors.qoe import qoe
from agent.detectors.sight import Finding
from agent.observation import Observation
from drivers.types import Table
from inventory.model import RadioKey

KEY = frozenset({ME})
USUAL_RETRIES = 300  # of 3000 frames: 9 %


def look(
    newest: Sequence[dict[str, Any]],
    open_keys: frozenset[str] = frozenset(),
    others: Sequence[dict[str, Any]] | None = None,
    **view: Any,
) -> Sequence[Finding]:
    given = view_of(**view)
    histories: dict[RadioKey, Sequence[Observation]] = {}
    if others is not None:
        histories = {key: history(key=key, newest=others) for key in given.radios}
    return qoe(sight_of(history(newest=newest), given, histories=histories), open_keys)


def slots(count: int, **given: Any) -> list[dict[str, Any]]:
    """So many slots of a minute, two samples each."""
    return times(2 * count, **given)


def test_three_slots_of_retries() -> None:
    finding = there(look(slots(3, retries=1500)))
    assert (finding.key, finding.severity) == (ME, "critical")
    evidence = finding.evidence
    assert (evidence["what"], evidence["retry_ppm"], evidence["usual_ppm"]) == ("retry", 333_333, 90_909)
    assert (evidence["busy_ppm"], evidence["own_ppm"], evidence["foreign_ppm"]) == (300_000, 150_000, 150_000)
    assert look(slots(2, retries=1500)) == ()


def test_three_times_a_little_is_no_emergency() -> None:
    good = [replace(each, retries=60) for each in history()]
    bad = [*good[:-6], *(replace(each, retries=300) for each in good[-6:])]
    assert qoe(sight_of(bad), ()) == ()


def test_twice_the_usual_is_no_emergency() -> None:
    assert look(slots(3, retries=900)) == ()


def test_failed_frames() -> None:
    assert there(look(slots(3, failed=180))).evidence["what"] == "per"
    assert look(slots(3, failed=120)) == ()


def test_five_slots_of_little_for_much_air() -> None:
    slow = {"bytes": 1_300_000}
    finding = there(look(slots(5, **slow)))
    assert (finding.evidence["what"], finding.evidence["rate_ppm"]) == ("rate", 361_111)
    assert look(slots(4, **slow)) == ()
    assert look(slots(5, bytes=1_600_000)) == ()
    assert look(slots(5, bytes=1_300_000, tx_airtime_ms=1600)) == ()  # little air too: people went to lunch
    # an idle radio's air time is mostly beacons
    assert look(slots(5, **slow, tx_ratio=0.05)) == ()
    idle = [{"tx_ratio": 0.05, "bytes": 7_200_000} for _ in range(60)]
    assert look([*idle, *slots(5, **slow)]) == ()


def test_clients_that_are_thrown_out_and_come_back() -> None:
    gone = [{"gone": frozenset(f"m{n}-{k}" for k in range(6))} for n in range(6)]
    macs = [f"m{n}-{k}" for n in range(6) for k in range(6)]
    back = {ME: with_clients(ME, macs)}
    finding = there(look(gone, readings=back))
    assert (finding.evidence["what"], finding.evidence["per_minute"]) == ("disconnects", 12)
    always = [{"gone": frozenset(f"m{n % 6}-{k}" for k in range(5))} for n in range(64)]
    assert look([*always, *gone], readings=back) == ()


def test_clients_that_go_home_or_roam_are_no_emergency() -> None:
    gone = [{"gone": frozenset(f"m{n}-{k}" for k in range(30))} for n in range(6)]
    assert look(gone) == ()
    elsewhere = {NEXT: with_clients(NEXT, [f"m{n}-{k}" for n in range(6) for k in range(30)])}
    assert look(gone, readings=elsewhere) == ()


def test_what_hits_the_whole_site_is_no_radios_emergency() -> None:
    bad = slots(3, retries=1500)
    worse_everywhere = slots(3, retries=800)
    assert look(bad, others=worse_everywhere) == ()
    assert there(look(bad, others=[])).evidence["c_ppm"] == 1_000_000
    assert there(look(bad, others=worse_everywhere, where=site(3)))  # two others are no controls


def test_the_controls_excuse_no_more_than_twice() -> None:
    assert there(look(slots(3, retries=9000), others=slots(3, retries=9000))).evidence["c_ppm"] == 2_000_000


def test_slots_with_few_frames_tell_nothing() -> None:
    assert look(slots(3, frames=80, retries=70, failed=20)) == ()


def test_it_needs_a_history() -> None:
    assert qoe(sight_of(history(count=24, newest=slots(3, retries=1500))), ()) == ()
    assert there(qoe(sight_of(history(count=32, newest=slots(3, retries=1500))), ()))


def test_a_change_that_made_it_worse_is_seen_against_the_channel_before() -> None:
    moved = [replace(each, channel=44) for each in history()[:-8]] + list(
        history(newest=slots(3, retries=1500))[-8:]
    )
    assert there(qoe(sight_of(moved), ()))


def test_an_emergency_does_not_become_usual_at_once() -> None:
    assert there(look(slots(20, retries=1500)))


@pytest.mark.parametrize(
    "spoilt",
    [
        {"flaws": frozenset({Flaw.RESET}), "frames": None},
        {"flaws": frozenset({Flaw.OFF_AIR})},
        {"flaws": frozenset({Flaw.IMPLAUSIBLE})},
        {"span_s": 200.0},
    ],
)
def test_a_spoilt_sample_starts_anew(spoilt: dict[str, Any]) -> None:
    newest = slots(3, retries=1500)
    newest[2] = {**newest[2], **spoilt}
    assert look(newest) == ()


def test_a_device_that_refreshes_slowly_has_longer_slots() -> None:
    slow = replace(ABLE, refresh_s={Table.CLIENTS: 120.0})
    assert look(slots(3, retries=1500), capabilities=slow) == ()
    many = [replace(each, at_s=each.at_s) for each in history(count=140, newest=slots(6, retries=1500))]
    assert there(qoe(sight_of(many, view_of(capabilities=slow)), ()))


def test_old_data_is_no_data() -> None:
    old = [replace(each, at_s=each.at_s - 200.0) for each in history(newest=slots(3, retries=1500))]
    assert qoe(sight_of(old), ()) == ()
    assert look(slots(3, retries=1500), readings={ME: reading(channel=44)}) == ()
    assert look(slots(3, retries=1500), readings={ME: None}) == ()


def test_it_clears_lower_than_it_is_raised() -> None:
    assert over(look([*slots(6, retries=1500), *slots(3)], KEY))
    assert look([*slots(6, retries=1500), *slots(2)], KEY) == ()
    assert look([*slots(6, retries=1500), *slots(3, retries=600)], KEY) == ()
    assert look([*slots(6, bytes=1_300_000), *slots(3, bytes=2_000_000)], KEY) == ()
    assert look(slots(3), KEY) != ()
    assert look(slots(3)) == ()


def test_fields_that_are_not_reported() -> None:
    bare: dict[str, Any] = {"frames": None, "retries": None, "failed": None, "bytes": None, "gone": None}
    assert look(times(70, **bare), KEY) == ()
    assert there(look([{**each, "failed": None} for each in times(64)] + slots(3, retries=1500, failed=None)))
