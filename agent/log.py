"""The log: events with fields to stderr, and never a secret among them."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from agent.settings import LogFormat
from inventory.credentials import Secret
from inventory.known_secrets import MASK, masked

_SECRET_KEY: Final = re.compile(
    r"pass(word|wd|phrase)|secret|token(?!_sha256)|private_?key|authorization"
    r"|cookie|community|psk|(^|_)(auth|priv)_?key|api_?key",
    re.IGNORECASE,
)
_SECRET_TEXT: Final = re.compile(
    r"(?P<name>(?:password|passwd|passphrase|secret|token|psk|community)\s*[=:]\s*)(?P<value>[^\s,;&'\"]+)"
    r"|(?P<scheme>\w+://[^\s:/@]*:)[^\s@/]+(?=@)"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_DEEPEST: Final = 8


def mask_secrets(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Every value whose name promises a secret, every `Secret`, and what looks like one inside a text."""
    return {key: _masked(key, value, _DEEPEST) for key, value in event.items()}


def _masked(key: object, value: object, depth: int) -> Any:
    if isinstance(value, Secret) or (isinstance(key, str) and _SECRET_KEY.search(key)):
        return None if value is None else MASK
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, Mapping):
        return {str(k): _masked(k, v, depth - 1) for k, v in value.items()} if depth else MASK
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(None, item, depth - 1) for item in value] if depth else MASK
    if value is None or isinstance(value, bool | int | float):
        return value
    return mask_text(str(value))


def mask_text(text: str) -> str:
    """The text with our credentials, passwords in URLs, ``password=...`` and private keys masked."""
    return _SECRET_TEXT.sub(lambda found: (found["name"] or found["scheme"] or "") + MASK, masked(text))


def processors() -> list[Processor]:
    """What every event passes before it is rendered. Tracebacks come without local variables: a local
    variable of a driver may hold a password."""
    trace = structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=30)
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="utc"),
        structlog.processors.ExceptionRenderer(trace),
        mask_secrets,
    ]


def configure(
    form: LogFormat = LogFormat.JSON, *, level: int = logging.INFO, stream: TextIO | None = None
) -> None:
    """Log to ``stream`` (stderr) from now on; what libraries say through `logging` comes the same way."""
    out = sys.stderr if stream is None else stream
    structlog.configure(
        processors=[*processors(), _renderer(form, out)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,  # so that a later configure reaches loggers of modules
    )
    _adopt_libraries(level)


def _renderer(form: LogFormat, out: TextIO) -> Processor:
    if form is LogFormat.CONSOLE:
        return _Console(out.isatty())
    return structlog.processors.JSONRenderer(sort_keys=False, allow_nan=True)


class _Console:
    """One line an event; a traceback, already a list of frames, is folded into its last line."""

    def __init__(self, colors: bool) -> None:
        self._render = structlog.dev.ConsoleRenderer(colors=colors, timestamp_key="utc")

    def __call__(self, logger: WrappedLogger, method: str, event: MutableMapping[str, Any]) -> str:
        if stacks := event.pop("exception", None):
            event["error"] = "; ".join(_last_line(stack) for stack in stacks)
        return str(self._render(logger, method, event))


def _last_line(stack: Mapping[str, Any]) -> str:
    frames = stack.get("frames") or [{}]
    where = f"{frames[-1].get('filename', '?')}:{frames[-1].get('lineno', '?')}"
    return f"{stack.get('exc_type')}: {stack.get('exc_value')} ({where})"


class _Library(logging.Handler):
    """Passes a library's record on as the event ``library.logged``."""

    def emit(self, record: logging.LogRecord) -> None:
        say = structlog.get_logger(record.name)
        say.log(
            record.levelno,
            "library.logged",
            library=record.name,
            text=record.getMessage(),
            exc_info=record.exc_info,
        )


def _adopt_libraries(level: int) -> None:
    root = logging.getLogger()
    root.handlers = [_Library()]
    root.setLevel(max(level, logging.WARNING))  # libraries talk a lot
