"""The command line against a real control socket: what is printed, what scripts get, how it ends."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner, Result
from unit.agent.planner.site.test_plan_json import PLAN

from agent.api import answers, errors, protocol
from agent.api.server import ControlSocket
from agent.api.socket_file import SocketInUse, SocketUnusable
from agent.audit import AuditLog
from agent.audit_key import KeyRefused, load_or_create_key
from agent.change import Actor
from agent.cli.app import app
from agent.clock import SystemClock
from agent.moment import iso
from agent.planner.site.plan_json import from_plan
from agent.records import Pseudonyms, record
from agent.settings import Settings
from agent.state_dir import StateUnsafe
from agent.store.errors import StoreUnavailable
from agent.store.store import Store
from drivers.base import DeviceContext
from drivers.errors import DeviceTimeout, PersonNeeded
from drivers.registry import Registry
from drivers.types import (
    Capabilities,
    ClientReading,
    ConfigState,
    DeviceInfo,
    RadioInfo,
    RadioReading,
    RadioState,
    Reported,
    ScopeRef,
    Setting,
    Snapshot,
    Table,
)
from inventory.model import Band, RadioKey
from inventory.site_error import SiteError, SiteErrors

RADIOS = ("north/ap1/r2", "north/ap1/r5", "north/ap2/r5", "south/ap9/r6")
EVIL = "evil\x1b[2J\nname"

CHANGE: Mapping[str, Any] = {
    "id": "0198-c1",
    "utc": "2026-01-02T03:04:05Z",
    "site": "north",
    "radios": ["north/ap1/r5"],
    "from": {"channel": 36},
    "to": {"channel": 52},
    "cause": "NON_WIFI_BURST",
    "state": "MONITORING",
    "verdict": None,
    "left_s": 95.0,
    "drill": False,
    "actor": {"type": "agent", "uid": None, "name": "rrmd"},
    "token": "T0KEN",
    "undo_of": None,
}


def radio(key: str) -> dict[str, Any]:
    return {
        "key": key,
        "state": "on_air",
        "channel": 36,
        "width_mhz": 80,
        "tx_power_dbm": 17.0,
        "clients": 12,
        "retry_ratio": 0.125,
        "busy_ratio": None,
        "age_s": 4.2,
        "change_id": None,
    }


ANSWERS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "status": {
            "agent": {
                "version": "0.1.0",
                "started_utc": "2026-01-01T00:00:00Z",
                "audit_seq": 7,
                "audit_file": "audit_20260101.jsonl",
                "store": "sqlite",
                "observing_only": None,
            },
            "sites": [
                {
                    "id": "north",
                    "country": "NO",
                    "mode": "act",
                    "aps": 2,
                    "radios": 3,
                    "lost": 0,
                    "open_changes": 1,
                }
            ],
            "radios": [radio(key) for key in RADIOS],
            "nop": [
                {"site": "north", "mhz": 5260, "channel": 52, "left_s": 1700, "by_radio": "north/ap1/r5"}
            ],
            "alerts": [
                {
                    "utc": "2026-01-02T03:04:05Z",
                    "site": "north",
                    "radio": None,
                    "text": EVIL,
                    "change_id": None,
                }
            ],
        },
        "events": {
            "events": [
                {
                    "id": "e1",
                    "utc": "2026-01-02T03:04:05Z",
                    "site": "north",
                    "kind": "NON_WIFI_BURST",
                    "key": "north/ap1/r5",
                    "radio": "north/ap1/r5",
                    "severity": "major",
                    "confidence_ppm": 900_000,
                    "cleared_utc": None,
                    "drill": False,
                    "evidence": [{"field": "busy", "value": 750_000, "unit": "ppm", "source": "survey"}],
                }
            ]
        },
        "changes": {"changes": [CHANGE]},
        "change": {
            **CHANGE,
            "reason": {"code": "gain", "params": {"gain_ppm": 400_000}},
            "baseline": {"retry_median_ppm": 100_000},
            "effect": {"retry_ratio_ppm": 900_000},
            "records": [
                {
                    "seq": 5,
                    "utc": 1_767_323_045_000_000,
                    "kind": "transition",
                    "from_state": None,
                    "to_state": "PLANNED",
                    "reason": {"code": "gain", "params": {}},
                    "evidence": [
                        {
                            "field": "obss_pd_dbm",
                            "value": -79,
                            "unit": "dBm",
                            "source": "read_back.configured",
                        },
                        {"field": "tx_power_dbm", "value": 15, "unit": "dBm", "source": "read_back"},
                    ],
                },
            ],
        },
        "rollback": {"change": {**CHANGE, "state": "ROLLING_BACK", "token": None}},
        "approve": {"change": {**CHANGE, "state": "PLANNED"}},
        "approve_all": {"results": [{"change": {**CHANGE, "state": "PLANNED"}, "refused": None}]},
        "reject": {"change": {**CHANGE, "state": "EXPIRED", "verdict": "REJECTED"}},
        "last": {"change": CHANGE},
        "undo": {
            "radios": [
                {
                    "radio": "north/ap1/r5",
                    "changes": ["0198-c1"],
                    "to": {"channel": 36},
                    "state": "waits",
                    "why": "vetoed guard=in_flight",
                    "undo": None,
                }
            ]
        },
        "snapshot": {
            "version": 1,
            "made_utc": "2026-01-02T03:04:05.000000Z",
            "site": {"id": "north", "country": "NO", "timezone": "UTC"},
            "policy": {},
            "aps": {"ap1": {"radios": {"r5": {"band": "5"}}}},
        },
        "plan": {
            "plan": from_plan(PLAN),
            "campaign": {
                "id": "0198-p1",
                "site": "north",
                "utc": "2026-01-02T03:04:05Z",
                "actor": "root",
                "step": 0,
                "steps": 1,
                "moves": 1,
                "counts": {"waits": 1},
                "stopped": "",
                "waits_for": "",
            },
        },
        "budget": {
            "sites": [
                {"id": "north", "mode": "act", "week": 1, "week_most": 2, "in_flight": 0, "in_flight_most": 1}
            ],
            "radios": [
                {
                    "radio": "north/ap1/r5",
                    "routine_wait_s": 11_520.0,
                    "incidents_today": {"HW_FAILURE": 1},
                    "incident_most": 3,
                    "against": ["routine_interval: changed_lately"],
                }
            ],
        },
        "pause": {
            "pause": {"scope": "*", "since_utc": "2026-01-02T03:04:05Z", "until_utc": None, "actor": "ann"},
            "open": [{"id": "0198-c1", "radio": "north/ap1/r5", "state": "MONITORING", "goes_on": True}],
            "except_for": "radar",
        },
        "resume": {"scope": "*"},
        "inject": {
            "event": {"kind": "DFS_RADAR", "radio": "north/ap1/r5"},
            "decision": {
                "action": "change",
                "reason": "radar",
                "params": {"channel": 52},
                "edit": {"channel": 36},
                "effects": {
                    "commands": ["CHAN_SWITCH 5 5180"],
                    "outage": "csa",
                    "silent_s": 1.0,
                    "readback": "in_force",
                    "persists": False,
                },
                "candidates": [{"channel": 36, "width_mhz": 80, "score_ppm": 812_000, "terms": {"busy": 1}}],
                "vetoes": [{"guard": "cooldown", "reason": "3 s left"}],
            },
            "change": None,
        },
        "probe": {
            "device": {"vendor": "Debian", "model": "hostapd"},
            "radios": [{"key": "north/ap1/r5", "name": "wlan0", "reading": {"channel": 36}}],
            "calls": [{"call": "open", "ms": 12.5}],
            "errors": [],
        },
    }
)


@dataclass
class Daemon:
    """Answers every operation from ANSWERS, or refuses as told."""

    place: Path
    asked: list[tuple[str, Any, Actor]] = field(default_factory=list)
    answers: dict[str, Mapping[str, Any]] = field(default_factory=lambda: dict(ANSWERS))
    refuses: dict[str, Exception] = field(default_factory=dict)

    async def handle(self, op: str, args: Any, actor: Actor) -> Mapping[str, Any]:
        self.asked.append((op, args, actor))
        if op in self.refuses:
            raise self.refuses[op]
        return self.answers[op]

    def last(self, op: str) -> Any:
        return next(args for name, args, _ in reversed(self.asked) if name == op)


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No settings of the one who runs the tests; the log as it was."""
    for name in [name for name in os.environ if name.startswith("RRMD_")]:
        monkeypatch.delenv(name)
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    yield
    structlog.reset_defaults()


