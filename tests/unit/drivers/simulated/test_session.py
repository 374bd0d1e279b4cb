"""A management session with a simulated device."""

from __future__ import annotations

import asyncio
import gc
import weakref
from functools import partial

from drivers.simulated.session import Session
from drivers.simulated.world import World


def test_one_that_has_ended_is_not_left_to_the_collector_of_cycles() -> None:
    """A device that comes and goes would leave some each day, and the collector looks seldom."""

    async def story() -> weakref.ref[Session]:
        session = Session()
        session.unwatch = World(1, "US").watch(partial(_heard, session))
        session.end()
        return weakref.ref(session)

    gc.disable()
    try:
        assert asyncio.run(story())() is None
    finally:
        gc.enable()


def _heard(session: Session, *_: object) -> None:
    session.signals.put_nowait(None)
