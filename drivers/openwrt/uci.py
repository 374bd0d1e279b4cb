"""UCI written through rpcd: staged in a session of its own, applied with rollback, confirmed from there.

rpcd holds one pending apply per AP. A plain apply, by anyone, answers 0, applies nothing and deletes what the
rollback would restore; so rrmd never sends one. After a rollback the old delta lies in its session again, and
`uci get` there answers the new value: what the AP has is therefore asked in another session.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from drivers.errors import Conflict, DriverError, Refused, TryAgain
from drivers.openwrt import render
from drivers.openwrt.render import CONFIG, UciValue
from drivers.openwrt.ubus import AccessDenied, Call, Status, StatusRefused, Ubus


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Options of one section: to set, and to delete."""

    section: str
    values: Mapping[str, UciValue]
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pending:
    """An apply that waits for its confirmation. ``session``: the only one that may confirm it; ``logins``:
    of it when it was applied: after another login it is another session."""

    session: Ubus
    logins: int
    change: Change
    until_s: float


class Uci:
    """Writes to one AP, one at a time. ``clock``-free: times are arguments."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._numbers = itertools.count(1)
        self._pending: dict[str, _Pending] = {}

    async def apply(self, ubus: Ubus, change: Change, undo_after_s: float | None, now_s: float) -> str:
        """Write it and let the AP reload. The handle to confirm or cancel with; empty without an undo.

        Raises Conflict when another apply waits for its confirmation, Refused (nothing done), TryAgain.
        """
        session = ubus.beside()  # first: were `ubus` closed while we wait, this one can't be opened any more
        await self._forget_old(now_s)
        if self._pending:
            raise Conflict(f"{self._name}: an apply of this session still waits for its confirmation")
        await session.open()
        try:
            timeout_s = render.APPLY_S if undo_after_s is None else round(undo_after_s)
            await self._apply(session, change, timeout_s)
            pending = _Pending(
                session=session, logins=session.logins, change=change, until_s=now_s + timeout_s
            )
            if undo_after_s is not None and await self._is_armed(ubus):
                handle = f"uci-{next(self._numbers)}"
                self._pending[handle] = pending
                return handle
            await self._confirm(ubus, pending)
        except BaseException:
            await session.close()
            raise
        await session.close()
        return ""

    async def _apply(self, session: Ubus, change: Change, timeout_s: int) -> None:
        staged: set[int] = set()  # sessions by number: what an expired one held is lost
        if change.values:
            await self._sent(session, render.uci_set(change.section, change.values))
            staged.add(session.logins)
        if change.removed:
            await self._sent(session, render.uci_delete(change.section, change.removed))
            staged.add(session.logins)
        if len(staged) > 1:
            raise Refused(f"{self._name}: the session ended while it was staging; nothing was applied")
        try:
            await self._sent(session, render.uci_apply(timeout_s))
        except StatusRefused as error:
            with suppress(DriverError):  # what was staged goes with the session
                await self._sent(session, render.UCI_REVERT)
            if error.status == Status.PERMISSION_DENIED:
                raise Conflict(f"{self._name}: somebody's apply waits for its confirmation") from error
            raise

    async def confirm(self, ubus: Ubus, handle: str) -> None:
        """Keep what was applied. Raises Refused where the AP has gone back, or will."""
        pending = self._taken(handle)
        try:
            await pending.session.resume()
            await self._confirm(ubus, pending)
        finally:
            await pending.session.close()

    async def cancel(self, ubus: Ubus, handle: str) -> None:
        """Go back now. Raises Refused where the AP no longer has what to go back to."""
        pending = self._taken(handle)
        try:
            await pending.session.resume()
            await self._cancel(ubus, pending)
        finally:
            await pending.session.close()

    async def _confirm(self, ubus: Ubus, pending: _Pending) -> None:
        """Whatever was answered, another session says what the AP has."""
        why = "confirmed"
        try:
            await self._sent(pending.session, render.UCI_CONFIRM)
        except (StatusRefused, AccessDenied) as error:
            await self._reverted(pending)
            if not isinstance(error, StatusRefused) or error.status != Status.NO_DATA:
                words = "the session that applied has expired" if self._expired(pending) else str(error)
                raise Refused(f"{self._name}: not confirmed, the AP goes back: {words}") from error
            why = "nothing waited for a confirmation any more"
        if not await self._has(ubus, pending.change):
            raise Refused(f"{self._name}: {why}, but the AP has other values")

    async def _cancel(self, ubus: Ubus, pending: _Pending) -> None:
        refused: DriverError | None = None
        try:
            await self._sent(pending.session, render.UCI_ROLLBACK)
        except (StatusRefused, AccessDenied) as error:
            refused = error
        await self._reverted(pending)  # first: `ubus` may have been given the very session that applied
        if not await self._has(ubus, pending.change):
            return
        if refused is not None:
            raise Refused(f"{self._name}: no rollback: {refused}") from refused
        raise TryAgain(f"{self._name}: rolled back, but the AP still has the new values")

    async def _is_armed(self, ubus: Ubus) -> bool:
        """Whether the AP would go back: while an apply is pending another with rollback is refused with 6,
        whatever session asks; where somebody's plain apply has removed it, there is nothing to apply (5). A
        confirmation would ask the same, but be one: rpcd gives the session that applied to who logs in."""
        try:
            await self._sent(ubus, render.uci_apply(render.APPLY_S))
        except StatusRefused as error:
            return error.status != Status.NO_DATA
        except AccessDenied:
            return True  # it can't be asked; the apply was answered with 0
        raise TryAgain(f"{self._name}: somebody staged in this session: it was applied, and will go back")

    async def _has(self, ubus: Ubus, change: Change) -> bool:
        """Whether the AP's own file says so, asked in a session that staged nothing."""
        said = await ubus.call("uci", "get", {"config": CONFIG, "section": change.section})
        values = said.get("values")
        if not isinstance(values, Mapping):
            raise TryAgain(f"{self._name}: uci get {change.section} told nothing")
        kept = (values.get(name) == _as_told(value) for name, value in change.values.items())
        return all(kept) and not any(name in values for name in change.removed)

    async def _reverted(self, pending: _Pending) -> None:
        """What a rollback puts back into the session must not be applied with the next change."""
        with suppress(DriverError):  # expired with the session, then
            await self._sent(pending.session, render.UCI_REVERT)

    async def _sent(self, session: Ubus, call: Call) -> Mapping[str, object]:
        return await session.call(call.object, call.method, call.args)

    def _taken(self, handle: str) -> _Pending:
        pending = self._pending.pop(handle, None)
        if pending is None:
            raise Refused(
                f"{self._name}: nothing waits under {handle!r}; an apply that nobody confirms is undone"
            )
        return pending

    @staticmethod
    def _expired(pending: _Pending) -> bool:
        return pending.session.logins != pending.logins

    async def _forget_old(self, now_s: float) -> None:
        """Those that the AP has long taken back."""
        for handle, pending in list(self._pending.items()):
            if now_s > pending.until_s:
                del self._pending[handle]
                await self._reverted(pending)
                await pending.session.close()


def _as_told(value: UciValue) -> object:
    return value if isinstance(value, str) else list(value)
