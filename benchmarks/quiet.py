"""False alarms: seven quiet simulated days of a 100-AP site. Nothing goes wrong; people come, work and go.

No change may be made, and at most one event per AP and day raised. Run from the repository:
``python -m benchmarks.quiet [--aps 100] [--days 7] [--seeds 1] [--poll 60] [--json]``.
"""

from __future__ import annotations

import json
import multiprocessing
from dataclasses import replace

from benchmarks import fleet, machine
from benchmarks.arms import Arm, Outcome, Run, carried_out
from benchmarks.day import options


def text(outcome: Outcome) -> str:
    run = outcome.run
    events, changes = sum(outcome.events.values()), sum(outcome.changes.values())
    rate = events / run.aps / (run.hours / 24)
    return (
        f"seed {run.seed}, {run.aps} APs, {run.hours / 24:g} days: "
        f"{changes} changes {dict(outcome.changes)}, {events} events {dict(outcome.events)}: "
        f"{rate:.3f} per AP and day, at most {outcome.most_events} of one AP in a day; "
        f"audit intact: {outcome.intact}; {outcome.wall_s:.0f} s"
    )


def main() -> None:
    parser = options(__doc__)
    parser.set_defaults(seeds=1)
    parser.add_argument("--days", type=float, default=7.0)
    given = parser.parse_args()
    fleet.quiet_logs()
    run = Run(arm=Arm.RRMD, seed=1, aps=given.aps, hours=24 * given.days, poll_s=given.poll, quiet=True)
    here = machine.described()
    if not given.json:
        print(f"{here['cpu']}, {here['cores']} cores, Python {here['python']}", flush=True)
    outcomes = []
    with multiprocessing.Pool(given.processes) as pool:
        runs = [replace(run, seed=seed) for seed in range(1, given.seeds + 1)]
        for outcome in pool.imap(carried_out, runs):
            outcomes.append(outcome)
            if not given.json:
                print(text(outcome), flush=True)
    if given.json:
        print(json.dumps({"machine": here, "runs": [_plain(each) for each in outcomes]}, indent=2))


def _plain(outcome: Outcome) -> dict[str, object]:
    return {
        "seed": outcome.run.seed,
        "aps": outcome.run.aps,
        "days": outcome.run.hours / 24,
        "changes": dict(outcome.changes),
        "events": dict(outcome.events),
        "most_events_of_an_ap_in_a_day": outcome.most_events,
        "audit_intact": outcome.intact,
        "wall_s": outcome.wall_s,
    }


if __name__ == "__main__":
    main()
