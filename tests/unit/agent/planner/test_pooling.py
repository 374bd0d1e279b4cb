"""A site as plans see it: means in place of the last scans, and nothing else changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from rig import site_of

from agent.memory import Memory
from agent.moment import Moment
from agent.planner.pooling import pooled, pooled_radio
from agent.planner.site.snapshot import from_view
from agent.planner.site.snapshot_view import to_view
from agent.planner.surroundings import around, strangers
from agent.view import SiteView
from drivers.types import (
    BssReading,
    ClientReading,
    NeighborReading,
    RadioReading,
    RadioState,
    Reported,
    Snapshot,
    SurveyReading,
)
from inventory.model import Band, RadioKey

ROUND_S = 300.0
NOW = Moment(monotonic_s=10_000.0, utc_us=10**15, boot_id="boot-1", boottime_us=10**12)
AP1, AP2 = (RadioKey(f"lab/ap{n}/r5") for n in (1, 2))
STRANGER = "0a:00:00:00:00:01"


class Lab:
    """Two radios of a site. The first one listens; each survey counts on from the one before."""

    def __init__(self) -> None:
        self.memory = Memory({"lab": site_of(2)})
        self.at_s = 1000.0
        self.counted: dict[int, list[int]] = {}

    def round(
        self,
        *heard: NeighborReading,
        channel: int = 36,
        busy: float = 0.0,
        tx: float = 0.0,
        key: RadioKey = AP1,
        scans: bool = True,
        clients: Sequence[int] = (),
    ) -> None:
        mhz = 5000 + 5 * channel
        counters = self.counted.setdefault(mhz, [0, 0, 0])
        for nth, share in enumerate((1.0, busy, tx)):
            counters[nth] += round(share * ROUND_S * 1e3)
        told = tuple(self._survey(at, counts) for at, counts in self.counted.items())
        reading = RadioReading(
            key=key,
            at_s=self.at_s,
            state=RadioState.ON_AIR,
            band=Band.GHZ_5,
            channel=Reported(channel, "test"),
            width_mhz=Reported(20, "test"),
            bss=(BssReading(bssid=f"02:00:00:00:00:0{key[-4]}"),),
            neighbors=heard if scans else None,
            survey=told if key == AP1 else None,
            clients=tuple(
                ClientReading(mac=f"02:{nth}", max_width_mhz=width) for nth, width in enumerate(clients)
            ),
        )
        self.memory.see(Snapshot(at_s=self.at_s, readings={key: reading}))
        self.at_s += ROUND_S if key == AP1 else 1.0

    def _survey(self, mhz: int, counts: list[int]) -> SurveyReading:
        active, busy, tx = counts
        return SurveyReading(
            frequency_mhz=mhz, active_ms=active, busy_ms=busy, rx_ms=busy - tx, tx_ms=tx, noise_dbm=-95.0
        )

    def view(self) -> SiteView:
        return self.memory.view(self.memory.sites["lab"], NOW)


def heard(dbm: float, bssid: str = STRANGER, load: float | None = 0.4) -> NeighborReading:
    return NeighborReading(bssid=bssid, channel=44, signal_dbm=dbm, width_mhz=40, utilization_ratio=load)


def test_levels_are_means_and_an_incident_still_sees_the_last_scan() -> None:
    lab = Lab()
    for dbm in (-70.0, -74.0, -72.0):
        lab.round(heard(dbm))
    view = lab.view()
    (last,), (mean,) = view.radios[AP1].neighbors, pooled(view).radios[AP1].neighbors
    assert last.signal_dbm == -72.0
    assert mean.signal_dbm == pytest.approx(-72.0, abs=0.05)
    assert (mean.channel, mean.width_mhz, mean.age_s) == (44, 40, last.age_s)
    at = pooled(view).radios[AP1]
    assert at.spread[STRANGER].scans == pytest.approx(3.0, abs=0.1)
    assert 1.0 < at.spread_db(STRANGER) < 5.0
    assert view.radios[AP1].presence(STRANGER) == 1.0


def test_who_is_heard_in_half_of_the_scans_sends_half_as_much() -> None:
    lab = Lab()
    for nth in range(40):
        lab.round(*([heard(-60.0)] if nth % 2 else []))
    view = pooled(lab.view())
    (stranger,) = strangers(view, view.radios[AP1])
    assert stranger.load == pytest.approx(0.2, abs=0.02)


def test_who_is_gone_from_two_scans_is_gone_from_the_plan_only() -> None:
    lab = Lab()
    for found in ((heard(-60.0),), (heard(-60.0),), (), ()):
        lab.round(*found)
    assert len(lab.view().radios[AP1].neighbors) == 1
    assert pooled(lab.view()).radios[AP1].neighbors == ()


def test_shares_of_the_air_are_means_and_the_radios_own_frames_go_with_it() -> None:
    lab = Lab()
    for busy in (0.0, 0.5, 0.3):
        lab.round(busy=busy, tx=0.2 if busy else 0.0)
    lab.round(channel=149)
    lab.round(channel=149, busy=0.2, tx=0.2)
    lab.round(channel=149, busy=0.2, tx=0.2)
    at = pooled(lab.view()).radios[AP1]
    assert at.air[5745].busy == pytest.approx(0.2, abs=0.01)
    assert at.air[5745].tx == pytest.approx(0.2, abs=0.01)


def test_an_own_ap_that_moves_takes_what_was_measured_there_with_it() -> None:
    lab = Lab()
    ours = heard(-50.0, "02:00:00:00:00:02")
    for _ in range(4):
        lab.round(ours, busy=0.5)
    lab.round(key=AP2, channel=44, scans=False)
    kept = pooled(lab.view()).radios[AP1].air
    assert kept[5180].listened_ms == pytest.approx(900_000, rel=0.01)
    lab.round(key=AP2, channel=36, scans=False)
    assert pooled(lab.view()).radios[AP1].air[5180].listened_ms == 300_000


def test_clients_are_those_of_the_day_and_not_of_this_moment() -> None:
    lab = Lab()
    for widths in (*[(80, 80)] * 20, (20,)):
        lab.round(clients=widths)
    view = lab.view()
    assert around(view, view.radios[AP1]).able[80] == 0.0
    assert around(pooled(view), pooled(view).radios[AP1]).able[80] > 0.9


def test_a_snapshot_tells_the_means_and_a_plan_of_it_sees_the_same() -> None:
    lab = Lab()
    for nth in range(8):
        lab.round(*([heard(-60.0 - nth)] if nth % 2 else []), busy=0.3, clients=(40, 80))
    live, told = pooled(lab.view()), pooled(to_view(from_view(lab.view())))
    (here,), (there,) = strangers(live, live.radios[AP1]), strangers(told, told.radios[AP1])
    assert here == there
    for name in ("spread", "usual", "neighbors"):
        before, after = (getattr(each.radios[AP1], name) for each in (live, told))
        assert after == before or [*after] == [replace(each, ssid=None) for each in before]
    assert told.radios[AP1].air[5180].busy == live.radios[AP1].air[5180].busy == pytest.approx(0.3)


def test_a_view_without_pools_stays_as_it_is() -> None:
    lab = Lab()
    lab.round(heard(-70.0))
    once = pooled(lab.view())
    at = once.radios[AP1]
    assert pooled(once).radios[AP1] == at
    assert pooled_radio(at, NOW.monotonic_s) == at
