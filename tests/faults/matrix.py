"""All rows of the fault matrix, in the order of the table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from faults import writes
from faults.case import Case, Elsewhere, Unapplied

OPERATIONS: Mapping[str, str] = MappingProxyType({"apply": "a write, there or back"})
"""The operations in the order of the page, each with what it is."""

MODULES = (writes,)

CASES: tuple[Case, ...] = tuple(case for module in MODULES for case in module.CASES)
UNAPPLIED: tuple[Unapplied, ...] = ()
ELSEWHERE: tuple[Elsewhere, ...] = ()
