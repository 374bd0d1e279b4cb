"""Restarts of the agent's own that nobody knows the end of: the radio may be off because of one.

Kept in the store before anything is sent, so that a daemon that dies half-way knows it as well.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from agent.clock import Clock
from agent.ledger import LOST_DISK, Ledger
from agent.memory import Memory
from drivers.types import Action, ActionRequest, RadioState
from inventory.model import RadioKey

KEPT_AS: Final = "restarts_in_doubt"


class Doubts:
    """Of all radios; what is known is in the memory."""

    def __init__(self, memory: Memory, ledger: Ledger, clock: Clock) -> None:
        self._memory = memory
        self._ledger = ledger
        self._clock = clock

    async def recover(self) -> None:
        """What the store knows from before this start."""
        text = await self._ledger.call(self._ledger.store.get_meta, KEPT_AS)
        self._memory.in_doubt = {RadioKey(key): -math.inf for key in json.loads(text or "[]")}

    async def begin(self, request: ActionRequest) -> None:
        """Nobody knows from now on whether this restart leaves the radio off."""
        if request.action is Action.RESTART:
            self._memory.in_doubt[request.radio] = math.inf  # what is read meanwhile does not say
            await self._keep()

    def doubt(self, request: ActionRequest) -> bool:
        """It ended so that nobody knows what was done; False for an action that leaves no radio off."""
        if request.action is not Action.RESTART:
            return False
        self._memory.in_doubt[request.radio] = self._clock.monotonic()
        return True

    async def settle(self, request: ActionRequest, *, doubtful: bool = False) -> None:
        """It was done, or nothing was: as ``doubtful`` as it was before."""
        if doubtful:
            self.doubt(request)
        elif request.action is Action.RESTART and self._memory.in_doubt.pop(request.radio, None) is not None:
            await self._keep()

    async def seen(self, keys: Iterable[RadioKey]) -> None:
        """Who is on air again after it is off by somebody else's hand the next time."""
        over = [key for key in keys if key in self._memory.in_doubt and self._is_back(key)]
        for key in over:
            del self._memory.in_doubt[key]
        if over:
            with suppress(*LOST_DISK):  # what is on it says too much: it is seen again after a restart
                await self._keep()

    def _is_back(self, key: RadioKey) -> bool:
        reading = self._memory.radios[key].reading
        since_s = self._memory.in_doubt[key]
        return (
            reading is not None
            and reading.state is RadioState.ON_AIR
            and reading.at_s - reading.fresh_s > since_s
        )

    async def _keep(self) -> None:
        text = json.dumps(sorted(self._memory.in_doubt))
        await self._ledger.call(self._ledger.store.set_meta, KEPT_AS, text)
