"""Whether a fortnight went well: figures of each day, and the questions that the soak is judged by. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.soak_recount import DAY_US, Recount

RSS_GROWTH = 0.05
CHURN = 0.2
WEEK = 7
"""The routine budget is one of a week: a shorter run may have spent all of it on its first day."""
SETTLED = 2
"""Days until memory and files have found their size."""
BOUNDED = 1.25
"""How much larger than in the days before the files may get, once the oldest of them are thrown away."""
SPARE_FDS = 4
SPARE_THREADS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The end of one simulated day. ``events`` by kind and ``sent`` by cause: of that day alone, as are
    ``cpu_s`` and ``wall_s``. ``db_bytes``: with what SQLite keeps beside it."""

    number: int
    rss_bytes: int
    fds: int
    threads: int
    tasks: int
    db_bytes: int
    audit_bytes: int
    cpu_s: float
    wall_s: float
    events: Mapping[str, int]
    sent: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """To one question of the judge."""

    what: str
    good: bool
    told: str


def judged(
    days: Sequence[Day], length: float, recount: Recount, *, keep_days: int | None, findings: Sequence[str]
) -> list[Answer]:
    """Every question, in the order in which they are told. ``length``: of the run, days. ``keep_days``: how
    long audit and store keep what is over, None = for ever. ``findings``: of the audit's verification."""
    return [
        _flat_memory(days),
        _flat("file descriptors", [day.fds for day in days], SPARE_FDS),
        _flat("threads", [day.threads for day in days], SPARE_THREADS),
        _bounded("database", [day.db_bytes for day in days], keep_days),
        _bounded("audit files", [day.audit_bytes for day in days], keep_days),
        _churn(recount, length),
        _budgets(recount),
        Answer(what="audit", good=not findings, told="; ".join(findings) or "verified from its first record"),
    ]


def _flat_memory(days: Sequence[Day]) -> Answer:
    settled = _settled([day.rss_bytes for day in days])
    growth = settled[-1] / settled[0] - 1
    told = (
        f"{settled[0] / 2**20:.1f} -> {settled[-1] / 2**20:.1f} MiB: {growth:+.1%} (limit {RSS_GROWTH:.0%})"
    )
    return Answer(what="memory", good=growth < RSS_GROWTH, told=told)


def _flat(what: str, values: Sequence[int], spare: int) -> Answer:
    settled = _settled(values)
    told = f"{settled[0]} -> {settled[-1]}, between {min(settled)} and {max(settled)}"
    return Answer(what=what, good=settled[-1] <= settled[0] + spare, told=told)


def _settled(values: Sequence[int]) -> Sequence[int]:
    """From the end of the second day on; of a shorter run what there is."""
    return values[min(SETTLED, len(values)) - 1 :]


def _bounded(what: str, values: Sequence[int], keep_days: int | None) -> Answer:
    """No more at the end than when the first files were old enough to go."""
    if keep_days is None or len(values) < keep_days + 2:
        return Answer(what=what, good=True, told=f"{_mib(values[-1])}, too early to tell: nothing is old yet")
    full = values[keep_days : keep_days + 2]
    later = max(values[keep_days + 2 :], default=0)
    told = f"{_mib(max(full))} when full, later at most {_mib(later)}, {_mib(values[-1])} at the end"
    return Answer(what=what, good=later <= BOUNDED * max(full), told=told)


def _mib(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"


def _churn(recount: Recount, days: float) -> Answer:
    sent = recount.sent()
    ap_days = recount.aps * days
    counted = sum(made.avoidable for made in sent)
    moved = sum(made.moved for made in sent)
    told = (
        f"{counted / ap_days:.3f} changes per AP and day (limit {CHURN}), radar and failures aside; "
        f"{len(sent) / ap_days:.3f} with them, {moved / ap_days:.3f} with what was taken back"
    )
    if days < WEEK:
        return Answer(what="churn", good=True, told=f"{told}; too early to tell: not yet a week")
    return Answer(what="churn", good=counted <= CHURN * ap_days, told=told)


def _budgets(recount: Recount) -> Answer:
    used = ", ".join(f"{name} {most}" for name, most in sorted(recount.worst.items()))
    told = f"most used: {used or 'nothing'}"
    if recount.breaches:
        told = f"{len(recount.breaches)} breaches, the first: {recount.breaches[0]}; {told}"
    return Answer(what="budgets", good=not recount.breaches, told=told)


def quality(recount: Recount) -> list[str]:
    """What a network engineer would look at: causes and ends, what was taken back, what went to and fro."""
    table: dict[str, dict[str, int]] = {}
    for made in recount.sent():
        ends = table.setdefault(made.cause, {})
        end = f"{made.state} ({made.verdict})" if made.verdict else made.state
        ends[end] = ends.get(end, 0) + 1
    lines = [
        f"{cause}: {sum(ends.values())}: "
        + ", ".join(f"{n} {end}" for end, n in sorted(ends.items(), key=lambda each: -each[1]))
        for cause, ends in sorted(table.items())
    ]
    flaps = recount.flaps()
    lines.append(f"there and back within a day, both by choice: {len(flaps)}")
    lines += [
        f"  {back.radio} {_where(there.left)} -> {_where(there.wanted)} ({there.cause}) -> "
        f"{_where(back.wanted)} ({back.cause}) after {(back.made_us - there.made_us) / DAY_US * 24:.1f} h"
        for there, back in flaps[:20]
    ]
    return lines


def _where(place: tuple[object, ...]) -> str:
    return f"{place[0]}/{place[1]}"
