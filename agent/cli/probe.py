"""`rrmd probe`: what one AP answers, how fast, and what it could be told to do. Writes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent.cli.failure import ExitCode, Failure, usage, wrong_files
from agent.cli.installed import installed
from agent.cli.names import ap_key
from agent.cli.options import Json, options_of
from agent.cli.terminal import complain, show_json, show_pairs, show_table

if TYPE_CHECKING:
    from drivers.base import Device
    from inventory.model import Site

TIMEOUT_S = 120.0


def probe(
    context: typer.Context,
    ap: Annotated[str, typer.Argument(metavar="AP", help="site/ap or ap.")],
    site: Annotated[
        Path | None,
        typer.Option(
            "--site", metavar="FILE", help="Ask the AP directly, as this site file says; no daemon needed."
        ),
    ] = None,
    as_json: Json = False,
) -> int:
    """Ask one AP everything it can be asked. Writes nothing."""
    options = options_of(context)
    if site is not None:
        found = _directly(site, ap)
    else:
        found = options.ask("probe", ap=ap_key(ap, options.radios()), timeout_s=TIMEOUT_S)
    if as_json:
        show_json(found)
    else:
        _show(found)
    return ExitCode.REFUSED if found["errors"] else ExitCode.FINE


def _directly(file: Path, ap: str) -> dict[str, Any]:
    import asyncio
    import time

    from agent.probe import probe as ask
    from inventory.model import RadioKey

    site = _site(file)
    key = ap_key(ap, site.radios)
    radios = frozenset(RadioKey(radio) for radio in site.radios if radio.startswith(f"{key}/"))
    device = _device(site, key.split("/")[1])

    async def once() -> dict[str, Any]:
        try:
            return await ask(device, time.monotonic, radios)
        finally:
            await device.close()

    return asyncio.run(once())


def _site(file: Path) -> Site:
    from inventory.loader import load
    from inventory.site_error import SiteErrors

    if not file.is_file():
        raise usage(f"{file}: no such file")
    try:
        return load(file, installed().schemas())
    except SiteErrors as error:
        raise wrong_files(error.errors) from None


def _device(site: Site, ap: str) -> Device:
    """The device that answers for the AP, with all its radios."""
    import time

    from drivers.base import DeviceContext
    from drivers.registry import UnusableFamily
    from inventory.credentials import CredentialError, resolve

    config = site.devices[site.aps[ap].device]
    aps = tuple(one for one in site.aps.values() if one.device == config.id)
    radios = tuple(radio for one in aps for radio in one.radios)
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


def _show(found: dict[str, Any]) -> None:
    if found["device"]:
        show_pairs("Device", found["device"])
    for radio in found["radios"]:
        plain = {name: value for name, value in radio.items() if name not in ("key", "reading")}
        show_pairs(f"Radio {radio['key']}", plain | (radio.get("reading") or {}))
    show_table("Calls", ("call", "ms"), ((call["call"], call["ms"]) for call in found["calls"]))
    complain(found["errors"])
