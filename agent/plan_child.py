"""The planner's own process: a site and what is wished on stdin, plans of it on stdout, all JSON.

A plan is one line: first the one without a bound, then the one with it. The last whole line counts, so a
proof that takes too long, or too much memory, costs the bound and not the plan.

What it loads (NumPy, OR-tools) and what it eats is gone with it (`agent.plan_runner`). It is the least of the
processes of its machine, and has one thread.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Final

from agent.planner.site.snapshot_error import SnapshotErrors

NICE: Final = 10

PROOF_S: Final = 10.0
"""For the proof, beyond the time that was given to the search. It ends by itself then, within a second or so;
`agent.plan_runner` waits longer."""

LEAST_PART: Final = 0.25
"""So much of its limit the search has at least: a site of 1,000 radios takes seconds to be understood."""

_MB: Final = 1024 * 1024


def main() -> int:
    """The exit code; 1 with a reason on stdout where there is no plan."""
    began_s = time.monotonic()
    asked = json.load(sys.stdin)
    _be_modest(asked["memory_mb"], asked["limit_s"])
    try:
        for plan in _plans(asked["snapshot"], asked["wishes"], began_s):
            _say({"plan": plan})
    except MemoryError:
        return _say({"error": f"the plan needs more than {asked['memory_mb']} MB"})
    except ImportError as error:
        much = f"with {asked['memory_mb']} MB to use"
        return _say({"error": f"a library of the planner can't be loaded, {much}: {_root(error)}"})
    except SnapshotErrors as error:
        return _say({"error": str(error)})
    return 0


def _root(error: BaseException) -> BaseException:
    """What it all began with: NumPy tells a page on top of that."""
    return error if error.__cause__ is None else _root(error.__cause__)


def _say(answer: Mapping[str, Any]) -> int:
    """One line at once; the exit code that goes with it."""
    print(json.dumps(answer), flush=True)
    return 1 if "error" in answer else 0


def _be_modest(memory_mb: int, limit_s: float) -> None:
    """No more memory than this; no more time of the processor, should nobody be left to end it; and after
    all others."""
    for what, most in ((resource.RLIMIT_AS, memory_mb * _MB), (resource.RLIMIT_CPU, round(limit_s) + 1)):
        _, hard = resource.getrlimit(what)
        resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    with suppress(PermissionError):  # a unit's SystemCallFilter=~@resources: its own Nice= holds then
        os.nice(NICE)


class SearchTime:
    """The time of the search, in parts: ``limit_s`` from now on, and from its first part on at least
    `LEAST_PART` of that, however long it took to make out who hears whom."""

    def __init__(self, limit_s: float, clock: Callable[[], float]) -> None:
        self._clock, self._limit_s = clock, limit_s
        self._until_s, self._begun = clock() + limit_s, False

    @property
    def left_s(self) -> float:
        return self._until_s - self._clock()

    def share(self, part: float) -> Callable[[], bool]:
        """A stop for so large a part (0..1) of what is left."""
        now_s = self._clock()
        if not self._begun:
            self._until_s, self._begun = max(self._until_s, now_s + LEAST_PART * self._limit_s), True
        until_s = now_s + part * (self._until_s - now_s)
        return lambda: self._clock() >= until_s


def _plans(snapshot: Mapping[str, Any], said: Mapping[str, Any], began_s: float) -> Iterator[dict[str, Any]]:
    """Raises SnapshotErrors."""
    # Only here: what they import comes under the limit of memory.
    from agent.planner.site import exact
    from agent.planner.site.plan_json import from_plan, to_wishes
    from agent.planner.site.planning import plans
    from agent.planner.site.snapshot_view import to_view

    wishes, view = to_wishes(said), to_view(snapshot)
    search = SearchTime(wishes.limit_s, time.monotonic)
    prove = partial(
        exact.solved,
        limit_s=PROOF_S / max(1, len({each.band for each in view.site.radios.values()})),
        stop=lambda: search.left_s + PROOF_S <= 0.0,
        seed=wishes.seed,
    )
    for plan in plans(
        view,
        wishes,
        lambda: search.left_s <= 0.0,
        exact=prove if wishes.exact and _can_prove() else None,
        share=search.share,
    ):
        yield from_plan(replace(plan, seconds=time.monotonic() - began_s))


def _can_prove() -> bool:
    """Says so where it can't: that is one line in the parent's log."""
    from agent.planner.site.exact import NoSolverError, solver

    try:
        solver()
    except NoSolverError as error:
        print(error, file=sys.stderr)
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
