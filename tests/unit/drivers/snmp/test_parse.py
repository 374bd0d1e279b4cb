"""What is read of the radios of a recording, checked by hand against its lines."""

from __future__ import annotations

import pytest
from shared_data import shared_data

from drivers.snmp.load import shipped
from drivers.snmp.parse import Read, read
from drivers.snmp.parse_answer import Answer
from drivers.snmp.parse_radio import located
from drivers.snmp.parse_status import Request
from drivers.snmp.recording import load
from drivers.types import Counters, RadioReading, Table
from inventory.channels import frequency_mhz
from inventory.model import Band, RadioKey

ALL = frozenset(Table)


def of_recording(name: str, profile: str) -> dict[tuple[str | None, str], Read]:
    """By AP name and radio name."""
    answer = Answer(shipped()[profile], load(shared_data("snmp", f"{name}.snmprec")).values)
    request = Request(tables=ALL, at_s=5.0)
    return {
        (one.ap_name, one.name): read(answer, one, RadioKey("s/a/r"), Band.GHZ_5, request)
        for one in located(answer)
    }


@pytest.fixture(scope="module")
def cisco() -> dict[tuple[str | None, str], RadioReading]:
    reads = of_recording("ciscowlc_cbw240ac", "airespace")
    assert all(not each.refusals for each in reads.values())
    return {name: each.reading for name, each in reads.items() if each.reading is not None}


class TestCisco:
    def test_four_aps_of_two_radios(self, cisco: dict[tuple[str | None, str], RadioReading]) -> None:
        assert set(cisco) == {(f"ap{n}", slot) for n in (1, 2, 3, 4) for slot in ("0", "1")}

    @pytest.mark.parametrize(
        ("ap", "slot", "band", "channel", "power", "busy", "clients"),
        [
            ("ap1", "0", "2.4", 1, 16, 0.10, 0),
            ("ap1", "1", "5", 36, 16, 0.19, 1),
            ("ap2", "0", "2.4", 1, 20, 0.15, 3),
            ("ap2", "1", "5", 36, 23, 0.07, 5),
            ("ap4", "0", "2.4", 1, 20, 0.31, 0),
            ("ap4", "1", "5", 36, 23, 0.06, 5),
        ],
    )
    def test_values(
        self,
        cisco: dict[tuple[str | None, str], RadioReading],
        ap: str,
        slot: str,
        band: str,
        channel: int,
        power: float,
        busy: float,
        clients: int,
    ) -> None:
        reading = cisco[ap, slot]
        assert reading.channel is not None
        assert reading.tx_power_dbm is not None
        assert reading.gauges is not None
        told = (reading.band, reading.channel.value, reading.tx_power_dbm.value, reading.client_count)
        assert told == (Band(band), channel, power, clients)
        assert reading.gauges.busy_ratio == pytest.approx(busy)
        assert reading.channel.source == "1.3.6.1.4.1.14179.2.2.2.1.4"

    def test_powers_are_the_radios_own_list(self, cisco: dict[tuple[str | None, str], RadioReading]) -> None:
        assert cisco["ap2", "1"].power_choices_dbm == (23, 20, 17, 14, 11, 8, 5, 2)
        assert cisco["ap2", "0"].power_choices_dbm == (20, 17, 14, 11, 8, 5, 2)
        assert cisco["ap1", "0"].power_choices_dbm == (16, 13, 10, 7, 4, 1)

    def test_channels_that_it_may_use(self, cisco: dict[tuple[str | None, str], RadioReading]) -> None:
        allowed = cisco["ap1", "0"].allowed_mhz
        assert allowed == frozenset({frequency_mhz(Band.GHZ_2_4, n) for n in range(1, 12)})

    def test_a_customized_channel_is_not_the_vendors(
        self, cisco: dict[tuple[str | None, str], RadioReading]
    ) -> None:
        assert cisco["ap1", "1"].managed_by is None
        others = {reading.managed_by for name, reading in cisco.items() if name != ("ap1", "1")}
        assert others == {"Cisco RRM"}


class TestIeee80211:
    """The MIB that everybody has a piece of."""

    def test_a_channel_beyond_the_text_of_the_mib(self) -> None:
        """dot11CurrentChannel is 1..14 by its text; the device's 5 GHz radio is on 64 all the same. 30 rows
        of BSSs are 2 radios."""
        reads = of_recording("merakimr_mr28", "ieee80211")
        told = {name: each.reading for (_, name), each in reads.items() if each.reading is not None}
        assert {name: (one.band, one.channel and one.channel.value) for name, one in told.items()} == {
            "10": (Band.GHZ_2_4, 11),
            "25": (Band.GHZ_5, 64),
        }

    def test_counters_that_are_another_tables_memory(self) -> None:
        """Row 7 holds 2346, 7, 6, 2346, 204, 0 and then "Aerohive Network" as numbers: none of it is used,
        and the radio is read all the same."""
        reads = of_recording("hiveos-wireless_2", "ieee80211")
        bad, good = reads[None, "wifi0"], reads[None, "wifi1"]
        assert [each.why for each in bad.refusals] == ["4 of 4 counters are letters"]
        assert bad.reading is not None
        assert bad.reading.counters is None
        assert not good.refusals
        assert good.reading is not None
        assert good.reading.counters == Counters(tx_frames=0, tx_retries=0, tx_failed=0, width_bits=32)
