"""The SNMP driver: one engine for all vendors, whose dialects are profiles (docs/snmp.md)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

from drivers.base import Device, DeviceContext
from drivers.errors import PersonNeeded
from drivers.snmp.device import SnmpDevice
from drivers.snmp.identity import declared
from drivers.snmp.load import shipped
from drivers.snmp.options import Options, checked
from drivers.transport.snmp import SnmpTarget, snmp_session
from drivers.transport.ssh_target import parse_address
from drivers.types import Action, Capabilities, Setting, Table
from inventory.credentials import CredentialError
from inventory.snmp_login import parse_snmp_login

PORT = 161
CAPABILITIES: Final = Capabilities(
    tables=frozenset(Table),
    settings=MappingProxyType(
        {**dict.fromkeys(Setting, "radio"), Setting.OBSS_PD_DBM: "band"},
    ),
    widths_mhz=(20, 40, 80, 160),
    signals=True,
    signal_ways=("SNMP notifications",),
    actions=frozenset({Action.RELEASE, Action.RESTART}),
)
"""The most that any dialect can do. Written out, so that who has no SNMP device reads no profile."""


class SnmpFamily:
    """The entry point ``snmp``."""

    name = "snmp"
    summary = "Access points and controllers over SNMP v2c and v3; each vendor's dialect is a profile"
    capabilities = CAPABILITIES

    @cached_property
    def profiles(self) -> Mapping[str, Capabilities]:
        """What each dialect can do at most."""
        return MappingProxyType(
            {name: declared(profile, signals=True) for name, profile in shipped().items()}
        )

    def check_options(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        return MappingProxyType(checked(options).model_dump(exclude_unset=True))

    def device(self, context: DeviceContext) -> Device:
        """Raises PersonNeeded for a login or an address that cannot be used."""
        try:
            options = checked(context.config.options)
            target = self._target(context, options)
        except (CredentialError, ValueError) as error:
            raise PersonNeeded(f"{context.config.id}: {error}") from error
        return SnmpDevice(context, options, snmp_session(target))

    def _target(self, context: DeviceContext, options: Options) -> SnmpTarget:
        host, port = parse_address(context.config.address, PORT)
        if context.secret is None:
            raise CredentialError("a login is needed: credential: cred:NAME")
        return SnmpTarget(
            name=context.config.id,
            host=host,
            port=port,
            login=parse_snmp_login(context.secret),
            timeout_s=options.timeout_s,
            retries=options.retries,
            max_repetitions=options.max_repetitions,
        )


family = SnmpFamily()
