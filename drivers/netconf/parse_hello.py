"""What a server says in its hello that it can do. Pure. Source: RFC 6241 section 8, RFC 5277."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_CAPABILITY: Final = re.compile(r"urn:ietf:params:netconf:capability:([a-z-]+:\d\.\d)(?:\?.*)?", re.ASCII)
_MODULE: Final = re.compile(r"[^?]*\?(?:[^&]*&)*?module=([A-Za-z0-9_.-]+)(?:&.*)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """``persist``: a confirmed commit that outlives its session (confirmed-commit 1.1); without it a lost
    connection would undo at once. ``startup``: what is running does not outlive a restart by itself."""

    candidate: bool
    writable_running: bool
    persist: bool
    rollback_on_error: bool
    startup: bool
    notification: bool
    modules: frozenset[str]

    @property
    def undo_timer(self) -> bool:
        return self.candidate and self.persist


def offers(capabilities: Iterable[str]) -> Offers:
    uris = list(capabilities)
    told = {found[1] for uri in uris if (found := _CAPABILITY.fullmatch(uri.strip()))}
    modules = {found[1] for uri in uris if (found := _MODULE.fullmatch(uri.strip()))}
    return Offers(
        candidate="candidate:1.0" in told,
        writable_running="writable-running:1.0" in told,
        persist="confirmed-commit:1.1" in told,
        rollback_on_error="rollback-on-error:1.0" in told,
        startup="startup:1.0" in told,
        notification="notification:1.0" in told,
        modules=frozenset(modules),
    )
