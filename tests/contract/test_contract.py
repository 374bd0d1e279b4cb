"""The contract, kept by the hostapd driver on recordings. test_simulated.py and tests/vm have the others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from contract.suite import Case, Contract
from integration.replay import R5, Replay, replay
from integration.sshd import NEEDS_SSHD, SSHD

from drivers.hostapd.driver import family as hostapd
from drivers.types import ScopeRef, Setting

WLAN0 = ScopeRef(kind="radio", name="wlan0", members=(R5,))


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replay]:
    with replay(tmp_path_factory.mktemp("ap")) as running:
        yield running


@pytest.mark.skipif(SSHD is None, reason=NEEDS_SSHD)
class TestHostapdFromRecordings(Contract):
    @pytest.fixture
    def case(self, machine: Replay) -> Case:
        machine.reset()
        return Case(
            name="hostapd",
            make=lambda: hostapd.device(machine.context()),
            scope=WLAN0,
            change={Setting.CHANNEL: 149, Setting.WIDTH_MHZ: 40, Setting.TX_POWER_DBM: 12},
            before={Setting.CHANNEL: 36, Setting.WIDTH_MHZ: 40, Setting.TX_POWER_DBM: 23},
        )
