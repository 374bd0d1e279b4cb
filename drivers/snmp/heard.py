"""A device that answered at an address, as it describes itself. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.notifications import Oid


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A device that answered. ``profile``: the name of its dialect; None: nobody here knows it."""

    address: str
    sys_object_id: Oid
    sys_descr: str
    sys_name: str
    profile: str | None
