"""`apply`: what goes wrong with a write, going there and coming back."""

from __future__ import annotations

from typing import Any

from faults.case import Case, Phase
from faults.scene import TARGET, Kind, Operation, Scene, State

P, A, M = State.PLANNED, State.APPLYING, State.MONITORING
R, B, C = State.ROLLING_BACK, State.ROLLED_BACK, State.COMMITTED
HELD, BACK = (P, A, M, C), (P, A, R, B)

DOUBT = "in the log `change.write_in_doubt`"


def there(kind: Kind, *steps: State, why: str | None = None, at: int = 36, **more: Any) -> Any:
    """A change whose write goes wrong, and how it ends."""

    async def story(scene: Scene) -> None:
        gate = scene.fault(Operation.APPLY, kind, **more)
        change = await scene.changed()
        scene.ended(change, *steps, why=why)
        scene.is_on(at)
        assert gate.hits == 1, "written once, never repeated"

    return story


CASES = (
    Case(
        operation="apply",
        fault="time-out",
        phase=Phase.WRITE,
        must="The session is closed before anything is read back. The read-back shows the prior values until "
        "the ack's time is over: the change is taken back, and nothing is written twice.",
        seen=f"`ROLLED_BACK`, reasons `not_applied_in_time`, `already_back`; {DOUBT}",
        story=there(Kind.TIMEOUT, *BACK, why="already_back"),
    ),
    Case(
        operation="apply",
        fault="refusal",
        phase=Phase.WRITE,
        must="Believed when the read-back says the same: the change ends there, with the device's words.",
        seen="`FAILED`, reason `device_refused`, the words under `device_said`",
        story=there(Kind.REFUSED, P, A, State.FAILED, why="device_refused"),
    ),
    Case(
        operation="apply",
        fault="success reported and not done",
        phase=Phase.WRITE,
        must="The device's word is no ack: the read-back does not show the target, so the change is never "
        "monitored, and is taken back.",
        seen="`ROLLED_BACK`, reasons `not_applied_in_time`, `already_back`",
        story=there(Kind.NOT_DONE, *BACK, why="already_back"),
    ),
    Case(
        operation="apply",
        fault="done and not reported",
        phase=Phase.WRITE,
        must="The read-back shows the target: that is the ack, whatever became of the answer.",
        seen=f"`COMMITTED`, or what the counters say; {DOUBT}",
        story=there(Kind.TIMEOUT_DONE, *HELD, at=TARGET),
    ),
)
