"""A plan as a JSON object, and back: what the planning process hands over. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any, Final

from agent.moment import iso, utc_us_of
from agent.planner.site.plan import Left, Outlook, Plan, PlannedMove, Proof, Wishes
from drivers.types import Setting
from inventory.channels import Block, block
from inventory.model import Band, RadioKey

VERSION: Final = 1


def from_plan(plan: Plan) -> dict[str, Any]:
    """The plan; only dicts, lists, text, numbers, flags and None. Fields: docs/planning.md."""
    return {
        "version": VERSION,
        "site": plan.site,
        "made_utc": iso(plan.made_utc_us),
        "radios": plan.radios,
        "unplaced": plan.unplaced,
        "value_now": plan.value_now,
        "value_then": plan.value_then,
        "bound": plan.bound,
        "proof": None if plan.proof is None else asdict(plan.proof),
        "confidence": plan.confidence,
        "doubts": dict(plan.doubts),
        "gain_ratio": plan.gain_ratio,
        "seconds": plan.seconds,
        "timed_out": plan.timed_out,
        "wishes": from_wishes(plan.wishes),
        "moves": [_move(each) for each in plan.moves],
        "outlook": [_outlook(each) for each in plan.outlook],
        "left": [_left(each) for each in plan.left],
    }


def to_plan(said: Mapping[str, Any]) -> Plan:
    """The plan of what `from_plan` gave. KeyError, TypeError or ValueError: it is not that."""
    return Plan(
        site=said["site"],
        made_utc_us=utc_us_of(said["made_utc"]),
        radios=said["radios"],
        unplaced=said["unplaced"],
        value_now=said["value_now"],
        value_then=said["value_then"],
        bound=said["bound"],
        proof=None if said["proof"] is None else Proof(**said["proof"]),
        confidence=said["confidence"],
        doubts=MappingProxyType(dict(said["doubts"])),
        gain_ratio=said["gain_ratio"],
        seconds=said["seconds"],
        timed_out=said["timed_out"],
        wishes=to_wishes(said["wishes"]),
        moves=tuple(map(_to_move, said["moves"])),
        outlook=tuple(map(_to_outlook, said["outlook"])),
        left=tuple(map(_to_left, said["left"])),
    )


def from_wishes(wishes: Wishes) -> dict[str, Any]:
    return asdict(wishes)


def to_wishes(said: Mapping[str, Any]) -> Wishes:
    """TypeError: it has a key that no wish has."""
    return Wishes(**said)


def from_block(found: Block | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "band": str(found.band),
        "channel": found.primary,
        "width_mhz": found.width_mhz,
        "center_mhz": found.center_mhz,
    }


def to_block(said: Mapping[str, Any]) -> Block:
    """ValueError: the band plan has no such block."""
    return block(Band(said["band"]), said["channel"], said["width_mhz"], said["center_mhz"])


def _or_none(said: Mapping[str, Any] | None) -> Block | None:
    return None if said is None else to_block(said)


def _move(move: PlannedMove) -> dict[str, Any]:
    return {
        "radio": move.radio,
        "step": move.step,
        "target": {str(setting): value for setting, value in move.target.items()},
        "before": from_block(move.before),
        "after": from_block(move.after),
        "mhz_before": move.mhz_before,
        "mhz_after": move.mhz_after,
        "gain": move.gain,
        "cac_s": move.cac_s,
        "reasons": list(move.reasons),
        "params": dict(move.params),
    }


def _to_move(said: Mapping[str, Any]) -> PlannedMove:
    return PlannedMove(
        radio=RadioKey(said["radio"]),
        step=said["step"],
        target=MappingProxyType({Setting(name): value for name, value in said["target"].items()}),
        before=_or_none(said["before"]),
        after=to_block(said["after"]),
        mhz_before=said["mhz_before"],
        mhz_after=said["mhz_after"],
        gain=said["gain"],
        cac_s=said["cac_s"],
        reasons=tuple(said["reasons"]),
        params=MappingProxyType(dict(said["params"])),
    )


def _outlook(each: Outlook) -> dict[str, Any]:
    return {
        "radio": each.radio,
        "before": from_block(each.before),
        "after": from_block(each.after),
        "mhz_before": each.mhz_before,
        "mhz_after": each.mhz_after,
    }


def _to_outlook(said: Mapping[str, Any]) -> Outlook:
    return Outlook(
        radio=RadioKey(said["radio"]),
        before=_or_none(said["before"]),
        after=_or_none(said["after"]),
        mhz_before=said["mhz_before"],
        mhz_after=said["mhz_after"],
    )


def _left(each: Left) -> dict[str, Any]:
    return {"radio": each.radio, "reason": each.reason, "params": dict(each.params)}


def _to_left(said: Mapping[str, Any]) -> Left:
    return Left(
        radio=RadioKey(said["radio"]),
        reason=said["reason"],
        params=MappingProxyType(dict(said["params"])),
    )
