"""What goes through the pipe between the daemon and its SNMPv3 worker: lines of JSON. Secrets go through it
too, and through nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from drivers import errors
from drivers.notifications import Oid, Value
from drivers.snmp.session import Assignment, Syntax
from drivers.transport.snmp_target import SnmpTarget
from inventory.credentials import Secret
from inventory.snmp_login import AuthProtocol, PrivProtocol, SnmpLogin

LINE_LIMIT: Final = 4 * 1024 * 1024  # one SNMP answer of 64 kB, in hexadecimal, with its names

_ERRORS: Final[Mapping[str, type[errors.DriverError]]] = {
    each.__name__: each
    for each in (
        errors.TryAgain,
        errors.DeviceTimeout,
        errors.Disconnected,
        errors.Refused,
        errors.Garbage,
        errors.AuthenticationFailed,
    )
}


def line(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def packed_values(values: Mapping[Oid, Value]) -> dict[Oid, Any]:
    """Octets as a list of one hexadecimal text: text alone is an OID or an address."""
    return {oid: [value.hex()] if isinstance(value, bytes) else value for oid, value in values.items()}


def unpacked_values(packed: Mapping[Oid, Any]) -> dict[Oid, Value]:
    return {oid: bytes.fromhex(each[0]) if isinstance(each, list) else each for oid, each in packed.items()}


def packed_error(error: errors.DriverError) -> list[str]:
    return [type(error).__name__, str(error)]


def unpacked_error(packed: list[str]) -> errors.DriverError:
    return _ERRORS[packed[0]](packed[1])


def packed_assignment(assignment: Assignment) -> list[Any]:
    value = packed_values({assignment.oid: assignment.value})[assignment.oid]
    return [assignment.oid, value, assignment.syntax.value]


def unpacked_assignment(packed: list[Any]) -> Assignment:
    oid, value, syntax = packed
    return Assignment(oid=oid, value=unpacked_values({oid: value})[oid], syntax=Syntax(syntax))


def packed_target(target: SnmpTarget) -> dict[str, Any]:
    login = target.login
    return {
        "name": target.name,
        "host": target.host,
        "port": target.port,
        "timeout_s": target.timeout_s,
        "retries": target.retries,
        "max_repetitions": target.max_repetitions,
        "most_varbinds": target.most_varbinds,
        "walk_s": target.walk_s,
        "login": {
            "user": login.user,
            "auth_protocol": login.auth_protocol.value,
            "auth_password": login.auth_password and login.auth_password.reveal(),
            "priv_protocol": login.priv_protocol.value,
            "priv_password": login.priv_password and login.priv_password.reveal(),
            "context": login.context,
        },
    }


def unpacked_target(packed: Mapping[str, Any]) -> SnmpTarget:
    login = dict(packed["login"])
    for key in ("auth_password", "priv_password"):
        login[key] = Secret(login[key]) if login[key] is not None else None
    login["auth_protocol"] = AuthProtocol(login["auth_protocol"])
    login["priv_protocol"] = PrivProtocol(login["priv_protocol"])
    return SnmpTarget(**{**packed, "login": SnmpLogin(**login)})
