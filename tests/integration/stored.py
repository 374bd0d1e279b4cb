"""Changes and records for the tests of the store."""

from __future__ import annotations

from typing import Any

from agent.change import Cause, Change, State, Trigger
from agent.moment import Deadline, Moment
from agent.store.store import Store
from drivers.types import ScopeRef, Setting
from inventory.model import RadioKey

NOW = Moment(monotonic_s=1000.0, utc_us=1_790_000_000_000_000, boot_id="boot-1", boottime_us=1_000_000_000)
REBOOTED = Moment(monotonic_s=10.0, utc_us=NOW.utc_us + 60_000_000, boot_id="boot-2", boottime_us=10_000_000)
R1, R2 = RadioKey("north/ap1/r0"), RadioKey("north/ap2/r0")
TOKEN = "a" * 64


def record(number: int = 0) -> dict[str, Any]:
    return {"v": 1, "id": f"r{number}", "utc": NOW.utc_us, "kind": "transition"}


def change(id: str = "c1", *radios: RadioKey, state: State = State.PLANNED, **more: Any) -> Change:
    members = radios or (R1,)
    values: dict[str, Any] = {
        "id": id,
        "site": "north",
        "device": "north/ap1",
        "scope": ScopeRef(kind="radio", name="wlan0", members=members),
        "target": {Setting.CHANNEL: 11, Setting.WIDTH_MHZ: 20},
        "prior": {Setting.CHANNEL: 1},
        "cause": Cause.NON_WIFI_BURST,
        "state": state,
        "deadline": Deadline.after(NOW, 30),
        "created_utc_us": NOW.utc_us,
    }
    return Change(**{**values, **more})


def planned(store: Store, id: str = "c1", *radios: RadioKey, **more: Any) -> Change:
    return store.create(
        change(id, *radios, **more), records=[record()], token_expires=Deadline.after(NOW, 3600)
    )


def walk(store: Store, one: Change, *triggers: Trigger) -> Change:
    for trigger in triggers:
        one = store.transition(one, trigger, records=[record()])
    return one


def seqs(store: Store) -> list[int]:
    return [row.seq for row in store.unwritten(10_000)]
