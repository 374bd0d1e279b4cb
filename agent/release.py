"""Handing a radio back to the vendor's own RRM, because a person says so. It has no undo."""

from __future__ import annotations

import structlog

from agent.api.errors import NotFound, Refused
from agent.change import Actor
from agent.clock import Clock
from agent.fleet import Fleet
from agent.lane import Lane, Withheld
from agent.ledger import Ledger
from agent.memory import Memory
from drivers.errors import DriverError
from drivers.types import Action, ActionRequest
from inventory.model import RadioKey, site_of

log = structlog.get_logger()


class Release:
    """The operation ``release``. What is asked is on disk before it is done."""

    def __init__(self, memory: Memory, ledger: Ledger, clock: Clock, fleet: Fleet) -> None:
        self._memory = memory
        self._ledger = ledger
        self._clock = clock
        self._fleet = fleet

    async def give(self, key: RadioKey, actor: Actor) -> None:
        """The vendor's RRM may move the radio from now on. Raises NotFound, Refused."""
        if why := self._against(key):
            raise Refused(why)
        await self._note(key, "doing", actor)
        request = ActionRequest(action=Action.RELEASE, radio=key)
        try:
            await self._lane_of(key).act(request, lambda: self._against(key))
        except Withheld as error:
            await self._note(key, "withheld", actor)
            raise Refused(str(error)) from error
        except DriverError as error:
            log.warning("radio.release_failed", radio=key, error=str(error))
            await self._note(key, "failed", actor)
            raise Refused(f"{key} was not handed back: {error}") from error
        await self._note(key, "done", actor)
        log.info("radio.released", radio=key, actor=actor.name)

    def _against(self, key: RadioKey) -> str | None:
        """Why it is not done, for a person; None: nothing is against it. Raises NotFound."""
        site = self._memory.sites.get(site_of(key))
        if site is None or key not in site.radios:
            raise NotFound(f"no radio {key}: see `rrmd status`")
        if self._memory.observing:
            return f"nothing is written now: {self._memory.observing}"
        if why := self._ledger.unleased(site.id, site.policy.apply_timeout_s):
            return f"nothing is written now: {self._memory.standby.get(site.id, why)}"
        if not site.policy.mode.writes:
            return f"site {site.id} is in mode {site.policy.mode}: nothing is written there"
        view = self._memory.view(site, self._clock.now())
        able = view.radios[key].capabilities
        if able is None or Action.RELEASE not in able.actions:
            return f"{key} has no RRM of its vendor's to be handed to, or has not been reached yet"
        if open_one := next((c for c in view.changes if not c.final and key in c.radios), None):
            return f"{key} has an open change, {open_one.id}: roll it back first, or wait for its end"
        return None

    def _lane_of(self, key: RadioKey) -> Lane:
        site = self._memory.sites[site_of(key)]
        return self._fleet.lane(site.id, site.device_of(key).id)

    async def _note(self, key: RadioKey, result: str, actor: Actor) -> None:
        entry = self._ledger.record(
            "operator", "radio.release", site_of(key), radio=key, actor=actor, result=result
        )
        await self._ledger.note(entry)
