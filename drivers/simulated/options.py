"""What a site file may say of a simulated device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from drivers.simulated.propagation import Position
from drivers.types import Action, Table

UNDO_TIMER_S = (5.0, 3600.0)

Seconds = Annotated[float, Field(ge=0, le=86400)]


class Options(BaseModel):
    """``world``: name of the world it lives in, shared by all devices that give the same name. Unless a
    world of that name was registered, it is made of the radios of these devices, by the first device's
    ``seed``, ``country`` and ``start_hour``; ``positions_m`` places APs (default: a grid of 15 m).

    ``refresh_s``: how old the device lets its counters get; ``table_refresh_s``: the same for one table, and
    the only way for ``neighbors``. ``timeout_s``: what a time-out takes. ``actions``: what it declares.
    ``obss_pd_acts`` False: an OBSS-PD level takes a restart of the radio, and is told as configured only.
    ``spectrum_analyser``, ``intrusion_detection``, ``fault_reports``: which signals it has.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    world: str = "default"
    seed: int = 0
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] = "US"
    start_hour: Annotated[float, Field(ge=0, lt=24)] = 9.0
    clients_per_ap: Annotated[int, Field(ge=0, le=500)] = 8
    positions_m: dict[str, Position] = {}
    latency_s: Seconds = 0.02
    timeout_s: Seconds = 10.0
    refresh_s: Seconds = 0.0
    table_refresh_s: dict[Literal["survey", "counters", "clients", "neighbors"], Seconds] = {}
    undo_timer: bool = True
    actions: tuple[Literal[Action.RESTART, Action.STEER], ...] = (Action.RESTART, Action.STEER)
    obss_pd_acts: bool = True
    spectrum_analyser: bool = False
    intrusion_detection: bool = False
    fault_reports: bool = True

    @property
    def refresh(self) -> Mapping[Table, float]:
        """Seconds after which each table is renewed; those that are renewed at once are not in it."""
        often = (Table.SURVEY, Table.COUNTERS, Table.CLIENTS)
        plain: dict[Table, float] = dict.fromkeys(often, self.refresh_s)
        given = {Table(name): seconds for name, seconds in self.table_refresh_s.items()}
        return {table: seconds for table, seconds in (plain | given).items() if seconds > 0}


def check_options(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options with their defaults. ValueError with one sentence for an operator."""
    try:
        return Options.model_validate(dict(options)).model_dump()
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{where}: {first['msg']}, got {first['input']!r}") from error
