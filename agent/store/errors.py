"""What the store raises. The library's own errors become these in one place."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from inventory.model import RadioKey

Value = TypeVar("Value")


class StoreError(Exception):
    """The root of what the store raises."""


class StoreUnavailable(StoreError):
    """The disk is full, locked, failing, or the file is damaged: observe only, try again later."""


class StoreDamaged(StoreUnavailable):
    """What the store holds is not what was put there: put the file aside, a person must know."""


class SchemaTooNew(StoreError):
    """The file was written by a newer rrmd: install that version, or use another file."""


class StoreUrlWrong(StoreError):
    """No store by that URL, or its driver is not installed: a person must set RRMD_STORE_URL."""


class StoreConflict(StoreError):
    """A row with that key is already there: read again before deciding anything."""


class StaleChange(StoreError):
    """The change was moved by someone else since it was read: read it again."""


class RadioBusy(StoreError):
    """Another change has the radio: wait until that one is final."""

    def __init__(self, radio: RadioKey, change_id: str) -> None:
        super().__init__(f"{radio} is held by change {change_id}")
        self.radio = radio
        self.change_id = change_id


class TokenSpent(StoreError):
    """The right to undo was used already, or never existed: a person must decide."""


class TokenExpired(StoreError):
    """The right to undo has run out: a person may still undo by hand."""


class LeaseHeld(StoreError):
    """Another agent writes to this site: observe only, ask again. ``mark`` alters with each renewal."""

    def __init__(self, holder: str, mark: tuple[int, int]) -> None:
        super().__init__(f"the lease is held by {holder}")
        self.holder = holder
        self.mark = mark


class LeaseLost(StoreError):
    """The site has become another agent's: leave its changes and its devices to that one."""

    def __init__(self, site: str, holder: str) -> None:
        super().__init__(f"the lease of {site} is held by {holder or 'nobody'}")
        self.site = site


@contextmanager
def boundary() -> Iterator[None]:
    """The one place where the library's errors become ours."""
    try:
        yield
    except IntegrityError as error:
        raise StoreConflict(str(error.orig)) from error
    except SQLAlchemyError as error:
        raise unavailable(getattr(error, "orig", None) or error) from error
    except (sqlite3.Error, OSError) as error:
        raise unavailable(error) from error


def unavailable(error: BaseException) -> StoreUnavailable:
    """What an error of the database means: the file is damaged, or it can't be used now."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest says more precisely which
    damaged = code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    return (StoreDamaged if damaged else StoreUnavailable)(str(error))


def decoded(make: Callable[[Any], Value], row: Any) -> Value:
    """What ``make`` makes of a row. Raises StoreDamaged when the row is."""
    try:
        return make(row)
    except (ValueError, KeyError, TypeError) as error:
        raise StoreDamaged(f"a row of the store is damaged: {error!r}") from error
