"""The disk of the agent's machine goes wrong: full, locked, damaged, and radar meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from faults.case import Case, Elsewhere, Phase, Unapplied

CASES: tuple[Case, ...] = ()
UNAPPLIED: tuple[Unapplied, ...] = ()


def _elsewhere() -> Iterator[Elsewhere]:
    store = partial(Elsewhere, operation="store")
    yield store(
        fault="the disk is lost, and comes back",
        phase=Phase.MONITORING,
        must="Only observed, and said once. Nothing has to be restarted: when the disk is back, the change "
        "is judged.",
        seen="an alert, `observing_only` in `rrmd status`, `rrmd_ledger_ok` 0",
        test="tests/scenario/test_survives.py::"
        "test_a_lost_disk_makes_the_daemon_observe_and_go_on_when_it_is_back",
    )
    yield store(
        fault="radar while the disk is lost",
        phase=Phase.IDLE,
        must="The AP is off the channel within 10 s. What was heard and done goes into the radar journal, "
        "and into store and audit when they are back.",
        seen="`radar.journalled` in the audit log",
        test="tests/scenario/test_journal.py::test_a_radio_is_forced_off_radar_while_the_store_is_lost",
    )
    yield store(
        fault="a real disk is full",
        phase=Phase.WRITE,
        must="At each state of a change: no step without its record, and it is gone on with.",
        seen="an alert, `observing_only` in `rrmd status`",
        test="tests/scenario/test_lost_disk.py::test_a_full_disk",
    )
    yield store(
        fault="the audit log's disk is full, the database is locked",
        phase=Phase.WRITE,
        must="The same.",
        seen="the same",
        test="tests/scenario/test_lost_disk.py::test_it_goes_on_by_itself",
    )
    yield store(
        fault="the disk is lost when rrmd starts",
        phase=Phase.RECOVERY,
        must="It observes, and takes up what is open when the disk is back.",
        seen="the same",
        test="tests/scenario/test_lost_disk.py::test_one_that_is_lost_at_the_start",
    )
    yield store(
        fault="the journal can't be written either",
        phase=Phase.IDLE,
        must="The AP leaves the channel all the same; it is written down later, from memory.",
        seen="an alert",
        test="tests/scenario/test_journal.py::test_a_journal_that_is_lost_too_keeps_no_radio_on_radar",
    )
    yield store(
        fault="the database is damaged, empty or gone",
        phase=Phase.RECOVERY,
        must="Put aside whole, a new one made. Only observed, radar excepted, until a person acknowledges "
        "it; non-occupancy periods and pauses come back from the audit log.",
        seen="an alert that names what was open, with its prior values",
        test="tests/scenario/test_damaged_store.py::test_a_damaged_store_is_put_aside_and_a_person_is_asked",
    )
    yield store(
        fault="the same while rrmd runs",
        phase=Phase.MONITORING,
        must="The same, and no poll is missed.",
        seen="the same",
        test="tests/scenario/test_damaged_store.py::"
        "test_one_that_is_damaged_while_it_is_used_costs_no_observation",
    )
    yield store(
        fault="one of two agents stalls, at each of its steps",
        phase=Phase.WRITE,
        must="The other takes over; one of them writes, or none.",
        seen="`lease.lost`, `change.let_go` in the log of the first",
        test="tests/scenario/test_two_agents.py::test_of_two_agents_one_writes_wherever_the_other_stalls",
    )


ELSEWHERE = tuple(_elsewhere())
