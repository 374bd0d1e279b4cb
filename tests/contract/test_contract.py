"""The contract, driver by driver."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from contract.suite import Case, Contract
from integration.replay import R5, replay
from integration.sshd import NEEDS_SSHD, SSHD

from agent import simulated_time
from agent.simulated_time import SimulatedClock
from drivers.base import DeviceContext
from drivers.hostapd.driver import family as hostapd
from drivers.simulated import worlds
from drivers.simulated.driver import family as simulated
from drivers.types import ScopeRef, Setting
from inventory.model import Band, DeviceConfig, Radio, radio_key

WLAN0 = ScopeRef(kind="radio", name="wlan0", members=(R5,))


@pytest.mark.skipif(SSHD is None, reason=NEEDS_SSHD)
class TestHostapdFromRecordings(Contract):
    @pytest.fixture(scope="class")
    def case(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
        with replay(tmp_path_factory.mktemp("ap")) as machine:
            yield Case(
                name="hostapd",
                make=lambda: hostapd.device(machine.context()),
                scope=WLAN0,
                change={Setting.CHANNEL: 149, Setting.WIDTH_MHZ: 40, Setting.TX_POWER_DBM: 12},
                before={Setting.CHANNEL: 36, Setting.WIDTH_MHZ: 40, Setting.TX_POWER_DBM: 23},
            )


class TestSimulated(Contract):
    """In simulated time: a CSA takes its seconds without anybody waiting for them."""

    @pytest.fixture
    def case(self) -> Iterator[Case]:
        clocks: list[SimulatedClock] = []

        def run(story: Coroutine[Any, Any, Any]) -> Any:
            def begun(clock: SimulatedClock) -> Coroutine[Any, Any, Any]:
                clocks.append(clock)
                return story

            return simulated_time.run(begun)

        yield _simulated_case(run, lambda: clocks[-1].monotonic())
        worlds.forget("contract")


def _simulated_case(run: Callable[[Coroutine[Any, Any, Any]], Any], clock: Callable[[], float]) -> Case:
    key = radio_key("lab", "ap1", "r5")
    radio = Radio(key=key, band=Band.GHZ_5, widths_mhz=(20, 40))
    config = DeviceConfig(
        id="ap1", driver="simulated", address="ap1", options={"world": "contract", "undo_timer": False}
    )
    context = DeviceContext(config=config, radios=(radio,), secret=None, clock=clock)
    return Case(
        name="simulated",
        make=lambda: simulated.device(context),
        scope=ScopeRef(kind="radio", name="r5", members=(key,)),
        change={Setting.CHANNEL: 149},
        before={Setting.CHANNEL: 36},
        pause_s=1.0,
        run=run,
    )
