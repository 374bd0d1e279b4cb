"""rrmd as the guest gets it: a virtual environment in /opt/rrmd and the files of `systemd/`, as an initrd."""

from __future__ import annotations

import gzip
import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from vm.build_guest import CpioWriter

ROOT = Path(__file__).resolve().parents[2]
PYTHON = f"python{sys.version_info[0]}.{sys.version_info[1]}"
PACKAGES = f"opt/rrmd/lib/{PYTHON}/site-packages"
OURS = ("agent", "drivers", "inventory")
START = """#!/opt/rrmd/bin/python3
from agent.__main__ import main
raise SystemExit(main())
"""
UNIT_FILES = {
    "rrmd.service": "etc/systemd/system/rrmd.service",
    "rrmd.sysusers": "usr/lib/sysusers.d/rrmd.conf",
    "rrmd.tmpfiles": "usr/lib/tmpfiles.d/rrmd.conf",
}


def write_initrd(path: Path) -> None:
    """What docs/service.md has an operator do up to the installation, without a network in the guest."""
    with path.open("wb") as raw, gzip.GzipFile("", "wb", compresslevel=1, fileobj=raw, mtime=0) as packed:
        out = CpioWriter(packed)
        _environment(out)
        for name, file in _files():
            # The time is that of the source: what is compiled here is taken for compiled there.
            out.file(name, file.read_bytes(), mtime=int(file.stat().st_mtime))
        out.end()


def _environment(out: CpioWriter) -> None:
    """What `python3 -m venv --without-pip /opt/rrmd` makes."""
    out.link("opt/rrmd/bin/python3", f"/usr/bin/{PYTHON}")
    out.file("opt/rrmd/pyvenv.cfg", b"home = /usr/bin\ninclude-system-site-packages = false\n")
    out.file("opt/rrmd/bin/rrmd", START.encode(), 0o755)
    for name, target in UNIT_FILES.items():
        out.file(target, (ROOT / "systemd" / name).read_bytes())


def _files() -> Iterator[tuple[str, Path]]:
    """Path in the guest and file here: our own sources, and what the packages that they need consist of."""
    for top in OURS:
        for path in sorted((ROOT / top).rglob("*")):
            if path.is_file():
                yield f"{PACKAGES}/{path.relative_to(ROOT)}", path
    for found in _needed("rrmd"):
        for file in found.files or ():
            if ".." not in file.parts and not file.name.startswith("__editable__"):
                yield f"{PACKAGES}/{file}", Path(str(found.locate_file(file)))


def _needed(name: str) -> list[Distribution]:
    """The installed packages behind a package, itself included; those of its extras left out."""
    queue, found = [name], dict[str, Distribution]()
    while queue:
        wanted = re.split(r"[^\w.-]", queue.pop(), maxsplit=1)[0].lower().replace("_", "-")
        if wanted in found:
            continue
        try:
            found[wanted] = distribution(wanted)
        except PackageNotFoundError:  # for another system, or another Python
            continue
        queue += [each for each in found[wanted].requires or () if "extra ==" not in each]
    return list(found.values())
