"""A third party's driver: installed with pip, found by its entry point, and held to the same contract."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from contract.suite import Case, Contract

from drivers.base import DeviceContext, DriverFamily
from drivers.registry import GROUP, discover
from drivers.types import ScopeRef, Setting
from inventory.model import Band, DeviceConfig, Radio, radio_key

PLUGIN = Path(__file__).parent / "example_plugin"
R5 = radio_key("north", "ap1", "r5")
RADIOS = (Radio(key=R5, band=Band.GHZ_5), Radio(key=radio_key("north", "ap1", "r2"), band=Band.GHZ_2_4))


def install(source: Path, target: Path) -> None:
    """As a person would, but for the index: what it needs is here."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
    offline = ["--no-deps", "--no-build-isolation", "--no-index"]
    told = subprocess.run([*pip, *offline, "--target", str(target), str(source)], capture_output=True)
    assert told.returncode == 0, told.stderr.decode()


def rrmd(target: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": str(target)}
    command = [sys.executable, "-m", "agent", *words]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the package is installed; built from a copy, because building writes into the source."""
    place = tmp_path_factory.mktemp("plugin")
    shutil.copytree(PLUGIN, place / "source", ignore=shutil.ignore_patterns("build", "*.egg-info"))
    install(place / "source", place / "installed")
    return place / "installed"


@pytest.fixture(scope="module")
def family(target: Path) -> Iterator[DriverFamily]:
    """By its entry point alone, as the daemon finds it."""
    sys.path.insert(0, str(target))
    importlib.invalidate_caches()
    try:
        yield discover(entry_points(group=GROUP)).family("linewifi")
    finally:
        sys.path.remove(str(target))
        for name in [name for name in sys.modules if name.split(".")[0] == "linewifi_rrmd"]:
            del sys.modules[name]


@pytest.fixture(scope="module")
def loopback(family: DriverFamily) -> Any:
    return importlib.import_module("linewifi_rrmd.loopback")


@pytest.fixture
def ap(loopback: Any) -> Iterator[Any]:
    with loopback.loopback_ap() as running:
        yield running


class TestExamplePlugin(Contract):
    @pytest.fixture
    def case(self, family: DriverFamily, ap: Any, loopback: Any) -> Case:
        config = DeviceConfig(id="ap1", driver="linewifi", address=ap.address)
        context = DeviceContext(config=config, radios=RADIOS, secret=None, clock=time.monotonic)

        @contextmanager
        def left() -> Iterator[None]:
            ap.push(loopback.LEFT)
            yield

        return Case(
            name="linewifi",
            make=lambda: family.device(context),
            unheard="tests/contract/test_example_plugin.py: the example's peer is a program of its own",
            scope=ScopeRef(kind="radio", name="1", members=(R5,)),
            change={Setting.CHANNEL: 149, Setting.WIDTH_MHZ: 20, Setting.TX_POWER_DBM: 11},
            before={Setting.CHANNEL: 36, Setting.WIDTH_MHZ: 40, Setting.TX_POWER_DBM: 17},
            pushes=dict.fromkeys(family.capabilities.signal_ways, left),
        )


def test_rrmd_lists_it(target: Path) -> None:
    told = rrmd(target, "drivers", "--json")
    found = json.loads(told.stdout)
    assert found["broken"] == {}
    assert found["drivers"]["linewifi"]["undo_timer_s"] == [1.0, 600.0]
    assert found["drivers"]["snmp"]["profiles"]["airespace"]["sets"]["channel"] == "radio"
    assert "linewifi" not in json.loads(rrmd(target.parent, "drivers", "--json").stdout)["drivers"]


def test_rrmd_probes_it_though_no_site_file_names_it(target: Path, ap: Any) -> None:
    told = rrmd(target, "probe", "--address", ap.address, "--driver", "linewifi", "--json")
    found = json.loads(told.stdout)
    assert (told.returncode, found["errors"]) == (0, [])
    assert [(radio["ap"], radio["name"], radio["channel"]) for radio in found["radios"]] == [
        ("02:00:00:00:0a:01", "2", 6),
        ("02:00:00:00:0a:01", "1", 36),
    ]
    assert found["radios"][1]["busy_ratio"] == 0.21
    assert found["radios"][0]["busy_ratio"] is None


def test_a_broken_one_is_refused_with_its_reason_and_costs_nobody_else(target: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(target, broken)
    module = broken / "linewifi_rrmd" / "driver.py"
    module.write_text(module.read_text().replace("from linewifi_rrmd.wire", "from linewifi_rrmd.wires"))
    told = rrmd(broken, "drivers")
    assert told.returncode == 0
    assert "hostapd" in told.stdout
    assert "driver linewifi cannot be used" in told.stderr
    assert "linewifi_rrmd.wires" in told.stderr


def test_one_that_lacks_part_of_the_contract_is_refused(target: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(target, broken)
    module = broken / "linewifi_rrmd" / "driver.py"
    module.write_text(module.read_text().replace("def check_options", "def check_the_options"))
    found = json.loads(rrmd(broken, "drivers", "--json").stdout)
    assert "check_options" in found["broken"]["linewifi"]
    assert "linewifi" not in found["drivers"]
