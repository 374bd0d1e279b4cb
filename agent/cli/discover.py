"""`rrmd discover`: what answers SNMP in a network, as a starting site file. Only asks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.cli.failure import ExitCode, Failure, usage
from agent.cli.installed import installed
from agent.cli.output import check_free, write
from agent.cli.terminal import complain, count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.first_inventory import Place
    from agent.sweep import Sweep
    from drivers.types import DeviceInfo

ASSUMED = "US"
SILENCE = "nobody answered: a wrong community, or a user that is not known there, looks like this too"


def discover(
    cidr: Annotated[str, typer.Argument(metavar="CIDR", help="A network, such as 192.0.2.0/24.")],
    credential: Annotated[
        str, typer.Option("--credential", metavar="cred:NAME", help="A community, or an SNMPv3 user.")
    ],
    country: Annotated[
        str | None,
        typer.Option("--country", metavar="XX", help="Of the site: two letters; else US is assumed."),
    ] = None,
    timezone: Annotated[str, typer.Option("--timezone", metavar="NAME", help="Of the site.")] = "UTC",
    site: Annotated[str, typer.Option("--site-id", metavar="ID", help="Of the site.")] = "discovered",
    rate: Annotated[
        float, typer.Option("--rate", metavar="N", help="Addresses a second.", min=0.1, max=1000)
    ] = 50,
    port: Annotated[int, typer.Option("--port", help="Where SNMP answers.", min=1, max=65535)] = 161,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Write there and not to the terminal.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write over FILE; ask more than 65536 addresses.")
    ] = False,
) -> int:
    """Ask a network what speaks SNMP there, and write a starting site file, in mode observe."""
    from agent.first_inventory import Place

    hosts = _hosts(cidr, force=force)
    check_free(output, force=force)
    place = Place(site=site, country=country or ASSUMED, timezone=timezone, credential=credential, port=port)
    _check_place(place)
    found = _swept(hosts, place, rate)
    doubt = (
        ()
        if country
        else (f"the country {ASSUMED} is assumed: put the right one in before anything is changed",)
    )
    text = _inventory(found, cidr, place, doubt)
    complain((*doubt, *_said(found)))
    if found.silent == found.asked:
        complain((SILENCE,))
    if text is None:
        return ExitCode.REFUSED
    write(text, output, force=force)
    return ExitCode.FINE


def _hosts(cidr: str, *, force: bool) -> Iterator[str]:
    from agent.sweep import MOST_ADDRESSES, addresses

    try:
        number, hosts = addresses(cidr)
    except ValueError as error:
        raise usage(str(error)) from None
    if number > MOST_ADDRESSES and ":" in cidr:
        raise usage(f"{cidr} has more than {MOST_ADDRESSES} addresses: take a /112 or a smaller one")
    if number > MOST_ADDRESSES and not force:
        raise usage(f"{cidr} has {number} addresses, more than {MOST_ADDRESSES}: a smaller one, or --force")
    return hosts


def _check_place(place: Place) -> None:
    """What the site file would refuse is refused before anything is asked."""
    from agent.first_inventory import site_line
    from inventory.site_error import SiteErrors
    from inventory.site_words import read_site

    try:
        read_site(
            f"version: 1\n{site_line(place)}\naps: {{}}\n".encode(), "--site-id, --country, --timezone", {}
        )
    except SiteErrors as error:
        if wrong := [each for each in error.errors if each.path.startswith("site")]:
            raise usage(
                *(f"{each.path}: expected {each.expected}, got {each.got}" for each in wrong)
            ) from None


def _swept(hosts: Iterator[str], place: Place, rate: float) -> Sweep:
    import asyncio

    from agent.cli.one_device import config_of, device_of
    from agent.sweep import sweep
    from drivers.snmp.discover import heard, login_of
    from drivers.snmp.heard import Heard
    from inventory.credentials import CredentialError, resolve

    try:
        login = login_of(resolve(place.credential))
    except CredentialError as error:
        raise usage(str(error)) from None

    async def ask(host: str) -> Heard | None:
        return await heard(host, place.port, login)

    async def open_(one: Heard) -> DeviceInfo:
        host = f"[{one.address}]" if ":" in one.address else one.address
        device = device_of(config_of(f"{host}:{place.port}", "snmp", one.profile, place.credential), ())
        try:
            return await device.open()
        finally:
            await device.close()

    return asyncio.run(sweep(hosts, ask, open_, rate))


def _inventory(found: Sweep, cidr: str, place: Place, doubt: tuple[str, ...]) -> str | None:
    """The text, which the loader has read once. Raises a Failure with what it does not like."""
    from agent.first_inventory import first_inventory
    from inventory.site_error import SiteErrors
    from inventory.site_words import read_site

    said = (
        f"Written by rrmd discover {cidr}: look it through before the daemon gets it.",
        *doubt,
        *_said(found),
    )
    pairs = ((one.heard, one.info) for one in found.known)
    text = first_inventory(pairs, found.unknown, said, place)
    if text is None:
        return None
    try:
        read_site(text.encode(), "what was found", installed().schemas())
    except SiteErrors as error:
        raise Failure(ExitCode.REFUSED, *map(str, error.errors)) from None
    return text


def _said(found: Sweep) -> list[str]:
    aps = sum(len(one.info.found) for one in found.known)
    return [
        f"{found.asked} asked, {found.silent} silent; "
        f"{count(len(found.known), 'device')} known, with {count(aps, 'AP')}",
        *(
            f"{one.address}: no profile knows {one.sys_object_id} ({one.sys_descr[:60]})"
            for one in found.unknown
        ),
        *(f"{address}: {reason}" for address, reason in found.failed),
    ]
