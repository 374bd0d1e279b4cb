"""How still the plan of a site stands while nothing changes, and how soon it follows when something does.

``python -m benchmarks.plan_stability [--aps 60] [--hours 24] [--seeds 3] [--first 1] [--every 12]
[--only days|changes] [--json]``

A site that is really only noise and chance (`benchmarks.noisy_site`). After every so many scans it is planned
and the plan is carried out at once, which is more than the agent would do. The first plans put in order what
the installer left; all moves after them are flicker. Beside it the same with plans that rest on the last scan
alone. Then something really happens (`benchmarks.plan_changes`): do the plans after the first scans relieve
whom it concerns?
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Final

from benchmarks.noisy_site import ROUND_S, WARM_UP_ROUNDS, Site, built
from benchmarks.plan_changes import STORIES, reaction

TARGET: Final = 0.2
"""Moves per AP and day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """``first``: moves of the first plan, ``later``: of each one after it, ``seconds``: of processor time for
    each plan. ``per_ap_day``: the later ones."""

    aps: int
    hours: float
    first: int
    later: tuple[int, ...]
    seconds: float

    @property
    def per_ap_day(self) -> float:
        return sum(self.later) / self.aps * 24.0 / self.hours


def day(site: Site, hours: float, every: int) -> Day:
    """So many hours, planned after every so many scans."""
    for _ in range(WARM_UP_ROUNDS):
        site.scan()
    began = time.process_time()
    first = site.settle()
    seconds = [time.process_time() - began]
    later = []
    for nth in range(1, round(hours * 3600.0 / ROUND_S) + 1):
        site.scan()
        if nth % every == 0:
            began = time.process_time()
            plan = site.plan()
            seconds.append(time.process_time() - began)
            later.append(len(plan.moves))
            site.apply(plan)
    return Day(
        aps=len(site.campus.site.aps),
        hours=hours,
        first=first,
        later=tuple(later),
        seconds=statistics.median(seconds),
    )


# -- told --------------------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plan_stability", description=__doc__)
    parser.add_argument("--aps", type=int, default=60)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--seeds", type=int, default=3, help="how many")
    parser.add_argument("--first", type=int, default=1, help="seed")
    parser.add_argument("--every", type=int, default=12, help="scans from one plan to the next")
    parser.add_argument("--only", choices=("days", "changes"))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found: dict[str, list[dict[str, object]]] = {"days": [], "reactions": []}
    for seed in range(options.first, options.first + options.seeds):
        told = [] if options.only == "changes" else list(_days(options, seed))
        found["days"] += told
        if options.only != "days":
            found["reactions"] += _reactions(options, seed)
    print(json.dumps(found, indent=2) if options.json else _summary(found))


def _days(options: argparse.Namespace, seed: int) -> Iterator[dict[str, object]]:
    for last_scan in (False, True):
        one = day(built(options.aps, seed, last_scan=last_scan), options.hours, options.every)
        rests_on = "last scan" if last_scan else "pools"
        if not options.json:
            print(
                f"seed {seed}, {rests_on:9}: {one.per_ap_day:6.3f} moves per AP and day "
                f"({sum(one.later)} in {len(one.later)} plans of {one.seconds:.2f} s of processor time, "
                f"after {one.first} to begin with)",
                flush=True,
            )
        yield {"seed": seed, "rests_on": rests_on, "per_ap_day": round(one.per_ap_day, 3), **asdict(one)}


def _reactions(options: argparse.Namespace, seed: int) -> Iterator[dict[str, object]]:
    for story in STORIES:
        told = reaction(options.aps, seed, story)
        if not options.json:
            shares = ", ".join(f"{100 * share:.0f}" for share in told.shares)
            print(
                f"seed {seed}, {story:28}: after 1, 2, 3 scans {shares} % of {told.mhz:.1f} MHz for "
                f"{len(told.concerned)} radios ({100 * told.stays:.0f} % if nobody moves), "
                f"in {', '.join(map(str, told.moves))} moves",
                flush=True,
            )
        yield {"seed": seed, **asdict(told), "scans": told.scans}


def _summary(found: dict[str, list[dict[str, object]]]) -> str:
    lines = []
    for rests_on in ("pools", "last scan"):
        rates = [float(str(row["per_ap_day"])) for row in found["days"] if row["rests_on"] == rests_on]
        if rates:
            lines.append(
                f"{rests_on}: {statistics.median(rates):.3f} moves per AP and day "
                f"({min(rates):.3f} to {max(rates):.3f} over {len(rates)} seeds); to reach: {TARGET}"
            )
    if rows := found["reactions"]:
        soon = sum(row["scans"] in (1, 2) for row in rows)
        lines.append(f"relieved after two scans at the latest: {soon} of {len(rows)} changes")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
