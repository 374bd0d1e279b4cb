"""Opens the daemon's ear for SNMP notifications, where there is one: docs/traps.md."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import structlog

from agent.audit_key import Key, derive
from agent.clock import Clock
from agent.listen_fds import passed_sockets
from agent.settings import Settings
from drivers.transport.traps import TrapListener
from drivers.transport.traps_socket import TrapsUnusable, enlarge, listening
from drivers.transport.traps_usm import Engine

log = structlog.get_logger()

FD_NAME: Final = "rrmd-traps"
"""FileDescriptorName= of systemd/rrmd-traps.socket."""

_FORMAT: Final = b"\x80\0\0\0\x05"  # RFC 3411: of no enterprise, octets that the administrator chose
_ID_OCTETS: Final = 12
_BOOTS_SINCE_S: Final = 1_735_689_600  # 2025-01-01


def engine_of(key: Key, clock: Clock) -> Engine:
    """Who we are to senders of SNMPv3 informs: always the same, with boots that rise from start to start.

    Boots are the seconds from 2025 to this start, so nothing has to be stored; they last until 2093.
    """
    now = clock.now()
    boots = max(1, now.utc_us // 1_000_000 - _BOOTS_SINCE_S)
    return Engine(_FORMAT + derive(key, "snmp-engine")[:_ID_OCTETS], boots, now.monotonic_s)


@asynccontextmanager
async def trap_listener(
    settings: Settings, key: Key, clock: Clock, trouble: Callable[[str], None]
) -> AsyncIterator[TrapListener | None]:
    """Listening as long as this lasts; None: nobody was told to, or it can't be, which ``trouble`` hears."""
    sockets = _sockets(settings, trouble)
    if not sockets:
        yield None
        return
    listener = TrapListener(sockets, engine_of(key, clock), clock.monotonic)
    listener.start()
    log.info("traps.listening", addresses=listener.addresses)
    try:
        yield listener
    finally:
        await listener.close()


def _sockets(settings: Settings, trouble: Callable[[str], None]) -> list[socket.socket]:
    """Those of the service manager, and that of the setting."""
    found = passed_sockets(FD_NAME)
    for each in found:
        enlarge(each)
    if settings.traps is not None:
        try:
            found += listening(*settings.traps)
        except TrapsUnusable as error:  # no reason to leave radar alone: polls still tell of it
            trouble(f"no SNMP traps: {error}")
    return found
