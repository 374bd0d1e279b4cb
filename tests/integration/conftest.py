"""The databases that a store may be, each test with a new one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.postgres import NEEDS_POSTGRES, POSTGRES, Server, postgres

from agent.store.store import Store


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One PostgreSQL for all tests that only need a database of their own."""
    if POSTGRES is None:
        pytest.skip(NEEDS_POSTGRES)
    with postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a database that is empty."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/rrmd.sqlite3"
    server: Server = request.getfixturevalue("server")
    return server.url(server.new_database())


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    one = Store(url)
    yield one
    one.close()
