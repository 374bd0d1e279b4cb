"""Data kept outside the repository, for tests only: ``$RRMD_SHARED`` or ``../shared`` of the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


def shared_data(*parts: str) -> Path:
    """A path below ``shared/data``. Skips the test, visibly, where it is absent."""
    root = Path(os.environ.get("RRMD_SHARED", REPOSITORY.parent / "shared"))
    path = root.joinpath("data", *parts)
    if not path.exists():
        pytest.skip(f"shared data {'/'.join(parts)} is absent (set RRMD_SHARED)")
    return path
