"""One change of a datastore as NETCONF means it: locked, compared, edited, committed; undone by the device
itself unless it is confirmed, where that is offered (RFC 6241 7, 8.3, 8.4)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import tostring

from drivers.errors import Conflict, DriverError, NeverAgain, Refused, TryAgain
from drivers.netconf import render
from drivers.netconf.link import Link
from drivers.netconf.parse_hello import Offers
from drivers.netconf.parse_reply import Busy, Locked

_STORES: Final = ("running", "candidate")
_DIRTY: Final = (
    "the candidate holds changes that a client has neither committed nor discarded; a person must do either"
)
UNDO_S: Final = (15.0, 24 * 3600.0)  # confirm-timeout is any number of seconds; this leaves time to look


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """``persist``: the name under which the commit is confirmed or cancelled, from any session."""

    persist: str
    after_s: float


class Transactions:
    """Of one session; what it offers says how."""

    def __init__(self, link: Link, offers: Offers) -> None:
        self._link = link
        self._offers = offers

    async def change(self, config: str, check: Callable[[], Awaitable[None]], undo: Undo | None) -> None:
        """Write it once. ``check`` reads the device and raises Conflict: it runs within the lock, so that
        nobody can write between the comparison and the edit.

        Raises Locked (a TryAgain that names the holder; nothing was sent), Conflict (another commit waits;
        nothing was sent), Refused (nothing was done), TryAgain (may have been done).
        """
        async with self._locked():
            await check()
            if not self._offers.candidate:
                await self._edit("running", config)
                return
            try:
                await self._edit("candidate", config)
                # A commit validates; and after a `validate` netconfd 2.13 says ok and commits nothing.
                await self._commit(undo, check)
            except DriverError:
                with suppress(DriverError):  # what went wrong first is what counts
                    await self._link.ask(render.discard_changes())
                raise

    async def confirm(self, persist: str) -> None:
        """Keep the change. A commit takes along what another client left in the candidate, and no lock is
        given while a commit waits: so both are compared before.

        Raises NotPending (it was undone, or confirmed already), TryAgain (the candidate has other changes).
        """
        stores = [await self._link.data(render.get_config(each), tostring) for each in _STORES]
        if stores[0] != stores[1]:
            raise TryAgain("the candidate holds changes of another client, which a commit would take along")
        await self._link.ask(render.confirming_commit(persist))
        await self.keep()

    async def keep(self) -> None:
        """Make what is running outlive a restart, where it does not by itself. Raises TryAgain: it runs, and
        is not kept."""
        if self._offers.startup:
            try:
                await self._link.ask(render.copy_config("running", "startup"))
            except NeverAgain as error:
                raise TryAgain(f"what runs was not copied to startup: {error}") from error

    async def cancel(self, persist: str) -> None:
        """Let the device go back now. Raises NotPending."""
        await self._link.ask(render.cancel_commit(persist))

    async def _edit(self, target: str, config: str) -> None:
        await self._link.ask(
            render.edit_config(target, config, rollback_on_error=self._offers.rollback_on_error)
        )

    async def _commit(self, undo: Undo | None, check: Callable[[], Awaitable[None]]) -> None:
        if undo is None:
            await self._link.ask(render.commit())
            return
        try:
            await self._link.ask(render.confirmed_commit(undo.persist, round(undo.after_s)))
        except NeverAgain as error:
            await self._taken_back(undo.persist, check, error)
            raise

    async def _taken_back(
        self, persist: str, check: Callable[[], Awaitable[None]], error: NeverAgain
    ) -> None:
        """A refused commit may have been half done: cancelled, and read back. Raises TryAgain unless the
        device is as it was."""
        with suppress(Refused):  # the usual case: nothing of it waits
            await self.cancel(persist)
        try:
            await check()
        except NeverAgain as now:
            raise TryAgain(f"{error}; the device is not as it was: {now}") from error

    async def _lock(self, store: str) -> None:
        """Raises Locked; Conflict where another commit waits for its confirmation, Refused where a candidate
        is not clean: those don't pass by themselves, and nothing was sent."""
        try:
            await self._link.ask(render.lock(store))
        except Locked as error:
            if store == "candidate" and error.holder in (None, "0"):
                raise Refused(f"{_DIRTY}: {error}") from error
            raise
        except Busy as error:
            if error.tag == "in-use":
                raise Conflict(f"another commit waits for its confirmation: {error}") from error
            if store == "candidate":
                raise Refused(f"{_DIRTY}: {error}") from error
            raise

    @asynccontextmanager
    async def _locked(self) -> AsyncIterator[None]:
        """Running too: whoever edits it directly would not see the candidate's lock."""
        stores = _STORES if self._offers.candidate else _STORES[:1]
        held: list[str] = []
        try:
            for store in stores:
                await self._lock(store)
                held.append(store)
            yield
        finally:
            for store in reversed(held):
                with suppress(DriverError):  # the session's end unlocks as well
                    await self._link.ask(render.unlock(store))
