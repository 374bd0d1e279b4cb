"""One device, made for a command that asks it directly: of a site file, of an address, or of a recording."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli.failure import ExitCode, Failure, usage, wrong_files
from agent.cli.installed import installed

if TYPE_CHECKING:
    from drivers.base import Device
    from inventory.model import AccessPoint, DeviceConfig, Site

ID = "device"
"""Of a device that no site file names."""


def site_of(file: Path) -> Site:
    """The site of a file. Raises a usage Failure."""
    from inventory.loader import load
    from inventory.site_error import SiteErrors

    if not file.is_file():
        raise usage(f"{file}: no such file")
    try:
        return load(file, installed().schemas())
    except SiteErrors as error:
        raise wrong_files(error.errors) from None


def config_of(
    address: str, driver: str, profile: str | None, credential: str | None, given: tuple[str, ...] = ()
) -> DeviceConfig:
    """A device that no site file names, its options checked by its driver. Raises a usage Failure."""
    from drivers.registry import UnusableFamily
    from inventory.model import DeviceConfig

    try:
        options = installed().family(driver).check_options({**_options(profile), **_pairs(given)})
    except (UnusableFamily, ValueError) as error:
        raise usage(str(error)) from None
    return DeviceConfig(id=ID, driver=driver, address=address, credential=credential, options=options)


def device_of(config: DeviceConfig, aps: tuple[AccessPoint, ...]) -> Device:
    """The device that answers for these APs, with all their radios. Raises a Failure."""
    import time

    from drivers.base import DeviceContext
    from drivers.errors import PersonNeeded
    from drivers.registry import UnusableFamily
    from inventory.credentials import CredentialError, resolve

    radios = tuple(radio for ap in aps for radio in ap.radios)
    try:
        secret = resolve(config.credential) if config.credential else None
        family = installed().family(config.driver)
    except (CredentialError, UnusableFamily) as error:
        raise usage(str(error)) from None
    context = DeviceContext(config=config, radios=radios, aps=aps, secret=secret, clock=time.monotonic)
    try:
        return family.device(context)
    except ValueError as error:
        raise Failure(ExitCode.USAGE, f"{config.id}: {error}") from None
    except PersonNeeded as error:
        raise usage(str(error)) from None


def recorded(file: Path, driver: str, profile: str | None) -> Callable[[tuple[AccessPoint, ...]], Device]:
    """What makes a device of a recording. Raises a Failure that says what to do with a wrong file."""
    from drivers.snmp.options import checked
    from drivers.snmp.replay import WrongRecording, replayed
    from inventory.site_error import SiteErrors

    if driver != "snmp":
        raise usage(f"--replay: only snmp has recordings that anyone can make, {driver} has none")
    try:
        return replayed(file, checked(_options(profile)))
    except (WrongRecording, SiteErrors, ValueError) as error:
        raise usage(*str(error).splitlines()) from None


def _pairs(given: tuple[str, ...]) -> dict[str, str]:
    """NAME=VALUE each. Raises a usage Failure."""
    if wrong := [each for each in given if "=" not in each]:
        raise usage(f"--option: expected NAME=VALUE, got {wrong[0]}")
    return dict(each.split("=", 1) for each in given)


def _options(profile: str | None) -> dict[str, str]:
    """A dialect by its name, or by its file."""
    if profile is None:
        return {}
    if profile.endswith((".yaml", ".yml")):
        return {"profile_file": str(Path(profile).absolute())}
    return {"profile": profile}