@pytest.fixture
def directory() -> Iterator[Path]:
    """A short path: a socket's is limited."""
    made = Path(tempfile.mkdtemp(prefix="rrmd-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def daemon(directory: Path) -> Iterator[Daemon]:
    """A daemon on a thread of its own, as far as its control socket."""
    stub = Daemon(directory / "control.sock")
    ready = threading.Event()
    ends: list[Any] = []

    async def main() -> None:
        stop = asyncio.Event()
        async with ControlSocket(stub.place, None, stub.handle):
            ends[:] = [asyncio.get_running_loop(), stop]
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=[main()])
    thread.start()
    assert ready.wait(10)
    yield stub
    ends[0].call_soon_threadsafe(ends[1].set)
    thread.join(10)


def rrmd(*words: str, **options: Any) -> Result:
    return CliRunner().invoke(app, list(words), **options)


def asked(daemon: Daemon, *words: str, **options: Any) -> Result:
    return rrmd("--socket", str(daemon.place), *words, **options)


def error_line(result: Result) -> str:
    """The one line on stderr; nothing on stdout."""
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("rrmd: ")
    return lines[0]


COMMANDS = (
    ("status",),
    ("status", "--site", "north"),
    ("events", "--since", "2h", "--limit", "5"),
    ("changes",),
    ("changes", "--open", "--radio", "ap2/r5"),
    ("changes", "--explain", "0198-c1"),
    ("rollback", "T0KEN"),
    ("approve", "0198-c1"),
    ("approve", "--all", "--site", "north"),
    ("reject", "0198-c1", "--why", "exams"),
    ("rollback", "--last", "--ap", "ap2"),
    ("undo", "--since", "2h", "--dry-run"),
    ("budget", "--site", "north"),
    ("snapshot", "north"),
    ("plan", "north", "--apply", "--yes"),
    ("plan", "north", "--stop"),
    ("pause", "--all"),
    ("resume", "--all"),
    ("inject", "DFS_RADAR", "ap1/r5", "--channel", "52", "--width-mhz", "80"),
    ("probe", "ap1"),
)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_person_gets_a_table(daemon: Daemon, words: tuple[str, ...]) -> None:
    result = asked(daemon, *words)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.strip()
    assert "\x1b" not in result.stdout
    assert "…" not in result.stdout


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_script_gets_one_json_object(daemon: Daemon, words: tuple[str, ...]) -> None:
    result = asked(daemon, *words, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    op = daemon.asked[-1][0]
    assert json.loads(result.stdout) == json.loads(json.dumps(daemon.answers[op]))
    answers.RESULTS[op].model_validate_json(result.stdout)


def test_what_is_asked_arrives(daemon: Daemon) -> None:
    asked(daemon, "events", "--since", "2h", "--limit", "5", "--site", "north")
    assert daemon.last("events") == protocol.EventsArgs(site="north", since_s=7200, limit=5)
    asked(daemon, "changes", "--open", "--radio", "ap2/r5")
    assert daemon.last("changes") == protocol.ChangesArgs(radio="north/ap2/r5", open=True)
    asked(daemon, "changes")
    assert daemon.last("changes") == protocol.ChangesArgs()
    asked(daemon, "inject", "dfs-radar", "ap1/r5", "--channel", "52", "--width-mhz", "80", "--act")
    assert daemon.last("inject") == protocol.InjectArgs(
        kind="DFS_RADAR", radio="north/ap1/r5", channel=52, width_mhz=80, act=True
    )
    asked(daemon, "probe", "north/ap1")
    assert daemon.last("probe") == protocol.ProbeArgs(ap="north/ap1")
    asked(daemon, "undo", "--since", "2h", "--site", "north")
    assert daemon.last("undo") == protocol.UndoArgs(since_s=7200, site="north")
    asked(daemon, "pause", "--all", "--for", "15m")
    assert daemon.last("pause") == protocol.PauseArgs(scope="*", for_s=900)
    asked(daemon, "reject", "0198-c1", "--why", "exams")
    assert daemon.last("reject") == protocol.RejectArgs(id="0198-c1", why="exams")
    asked(daemon, "rollback", "--last", "--ap", "ap2", "--yes")
    assert daemon.last("last") == protocol.LastArgs(ap="north/ap2")
    assert daemon.last("rollback") == protocol.RollbackArgs(id="0198-c1")
    asked(daemon, "rollback", "-", input="T0KEN\n")
    assert daemon.last("rollback") == protocol.RollbackArgs(token="T0KEN")
    assert all(actor.uid == os.getuid() for _, _, actor in daemon.asked)


def test_a_snapshot_goes_into_a_file_and_over_none(daemon: Daemon, tmp_path: Path) -> None:
    file = tmp_path / "north.json"
    result = asked(daemon, "snapshot", "north", "-o", str(file))
    assert (result.exit_code, result.stdout) == (0, f"{file}: 1 AP, 1 radio\n")
    assert json.loads(file.read_text()) == ANSWERS["snapshot"]
    assert daemon.last("snapshot") == protocol.SnapshotArgs(site="north")
    result = asked(daemon, "snapshot", "north", "-o", str(file))
    assert result.exit_code == 2
    assert error_line(result) == f"rrmd: {file} is there already: --force writes over it"
    assert asked(daemon, "snapshot", "north", "-o", str(file), "--force").exit_code == 0


APPLY = ("plan", "lab", "--moves", "3", "--no-power", "--apply")


def test_a_plan_is_shown_and_asked_about_before_it_is_carried_out(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.cli.plan_apply._at_a_terminal", lambda: True)
    wanted = protocol.PlanArgs(site="lab", most_moves=3, power=False, obss_pd=False)
    result = asked(daemon, *APPLY, input="n\n")
    assert (result.exit_code, result.stderr) == (1, "rrmd: nothing was changed\n")
    assert "lab: 1 change in 1 step" in result.stdout
    assert [args for op, args, _ in daemon.asked if op == "plan"] == [wanted]
    result = asked(daemon, *APPLY, input="y\n")
    assert result.exit_code == 0
    assert daemon.last("plan") == wanted.model_copy(update={"apply": True})
    assert "plan 0198-p1 is being carried out: 1 change" in result.stdout
    assert result.stdout.count("lab: 1 change in 1 step") == 1  # what is begun is what was shown


def test_a_plan_that_is_another_one_by_then_is_shown(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    def confirmed(_: str) -> bool:
        plan = ANSWERS["plan"]["plan"]
        (move,) = plan["moves"]
        other = {**plan, "moves": [{**move, "target": {"channel": 5}}]}
        daemon.answers["plan"] = {**ANSWERS["plan"], "plan": other}
        return True

    monkeypatch.setattr("agent.cli.plan_apply._at_a_terminal", lambda: True)
    monkeypatch.setattr("typer.confirm", confirmed)
    assert asked(daemon, *APPLY).stdout.count("lab: 1 change in 1 step") == 2


@pytest.mark.parametrize(
    ("listened_s", "told"),
    [(40, "the agent has listened for 40s only: plans get better within 14m20s; it has"), (900, "it has")],
)
def test_a_plan_of_an_agent_that_has_just_begun_says_why_it_is_not_sure(
    listened_s: int, told: str, daemon: Daemon
) -> None:
    agent = {**ANSWERS["status"]["agent"], "started_utc": iso(PLAN.made_utc_us - listened_s * 1_000_000)}
    daemon.answers["status"] = {**ANSWERS["status"], "agent": agent}
    lines = asked(daemon, *APPLY, "--yes").stdout.splitlines()
    assert f"confidence is 75%: {told} scanned less than three times (1 of 3 radios)" in lines


def test_a_plan_is_not_carried_out_unasked(daemon: Daemon) -> None:
    result = asked(daemon, *APPLY)
    assert (result.exit_code, error_line(result)) == (2, "rrmd: --apply asks first: say --yes")
    assert not daemon.asked
    result = asked(daemon, *APPLY, "--yes", "--explain", "ap1")
    assert (result.exit_code, daemon.asked) == (2, [])


def test_with_yes_the_plan_that_is_begun_is_shown(daemon: Daemon) -> None:
    said = asked(daemon, *APPLY, "--yes").stdout
    assert [args.apply for op, args, _ in daemon.asked if op == "plan"] == [True]
    assert "lab: 1 change in 1 step" in said
    assert "`rrmd plan lab --stop` begins no more of it" in said


def test_nothing_to_change_is_said(daemon: Daemon) -> None:
    empty = {**ANSWERS["plan"]["plan"], "moves": []}
    daemon.answers["plan"] = {"plan": empty, "campaign": None}
    result = asked(daemon, *APPLY, "--yes")
    assert result.exit_code == 0
    assert result.stdout.endswith("lab: there is nothing to change\n")


def test_a_plan_can_be_stopped(daemon: Daemon) -> None:
    assert "nothing more of plan 0198-p1 is begun" in asked(daemon, "plan", "north", "--stop").stdout
    assert daemon.last("plan") == protocol.PlanArgs(site="north", stop=True)


def test_a_resumed_site_is_not_said_to_be_free_while_it_is_paused(daemon: Daemon) -> None:
    pause = {"scope": "*", "since_utc": "2026-01-02T03:04:05Z", "until_utc": None, "actor": "root"}
    daemon.answers["resume"] = {"scope": "north", "still": [pause, pause | {"scope": "north/ap1"}]}
    said = asked(daemon, "resume", "north").stdout
    assert "still paused by: * (root, since 2026-01-02T03:04:05Z, until `rrmd resume`)" in said
    assert "a part is still paused by: north/ap1 (root" in said
    assert "no longer paused" not in said


def test_a_pause_says_whose_it_replaces_or_keeps(daemon: Daemon) -> None:
    before = {"scope": "*", "since_utc": "2026-01-02T03:04:05Z", "until_utc": None, "actor": "ann"}
    daemon.answers["pause"] = {**ANSWERS["pause"], "before": before}
    said = asked(daemon, "pause", "--all").stdout
    assert "this replaces the pause of ann, until `rrmd resume`" in said
    daemon.answers["pause"] = {**daemon.answers["pause"], "kept": True}
    assert "this is the pause of ann, which ends later" in asked(daemon, "pause", "--all").stdout


def test_what_was_refused_among_others_is_told_and_is_1(daemon: Daemon) -> None:
    row = ANSWERS["undo"]["radios"][0]
    daemon.answers["undo"] = {"radios": [row, {**row, "state": "refused", "why": "nowhere_legal_to_go"}]}
    result = asked(daemon, "undo", "--since", "2h")
    assert result.exit_code == 1
    assert "north/ap1/r5 was not taken back: nowhere_legal_to_go" in result.stderr
    daemon.answers["approve_all"] = {"results": [{"change": CHANGE, "refused": "not possible now"}]}
    result = asked(daemon, "approve", "--all")
    assert (result.exit_code, result.stderr) == (1, "rrmd: not possible now\n")


def test_on_a_terminal_the_newest_change_is_shown_and_asked_about(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.cli.changes._at_a_terminal", lambda: True)
    result = asked(daemon, "rollback", "--last", "--ap", "ap2", input="n\n")
    assert result.exit_code == 1
    assert "0198-c1" in result.stdout
    assert not [each for each in daemon.asked if each[0] == "rollback"]
    assert asked(daemon, "rollback", "--last", "--ap", "ap2", input="y\n").exit_code == 0
    assert daemon.last("rollback") == protocol.RollbackArgs(id="0198-c1")


def test_status_says_what_matters(daemon: Daemon) -> None:
    text = asked(daemon, "status").stdout
    for word in (*RADIOS, "12%", "5260", "28m20s", "observing_only"):
        assert word in text


@pytest.mark.parametrize(
    ("stopped", "waits_for", "said"),
    [
        ("", "north/ap1/r5: neighbours neighbour_in_flight", "north/ap1/r5: a neighbour is changing"),
        ("", "north/ap1/r5: cooldown", "north/ap1/r5: its AP has just changed"),
        ("too_late", "", "its day is over"),
        ("", "", " - "),
    ],
)
def test_status_says_in_words_what_a_plan_waits_for(
    stopped: str, waits_for: str, said: str, daemon: Daemon
) -> None:
    campaign = {**ANSWERS["plan"]["campaign"], "stopped": stopped, "waits_for": waits_for}
    daemon.answers["status"] = {**ANSWERS["status"], "plans": [campaign]}
    (line,) = [each for each in asked(daemon, "status").stdout.splitlines() if "0198-p1" in each]
    assert said in line


def test_not_reported_is_a_dash(daemon: Daemon) -> None:
    line = next(x for x in asked(daemon, "status").stdout.splitlines() if x.startswith("north/ap1/r5"))
    assert line.split() == ["north/ap1/r5", "on_air", "36", "80", "17", "12", "12%", "-", "4s", "-"]


def test_text_from_outside_cannot_drive_the_terminal(daemon: Daemon) -> None:
    text = asked(daemon, "status").stdout
    assert r"evil\x1b[2J\nname" in text
    assert "\x1b" not in text
    assert asked(daemon, "status", "--json").stdout.isascii()


def test_changes_say_who(daemon: Daemon) -> None:
    actor = {"type": "operator", "uid": 7, "name": "eve"}
    daemon.answers["changes"] = {"changes": [{**CHANGE, "actor": actor}]}
    assert "eve (7)" in asked(daemon, "changes").stdout


def test_explaining_shows_reason_baseline_effect_and_records(daemon: Daemon) -> None:
    text = asked(daemon, "changes", "--explain", "0198-c1").stdout
    for word in (
        "gain_ppm=400000",
        "retry_median_ppm",
        "retry_ratio_ppm",
        "-> PLANNED",
        "obss_pd_dbm -79 dBm (configured), tx_power_dbm 15 dBm",
        "2026-01-02T03:04:05Z",
    ):
        assert word in text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("r5", "could be north/ap1/r5, north/ap2/r5"),
        ("ap7/r5", "no radio ap7/r5; there are north/ap1/r2"),
        ("1/r5", "no radio 1/r5"),
    ],
)
def test_a_radio_must_be_meant_clearly(daemon: Daemon, name: str, said: str) -> None:
    result = asked(daemon, "inject", "DFS_RADAR", name)
    assert result.exit_code == 2
    assert said in error_line(result)
    assert "inject" not in [op for op, _, _ in daemon.asked]


@pytest.mark.parametrize("name", ["r6", "ap9/r6", "south/ap9/r6"])
def test_the_end_of_a_name_is_enough(daemon: Daemon, name: str) -> None:
    assert asked(daemon, "inject", "DFS_RADAR", name).exit_code == 0
    assert daemon.last("inject").radio == "south/ap9/r6"


@pytest.mark.parametrize(
    ("name", "meant"),
    [("north", "north"), ("north/ap1", "north/ap1"), ("ap9", "south/ap9"), ("ap2/r5", "north/ap2/r5")],
)
def test_a_pause_takes_the_names_that_the_other_commands_take(daemon: Daemon, name: str, meant: str) -> None:
    sites = [{**ANSWERS["status"]["sites"][0], "id": each} for each in ("north", "south")]
    daemon.answers["status"] = {**ANSWERS["status"], "sites": sites}
    for op in ("pause", "resume"):
        assert asked(daemon, op, name).exit_code == 0
        assert daemon.last(op).scope == meant
    daemon.answers["status"] = {**ANSWERS["status"], "sites": [{**sites[0], "id": "ap9"}]}
    assert asked(daemon, "pause", "ap9").exit_code == 0
    assert daemon.last("pause").scope == "ap9"
    assert "could be" in error_line(asked(daemon, "pause", "r5"))
    assert "no site, AP or radio ap7" in error_line(asked(daemon, "pause", "ap7"))


def test_a_pause_of_what_has_left_the_site_files_can_be_ended(daemon: Daemon) -> None:
    left = {"scope": "old", "since_utc": "2026-01-02T03:04:05Z", "until_utc": None, "actor": "ann"}
    daemon.answers["status"] = {**ANSWERS["status"], "pauses": [left]}
    assert asked(daemon, "resume", "old").exit_code == 0


def test_status_tells_pauses_and_alerts_before_the_radios(daemon: Daemon) -> None:
    pause = {"scope": "north/ap1", "since_utc": "2026-01-02T03:04:05Z", "until_utc": None, "actor": "ann"}
    daemon.answers["status"] = {**ANSWERS["status"], "pauses": [pause]}
    text = asked(daemon, "status").stdout
    assert text.index("Paused") < text.index("Alerts") < text.index("Sites") < text.index("Radios")
    assert "in part" in text
    daemon.answers["status"] = {**ANSWERS["status"], "pauses": [{**pause, "scope": "*"}]}
    assert "yes" in asked(daemon, "status").stdout


def test_acting_and_changing_nothing_is_a_failure(daemon: Daemon) -> None:
    result = asked(daemon, "inject", "DFS_RADAR", "r6", "--act")
    assert result.exit_code == 1
    assert "nothing was changed: cooldown says 3 s left" in result.stderr


def test_acting_and_changing_is_fine(daemon: Daemon) -> None:
    daemon.answers["inject"] = {**ANSWERS["inject"], "change": CHANGE}
    result = asked(daemon, "inject", "DFS_RADAR", "r6", "--act")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "0198-c1" in result.stdout


def test_a_probe_with_errors_is_a_failure(daemon: Daemon) -> None:
    daemon.answers["probe"] = {"device": None, "radios": [], "calls": [], "errors": ["open: silent"]}
    result = asked(daemon, "probe", "ap1")
    assert result.exit_code == 1
    assert "rrmd: open: silent" in result.stderr


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (errors.Refused("channel 52 is barred for 17 min"), 1),
        (errors.DeviceFailed("ap1 is silent"), 1),
        (errors.Unavailable("the disk is full"), 1),
        (errors.NotFound("no change with this token"), 2),
        (errors.NotAllowed("only root may do this"), 4),
    ],
)
def test_the_daemons_no_has_its_exit_code(daemon: Daemon, raised: Exception, expected: int) -> None:
    daemon.refuses["rollback"] = raised
    result = asked(daemon, "rollback", "T0KEN")
    assert result.exit_code == expected
    assert error_line(result) == f"rrmd: {raised}"


def test_a_bug_in_the_daemon_is_5(daemon: Daemon) -> None:
    daemon.refuses["status"] = ZeroDivisionError()
    result = asked(daemon, "status")
    assert result.exit_code == 5
    assert "journalctl -u rrmd" in error_line(result)


def test_a_bug_in_the_command_is_5_and_one_line(daemon: Daemon) -> None:
    daemon.answers["status"] = {"agent": {}}
    result = asked(daemon, "status")
    assert result.exit_code == 5
    assert "internal error: KeyError" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_developer_gets_the_traceback(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RRMD_DEBUG", "1")
    daemon.answers["status"] = {"agent": {}}
    assert isinstance(asked(daemon, "status").exception, KeyError)


# No daemon


def test_no_daemon_is_3_and_says_how_to_start_it(directory: Path) -> None:
    place = directory / "control.sock"
    result = rrmd("--socket", str(place), "status")
    assert result.exit_code == 3
    assert (
        error_line(result) == f"rrmd: rrmd is not running (no {place}); start it with: systemctl start rrmd"
    )


def test_a_dead_daemons_socket_is_3(directory: Path) -> None:
    place = directory / "control.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(place))
    result = rrmd("status", env={"RRMD_SOCKET": str(place)})
    assert result.exit_code == 3
    assert "nobody answers at" in error_line(result)


def test_a_daemon_that_breaks_off_is_3(directory: Path) -> None:
    place = directory / "control.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place))
        listening.listen()
        thread = threading.Thread(target=lambda: _take_and_close(listening))
        thread.start()
        result = rrmd("--socket", str(place), "status")
        thread.join(10)
    assert result.exit_code == 3
    assert "broke off" in error_line(result)


def _take_and_close(listening: socket.socket) -> None:
    connection, _ = listening.accept()
    with connection:
        connection.recv(1 << 16)
        connection.sendall(b'{"ok": tr')


@pytest.mark.skipif(os.geteuid() != 0, reason="changes its own user id")
def test_a_stranger_is_4_and_told_the_group(daemon: Daemon) -> None:
    os.seteuid(65534)
    try:
        result = asked(daemon, "status")
    finally:
        os.seteuid(0)
    assert result.exit_code == 4
    assert "you are not in the group root: ask for `usermod -aG root" in error_line(result)


# Usage


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["status", "--what"], "No such option"),
        (["reboot"], "No such command"),
        (["rollback"], "no token was given"),
        (["rollback", "--last"], "--last and --ap AP go together"),
        (["approve"], "an ID, or --all"),
        (["pause"], "a SCOPE, or --all"),
        (["events", "--since", "yesterday"], "is no span of time; write 90s, 15m, 2h or 7d"),
        (["events", "--limit", "0"], "limit"),
        (["inject", "DFS_RADAR", "r5", "--channel", "x"], "channel"),
        (["audit"], "Missing command"),
        (["audit", "export", "--format", "xml", "--dir", "/"], "there are jsonl and csv"),
    ],
)
def test_wrong_usage_is_2_and_one_line(words: list[str], said: str) -> None:
    result = rrmd(*words)
    assert result.exit_code == 2
    assert said in error_line(result)


