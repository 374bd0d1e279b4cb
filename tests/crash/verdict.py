"""Whether a death was survived: what a life after it must come to, and what must be true then."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from crash.life import Play
from crash.plan_verdict import check_plans
from crash.stories import PERSON, QUICK
from rig import until
from sqlalchemy import make_url

from agent.agent import Agent
from agent.api.errors import Refused
from agent.audit_files import verify_directory
from agent.audit_key import load_or_create_key, mac_keys
from agent.change import Change, State, agrees
from agent.store.store import Store
from agent.undo_record import key_of
from drivers.types import RadioState, Setting
from inventory.model import RadioKey

BACK = frozenset({State.ROLLED_BACK})
THERE = frozenset({State.COMMITTED, State.MONITORING})
OVER = re.compile(r"this token was used already: see change \S+|change \S+ is [A-Z_]+: nothing to undo")
"""What is said of a right that is used up, or was never one."""
MOST_SPOILT = 4
"""More writes than a story spoils."""
TIMERS_S = 130.0
"""Longer than any timer that a device may still have armed."""


async def survive(play: Play) -> None:
    """The life after the death, and the verdict. Raises AssertionError with what is wrong."""
    torn = [path.name for path in play.rig.settings.audit_dir.glob("*.jsonl") if _is_torn(path.read_bytes())]
    if play.story.before is not None:
        async with play.rig.agent() as agent:
            await play.story.before(play.rig, agent)
        play.rig.site = play.story.site()
    async with play.rig.agent() as agent:
        await quiet(play, agent)
        check(play, agent.ledger.store)
        await try_tokens(play, agent)
    world = play.rig.world
    world.advance(max(world.now_s, play.loop.time()) + TIMERS_S)
    store = Store(play.rig.url)
    try:
        check(play, store)
        check_plans(play, store)
        check_audit(play, store, torn)
    finally:
        store.close()
    assert not play.judge.offences, play.judge.offences


async def quiet(play: Play, agent: Agent) -> None:
    """When the site is this agent's, every plan has ended, every change is final and every radio on air: what
    the first poll finds may begin another."""
    await until(lambda: not agent.memory.standby, limit_s=300)
    await until(lambda: not agent.ledger.store.get_meta(key_of(play.rig.site.id)), limit_s=1000)
    for _ in range(2):
        await asyncio.sleep(3 * QUICK.poll_s)
        await agent.radar.quiet()
        await until(lambda: agent.campaigns.idle(play.rig.site.id), limit_s=3000)
        await until(lambda: all(c.final for c in agent.memory.changes.values()), limit_s=1000)
    world = play.rig.world
    await until(lambda: all(world.state_of(k) is RadioState.ON_AIR for k in world.radio_keys()), limit_s=300)


async def try_tokens(play: Play, agent: Agent) -> None:
    """Each token once more: a used one is refused; one that still works does so once."""
    store = agent.ledger.store
    changes = store.changes()
    used = {c.id: row.used_utc_us for c in changes if (row := store.token(c.token_sha256 or ""))}
    for change in changes:
        token = agent.changes.token(change)
        begun = await _rollback(agent, token)
        if used[change.id] is not None or change.state is not State.COMMITTED:
            assert _is_over(begun), f"{change.state} {change.id}, taken back again: {begun}"
            continue
        assert isinstance(begun, Change), f"{change.id} is kept and can't be taken back: {begun}"
        after = await agent.executor.settled(begun.id, State.MONITORING)
        if after.came_to_nothing and play.story.in_vain:
            await try_again(agent, change)
            return
        if after.state is State.FAILED and play.story.escalates:
            row = store.token(change.token_sha256 or "")
            assert row is not None
            assert row.used_utc_us is None, "nothing was done: the token must be good again"
            return
        assert after.state is State.MONITORING, f"the undo of {change.id} ended as {after.state}"
        await asyncio.sleep(1.0)  # its device's timer is confirmed
        again = await _rollback(agent, token)
        assert _is_over(again), f"the token of {change.id} was used twice: {again}"
        return  # the others' radio is taken by this undo now


async def try_again(agent: Agent, change: Change) -> None:
    """The undo of a kept change came to nothing: it may be asked for by name, as often as that takes."""
    for _ in range(MOST_SPOILT):
        undo = await agent.operator.rollback_id(change.id, PERSON)
        after = await agent.executor.settled(undo.id, State.MONITORING)
        if after.state is State.MONITORING:
            return
        assert after.came_to_nothing, f"the undo of {change.id} ended as {after.state}"
    raise AssertionError(f"{change.id} is kept and can't be taken back")


async def _rollback(agent: Agent, token: str) -> Change | str:
    """The change that takes it back, or why it is refused; anything else that is raised is a bug."""
    try:
        return await agent.operator.rollback(token, PERSON)
    except Refused as refused:
        return str(refused)


def _is_over(answer: Change | str) -> bool:
    return isinstance(answer, str) and OVER.fullmatch(answer) is not None


def _holds(change: Change) -> bool:
    return not change.final and change.state is not State.PROPOSED


def check(play: Play, store: Store) -> None:
    """Each change ended as it may in this story, or is live in time; the locks are theirs; and each radio has
    what the store says."""
    now, changes = play.clock.now(), _oldest_first(store)
    for change in changes:
        assert change.state is not State.ESCALATED or play.story.escalates, play.rig.records()
        left_s = change.deadline.left_s(now)
        assert change.final or left_s > 0, f"{change.id} is {change.state}, {-left_s} s over its deadline"
    _check_locks(play, store, changes)
    for key, wanted in expected(play, changes).items():
        have = play.rig.world.in_force(key)
        assert agrees(wanted, have), f"{key}: the store says {wanted}, the radio has {have}"
    barred = {nop.mhz20 for nop in store.nops(now)}
    for key in play.start:
        radio = play.rig.world.radio(key)
        assert not (radio.on_air and radio.block.mhz20 & barred), f"{key} is on {radio.block}: {barred}"


def _oldest_first(store: Store) -> list[Change]:
    return store.changes(limit=10_000)[::-1]


def _check_locks(play: Play, store: Store, changes: Sequence[Change]) -> None:
    """Only what is open, or waits for a person, holds its radios."""
    with closing(sqlite3.connect(make_url(play.rig.url).database or "")) as file:
        locks = dict(file.execute("SELECT radio, change_id FROM open_member").fetchall())
    waiting = {change.id for change in store.escalated()}
    holders = {key: c.id for c in changes for key in c.radios if _holds(c) or c.id in waiting}
    assert locks == holders, f"locked {locks}, held by {holders}"


def expected(play: Play, changes: Sequence[Change]) -> Mapping[RadioKey, dict[Setting, int]]:
    """What each radio must have by what the store says of its changes; what is not known is left out."""
    wanted = {key: dict(values) for key, values in play.start.items()}
    for change in changes:
        mine = wanted[change.radios[0]]
        if change.state in THERE:
            mine |= change.target
        elif change.state in BACK:
            mine |= change.rollback_to or change.prior
        elif change.state is State.SUPERSEDED:
            reason = _last(play, change)["reason"]["code"]
            assert reason in play.story.superseded, f"{change.id} was superseded: {reason}"
            _forget(mine, change)
        elif change.state is State.ESCALATED:
            _forget(mine, change)
    return wanted


def _forget(known: dict[Setting, int], change: Change) -> None:
    for setting in change.target:
        known.pop(setting, None)


def _last(play: Play, change: Change) -> Mapping[str, Any]:
    return [r for r in play.rig.records() if r["change_id"] == change.id and r["kind"] == "transition"][-1]


def check_audit(play: Play, store: Store, torn: Sequence[str]) -> None:
    """The chain is whole; each step of each change is told once and in order; a torn line is told."""
    settings = play.rig.settings
    keys = mac_keys(load_or_create_key(settings.key_file))
    report = verify_directory(settings.audit_dir, keys, store.audit_head())
    assert report.intact, report.findings
    records = play.rig.records()
    twice = [id for id, times in Counter(r["id"] for r in records).items() if times > 1]
    assert not twice, f"recorded twice: {twice}"
    for change in _oldest_first(store):
        _check_steps(change, [r for r in records if r["change_id"] == change.id])
    undo = Counter(r["reason"]["code"] for r in records if r["reason"]["code"].startswith("undo."))
    assert undo["undo.asked"] == undo["undo.ended"] >= undo["undo.radio"], f"of one radio each: {undo}"
    told = [r["reason"]["params"]["file"] for r in records if r["reason"]["code"] == "audit.torn_line"]
    assert set(torn) <= set(told), f"torn {torn}, told {told}"


def _check_steps(change: Change, records: Sequence[Mapping[str, Any]]) -> None:
    begun = [r for r in records if r["kind"] == "decision" and r["from_state"] is None and r["to_state"]]
    assert len(begun) == 1, f"{change.id} was begun {len(begun)} times"
    steps = [r for r in records if r["kind"] == "transition"]
    released = [r for r in records if r["reason"]["code"] == "change.released"]
    assert len(steps) + len(released) == change.rev, f"{change.id}: {len(steps)} steps told, rev {change.rev}"
    state = begun[0]["to_state"]
    for step in steps:
        assert step["from_state"] == state, f"{change.id}: from {step['from_state']}, was {state}"
        state = step["to_state"]
    assert state == change.state, f"{change.id}: told {state}, stored {change.state}"


def _is_torn(data: bytes) -> bool:
    return bool(data) and not data.endswith(b"\n")
