"""Plans of sites that a test makes by hand, and places where such a plan pays."""

from __future__ import annotations

from collections.abc import Mapping

from agent.planner.site.plan import Plan, PlannedMove, Wishes
from agent.view import values_of
from drivers.simulated.world import World
from inventory.channels import Block, block
from inventory.model import Band, RadioKey

STRANGER = "02:00:00:00"
"""How the BSSIDs of strangers begin."""


def on(channel: int) -> Block:
    return block(Band.GHZ_5, channel, 20)


def plan_of_moves(world: World, to: Mapping[RadioKey, int]) -> Plan:
    """These radios to these channels, one after the other."""
    moves = tuple(
        PlannedMove(
            radio=key,
            step=step,
            target=values_of(on(channel)),
            before=world.radio(key).block,
            after=on(channel),
            mhz_before=5.0,
            mhz_after=20.0,
            gain=1.0,
            reasons=("own_neighbours",),
        )
        for step, (key, channel) in enumerate(to.items())
    )
    return Plan(
        site="lab",
        made_utc_us=0,
        radios=4,
        value_now=6.0,
        value_then=9.0,
        bound=None,
        confidence=0.9,
        moves=moves,
        outlook=(),
        left=(),
        gain_ratio=0.5,
        seconds=0.1,
        wishes=Wishes(),
    )


def strangers_beside(world: World, to: Mapping[RadioKey, float]) -> None:
    """A quiet stranger so many metres beside each of these radios, on its channel, which it alone hears."""
    for key, beside_m in to.items():
        radio = world.radio(key)
        x, y, z = radio.position
        bssid = f"{STRANGER}:{radio.block.primary:02}:01"
        place = (x + beside_m, y, z)
        world.add_foreign(bssid, radio.block, place, tx_power_dbm=-14, busy_ratio=0.2)
