"""Where an edit leads a radio, whatever the device speaks. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from drivers.errors import Unsupported
from drivers.types import ConfigState, Edit, Setting, Values
from inventory.channels import Block, block
from inventory.model import Band

WHERE: Final = frozenset({Setting.CHANNEL, Setting.WIDTH_MHZ, Setting.CENTER_MHZ})


def target_block(band: Band, widths_mhz: tuple[int, ...], wanted: Values, have: ConfigState) -> Block | None:
    """Where the edit leads; None when it says nothing of place. What it leaves open stays as it is.

    Raises Unsupported for a block that does not exist or is wider than the hardware.
    """
    if not WHERE & set(wanted):
        return None
    now = {**have.configured, **have.in_force}
    channel = wanted.get(Setting.CHANNEL, now.get(Setting.CHANNEL))
    width = wanted.get(Setting.WIDTH_MHZ, now.get(Setting.WIDTH_MHZ, 20))
    if channel is None:
        raise Unsupported("the radio is on no channel: the edit must name one")
    if width not in widths_mhz:
        raise Unsupported(f"{width} MHz: the radio can be {', '.join(map(str, widths_mhz))} MHz wide")
    centers = wanted.get(Setting.CENTER_MHZ), now.get(Setting.CENTER_MHZ), None
    return _block(band, channel, width, centers if centers[0] is None else centers[:1])


def _block(band: Band, channel: int, width: int, centers: Iterable[int | None]) -> Block:
    """With the first of these centres that fits."""
    reason = ""
    for center in centers:
        try:
            return block(band, channel, width, center)
        except ValueError as error:
            reason = str(error)
    raise Unsupported(reason)


def is_there(target: Block, now: Values) -> bool:
    """Whether these values say that block."""
    return now.get(Setting.CHANNEL) == target.primary and (
        now.get(Setting.WIDTH_MHZ),
        now.get(Setting.CENTER_MHZ),
    ) == (target.width_mhz, target.center_mhz)


def louder(edit: Edit, have: ConfigState) -> bool:
    """Whether the edit raises the power that is in force."""
    dbm, now = edit.set.get(Setting.TX_POWER_DBM), have.in_force.get(Setting.TX_POWER_DBM)
    return dbm is not None and now is not None and dbm > now
