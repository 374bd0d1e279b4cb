"""The driver contract, kept by the hostapd driver on the guest's access point."""

from __future__ import annotations

from typing import Any

import pytest
from contract.suite import Case, Contract
from integration.replay import R5, context
from vm.world import World

from drivers.hostapd.driver import family
from drivers.types import ScopeRef, Setting

pytestmark = [pytest.mark.vm, pytest.mark.timeout(300)]
PATIENT: dict[str, Any] = {"connect_timeout_s": 60, "command_timeout_s": 30}  # an emulated machine


@pytest.fixture(scope="module")
def ap(world: World) -> World:
    world.reset(36, 40, rate=20)  # nobody measures the traffic here
    return world


class TestHostapdInTheGuest(Contract):
    @pytest.fixture
    def case(self, ap: World) -> Case:
        guest = ap.guest
        key = guest.key_file.read_text()
        return Case(
            name="hostapd",
            make=lambda: family.device(context(guest.port, guest.fingerprint, key, **PATIENT)),
            unheard="tests/contract/test_contract.py",
            scope=ScopeRef(kind="radio", name="wlan0", members=(R5,)),
            change={Setting.CHANNEL: 149, Setting.WIDTH_MHZ: 40},
            before={Setting.CHANNEL: 36, Setting.WIDTH_MHZ: 40},
            elsewhere={
                **dict.fromkeys(family.capabilities.signal_ways, "tests/vm/test_hostapd_driver.py hears it"),
                Setting.CENTER_MHZ: "tests/contract/test_contract.py",
                Setting.TX_POWER_DBM: "tests/contract/test_contract.py and tests/vm/test_hostapd_driver.py",
                Setting.ENABLED: "tests/vm/test_hostapd_driver.py switches the radio off and on",
                Setting.OBSS_PD_DBM: "tests/vm/test_hostapd_driver.py: it takes hostapd's own file",
            },
        )
