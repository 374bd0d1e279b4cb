"""A new configuration on request: taken in whole, or refused with its mistakes named and the old one kept."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock, patch

import pytest
from rig import Rig, rig_of, site_of, until
from structlog.testing import capture_logs

from agent.agent import Agent
from agent.audit import EVERY_SITE
from agent.clock import Clock, SystemClock
from agent.daemon import device_of
from agent.notify import Notifier
from agent.reloads import Reloads
from agent.simulated_time import run
from drivers import registry
from drivers.base import DeviceContext
from drivers.errors import PersonNeeded
from drivers.simulated.driver import SimulatedDevice, SimulatedFamily
from inventory.credentials import CredentialMissingError
from inventory.model import Site
from inventory.site_error import SiteError, SiteErrors

Load = Callable[[], Mapping[str, Site]]


@asynccontextmanager
async def reloads(agent: Agent, load: Load, manager: Notifier) -> AsyncIterator[Reloads]:
    ours = Reloads(agent, load, manager, lambda: "fine")
    running = asyncio.create_task(ours.run())
    try:
        yield ours
    finally:
        running.cancel()


@asynccontextmanager
async def told(rig: Rig) -> AsyncIterator[tuple[Notifier, Callable[[], list[str]]]]:
    """A notifier, and what it told since."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(rig.directory / "notify"))
        manager.setblocking(False)

        def words() -> list[str]:
            found = []
            while True:
                try:
                    found.append(manager.recv(4096).decode().split("\n")[0])
                except BlockingIOError:
                    return found

        yield Notifier(manager.getsockname()), words


def test_a_good_one_is_taken_in(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock) as rig, rig.agent() as agent, told(rig) as (notifier, words):
            slower = replace(rig.site, policy=replace(rig.site.policy, poll_s=30.0))
            async with reloads(agent, lambda: {"lab": slower}, notifier) as ours:
                before_s = ours.last.at_s
                await asyncio.sleep(60)
                ours.ask()
                ours.ask()
                await until(lambda: ours.last.at_s > before_s)
                await asyncio.sleep(1)
                assert ours.last.ok
                assert words() == ["RELOADING=1", "READY=1"]
            assert agent.sites["lab"].policy.poll_s == 30.0
            assert not agent.alerts
            (taken_in,) = [
                each for each in rig.records() if each["reason"]["code"] == "configuration.reloaded"
            ]
            assert taken_in["reason"]["params"]["policy"] == f"lab: poll_s {rig.site.policy.poll_s}->30.0"

    run(story)


def test_a_bad_one_changes_nothing_and_is_said(tmp_path: Path) -> None:
    mistakes = [
        SiteError("lab.yaml", 3, "site.country", "a country", "XX"),
        SiteError("b.yaml", 1, "", "x", "y"),
    ]

    def load() -> Mapping[str, Site]:
        raise SiteErrors(mistakes)

    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock) as rig, rig.agent() as agent, told(rig) as (notifier, words):
            with capture_logs() as logs:
                async with reloads(agent, load, notifier) as ours:
                    ours.ask()
                    await until(lambda: not ours.last.ok)
                    await until(lambda: words()[-1:] == ["READY=1"])
            lines = [each for each in logs if each["event"] == "configuration.refused"]
            assert [(each["file"], each["line"], each["path"]) for each in lines] == [
                ("b.yaml", 1, ""),
                ("lab.yaml", 3, "site.country"),
            ]
            assert agent.sites["lab"] is rig.site
            (alert,) = agent.alerts
            assert alert.site == EVERY_SITE
            assert "b.yaml:1" in alert.text
            assert "1 more" in alert.text
        assert "configuration.refused" in [record["reason"]["code"] for record in rig.records()]
        rig.verify()

    run(story)


@pytest.mark.parametrize("wrong", [PersonNeeded("ap3: an address"), AttributeError("no such thing")])
def test_a_driver_that_can_not_make_a_device_changes_nothing(tmp_path: Path, wrong: Exception) -> None:
    """Neither a login that is none, nor a mistake in a driver that somebody else wrote, ends the daemon."""

    class Broken(SimulatedFamily):
        def device(self, context: DeviceContext) -> SimulatedDevice:
            raise wrong

    site = site_of(aps=3)
    broken = patch.object(registry, "families", return_value={"simulated": Broken()})
    with broken, pytest.raises(PersonNeeded, match=str(wrong)) as refusal:
        device_of(site, "ap3", SystemClock(), None)

    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock, site_of(aps=2)) as rig, rig.agent() as agent:
            agent.fleet._make_lane = Mock(side_effect=refusal.value)
            async with reloads(agent, lambda: {"lab": site}, Notifier(None)) as ours:
                ours.ask()
                await until(lambda: not ours.last.ok)
                assert set(agent.sites["lab"].aps) == {"ap1", "ap2"}
                assert str(wrong) in agent.alerts[-1].text

    run(story)


def test_a_missing_credential_changes_nothing(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock, site_of(aps=2)) as rig, rig.agent() as agent:
            more = site_of(aps=3)

            def load() -> Mapping[str, Site]:
                raise CredentialMissingError("cred:ap3: found in none of ...")

            async with reloads(agent, load, Notifier(None)) as ours:
                ours.ask()
                await until(lambda: not ours.last.ok)
                assert set(agent.sites["lab"].aps) == {"ap1", "ap2"}
                assert "takes a restart" in agent.alerts[-1].text
                agent.alarm.tell(EVERY_SITE, "something else", None)
            async with reloads(agent, lambda: {"lab": more}, Notifier(None)) as ours:
                ours.ask()
                await until(lambda: len(agent.sites["lab"].aps) == 3)
            assert [each.text for each in agent.alerts] == ["something else"]

    run(story)
