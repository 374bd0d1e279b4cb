"""The databases that a store may be, each test with new ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.databases import Databases, PostgresDatabases, SqliteDatabases
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
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> Databases:
    if request.param == "sqlite":
        return SqliteDatabases(tmp_path)
    return PostgresDatabases(request.getfixturevalue("server"))


@pytest.fixture
def url(databases: Databases) -> str:
    """Of a database that is empty."""
    return databases.url("rrmd.sqlite3")


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    one = Store(url)
    yield one
    one.close()
