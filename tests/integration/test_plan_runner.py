"""The planner's process as its parent sees it: whatever becomes of it, there is a plan or one sentence."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from agent.plan_runner import ANSWER_MOST, PlanningFailed, plan_of

ECHO = "import json, sys; asked = json.load(sys.stdin); print(json.dumps({'plan': asked}))"


def run(program: str, *, limit_s: float = 60.0, snapshot: dict[str, Any] | None = None) -> dict[str, Any]:
    command = (sys.executable, "-c", program)
    return asyncio.run(plan_of(snapshot or {}, {"seed": 7}, limit_s=limit_s, memory_mb=512, command=command))


def test_it_is_asked_and_answers() -> None:
    asked = run(ECHO, snapshot={"radios": ["x" * 100_000]})
    assert asked["wishes"] == {"seed": 7}
    assert asked["snapshot"] == {"radios": ["x" * 100_000]}
    assert (asked["limit_s"], asked["memory_mb"]) == (60.0, 512)


def test_its_own_words_are_the_error() -> None:
    with pytest.raises(PlanningFailed, match=r"^no site here$"):
        run('import sys; print(\'{"error": "no site here"}\'); sys.exit(1)')


@pytest.mark.parametrize("out", ["", "garbage", "[1]", '{"plan": 3}', "{" * 5000, '{"plan": {}}{}'])
def test_garbage_is_no_plan(out: str) -> None:
    with pytest.raises(PlanningFailed, match=r"^the planner's answer makes no sense; see the log$"):
        run(f"print({out!r})")


def test_an_endless_answer_is_no_plan_and_costs_no_memory() -> None:
    """What comes at its end would be one."""
    times, plan = ANSWER_MOST // 65536 + 9, {"plan": {"bound": None}}
    end = f"print({json.dumps(plan)!r})"
    assert run(end) == plan["plan"]
    with pytest.raises(PlanningFailed, match="makes no sense"):
        run(f"import sys; [sys.stdout.write(' ' * 65536) for _ in range({times})]; {end}")


def test_a_crash_is_one_sentence_and_its_words_are_in_the_log() -> None:
    with (
        capture_logs() as logs,
        pytest.raises(PlanningFailed, match=r"^the planner ended with code 1, with 512"),
    ):
        run("raise RuntimeError('what went wrong')")
    assert [each for each in logs if each["event"] == "planner.said" and "what went wrong" in each["text"]]


def test_killed_is_one_sentence() -> None:
    with pytest.raises(
        PlanningFailed, match=r"^the planner died of SIGKILL, with 512 MB to use; see the log$"
    ):
        run("import os; os.kill(os.getpid(), 9)")


def test_who_takes_too_long_is_killed() -> None:
    """Else this would wait for ten minutes."""
    with pytest.raises(PlanningFailed, match=r"^the planner had no plan within 1 s and was ended$"):
        run("import time; time.sleep(600)", limit_s=1.0)


PLAN = "import json, os, time; print(json.dumps({'plan': {'bound': None}}), flush=True); "


@pytest.mark.parametrize(
    ("then", "why"),
    [
        ("time.sleep(600)", "had no plan within 5 s and was ended"),
        ("os.kill(os.getpid(), 9)", "died of SIGKILL, with 512 MB to use; see the log"),
        ("print(json.dumps({'error': 'too late'})); exit(1)", "ended with code 1, with 512 MB to use"),
        ('os.write(1, b\'{"plan": {"bound": 1}\'); exit(1)', "ended with code 1, with 512 MB to use"),
    ],
)
def test_what_goes_wrong_after_a_plan_does_not_cost_the_plan(then: str, why: str) -> None:
    with capture_logs() as logs:
        assert run(PLAN + then, limit_s=5.0) == {"bound": None}
    assert next(each["why"] for each in logs if each["event"] == "planner.ended_early").startswith(why)


def test_of_two_plans_the_last_counts() -> None:
    assert run(PLAN + "print(json.dumps({'plan': {'bound': 1}}))") == {"bound": 1}


def test_who_gives_up_waiting_leaves_nobody_behind(tmp_path: Path) -> None:
    pipe = tmp_path / "pid"
    os.mkfifo(pipe)
    program = f"import os, time; open({str(pipe)!r}, 'w').write(str(os.getpid())); time.sleep(600)"

    async def asked_and_left() -> int:
        asking = asyncio.create_task(
            plan_of({}, {}, limit_s=60.0, command=(sys.executable, "-c", program)), name="asking"
        )
        pid = int(await asyncio.to_thread(pipe.read_text))
        asking.cancel()
        with suppress(asyncio.CancelledError):
            await asking
        return pid

    assert not _lives(asyncio.run(asked_and_left()))


def test_no_program_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(PlanningFailed, match=r"^the planner can't be started: No such file or directory$"):
        asyncio.run(plan_of({}, {}, limit_s=9.0, command=(str(tmp_path / "none"),)))


def test_it_sees_nothing_of_the_parents_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RRMD_SECRET", "hunter2")
    environment = run("import json, os; print(json.dumps({'plan': dict(os.environ)}))")
    assert "RRMD_SECRET" not in environment
    assert environment["OMP_NUM_THREADS"] == "1"


def _lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
