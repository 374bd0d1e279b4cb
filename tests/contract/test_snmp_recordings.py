"""Recordings of real devices, each as a device that the driver opens and reads, held against expected/*.yaml:
worked out by hand, from the raw lines."""

from __future__ import annotations

from collections import Counter

import pytest
from contract.snmp_expected import RECORDINGS, expected, recorded, said, served, wanted

WHOLE = [each for each in RECORDINGS if each != "arubaos"]


@pytest.mark.parametrize("recording", RECORDINGS)
def test_the_dialect_is_found_and_who_it_is(recording: str) -> None:
    info = recorded(recording).info
    told = expected(recording)["device"]
    assert {name: getattr(info, name) for name in told} == told
    assert info.identity


@pytest.mark.parametrize("recording", WHOLE)
def test_every_radio_and_nothing_else(recording: str) -> None:
    told = expected(recording)
    radios = {
        (ap.get("mac", ""), name): wanted(fields, told.get("country"))
        for ap in told["aps"]
        for name, fields in ap["radios"].items()
    }
    assert {key: said(reading) for key, reading in recorded(recording).readings.items()} == radios


@pytest.mark.parametrize("recording", WHOLE)
def test_every_ap_with_its_name_and_model(recording: str) -> None:
    found = {ap.mac or "": ap for ap in recorded(recording).info.found}
    told = {ap.get("mac", ""): ap for ap in expected(recording)["aps"]}
    assert set(found) == set(told)
    for mac, ap in told.items():
        assert {name: getattr(found[mac], name) for name in ("name", "model") if name in ap} == {
            name: ap[name] for name in ("name", "model") if name in ap
        }
        assert {radio.name for radio in found[mac].radios} == set(ap["radios"])


@pytest.mark.parametrize("recording", RECORDINGS)
def test_only_what_can_not_be_true_is_refused(recording: str) -> None:
    refused = {(line["section"], line["row"]) for line in recorded(recording).log}
    assert refused == {(section, row) for section, row in expected(recording).get("refused", [])}


@pytest.mark.parametrize("recording", RECORDINGS)
def test_over_the_wire_it_is_the_same(recording: str) -> None:
    told, there = recorded(recording), served(recording)
    assert there.info == told.info
    assert there.readings == told.readings
    assert there.log == told.log


class TestCampus:
    """690 APs behind one controller."""

    def test_totals(self) -> None:
        totals, device = expected("arubaos")["totals"], recorded("arubaos")
        told = [said(one) for one in device.readings.values()]
        assert len(device.info.found) == totals["aps"]
        assert len(told) == totals["radios"]
        assert sum(_number(one["client_count"]) for one in told) == totals["client_count"]
        assert sum(round(100 * _number(one["busy_ratio"])) for one in told) == totals["busy_percent"]
        assert sum(_number(one["tx_power_dbm"]) for one in told) == pytest.approx(totals["tx_power_dbm"])
        assert sum(one["state"] == "off" for one in told) == totals["silent"]
        plan = Counter(f"{one['band']}/{one['channel']}/{one['width_mhz']}" for one in told)
        assert dict(plan) == totals["radios_by_channel"]

    def test_rows_of_every_spelling(self) -> None:
        device = recorded("arubaos")
        names = {ap.mac: ap.name for ap in device.info.found}
        for ap in expected("arubaos")["aps"]:
            assert names[ap["mac"]] == ap.get("name", names[ap["mac"]])
            for name, fields in ap["radios"].items():
                assert said(device.readings[ap["mac"], name]) == wanted(fields), (ap["mac"], name)


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return value
