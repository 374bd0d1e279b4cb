"""Recordings of real devices, read as expected/*.yaml says: worked out by hand, from the raw lines."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from contract.snmp_expected import EXPECTED, PROFILES, close, expected, said, seen, wanted

WHOLE = sorted(set(PROFILES) - {"arubaos"})


def test_each_expectation_has_a_recording() -> None:
    assert {file.stem for file in EXPECTED.glob("*.yaml")} == set(PROFILES)


@pytest.mark.parametrize("recording", WHOLE)
def test_every_radio_and_nothing_else(recording: str) -> None:
    told = expected(recording)
    radios = {
        (ap.get("mac"), name): wanted(fields, told.get("country"))
        for ap in told["aps"]
        for name, fields in ap["radios"].items()
    }
    alone = len(told["aps"]) == 1 and all(one.at.ap_mac is None for one in seen(recording))
    found = {(_mac(told) if alone else one.at.ap_mac, one.at.name): said(one) for one in seen(recording)}
    assert found == {key: close(fields) for key, fields in radios.items()}


def _mac(told: dict[str, Any]) -> str | None:
    """Of a device that is its only AP: what its radios can't tell, its identity does."""
    mac: str | None = told["aps"][0].get("mac")
    return mac


@pytest.mark.parametrize("recording", WHOLE)
def test_each_ap_has_its_name_and_model(recording: str) -> None:
    aps = {ap["mac"]: ap for ap in expected(recording)["aps"] if "mac" in ap}
    for one in seen(recording):
        ap = aps.get(one.at.ap_mac, {})
        assert one.at.ap_name == ap.get("name", one.at.ap_name)
        assert one.at.ap_model == ap.get("model", one.at.ap_model)


class TestCampus:
    """690 APs behind one controller."""

    def test_totals(self) -> None:
        totals, all_of_it = expected("arubaos")["totals"], seen("arubaos")
        told = [said(one) for one in all_of_it]
        assert len({one.at.ap_mac for one in all_of_it}) == totals["aps"]
        assert len(told) == totals["radios"]
        assert sum(_number(one["client_count"]) for one in told) == totals["client_count"]
        assert sum(round(100 * _number(one["busy_ratio"])) for one in told) == totals["busy_percent"]
        assert sum(_number(one["tx_power_dbm"]) for one in told) == pytest.approx(totals["tx_power_dbm"])
        assert sum(one["state"] == "off" for one in told) == totals["silent"]
        plan = Counter(f"{one['band']}/{one['channel']}/{one['width_mhz']}" for one in told)
        assert dict(plan) == totals["radios_by_channel"]

    def test_rows_of_every_spelling(self) -> None:
        found = {(one.at.ap_mac, one.at.name): one for one in seen("arubaos")}
        for ap in expected("arubaos")["aps"]:
            for name, fields in ap["radios"].items():
                one = found[ap["mac"], name]
                assert said(one) == close(wanted(fields)), (ap["mac"], name)
                assert one.at.ap_name == ap.get("name", one.at.ap_name)


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return value
