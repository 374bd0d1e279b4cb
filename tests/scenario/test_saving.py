"""A device that forgets what it was told when it restarts: a proven change is saved, its undo too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rig import final, rig_of, until

from agent.agent import Agent
from agent.change import Actor, State
from agent.events import EventKind
from agent.simulated_time import SimulatedClock, run
from drivers.types import Receipt, Setting
from inventory.model import RadioKey

PERSON = Actor(type="operator", uid=1000, name="ann")


def forgetful(agent: Agent, key: RadioKey, saved: list[int], *, saves: bool = True) -> None:
    """Its device saves when it is told to; what it saved is kept."""
    at = agent.memory.radios[key]
    assert at.capabilities is not None
    at.capabilities = replace(at.capabilities, saves=saves, undo_timer_s=None)

    async def confirm(receipt: Receipt) -> None:
        saved.append(receipt.edit.set[Setting.CHANNEL])

    agent.fleet.lane("lab", "ap1").device.confirm = confirm  # type: ignore[method-assign]


def told(tmp_path: Path, *, saves: bool) -> list[int]:
    """What was saved over one change from channel 36 to 161 that is taken back."""
    saved: list[int] = []

    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock) as rig, rig.agent() as agent:
            await until(lambda: agent.memory.radios[rig.key].reading)
            forgetful(agent, rig.key, saved, saves=saves)
            done = await agent.operator.inject(
                EventKind.NON_WIFI_BURST, rig.key, channel=161, width_mhz=None, act=True, actor=PERSON
            )
            assert done.change is not None
            change_id = done.change.id
            await until(lambda: agent.memory.changes[change_id].state is State.MONITORING)
            await agent.operator.rollback(agent.changes.token(done.change), PERSON)
            assert (await final(agent, done.change)).state is State.ROLLED_BACK

    run(story)
    return saved


def test_a_change_and_its_undo_are_saved(tmp_path: Path) -> None:
    assert told(tmp_path, saves=True) == [161, 36]


def test_where_nothing_needs_saving_nothing_is_confirmed(tmp_path: Path) -> None:
    assert told(tmp_path, saves=False) == []
