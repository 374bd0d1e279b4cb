"""What every driver must do, whatever it speaks: what it declares is what is demanded of it.

Give it a `Case` in a class that inherits from `Contract`; docs/drivers.md says how.
"""

from __future__ import annotations

from contract.case import Case
from contract.pushing import Pushing
from contract.reading import Reading
from contract.writing import Writing

__all__ = ["Case", "Contract"]


class Contract(Reading, Writing, Pushing):
    """Inherit and give a fixture `case`."""
