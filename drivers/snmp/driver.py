"""The SNMP driver: one engine for all vendors, whose dialects are profiles (docs/snmp.md)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

from drivers.base import Device, DeviceContext
from drivers.errors import PersonNeeded
from drivers.snmp.device import SnmpDevice
from drivers.snmp.identity import declared
from drivers.snmp.load import shipped
from drivers.snmp.options import Options, checked
from drivers.transport.snmp import SnmpTarget, snmp_session
from drivers.transport.ssh import parse_address
from drivers.types import Capabilities
from inventory.credentials import CredentialError
from inventory.snmp_login import parse_snmp_login

PORT = 161


class SnmpFamily:
    """The entry point ``snmp``."""

    name = "snmp"
    summary = "Access points and controllers over SNMP v2c and v3; each vendor's dialect is a profile"

    @cached_property
    def profiles(self) -> Mapping[str, Capabilities]:
        """What each dialect can do at most."""
        return MappingProxyType(
            {name: declared(profile, signals=True) for name, profile in shipped().items()}
        )

    @cached_property
    def capabilities(self) -> Capabilities:
        """What any of them can."""
        each = self.profiles.values()
        return Capabilities(
            tables=frozenset(table for able in each for table in able.tables),
            settings=MappingProxyType(
                {name: scope for able in each for name, scope in able.settings.items()}
            ),
            widths_mhz=tuple(sorted({width for able in each for width in able.widths_mhz})),
            signals=any(able.signals for able in each),
            signal_ways=tuple(sorted({way for able in each for way in able.signal_ways})),
            actions=frozenset(action for able in each for action in able.actions),
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
