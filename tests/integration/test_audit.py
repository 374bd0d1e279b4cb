"""The audit log on a real disk: crashes, full disks, torn lines, keys, and what is read back."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import shutil
import stat
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from integration.databases import Databases, SqliteDatabases

from agent import audit_place
from agent.audit import AuditLog, AuditUnavailable
from agent.audit_chain import Kind, Report
from agent.audit_files import Filter, export, files, query, verify_directory
from agent.audit_key import Key, KeyRefused, derive, load_or_create_key, mac_keys
from agent.moment import Moment
from agent.store.meta import set_text
from agent.store.store import Store

DAY = 86_400_000_000
NOON = 1_767_268_800_000_000  # 2026-01-01 12:00 UTC
KEY = Key(secret=bytes(range(32)))
OTHER = Key(secret=bytes(range(1, 33)))
FIRST, SECOND = "audit_20260101.jsonl", "audit_20260102.jsonl"


class StoppedClock:
    def now(self) -> Moment:
        return Moment(monotonic_s=1.0, utc_us=NOON, boot_id="boot", boottime_us=1)

    def monotonic(self) -> float:
        return 1.0


def record(number: int, utc: int = NOON, **more: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "v": 1,
        "id": f"r{number}",
        "utc": utc,
        "site": "north",
        "kind": "transition",
        "ap": "pseudo-ap",
        "radio": "pseudo-radio",
        "event_id": None,
        "change_id": f"c{number % 2}",
        "members": ["pseudo-radio"],
        "new": {"channel": 11},
        "result": "ok",
    }
    return {**values, **more}


class Bench:
    """A store, its log, and a way to start both anew as after a crash."""

    def __init__(self, root: Path, databases: Databases) -> None:
        self.databases = databases
        self.directory = root / "log"
        self.directory.mkdir()
        self.start()

    def start(self, key: Key = KEY, url: str = "s") -> None:
        self.store = Store(self.databases.url(url))
        self.log = AuditLog(self.directory, self.store, key, clock=StoppedClock())

    def restart(self, **how: Any) -> tuple[Kind, ...]:
        self.store.close()
        self.start(**how)
        return tuple(one.kind for one in self.log.recover())

    def write(self, *records: dict[str, Any]) -> None:
        self.store.append(records)
        self.log.flush()

    def verify(self) -> Report:
        return verify_directory(self.directory, mac_keys(KEY), self.store.audit_head())

    def kinds(self) -> list[str]:
        return [one.kind.value for one in self.verify().findings]

    def ids(self) -> list[str]:
        return [one["id"] for one in query(self.directory)]

    def reasons(self) -> list[str]:
        return [one["reason"]["code"] for one in query(self.directory, Filter(kind="system"))]

    def path(self, name: str = FIRST) -> Path:
        return self.directory / name


@pytest.fixture
def bench(tmp_path: Path, databases: Databases) -> Iterator[Bench]:
    one = Bench(tmp_path, databases)
    yield one
    one.store.close()


# Two agents, one log


def test_two_writers_of_one_log_take_turns(bench: Bench) -> None:
    other = Store(bench.databases.url("s"))
    logs = [(bench.store, bench.log), (other, AuditLog(bench.directory, other, KEY, clock=StoppedClock()))]
    failed: list[Exception] = []

    def writes(first: int, store: Store, log: AuditLog) -> None:
        try:
            for number in range(first, first + 100, 2):
                store.append([record(number)])
                log.flush()
        except Exception as error:  # it belongs to the test, not to the thread
            failed.append(error)

    threads = [threading.Thread(target=writes, args=(n, *each)) for n, each in enumerate(logs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert not failed
    assert bench.verify().intact
    assert sorted(bench.ids()) == sorted(f"r{number}" for number in range(100))


def test_a_log_that_another_writer_does_not_let_go_is_unavailable(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_place, "LOCK_S", 0.0)
    bench.store.append([record(1)])
    with audit_place.writing_alone(bench.directory), pytest.raises(AuditUnavailable, match="another process"):
        bench.log.flush()
    assert bench.log.flush() == 1


# Writing


def test_a_flush_writes_everything_waiting_once_and_in_order(bench: Bench) -> None:
    bench.store.append([record(number) for number in range(2500)])
    assert bench.log.flush() == 2500
    assert bench.log.flush() == 0
    assert bench.ids() == [f"r{number}" for number in range(2500)]
    assert [one["seq"] for one in query(bench.directory)] == list(range(1, 2501))
    assert bench.verify().intact
    assert stat.S_IMODE(bench.path().stat().st_mode) == 0o640


def test_a_file_a_day_and_one_chain(bench: Bench) -> None:
    bench.store.append([record(1), record(2, NOON + DAY), record(3, NOON + DAY)])
    assert bench.log.flush() == 3
    assert [path.name for path in files(bench.directory)] == [FIRST, SECOND]
    assert bench.verify().intact
    assert (bench.verify().records, bench.store.unwritten()) == (3, [])


def test_a_clock_that_jumps_back_opens_no_older_file(bench: Bench) -> None:
    bench.write(record(1, NOON + DAY))
    bench.write(record(2, NOON), record(3, NOON + DAY))
    assert [path.name for path in files(bench.directory)] == [SECOND]
    bench.restart()
    bench.write(record(4, NOON - 40 * DAY))
    assert [path.name for path in files(bench.directory)] == [SECOND]
    assert bench.verify().intact


def test_threads_that_flush_together_write_each_record_once(bench: Bench) -> None:
    def work(name: int) -> None:
        for number in range(20):
            bench.write(record(100 * name + number))

    threads = [threading.Thread(target=work, args=(name,), name=f"w{name}") for name in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(bench.ids()) == len(set(bench.ids())) == 60
    assert bench.verify().intact


class FullDisk:
    """`os.write` on a disk with so many bytes left; then ENOSPC."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.real = os.write

    def __call__(self, fd: int, data: Any) -> int:
        part = bytes(data[: self.left])
        if not part:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.left -= len(part)
        return self.real(fd, part)


