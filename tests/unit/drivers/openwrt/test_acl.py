"""The ACL files that are shipped grant what the driver calls, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from importlib.resources import files
from typing import Any

import pytest

ACL = files("drivers.openwrt").joinpath("acl")
SOURCES = "\n".join(
    each.read_text() for each in files("drivers.openwrt").iterdir() if each.name.endswith(".py")
)
NAMES = ("rrmd-monitor.json", "rrmd-control.json")


def _groups() -> Iterator[tuple[str, dict[str, Any]]]:
    for name in NAMES:
        yield from json.loads(ACL.joinpath(name).read_text()).items()


def _granted() -> list[tuple[str, str]]:
    return [
        (pattern, method)
        for _, group in _groups()
        for kind in ("read", "write")
        for pattern, methods in group.get(kind, {}).get("ubus", {}).items()
        for method in methods
    ]


@pytest.mark.parametrize(("pattern", "method"), _granted())
def test_what_is_granted_is_called(pattern: str, method: str) -> None:
    assert f'"{method}"' in SOURCES or f"/{method.lstrip(':')}/" in SOURCES
    assert "*" not in method


def test_no_object_is_granted_whole() -> None:
    assert {pattern for pattern, _ in _granted() if "*" in pattern} == {"hostapd.*"}


def test_the_monitor_reads_and_the_control_writes() -> None:
    groups = dict(_groups())
    assert set(groups) == {"rrmd-monitor", "rrmd-scan", "rrmd-control"}
    assert all(set(groups[name]) == {"description", "read"} for name in ("rrmd-monitor", "rrmd-scan"))
    assert set(groups["rrmd-control"]) == {"description", "write"}


RUNS = [pattern for _, group in _groups() for pattern in group.get("read", {}).get("file", ())]


@pytest.mark.parametrize(
    "line",
    [
        "/usr/sbin/iw phy phy0 channels",
        "/usr/sbin/hostapd_cli -i phy1-ap0 status",
        "/usr/sbin/hostapd_cli -i phy0.1-ap0 status",
        "/usr/sbin/iw phy phy10 channels",
        "/usr/sbin/hostapd_cli -i phy0-ap10 status",
        "/usr/sbin/hostapd_cli -i phy10-ap0 status",
        "/usr/sbin/hostapd_cli -i phy0.1-ap12 status",
        "/usr/sbin/hostapd_cli -i ap-mld0 status",
        "/usr/sbin/hostapd_cli -i wlan0 status",
        "/usr/sbin/hostapd_cli -i wlan0-1 status",
    ],
)
def test_what_is_run_may_be_run(line: str) -> None:
    assert any(fnmatchcase(line, pattern) for pattern in RUNS)


@pytest.mark.parametrize(
    "line",
    [
        "/usr/sbin/iw",
        "/usr/sbin/iw phy phy0 set txpower fixed 100",
        "/usr/sbin/iw phy phy0 set channel 36 channels",
        "/usr/sbin/hostapd_cli -i phy0-ap0 disable",
        "/usr/sbin/hostapd_cli -i phy0-ap0 raw x -ap0 status",
        "/usr/sbin/hostapd_cli -i phy -ap0 status",
        "/usr/sbin/hostapd_cli -i phy/-ap0 status",
        "/usr/sbin/hostapd_cli -i wlan0 disable status",
        "/bin/sh -c reboot",
    ],
)
def test_what_changes_something_may_not(line: str) -> None:
    """No asterisk and no question mark: they would match blanks and slashes too."""
    assert not any({"*", "?"} & set(pattern) for pattern in RUNS)
    assert not any(fnmatchcase(line, pattern) for pattern in RUNS)
