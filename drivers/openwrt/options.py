"""The OpenWrt driver's own keys of a device in the site file, and its address. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

_PATH = r"^/[A-Za-z0-9_./+-]{0,200}$"
_PORTS: Final = {"https": 443, "http": 80, "ssh": 22}
_LOOPBACK: Final = re.compile(r"127(?:\.\d{1,3}){3}|::1|localhost", re.ASCII)


class Options(BaseModel):
    """``tls_fingerprint``: SHA-256 of the AP's certificate, as `openssl x509 -fingerprint -sha256` prints it;
    else ``ca_file`` vouches for it. ``insecure_http``: passwords and settings may cross the network in the
    clear. ``host_key``, ``known_hosts``: over SSH, as for the hostapd driver. ``scan``: the radio may leave
    its channel to look for neighbours. ``rx_time_trusted``: this AP's survey counts what it receives. Times
    in seconds; ``csa_count`` in beacons."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tls_fingerprint: str | None = Field(None, pattern=r"^[0-9A-Fa-f]{2}(?::?[0-9A-Fa-f]{2}){31}$")
    ca_file: str | None = Field(None, pattern=_PATH)
    insecure_http: bool = False
    host_key: str | None = Field(None, pattern=r"^SHA256:[A-Za-z0-9+/]{43}$")
    known_hosts: str | None = Field(None, pattern=_PATH)
    connect_timeout_s: float = Field(10.0, gt=0, le=120)
    call_timeout_s: float = Field(5.0, gt=0, le=60)
    session_timeout_s: int = Field(900, ge=60, le=86_400)
    log_poll_s: float = Field(5.0, ge=1, le=300)
    scan: bool = False
    scan_timeout_s: float = Field(20.0, gt=0, le=120)
    rx_time_trusted: bool = False
    csa_count: int = Field(10, ge=5, le=255)
    method: Literal["csa", "uci"] = "csa"
    persist: Literal["never", "quiet", "always"] = "quiet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """``scheme``: https, http or ssh."""

    scheme: str
    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        return _LOOPBACK.fullmatch(self.host) is not None


def address(text: str) -> Address:
    """Of ``https://host[:port]``, ``http://``, ``ssh://``; a bare host is https.

    ValueError: what was expected.
    """
    found = re.fullmatch(
        r"(?:(https|http|ssh)://)?(?:\[([0-9A-Fa-f:.%\w]+)\]|([\w.-]+))(?::(\d{1,5}))?/?", text, re.ASCII
    )
    scheme = (found[1] if found else None) or "https"
    port = int(found[4]) if found and found[4] else _PORTS[scheme]
    if not found or not 0 < port < 65536:
        raise ValueError(f"expected [https|http|ssh://]host[:port] with IPv6 in brackets, got {text!r}")
    return Address(scheme=scheme, host=found[2] or found[3], port=port)


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
