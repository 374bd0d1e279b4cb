"""What the figures in docs/figures.md come from; a stand-in of the tests is used where a peer is needed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# The fake access point behind a real sshd is the tests' own.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

# Before NumPy is loaded, which else takes a thread for each core; the planner's process has one as well.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
