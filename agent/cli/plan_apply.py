"""`rrmd plan SITE --apply`: the agent carries its plan out, once a person has said yes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final

import typer

from agent.cli.failure import ExitCode, usage
from agent.cli.options import Options
from agent.cli.plan_making import listened_s
from agent.cli.plan_words import show_plan
from agent.cli.terminal import complain, count, show, show_json

TIMEOUT_S: Final = 900.0
"""The longest search and proof, and another plan that is being made before."""


def apply(options: Options, site: str, asked: Mapping[str, Any], yes: bool, as_json: bool) -> int:
    """Show the agent's plan, ask, and let the agent carry it out: it makes the plan once more then, of what
    it knows by then."""
    if not yes:
        if as_json or not _at_a_terminal():
            raise usage("--apply asks first: say --yes")
        shown = _planned(options, site, asked)["plan"]
        show_plan(shown, listened_s(options, shown))
        if not shown["moves"]:
            return ExitCode.FINE
        if not typer.confirm(f"Make these {count(len(shown['moves']), 'change')}?"):
            complain(["nothing was changed"])
            return ExitCode.REFUSED
    done = _planned(options, site, asked, apply=True)
    if as_json:
        show_json(done)
    else:
        _tell(options, done, shown=None if yes else shown)
    return ExitCode.FINE


def stop(options: Options, site: str, as_json: bool) -> int:
    """Let the agent begin no more of the plan that it carries out."""
    done = options.ask("plan", site=site, stop=True)
    if as_json:
        show_json(done)
    else:
        id = done["campaign"]["id"]
        show(f"{site}: nothing more of plan {id} is begun; `rrmd status` shows what is open")
    return ExitCode.FINE


def _planned(options: Options, site: str, asked: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return options.ask("plan", site=site, timeout_s=TIMEOUT_S, **asked, **more)


def _at_a_terminal() -> bool:
    return sys.stdin.isatty()


def _tell(options: Options, done: Mapping[str, Any], shown: Mapping[str, Any] | None) -> None:
    """The plan again only where it is not the one that was shown."""
    plan, campaign = done["plan"], done["campaign"]
    if shown is None or _targets(plan) != _targets(shown):
        show_plan(plan, listened_s(options, plan))
    if campaign is None:
        show(f"{plan['site']}: there is nothing to change")
        return
    show(f"plan {campaign['id']} is being carried out: {count(campaign['moves'], 'change')}")
    show("`rrmd status` shows how far it is, `rrmd changes` each change")
    show(f"`rrmd plan {plan['site']} --stop` begins no more of it")


def _targets(plan: Mapping[str, Any]) -> dict[str, Any]:
    return {move["radio"]: move["target"] for move in plan["moves"]}
