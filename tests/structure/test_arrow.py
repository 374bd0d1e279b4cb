"""One arrow: agent -> drivers -> inventory. And what is called pure is pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALLOWED = {
    "agent": {"agent", "drivers", "inventory"},
    "drivers": {"drivers", "inventory"},
    "inventory": {"inventory"},
}
OURS = set(ALLOWED)

MODELS = ("cisco", "openconfig")
PURE = [
    "inventory/model.py",
    "inventory/channels.py",
    "inventory/regulatory.py",
    "inventory/windows.py",
    "agent/lease.py",
    "agent/lost_rows.py",
    "drivers/expectation.py",
    "drivers/notifications.py",
    "drivers/openwrt/act.py",
    "drivers/openwrt/plan.py",
    "drivers/openwrt/signals.py",
    "drivers/openwrt/spatial_reuse.py",
    "drivers/openwrt/spectrum.py",
    "drivers/openwrt/subject.py",
    "drivers/placing.py",
    "drivers/signals.py",
    "drivers/snmp/heard.py",
    "drivers/snmp/asker.py",
    "drivers/snmp/configured.py",
    "drivers/snmp/identity.py",
    "drivers/snmp/match.py",
    "drivers/snmp/plan.py",
    "drivers/snmp/profile.py",
    "drivers/snmp/profile_check.py",
    "drivers/snmp/questions.py",
    "drivers/snmp/source.py",
    "drivers/snmp/uptime.py",
    "drivers/types.py",
    "drivers/errors.py",
    "drivers/netconf/judge.py",
    "drivers/netconf/spectrum.py",
    *(f"drivers/netconf/{model}/{name}.py" for model in MODELS for name in ("find", "plan", "reading")),
    "drivers/netconf/cisco/watch.py",
    "drivers/transport/netconf_framing.py",
    "drivers/transport/snmp_message.py",
    "drivers/transport/ber.py",
    "drivers/snmp/notify.py",
    "drivers/snmp/notify_trap.py",
    "drivers/snmp/notify_where.py",
    "drivers/snmp/notify_words.py",
    "drivers/transport/traps_message.py",
    *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "drivers").rglob("parse*.py")),
    *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "drivers").rglob("render.py")),
    "drivers/openwrt/asked.py",
    "drivers/openwrt/find.py",
    "drivers/openwrt/identity.py",
    "drivers/openwrt/options.py",
    "drivers/openwrt/reading.py",
    "drivers/openwrt/standing.py",
    *sorted(
        str(p.relative_to(ROOT))
        for p in (ROOT / "drivers/simulated").glob("*.py")
        if p.stem not in {"driver", "session", "pump", "worlds", "options", "__init__"}
    ),
    *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "agent/planner").rglob("*.py")),
    *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "agent/detectors").glob("*.py")),
    "agent/airs.py",
    "agent/airtime.py",
    "agent/levels.py",
    "agent/lock.py",
    "agent/alerts/notice.py",
    "agent/audit_chain.py",
    "agent/baseline.py",
    "agent/change.py",
    "agent/comparison.py",
    "agent/counters.py",
    "agent/crowd.py",
    "agent/counts.py",
    "agent/demo/line.py",
    "agent/demo/script.py",
    "agent/demo/stories.py",
    "agent/demo/wording.py",
    "agent/departures.py",
    "agent/discovered.py",
    "agent/driver_table.py",
    "agent/events.py",
    "agent/first_inventory.py",
    "agent/history.py",
    "agent/json_text.py",
    "agent/judgement.py",
    "agent/metric.py",
    "agent/metrics/families.py",
    "agent/metrics/radios.py",
    "agent/moment.py",
    "agent/monitor.py",
    "agent/nop.py",
    "agent/pace.py",
    "agent/words.py",
    "agent/observation.py",
    "agent/probe_radio.py",
    "agent/records.py",
    "agent/rollback.py",
    "agent/slots.py",
    "agent/span.py",
    "agent/standing.py",
    "agent/timetable.py",
    "agent/tokens.py",
    "agent/traffic.py",
    "agent/undo_timer.py",
    "agent/view.py",
]
IMPURE = {"asyncio", "socket", "time", "os", "subprocess", "threading", "random", "uuid", "uuid6", "secrets"}
IMPURE |= {"requests", "paramiko", "sqlalchemy", "structlog", "logging", "pathlib", "io", "selectors"}
CLOCKS = {"now", "utcnow", "today", "monotonic", "perf_counter", "urandom", "open"}
MAY = {
    "drivers/simulated": {"random"},  # a Random is given in; the type is needed
    "inventory/regulatory.py": {"importlib"},
}


def sources() -> list[Path]:
    return sorted(path for top in OURS for path in (ROOT / top).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_the_arrow(path: Path) -> None:
    top = path.relative_to(ROOT).parts[0]
    wrong = {name for name in imports(path) if name.split(".")[0] in OURS - ALLOWED[top]}
    assert not wrong, f"{top} must not import {wrong}"


@pytest.mark.parametrize("name", PURE)
def test_purity(name: str) -> None:
    path = ROOT / name
    may = next((extra for start, extra in MAY.items() if name.startswith(start)), set())
    wrong = {each for each in imports(path) if each.split(".")[0] in IMPURE - may}
    assert not wrong, f"{name} is pure and must not import {wrong}"
    calls = [
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
    ]
    assert not CLOCKS & set(calls), f"{name} is pure and must not call {CLOCKS & set(calls)}"


BESIDE = {"requests": {"agent/alerts/webhook.py"}}
"""Who speaks to something that is no device."""


@pytest.mark.parametrize("library", ["paramiko", "requests", "ncclient", "pysnmp", "gufo"])
def test_only_transports_import_protocol_libraries(library: str) -> None:
    users = {
        str(path.relative_to(ROOT))
        for path in sources()
        if any(name.split(".")[0] == library for name in imports(path))
    }
    assert all(user.startswith("drivers/transport/") for user in users - BESIDE.get(library, set())), users


def test_every_source_file_has_its_reason() -> None:
    silent = [
        str(p.relative_to(ROOT))
        for p in sources()
        if p.name != "__init__.py" and not ast.get_docstring(ast.parse(p.read_text()))
    ]
    assert not silent
