"""Made-up sites and their worlds, as plain as an example of hypothesis should print."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from rig import site_of

from agent.change import Actor
from drivers.simulated.world import World
from inventory import regulatory
from inventory.channels import Block, blocks
from inventory.model import Band, Mode, MonitorPolicy, Placement, Policy, Radio, RadioKey, Site

PERSON = Actor(type="operator", uid=1000, name="ann")
COUNTRIES = ("US", "DE", "JP", "NO", "CA", "IN", "GB", "AU")
QUICK = Policy(
    mode=Mode.ACT,
    poll_s=5.0,
    apply_timeout_s=5.0,
    ack_timeout_s=10.0,
    cooldown_s=3.0,
    rollback_attempts=3,
    monitor=MonitorPolicy(
        slot_s=4.0, min_frames=20, settle_s=2.0, lost_client_after_s=10.0, baseline_slots=12, no_data_s=60.0
    ),
)


@dataclass(frozen=True)
class Plot:
    """A site and its world, as plain as an example should print. ``starts``: an index for each AP into the
    blocks that are legal there."""

    country: str
    band: Band
    aps: int
    widths: tuple[int, ...]
    listed: tuple[int, ...] | None
    dfs: bool
    pinned: bool
    placement: Placement
    mode: Mode
    undo_timer: bool
    inflight: float
    spacing_m: float
    starts: tuple[int, ...]
    clients: int
    seed: int

    def site(self) -> Site:
        return site_of(
            self.aps,
            policy=replace(QUICK, mode=self.mode, max_inflight_ratio=self.inflight),
            country=self.country,
            band=self.band,
            widths=self.widths,
            spacing_m=self.spacing_m,
            undo_timer=self.undo_timer,
            channels=self.listed,
            dfs=self.dfs,
            pinned=self.pinned,
            placement=self.placement,
        )

    def world(self, site: Site) -> World:
        world = World(self.seed, self.country, start_hour=12.0)
        legal = lawful_blocks(self.country, self.band, self.placement, self.widths)
        for n, ap in enumerate(site.aps.values()):
            for radio in ap.radios:
                where = legal[self.starts[n % len(self.starts)] % len(legal)]
                most = regulatory.max_power_dbm(self.country, where, radio)
                world.add_radio(
                    radio, where, position=ap.position_m or (0.0, 0.0, 3.0), tx_power_dbm=min(17, most)
                )
        world.add_clients(self.clients, stays=True)
        return world


@cache
def lawful_blocks(
    country: str, band: Band, placement: Placement, widths: tuple[int, ...]
) -> tuple[Block, ...]:
    """Every block of these widths that the law allows such a radio."""
    radio = Radio(key=RadioKey("lab/ap1/r"), band=band, placement=placement)
    return tuple(
        b for width in widths for b in blocks(band, width) if regulatory.refusal(country, b, radio) is None
    )
