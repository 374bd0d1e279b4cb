"""The service under a real systemd, with a real hostapd as its AP.

SPECTRUM_SAT and NON_WIFI_BURST can't be real here: the survey of the kernel's simulated radios is made up
(busy is always an eighth of the time), so they are only drilled. They are tested on simulated sites.
"""

from __future__ import annotations

import json

import pytest
from vm.guest import eventually
from vm.service import PATIENCE_S, R5, Service

pytestmark = [pytest.mark.vm, pytest.mark.timeout(900)]


def test_it_starts_as_its_own_user_with_its_own_places(service: Service) -> None:
    service.running()
    run = service.guest.run
    assert service.show("Type") == "notify"
    assert run(f"ps -o user= -p {service.show('MainPID')}").strip() == "rrmd"
    assert run("stat -c '%U %G %a' /run/rrmd/control.sock").strip() == "rrmd rrmd 660"
    assert run("stat -c '%U %G %a' /var/lib/rrmd").strip() == "rrmd rrmd 750"
    assert run("stat -c '%U %a' /var/lib/rrmd/audit.key").strip() == "rrmd 600"
    assert service.show("StatusText").startswith("1 sites, 1 devices, 0 lost")
    assert "rrmd_build_info" in run("busybox wget -qO- http://127.0.0.1:9842/metrics", timeout=PATIENCE_S)


def test_the_group_may_ask_and_is_known_by_its_uid(service: Service) -> None:
    service.running()
    stranger = "--reuid=1234 --regid=1234 --clear-groups"
    assert "PermissionError" in service.raw("status", {}, stranger)
    operator = "--reuid=1234 --regid=1234 --groups=$(stat -c %g /run/rrmd/control.sock)"
    pause = service.ask("pause", as_user=operator, scope=R5, for_s=3600)["pause"]
    assert pause["actor"] == "uid 1234"
    service.ask("resume", scope=R5)


def test_a_plan_is_made_in_a_process_of_its_own_within_what_the_unit_allows(service: Service) -> None:
    """NumPy under MemoryDenyWriteExecute, limits of memory and time under the filter of system calls."""
    service.running()
    plan = service.ask("plan", site="lab", limit_s=5.0)["plan"]
    assert plan["site"] == "lab"
    assert plan["radios"] >= 1
    assert not service.events("planner.ended_early")


def test_credentials_are_for_the_service_alone(service: Service) -> None:
    service.running()
    run = service.guest.run
    given = "/run/credentials/rrmd.service/cred_ap1"
    assert "private_key" in run(f"cat {given}")
    for path in (given, "/etc/rrmd/cred/ap1"):
        assert "denied" in run(f"setpriv --reuid=1234 --clear-groups cat {path} 2>&1", check=False)
    assert "denied" in run("setpriv --reuid=rrmd --clear-groups cat /etc/rrmd/cred/ap1 2>&1", check=False)
    environ = run(f"tr '\\0' '\\n' </proc/{service.show('MainPID')}/environ")
    assert "CREDENTIALS_DIRECTORY=/run/credentials/rrmd.service" in environ
    assert "PRIVATE KEY" not in environ
    assert "PRIVATE KEY" not in service.journal(500)


def test_a_good_reload_is_taken_in(service: Service) -> None:
    service.running()
    before, pid = len(service.events("configuration.reloaded")), service.show("MainPID")
    service.write_site(service.site.replace("mode: act", "mode: observe"))
    service.guest.run("systemctl reload rrmd")
    eventually(
        lambda: service.ask("status")["sites"][0]["mode"] == "observe", PATIENCE_S, "the new mode", every=0.5
    )
    assert len(service.events("configuration.reloaded")) == before + 1
    assert (service.show("ActiveState"), service.show("MainPID")) == ("active", pid)
    service.write_site(service.site)
    service.guest.run("systemctl reload rrmd")
    eventually(
        lambda: service.ask("status")["sites"][0]["mode"] == "act", PATIENCE_S, "the old mode", every=0.5
    )


def test_a_bad_reload_keeps_the_old_one_and_says_where(service: Service) -> None:
    service.running()
    pid = service.show("MainPID")
    service.write_site(
        service.site.replace("mode: act", "mode: observe").replace("poll_s: 5", "poll_s: never")
    )
    service.guest.run("systemctl reload rrmd")
    eventually(lambda: service.events("configuration.refused"), PATIENCE_S, "it is said", every=0.5)
    said = service.events("configuration.refused")[-1]
    assert said["file"] == "/etc/rrmd/sites/lab.yaml"
    assert (said["line"], said["path"]) == (5, "policy.poll_s")
    status = service.ask("status")
    assert status["sites"][0]["mode"] == "act"
    assert any("lab.yaml:5" in alert["text"] for alert in status["alerts"])
    assert (service.show("ActiveState"), service.show("MainPID")) == ("active", pid)


def test_a_frozen_daemon_is_started_anew_and_its_change_goes_on(service: Service) -> None:
    service.running()
    restarts = int(service.show("NRestarts"))
    change = service.begin_change()
    service.guest.run(f"kill -STOP {service.show('MainPID')}")
    eventually(
        lambda: int(service.show("NRestarts")) > restarts, PATIENCE_S, "systemd starts it anew", every=1
    )
    eventually(lambda: service.show("ActiveState") == "active", PATIENCE_S, "it is ready again", every=1)
    assert "watchdog" in service.guest.run("journalctl -u rrmd --no-pager -n 60", timeout=PATIENCE_S).lower()
    assert [each["change"] for each in service.events("change.found_open")][-1:] == [change["id"]]
    done = service.ended(change["id"])
    _as_on_air(service, done)


def test_stopping_in_the_middle_of_a_change_leaves_nothing_behind(service: Service) -> None:
    service.running()
    change = service.begin_change()
    service.guest.run("systemctl stop rrmd", timeout=PATIENCE_S)
    assert (service.show("ActiveState"), service.show("Result")) == ("inactive", "success")
    assert service.show("ExecMainStatus") == "0"
    assert service.events("daemon.stopped")
    service.running()
    done = service.ask("change", id=change["id"])
    _as_on_air(service, done)
    verified = json.loads(service.guest.run("/opt/rrmd/bin/rrmd audit verify --json", timeout=PATIENCE_S))
    assert verified["intact"] is True


def _as_on_air(service: Service, change: dict[str, object]) -> None:
    """What became of the change is what the kernel has on air, and all that it changed is on one side."""
    assert change["state"] in ("COMMITTED", "ROLLED_BACK"), change
    wanted = change["to"] if change["state"] == "COMMITTED" else change["from"]
    air = service.world.on_air()
    assert air is not None
    assert isinstance(wanted, dict)
    assert air.freq_mhz == 5000 + 5 * int(wanted["channel"])
