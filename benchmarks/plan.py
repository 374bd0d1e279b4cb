"""How good a channel plan is: made-up sites, ours beside what else chooses channels, gaps and times.

Run from the repository: ``python -m benchmarks.plan [--quick] [--json] [--plot FILE]``. ``--json`` prints the
list of rows (`benchmarks.plan_rows.Row`) in place of the table. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from benchmarks.plan_plot import plot
from benchmarks.plan_rows import Effort, Row, rows
from benchmarks.plan_sites import Kind
from benchmarks.plan_table import table
from inventory.model import Band

Setting = tuple[Band, tuple[int, ...], str]

SETTINGS: Final[tuple[Setting, ...]] = (
    (Band.GHZ_2_4, (20,), "US"),
    (Band.GHZ_2_4, (20,), "DE"),
    (Band.GHZ_5, (20,), "DE"),
    (Band.GHZ_5, (40,), "US"),
    (Band.GHZ_5, (80,), "US"),
    (Band.GHZ_5, (20, 40, 80), "DE"),
    (Band.GHZ_6, (80,), "US"),
    (Band.GHZ_6, (20, 40, 80, 160), "DE"),
)
FEW: Final[tuple[Setting, ...]] = (
    (Band.GHZ_2_4, (20,), "US"),
    (Band.GHZ_5, (80,), "US"),
    (Band.GHZ_5, (20, 40, 80), "DE"),
)
"""Of the largest site, which takes minutes."""

WHOLE: Final[Mapping[int, tuple[tuple[Setting, ...], int, Effort]]] = MappingProxyType(
    {
        20: (SETTINGS, 3, Effort(ours_s=1.0, proof_s=3.0, long_s=0.5, curve=True)),
        60: (SETTINGS, 2, Effort(ours_s=1.0, long_s=2.0, curve=True)),
        200: (SETTINGS, 2, Effort(ours_s=2.0, long_s=4.0, curve=True)),
        1000: (FEW, 2, Effort(ours_s=10.0, long_s=20.0, curve=True)),
    }
)
"""By radios: settings, seeds, and what is spent on each; ours has the limits that it must keep."""

PROVEN: Final = Effort(ours_s=0.2, proof_s=1.5, proof_of_half=False)

QUICK: Final[tuple[tuple[Kind, Effort], ...]] = (
    (Kind(radios=20, band=Band.GHZ_2_4, widths_mhz=(20,)), PROVEN),
    (Kind(radios=60, band=Band.GHZ_5, widths_mhz=(40,)), Effort(ours_s=0.3)),
    (Kind(radios=200, band=Band.GHZ_5, widths_mhz=(20, 40, 80), country="DE"), Effort(ours_s=0.5)),
    (Kind(radios=1000, band=Band.GHZ_5, widths_mhz=(80,)), Effort(ours_s=0.8)),
)
"""A look, with short limits."""

MORE: Final[tuple[tuple[Kind, Effort], ...]] = tuple(
    (Kind(radios=20, band=band, widths_mhz=widths, seed=seed), PROVEN)
    for seed in (1, 2, 3)
    for band, widths in ((Band.GHZ_5, (80,)), (Band.GHZ_6, (80,)), (Band.GHZ_2_4, (20,)))
)

QUICK_S: Final = 20.0
"""Of the wall clock: while it lasts, one after the other of ``MORE`` follows."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plan", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few sites, short limits: half a minute")
    parser.add_argument("--json", action="store_true", help="print the list of rows, no table")
    parser.add_argument("--plot", type=Path, help="write the plot there, as SVG")
    parser.add_argument("--radios", type=int, nargs="+", choices=list(WHOLE), default=list(WHOLE))
    parser.add_argument(
        "--from", dest="earlier", type=Path, nargs="+", help="rows of earlier runs: measure nothing"
    )
    options = parser.parse_args()
    if options.earlier:
        found = [row for path in options.earlier for row in _earlier(path)]
    else:
        found = _measured(_quick(time.monotonic()) if options.quick else whole(options.radios))
    if options.plot:
        options.plot.write_text(plot(found), encoding="utf-8")
    print(json.dumps([row.as_json() for row in found], indent=1) if options.json else table(found))


def _measured(sites: Iterable[tuple[Kind, Effort]]) -> list[Row]:
    found: list[Row] = []
    for kind, effort in sites:
        found += rows(kind, effort)
        print(kind.name, file=sys.stderr, flush=True)
    return found


def _quick(begun_s: float) -> Iterator[tuple[Kind, Effort]]:
    """Each size once, then small sites of other bands and seeds, as far as time allows."""
    yield from QUICK
    for kind, effort in MORE:
        if time.monotonic() - begun_s < QUICK_S and (kind, effort) not in QUICK:
            yield kind, effort


def whole(sizes: Iterable[int]) -> Iterator[tuple[Kind, Effort]]:
    """Every site of these sizes."""
    for radios in sizes:
        settings, seeds, effort = WHOLE[radios]
        for band, widths, country in settings:
            for seed in range(1, seeds + 1):
                kind = Kind(radios=radios, band=band, widths_mhz=widths, country=country, seed=seed)
                yield kind, effort


def _earlier(path: Path) -> list[Row]:
    return [_row(each) for each in json.loads(path.read_text(encoding="utf-8"))]


def _row(told: dict[str, Any]) -> Row:
    curve = tuple((seconds, value) for seconds, value in told["curve"])
    return Row(**{**told, "widths_mhz": tuple(told["widths_mhz"]), "curve": curve})


if __name__ == "__main__":
    main()
