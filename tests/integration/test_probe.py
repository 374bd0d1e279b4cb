"""`rrmd probe` of a device that no site file names: found first, then asked for all of it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from integration.replay import replay
from integration.sshd import NEEDS_SSHD, SSHD
from typer.testing import CliRunner, Result

from agent.api import answers
from agent.cli.app import app
from drivers.base import DeviceContext
from drivers.errors import DeviceTimeout, PersonNeeded
from drivers.registry import Registry
from drivers.types import (
    Absence,
    Capabilities,
    DeviceInfo,
    FoundAp,
    FoundRadio,
    RadioInfo,
    RadioReading,
    RadioState,
    Reported,
    Snapshot,
    SurveyReading,
    Table,
)
from inventory.model import Band, RadioKey

ABLE = Capabilities(tables=frozenset({Table.STATUS, Table.SURVEY}), settings={})
FOUND = tuple(
    FoundAp(
        mac=f"02:00:00:00:00:{number:02x}",
        name=f"ap {number}",
        model="T1",
        radios=(FoundRadio(name="0", band=Band.GHZ_2_4), FoundRadio(name="1", band=Band.GHZ_5)),
    )
    for number in range(1, 4)
)


class Controller:
    """Answers for three APs; knows those of its radios that it was given. Nothing to set."""

    def __init__(self, context: DeviceContext) -> None:
        self.context = context
        self.reads = 0
        self.closed = False

    async def open(self) -> DeviceInfo:
        radios = {
            radio.key: RadioInfo(key=radio.key, name=str(radio.ifname), band=radio.band)
            for radio in self.context.radios
        }
        return DeviceInfo(
            vendor="ACME",
            model="C1",
            version="1",
            identity="serial",
            radios=radios,
            capabilities=ABLE,
            found=FOUND,
        )

    async def read(self, tables: frozenset[Table], radios: frozenset[RadioKey] | None) -> Snapshot:
        self.reads += 1
        lost = {key for key in radios or () if key.endswith("ap-3/r2")}
        return Snapshot(
            at_s=float(self.reads),
            readings={key: self._reading(key) for key in radios or () if key not in lost},
            missing=dict.fromkeys(lost, Absence.GARBAGE),
        )

    def _reading(self, key: RadioKey) -> RadioReading:
        used = SurveyReading(
            frequency_mhz=5180, in_use=True, active_ms=1000 * self.reads, busy_ms=250 * self.reads
        )
        return RadioReading(
            key=key,
            at_s=float(self.reads),
            state=RadioState.ON_AIR,
            band=Band.GHZ_5,
            channel=Reported(36, "1.3.6.1.4.1.1", 2.0),
            survey=(used,),
        )

    async def close(self) -> None:
        self.closed = True


class Family:
    name = "snmp"
    summary = "made for a test"
    capabilities = ABLE
    profiles: Mapping[str, Capabilities] = MappingProxyType({"acme": ABLE})
    fault: Exception | None = None

    def __init__(self) -> None:
        self.made: list[Any] = []

    def check_options(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        if options.get("profile", "acme") != "acme":
            raise ValueError(f"no profile {options['profile']}; there are acme")
        return options

    def device(self, context: DeviceContext) -> Any:
        if self.fault is not None:
            raise self.fault
        self.made.append(Controller(context))
        return self.made[-1]


@pytest.fixture
def family(monkeypatch: pytest.MonkeyPatch) -> Family:
    made = Family()
    monkeypatch.setattr("drivers.registry.registry", lambda: Registry(families={"snmp": made}))
    return made


def probed(*words: str, **options: Any) -> Result:
    return CliRunner().invoke(app, ["probe", *words], **options)


def test_all_radios_that_are_found_are_told(family: Family) -> None:
    result = probed("--address", "192.0.2.1", "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["errors"], found["reachable"]) == (0, [], True)
    assert [(radio["ap"], radio["name"], radio["band"]) for radio in found["radios"]] == [
        (ap.mac, radio.name, radio.band) for ap in FOUND for radio in ap.radios
    ]
    first = found["radios"][0]
    assert (first["key"], first["channel"]) == ("probe/ap-1/r2", 36)
    assert first["fields"]["channel"] == {"source": "1.3.6.1.4.1.1", "age_s": 2.0}
    assert found["radios"][4]["missing"] == "garbage"
    assert found["found"][0] == {
        "mac": "02:00:00:00:00:01",
        "name": "ap 1",
        "model": "T1",
        "radios": [{"name": "0", "band": "2.4"}, {"name": "1", "band": "5"}],
        "listed": None,
    }
    assert [call["call"] for call in found["calls"]] == ["find", "open", "read"]
    assert all(device.closed for device in family.made)
    answers.ProbeResult.model_validate_json(result.stdout)


def test_a_person_gets_a_table_of_them(family: Family) -> None:
    result = probed("--address", "192.0.2.1")
    assert (result.exit_code, result.stderr) == (0, "")
    for word in ("02:00:00:00:00:03", "ACME", "nothing", "none: it is polled", "garbage", "read"):
        assert word in result.stdout


@pytest.mark.parametrize("name", ["02:00:00:00:00:02", "ap-2"])
def test_one_ap_of_many(family: Family, name: str) -> None:
    found = json.loads(probed(name, "--address", "192.0.2.1", "--json").stdout)
    assert [radio["key"] for radio in found["radios"]] == ["probe/ap-2/r2", "probe/ap-2/r5"]


def test_shares_are_counted_when_it_is_asked_again(family: Family) -> None:
    found = json.loads(probed("ap-1", "--address", "192.0.2.1", "--for", "1s", "--json").stdout)
    radio = found["radios"][0]
    assert (radio["busy_ratio"], radio["fields"]["busy_ratio"]["source"]) == (0.25, "counted over 1 s")
    assert found["calls"][-1]["call"] == "read again"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "--address"),
        (("--address", "192.0.2.1", "--profile", "else"), "no profile else; there are acme"),
        (("--address", "192.0.2.1", "--driver", "else"), "no driver else"),
        (("--address", "192.0.2.1", "--credential", "cred:nobody"), "cred:nobody"),
        (("--address", "192.0.2.1", "--for", "2h"), "at most"),
        (("--address", "192.0.2.1", "--option", "profile"), "NAME=VALUE"),
        (("--address", "192.0.2.1", "--option", "profile=else"), "no profile else"),
        (("--address", "192.0.2.1", "--site", "x.yaml"), "--site"),
    ],
)
def test_what_cannot_be_asked_is_wrong_usage(family: Family, words: tuple[str, ...], said: str) -> None:
    result = probed(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_login_that_is_wanted_is_asked_for(family: Family) -> None:
    family.fault = PersonNeeded("device: a login is needed: credential: cred:NAME")
    result = probed("--address", "192.0.2.1")
    assert (result.exit_code, result.stderr) == (
        2,
        "rrmd: device: a login is needed: credential: cred:NAME\n",
    )


def test_a_device_that_is_silent(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(self: Controller) -> DeviceInfo:
        raise DeviceTimeout("no answer within 3 s")

    monkeypatch.setattr(Controller, "open", silent)
    result = probed("--address", "192.0.2.1", "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["reachable"], found["device"]) == (1, False, None)
    assert found["errors"] == ["find: DeviceTimeout: no answer within 3 s"]
    assert family.made[0].closed


def test_a_device_that_tells_of_no_ap(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    known = Controller.open

    async def shy(self: Controller) -> DeviceInfo:
        return dataclasses.replace(await known(self), found=())

    monkeypatch.setattr(Controller, "open", shy)
    result = probed("--address", "192.0.2.1")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "C1" in result.stdout
    assert "no Wi-Fi radio" in result.stdout
    found = json.loads(probed("--address", "192.0.2.1", "--json").stdout)
    assert (found["radios"], len(found["notes"])) == ([], 1)


def test_an_ap_that_it_does_not_answer_for(family: Family) -> None:
    result = probed("ap-9", "--address", "192.0.2.1")
    assert result.exit_code == 1
    assert "ap-9" in result.stderr


@pytest.mark.parametrize("match", ['mac: "02:00:00:00:00:02"', "name: AP 2"])
def test_aps_that_the_inventory_does_not_list_are_told(family: Family, tmp_path: Any, match: str) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(
        'version: 1\nsite: {id: north, country: "NO", timezone: Europe/Oslo}\n'
        "devices: {c: {driver: snmp, address: 192.0.2.1}}\n"
        f'aps:\n  hall: {{device: c, match: {{{match}}}, radios: {{r5: {{band: "5", ifname: 1}}}}}}\n'
    )
    found = json.loads(probed("hall", "--site", str(file), "--json").stdout)
    assert [(radio["ap"], radio["key"]) for radio in found["radios"]] == [
        ("02:00:00:00:00:02", "north/hall/r5")
    ]
    assert [(ap["name"], ap["listed"]) for ap in found["found"]] == [
        ("ap 1", False),
        ("ap 2", True),
        ("ap 3", False),
    ]
    text = probed("hall", "--site", str(file)).stdout
    assert "2 APs that it answers for and the inventory does not list" in text


@pytest.mark.skipif(SSHD is None, reason=NEEDS_SSHD)
def test_a_linux_ap_that_no_site_file_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with replay(tmp_path) as ap:
        context = ap.context()
        assert context.secret is not None
        monkeypatch.setenv("RRMD_CRED_LOBBY", context.secret.reveal())
        where = ["--address", context.config.address, "--driver", "hostapd", "--credential", "cred:lobby"]
        key = f"host_key={context.config.options['host_key']}"
        result = probed(*where, "--option", key, "--json")
        assert probed(*where).exit_code == 1
    found = json.loads(result.stdout)
    assert (found["errors"], result.exit_code) == ([], 0)
    assert [(radio["name"], radio["band"], radio["channel"]) for radio in found["radios"]] == [
        ("wlan1", "2.4", 6),
        ("wlan0", "5", 36),
    ]
    assert len({radio["ap"] for radio in found["radios"]}) == 1