@pytest.mark.parametrize("left", [0, 1, 200, 700])
def test_a_full_disk_loses_nothing_and_leaves_no_part_of_a_line(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    bench.write(record(1))
    before = bench.path().read_bytes()
    bench.store.append([record(2), record(3), record(4, NOON + DAY)])
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", FullDisk(left))
        with pytest.raises(AuditUnavailable, match="No space left"):
            bench.log.flush()
        assert len(bench.store.unwritten()) == 3
        assert bench.path().read_bytes() == before
    assert bench.log.flush() == 3
    assert bench.verify().intact
    assert bench.ids() == ["r1", "r2", "r3", "r4"]


def test_a_full_disk_that_cannot_even_be_truncated_is_settled_by_the_next_flush(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.write(record(1))
    bench.store.append([record(2), record(3)])
    line = len(bench.path().read_bytes())

    def no_truncate(*_: object) -> None:
        raise OSError(errno.EIO, "I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", FullDisk(line + 20))
        patch.setattr(os, "ftruncate", no_truncate)
        with pytest.raises(AuditUnavailable):
            bench.log.flush()
    assert bench.kinds() == ["torn_line"]
    bench.log.flush()
    assert bench.verify().intact
    assert bench.ids()[:3] == ["r1", "r2", "r3"]
    assert bench.reasons() == ["audit.torn_line"]


def test_a_sync_that_fails_marks_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_sync(_: int) -> None:
        raise OSError(errno.EIO, "I/O error")

    bench.store.append([record(1)])
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", no_sync)
        with pytest.raises(AuditUnavailable):
            bench.log.flush()
    assert bench.path().read_bytes() == b""
    assert bench.log.flush() == 1
    assert bench.verify().intact


# Coming back


def test_nothing_is_wrong_at_a_first_start_and_at_an_ordinary_one(bench: Bench) -> None:
    assert bench.restart() == ()
    bench.write(record(1))
    assert bench.restart() == ()
    assert bench.ids() == ["r1"]


def test_a_crash_before_the_write_is_caught_up(bench: Bench) -> None:
    bench.write(record(1))
    bench.store.append([record(2)])
    assert bench.restart() == ()
    assert bench.ids() == ["r1", "r2"]


@pytest.mark.parametrize("new_day", [False, True])
def test_a_crash_between_write_and_mark_writes_nothing_twice(bench: Bench, new_day: bool) -> None:
    bench.write(record(1))
    bench.store.append([record(number, NOON + DAY * new_day) for number in (2, 3)])
    head = bench.store.audit_head()
    assert head is not None
    lines = b"".join(one.line for one in bench.log._sign(bench.store.unwritten(), head))
    bench.log._write(SECOND if new_day else FIRST, lines, 0 if new_day else head.size)
    assert len(bench.store.unwritten()) == 2
    assert bench.restart() == ()
    assert bench.store.unwritten() == []
    bench.write(record(4))
    assert bench.ids() == ["r1", "r2", "r3", "r4"]
    assert bench.verify().intact


def test_a_crash_in_the_very_first_write(bench: Bench) -> None:
    bench.store.append([record(1), record(2)])
    lines = [one.line for one in bench.log._sign(bench.store.unwritten(), None)]
    bench.log._write(FIRST, lines[0] + lines[1][:50], 0)
    assert bench.restart() == (Kind.TORN,)
    assert bench.ids()[:2] == ["r1", "r2"]
    assert bench.verify().intact


def test_a_line_torn_at_any_byte_is_cut_off_kept_and_reported(bench: Bench) -> None:
    bench.write(record(1))
    before = bench.path().read_bytes()
    bench.store.append([record(2)])
    (signed,) = bench.log._sign(bench.store.unwritten(), bench.store.audit_head())
    aside = bench.path(f"{FIRST}.torn")
    for cut in range(1, len(signed.line)):
        bench.path().write_bytes(before + signed.line[:cut])
        aside.unlink(missing_ok=True)
        found = list(bench.log._cut_torn(FIRST))
        assert [(one.kind, one.line) for one in found] == [(Kind.TORN, 2)]
        assert bench.path().read_bytes() == before
        assert aside.read_bytes() == signed.line[:cut] + b"\n"
    bench.path().write_bytes(before + signed.line[:100])
    assert bench.restart() == (Kind.TORN,)
    assert bench.ids()[:2] == ["r1", "r2"]
    assert bench.reasons() == ["audit.torn_line"]
    assert bench.verify().intact
    assert bench.restart() == ()


def test_blocks_of_zeros_after_a_power_cut_are_a_torn_line(bench: Bench) -> None:
    bench.write(record(1))
    with bench.path().open("ab") as file:
        file.write(bytes(4096))
    assert bench.restart() == (Kind.TORN,)
    assert bench.verify().intact


def test_a_shortened_file_is_said_aloud_and_the_chain_goes_on(bench: Bench) -> None:
    bench.write(*[record(number) for number in range(1, 6)])
    lines = bench.path().read_bytes().splitlines(keepends=True)
    bench.path().write_bytes(b"".join(lines[:3]))
    assert bench.kinds() == ["truncation"]
    assert bench.restart() == (Kind.TRUNCATION,)
    assert bench.reasons() == ["audit.truncated"]
    bench.write(record(6))
    report = bench.verify()
    assert [(one.kind, one.seq) for one in report.findings] == [(Kind.DELETION, 4)], "for ever"
    assert bench.restart() == (), "but said only once"


def test_a_removed_file_is_said_aloud(bench: Bench) -> None:
    bench.write(record(1), record(2, NOON + DAY))
    bench.path(SECOND).unlink()
    assert bench.restart() == (Kind.TRUNCATION,)
    assert bench.reasons() == ["audit.truncated"]


def test_an_edited_last_record_is_said_aloud(bench: Bench) -> None:
    bench.write(record(1))
    data = bench.path().read_bytes()
    mac = json.loads(data)["mac"].encode()
    bench.path().write_bytes(data.replace(mac, mac[::-1]))
    assert bench.restart() == (Kind.EDIT,)
    assert "edit" in bench.kinds()


def test_lines_that_are_not_ours_stay_as_evidence(bench: Bench) -> None:
    bench.write(record(1))
    with bench.path().open("ab") as file:
        file.write(b'{"seq":2,"result":"nothing happened"}\n')
    bench.store.append([record(2)])
    assert bench.restart() == (Kind.INSERTION,)
    assert bench.kinds() == ["garbage"]
    assert bench.reasons() == ["audit.inserted"]
    assert bench.restart() == ()


def test_a_file_touched_while_running_is_noticed_at_the_next_flush(bench: Bench) -> None:
    bench.write(record(1))
    with bench.path().open("ab") as file:
        file.write(b"half a li")
    bench.write(record(2))
    assert bench.verify().intact
    assert bench.reasons() == ["audit.torn_line"]


def test_a_mark_that_the_database_forgot_writes_no_record_twice(bench: Bench) -> None:
    """The mark is not synced: a server that crashed lost it, and this process did not."""
    bench.write(record(1))
    before = bench.store.audit_head()
    bench.write(record(2))
    with bench.store._write() as conn:
        conn.exec_driver_sql("UPDATE outbox SET mac = NULL, file = NULL WHERE seq = 2")
        assert before is not None
        set_text(conn, "audit_head", json.dumps(before.to_json()))
    bench.write(record(3))
    assert bench.ids() == ["r1", "r2", "r3"]
    assert bench.verify().intact


def _without_its_last_marks(bench: Bench) -> None:
    """A flush, and then a power cut that lost what it had marked."""
    bench.store.close()
    bench.databases.copy("s", "cut")
    bench.start()
    bench.log.flush()


def test_a_long_flush_whose_marks_were_lost_writes_nothing_twice(bench: Bench) -> None:
    bench.store.append([record(number) for number in range(2500)])
    _without_its_last_marks(bench)
    assert bench.restart(url="cut") == ()
    assert bench.ids() == [f"r{number}" for number in range(2500)]
    assert (bench.store.unwritten(), bench.verify().intact) == ([], True)


@pytest.mark.parametrize("before", [0, 1])
def test_a_flush_over_midnight_whose_marks_were_lost_writes_nothing_twice(bench: Bench, before: int) -> None:
    if before:
        bench.write(record(0))
    bench.store.append([record(number, NOON + DAY * (number > 3)) for number in range(before, 7)])
    _without_its_last_marks(bench)
    assert bench.restart(url="cut") == ()
    bench.write(record(7, NOON + DAY))
    assert bench.ids() == [f"r{number}" for number in range(8)]
    assert [path.name for path in files(bench.directory)] == [FIRST, SECOND]
    assert bench.verify().intact


# Cutting it


def week(bench: Bench) -> None:
    """Two records a day, for a week."""
    for day in range(7):
        bench.write(record(2 * day, NOON + day * DAY), record(2 * day + 1, NOON + day * DAY))


def test_what_rrmd_cuts_off_is_told_from_what_somebody_else_does(bench: Bench) -> None:
    week(bench)
    assert bench.log.prune("20260103") == FIRST
    assert bench.log.prune("20260103") == SECOND
    assert bench.log.prune("20260103") is None
    assert bench.ids()[0] == "r4"
    assert bench.verify().intact
    assert bench.reasons() == ["audit.pruned", "audit.pruned"]
    (cut, _) = [one["reason"]["params"] for one in query(bench.directory, Filter(kind="system"))]
    assert (cut["file"], cut["seq"]) == (FIRST, 2)
    bench.restart()
    assert bench.verify().intact
    files(bench.directory)[0].unlink()  # rrmd never said that
    assert bench.kinds() == ["deletion"]


def test_a_copy_of_the_log_verifies_without_the_store(bench: Bench) -> None:
    week(bench)
    bench.log.prune("20260104")
    assert verify_directory(bench.directory, mac_keys(KEY)).intact
    last = files(bench.directory)[-1]
    last.write_bytes(b"".join(last.read_bytes().splitlines(keepends=True)[:-1]))  # the record of the cut
    assert [one.kind for one in verify_directory(bench.directory, mac_keys(KEY)).findings] == [Kind.DELETION]


def test_a_cut_that_was_only_announced_is_made_later(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    week(bench)
    with monkeypatch.context() as broken:
        broken.setattr(Path, "unlink", _fails)
        with pytest.raises(AuditUnavailable):
            bench.log.prune("20260103")
    assert bench.verify().intact
    bench.restart()
    assert bench.log.prune("20260103") == FIRST
    assert bench.verify().intact


def _fails(*_: Any) -> None:
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))


def test_the_newest_file_and_a_damaged_one_are_never_cut(bench: Bench) -> None:
    bench.write(record(1))
    assert bench.log.prune("20991231") is None
    bench.write(record(2, NOON + DAY))
    bench.path().write_bytes(b"{}\n")
    assert bench.log.prune("20991231") is None


def test_a_lost_store_takes_the_logs_end_for_its_own(bench: Bench) -> None:
    bench.write(record(1), record(2))
    assert bench.restart(url="new") == (Kind.FORK,)
    bench.write(record(3))
    assert bench.reasons() == ["audit.store_behind"]
    assert [one["seq"] for one in query(bench.directory)] == [1, 2, 3, 4]
    assert bench.verify().intact


def test_a_restored_store_takes_the_logs_end_for_its_own(bench: Bench) -> None:
    bench.write(record(1))
    bench.store.close()
    bench.databases.copy("s", "old")
    bench.start()
    bench.write(record(2), record(3))
    bench.store.close()
    bench.start(url="old")
    bench.store.append([record(4)])
    bench.store.close()
    assert bench.restart(url="old") == (Kind.FORK,)
    assert bench.ids()[:4] == ["r1", "r2", "r3", "r4"]
    assert bench.verify().intact


def test_a_new_key_begins_a_new_part_of_the_same_chain(bench: Bench) -> None:
    bench.write(record(1))
    bench.restart(key=OTHER)
    bench.write(record(2))
    assert bench.kinds() == ["wrong_key"]
    assert verify_directory(bench.directory, mac_keys(KEY, OTHER), bench.store.audit_head()).intact


STEPS = ["append", "flush", "torn", "unmarked", "restart", "next day"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.sampled_from(["append", "flush", "torn", "unmarked", "restart", "next day"]), max_size=12
    )
)
def test_no_order_of_crashes_loses_or_doubles_record(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    root = tmp_path_factory.mktemp("walk")
    bench = Bench(root, SqliteDatabases(root))
    written, utc = 0, NOON
    for step in steps:
        if step == "append":
            written += 1
            bench.store.append([record(written, utc)])
        elif step == "flush":
            bench.log.flush()
        elif step == "next day":
            utc += DAY
        elif step == "restart":
            bench.restart()
        else:
            _crash(bench, torn=step == "torn")
    bench.restart()
    assert [id for id in bench.ids() if id.startswith("r")] == [f"r{n}" for n in range(1, written + 1)]
    assert bench.verify().intact
    bench.store.close()


def _crash(bench: Bench, torn: bool) -> None:
    """The power fails in a flush: after the write, or in the middle of the last line."""
    bench.log.recover()
    bench.store.append([record(0, id="x1"), record(0, id="x2")])
    head = bench.store.audit_head()
    lines = b"".join(one.line for one in bench.log._sign(bench.store.unwritten(), head))
    size = head.size if head else 0
    bench.log._write(head.file if head else FIRST, lines[: -30 if torn else None], size)
    bench.restart()


# The key


def test_a_key_is_made_once_and_is_its_owners_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        first = load_or_create_key(tmp_path / "key")
    finally:
        os.umask(before)
    again = load_or_create_key(tmp_path / "key")
    assert (first.created, again.created) == (True, False)
    assert first.secret == again.secret
    assert len(first.secret) == 32
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
    assert load_or_create_key(tmp_path / "other").secret != first.secret


def test_a_key_made_by_another_at_the_same_time_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.link

    def slow_link(source: Path, target: Path) -> None:
        target.write_bytes(b"k" * 32)
        target.chmod(0o600)
        real(source, target)

    monkeypatch.setattr(os, "link", slow_link)
    assert load_or_create_key(tmp_path / "key") == Key(secret=b"k" * 32, created=False)
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620])
def test_a_key_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    load_or_create_key(path)
    path.chmod(mode)
    with pytest.raises(KeyRefused, match=f"chmod 600 {path}"):
        load_or_create_key(path)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_of_another_length_is_refused_and_not_replaced(tmp_path: Path, size: int) -> None:
    path = tmp_path / "key"
    path.write_bytes(bytes(size))
    path.chmod(0o600)
    with pytest.raises(KeyRefused, match="exactly 32 bytes"):
        load_or_create_key(path)
    assert path.stat().st_size == size


