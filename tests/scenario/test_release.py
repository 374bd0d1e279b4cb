"""A radio is handed back to the vendor's own RRM: only by a person, only where it can be, and on record."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rig import Rig, rig_of, until

from agent.agent import Agent
from agent.api.errors import NotFound, Refused
from agent.change import Actor
from agent.events import EventKind
from agent.simulated_time import SimulatedClock, run
from drivers.errors import DriverError
from drivers.errors import Refused as DeviceRefused
from drivers.types import Action, ActionRequest
from inventory.model import Mode, RadioKey

PERSON = Actor(type="operator", uid=1000, name="ann")


def told(
    tmp_path: Path,
    story: Callable[[Rig, Agent, list[ActionRequest]], Awaitable[None]],
    fault: DriverError | None = None,
) -> None:
    """Of a device that has an RRM of its own; what it is told to do is kept."""
    asked: list[ActionRequest] = []

    async def act(request: ActionRequest) -> None:
        asked.append(request)
        if fault is not None:
            raise fault

    async def tell(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock) as rig, rig.agent() as agent:
            at = agent.memory.radios[rig.key]
            await until(lambda: at.reading)
            assert at.capabilities is not None
            at.capabilities = replace(at.capabilities, actions=frozenset({Action.RELEASE}))
            agent.memory._post(rig.key)
            agent.fleet.lane("lab", "ap1").device.act = act  # type: ignore[method-assign]
            await story(rig, agent, asked)

    run(tell)


def results(rig: Rig) -> list[str]:
    return [r["result"] for r in rig.records() if r["reason"]["code"] == "radio.release"]


def test_it_is_done_once_and_recorded_before_and_after(tmp_path: Path) -> None:
    async def story(rig: Rig, agent: Agent, asked: list[ActionRequest]) -> None:
        await agent.release.give(rig.key, PERSON)
        assert asked == [ActionRequest(action=Action.RELEASE, radio=rig.key)]
        assert results(rig) == ["doing", "done"]

    told(tmp_path, story)


def test_what_the_device_refuses_is_said_and_recorded(tmp_path: Path) -> None:
    async def story(rig: Rig, agent: Agent, asked: list[ActionRequest]) -> None:
        with pytest.raises(Refused, match="noAccess"):
            await agent.release.give(rig.key, PERSON)
        assert results(rig) == ["doing", "failed"]

    told(tmp_path, story, DeviceRefused("noAccess"))


def test_not_while_the_radio_has_an_open_change(tmp_path: Path) -> None:
    async def story(rig: Rig, agent: Agent, asked: list[ActionRequest]) -> None:
        await agent.operator.inject(
            EventKind.NON_WIFI_BURST, rig.key, channel=161, width_mhz=None, act=True, actor=PERSON
        )
        with pytest.raises(Refused, match="open change"):
            await agent.release.give(rig.key, PERSON)
        assert asked == []
        assert results(rig) == []

    told(tmp_path, story)


def test_not_where_nothing_is_written_or_nobody_could_take_it(tmp_path: Path) -> None:
    async def story(rig: Rig, agent: Agent, asked: list[ActionRequest]) -> None:
        site = agent.memory.sites["lab"]
        agent.memory.sites["lab"] = replace(site, policy=replace(site.policy, mode=Mode.OBSERVE))
        with pytest.raises(Refused, match="in mode observe"):
            await agent.release.give(rig.key, PERSON)
        agent.memory.sites["lab"] = site
        at = agent.memory.radios[rig.key]
        assert at.capabilities is not None
        at.capabilities = replace(at.capabilities, actions=frozenset({Action.RESTART}))
        agent.memory._post(rig.key)
        with pytest.raises(Refused, match="no RRM"):
            await agent.release.give(rig.key, PERSON)
        with pytest.raises(NotFound):
            await agent.release.give(RadioKey("lab/nobody/r5"), PERSON)
        assert asked == []

    told(tmp_path, story)
