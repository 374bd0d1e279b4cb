"""What to do after radar, second by second. Pure.

The AP has 10 s by law to leave (47 CFR 15.407(h)(2)(iii); ETSI EN 301 893 4.2.6.2.2.4) and chooses for
itself; the agent looks, and acts only when it must.
"""

from __future__ import annotations

from enum import StrEnum

from agent.view import block_of
from drivers.types import RadioReading, RadioState
from inventory.model import Policy

TWICE_S = 60.0
"""Two radios that detect within this: it is no fault of one radio, everybody leaves."""


class RadarStep(StrEnum):
    GONE = "gone"  # it left: nothing to do
    WAIT = "wait"
    FORCE = "force"  # onto a legal channel
    OFF = "off"  # radio off, then a restart on a legal channel, and a person is called
    REPAIR = "repair"  # silent because it had nowhere to go


def after_radar(
    reading: RadioReading | None,
    hit_mhz: frozenset[int],
    elapsed_s: float,
    policy: Policy,
    *,
    ours_off: bool = False,
) -> RadarStep:
    """The step due ``elapsed_s`` seconds after radar was heard on these 20 MHz channels.

    ``reading`` None: the device does not answer, so nothing can be ordered either. One that answers without
    a channel is as bad as still there. ``ours_off``: we switched it off; a radio that a person switched off
    stays so.
    """
    if reading is None:
        return RadarStep.WAIT
    if reading.state is RadioState.NOP or (reading.state is RadioState.OFF and ours_off):
        return RadarStep.REPAIR
    if reading.state is RadioState.OFF:
        return RadarStep.GONE
    block = block_of(reading)
    if block is not None and not block.mhz20 & hit_mhz:
        return RadarStep.GONE
    if elapsed_s >= policy.radar_off_s:
        return RadarStep.OFF
    return RadarStep.FORCE if elapsed_s >= policy.radar_verify_s else RadarStep.WAIT
