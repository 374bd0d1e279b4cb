"""`rrmd plan`: what the whole site should look like, what that would bring, and the way there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agent.cli import plan_apply
from agent.cli.failure import ExitCode, usage
from agent.cli.names import ap_key
from agent.cli.options import Json, options_of
from agent.cli.output import check_free, write
from agent.cli.plan_explain import show_explained
from agent.cli.plan_making import Asked, drawn, explained, listened_s, looked_at, planned
from agent.cli.plan_words import show_doubts, show_plan, summary
from agent.cli.terminal import show, show_json
from agent.planner.site.plan import MOVES_MOST, SEED_MOST

Zone = Annotated[str | None, typer.Option("--zone", metavar="ZONE", help="Move only its APs.")]
Moves = Annotated[int | None, typer.Option("--moves", min=0, max=MOVES_MOST, help="At most so many.")]
LeastGain = Annotated[
    float | None, typer.Option("--least-gain", min=0, max=1, help="What a move must bring, 0.1 = 10 %.")
]
LimitS = Annotated[
    float | None, typer.Option("--limit", min=1, max=600, metavar="S", help="Seconds for the search.")
]
Seed = Annotated[
    int | None, typer.Option("--seed", min=0, max=SEED_MOST, help="The same seed, the same plan.")
]
Power = Annotated[bool | None, typer.Option("--power/--no-power", help="Powers and OBSS-PD too.")]
Proof = Annotated[bool | None, typer.Option("--proof/--no-proof", help="Prove how good it is.")]
WhatIf = Annotated[
    Path | None, typer.Option("--what-if", metavar="FILE", help="Of this snapshot; no agent, no devices.")
]
Explain = Annotated[
    str | None, typer.Option("--explain", metavar="AP", help="Each block for its radios, term by term.")
]
Picture = Annotated[
    Path | None, typer.Option("--svg", metavar="FILE", help="The site now and as planned, as a picture.")
]
Force = Annotated[bool, typer.Option("--force", help="Write over the picture's FILE.")]
Apply = Annotated[bool, typer.Option("--apply", help="Carry it out, step by step.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")]
Stop = Annotated[bool, typer.Option("--stop", help="Begin no more of the plan that is being carried out.")]
SiteId = Annotated[str | None, typer.Argument(metavar="SITE", help="The site's id, of a running agent.")]


def plan(
    context: typer.Context,
    site: SiteId = None,
    what_if: WhatIf = None,
    zone: Zone = None,
    moves: Moves = None,
    least_gain: LeastGain = None,
    limit_s: LimitS = None,
    seed: Seed = None,
    power: Power = None,
    proof: Proof = None,
    explain: Explain = None,
    picture: Picture = None,
    force: Force = False,
    apply: Apply = False,
    yes: Yes = False,
    stop: Stop = False,
    as_json: Json = False,
) -> int:
    """Propose what the whole site should look like.

    Each move with what it brings and why. Nothing is changed without --apply.
    """
    asked: Asked = {
        "zone": zone,
        "most_moves": moves,
        "least_gain": least_gain,
        "limit_s": limit_s,
        "seed": seed,
        "power": power,
        "obss_pd": power,
        "exact": proof,
    }
    options = options_of(context)
    if apply or stop:
        if site is None or what_if or explain or picture or (apply and stop):
            raise usage("--apply and --stop are for a SITE of a running agent, one of them")
        return (
            plan_apply.stop(options, site, as_json)
            if stop
            else plan_apply.apply(options, site, asked, yes, as_json)
        )
    check_free(picture, force=force)
    snapshot, view = looked_at(options, site, what_if)
    ap = None if explain is None else ap_key(explain, view.radios)
    made = planned(snapshot, view, asked)
    if picture is not None:
        write(drawn(view, made), picture, force=force)
    told = None if ap is None else explained(view, made, ap)
    if as_json:
        show_json(made if told is None else {**made, "explain": told})
        return ExitCode.FINE
    listened = None if site is None else listened_s(options, made)
    if told is None or ap is None:
        show_plan(made, listened)
    else:
        show(summary(made))
        show_doubts(made, listened)
        show_explained(told, made, ap)
    return ExitCode.FINE
