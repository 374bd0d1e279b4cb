"""Two threads on one store that is damaged: the new one stays, and no write ends in the old one unsaid."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from integration.stored import NOW, R1, record

from agent.clock import SystemClock
from agent.keeper import Keeper
from agent.moment import Deadline
from agent.nop import Nop
from agent.store.errors import StoreDamaged, StoreUnavailable
from agent.store.store import Store

NOP = Nop(site="north", mhz20=5260, deadline=Deadline.after(NOW, 1800.0), by_radio=R1)


def keeper_of(directory: Path) -> Keeper:
    keeper = Keeper(f"sqlite:///{directory}/s.db", directory, SystemClock())
    keeper.as_store().set_meta("known", "yes")
    return keeper


def quarantined(directory: Path) -> int:
    return len(list(directory.glob("s.db.corrupt-*Z")))


class Reader(threading.Thread):
    """Meets damage in a call of its own; ``inside``: it is in it, and stays there until ``go``."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.inside, self.go, self._store = threading.Event(), threading.Event(), store

        def damaged(_self: Store) -> Any:
            self.inside.set()
            self.go.wait(10)
            raise StoreDamaged("malformed")

        monkeypatch.setattr(Store, "deeds", damaged)

    def run(self) -> None:
        with pytest.raises(StoreDamaged):
            self._store.deeds()


def begun(reader: Reader) -> Reader:
    reader.start()
    assert reader.inside.wait(10)
    return reader


def ended(reader: Reader) -> None:
    reader.go.set()
    reader.join(10)
    assert not reader.is_alive()


def damaged(*_: Any) -> Any:
    raise StoreDamaged("malformed")


def test_a_second_thread_that_met_the_same_damage_leaves_the_new_store_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = keeper_of(tmp_path)
    store = keeper.as_store()
    reader = begun(Reader(store, monkeypatch))
    monkeypatch.setattr(Store, "open_changes", damaged)
    with pytest.raises(StoreDamaged):
        store.open_changes()
    with pytest.raises(StoreUnavailable, match="still in use"):
        store.bar([NOP], [record()])
    ended(reader)
    store.bar([NOP], [record(1)])
    assert len(store.nops(NOW)) == 1
    assert quarantined(tmp_path) == 1
    keeper.close()


def through_one_call(store: Store, meanwhile: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    real = Store.bar

    def bar(self: Store, *args: Any) -> None:
        real(self, *args)
        meanwhile()

    monkeypatch.setattr(Store, "bar", bar)
    store.bar([NOP], [record()])


def through_two(store: Store, meanwhile: Callable[[], None], _: pytest.MonkeyPatch) -> None:
    with store.one():
        store.bar([NOP], [record()])
        meanwhile()
        store.unwritten(1)


def at_the_end(store: Store, meanwhile: Callable[[], None], _: pytest.MonkeyPatch) -> None:
    with store.one():
        store.bar([NOP], [record()])
        meanwhile()


@pytest.mark.parametrize("write", [through_one_call, through_two, at_the_end])
def test_a_write_whose_store_is_put_aside_meanwhile_has_failed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    write: Callable[[Store, Callable[[], None], pytest.MonkeyPatch], None],
) -> None:
    keeper = keeper_of(tmp_path)
    store = keeper.as_store()
    reader = begun(Reader(store, monkeypatch))
    with pytest.raises(StoreUnavailable, match="damaged"):
        write(store, lambda: ended(reader), monkeypatch)
    assert store.nops(NOW) == []
    assert quarantined(tmp_path) == 1
    keeper.close()
