"""A real agent that is polled and traps: the engine that was polled is the one that is believed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from integration.snmpd import (
    AUTH_PASSWORD,
    ENGINE_ID,
    NEEDS_SNMPD,
    OBJECT_ID,
    PRIV_PASSWORD,
    SNMPD,
    login,
    snmpd,
    target,
)
from traps_rig import ear, sender

from drivers.transport.snmp import snmp_session
from drivers.transport.traps_queue import Outcome

pytestmark = pytest.mark.skipif(SNMPD is None, reason=NEEDS_SNMPD)
COLD_START = "1.3.6.1.6.3.1.1.5.1"
WORDS = f'-a SHA-256 -A "{AUTH_PASSWORD}" -x AES -X "{PRIV_PASSWORD}"'


def traps_to(port: int, kind: str = "") -> str:
    return f"trapsess -v 3 {kind} -u strong -l authPriv {WORDS} 127.0.0.1:{port}\n"


@pytest.mark.parametrize("kind", ["", "-Ci"], ids=["trap", "inform"])
def test_the_engine_that_is_polled_is_the_one_that_traps(tmp_path: Path, kind: str) -> None:
    async def story() -> None:
        async with ear(sender(login("strong"), engine_id=ENGINE_ID)) as mine:
            server = snmpd(tmp_path, more=traps_to(mine.port, kind))
            port = await asyncio.to_thread(server.__enter__)
            try:
                heard = await mine.next()
                assert (heard.trap, heard.authenticated) == (COLD_START, True)
                session = snmp_session(target(port, login("strong")))
                await session.open()
                await session.get([OBJECT_ID])
                assert session.engine_id == ENGINE_ID
                await session.close()
            finally:
                server.__exit__(None, None, None)

    asyncio.run(story())


def test_before_it_was_polled_it_is_not_believed(tmp_path: Path) -> None:
    async def story() -> None:
        async with ear(sender(login("strong"), engine_id=None)) as mine:
            server = snmpd(tmp_path, more=traps_to(mine.port))
            await asyncio.to_thread(server.__enter__)
            try:
                await mine.counted(Outcome.UNKNOWN_ENGINE)
                assert mine.heard.empty()
            finally:
                server.__exit__(None, None, None)

    asyncio.run(story())
