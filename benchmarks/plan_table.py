"""The rows of `benchmarks.plan` as tables in markdown: gaps by size and by setting, proofs, times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from statistics import fmean
from typing import Final

from benchmarks.plan_rows import BUDGETS, FREE, OURS, SAME, Row

SOLVERS: Final = ("as installed", "random", "least used", "hostapd ACS", "annealing", OURS)
MOVES: Final = {"free": "any", "same": "as many as rrmd", "half": "half as many"}


def table(rows: Sequence[Row]) -> str:
    """All tables, one after the other."""
    blocks = (_by_size(rows), _by_setting(rows), _proofs(rows), _times(rows))
    return "\n\n".join("\n".join(block) for block in blocks)


def _by_size(rows: Sequence[Row]) -> Iterator[str]:
    yield from _head("radios", "sites", "moves", *SOLVERS)
    for radios in sorted({row.radios for row in rows}):
        for budget in BUDGETS:
            these = [row for row in rows if row.radios == radios and row.budget == budget]
            sites = len({row.site for row in these})
            yield _line(str(radios), str(sites), MOVES[budget], *_gaps(these))


def _by_setting(rows: Sequence[Row]) -> Iterator[str]:
    yield from _head("band, widths, country", "radios", *SOLVERS)
    rows = [row for row in rows if row.budget == SAME]
    settings = sorted({(row.band, row.widths_mhz, row.country) for row in rows})
    for band, widths, country in settings:
        these = [row for row in rows if (row.band, row.widths_mhz, row.country) == (band, widths, country)]
        for radios in sorted({row.radios for row in these}):
            name = f"{band} GHz, {'/'.join(map(str, widths))} MHz, {country}"
            yield _line(name, str(radios), *_gaps([row for row in these if row.radios == radios]))


def _gaps(rows: Sequence[Row]) -> Iterator[str]:
    """Mean gap of each solver, with the least and the most."""
    for solver in SOLVERS:
        yield _spread([row.gap_ratio for row in rows if row.solver == solver], _percent)


def _proofs(rows: Sequence[Row]) -> Iterator[str]:
    yield from _head("radios", "moves", "sites proven", "gap of rrmd to the bound", "gap of annealing")
    for radios in sorted({row.radios for row in rows}):
        for budget in BUDGETS:
            these = [row for row in rows if (row.radios, row.budget, row.solver) == (radios, budget, OURS)]
            proven = {row.site for row in these if row.bound is not None}
            if proven:
                ours, theirs = (
                    [
                        row.gap_ratio
                        for row in rows
                        if (row.solver, row.budget) == (solver, budget) and row.site in proven
                    ]
                    for solver in (OURS, "annealing")
                )
                share = f"{len(proven)} of {len(these)}"
                yield _line(
                    str(radios), MOVES[budget], share, _spread(ours, _percent), _spread(theirs, _percent)
                )


def _times(rows: Sequence[Row]) -> Iterator[str]:
    yield from _head("radios", "within 2 % of its last value, s", "until it ended, s")
    ours = [row for row in rows if (row.solver, row.budget) == (OURS, FREE) and row.curve]
    for radios in sorted({row.radios for row in ours}):
        these = [row for row in ours if row.radios == radios]
        close = [row.close_s for row in these if row.close_s is not None]
        yield _line(str(radios), _spread(close, _plain), _spread([row.seconds for row in these], _plain))


# -- cells -------------------------------------------------------------------------------------------------


def _head(*names: str) -> Iterator[str]:
    yield _line(*names)
    yield "|" + "---|" * len(names)


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _spread(numbers: Iterable[float], told: Callable[[float], str]) -> str:
    """Mean, least and most."""
    found = sorted(numbers)
    if not found:
        return ""
    if len(found) == 1:
        return told(found[0])
    return f"{told(fmean(found))} ({told(found[0])}-{told(found[-1])})"


def _percent(ratio: float) -> str:
    return f"{abs(100 * ratio):.1f}"


def _plain(seconds: float) -> str:
    return f"{seconds:.2f}"
