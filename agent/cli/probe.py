"""`rrmd probe`: what a device answers, how fast, and what it could be told to do. Writes nothing."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent.cli.duration import seconds
from agent.cli.failure import ExitCode, usage
from agent.cli.names import ap_key
from agent.cli.options import Json, Options, options_of
from agent.cli.terminal import complain, show_json

if TYPE_CHECKING:
    from drivers.base import Device
    from inventory.model import AccessPoint

TIMEOUT_S = 120.0
LONGEST_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was asked for on the command line."""

    ap: str | None
    for_s: float
    driver: str
    profile: str | None
    credential: str | None
    options: tuple[str, ...] = ()

    def need_ap(self) -> str:
        if self.ap is None:
            raise usage("name an AP, or a device: --address HOST, --replay FILE")
        return self.ap


SiteFile = Annotated[
    Path | None,
    typer.Option(
        "--site", metavar="FILE", help="Ask the AP directly, as this site file says; no daemon needed."
    ),
]
Recording = Annotated[
    Path | None,
    typer.Option(
        "--replay", metavar="FILE", help="Instead of a device: what snmpwalk -On printed, or a .snmprec."
    ),
]


def probe(
    context: typer.Context,
    ap: Annotated[str | None, typer.Argument(metavar="AP", help="site/ap or ap.", show_default=False)] = None,
    site: SiteFile = None,
    address: Annotated[
        str | None,
        typer.Option("--address", metavar="HOST", help="Ask a device that no site file names."),
    ] = None,
    replay: Recording = None,
    driver: Annotated[
        str, typer.Option("--driver", metavar="NAME", help="With --address and --replay.")
    ] = "snmp",
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile",
            metavar="NAME|FILE",
            help="With --driver snmp: a dialect, or a file of your own (.yaml); else found by sysObjectID.",
        ),
    ] = None,
    credential: Annotated[
        str | None, typer.Option("--credential", metavar="cred:NAME", help="With --address.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="NAME=VALUE", help="With --address: the driver's own; repeatable."),
    ] = None,
    for_span: Annotated[
        str, typer.Option("--for", metavar="SPAN", help="Ask again after so long, and count in between.")
    ] = "0s",
    as_json: Json = False,
) -> int:
    """Ask one AP, or one device, everything it can be asked. Writes nothing."""
    if sum(each is not None for each in (site, address, replay)) > 1:
        raise usage("one of --site, --address and --replay")
    wanted = Wanted(
        ap=ap,
        for_s=_span_s(for_span),
        driver=driver,
        profile=profile,
        credential=credential,
        options=tuple(option or ()),
    )
    found = _found(options_of(context), wanted, site, address, replay)
    if as_json:
        show_json(found)
    else:
        from agent.cli.probe_show import show_probe

        show_probe(found)
        complain(found["errors"])
    return ExitCode.REFUSED if found["errors"] else ExitCode.FINE


def _span_s(text: str) -> float:
    span_s = seconds(text)
    if span_s > LONGEST_S:
        raise usage(f"--for: at most {LONGEST_S:g} s")
    return span_s


def _found(
    options: Options, wanted: Wanted, site: Path | None, address: str | None, replay: Path | None
) -> dict[str, Any]:
    if site is not None:
        return _directly(site, wanted)
    if address is not None:
        return _at_address(address, wanted)
    if replay is not None:
        return _replayed(replay, wanted)
    return options.ask(
        "probe",
        ap=ap_key(wanted.need_ap(), options.radios()),
        for_s=wanted.for_s or None,
        timeout_s=TIMEOUT_S + wanted.for_s,
    )


def _directly(file: Path, wanted: Wanted) -> dict[str, Any]:
    import time

    from agent.cli.one_device import device_of, site_of
    from agent.probe import probe as ask
    from inventory.model import RadioKey

    site = site_of(file)
    key = ap_key(wanted.need_ap(), site.radios)
    radios = frozenset(RadioKey(radio) for radio in site.radios if radio.startswith(f"{key}/"))
    config = site.device_of(min(radios))
    aps = tuple(one for one in site.aps.values() if one.device == config.id)
    device = device_of(config, aps)

    async def once() -> dict[str, Any]:
        try:
            return await ask(device, time.monotonic, radios, aps=aps, for_s=wanted.for_s)
        finally:
            await device.close()

    return _run(once())


def _at_address(address: str, wanted: Wanted) -> dict[str, Any]:
    from agent.cli.one_device import config_of, device_of

    config = config_of(address, wanted.driver, wanted.profile, wanted.credential, wanted.options)

    def make(aps: tuple[AccessPoint, ...]) -> Device:
        return device_of(config, aps)

    return _all_of(make, wanted)


def _replayed(file: Path, wanted: Wanted) -> dict[str, Any]:
    from agent.cli.one_device import recorded

    return _all_of(recorded(file, wanted.driver, wanted.profile), wanted)


def _all_of(make: Any, wanted: Wanted) -> dict[str, Any]:
    import time

    from agent.probe import probe_all

    return _run(probe_all(make, time.monotonic, wanted=wanted.ap, for_s=wanted.for_s))


def _run(story: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    """The answer, with what the driver logged meanwhile (rows that it refused) among its notes."""
    import asyncio

    from agent.cli.notebook import notebook

    with notebook() as lines:
        found = asyncio.run(story)
    return {**found, "notes": [*found["notes"], *lines]}
