"""What drivers log while a command asks them, kept for its answer: the command has no log of its own."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any


@contextmanager
def notebook() -> Iterator[list[str]]:
    """Each line that is logged goes there, once, however often it is logged; nothing is printed."""
    import structlog

    lines: list[str] = []

    def keep(logger: Any, method: str, event: MutableMapping[str, Any]) -> Any:
        words = [str(event.pop("event", method)), *(f"{name}={value}" for name, value in event.items())]
        if (line := " ".join(words)) not in lines:
            lines.append(line)
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[keep], logger_factory=structlog.ReturnLoggerFactory())
    try:
        yield lines
    finally:
        structlog.configure(**before)