def test_a_wrong_setting_is_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RRMD_STATE_DRI", "/tmp/x")
    result = rrmd("audit", "verify")
    assert result.exit_code == 2
    assert "RRMD_STATE_DRI is not a setting of rrmd" in error_line(result)


def test_without_a_command_there_is_help() -> None:
    result = rrmd()
    assert result.exit_code == 2
    assert "Usage: rrmd" in result.stdout


def test_help_tells_the_exit_codes() -> None:
    text = rrmd("--help").stdout
    for line in ("0  fine", "1  refused", "2  wrong usage", "3  the daemon", "4  not allowed", "5  internal"):
        assert line in text


def test_the_version_is_told() -> None:
    assert rrmd("--version").stdout.startswith("rrmd 0.")


def test_heavy_libraries_are_not_loaded_for_help() -> None:
    code = (
        "import sys; sys.argv = ['rrmd', '--help']\n"
        "from agent.cli.app import app\n"
        "try: app()\n"
        "except SystemExit: pass\n"
        "print(sorted({'sqlalchemy', 'paramiko', 'pydantic', 'rich', 'structlog'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_narrow_terminal_loses_nothing(daemon: Daemon) -> None:
    master, slave = os.openpty()
    command = [sys.executable, "-m", "agent", "--socket", str(daemon.place), "status"]
    environ = {**os.environ, "COLUMNS": "60", "TERM": "xterm"}
    done = subprocess.Popen(command, stdout=slave, env=environ)
    os.close(slave)
    text = _all_of(master)
    assert done.wait(30) == 0
    lines = re.sub(r"\x1b\[[0-9;]*m", "", text.replace("\r", "")).splitlines()
    assert max(map(len, lines)) <= 60
    assert "…" not in text


def _all_of(master: int) -> str:
    read = b""
    try:
        while chunk := os.read(master, 1 << 16):
            read += chunk
    except OSError:  # how a terminal says that nobody writes to it any more
        pass
    os.close(master)
    return read.decode()


def test_a_reader_that_leaves_is_no_error(daemon: Daemon) -> None:
    daemon.answers["events"] = {"events": list(ANSWERS["events"]["events"]) * 5000}
    reader, writer = os.pipe()
    command = [sys.executable, "-m", "agent", "--socket", str(daemon.place), "events", "--json"]
    done = subprocess.Popen(command, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    os.close(reader)
    _, said = done.communicate(timeout=30)
    assert (done.returncode, said) == (0, b"")


# check, run


SITE = """\
version: 1
site: {id: north, country: "NO", timezone: Europe/Oslo}
aps:
  ap1:
    driver: fake
    address: 192.0.2.1
    radios: {r5: {band: "5"}}
"""


class Fake:
    """A device that answers, but refuses to tell its settings."""

    def __init__(self, context: DeviceContext) -> None:
        self.radios = context.radios
        self.closed = False

    async def open(self) -> DeviceInfo:
        radios = {r.key: RadioInfo(key=r.key, name="wlan0", band=r.band) for r in self.radios}
        return DeviceInfo(
            vendor="ACME", model="AP", version="1", identity="x", radios=radios, capabilities=ABLE
        )

    async def read(self, tables: frozenset[Table], radios: frozenset[RadioKey] | None) -> Snapshot:
        readings = {
            key: RadioReading(
                key=key,
                at_s=0.0,
                state=RadioState.ON_AIR,
                band=Band.GHZ_5,
                channel=Reported(36, "fake"),
                clients=(ClientReading(mac="02:00:00:00:00:01"),),
            )
            for key in radios or ()
        }
        return Snapshot(at_s=0.0, readings=readings)

    async def read_config(self, ref: ScopeRef) -> ConfigState:
        raise DeviceTimeout("no answer within 3 s")

    async def close(self) -> None:
        self.closed = True


ABLE = Capabilities(
    tables=frozenset({Table.STATUS, Table.CLIENTS}),
    settings={Setting.CHANNEL: "radio"},
    undo_timer_s=(10, 600),
)


class Family:
    name = "fake"
    summary = "made for a test"
    capabilities = ABLE
    profiles: Mapping[str, Capabilities] = MappingProxyType({})

    def __init__(self) -> None:
        self.made: list[Fake] = []

    def check_options(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        return options

    def device(self, context: DeviceContext) -> Any:
        self.made.append(Fake(context))
        return self.made[-1]


@pytest.fixture
def family(monkeypatch: pytest.MonkeyPatch) -> Family:
    """The only driver installed, beside one that is broken."""
    made = Family()
    installed = Registry(families={"fake": made}, broken={"lost": "it does not load"})
    monkeypatch.setattr("drivers.registry.registry", lambda: installed)
    return made


def site_file(directory: Path, name: str = "north", text: str = SITE) -> str:
    file = directory / f"{name}.yaml"
    file.write_text(text)
    return str(file)


def test_good_files_are_counted(directory: Path, family: Family) -> None:
    north, south = site_file(directory), site_file(directory, "south", SITE.replace("north", "south"))
    assert rrmd("check", north, south).stdout == "ok: 2 sites, 2 APs, 2 radios\n"
    assert rrmd("check", str(directory)).stdout == "ok: 2 sites, 2 APs, 2 radios\n"
    assert rrmd("check", env={"RRMD_SITES": north}).stdout == "ok: 1 site, 1 AP, 1 radio\n"
    found = json.loads(rrmd("check", "--json", north).stdout)
    assert found == {
        "ok": True,
        "sites": [{"id": "north", "country": "NO", "aps": 1, "radios": 1}],
        "errors": [],
    }


def test_every_mistake_of_every_file_is_named(directory: Path, family: Family) -> None:
    one = site_file(directory, text=SITE.replace('"NO"', '"Norway"').replace('"5"', '"7"'))
    two = site_file(directory, "south", SITE.replace("version: 1", "version: 9"))
    result = rrmd("check", one, two)
    assert (result.exit_code, result.stdout) == (2, "")
    lines = result.stderr.splitlines()
    assert [line.split(":")[1].strip() for line in lines] == [one, one, two]
    assert all("expected" in line and "got" in line for line in lines)
    found = rrmd("check", "--json", one, two)
    assert found.exit_code == 2
    errors_found = json.loads(found.stdout)["errors"]
    assert [error["line"] for error in errors_found] == [2, 7, 1]


def test_two_files_with_one_site_are_a_mistake(directory: Path, family: Family) -> None:
    result = rrmd("check", site_file(directory), site_file(directory, "copy"))
    assert result.exit_code == 2
    assert "site.id" in result.stderr


def test_a_broken_driver_is_named_with_its_reason(directory: Path, family: Family) -> None:
    result = rrmd("check", site_file(directory, text=SITE.replace("fake", "lost")))
    assert result.exit_code == 2
    assert "rrmd: driver lost cannot be used: it does not load" in result.stderr


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_nothing_to_check_is_a_mistake(directory: Path, family: Family, name: str) -> None:
    result = rrmd("check", str(directory / name))
    assert result.exit_code == 2
    assert str(directory) in error_line(result)


def run_with(monkeypatch: pytest.MonkeyPatch, result: int | Exception) -> list[Settings]:
    """A daemon that ends like this; returns the settings that it was given."""
    seen: list[Settings] = []

    async def serve(settings: Settings) -> int:
        seen.append(settings)
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr("agent.daemon.serve", serve)
    return seen


def test_run_gives_the_daemon_its_settings(monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    seen = run_with(monkeypatch, 0)
    result = rrmd(
        "--state-dir",
        str(directory),
        "run",
        "--sites",
        str(directory / "sites"),
        env={"RRMD_SOCKET_GROUP": "", "RRMD_AUDIT_DIR": "/var/log/rrmd"},
    )
    assert result.exit_code == 0
    assert seen[0].sites == directory / "sites"
    assert seen[0].store_url == f"sqlite:///{directory}/rrmd.sqlite3"
    assert seen[0].key_file == directory / "audit.key"
    assert seen[0].audit_dir == Path("/var/log/rrmd")
    assert seen[0].socket_group is None


@pytest.mark.parametrize(
    ("ended", "code", "said"),
    [
        (SocketInUse("another rrmd holds /run/rrmd/control.sock"), 1, "another rrmd holds"),
        (ExceptionGroup("tasks", [SocketUnusable("create the directory")]), 2, "create the directory"),
        (SiteErrors([SiteError("north.yaml", 3, "site", "a site", "none")]), 2, "north.yaml:3: site"),
        (KeyRefused("others may use the key file"), 2, "others may use"),
        (StateUnsafe("others may write in /var/lib/rrmd"), 2, "others may write"),
        (StoreUnavailable("the disk is full"), 1, "the disk is full"),
        (PersonNeeded("wlc: a login is needed"), 2, "wlc: a login is needed"),
        (PermissionError(13, "Permission denied", "/var/lib/rrmd"), 4, "/var/lib/rrmd: Permission denied"),
        (FileNotFoundError(2, "No such file", "/etc/rrmd/sites"), 2, "/etc/rrmd/sites: No such file"),
        (ZeroDivisionError(), 5, "the daemon ended: ZeroDivisionError"),
    ],
)
def test_run_ends_with_a_code_and_a_line(
    monkeypatch: pytest.MonkeyPatch, ended: Exception, code: int, said: str
) -> None:
    run_with(monkeypatch, ended)
    result = rrmd("run")
    assert result.exit_code == code
    assert said in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr


def test_the_log_names_what_ended_the_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task group's own name says nothing, and there are groups within groups."""
    inner = ExceptionGroup("agent", [ExceptionGroup("fleet", [LookupError("no such table")])])
    run_with(monkeypatch, ExceptionGroup("daemon", [inner, ZeroDivisionError("by none")]))
    result = rrmd("run")
    assert result.exit_code == 5
    *log, last = result.stderr.splitlines()
    (failed,) = [line for line in log if "daemon.failed" in line]
    assert "LookupError: no such table" in failed
    assert "ZeroDivisionError: by none" in failed
    assert "the daemon ended: LookupError, ZeroDivisionError" in last


def test_a_wrong_log_format_is_2(monkeypatch: pytest.MonkeyPatch) -> None:
    run_with(monkeypatch, 0)
    result = rrmd("run", "--log-format", "xml")
    assert result.exit_code == 2
    assert "RRMD_LOG_FORMAT" in error_line(result)


# probe without a daemon, drivers


def test_an_ap_is_probed_directly(directory: Path, family: Family) -> None:
    result = rrmd("probe", "ap1", "--site", site_file(directory), "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert found["device"]["vendor"] == "ACME"
    assert found["radios"][0]["reading"]["clients"] == 1
    assert "02:00" not in result.stdout
    assert [call["call"] for call in found["calls"]] == ["open", "read", "read_config north/ap1/r5"]
    assert found["errors"] == ["read_config north/ap1/r5: DeviceTimeout: no answer within 3 s"]
    assert family.made[0].closed
    answers.ProbeResult.model_validate_json(result.stdout)
    assert rrmd("probe", "ap1", "--site", site_file(directory)).exit_code == 1


@pytest.mark.parametrize(
    ("text", "ap", "said"),
    [
        (SITE, "ap7", "no AP ap7; there are north/ap1"),
        (SITE.replace("fake", "nothing"), "ap1", "nothing"),
        (
            SITE.replace("address: 192.0.2.1", 'address: 192.0.2.1\n    credential: "cred:no"'),
            "ap1",
            "cred:no",
        ),
    ],
)
def test_a_direct_probe_that_cannot_be_is_2(
    directory: Path, family: Family, text: str, ap: str, said: str
) -> None:
    result = rrmd("probe", ap, "--site", site_file(directory, text=text))
    assert result.exit_code == 2
    assert said in error_line(result)


def test_drivers_are_listed_with_what_they_can(family: Family) -> None:
    result = rrmd("drivers")
    assert result.exit_code == 0
    for word in ("fake", "status, clients", "channel", "10 to 600", "made for a test"):
        assert word in result.stdout
    assert "driver lost cannot be used: it does not load" in result.stderr
    found = json.loads(rrmd("drivers", "--json").stdout)
    assert found["drivers"]["fake"]["sets"] == {"channel": "radio"}
    assert found["broken"] == {"lost": "it does not load"}


# audit


@pytest.fixture
def state(directory: Path) -> Path:
    """A state directory with a log of three records, by the real store and the real log."""
    settings = Settings(state_dir=directory)
    settings.audit_dir.mkdir()
    key = load_or_create_key(settings.key_file)
    store = Store(settings.store_url)
    log = AuditLog(settings.audit_dir, store, key)
    log.recover()
    for number in range(3):
        store.append([_record(number)])
    log.flush()
    store.close()
    return directory


def _record(number: int) -> dict[str, Any]:
    return record(
        id=f"id{number}",
        now=SystemClock().now(),
        kind="system" if number else "operator",
        site="north",
        names=Pseudonyms(b"k" * 32),
        reason=f"test.record_{number}",
        radio=RadioKey("north/ap1/r5"),
    )


def audit(state: Path, *words: str) -> Result:
    return rrmd("--state-dir", str(state), "audit", *words)


def only_file(state: Path) -> Path:
    return next((state / "audit").glob("*.jsonl"))


def test_a_whole_log_is_fine(state: Path) -> None:
    assert audit(state, "verify").stdout == "ok: 3 records, the last is 3\n"
    found = json.loads(audit(state, "verify", "--json").stdout)
    assert found == {"intact": True, "records": 3, "last_seq": 3, "head_seq": 3, "findings": []}


def test_an_edit_is_found_and_named_by_its_line(state: Path) -> None:
    file = only_file(state)
    file.write_bytes(file.read_bytes().replace(b"test.record_1", b"test.record_7"))
    result = audit(state, "verify", "--json")
    assert result.exit_code == 1
    assert [(f["kind"], f["line"]) for f in json.loads(result.stdout)["findings"]] == [("edit", 2)]
    assert "NOT INTACT" in audit(state, "verify").stdout


def test_a_cut_end_is_found_with_the_store_and_admitted_without(state: Path, directory: Path) -> None:
    file = only_file(state)
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:2]))
    assert "truncation" in audit(state, "verify").stdout
    copy = directory / "copy"
    shutil.copytree(state / "audit", copy)
    result = audit(state, "verify", "--dir", str(copy))
    assert result.exit_code == 0
    assert "cannot be seen" in result.stdout


def test_verifying_makes_no_key_and_no_store(directory: Path) -> None:
    (directory / "audit").mkdir()
    result = audit(directory, "verify")
    assert result.exit_code == 2
    assert "no such key file" in error_line(result)
    assert [path.name for path in directory.iterdir()] == ["audit"]


def test_an_open_key_file_is_refused(state: Path) -> None:
    (state / "audit.key").chmod(0o644)
    result = audit(state, "verify")
    assert result.exit_code == 2
    assert "chmod 600" in error_line(result)


def test_a_missing_log_is_named(state: Path) -> None:
    result = audit(state, "query", "--dir", str(state / "nowhere"))
    assert result.exit_code == 2
    assert "nowhere: No such file or directory" in error_line(result)


def test_the_log_is_searched_newest_first(state: Path) -> None:
    found = json.loads(audit(state, "query", "--kind", "system", "--since", "1h", "--json").stdout)
    assert [one["seq"] for one in found["records"]] == [3, 2]
    assert "test.record_2" in audit(state, "query", "--limit", "1").stdout


def test_an_unknown_kind_is_no_empty_answer(state: Path) -> None:
    result = audit(state, "query", "--kind", "nonsense")
    assert result.exit_code == 2
    assert "no kind nonsense; there are event, decision, transition, operator, system" in error_line(result)


def test_a_radio_is_searched_by_its_real_name(state: Path) -> None:
    assert json.loads(audit(state, "query", "--radio", "north/ap1/r5", "--json").stdout) == {"records": []}
    result = audit(state, "query", "--radio", "r5")
    assert result.exit_code == 2
    assert "site/ap/radio" in error_line(result)


def test_an_export_is_the_log_as_it_stands(state: Path, directory: Path) -> None:
    result = audit(state, "export")
    assert result.stdout.encode() == only_file(state).read_bytes()
    out = directory / "out.csv"
    found = audit(state, "export", "--format", "csv", "--out", str(out), "--kind", "operator", "--json")
    assert json.loads(found.stdout) == {"records": 1, "file": str(out)}
    assert len(out.read_text().splitlines()) == 2
    again = audit(state, "export", "--out", str(out))
    assert again.exit_code == 2
    assert "is there already" in error_line(again)
    assert audit(state, "export", "--json").exit_code == 2
