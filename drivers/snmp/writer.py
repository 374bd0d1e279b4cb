"""SETs of one radio, one after the other; and what is put right when one of them fails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from drivers.errors import DriverError, Refused, TryAgain
from drivers.snmp.render import Command
from drivers.snmp.session import SnmpSession

FAILURES: Final = (Refused, TryAgain)
BACK_ON_AIR: Final = 3
"""Times that a radio which was switched off is told to come back, before somebody else must see to it."""


async def write(session: SnmpSession, device: str, commands: Sequence[Command]) -> None:
    """Each once, in order; what is refused after something was done leaves the radio in between."""
    for done, command in enumerate(commands):
        try:
            await session.set(command.assignments)
        except Refused as error:
            if not done:
                raise
            words = f"{command.text}: {error}, after {done} steps that were done"
            raise TryAgain(f"{device}: {words}") from error


async def take(
    session: SnmpSession, device: str, commands: Sequence[Command], back: Sequence[Command]
) -> None:
    """``back``: hands to the vendor's RRM what it held before. When a step fails, a radio that was taken is
    not kept for nothing. A first step that was refused took nothing."""
    try:
        await write(session, device, commands)
    except TryAgain as error:
        await _handed_back(session, device, back, error)
        raise


async def _handed_back(
    session: SnmpSession, device: str, back: Sequence[Command], because: DriverError
) -> None:
    for command in back:
        try:
            await session.set(command.assignments)
        except FAILURES as error:
            words = f"{because}; and {command.text} failed too: {error}"
            raise TryAgain(f"{device}: {words}; `rrmd release` hands the radio back") from error


async def restart(session: SnmpSession, device: str, commands: Sequence[Command]) -> None:
    """Off and on. The last step is sent again where one was lost: a radio must not stay off because of a
    datagram."""
    try:
        await write(session, device, commands[:-1])
    except TryAgain:  # it may be off
        await _brought_back(session, device, commands[-1])
        raise
    await _brought_back(session, device, commands[-1])


async def _brought_back(session: SnmpSession, device: str, on: Command) -> None:
    for left in reversed(range(BACK_ON_AIR)):
        try:
            await session.set(on.assignments)
        except FAILURES as error:
            if not left:
                raise TryAgain(f"{device}: the radio may be off the air: {on.text}: {error}") from error
        else:
            return
