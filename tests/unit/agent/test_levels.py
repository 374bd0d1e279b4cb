"""The pool of levels: what noise does not move, and what two scans are enough for."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest

from agent import levels
from agent.levels import HALF_LIFE_S, MOST, YOUNG, Entry, Levels
from drivers.types import NeighborReading

ROUND_S = 300.0
Table = dict[str, tuple[float, NeighborReading]]


def heard(
    bssid: str = "a", dbm: float = -60.0, *, channel: int = 36, load: float | None = None, age_s: float = 0.0
) -> NeighborReading:
    return NeighborReading(
        bssid=bssid, channel=channel, signal_dbm=dbm, utilization_ratio=load, age_s=age_s, width_mhz=20
    )


class Ear:
    """A radio that reads its neighbour table every five minutes."""

    def __init__(self) -> None:
        self.pool: Levels = levels.EMPTY
        self.table: Table = {}
        self.at_s = 1000.0

    def scan(self, *found: NeighborReading) -> None:
        self.pool = self.pool.with_scan(self.table, found, self.at_s)
        self.table |= {each.bssid: (self.at_s, each) for each in found}
        self.at_s += ROUND_S

    def scans(self, times: int, *found: NeighborReading) -> None:
        for _ in range(times):
            self.scan(*found)

    def of(self, bssid: str = "a") -> Entry:
        return dict(self.pool)[bssid]

    @property
    def known(self) -> set[str]:
        return {bssid for bssid, _ in self.pool}


def dbm_of(ear: Ear, told: Sequence[float]) -> float:
    for dbm in told:
        ear.scan(heard(dbm=dbm))
    return ear.of().dbm


def test_the_mean_of_a_noisy_level_stands_still() -> None:
    ear, random = Ear(), Random(5)
    for _ in range(100):
        ear.scan(heard(dbm=random.gauss(-70.0, 4.0)))
    steady = [dbm_of(ear, [random.gauss(-70.0, 4.0)]) for _ in range(100)]
    assert max(steady) - min(steady) < 1.5
    assert ear.of().dbm == pytest.approx(-70.0, abs=1.0)
    assert ear.of().sd_db == pytest.approx(4.0, abs=0.8)


def test_an_old_scan_counts_half_after_the_half_life() -> None:
    ear = Ear()
    ear.scan(heard(dbm=-60.0))
    ear.at_s = 1000.0 + HALF_LIFE_S
    ear.scan(heard(dbm=-66.0))
    assert ear.of().scans == pytest.approx(1.5)
    assert ear.of().dbm == pytest.approx((-60.0 * 0.5 - 66.0) / 1.5)


def test_a_table_that_tells_the_same_frames_again_is_no_scan() -> None:
    ear = Ear()
    ear.scan(heard(age_s=10.0))
    before = ear.pool
    ear.scan(heard(age_s=10.0 + ROUND_S))
    assert ear.pool is before
    ear.scan(heard(age_s=10.0))
    assert ear.of().scans > 1.9


def test_who_is_in_the_table_with_an_old_frame_was_missed() -> None:
    ear = Ear()
    ear.scan(heard("a", age_s=0.0), heard("b", age_s=0.0))
    ear.scan(heard("a", age_s=0.0), heard("b", age_s=ROUND_S))
    assert (ear.of("a").missed, ear.of("b").missed) == (0.0, 1.0)


def test_all_that_the_first_scan_finds_counts_in_full() -> None:
    ear = Ear()
    ear.scan(heard())
    assert ear.of().presence == 1.0


def test_a_newcomer_counts_half_at_first_and_in_full_at_the_second_scan() -> None:
    ear = Ear()
    ear.scans(5, heard("a"))
    ear.scan(heard("a"), heard("b"))
    assert (ear.of("a").presence, ear.of("b").presence) == (1.0, YOUNG)
    ear.scan(heard("a"), heard("b"))
    assert ear.of("b").presence == 1.0


def test_who_was_always_heard_is_gone_after_two_scans_without_it() -> None:
    ear = Ear()
    ear.scans(50, heard("a"), heard("b"))
    ear.scan(heard("a"))
    assert ear.known == {"a", "b"}
    ear.scan(heard("a"))
    assert ear.known == {"a"}


def test_a_faint_one_that_is_missed_now_and_then_stays_and_counts_in_part() -> None:
    ear, random = Ear(), Random(3)
    for _ in range(200):
        ear.scan(heard("a"), *([heard("b")] if random.random() < 0.5 else []))
        assert len(ear.pool) == 1 or "b" in ear.known
    assert "b" in ear.known
    assert ear.of("b").presence == pytest.approx(0.5, abs=0.12)


def test_a_level_that_is_another_twice_is_believed_at_the_second_scan() -> None:
    ear = Ear()
    ear.scans(100, heard(dbm=-85.0))
    assert dbm_of(ear, [-60.0]) == pytest.approx(-85.0)
    assert dbm_of(ear, [-62.0]) == pytest.approx(-61.0)


def test_one_stray_level_is_forgotten() -> None:
    ear = Ear()
    ear.scans(20, heard(dbm=-85.0))
    assert dbm_of(ear, [-60.0, -85.0, -60.0, -85.0]) == pytest.approx(-85.0)


def test_stray_levels_on_different_sides_are_no_new_level() -> None:
    ear = Ear()
    ear.scans(20, heard(dbm=-70.0))
    assert dbm_of(ear, [-50.0, -90.0]) == pytest.approx(-70.0)


def test_a_move_is_believed_at_the_second_scan_and_leaves_the_level() -> None:
    ear = Ear()
    ear.scans(20, heard(dbm=-70.0, load=0.1))
    ear.scan(heard(dbm=-68.0, channel=149, load=0.6))
    assert ear.of().where[0] == 36
    ear.scan(heard(dbm=-70.0, channel=149, load=0.5))
    assert ear.of().where == (149, 20, 0)
    assert ear.of().scans > 15
    assert ear.of().dbm == pytest.approx(-70.0, abs=0.5)
    assert ear.of().load == pytest.approx(0.5)


def test_a_load_that_jumps_is_believed_at_the_second_scan() -> None:
    ear = Ear()
    ear.scans(50, heard(load=0.1))
    ear.scan(heard(load=0.8))
    assert ear.of().load == pytest.approx(0.1)
    ear.scan(heard(load=0.9))
    assert ear.of().load == pytest.approx(0.85)


def test_a_load_told_late_is_taken_up() -> None:
    ear = Ear()
    ear.scans(3, heard())
    ear.scan(heard(load=0.3))
    assert ear.of().load == pytest.approx(0.3)


def test_made_up_addresses_do_not_push_the_others_out() -> None:
    ear = Ear()
    ear.scans(2, heard("a", -90.0))
    for nth in range(3):
        ear.scan(heard("a", -90.0), *(heard(f"{nth}/{made_up}", -30.0) for made_up in range(2 * MOST)))
    assert len(ear.pool) == MOST
    assert "a" in ear.known
