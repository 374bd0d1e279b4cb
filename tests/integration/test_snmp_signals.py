"""A controller's traps over a real socket, through the driver, into the agent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pytest
from contract.snmp_case import APS, RADIO, RADIOS, ROW, Controller
from traps_rig import RADAR, THEIRS, Ear, ear, pdu, v2c, v3

from agent.agent import Agent
from agent.clock import SystemClock
from agent.lane import Lane
from agent.simulation import Simulation
from drivers.base import DeviceContext
from drivers.notifications import Notifications, Oid, Value
from drivers.signals import Gap, RadarDetected, Signal
from drivers.snmp.device import SnmpDevice
from drivers.snmp.options import checked
from drivers.transport.traps_queue import Outcome
from inventory.credentials import Secret
from inventory.model import DeviceConfig, Mode, Policy, Site

COMMUNITY = Secret("hush-hush")
USER = Secret("user: rrm\nauth_password: auth-password\npriv_password: priv-password\n")
CHANNEL = f"1.3.6.1.4.1.14179.2.2.2.1.4.{ROW}"
HEARD: Mapping[str, bytes | int | str] = {CHANNEL: 100}
CONFIG = DeviceConfig(id="wlc", driver="snmp", address="127.0.0.1")


class Polled(Controller):
    """On channel 100; counts how often it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.engine_id = THEIRS
        self.values = {**self.values, CHANNEL: 100}
        self.asked = 0

    async def get(self, oids: Collection[Oid]) -> Mapping[Oid, Value]:
        self.asked += 1
        return await super().get(list(oids))


def device(
    notifications: Notifications | None, secret: Secret | None, session: Controller | None = None
) -> SnmpDevice:
    context = DeviceContext(
        config=CONFIG,
        radios=RADIOS,
        aps=APS,
        secret=secret,
        clock=time.monotonic,
        notifications=notifications,
    )
    return SnmpDevice(context, checked({}), session or Polled())


async def heard(signals: AsyncIterator[Signal], into: list[Signal]) -> None:
    async for signal in signals:
        into.append(signal)


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not reached():  # noqa: ASYNC110  # what the agent has done has no event
            await asyncio.sleep(0.005)


# -- the driver ------------------------------------------------------------------------------------------


def test_a_device_without_a_listener_or_a_credential_pushes_nothing() -> None:
    async def story() -> None:
        async with ear() as mine:
            for quiet in (device(None, USER), device(mine.listener, None)):
                info = await quiet.open()
                assert not info.capabilities.signals
                assert [signal async for signal in quiet.signals()] == []
            assert (await device(mine.listener, USER).open()).capabilities.signals

    asyncio.run(story())


def test_a_trap_becomes_a_signal_until_the_device_is_closed() -> None:
    async def story() -> None:
        async with ear() as mine:
            wlc = device(mine.listener, USER)
            await wlc.open()
            said: list[Signal] = []
            listening = asyncio.create_task(heard(wlc.signals(), said))
            await until(lambda: bool(mine.listener.expected))
            mine.send(v3(pdu(values=HEARD)))
            await until(lambda: bool(said))
            (signal,) = said
            assert isinstance(signal, RadarDetected)
            assert (signal.radio, signal.mhz20, signal.authenticated) == (RADIO, frozenset({5500}), True)
            await wlc.close()
            async with asyncio.timeout(5):
                await listening
            assert not mine.listener.expected

    asyncio.run(story())


def test_a_second_stream_begins_with_a_gap_and_opening_anew_ends_the_first() -> None:
    async def story() -> None:
        async with ear() as mine:
            wlc = device(mine.listener, COMMUNITY)
            await wlc.open()
            first = asyncio.create_task(heard(wlc.signals(), []))
            await until(lambda: bool(mine.listener.expected))
            await wlc.open()
            async with asyncio.timeout(5):
                await first
            second = wlc.signals()
            assert isinstance(await anext(second), Gap)
            await wlc.close()

    asyncio.run(story())


