"""Every call of an agent's store, its audit log and its devices as two points at which its process may die:
before it, and after it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from agent.audit import AuditLog
from agent.store.store import Store


def _calls(of: type) -> frozenset[str]:
    """What others call of it, what it inherits too."""
    return frozenset(name for name in dir(of) if name[0] != "_" and callable(getattr(of, name)))


STORE = _calls(Store) - {"close"}
AUDIT = frozenset((_calls(AuditLog) - {"recover"}) | {"_write", "_mark"})
DEVICE = frozenset({"open", "read", "read_config", "apply", "confirm", "cancel", "act", "close"})

Visit = Callable[[int, str], None]
"""Told the number of the point, from 1, and its name."""


class Reaper:
    """Counts the points while armed, and visits each."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.calls = 0
        self.armed = False

    def tick(self, name: str) -> None:
        """One point at which a process may die."""
        if self.armed:
            self.calls += 1
            self.visit(self.calls, name)

    def store(self, store: Any) -> Any:
        return self._haunt(store, "Store", STORE)

    def audit(self, audit: Any) -> Any:
        return self._haunt(audit, "AuditLog", AUDIT)

    def device(self, device: Any) -> Any:
        return self._haunt(device, "Device", DEVICE)

    def _haunt(self, thing: Any, called: str, names: Iterable[str]) -> Any:
        for name in names:
            method = getattr(thing, name)
            wrap = self._async if inspect.iscoroutinefunction(method) else self._sync
            setattr(thing, name, wrap(method, f"{called}.{name}"))
        return thing

    def _sync(self, method: Callable[..., Any], named: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.tick(f"before {named}")
            done = method(*args, **kwargs)
            self.tick(f"after {named}")
            return done

        return call

    def _async(self, method: Callable[..., Any], named: str) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            self.tick(f"before {named}")
            done = await method(*args, **kwargs)
            self.tick(f"after {named}")
            return done

        return call
