"""Stores of earlier releases: recognised, and brought up to date with all that is in them or left alone."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from integration.databases import Databases
from integration.stored import NOW, R1, change, planned, record, walk
from sqlalchemy import Connection, inspect

from agent.change import State, Trigger
from agent.moment import Deadline
from agent.store import schema, tables
from agent.store.database import Database
from agent.store.errors import SchemaTooNew, StoreUnavailable
from agent.store.rows import change_row, dumps
from agent.store.store import Store

OLD = Path(__file__).parent / "old_stores"
MIGRATIONS = Path(schema.__file__).parent / "migrations"
NUMBER = {"first": 1, "undo_timer": 2, "pauses": 2}
"""Releases before Alembic, and what each called its schema; two of them the same."""


def old_store(path: Path, release: str) -> str:
    """A file as that release left it: a change that is open, a pause, a record that waits."""
    ends = {"utc_us": NOW.utc_us, "boot_id": NOW.boot_id, "boottime_us": NOW.boottime_us}
    row = change_row(change(state=State.MONITORING, reason={"code": "gain"}))
    with sqlite3.connect(path) as raw:
        raw.executescript((OLD / f"{release}.sql").read_text())
        raw.execute("PRAGMA journal_mode=WAL")
        known = {column[1] for column in raw.execute("PRAGMA table_info(change)")}
        kept = {name: value for name, value in row.items() if name in known}
        raw.execute(
            f"INSERT INTO change ({', '.join(kept)}) VALUES ({', '.join('?' * len(kept))})",
            tuple(kept.values()),
        )
        raw.execute("INSERT INTO open_member VALUES (?, 'c1')", (R1,))
        until = dumps(ends) if release == "pauses" else NOW.utc_us
        actor = '{"type":"operator","uid":7,"name":"ola"}'
        raw.execute("INSERT INTO pause VALUES ('lab', ?, 5, ?)", (actor, until))
        raw.execute('INSERT INTO outbox VALUES (1, \'{"id":"r1"}\', NULL, NULL)')
        raw.execute("INSERT INTO meta VALUES ('schema_version', ?), ('audit_seq', '1')", (NUMBER[release],))
    raw.close()
    return f"sqlite:///{path}"


def made_by_steps(url: str, revision: str = schema.HEAD) -> None:
    """A store that Alembic made, without the tables as they are now."""
    database = Database(url)
    with database._write() as conn:
        config = Config(attributes={"connection": conn})
        config.set_main_option("script_location", str(MIGRATIONS))
        command.upgrade(config, revision)
    database.close()


def shape(conn: Connection) -> dict[str, tuple[list[str], list[str]]]:
    """Columns and indices of each table, as the database describes them."""
    known = inspect(conn)
    return {
        name: (
            sorted(f"{c['name']} {c['type']} {c['nullable']}" for c in known.get_columns(name)),
            sorted(words(index) for index in known.get_indexes(name)),
        )
        for name in known.get_table_names()
    }


def words(value: object) -> str:
    if isinstance(value, Mapping):
        return " ".join(f"{key}={words(value[key])}" for key in sorted(value))
    return str(value)


def shape_of(url: str) -> dict[str, tuple[list[str], list[str]]]:
    database = Database(url)
    with database._read() as conn:
        found = shape(conn)
    database.close()
    return found


@pytest.mark.parametrize("release", NUMBER)
def test_a_file_of_an_earlier_release_keeps_all_that_is_in_it(tmp_path: Path, release: str) -> None:
    store = Store(old_store(tmp_path / "s", release))
    one = change(state=State.MONITORING, reason={"code": "gain"})
    assert store.open_changes() == [one]
    (pause,) = store.pauses(NOW.plus(-1))
    assert (pause.scope, pause.actor.name) == ("lab", "ola")
    assert pause.until is not None
    assert pause.until.utc_us == NOW.utc_us
    assert [row.record for row in store.unwritten()] == [{"id": "r1"}]
    assert store.append([record()]) == 2
    assert store.deeds() == {}
    after = store.transition(one, Trigger.UNDONE, records=[], undo_until=Deadline.after(NOW, 9))
    assert store.change("c1") == after
    with store._read() as conn:
        assert compare_metadata(MigrationContext.configure(conn), tables.metadata) == []
    store.close()
    Store(f"sqlite:///{tmp_path}/s").close()


def test_an_earlier_release_refuses_what_was_brought_up_to_date(tmp_path: Path) -> None:
    store = Store(old_store(tmp_path / "s", "pauses"))
    assert int(store.get_meta("schema_version") or 0) > 2
    store.close()
    store = Store(f"sqlite:///{tmp_path}/new")
    assert int(store.get_meta("schema_version") or 0) > 2
    store.close()


def test_a_file_before_alembic_that_is_newer_is_refused(tmp_path: Path) -> None:
    url = old_store(tmp_path / "s", "pauses")
    with sqlite3.connect(tmp_path / "s") as raw:
        raw.execute("UPDATE meta SET value = '3' WHERE key = 'schema_version'")
    raw.close()
    with pytest.raises(SchemaTooNew, match="schema 3, written by a newer rrmd"):
        Store(url)


def test_a_newer_schema_is_refused_and_not_touched(store: Store, url: str) -> None:
    with store._write() as conn:
        conn.exec_driver_sql("UPDATE alembic_version SET version_num = '0099'")
    with pytest.raises(SchemaTooNew, match="schema 0099, written by a newer rrmd; this one knows"):
        Store(url)
    with store._read() as conn:
        assert conn.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one() == "0099"


def test_the_steps_lead_to_the_tables_as_they_are(databases: Databases) -> None:
    made_by_steps(databases.url("steps"))
    Store(databases.url("new")).close()
    assert shape_of(databases.url("steps")) == shape_of(databases.url("new"))
    database = Database(databases.url("steps"))
    with database._read() as conn:
        assert compare_metadata(MigrationContext.configure(conn), tables.metadata) == []
    database.close()


def test_the_newest_step_is_the_one_that_a_new_store_claims() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [schema.HEAD]
    assert [step.revision for step in script.walk_revisions()] == ["0005", "0004", "0003", "0002", "0001"]


def test_a_step_that_fails_leaves_the_schema_and_the_rows_as_they_were(databases: Databases) -> None:
    url = databases.url("old")
    made_by_steps(url, "0001")
    database = Database(url)
    with database._write() as conn:
        conn.exec_driver_sql("INSERT INTO pause VALUES ('lab', '{\"type\":\"agent\"}', 5, 6)")
        conn.exec_driver_sql("CREATE INDEX ix_change_undo_of ON nop (until_utc)")  # the last step stumbles
    before = shape_of(url)
    with pytest.raises(StoreUnavailable, match="ix_change_undo_of"):
        Store(url)
    assert shape_of(url) == before
    with database._write() as conn:
        assert conn.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one() == "0001"
        conn.exec_driver_sql("DROP INDEX ix_change_undo_of")
    database.close()
    store = Store(url)
    walk(store, planned(store), Trigger.START)
    assert store.pauses(NOW) == []
    assert [pause.scope for pause in store.pauses(NOW.plus(-1e12))] == ["lab"]
    store.close()


def test_a_store_that_is_up_to_date_costs_no_alembic(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s"
    opened = f"import sys; from agent.store.store import Store; Store({url!r}).close()"
    for _ in ("new", "known"):
        check = f"{opened}; print('alembic' in sys.modules)"
        done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
        assert done.stdout == "False\n"
