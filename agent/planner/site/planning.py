"""The plan of a site: what to change, what it brings, and why. Pure: the time limit is the caller's ``stop``.

view -> means over the scans -> a problem for each band -> channels (search, exact solver) -> powers and
OBSS-PD levels for these channels -> steps -> plan
"""

from __future__ import annotations

from collections.abc import Iterator

from agent.planner.pooling import pooled
from agent.planner.site.assembling import assembled
from agent.planner.site.build import graph
from agent.planner.site.plan import Plan, Wishes
from agent.planner.site.solving import Exact, Share, Stop, proven, solutions
from agent.view import SiteView


def planned(
    view: SiteView, wishes: Wishes, stop: Stop, *, exact: Exact | None = None, share: Share | None = None
) -> Plan:
    """The last of `plans`: with a bound, if anybody can prove one."""
    *_, last = plans(view, wishes, stop, exact=exact, share=share)
    return last


def plans(
    view: SiteView, wishes: Wishes, stop: Stop, *, exact: Exact | None = None, share: Share | None = None
) -> Iterator[Plan]:
    """A plan of the whole site, or of a zone, without a bound; then the same or a better one with its bound,
    where it is wanted and ``exact`` is there to prove it. The same view, wishes and seed give the same plans
    as long as ``stop`` never says yes. ``share``: stops for the bands' parts of the time; None: all go by
    ``stop``, and the first may take it all. ``seconds`` is 0: the caller has the clock."""
    view = pooled(view)
    built = graph(view, wishes.zone)
    solved = solutions(built.problems, wishes, share or (lambda _: stop))
    yield assembled(view, wishes, built, solved)
    if wishes.exact and exact is not None:
        better, spare = proven(solved, wishes, exact)
        yield assembled(view, wishes, built, better, spare)
