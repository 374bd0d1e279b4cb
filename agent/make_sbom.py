"""Writes the bill of materials of a lock file, as CycloneDX JSON: `make sbom`. Same input, same text."""

from __future__ import annotations

import json
import re
import sys
import uuid
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, PackageMetadata, distributions, version
from pathlib import Path
from typing import Any, Final

from agent.lock import Locked, locked

SPEC: Final = "1.6"
_NAMESPACE: Final = uuid.UUID("6f1d3c1e-4b0f-5d8e-9a53-7c2f1d0e8b64")
_CLASSIFIER: Final = "License :: OSI Approved :: "
_UNTOLD: Final[Mapping[str, str]] = {"pysnmp": "BSD-2-Clause"}  # metadata without a word; LICENSE.rst has it
_LONGEST: Final = 60  # of a licence's name; some packages put its whole text there


def document(entries: Iterable[Locked], found: Mapping[str, Distribution], own: str) -> Mapping[str, Any]:
    """``found``: the installed packages by name; their metadata tells licence and dependencies. ``own``: our
    version. Raises LookupError for one that is locked and not there at that version."""
    known = {entry.name: entry for entry in entries if entry.marker is None or "win32" not in entry.marker}
    parts = [_component(entry, _of(entry, found)) for entry in known.values()]
    root = {"type": "application", "bom-ref": "rrmd", "name": "rrmd", "version": own}
    return {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC,
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, json.dumps(parts, sort_keys=True))}",
        "version": 1,
        "metadata": {"component": root},
        "components": parts,
        "dependencies": [
            {"ref": "rrmd", "dependsOn": [_purl(each) for each in known.values()]},
            *({"ref": _purl(each), "dependsOn": _needs(each, found, known)} for each in known.values()),
        ],
    }


def _of(entry: Locked, found: Mapping[str, Distribution]) -> Distribution:
    there = found.get(entry.name)
    if there is None or there.version != entry.version:
        raise LookupError(f"{entry.name} {entry.version} is locked and not installed")
    return there


def _component(entry: Locked, there: Distribution) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": _purl(entry),
        "name": entry.name,
        "version": entry.version,
        "purl": _purl(entry),
        "hashes": [{"alg": "SHA-256", "content": each} for each in entry.sha256],
        "licenses": [_licence(there)],
    }


def _purl(entry: Locked) -> str:
    return f"pkg:pypi/{entry.name}@{entry.version}"


def _licence(there: Distribution) -> dict[str, Any]:
    """An SPDX expression where the package gives one, else the name that it uses."""
    meta = there.metadata
    if expression := _UNTOLD.get(meta["Name"]) or _first(meta, "License-Expression"):
        return {"expression": expression}
    classified = [each.removeprefix(_CLASSIFIER) for each in meta.get_all("Classifier") or ()]
    named = _first(meta, "License")
    names = [each for each in classified if "::" not in each]
    return {"license": {"name": named if 0 < len(named) <= _LONGEST else ", ".join(names) or "unknown"}}


def _first(meta: PackageMetadata, field: str) -> str:
    """Empty: it does not say."""
    return next(iter(meta.get_all(field) or ()), "")


def _needs(entry: Locked, found: Mapping[str, Distribution], known: Mapping[str, Locked]) -> list[str]:
    """Of what is locked, that which the package asks for, extras left out."""
    wanted = {
        normal(re.split(r"[^\w.-]", line, maxsplit=1)[0])
        for line in found[entry.name].requires or ()
        if "extra ==" not in line
    }
    return [_purl(known[name]) for name in sorted(wanted & known.keys())]


def normal(name: str) -> str:
    """A package's name as lock files write it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> None:
    """Arguments: the lock file, and the virtual environment that was installed from it."""
    lock, venv = map(Path, sys.argv[1:3])
    sites = [str(path) for path in venv.glob("lib/python*/site-packages")]
    found = {normal(each.metadata["Name"]): each for each in distributions(path=sites)}
    told = document(locked(lock.read_text()), found, version("rrmd"))
    print(json.dumps(told, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
