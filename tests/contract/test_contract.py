"""The contract, kept by the hostapd driver on recordings. test_simulated.py and tests/vm have the others."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from contract.suite import Case, Contract
from integration.replay import R5, Replay, replay
from integration.sshd import NEEDS_SSHD, SSHD

from drivers.hostapd.driver import family as hostapd
from drivers.types import ScopeRef, Setting

HT40 = {Setting.WIDTH_MHZ: 40}
WAYS = hostapd.capabilities.signal_ways
WLAN0 = ScopeRef(kind="radio", name="wlan0", members=(R5,))


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replay]:
    with replay(tmp_path_factory.mktemp("ap")) as running:
        yield running


@contextmanager
def left(machine: Replay) -> Iterator[None]:
    """A client leaves, as hostapd says it."""
    feed = os.open(machine.state / "events wlan0", os.O_RDWR)
    try:
        os.write(feed, b"<3>AP-STA-DISCONNECTED 02:00:00:00:03:00\n")
        yield
    finally:
        os.close(feed)


@pytest.mark.skipif(SSHD is None, reason=NEEDS_SSHD)
class TestHostapdFromRecordings(Contract):
    @pytest.fixture
    def case(self, machine: Replay) -> Case:
        machine.reset()
        return Case(
            name="hostapd",
            make=lambda: hostapd.device(machine.context()),
            sent=lambda: machine.written,
            bare=lambda command: (re.sub(r"^(iw|hostapd_cli -p \S+ -i) ", "", command),),
            scope=WLAN0,
            change={**HT40, Setting.CHANNEL: 149, Setting.CENTER_MHZ: 5755, Setting.TX_POWER_DBM: 12},
            before={**HT40, Setting.CHANNEL: 36, Setting.CENTER_MHZ: 5190, Setting.TX_POWER_DBM: 23},
            pushes=dict.fromkeys(WAYS, lambda: left(machine)),
            elsewhere={
                Setting.ENABLED: "tests/integration/test_hostapd_driver.py",
                Setting.OBSS_PD_DBM: "tests/integration/test_hostapd_driver.py, with hostapd's own file",
            },
        )
