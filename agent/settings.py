"""The settings of one daemon: where things are. What may be done at a site is in the site's own file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from agent import places
from agent.alert import AGAIN_S
from agent.span import seconds
from inventory.credentials import name_of

MOST_PORT: Final = 65535
LEAST_DAYS: Final = 8
"""Budgets, and the agent's own right to undo, look back a week."""
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
PREFIX: Final = "RRMD_"
_NOT_OURS: Final = ("RRMD_CRED_", "RRMD_CACHE", "RRMD_DEBUG")  # credentials, the test guests, the CLI


class SettingsError(ValueError):
    """A person must act: the message names the variable and what was expected."""


class LogFormat(StrEnum):
    JSON = "json"  # one object a line
    CONSOLE = "console"  # for a person at a terminal


class Endpoint(NamedTuple):
    """Where to listen or to send."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """``HOST:PORT`` or ``[IPV6]:PORT``. Raises ValueError."""
        host, _, port = text.rpartition(":")
        host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        if not host or not port.isdecimal() or int(port) > MOST_PORT or (":" in host and "[" not in text):
            raise ValueError("expected HOST:PORT, or [IPV6]:PORT")
        return cls(host, int(port))


class Settings(BaseModel):
    """Each field has an environment variable: ``state_dir`` is ``RRMD_STATE_DIR``.

    ``sites``: a site file or a directory of them. ``socket_group`` None: only root and the daemon's own
    user may use the control socket. ``store_url``: SQLAlchemy URL; it can hold a password, so show
    `store_shown` instead. ``dry_run``: no site does more than mode
    dry_run. ``store_url``, ``audit_dir`` and ``key_file`` lie in ``state_dir`` by default.
    ``metrics``: where `/metrics` is served, None = nowhere. ``traps``: where SNMP notifications are heard
    beside the sockets of the service manager, None = nowhere. ``alert_syslog``: a socket's path, or a host
    that takes syslog over UDP; ``alert_webhook``: a URL, whose path may be a secret: None = no such alerts.
    ``alert_again``: seconds between alerts about a change that waits for a person.
    ``keep_days``: how long changes and events stay in the store; ``audit_keep_days``: how long an audit file
    stays, None = for ever.
    ``alert_webhook_credential``: ``cred:NAME`` of the bearer token that the webhook wants.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sites: Path = places.SITES
    state_dir: Path = places.STATE_DIR
    socket: Path = places.SOCKET
    socket_group: str | None = places.SOCKET_GROUP
    store_url: str = Field(
        default_factory=lambda known: f"sqlite:///{known['state_dir']}/rrmd.sqlite3", repr=False
    )
    audit_dir: Path = Field(default_factory=lambda known: known["state_dir"] / "audit")
    key_file: Path = Field(default_factory=lambda known: known["state_dir"] / "audit.key")
    keep_days: int = Field(default=400, ge=LEAST_DAYS)
    audit_keep_days: int | None = Field(default=None, ge=LEAST_DAYS)
    log_format: LogFormat = LogFormat.JSON
    dry_run: bool = False
    metrics: Endpoint | None = None
    traps: Endpoint | None = None
    alert_syslog: Path | Endpoint | None = None
    alert_webhook: str | None = Field(default=None, repr=False)
    alert_webhook_credential: str | None = None
    alert_again: tuple[float, ...] = AGAIN_S

    @field_validator(
        "socket_group",
        "audit_keep_days",
        "metrics",
        "traps",
        "alert_syslog",
        "alert_webhook",
        "alert_webhook_credential",
        mode="before",
    )
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("metrics", "traps", mode="before")
    @classmethod
    def _endpoint(cls, value: object) -> object:
        return Endpoint.parse(value) if isinstance(value, str) and value else value

    @field_validator("alert_syslog", mode="before")
    @classmethod
    def _path_or_endpoint(cls, value: object) -> object:
        if not isinstance(value, str) or not value:
            return value
        return Path(value) if value.startswith("/") else Endpoint.parse(value)

    @field_validator("alert_again", mode="before")
    @classmethod
    def _spans(cls, value: object) -> object:
        """``15m,1h,1d``; nothing: never again."""
        if not isinstance(value, str):
            return value
        waits = tuple(seconds(each) for each in value.split(",") if each.strip())
        if any(wait < 60 for wait in waits):
            raise ValueError("expected spans of a minute or more, such as 15m,1h,1d")
        return waits

    @field_validator("alert_webhook", mode="after")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        if value is not None and (urlsplit(value).scheme not in ("http", "https") or not _host_of(value)):
            raise ValueError("expected https://HOST/... or http://HOST/...")
        return value

    @field_validator("alert_webhook_credential", mode="after")
    @classmethod
    def _reference(cls, value: str | None, info: ValidationInfo) -> str | None:
        url = info.data.get("alert_webhook")
        if value is None:
            return None
        name_of(value)
        if url is None:
            raise ValueError("a credential for a webhook, but no RRMD_ALERT_WEBHOOK")
        if urlsplit(url).scheme == "http" and _host_of(url) not in LOOPBACK:
            raise ValueError("a credential goes over https only, or to this machine")
        if urlsplit(url).username is not None:
            raise ValueError("a credential for a webhook, and a login in its URL that would replace it")
        return value

    @field_validator("sites", "state_dir", "socket", "audit_dir", "key_file", mode="after")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.absolute()

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ, **given: Any) -> Self:
        """Settings from ``RRMD_*``; ``given`` (the command line; None: not given) goes first.

        Raises SettingsError for a value that makes no sense, and for a variable that is none of ours.
        """
        values: dict[str, Any] = {
            name.removeprefix(PREFIX).lower(): value
            for name, value in environ.items()
            if name.startswith(PREFIX) and not name.startswith(_NOT_OURS)
        }
        values |= {name: value for name, value in given.items() if value is not None}
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise SettingsError("; ".join(_sentences(error))) from None

    @property
    def journal(self) -> Path:
        """What radar asks for while the store is lost."""
        return self.state_dir / "radar.journal"

    @property
    def store_shown(self) -> str:
        """The store's URL as it may be shown: without its password and its query."""
        scheme, mark, rest = self.store_url.partition("?")[0].partition("://")
        login, at, place = rest.rpartition("@")
        user, colon, _ = login.partition(":")
        return f"{scheme}{mark}{user}{':***' if colon else ''}{at}{place}"


def _host_of(url: str) -> str | None:
    return urlsplit(url).hostname


def _sentences(error: ValidationError) -> list[str]:
    """One sentence per mistake; never the value, which may hold a password."""
    return [_sentence(str(item["loc"][0]), item["type"], item["msg"]) for item in error.errors()]


def _sentence(name: str, kind: str, message: str) -> str:
    variable = PREFIX + name.upper()
    if kind == "extra_forbidden":
        known = ", ".join(PREFIX + field.upper() for field in Settings.model_fields)
        return f"{variable} is not a setting of rrmd; the settings are {known}"
    return f"{variable}: {message}"
