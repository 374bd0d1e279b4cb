"""The soak's judge turns red for each thing that it is there to see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchmarks.soak_judge import Answer, Day, judged
from benchmarks.soak_recount import Made, Recount
from inventory.model import Policy

MIB = 2**20
FLAT = Day(
    number=1,
    rss_bytes=100 * MIB,
    fds=12,
    threads=2,
    tasks=25,
    db_bytes=2 * MIB,
    audit_bytes=3 * MIB,
    cpu_s=1.0,
    wall_s=1.0,
    events={},
    sent={},
)
DAYS = [replace(FLAT, number=number) for number in range(1, 15)]


def bad(days: Sequence[Day], recount: Recount | None = None, findings: Sequence[str] = ()) -> list[str]:
    answers: list[Answer] = judged(
        days, len(days), recount or Recount(Policy(), 100), keep_days=3, findings=findings
    )
    return [answer.what for answer in answers if not answer.good]


def grown(name: str, step: int) -> list[Day]:
    """Days in each of which this grows by so much."""
    return [replace(day, **{name: getattr(FLAT, name) + nth * step}) for nth, day in enumerate(DAYS)]


def sent(id: str, cause: str, *, avoidable: bool) -> Made:
    return Made(
        id=id,
        cause=cause,
        radio="radio-1",
        ap="ap-1",
        old={},
        new={},
        made_us=0,
        avoidable=avoidable,
        sent_us=0,
    )


def test_a_flat_fortnight_is_good() -> None:
    assert bad(DAYS) == []


def test_memory_that_grows_by_less_than_a_twentieth_is_good() -> None:
    assert bad(grown("rss_bytes", MIB // 3)) == []


def test_memory_that_grows_is_seen() -> None:
    assert bad(grown("rss_bytes", MIB // 2)) == ["memory"]


def test_what_the_first_two_days_take_is_no_leak() -> None:
    assert bad([replace(DAYS[0], rss_bytes=50 * MIB, fds=3), *DAYS[1:]]) == []


def test_a_file_left_open_each_day_is_seen() -> None:
    assert bad(grown("fds", 1)) == ["file descriptors"]


def test_a_thread_left_each_day_is_seen() -> None:
    assert bad(grown("threads", 1)) == ["threads"]


def test_a_database_that_nobody_prunes_is_seen() -> None:
    assert bad(grown("db_bytes", MIB)) == ["database"]


def test_audit_files_that_nobody_throws_away_are_seen() -> None:
    assert bad(grown("audit_bytes", MIB)) == ["audit files"]


def test_too_many_changes_are_seen() -> None:
    recount = Recount(Policy(), 100)
    for nth in range(281):
        recount._sent.append(sent(str(nth), "SPECTRUM_SAT", avoidable=True))
    assert bad(DAYS, recount) == ["churn"]
    assert bad(DAYS[:6], recount) == []  # the budget is one of a week
    recount._sent.pop()
    assert bad(DAYS, recount) == []


def test_radar_and_failures_are_no_churn() -> None:
    recount = Recount(Policy(), 100)
    for cause in ("DFS_RADAR", "HW_FAILURE"):
        recount._sent += 1000 * [sent(cause, cause, avoidable=False)]
    assert bad(DAYS, recount) == []


def test_a_broken_budget_and_a_broken_chain_are_seen() -> None:
    assert bad(DAYS, Recount(Policy(), 100, breaches=["in_flight: 20 of 10"])) == ["budgets"]
    assert bad(DAYS, findings=["edit at 5"]) == ["audit"]