def test_what_the_profile_does_not_know_does_not_reach_the_device() -> None:
    async def story() -> None:
        async with ear() as mine:
            wlc = device(mine.listener, COMMUNITY)
            await wlc.open()
            said: list[Signal] = []
            listening = asyncio.create_task(heard(wlc.signals(), said))
            await until(lambda: bool(mine.listener.expected))
            mine.send(v2c(pdu("1.3.6.1.4.1.14179.2.6.3.999")))
            await mine.counted(Outcome.NO_MEANING)
            await wlc.close()
            await listening
            assert said == []

    asyncio.run(story())


def test_a_flood_of_forged_radar_makes_the_agent_look_once_in_a_while() -> None:
    async def story() -> None:
        async with ear() as mine:
            wlc = device(mine.listener, COMMUNITY)
            await wlc.open()
            said: list[Signal] = []
            listening = asyncio.create_task(heard(wlc.signals(), said))
            await until(lambda: bool(mine.listener.expected))
            mine.send(*[v2c(pdu(values=HEARD))] * 50)
            await mine.counted(Outcome.TAKEN, 50)
            await until(lambda: bool(said))
            assert len(said) == 1
            await wlc.close()
            await listening

    asyncio.run(story())


# -- the agent -------------------------------------------------------------------------------------------

SITE = Site(
    id="north",
    country="US",
    timezone="UTC",
    policy=Policy(mode=Mode.OBSERVE, poll_s=60.0),
    devices=MappingProxyType({"wlc": CONFIG}),
    aps=MappingProxyType({ap.id: ap for ap in APS}),
)


@dataclass(slots=True, kw_only=True)
class Listening(Simulation):
    """An agent whose one device is a controller that traps."""

    wlc: SnmpDevice

    def _lane(self, site: Site, name: str) -> Lane:
        return Lane(name, self.wlc, write_s=site.policy.apply_timeout_s)


@asynccontextmanager
async def agent_of(directory: Path, mine: Ear, secret: Secret, session: Polled) -> AsyncIterator[Agent]:
    wlc = device(mine.listener, secret, session)
    simulation = Listening(directory=directory, site=SITE, clock=SystemClock(), wlc=wlc, jitter=lambda: 0.0)
    async with simulation.agent() as agent:
        await until(lambda: RADIO in agent.memory.radios and agent.memory.radios[RADIO].reading is not None)
        await until(lambda: bool(mine.listener.expected))
        yield agent


def barred(agent: Agent) -> set[int]:
    return {mhz for _, mhz, _ in agent.memory.nops}


def test_a_proven_radar_trap_bars_the_channel(tmp_path: Path) -> None:
    async def story() -> None:
        async with ear() as mine, agent_of(tmp_path, mine, USER, Polled()) as agent:
            mine.send(v3(pdu(values=HEARD)))
            await until(lambda: 5500 in barred(agent))

    asyncio.run(story())


def test_an_unproven_radar_trap_only_makes_the_agent_look(tmp_path: Path) -> None:
    async def story() -> None:
        session = Polled()
        async with ear() as mine, agent_of(tmp_path, mine, COMMUNITY, session) as agent:
            before = session.asked
            assert 5500 not in barred(agent)
            mine.send(v2c(pdu(values=HEARD)))
            await until(lambda: session.asked > before)
            await mine.counted(Outcome.TAKEN)
            assert 5500 not in barred(agent)

    asyncio.run(story())


@pytest.mark.parametrize("trap", [f"{RADAR.rpartition('.')[0]}.10", f"{RADAR.rpartition('.')[0]}.82"])
def test_a_forged_trap_moves_nothing(tmp_path: Path, trap: str) -> None:
    """Radio down, and radar cleared: with a community anybody can say that."""

    async def story() -> None:
        async with ear() as mine, agent_of(tmp_path, mine, COMMUNITY, Polled()) as agent:
            mine.send(v2c(pdu(trap, HEARD)))
            await mine.counted(Outcome.TAKEN)
            assert not agent.memory.radios[RADIO].signals
            assert 5500 not in barred(agent)

    asyncio.run(story())
