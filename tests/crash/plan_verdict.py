"""Whether plans of sites survived a death: each has ended, once, and as its changes say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from crash.life import Play

from agent.change import HELD_UP, Change, State
from agent.store.store import Store

Record = Mapping[str, Any]


def check_plans(play: Play, store: Store) -> None:
    """No plan is left; each that was begun ended once; nobody's move was made twice nor taken back twice; the
    numbers told are those of the changes; no half of one stayed where that may not be."""
    for site in (play.rig.site.id,):
        left = store.get_meta(f"campaign/{site}")
        assert not left, f"a plan is still on disk: {left}"
    records, changes = play.rig.records(), store.changes(limit=10_000)
    begun, ended = _of(records, "plan.begun"), _of(records, "plan.ended")
    ids = [told["plan"] for told in begun]
    assert sorted(ids) == sorted(told["plan"] for told in ended), f"begun {ids}, ended {ended}"
    assert len(ids) == len(set(ids)), f"begun twice: {ids}"
    for start, end in zip(begun, sorted(ended, key=lambda told: ids.index(told["plan"])), strict=True):
        _check_plan(play, start, end, changes)


def _of(records: Sequence[Record], code: str) -> list[Record]:
    """What was told of plans with this code, oldest first."""
    return [each["reason"]["params"] for each in records if each["reason"]["code"] == code]


def _check_plan(play: Play, begun: Record, ended: Record, changes: Sequence[Change]) -> None:
    opened = [c for c in changes if c.reason.get("params", {}).get("plan") == begun["plan"]]
    mine = [c for c in opened if c.verdict != HELD_UP]  # of the others nothing was sent: they are made again
    twice = [key for key, times in Counter(c.radios[0] for c in mine).items() if times > 1]
    assert not twice, f"moved twice: {twice}"
    backs = [c for c in changes if c.undo_of in {each.id for each in mine} and _by_the_plan(c)]
    done = [c.undo_of for c in backs if c.state is State.COMMITTED]
    assert len(done) == len(set(done)), f"taken back twice: {done}"
    kept, back = sum(c.state is State.COMMITTED for c in mine), len(done)
    told = {name: ended.get(name, 0) for name in ("made", "stays", "taken_back", "failed", "dropped")}
    there = told["made"] + told["stays"]
    assert (there, told["taken_back"]) == (kept - back, back), f"{kept} made, {back} back, told {told}"
    assert told["failed"] == len(mine) - kept, f"{len(mine) - kept} came to nothing, told {told}"
    assert sum(told.values()) == begun["moves"], f"of {begun['moves']} moves {told}"
    assert play.story.halves or there in (0, begun["moves"]), f"half a plan stayed: {told}"


def _by_the_plan(change: Change) -> bool:
    return change.reason.get("code") == "plan_half_done"
