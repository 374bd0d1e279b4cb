"""The planner's process with the real planner in it, and what never comes into the parent's."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from agent.plan_runner import PlanningFailed, plan_of
from agent.planner.site.plan import Wishes
from agent.planner.site.plan_json import from_wishes, to_plan

ROOT = Path(__file__).parents[2]
WISHES = from_wishes(Wishes(limit_s=30.0))
HEAVY = {"numpy", "ortools", "scipy"}


def heard(bssid: str) -> dict[str, Any]:
    return {"bssid": bssid, "signal_dbm": -50, "channel": 36, "width_mhz": 20, "age_s": 60}


def ap(bssid: str, other: str) -> dict[str, Any]:
    now = {"channel": 36, "width_mhz": 20, "state": "on_air"}
    radio = {
        "band": "5",
        "bssids": [bssid],
        "now": now,
        "heard": [heard(other)],
        "scanned_age_s": 60,
    }
    return {"radios": {"5g": radio}}


ONE, TWO = "02:00:00:00:00:01", "02:00:00:00:00:02"
SNAPSHOT = {
    "version": 1,
    "site": {"id": "hq", "country": "DE", "timezone": "Europe/Berlin"},
    "aps": {"one": ap(ONE, TWO), "two": ap(TWO, ONE)},
}


def planned(snapshot: dict[str, Any], **options: Any) -> dict[str, Any]:
    return asyncio.run(plan_of(snapshot, WISHES, limit_s=90.0, **options))


def test_two_on_one_channel_are_parted_by_one_move_and_it_is_proven() -> None:
    plan = to_plan(planned(SNAPSHOT))
    assert len([each for each in plan.moves if each.before != each.after]) == 1
    assert plan.value_then > plan.value_now
    assert plan.bound is not None
    assert plan.bound == pytest.approx(plan.value_then, abs=0.01)
    assert plan.seconds > 0.0


def test_a_wrong_snapshot_is_told_in_its_words() -> None:
    wrong = {**SNAPSHOT, "site": {"id": "hq", "country": "XX", "timezone": "Europe/Berlin"}}
    with pytest.raises(PlanningFailed, match=r"^site\.country: expected "):
        planned(wrong)


def test_too_little_memory_is_one_sentence() -> None:
    with capture_logs(), pytest.raises(PlanningFailed, match=r"64 MB"):
        planned(SNAPSHOT, memory_mb=64)


def test_a_library_that_can_not_be_loaded_is_one_sentence() -> None:
    hidden = "import sys; sys.modules['numpy'] = None; from agent.plan_child import main; sys.exit(main())"
    with (
        capture_logs() as logs,
        pytest.raises(PlanningFailed, match=r"can't be loaded, with .*: import of numpy"),
    ):
        planned(SNAPSHOT, command=(sys.executable, "-c", hidden))
    assert logs == []


def test_without_or_tools_there_is_a_plan_and_no_bound_and_it_is_told_once() -> None:
    hidden = "import sys; sys.modules['ortools'] = None; from agent.plan_child import main; main()"
    with capture_logs() as logs:
        plan = to_plan(planned(SNAPSHOT, command=(sys.executable, "-c", hidden)))
    assert plan.bound is None
    assert plan.value_then > plan.value_now
    assert [each["text"] for each in logs] == [
        "OR-tools is not installed, so nobody can say how good the plan is: pip install 'rrmd[exact]'"
    ]


def test_a_proof_that_never_ends_costs_the_bound_and_not_the_plan() -> None:
    """Else there would be no plan after these ten seconds."""
    endless = (
        "import time; from agent.planner.site import exact; from agent.plan_child import main;"
        "exact.solved = lambda *_, **__: time.sleep(600); main()"
    )
    with capture_logs() as logs:
        found = asyncio.run(plan_of(SNAPSHOT, WISHES, limit_s=10.0, command=(sys.executable, "-c", endless)))
    plan = to_plan(found)
    assert plan.bound is None
    assert plan.value_then > plan.value_now
    assert [each["event"] for each in logs] == ["planner.ended_early"]


@pytest.mark.parametrize("module", ["agent.daemon", "agent.cli.app", "agent.plan_runner"])
def test_neither_the_daemon_nor_the_command_loads_what_planning_needs(module: str) -> None:
    program = f"import sys, {module}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == ""


def test_the_child_loads_it_only_under_its_limits() -> None:
    program = f"import sys, agent.plan_child; print(*sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == ""


def test_what_lies_in_the_working_directory_is_not_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "resource.py").write_text("raise SystemExit(9)\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PlanningFailed, match="aps"):
        planned({"version": 1, "site": SNAPSHOT["site"]})
