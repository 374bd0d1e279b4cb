"""Kills an agent before or after the n-th call of its store, its audit log or its devices.

What `kill -9` does: from that call on nothing of the process reaches a disk or a device any more. Only the
sessions to the devices end, as the kernel ends them.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from typing import Any

STORE = frozenset(
    {"create", "transition", "bar", "append", "raise_event", "mark_written", "release_escalated", "token"}
    | {"change_by_token", "unwritten", "audit_head"}
)
AUDIT = frozenset({"flush", "_write", "_mark"})
DEVICE = frozenset({"read_config", "apply", "confirm", "cancel"})


class Killed(BaseException):
    """The process is no more."""


class Reaper:
    """Counts calls while armed; at number ``kill_at`` (from 1; None: never) everything ends."""

    def __init__(self, kill_at: int | None = None) -> None:
        self.kill_at = kill_at
        self.calls = 0
        self.names: list[str] = []
        self.dead = False
        self.armed = False
        self._lock = threading.Lock()

    def tick(self, name: str) -> None:
        """One point at which a process may die."""
        with self._lock:
            if self.dead:
                raise Killed
            if not self.armed:
                return
            self.calls += 1
            self.names.append(name)
            if self.calls == self.kill_at:
                self.dead = True
                raise Killed

    def store(self, store: Any) -> Any:
        return self._haunt(store, STORE)

    def audit(self, audit: Any) -> Any:
        return self._haunt(audit, AUDIT)

    def device(self, device: Any) -> Any:
        return self._haunt(device, DEVICE)

    def _haunt(self, thing: Any, names: frozenset[str]) -> Any:
        for name in names:
            method = getattr(thing, name)
            wrapped = self._async(method) if inspect.iscoroutinefunction(method) else self._sync(method)
            setattr(thing, name, wrapped)
        return thing

    def _sync(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.tick(f"before {method.__qualname__}")
            done = method(*args, **kwargs)
            self.tick(f"after {method.__qualname__}")
            return done

        return call

    def _async(self, method: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            self.tick(f"before {method.__qualname__}")
            done = await method(*args, **kwargs)
            self.tick(f"after {method.__qualname__}")
            return done

        return call
