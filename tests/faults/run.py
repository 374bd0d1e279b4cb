"""Tries every fault, and says with its last line how many went as stated: `make fault-matrix`.

With words as arguments only the cases whose names contain one of them.
"""

from __future__ import annotations

import logging
import multiprocessing
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import structlog
from faults.matrix import CASES
from faults.scene import tell

WORKERS = 2


def tried(name: str) -> str | None:
    """What was not as stated; None: all was. In a process of its own, which logs nothing."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    case = next(case for case in CASES if case.id == name)
    with tempfile.TemporaryDirectory(prefix="rrmd-fault-") as directory:
        try:
            tell(case, Path(directory))
        except Exception:  # whatever it is, it belongs to this case, and the next is tried
            return traceback.format_exc()
    return None


def results(names: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Of each case as it ends; a worker that died has nothing as stated."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(WORKERS, mp_context=context) as pool:
        asked = {pool.submit(tried, name): name for name in names}
        for done in as_completed(asked):
            error = done.exception()
            yield asked[done], repr(error) if error else done.result()


def main(words: Sequence[str]) -> int:
    names = [case.id for case in CASES if not words or any(word in case.id for word in words)]
    good = 0
    for name, wrong in results(names):
        good += wrong is None
        print(f"{name}: {wrong or 'as stated'}", file=sys.stderr, flush=True)
    print(f"faults: {len(names)} tried, {good} as stated", flush=True)
    return 0 if good == len(names) and names else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
