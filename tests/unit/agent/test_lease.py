"""A lease on the boot clock: neither a wall clock that jumps nor a machine that sleeps deceives it."""

from __future__ import annotations

from dataclasses import replace

from agent.lease import LEASE_S, Lease, Watched
from agent.moment import Deadline, Moment
from inventory.schema import PolicyWords

NOW = Moment(monotonic_s=100.0, utc_us=1_772_409_600_000_000, boot_id="b", boottime_us=100_000_000)
LEASE = Lease(holder="a", epoch=1, until=Deadline.after(NOW, LEASE_S))


def test_it_is_held_as_long_as_what_is_begun_can_land() -> None:
    assert LEASE.held(NOW.plus(59), for_s=30)
    assert not LEASE.held(NOW.plus(61), for_s=30)


def test_a_wall_clock_that_jumps_alters_nothing() -> None:
    for jump_us in (-(10**13), 10**13):
        jumped = replace(NOW, utc_us=NOW.utc_us + jump_us)
        assert LEASE.held(jumped, for_s=30)
        assert not Watched(mark=(1, 5), since=NOW).run_out(replace(jumped, boottime_us=NOW.boottime_us + 10))


def test_a_machine_that_slept_has_lost_it() -> None:
    slept = replace(NOW, boottime_us=NOW.boottime_us + 200_000_000)
    assert not LEASE.held(slept, for_s=1)


def test_anothers_is_run_out_when_it_was_not_renewed_for_its_whole_time() -> None:
    seen = Watched(mark=(1, 5), since=NOW)
    assert not seen.run_out(NOW.plus(LEASE_S - 1))
    assert seen.run_out(NOW.plus(LEASE_S + 1))
    assert not seen.run_out(replace(NOW.plus(LEASE_S + 1), boot_id="other")), "not known how long that was"


def test_the_longest_write_of_a_site_fits_into_a_lease_that_is_due_for_renewal() -> None:
    longest_s = 45.0
    PolicyWords.model_validate({"apply_timeout_s": f"{longest_s:.15g}"})
    assert LEASE.held(NOW.plus(LEASE_S / 3), longest_s)
