"""What holds after every fault, whichever it was."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from rig import until
from stories import AP1, AP2, AP3

from agent.api.errors import Refused
from agent.change import TABLE, Change, State, agrees
from agent.events import EventKind
from agent.store.store import Store
from inventory import regulatory

if TYPE_CHECKING:
    from faults.scene import Scene

BACK = frozenset({State.ROLLED_BACK, State.FAILED, State.EXPIRED})
HANDS_OFF = frozenset({State.SUPERSEDED, State.ESCALATED})
QUICKLY_S = 15.0
"""From the request to the ack of a change on an AP that is well: 1 s of silence, and what the polls take."""
ENOUGH = 3
"""Polls that the well one may be late: its own change takes its lane's turns."""


@asynccontextmanager
async def beside(scene: Scene) -> AsyncIterator[None]:
    """Beside the fault an AP that is well is polled and changed as ever."""
    changing = asyncio.create_task(_changed_meanwhile(scene), name="beside")
    try:
        yield
        assert scene.trouble.is_set(), "the fault never struck"
        await changing
    finally:
        changing.cancel()
        await asyncio.gather(changing, return_exceptions=True)


async def _changed_meanwhile(scene: Scene) -> None:
    await scene.trouble.wait()
    since_s, poll_s = scene.clock.monotonic(), scene.rig.site.policy.poll_s
    await until(lambda: not scene.agent.memory.standby and not scene.agent.memory.observing)
    await until(lambda: not _unread(scene), limit_s=4 * poll_s)
    begun_s = scene.clock.monotonic()
    done = await scene.agent.operator.inject(
        EventKind.NON_WIFI_BURST, AP2, channel=157, width_mhz=None, act=True, actor=scene.person
    )
    assert done.change is not None, f"the healthy AP is not changed: {done.decision}"
    await until(lambda: scene.rig.block(AP2).primary == 157, limit_s=QUICKLY_S)
    assert scene.clock.monotonic() - begun_s < QUICKLY_S
    times = [at_s for at_s in scene.reads if at_s >= since_s - poll_s]
    assert all(after - before <= ENOUGH * poll_s for before, after in pairwise(times)), times


def _unread(scene: Scene) -> bool:
    """After a restart: until its neighbours are known it counts as everybody's neighbour."""
    memory = scene.agent.memory
    return any(memory.radios[key].scanned_at_s is None for key in (AP1, AP2))


async def hold(scene: Scene) -> None:
    """Asked of the agent that lives at the end, and of what it leaves on disk."""
    await _every_change_ends(scene)
    await asyncio.sleep(scene.after_s)
    await _every_change_ends(scene)
    await _radar_is_handled(scene)
    await _tokens_are_spent(scene)
    _channels_are_legal(scene)
    assert scene.judge.wrong == [], scene.judge.wrong
    await scene.stop()
    _store_and_device_agree(scene)
    scene.rig.verify()


async def _every_change_ends(scene: Scene) -> None:
    """Live ones have a deadline, and by it they are over."""
    while live := [change for change in scene.agent.memory.changes.values() if not change.final]:
        left_s = max(change.deadline.left_s(scene.clock.now()) for change in live)
        assert left_s > -60.0, [(change.state, change.deadline) for change in live]
        await asyncio.sleep(5.0)


async def _radar_is_handled(scene: Scene) -> None:
    """AP 3 does not leave by itself: the agent bars the channel, and has it leave, within the law's 10 s."""
    world, here = scene.rig.world, scene.rig.block(AP3)
    if not regulatory.dfs_needed(scene.rig.site.country, here):
        return  # it was the case's own
    world.radar(AP3)
    await until(lambda: not scene.rig.block(AP3).mhz20 & here.mhz20, limit_s=10.0, step_s=0.25)
    assert here.primary_mhz in scene.agent.memory.barred("lab", scene.clock.now())
    await scene.agent.radar.quiet()
    await _every_change_ends(scene)
    told = [r["radio"] for r in scene.rig.records() if r["reason"]["code"] == "radar.left"]
    assert told, told


async def _tokens_are_spent(scene: Scene) -> None:
    """What was taken back cannot be taken back again."""
    for change in list(scene.agent.memory.changes.values()):
        if change.state is State.ROLLED_BACK and "ROLLING_BACK" in scene.rig.steps(change.id):
            with pytest.raises(Refused, match="used already"):
                await scene.agent.operator.rollback(scene.agent.changes.token(change), scene.person)


def _channels_are_legal(scene: Scene) -> None:
    """No radio is where the law does not let it be, nor on a channel where it heard radar itself."""
    site = scene.rig.site
    for key, radio in site.radios.items():
        at = scene.rig.world.radio(key)
        assert regulatory.refusal(site.country, at.block, radio) is None, (key, at.block)
        assert not (at.on_air and at.memory.barred(at.block)), (key, at.block)


def _store_and_device_agree(scene: Scene) -> None:
    store = Store(scene.rig.url)
    try:
        changes = store.changes()
        assert not store.open_changes()
    finally:
        store.close()
    for change in changes:
        _is_told(scene, change)
    for key in scene.rig.site.radios:
        mine = [change for change in changes if key in change.radios]
        _is_so(scene, max(mine, key=lambda change: (change.created_utc_us, change.id), default=None))


def _is_told(scene: Scene, change: Change) -> None:
    """Each step is one of the table, and in the audit; the token was used for one of them at most."""
    steps = scene.rig.steps(change.id)
    assert steps[-1] == change.state, (steps, change.state)
    possible = {(str(state), str(after)) for (state, _), after in TABLE.items()}
    assert set(pairwise(steps)) <= possible, steps
    begun = Counter(after for before, after in pairwise(steps) if before != after)
    assert begun["ROLLING_BACK"] <= 1, steps


def _is_so(scene: Scene, last: Change | None) -> None:
    """The device has what the store says of its radio's last change."""
    if last is None or last.state in HANDS_OFF or last.radios[0] in scene.strange:
        return
    wanted = (last.rollback_to or last.prior) if last.state in BACK else last.target
    have = scene.rig.world.radio(last.radios[0]).in_force()
    assert agrees(wanted, have), (last.state, wanted, have)
