"""When the device's own undo timer is armed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rig import site_of
from unit.agent.planner.test_guards import ABLE, done, view

from agent.change import Cause
from agent.undo_timer import undo_after_s
from agent.view import values_of
from drivers.types import Capabilities, Effects, Outage, Readback
from inventory.channels import block
from inventory.model import Band

TIMED = replace(ABLE, undo_timer_s=(10.0, 600.0))
DROPS = Effects(
    commands=("x",), outage=Outage.CLIENTS_DROP, silent_s=30.0, readback=Readback.IN_FORCE, persists=True
)
MOVE = done(0.0, Cause.SPECTRUM_SAT)


def test_it_outlasts_the_silence_the_write_and_the_ack() -> None:
    after_s = undo_after_s(MOVE, DROPS, TIMED, view(site_of(2)))
    assert after_s is not None
    assert after_s >= 30.0 + 30.0 + 60.0


@pytest.mark.parametrize(
    ("effects", "able"),
    [
        (DROPS, ABLE),
        (replace(DROPS, undoable=False), TIMED),
        (replace(DROPS, outage=Outage.CAC), TIMED),
        (replace(DROPS, silent_s=1000.0), TIMED),
    ],
)
def test_it_is_not_armed(effects: Effects, able: Capabilities) -> None:
    """Without a timer; for an edit that it can't take back (an announced switch); where it could end within a
    CAC; where it can't be set for long enough."""
    assert undo_after_s(MOVE, effects, able, view(site_of(2))) is None


def test_it_never_leads_back_onto_a_channel_with_radar_detection() -> None:
    from_52 = replace(MOVE, prior=values_of(block(Band.GHZ_5, 52, 20)))
    assert undo_after_s(from_52, DROPS, TIMED, view(site_of(2))) is None
