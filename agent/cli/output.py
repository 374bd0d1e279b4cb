"""Where a command writes what it made: a file that is not there yet, or the terminal."""

from __future__ import annotations

import os
from pathlib import Path

from agent.cli.failure import Failure, usage


def check_free(output: Path | None, *, force: bool) -> None:
    """Before the work is done. Raises a usage Failure."""
    if output is None:
        return
    if output.is_dir():
        raise usage(f"{output} is a directory: name a file")
    if not output.parent.is_dir():
        raise usage(f"{output}: there is no directory {output.parent}")
    if output.exists() and not force:
        raise _there(output)


def write(text: str, output: Path | None, *, force: bool) -> None:
    """``output`` None: to the terminal. Raises a usage Failure where the file is there, unless ``force``."""
    if output is None:
        print(text, end="")
        return
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if force else os.O_EXCL)
    try:
        with open(os.open(output, flags, 0o644), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise _there(output) from None


def _there(output: Path) -> Failure:
    return usage(f"{output} is there already: --force writes over it")
