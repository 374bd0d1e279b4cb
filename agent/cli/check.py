"""`rrmd check`: every mistake in the site files, before the daemon finds them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent.cli.failure import ExitCode, usage, wrong_files
from agent.cli.installed import installed
from agent.cli.options import Json, options_of
from agent.cli.terminal import complain, count, show, show_json

if TYPE_CHECKING:
    from inventory.model import Site
    from inventory.site_error import SiteError


def check(
    context: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE...", help="Site files or directories; without any: those of the daemon."
        ),
    ] = None,
    as_json: Json = False,
) -> int:
    """Name every mistake in site files."""
    sites, errors = _loaded(_files(files or [options_of(context).settings().sites]))
    if as_json:
        show_json({"ok": not errors, "sites": [_summary(site) for site in sites], "errors": _rows(errors)})
    elif not errors:
        show(_total(sites))
    if not errors:
        return ExitCode.FINE
    complain(_broken_drivers(errors))
    if as_json:
        return ExitCode.USAGE
    raise wrong_files(errors)


def _files(places: Iterable[Path]) -> list[Path]:
    """The files at these places; a directory stands for its ``*.yaml``. Raises a usage Failure."""
    found: list[Path] = []
    for place in places:
        inside = sorted(place.glob("*.yaml")) if place.is_dir() else [place]
        if not inside:
            raise usage(f"{place}: no *.yaml in this directory")
        found += inside
    return found


def _loaded(files: Iterable[Path]) -> tuple[list[Site], list[SiteError]]:
    """The sites, or all that is wrong with any of the files."""
    from inventory.loader import load_sites
    from inventory.site_error import SiteErrors

    try:
        return list(load_sites(files, installed().schemas()).values()), []
    except SiteErrors as error:
        return [], list(error.errors)


def _broken_drivers(errors: list[SiteError]) -> list[str]:
    """Why a driver that a site names is unknown, where it is installed and broken."""
    wanted = " ".join(error.got for error in errors if error.path.endswith("driver"))
    broken = installed().broken.items()
    return [f"driver {name} cannot be used: {reason}" for name, reason in broken if name in wanted]


def _summary(site: Site) -> dict[str, Any]:
    return {"id": site.id, "country": site.country, "aps": len(site.aps), "radios": len(site.radios)}


def _rows(errors: Iterable[SiteError]) -> list[dict[str, Any]]:
    names = ("file", "line", "path", "expected", "got")
    return [{name: getattr(error, name) for name in names} for error in errors]


def _total(sites: list[Site]) -> str:
    aps, radios = sum(len(site.aps) for site in sites), sum(len(site.radios) for site in sites)
    return f"ok: {count(len(sites), 'site')}, {count(aps, 'AP')}, {count(radios, 'radio')}"
