"""The power is cut in the middle of a change: of the access point, of the agent's machine, of both.

Two machines: one is the access point, the other runs rrmd under systemd with its state on a disk of its own.
A power cut kills the emulator: what the machine had not synced is gone. An access point that boots has its
own stored configuration again, which is what it had before the change.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from vm.guest import eventually
from vm.service import PATIENCE_S, Service

pytestmark = [pytest.mark.vm, pytest.mark.timeout(1800)]

BEFORE, OTHER = 5180, 5745


def test_of_the_access_point(two_machines: Service) -> None:
    site = two_machines
    id = announced(site)
    site.ap.power_cut()
    boot_ap(site, first=lambda: is_read_anew(site))
    assert nothing_is_worse(site, id) in ("FAILED", "ROLLED_BACK"), "what it forgot is not called done"


def test_of_the_agents_machine(two_machines: Service) -> None:
    site = two_machines
    id = announced(site)
    site.guest.power_cut()
    boot_agent(site)
    assert [each["change"] for each in site.events("change.found_open")] == [id]
    nothing_is_worse(site, id)


def test_of_both_at_once(two_machines: Service) -> None:
    site = two_machines
    id = announced(site)
    site.ap.power_cut()
    site.guest.power_cut()
    boot_ap(site)
    boot_agent(site)
    assert nothing_is_worse(site, id) in ("FAILED", "ROLLED_BACK")


def announced(site: Service) -> str:
    """The id of a change whose switch the access point is announcing: it is on disk, and not yet in force."""
    site.world.access_point(36, 40)
    site.running()
    eventually(lambda: site.radio()["channel"] == 36, PATIENCE_S, "it is read anew", every=1)
    id = site.order_change()
    eventually(lambda: "STARTED-CHANNEL-SWITCH" in site.world.hostapd_log(), PATIENCE_S, "it is announced")
    assert on_air(site) == BEFORE
    return id


def boot_ap(site: Service, first: Callable[[], object] = lambda: None) -> None:
    """``first``: what happens when it answers, and has no radio yet."""
    site.ap.power_on()
    first()
    site.world.access_point(36, 40)


def is_read_anew(site: Service) -> None:
    """The agent has found it again, and that the radio is not there."""
    before = site.polled()
    eventually(lambda: site.polled() >= before + 2, PATIENCE_S, "the agent reads it again", every=1)


def boot_agent(site: Service) -> None:
    site.guest.power_on()
    site.install()
    site.guest.run("systemctl start rrmd", timeout=PATIENCE_S)


def on_air(site: Service) -> int | None:
    air = site.world.on_air()
    return air.freq_mhz if air else None


def nothing_is_worse(site: Service, id: str) -> str:
    """What became of the change: it is at its end, the radio is where the store says, the log is whole."""
    change = site.ended(id)
    there = OTHER if change["state"] == "COMMITTED" else BEFORE
    eventually(lambda: on_air(site) == there, PATIENCE_S, f"on air at {there} MHz after {change['state']}")
    assert not site.ask("changes", open=True)["changes"]
    run = site.guest.run
    verified = json.loads(run("/opt/rrmd/bin/rrmd audit verify --json", timeout=PATIENCE_S))
    assert verified["intact"] is True, verified
    told = run("cat /var/lib/rrmd/audit/audit_*.jsonl").splitlines()
    steps = [each["to_state"] for each in map(json.loads, told) if each["change_id"] == id]
    assert steps[:2] == ["PLANNED", "APPLYING"]
    assert steps[-1] == change["state"]
    return str(change["state"])
