"""Site files -> :class:`Site`. Every error of every file is found at once, with file, line and path; of one
file the first 1,000.

Drivers are not imported: the caller gives each driver's check of its own options.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from inventory.device_words import DriverSchemas
from inventory.model import Site
from inventory.site_error import SiteError, SiteErrors
from inventory.site_words import read_site
from inventory.yaml_text import MAX_BYTES

__all__ = ["DriverSchemas", "SiteError", "SiteErrors", "load", "load_sites"]

Where = str | Path


def load(path: Where, driver_schemas: DriverSchemas) -> Site:
    """The site of one file. Raises SiteErrors with all that is wrong."""
    return read_site(_bytes(Path(path)), str(path), driver_schemas)


def load_sites(where: Where | Iterable[Where], driver_schemas: DriverSchemas) -> dict[str, Site]:
    """Sites by id, from files or from the ``*.yaml`` of one directory.

    Raises SiteErrors with all that is wrong in all files; a site id stands in one file only.
    """
    sites: dict[str, Site] = {}
    origin: dict[str, Path] = {}
    errors: list[SiteError] = []
    for path in _paths(where):
        try:
            site = load(path, driver_schemas)
        except SiteErrors as error:
            errors.extend(error.errors)
            continue
        if site.id in sites:
            got = f"{site.id} (also in {origin[site.id]})"
            errors.append(SiteError(str(path), 1, "site.id", "an id that no other file has", got))
        sites.setdefault(site.id, site)
        origin.setdefault(site.id, path)
    if errors:
        raise SiteErrors(errors)
    return sites


def _paths(where: Where | Iterable[Where]) -> list[Path]:
    if not isinstance(where, (str, Path)):
        return [Path(each) for each in where]
    if not Path(where).is_dir():
        return [Path(where)]
    if paths := sorted(Path(where).glob("*.yaml")):
        return paths
    raise SiteErrors([SiteError(str(where), 1, "", "a directory with *.yaml files", "one without")])


def _bytes(path: Path) -> bytes:
    """Of a regular file, or of what a link to one leads to; a FIFO or a device has no end."""
    try:
        with open(path, "rb", opener=_unblocked) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise SiteErrors([SiteError(str(path), 1, "", "a regular file", "something else")])
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SiteErrors([SiteError(str(path), 1, "", "a readable file", reason)]) from error


def _unblocked(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
