"""Since when a session may speak, and until when those beside it may."""

from __future__ import annotations

from drivers.errors import Disconnected


class Lifetime:
    """Of one session. A session beside it is born into the life of now: it can be opened in that one only, so
    that a task that outlives `close` writes nothing. Resumed it may be in a later one too: a receipt is."""

    def __init__(self, name: str, parent: Lifetime | None = None) -> None:
        self._name = name
        self._parent = parent
        self._over = False
        self._number = 0
        self._born: int = parent._number if parent is not None else 0

    def begin(self) -> None:
        self._over = False

    def end(self) -> None:
        self._over = True
        self._number += 1

    def may_open(self) -> None:
        """Raises Disconnected where the parent was closed since."""
        self.may_resume()
        if self._parent is not None and self._parent._number != self._born:
            raise Disconnected(f"{self._name}: the session that this one was made beside was closed")

    def may_resume(self) -> None:
        """Raises Disconnected where the parent is closed."""
        if self._parent is not None and self._parent._over:
            raise Disconnected(f"{self._name}: closed")
