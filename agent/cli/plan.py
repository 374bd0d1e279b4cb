"""`rrmd plan`: what the whole site should look like, and what that would bring."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent.cli.failure import ExitCode, Failure, usage, wrong_files
from agent.cli.names import ap_key
from agent.cli.notebook import notebook
from agent.cli.options import Json, Options, options_of
from agent.cli.output import check_free, write
from agent.cli.plan_explain import show_explained
from agent.cli.plan_words import show_plan, summary
from agent.cli.snapshot import taken
from agent.cli.terminal import show, show_json

if TYPE_CHECKING:
    from agent.planner.site.plan import Wishes
    from agent.planner.site.snapshot_error import SnapshotErrors
    from agent.view import SiteView


def plan(
    context: typer.Context,
    site: Annotated[
        str | None, typer.Argument(metavar="SITE", help="The site's id, of a running agent.")
    ] = None,
    what_if: Annotated[
        Path | None,
        typer.Option("--what-if", metavar="FILE", help="Of this snapshot; no agent, no devices."),
    ] = None,
    zone: Annotated[str | None, typer.Option("--zone", metavar="ZONE", help="Move only its APs.")] = None,
    moves: Annotated[int | None, typer.Option("--moves", min=0, help="At most so many.")] = None,
    least_gain: Annotated[
        float | None, typer.Option("--least-gain", min=0, max=1, help="What a move must bring, 0.1 = 10 %.")
    ] = None,
    limit_s: Annotated[
        float | None, typer.Option("--limit", min=0.1, max=600, metavar="S", help="Seconds for the search.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="The same seed, the same plan.")] = 1,
    power: Annotated[bool, typer.Option("--power/--no-power", help="Powers and OBSS-PD too.")] = True,
    explain: Annotated[
        str | None, typer.Option("--explain", metavar="AP", help="Each block for its radios, term by term.")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="The site now and as planned, as a picture.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over the picture's FILE.")] = False,
    as_json: Json = False,
) -> int:
    """Propose what the whole site should look like.

    Each move with what it brings and why. Nothing is changed.
    """
    from agent.planner.site.wishes import wishes_of

    _asked(site, what_if)
    check_free(picture, force=force)
    snapshot = _snapshot(options_of(context), site, what_if)
    view = _read(snapshot, what_if)
    _check_zone(view, zone)
    off = None if power else False
    wishes = wishes_of(
        view.site,
        zone=zone,
        most_moves=moves,
        least_gain=least_gain,
        limit_s=limit_s,
        seed=seed,
        power=off,
        obss_pd=off,
    )
    ap = None if explain is None else ap_key(explain, view.radios)
    found = _planned(snapshot, wishes)
    told = None if ap is None else _explained(view, found, ap)
    if picture is not None:
        write(_drawn(view, found), picture, force=force)
    if as_json:
        show_json(found if told is None else {**found, "explain": told})
    elif told is None:
        show_plan(found)
    else:
        show(summary(found))
        show_explained(told, wishes.least_gain)
    return ExitCode.FINE


def _asked(site: str | None, what_if: Path | None) -> None:
    if (site is None) is (what_if is None):
        raise usage("a SITE of a running agent, or --what-if FILE")


def _snapshot(options: Options, site: str | None, what_if: Path | None) -> dict[str, Any]:
    """Of the agent or of the file. Raises a Failure."""
    if what_if is None:
        return taken(options, str(site))
    from agent.clock import SystemClock
    from agent.planner.site.snapshot import UTC_FORMAT
    from agent.planner.site.snapshot_error import SnapshotErrors
    from agent.planner.site.snapshot_view import parsed

    try:
        found = parsed(what_if.read_bytes())
    except SnapshotErrors as error:
        raise _wrong(what_if, error) from None
    return {"made_utc": SystemClock().now().utc.strftime(UTC_FORMAT), **found}


def _read(snapshot: Mapping[str, Any], what_if: Path | None) -> SiteView:
    """Raises a Failure with all that is wrong."""
    from agent.planner.site.snapshot_error import SnapshotErrors
    from agent.planner.site.snapshot_view import to_view

    try:
        return to_view(snapshot)
    except SnapshotErrors as error:
        raise _wrong(what_if, error) from None


def _explained(view: SiteView, plan: Mapping[str, Any], ap: str) -> list[dict[str, Any]]:
    from agent.planner.site.build import graph
    from agent.planner.site.explain import explained, from_explained
    from agent.planner.site.plan_json import to_plan

    made = to_plan(plan)
    return [from_explained(each) for each in explained(graph(view, made.wishes.zone).problems, made, ap)]


def _drawn(view: SiteView, plan: Mapping[str, Any]) -> str:
    from agent.planner.site.build import graph
    from agent.planner.site.picture import svg
    from agent.planner.site.plan_json import to_plan

    made = to_plan(plan)
    return svg(view, graph(view, made.wishes.zone).problems, made)


def _check_zone(view: SiteView, zone: str | None) -> None:
    known = sorted({ap.zone for ap in view.site.aps.values() if ap.zone is not None})
    if zone is not None and zone not in known:
        there = f"there are {', '.join(known)}" if known else "the site has none"
        raise usage(f"no zone {zone}; {there}")


def _wrong(what_if: Path | None, error: SnapshotErrors) -> Failure:
    return wrong_files(f"{what_if or 'the agent'}: {each}" for each in error.errors)


def _planned(snapshot: Mapping[str, Any], wishes: Wishes) -> dict[str, Any]:
    """The plan as JSON, made in a process of its own. Raises a Failure."""
    from agent.plan_runner import GRACE_S, PlanningFailed, plan_of
    from agent.planner.site.plan_json import from_wishes

    with notebook() as said:
        try:
            return asyncio.run(plan_of(snapshot, from_wishes(wishes), limit_s=wishes.limit_s + GRACE_S))
        except PlanningFailed as error:
            raise Failure(ExitCode.REFUSED, str(error), *said) from None
