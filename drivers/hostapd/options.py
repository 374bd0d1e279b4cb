"""The hostapd driver's own keys of a device in the site file. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

_PATH = r"^/[A-Za-z0-9_./+-]{0,200}$"


class Options(BaseModel):
    """``host_key``: fingerprint as `ssh-keygen -l` prints it; else ``known_hosts`` is asked. ``sudo``: run
    the tools as root (`sudo -n`). ``config_file``: hostapd's own, where OBSS-PD is read and set; {ifname} is
    the radio's interface. ``scan``: the radio may leave its channel to look for neighbours; off: only what it
    has heard anyway. Times in seconds, ``scan_timeout_s`` for each radio; ``csa_count`` in beacons."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host_key: str | None = Field(None, pattern=r"^SHA256:[A-Za-z0-9+/]{43}$")
    known_hosts: str | None = Field(None, pattern=_PATH)
    ctrl_dir: str = Field("/var/run/hostapd", pattern=_PATH)
    hostapd_cli: str = Field("hostapd_cli", pattern=r"^[A-Za-z0-9_./+-]{1,200}$")
    iw: str = Field("iw", pattern=r"^[A-Za-z0-9_./+-]{1,200}$")
    sudo: bool = False
    csa_count: int = Field(10, ge=1, le=255)
    connect_timeout_s: float = Field(10.0, gt=0, le=120)
    command_timeout_s: float = Field(10.0, gt=0, le=120)
    config_file: str | None = Field(None, pattern=r"^/(?:[A-Za-z0-9_./+-]|\{ifname\}){0,200}$")
    scan: bool = False
    scan_timeout_s: int = Field(10, ge=1, le=300)


def checked(options: Mapping[str, Any]) -> Options:
    """ValueError with one sentence for the first thing that is wrong."""
    try:
        return Options.model_validate(dict(options))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"]))
        got = "" if first["type"] == "extra_forbidden" else f", got {first['input']!r}"
        known = f"; known are {', '.join(Options.model_fields)}" if first["type"] == "extra_forbidden" else ""
        raise ValueError(f"{name}: {first['msg']}{got}{known}") from None
