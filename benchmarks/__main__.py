"""The figures of the design, measured here and now: ``python -m benchmarks [NAME ...] [--quick] [--json]``.

Nothing is asserted: a figure depends on the machine and on its disk, so both are described beside it, and the
disk's own sync is measured in the same run and the same directory.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks import (
    audit,
    choice,
    fleet,
    load,
    machine,
    poll,
    poll_fleet,
    radar_line,
    reaction,
    traps,
    verdict,
)

FIGURES: dict[str, ModuleType] = {
    "reaction": reaction,
    "radar_line": radar_line,
    "verdict": verdict,
    "choice": choice,
    "audit": audit,
    "load": load,
    "traps": traps,
    "poll": poll,
    "poll_fleet": poll_fleet,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"which of {', '.join(FIGURES)}; default: all")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: to see that it works")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.add_argument("--directory", type=Path, help="on which disk; default: that of temporary files")
    options = parser.parse_args()
    if unknown := set(options.names) - set(FIGURES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(FIGURES)}")
    fleet.quiet_logs()
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        results = measured(Path(directory), options.names or list(FIGURES), options.quick, options.json)
    if options.json:
        print(json.dumps(results, indent=2))


def measured(directory: Path, names: list[str], quick: bool, silent: bool) -> dict[str, Any]:
    """Each figure in a directory of its own, told as it comes unless ``silent``."""
    results: dict[str, Any] = {"machine": machine.described()}
    results["machine"]["disk"] = machine.disk_alone(directory, 200 if quick else 2000)

    def tell(text: str) -> None:
        if not silent:
            print(text, flush=True)

    tell(machine.text(results["machine"]))
    for name in names:
        begun = time.monotonic()
        own = directory / name
        own.mkdir()
        results[name] = FIGURES[name].measure(own, quick)
        tell(f"\n[{name}, {time.monotonic() - begun:.0f} s]")
        tell("\n".join(FIGURES[name].lines(results[name])))
    return results


if __name__ == "__main__":
    main()
