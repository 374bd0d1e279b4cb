"""What a watch takes for a control or for a lost client, with other changes and slow tables around it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rig import site_of

from agent import watch
from agent.change import Cause, Change, State
from agent.departures import ClientCensus
from agent.memory import Memory
from agent.moment import Deadline, Moment
from agent.monitor import judge
from agent.planner import guards
from agent.view import values_of
from agent.watch import Watch, look_around
from drivers.types import (
    BssReading,
    ClientReading,
    NeighborReading,
    RadioReading,
    RadioState,
    Reported,
    ScopeRef,
    Snapshot,
)
from inventory.channels import block
from inventory.model import Band, RadioKey

NOW = Moment(monotonic_s=1500.0, utc_us=10**15, boot_id="boot-1", boottime_us=10**12)
CHANGED, OTHER, THIRD = (RadioKey(f"lab/ap{n}/r5") for n in (1, 2, 3))
STEP_S = 30.0


def macs(key: RadioKey, count: int = 4) -> list[str]:
    return [f"06:0{n}:00:00:00:0{key.split('/')[1][2:]}" for n in range(count)]


def read(
    memory: Memory,
    key: RadioKey,
    at_s: float,
    clients: list[str] | None = None,
    neighbors: tuple[NeighborReading, ...] | None = (),
) -> None:
    where = block(Band.GHZ_5, 36, 20)
    frames = int(at_s) * 10
    reading = RadioReading(
        key=key,
        at_s=at_s,
        state=RadioState.ON_AIR,
        band=Band.GHZ_5,
        channel=Reported(where.primary, "test"),
        width_mhz=Reported(20, "test"),
        center_mhz=Reported(where.center_mhz, "test"),
        bss=(BssReading(bssid=f"02:00:00:00:00:0{key.split('/')[1][2:]}"),),
        clients=None
        if clients is None
        else tuple(
            ClientReading(mac=mac, tx_frames=frames, tx_retries=frames // 10, tx_failed=0, connected_s=at_s)
            for mac in clients
        ),
        neighbors=neighbors,
    )
    memory.see(Snapshot(at_s=at_s, readings={key: reading}))


def lab(aps: int = 3, bad: tuple[RadioKey, ...] = (), from_step: int = 0) -> Memory:
    """Radios far from each other, read for 25 minutes; ``bad`` ones list clients only from that step on."""
    memory = Memory({"lab": site_of(aps)})
    for step in range(51):
        for key in memory.radios:
            read(memory, key, step * STEP_S, None if key in bad and step < from_step else macs(key))
    return memory


def change(key: RadioKey = CHANGED, **more: object) -> Change:
    made = Change(
        id=f"change-{key}",
        site="lab",
        device=key.split("/")[1],
        scope=ScopeRef(kind="radio", name=key, members=(key,)),
        target=values_of(block(Band.GHZ_5, 44, 20)),
        prior=values_of(block(Band.GHZ_5, 36, 20)),
        cause=Cause.NON_WIFI_BURST,
        state=State.APPLYING,
        deadline=Deadline.after(NOW, 60.0),
        created_utc_us=NOW.utc_us,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def watched(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> tuple[Watch, dict[str, object]]:
    """A watch, acked now; what it asks the judge is in the second value after each look."""
    asked: dict[str, object] = {}

    def listen(**what: object) -> object:
        asked.update(what)
        return judge(**what)  # type: ignore[arg-type]

    monkeypatch.setattr(watch, "judge", listen)
    made = memory.remember(change())
    seen = memory.view(memory.sites["lab"], NOW)
    return Watch(memory, seen, made, look_around(memory, seen, made), NOW.monotonic_s), asked


def controls(asked: dict[str, object]) -> set[RadioKey]:
    return {series.key for series in asked["controls"]}  # type: ignore[attr-defined]


@pytest.mark.parametrize("state", [State.MONITORING, State.COMMITTED])
@pytest.mark.parametrize("jump_us", [0, -3_600_000_000])
def test_a_control_that_was_changed_meanwhile_is_none_ever_after(
    state: State, jump_us: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = lab()
    memory.remember(change(THIRD, id="before", state=State.COMMITTED))
    one, asked = watched(memory, monkeypatch)
    one.look(NOW.monotonic_s + 60.0)
    assert controls(asked) == {OTHER, THIRD}
    memory.remember(change(OTHER, state=state, created_utc_us=NOW.utc_us + 1 + jump_us))
    one.look(NOW.monotonic_s + 90.0)
    assert controls(asked) == {THIRD}


@pytest.mark.parametrize(
    ("crowd", "from_step"),
    [(watch.MOST_CONTROLS + 2, 46), (watch.MOST_ASKED + 2, 51)],
    ids=["too young for a baseline", "never listed a client"],
)
def test_radios_without_a_baseline_do_not_crowd_out_the_controls(crowd: int, from_step: int) -> None:
    last = RadioKey(f"lab/ap{crowd + 2}/r5")
    memory = lab(crowd + 2, tuple(RadioKey(f"lab/ap{n + 2}/r5") for n in range(crowd)), from_step)
    around = look_around(memory, memory.view(memory.sites["lab"], NOW), change())
    assert [key for key, _ in around.controls] == [last]


def test_there_are_never_more_controls_than_the_limit() -> None:
    memory = lab(watch.MOST_CONTROLS + 4)
    around = look_around(memory, memory.view(memory.sites["lab"], NOW), change())
    assert len(around.controls) == watch.MOST_CONTROLS


def test_the_census_waits_for_client_tables_and_not_for_looks_at_the_status(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    memory = lab()
    one, asked = watched(memory, monkeypatch)
    due_s = NOW.monotonic_s + memory.sites["lab"].policy.monitor.lost_client_after_s
    for key in memory.radios:
        read(memory, key, due_s - 1.0, [] if key == CHANGED else macs(key))
        read(memory, key, due_s + 1.0)
    one.look(due_s + 2.0)
    assert asked["census"] is None
    read(memory, CHANGED, due_s + 5.0, [])
    read(memory, THIRD, due_s + 5.0, macs(THIRD))
    read(memory, OTHER, due_s + 5.0, [*macs(OTHER), *macs(CHANGED)])
    one.look(due_s + 6.0)
    census = asked["census"]
    assert isinstance(census, ClientCensus)
    assert census.before == set(macs(CHANGED)) <= census.site, "they came back elsewhere"


@pytest.mark.parametrize("roamed", [True, False])
def test_who_is_on_another_radio_of_the_site_has_roamed(
    roamed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = lab()
    one, asked = watched(memory, monkeypatch)
    stay, leave = macs(CHANGED)[:1], macs(CHANGED)[1:]
    for step in range(52, 60):
        gone = step > 54
        read(memory, CHANGED, step * STEP_S, stay if gone else macs(CHANGED))
        read(memory, OTHER, step * STEP_S, [*macs(OTHER), *(leave if gone and roamed else ())])
    one.look(59 * STEP_S)
    rates = [slot.disconnects_per_minute for slot in asked["after"]]  # type: ignore[attr-defined]
    assert (max(rates) > 0) is not roamed


def at(created_utc_us: int, cause: Cause, asked: Cause) -> set[str]:
    """Guards that say no to a second change of the radio, when the first was created then."""
    memory = lab()
    memory.remember(change(state=State.ROLLED_BACK, created_utc_us=created_utc_us, cause=cause))
    seen = memory.view(memory.sites["lab"], NOW)
    proposal = guards.Proposal(seen, CHANGED, values_of(block(Band.GHZ_5, 44, 20)), asked)
    return {veto.guard for veto in guards.vetoes(proposal)}


def test_a_wall_clock_set_back_spends_budgets_but_does_not_stretch_the_cooldown() -> None:
    future_us = NOW.utc_us + 2 * 3_600_000_000
    assert "cooldown" in at(NOW.utc_us - 5_000_000, Cause.OPERATOR, Cause.OPERATOR)
    assert "cooldown" not in at(future_us, Cause.OPERATOR, Cause.OPERATOR)
    assert {"incident_budget", "barred"} <= at(future_us, Cause.HW_FAILURE, Cause.HW_FAILURE)
    assert {"routine_interval", "barred"} <= at(future_us, Cause.SPECTRUM_SAT, Cause.SPECTRUM_SAT)
