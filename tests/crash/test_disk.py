"""The model of a disk that loses its power: what it keeps, and that it notices a sync that is missing."""

from __future__ import annotations

from crash.disk import Disk


def written(*, synced: bool, named: bool) -> Disk:
    disk = Disk("/d")
    disk.create(7, "/d/log")
    disk.write(7, 0, b"one\n")
    if synced:
        disk.sync(7)
    if named:
        disk.sync_directory("/d")
    return disk


def test_what_was_synced_under_a_durable_name_is_kept() -> None:
    assert written(synced=True, named=True).left([]) == {"log": b"one\n"}


def test_a_dropped_sync_of_the_file_loses_what_was_written() -> None:
    assert written(synced=False, named=True).left([]) == {"log": b""}


def test_a_dropped_sync_of_the_directory_loses_the_file() -> None:
    assert written(synced=True, named=False).left([]) == {}


def test_what_lies_in_a_directory_without_a_durable_name_is_lost() -> None:
    disk = Disk("/d")
    disk.mkdir("/d/audit")
    disk.create(7, "/d/audit/log")
    disk.write(7, 0, b"one\n")
    disk.sync(7)
    disk.sync_directory("/d/audit")
    assert disk.left([]) == {}
    disk.sync_directory("/d")
    assert disk.left([]) == {"audit/log": b"one\n"}


def test_a_power_cut_tears_the_last_write_and_reorders_files() -> None:
    disk = written(synced=True, named=True)
    disk.create(8, "/d/store")
    disk.sync_directory("/d")
    disk.write(7, 4, b"two\n")
    disk.write(8, 0, b"page")
    left = {cut.how: cut.image for cut in disk.cuts()}
    assert left["synced"] == {"log": b"one\n", "store": b""}
    assert left["everything"] == {"log": b"one\ntwo\n", "store": b"page"}
    assert left["torn at 1 of 2"] == {"log": b"one\ntw", "store": b""}
    assert left["torn at 2 of 2"] == {"log": b"one\ntwo\n", "store": b"pa"}
    assert {"log": b"one\n", "store": b"page"} in left.values()
    assert {"log": b"one\ntwo\n", "store": b""} in left.values()


def test_names_come_and_go_in_their_order() -> None:
    disk = Disk("/d")
    disk.create(7, "/d/.draft")
    disk.write(7, 0, b"whole")
    disk.sync(7)
    disk.rename("/d/.draft", "/d/key")
    assert disk.left(disk.unsynced) == {"key": b"whole"}
    disk.sync_directory("/d")
    disk.unlink("/d/key")
    assert disk.left([]) == {"key": b"whole"}
    assert disk.left(disk.unsynced) == {}


def test_an_inode_that_comes_again_is_another_file() -> None:
    disk = written(synced=True, named=True)
    disk.unlink("/d/log")
    disk.create(7, "/d/other")
    assert disk.left(disk.unsynced) == {"other": b""}
