"""Where a plan comes from: a snapshot, of an agent or of a file, and a process of its own that makes it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.cli.failure import ExitCode, Failure, usage, wrong_files
from agent.cli.notebook import notebook
from agent.cli.options import Options
from agent.cli.snapshot import taken

if TYPE_CHECKING:
    from agent.planner.site.snapshot_error import SnapshotErrors
    from agent.view import SiteView

Asked = Mapping[str, Any]
"""Wishes (`agent.planner.site.plan.Wishes`) as far as they were said; None: not said."""


def looked_at(options: Options, site: str | None, what_if: Path | None) -> tuple[dict[str, Any], SiteView]:
    """The snapshot, and the site that it is of. Raises a Failure."""
    if (site is None) is (what_if is None):
        raise usage("a SITE of a running agent, or --what-if FILE")
    snapshot = taken(options, site) if site is not None else _parsed(what_if)
    return snapshot, _read(snapshot, what_if)


def listened_s(options: Options, plan: Mapping[str, Any]) -> float:
    """For how long the agent had listened when the plan's site was looked at. Raises a Failure."""
    from agent.moment import utc_us_of

    started = options.ask("status", site=plan["site"])["agent"]["started_utc"]
    return (utc_us_of(plan["made_utc"]) - utc_us_of(started)) / 1e6


def explained(view: SiteView, plan: Mapping[str, Any], ap: str) -> list[dict[str, Any]]:
    """Each block of the radios of an AP (site/ap), with its terms."""
    from agent.planner.site.build import graph
    from agent.planner.site.explain import explained, from_explained
    from agent.planner.site.plan_json import to_plan

    made = to_plan(plan)
    return [from_explained(each) for each in explained(graph(view, made.wishes.zone).problems, made, ap)]


def drawn(view: SiteView, plan: Mapping[str, Any]) -> str:
    """The site now and as planned, as SVG."""
    from agent.planner.site.build import graph
    from agent.planner.site.picture import svg
    from agent.planner.site.plan_json import to_plan

    made = to_plan(plan)
    return svg(view, graph(view, made.wishes.zone).problems, made)


def _parsed(file: Path | None) -> dict[str, Any]:
    """A file's snapshot, as of now unless it says otherwise. Raises a Failure."""
    from agent.clock import SystemClock
    from agent.moment import iso
    from agent.planner.site.snapshot_error import SnapshotErrors
    from agent.planner.site.snapshot_view import parsed

    assert file is not None  # noqa: S101  # a site or a file, as was checked
    try:
        found = parsed(file.read_bytes())
    except SnapshotErrors as error:
        raise _wrong(file, error) from None
    return {"made_utc": iso(SystemClock().now().utc_us), **found}


def _read(snapshot: Mapping[str, Any], file: Path | None) -> SiteView:
    """Raises a Failure with all that is wrong."""
    from agent.planner.site.snapshot_error import SnapshotErrors
    from agent.planner.site.snapshot_view import to_view

    try:
        return to_view(snapshot)
    except SnapshotErrors as error:
        raise _wrong(file, error) from None


def _wrong(file: Path | None, error: SnapshotErrors) -> Failure:
    return wrong_files(f"{file or 'the agent'}: {each}" for each in error.errors)


def planned(snapshot: Mapping[str, Any], view: SiteView, asked: Asked) -> dict[str, Any]:
    """The plan as JSON, made in a process of its own. Raises a Failure."""
    from agent.plan_runner import PlanningFailed, most_s, plan_of
    from agent.planner.site.plan_json import from_wishes
    from agent.planner.site.wishes import no_zone, wishes_of

    if why := no_zone(view.site, asked["zone"]):
        raise usage(why)
    wishes = wishes_of(view.site, **asked)
    with notebook() as said:
        try:
            return asyncio.run(plan_of(snapshot, from_wishes(wishes), limit_s=most_s(wishes)))
        except PlanningFailed as error:
            raise Failure(ExitCode.REFUSED, str(error), *_heard(said)) from None


def _heard(said: list[str]) -> list[str]:
    """What the process wrote before it died: all of it for a developer, its last line for a person."""
    return said if os.environ.get("RRMD_DEBUG") else said[-1:]
