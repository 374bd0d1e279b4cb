"""A plan for a person: what would be moved, what it brings, and why, in words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from agent.cli.duration import spoken
from agent.cli.terminal import count, show, show_table
from agent.planner.site.reasons import OF_POWER
from agent.planner.wording import said

_SAME: Final = 0.01
"""A smaller part of the MHz is no difference that anybody sees."""


def show_plan(plan: Mapping[str, Any], listened_s: float | None = None) -> None:
    """``listened_s``: for how long the agent has listened; None: it is not an agent's plan."""
    show(summary(plan))
    show_doubts(plan, listened_s)
    if plan["moves"]:
        show_table("Moves", _MOVE_COLUMNS, map(_move, plan["moves"]))
        show(
            "MHz: what the radio can expect; gain: what the site would lose without the move, as of one radio"
        )
    gains = list(_gains(plan["outlook"]))
    if gains:
        show_table("APs whose share changes", ("AP", "MHz now", "then", "gain"), gains)
    show_left(plan["left"])


def show_left(left: Sequence[Mapping[str, Any]]) -> None:
    if left:
        show_table("Left alone", ("radio", "why", ""), map(_left, left))


def summary(plan: Mapping[str, Any]) -> str:
    """The plan in one line."""
    radios, unplaced = plan["radios"], plan["unplaced"]
    if not radios + unplaced:
        return f"{plan['site']}: nothing to plan: no radio is on air, as far as is known"
    moves = len(plan["moves"])
    steps = len({each["step"] for each in plan["moves"]})
    what = f"{count(moves, 'change')} in {count(steps, 'step')}" if moves else "no change"
    parts = [what]
    if radios:
        now, then = _mean(plan["value_now"], radios), _mean(plan["value_then"], radios)
        gain = f"{now:.1f} -> {then:.1f} MHz for each of {count(radios, 'radio')} in the mean"
        parts.append(f"{gain} ({plan['gain_ratio']:+.1%})")
    if unplaced:
        parts.append(f"{count(unplaced, 'radio')} without a channel {'gets' if unplaced == 1 else 'get'} one")
    more = _possible(plan)
    parts += [f"confidence {plan['confidence']:.0%}", _proven(plan, more)]
    if plan["timed_out"] and (more is None or more > _ROUNDING):
        limit_s = plan["wishes"]["limit_s"]
        parts.append(
            f"the limit of {limit_s:g} s ended the search: with more time there may be a better plan"
        )
    return f"{plan['site']}: {'; '.join(parts)}"


def show_doubts(plan: Mapping[str, Any], listened_s: float | None = None) -> None:
    """In one line why the plan's confidence is not full, if it is not."""
    from agent.planner.pooling import WARM_S

    total = plan["radios"] + plan["unplaced"]
    parts = [f"{said(code)} ({number} of {count(total, 'radio')})" for code, number in plan["doubts"].items()]
    if listened_s is not None and listened_s < WARM_S:
        soon = f"plans get better within {spoken(WARM_S - listened_s)}"
        parts.insert(0, f"the agent has listened for {spoken(listened_s)} only: {soon}")
    if parts:
        show(f"confidence is {plan['confidence']:.0%}: {'; '.join(parts)}")


_ROUNDING: Final = 1e-5
"""So near to the best there is the solver stops, which counts in millionths of a nat and rounds up."""


def _possible(plan: Mapping[str, Any]) -> float | None:
    """How much more MHz other channels might bring at most, as a ratio; None: not known."""
    proof = plan["proof"]
    return None if proof is None else math.expm1(max(0.0, proof["bound"] - proof["value"]) / proof["radios"])


def _proven(plan: Mapping[str, Any], more: float | None) -> str:
    """What another plan with so many moves could bring at most; of powers nothing is proven."""
    if more is None:
        return "no bound proven"
    powers = changes_powers(plan)
    if more <= _ROUNDING:
        return "proven: no channels are better" if powers else "proven: nothing better"
    most = f"proven: at most {math.ceil(more * 1e4) / 1e4:.2%} better is possible"
    return f"{most} by other channels" if powers else most


def changes_powers(plan: Mapping[str, Any]) -> bool:
    """Whether a power or OBSS-PD level is changed for its own sake."""
    return any(not OF_POWER.isdisjoint(move["reasons"]) for move in plan["moves"])


def _mean(value: float, radios: int) -> float:
    """The geometric mean of the radios' MHz."""
    return math.exp(value / radios)


_MOVE_COLUMNS: Final = ("step", "radio", "from", "to", "also", "MHz now", "then", "gain", "CAC", "why")


def _move(move: Mapping[str, Any]) -> tuple[Any, ...]:
    same = move["before"] == move["after"]
    return (
        move["step"],
        move["radio"],
        block(move["before"]),
        None if same else block(move["after"]),
        ", ".join(_also(move["target"], move["params"])) or None,
        f"{move['mhz_before']:.1f}" if move["mhz_before"] else None,
        f"{move['mhz_after']:.1f}",
        f"{math.expm1(move['gain']):+.0%}" if move["gain"] else None,
        spoken(move["cac_s"]) if move["cac_s"] else None,
        ", ".join(map(said, move["reasons"])) or None,
    )


def _also(target: Mapping[str, int], params: Mapping[str, Any]) -> Iterator[str]:
    """A move names the power in any case; it is told where it becomes another one."""
    was, dbm = params.get("from_dbm"), target.get("tx_power_dbm")
    if was is not None and dbm is not None and was != dbm:
        yield f"{was} -> {dbm} dBm"
    if (dbm := target.get("obss_pd_dbm")) is not None:
        yield f"OBSS-PD {params['from_obss_pd_dbm']} -> {dbm} dBm"


def block(found: Mapping[str, Any] | None) -> str | None:
    """``36/80``; None: off air, or not known."""
    from agent.planner.site.plan_json import to_block

    return None if found is None else str(to_block(found))


def _gains(outlook: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Any, ...]]:
    """APs whose radios together can expect something else than now; one that gets a channel is no gain."""
    now: dict[str, float] = {}
    then: dict[str, float] = {}
    given: set[str] = set()
    for each in outlook:
        ap = each["radio"].rsplit("/", 1)[0]
        now[ap] = now.get(ap, 0.0) + each["mhz_before"]
        then[ap] = then.get(ap, 0.0) + each["mhz_after"]
        if each["before"] is None:
            given.add(ap)
    for ap, mhz in now.items():
        if abs(then[ap] - mhz) > _SAME * max(then[ap], mhz):
            gain = None if ap in given else f"{then[ap] / mhz - 1:+.0%}"
            yield ap, f"{mhz:.1f}", f"{then[ap]:.1f}", gain


def _left(each: Mapping[str, Any]) -> tuple[Any, ...]:
    return each["radio"], said(each["reason"]), dict(_details(each["params"])) or ""


def _details(params: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The guard's name says nothing that its reason does not."""
    for name, value in params.items():
        if name == "why":
            yield name, said(value)
        elif name != "guard":
            yield name, value