def test_there_is_no_default_key(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        AuditLog(tmp_path, None)  # type: ignore[call-arg,arg-type]
    assert Key.__dataclass_fields__["secret"].default != b""
    with pytest.raises(TypeError):
        Key()  # type: ignore[call-arg]


def test_each_purpose_has_its_own_key_and_none_shows_the_root() -> None:
    keys = [derive(KEY, "audit-mac"), derive(KEY, "pseudonym"), derive(KEY, "rollback-token"), KEY.secret]
    assert len(set(keys)) == 4
    assert derive(KEY, "audit-mac") != derive(OTHER, "audit-mac")
    assert KEY.secret.hex() not in repr(KEY)
    assert "secret" not in repr(KEY)


# Reading


def test_queries(bench: Bench) -> None:
    bench.write(*[record(number, NOON + number * DAY) for number in range(5)])
    bench.write(record(9, NOON + 5 * DAY, kind="event", event_id="e1", radio=None, members=None))

    def ids(**want: Any) -> list[str]:
        return [one["id"] for one in query(bench.directory, Filter(**want))]

    assert ids(change_id="c1") == ["r1", "r3", "r9"]
    assert ids(event_id="e1") == ids(kind="event") == ["r9"]
    assert ids(radio="pseudo-radio") == ["r0", "r1", "r2", "r3", "r4"]
    assert ids(since_utc_us=NOON + 2 * DAY, until_utc_us=NOON + 4 * DAY) == ["r2", "r3"]
    assert ids(site="south") == []
    assert [one["id"] for one in query(bench.directory, limit=2)] == ["r0", "r1"]
    assert [one["id"] for one in query(bench.directory, limit=2, newest=True)] == ["r9", "r4"]


def test_a_query_passes_over_what_is_no_record(bench: Bench) -> None:
    bench.write(record(1))
    with bench.path().open("ab") as file:
        file.write(b'junk\n[]\n{"id":"no time"}\n\xff\xfe\n{"seq":')
    assert bench.ids() == ["r1"]
    assert [one["id"] for one in query(bench.directory, newest=True)] == ["r1"]


def test_export_of_json_lines_is_the_log_itself(bench: Bench) -> None:
    bench.write(record(1), record(2))
    out = io.StringIO()
    assert export(bench.directory, out, "jsonl") == 2
    assert out.getvalue().encode() == bench.path().read_bytes()


def test_export_to_csv_runs_no_formula_in_a_spreadsheet(bench: Bench) -> None:
    evil = ["=cmd|' /C calc'!A0", "+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1"]
    bench.write(*[record(0, result=text) for text in evil], record(0, result="fine", old={"x": -1}))
    out = io.StringIO(newline="")
    assert export(bench.directory, out, "csv") == len(evil) + 1
    rows = list(csv.DictReader(io.StringIO(out.getvalue(), newline="")))
    assert [row["result"] for row in rows] == [f"'{text}" for text in evil] + ["fine"]
    assert rows[-1]["old"] == '{"x":-1}'
    assert rows[0]["seq"] == "1"


def test_a_filtered_export(bench: Bench) -> None:
    bench.write(record(1), record(2, NOON + DAY))
    out = io.StringIO()
    assert export(bench.directory, out, "jsonl", Filter(since_utc_us=NOON + 1)) == 1
    assert json.loads(out.getvalue())["id"] == "r2"


def test_the_head_moves_with_the_file(bench: Bench) -> None:
    bench.write(record(1))
    head = bench.store.audit_head()
    assert head is not None
    assert (head.seq, head.file, head.size) == (1, FIRST, bench.path().stat().st_size)
    bench.write(record(2, NOON + DAY))
    assert bench.store.audit_head() == replace(
        head, seq=2, file=SECOND, size=bench.path(SECOND).stat().st_size, mac=bench_mac(bench)
    )


def bench_mac(bench: Bench) -> str:
    return str(json.loads(bench.path(SECOND).read_bytes())["mac"])


def test_a_second_directory_is_not_the_log_of_the_store(bench: Bench, tmp_path: Path) -> None:
    """Two daemons on one store, a log each: one of them has all records, the other none."""
    bench.write(record(1))
    other = tmp_path / "other"
    other.mkdir()
    strange = AuditLog(other, bench.store, KEY, clock=StoppedClock())
    for asked in (strange.recover, strange.flush):
        with pytest.raises(AuditUnavailable, match=f"kept by .*:{bench.directory}: nothing is written"):
            asked()
    bench.store.append([record(2)])
    with pytest.raises(AuditUnavailable):
        strange.flush()
    bench.log.flush()
    assert bench.ids() == ["r1", "r2"]
    assert not list(query(other))
    assert bench.verify().intact


def test_a_log_that_is_copied_is_gone_on_with(bench: Bench, tmp_path: Path) -> None:
    bench.write(record(1))
    moved = tmp_path / "moved"
    moved.mkdir()
    there = AuditLog(moved, bench.store, KEY, clock=StoppedClock())
    with pytest.raises(AuditUnavailable):
        there.recover()
    shutil.copytree(bench.directory, moved, dirs_exist_ok=True)
    assert there.recover() == ()
    bench.store.append([record(2)])
    there.flush()
    assert [one["id"] for one in query(moved)] == ["r1", "r2"]
    assert verify_directory(moved, mac_keys(KEY), bench.store.audit_head()).intact
