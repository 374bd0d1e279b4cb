"""What the store asks of PostgreSQL: synced commits, limits on every call, a server that may go away."""

from __future__ import annotations

import sys
from collections.abc import Callable

import psycopg
import pytest
from integration.postgres import PASSWORD, Server
from integration.stalling_proxy import proxied
from integration.stored import record, seqs

from agent.store import postgresql
from agent.store.errors import StoreUnavailable, StoreUrlWrong
from agent.store.store import Store


@pytest.fixture
def url(server: Server) -> str:
    return server.url(server.new_database())


def setting(store: Store, name: str, *, mark: bool = False) -> str:
    with store._mark() if mark else store._write() as conn:
        return str(conn.exec_driver_sql(f"SHOW {name}").scalar_one())


def step(store: Store, *parts: str | Callable[[], None]) -> None:
    """One transaction: statements, and what happens between them."""
    with store._write() as conn:
        for part in parts:
            if isinstance(part, str):
                conn.exec_driver_sql(part)
            else:
                part()


def test_a_commit_is_synced_whatever_the_servers_default(server: Server) -> None:
    name = server.new_database()
    server.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    store = Store(server.url(name))
    assert setting(store, "synchronous_commit") == "on"
    assert setting(store, "synchronous_commit", mark=True) == "off"
    assert setting(store, "synchronous_commit") == "on"
    store.close()


def test_every_call_has_its_limits(store: Store) -> None:
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    assert [setting(store, name) for name in names] == ["10s", "5s", "30s"]
    assert setting(store, "transaction_isolation") == "read committed"
    assert setting(store, "application_name") == "rrmd"


@pytest.mark.parametrize("limit", ["lock_timeout", "statement_timeout"])
def test_a_lock_held_too_long_is_unavailable(server: Server, url: str, limit: str) -> None:
    waiting = Store(f"{url}?options=-c%20{limit}%3D50")
    with psycopg.connect(url.replace("+psycopg", "")) as other:
        other.execute(f"SELECT pg_advisory_xact_lock({postgresql.ONE_WRITER})")
        with pytest.raises(StoreUnavailable, match="timeout"):
            waiting.append([record()])
    assert waiting.append([record()]) == 1
    waiting.close()


@pytest.mark.parametrize("state", ["40001", "40P01", "57014", "53100"])
def test_what_the_server_gives_up_is_unavailable_and_changes_nothing(store: Store, state: str) -> None:
    """A serialization failure, a deadlock, a cancelled statement, a full disk."""
    gives_up = f"DO $$ BEGIN RAISE 'given up' USING ERRCODE = '{state}'; END $$"
    with pytest.raises(StoreUnavailable, match="given up"):
        step(store, "INSERT INTO meta VALUES ('a', 'b')", gives_up)
    assert store.get_meta("a") is None


def test_an_idle_connection_that_was_ended_costs_nothing(server: Server, store: Store) -> None:
    store.append([record()])
    ended = server.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name='rrmd'"
    )
    assert ended
    assert store.append([record()]) == 2


def test_a_session_ended_in_the_middle_of_a_step_leaves_nothing_of_it(server: Server, store: Store) -> None:
    def ended() -> None:
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state LIKE 'idle in%'")

    with pytest.raises(StoreUnavailable):
        step(store, "INSERT INTO meta VALUES ('a', 'b')", ended, "INSERT INTO meta VALUES ('c', 'd')")
    assert store.get_meta("a") is None
    assert seqs(store) == []


def test_a_way_that_stands_still_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "ANSWER_S", 0.3)
    monkeypatch.setitem(postgresql._CLIENT, "connect_timeout", 2)
    with proxied(server.port) as proxy:
        store = Store(server.url(server.new_database(), port=proxy.port))
        with pytest.raises(StoreUnavailable, match="no answer"):
            step(store, proxy.stand_still, "SELECT 1")
        with pytest.raises(StoreUnavailable, match="timeout"):
            store.append([record()])
        with pytest.raises(StoreUnavailable, match="a moment ago"):
            store.append([record()])
        proxy.mend()
        monkeypatch.setattr(postgresql, "AGAIN_S", 0.0)
        assert store.append([record()]) == 1
        store.close()


def test_a_wrong_password_is_not_repeated(url: str) -> None:
    with pytest.raises(StoreUnavailable, match="password authentication failed") as caught:
        Store(url.replace(PASSWORD, "pa55word"))
    assert "pa55word" not in str(caught.value)
    chain = [caught.value.__cause__, caught.value.__context__]
    assert not any("pa55word" in repr(each) for each in chain)


def test_without_its_driver_the_message_says_what_to_install(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("agent.store.postgresql")
    monkeypatch.delitem(sys.modules, "agent.store.postgresql")
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreUrlWrong, match=r"pip install 'rrmd\[postgresql\]'"):
        Store(url)


def test_the_usual_name_of_the_database_is_understood(server: Server) -> None:
    store = Store(server.url(server.new_database()).replace("+psycopg", ""))
    assert store.append([record()]) == 1
    store.close()
