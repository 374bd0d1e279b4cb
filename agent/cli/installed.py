"""The installed drivers, for a command: what the registry would log, the command says in its own words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drivers.registry import Registry


def installed() -> Registry:
    import structlog

    from drivers.registry import registry

    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    return registry()
