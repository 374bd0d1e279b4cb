"""The SNMP driver's own keys of a device in the site file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from drivers.snmp.load import profile_of_file, shipped

AUTO: Final = "auto"


class Options(BaseModel):
    """``profile``: name of a dialect; ``auto``: found by what the device says. ``profile_file``: a dialect of
    the site's own, instead. ``take_over``: the agent may set radios that the vendor's own RRM manages, which
    takes them from it. ``writable``: it is set though nobody has shown that this works on such a device.
    ``timeout_s``: of one attempt, ``retries``: further ones, of reads.
    ``max_repetitions``: values that one GetBulk asks for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    profile: str = Field(AUTO, pattern=r"^[a-z][a-z0-9-]{0,31}$")
    profile_file: str | None = Field(None, pattern=r"^/[A-Za-z0-9_./+-]{0,200}$")
    take_over: bool = False
    writable: bool = False
    timeout_s: float = Field(2.0, gt=0, le=60)
    retries: int = Field(2, ge=0, le=10)
    max_repetitions: int = Field(60, ge=1, le=1000)


def checked(options: Mapping[str, Any]) -> Options:
    """ValueError with one sentence for the first thing that is wrong."""
    try:
        found = Options.model_validate(dict(options))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"]))
        got = "" if first["type"] == "extra_forbidden" else f", got {first['input']!r}"
        known = f"; known are {', '.join(Options.model_fields)}" if first["type"] == "extra_forbidden" else ""
        raise ValueError(f"{name}: {first['msg']}{got}{known}") from None
    if found.profile_file is not None:
        if found.profile != AUTO:
            raise ValueError("profile and profile_file: give one of them")
        profile_of_file(found.profile_file)
    elif found.profile not in (AUTO, *shipped()):
        raise ValueError(f"profile: there is no {found.profile}; there are {', '.join(shipped())}")
    return found
