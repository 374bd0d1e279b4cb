"""The netconf driver's own keys of a device in the site file. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class Profile(StrEnum):
    OPENCONFIG = "openconfig-access-points"
    CISCO = "cisco-iosxe"


class Options(BaseModel):
    """``profile``: the device's model. ``host_key``: fingerprint as `ssh-keygen -l` prints it; else
    ``known_hosts`` is asked. ``take_over``: switch the vendor's own channel and power control off on the
    radios that are changed. ``radar_poll_s``: how often radar is asked for, as no notification tells of it.
    Times in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    profile: Profile
    host_key: str | None = Field(None, pattern=r"^SHA256:[A-Za-z0-9+/]{43}$")
    known_hosts: str | None = Field(None, pattern=r"^/[A-Za-z0-9_./+-]{0,200}$")
    take_over: bool = False
    connect_timeout_s: float = Field(10.0, gt=0, le=120)
    rpc_timeout_s: float = Field(20.0, gt=0, le=300)
    radar_poll_s: float = Field(10.0, ge=1, le=600)


def checked(options: Mapping[str, Any]) -> Options:
    """ValueError with one sentence for the first thing that is wrong."""
    try:
        return Options.model_validate(dict(options))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"]))
        if first["type"] == "missing":
            raise ValueError(f"{name} is needed: {' or '.join(Profile)}") from None
        known = f"; known are {', '.join(Options.model_fields)}" if first["type"] == "extra_forbidden" else ""
        got = "" if known else f", got {first['input']!r}"
        raise ValueError(f"{name}: {first['msg']}{got}{known}") from None
