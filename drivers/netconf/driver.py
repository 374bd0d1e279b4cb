"""The netconf driver: devices that are configured by NETCONF, in one of two models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from drivers.base import Device, DeviceContext
from drivers.errors import PersonNeeded
from drivers.netconf.cisco import device as cisco
from drivers.netconf.openconfig import device as openconfig
from drivers.netconf.options import Profile, checked
from drivers.types import Capabilities
from inventory.credentials import CredentialError, parse_login

_MOST: Final = replace(
    openconfig.CAPABILITIES,
    settings=MappingProxyType({**cisco.CAPABILITIES.settings, **openconfig.CAPABILITIES.settings}),
    signal_ways=openconfig.CAPABILITIES.signal_ways + cisco.CAPABILITIES.signal_ways,
)
_PROFILES: Final = MappingProxyType(
    {str(Profile.OPENCONFIG): openconfig.CAPABILITIES, str(Profile.CISCO): cisco.CAPABILITIES}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetconfFamily:
    """The entry point ``netconf``."""

    name: str = "netconf"
    summary: str = "Access points with OpenConfig, and Cisco C9800 controllers, over NETCONF"
    capabilities: Capabilities = _MOST
    profiles: Mapping[str, Capabilities] = field(default_factory=lambda: _PROFILES)

    def check_options(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        return MappingProxyType(checked(options).model_dump(mode="json", exclude_unset=True))

    def device(self, context: DeviceContext) -> Device:
        """Raises PersonNeeded for a login or an address that cannot be used."""
        try:
            if context.secret is None:
                raise CredentialError("a login is needed: credential: cred:NAME")
            options = checked(context.config.options)
            login = parse_login(context.secret)
            if options.profile is Profile.CISCO:
                return cisco.CiscoDevice(context, options, login)
            return openconfig.OpenConfigDevice(context, options, login)
        except (CredentialError, ValueError) as error:
            raise PersonNeeded(f"{context.config.id}: {error}") from error


family = NetconfFamily()
