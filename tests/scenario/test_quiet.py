"""A quiet day: people come, work and go. Nothing is changed, and hardly an event is raised."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

from agent import simulated_time
from agent.simulated_time import SimulatedClock
from agent.simulation import Simulation
from drivers.simulated import worlds
from drivers.simulated.campus import campus
from inventory.model import Mode, Policy

APS, HOURS = 3, 24.0
POLICY = Policy(mode=Mode.ACT, poll_s=120.0)


def test_a_quiet_day_passes_without_a_change(tmp_path: Path) -> None:
    made = campus(APS, 3, policy=POLICY, client_mbps=0.5, forgotten_ratio=0.0)

    async def day(clock: SimulatedClock) -> None:
        simulation = Simulation(directory=tmp_path, site=made.site, clock=clock)
        async with simulation.agent() as agent:
            await asyncio.sleep(HOURS * 3600)
            events = agent.ledger.store.events(made.site.id, None, 1000)
            assert agent.memory.changes == {}
            by_ap = Counter(event.radio.split("/")[1] if event.radio else "" for event in events)
            assert max(by_ap.values(), default=0) <= 1, [(e.key, dict(e.evidence)) for e in events]
        assert simulation.verified().intact

    with worlds.registered("campus", made.world):
        simulated_time.run(day)
