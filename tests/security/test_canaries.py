"""Credentials of each kind are canaries: nothing that the daemon writes, says or starts holds one of them."""

from __future__ import annotations

import base64
import json
import re
import signal
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from daemon import Daemon, unset
from integration.test_service import free_port
from security import echoing_peers

from agent.api.client import CallError

KINDS = (
    *("ssh-password", "ssh-refused", "key-passphrase", "netconf-password", "ubus-password", "http-password"),
    *("snmp-community", "v3-auth", "v3-priv", "webhook-token", "webhook-path", "database-password"),
)
CANARY = {kind: f"kanarie+{kind}/7d1f" for kind in KINDS}
FREE_OF_SIGNS = {"snmp-community", "webhook-path"}
CANARY |= {kind: f"kanarie-{kind}-7d1f" for kind in FREE_OF_SIGNS}

SITE = """\
version: 1
site: {{id: lab, country: "US", timezone: UTC}}
policy: {{mode: act, poll_s: 1, apply_timeout_s: 5}}
aps:
  hostapd-in: {{driver: hostapd, address: "127.0.0.1:{ssh}", credential: "cred:ssh", options: {{host_key: "{key}"}}, radios: {{r5: {{band: "5", ifname: wlan0}}}}}}
  hostapd-out: {{driver: hostapd, address: "127.0.0.1:{out}", credential: "cred:out", options: {{host_key: "{out_key}"}}, radios: {{r5: {{band: "5", ifname: wlan0}}}}}}
  hostapd-key: {{driver: hostapd, address: "127.0.0.1:{ssh}", credential: "cred:key", options: {{host_key: "{key}"}}, radios: {{r5: {{band: "5", ifname: wlan0}}}}}}
  netconf: {{driver: netconf, profile: openconfig-access-points, address: "127.0.0.1:{ssh}", credential: "cred:netconf", options: {{host_key: "{key}"}}, radios: {{r5: {{band: "5"}}}}}}
  ubus-ssh: {{driver: openwrt, address: "ssh://127.0.0.1:{ssh}", credential: "cred:ubus", options: {{host_key: "{key}"}}, radios: {{r5: {{band: "5"}}}}}}
  ubus-http: {{driver: openwrt, address: "http://127.0.0.1:{http}", credential: "cred:http", radios: {{r5: {{band: "5"}}}}}}
  snmp-v2c: {{driver: snmp, profile: airespace, address: "127.0.0.1:{snmp}", credential: "cred:v2c", options: {{timeout_s: 0.5, retries: 0}}, radios: {{r5: {{band: "5"}}}}}}
  snmp-v3: {{driver: snmp, profile: airespace, address: "127.0.0.1:{snmp}", credential: "cred:v3", options: {{timeout_s: 0.5, retries: 0}}, radios: {{r5: {{band: "5"}}}}}}
"""  # noqa: E501  an AP a line
APS = tuple(re.findall(r"^  ([\w-]+): \{\{driver", SITE, re.M))


def credentials() -> dict[str, str]:
    key = _key(CANARY["key-passphrase"])
    return {
        "ssh": f"user: rrm\npassword: {CANARY['ssh-password']}\n",
        "out": f"user: rrm\npassword: {CANARY['ssh-refused']}\n",
        "key": f"user: rrm\npassphrase: {CANARY['key-passphrase']}\nprivate_key: |\n{key}",
        "netconf": f"user: rrm\npassword: {CANARY['netconf-password']}\n",
        "ubus": f"user: root\npassword: {CANARY['ubus-password']}\n",
        "http": f"user: rrm\npassword: {CANARY['http-password']}\n",
        "v2c": CANARY["snmp-community"],
        "v3": f"user: rrm\nauth_password: {CANARY['v3-auth']}\npriv_password: {CANARY['v3-priv']}\n",
        "hook": CANARY["webhook-token"],
    }


def _key(passphrase: str) -> str:
    """A private key that the passphrase opens, as a block of YAML."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    text = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.BestAvailableEncryption(passphrase.encode()),
    )
    return "".join(f"  {line}\n" for line in text.decode().splitlines())


def forms(canary: str) -> Iterator[bytes]:
    """As it stands and as others write it: hex, percent, JSON, UTF-16, base64 at any of its three offsets."""
    raw = canary.encode()
    yield raw
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    yield urllib.parse.quote(canary, safe="").encode()
    yield urllib.parse.quote(canary).encode()
    yield json.dumps(canary).strip('"').replace("/", "\\/").encode()
    yield canary.encode("utf-16-le")
    yield canary.encode("utf-16-be")
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + raw)
        inner = coded[(0, 2, 3)[before] : -4]
        yield inner
        yield inner.translate(bytes.maketrans(b"+/", b"-_"))


@dataclass(slots=True)
class Found:
    """Whatever the daemon let out: where, and what."""

    texts: dict[str, bytes] = field(default_factory=dict)

    def add(self, where: str, text: bytes | str) -> None:
        self.texts[where] = text.encode() if isinstance(text, str) else text

    def files(self, directory: Path, *but: str) -> None:
        for path in directory.rglob("*"):
            if path.is_file() and path.relative_to(directory).parts[0] not in but:
                self.add(str(path.relative_to(directory)), path.read_bytes())

    def process(self, pid: int) -> None:
        """Its arguments and environment, and those of all that it started."""
        for each in (pid, *_children(pid)):
            for name in ("cmdline", "environ"):
                with suppress(OSError):
                    self.add(f"/proc/{each}/{name}", Path(f"/proc/{each}/{name}").read_bytes())

    def canaries(self) -> set[tuple[str, str]]:
        """(where, kind of credential)."""
        return {
            (where, kind)
            for where, text in self.texts.items()
            for kind, canary in CANARY.items()
            if any(form in text for form in forms(canary))
        }


def _children(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):
            for child in (task / "children").read_text().split():
                yield int(child)
                yield from _children(int(child))


def _asked(daemon: Daemon, op: str, **args: Any) -> str:
    try:
        return json.dumps(daemon.call(op, **args))
    except CallError as error:
        return f"{error!r} {error}"


def _spoken_of(log: str) -> set[str]:
    return {ap for ap in APS if re.search(rf'"device": ?"{ap}"|"{ap} can|lab/{ap}/', log)}


def _scraped(port: int) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        return bytes(answer.read())


@pytest.fixture(scope="module")
def let_out(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    """A daemon whose every device refuses it, with all that a person can turn on turned on."""
    found, directory, metrics = Found(), tmp_path_factory.mktemp("canaries") / "rrmd", free_port()
    before = set(Path.cwd().iterdir())
    with ExitStack() as peers:
        secrets = tuple(CANARY.values())
        port, key = peers.enter_context(echoing_peers.ssh(secrets, lets_in=True))
        out, out_key = peers.enter_context(echoing_peers.ssh(secrets, lets_in=False))
        http, sent = peers.enter_context(echoing_peers.http(500))
        snmp = peers.enter_context(echoing_peers.snmp(secrets))
        site = SITE.format(ssh=port, key=key, out=out, out_key=out_key, http=http, snmp=snmp)
        hook = f"http://127.0.0.1:{http}/{CANARY['webhook-path']}"
        more = {
            "RRMD_DEBUG": "1",
            "PYTHONFAULTHANDLER": "1",
            "RRMD_METRICS": f"127.0.0.1:{metrics}",
            "RRMD_TRAPS": f"127.0.0.1:{free_port()}",
            "RRMD_ALERT_WEBHOOK": hook,
            "RRMD_ALERT_WEBHOOK_CREDENTIAL": "cred:hook",
        }
        daemon = Daemon(directory, site, credentials(), more)
        daemon.start()
        for ap in APS:
            found.add(f"probe {ap}", _asked(daemon, "probe", ap=f"lab/{ap}"))
        daemon.wait("alerts go out", lambda: any(CANARY["webhook-token"] in each for each in sent), 60)
        daemon.wait("HTTP logins", lambda: any(CANARY["http-password"] in each for each in sent), 60)
        daemon.wait("each is spoken of", lambda: _spoken_of(daemon.log.read_text()) == set(APS), 60)
        for op in ("status", "events", "changes"):
            found.add(op, _asked(daemon, op))
        found.add("inject", _asked(daemon, "inject", kind="DFS_RADAR", radio="lab/snmp-v2c/r5", channel=52))
        found.add("rollback", _asked(daemon, "rollback", token=CANARY["webhook-token"]))
        found.add("metrics", _scraped(metrics))
        found.process(daemon.pid)
        (directory / "sites" / "site.yaml").write_text(site.replace("cred:ssh", "cred:missing"))
        daemon.hang_up()
        daemon.wait("the reload is refused", lambda: "configuration.refused" in daemon.tail(), 30)
        daemon.abort(signal.SIGABRT)
        found.files(directory, "credentials")
        for left in set(Path.cwd().iterdir()) - before:
            found.add(f"cwd {left.name}", left.read_bytes() if left.is_file() else b"")
        yield found


def test_no_canary_is_let_out(let_out: Found) -> None:
    """But for the one that the unit's environment file holds: a URL whose path is secret."""
    mine = {(where, kind) for where, kind in let_out.canaries() if where.endswith("/environ")}
    assert let_out.canaries() - mine == set()
    assert {kind for _, kind in mine} <= {"webhook-path"}
    assert len(mine) == 1, "only the daemon's own, and not what it started"


def test_it_was_a_trial(let_out: Found) -> None:
    """The daemon spoke of each device and wrote its traceback; its SNMPv3 worker was looked at too."""
    log = let_out.texts["log"].decode()
    assert "Fatal Python error: Aborted" in log
    assert _spoken_of(log) == set(APS)
    assert any(b"snmp_worker" in text for where, text in let_out.texts.items() if where.endswith("cmdline"))
    assert any(where.startswith("state/audit/audit_") for where in let_out.texts)
    assert not [where for where in let_out.texts if re.search(r"(^|[ /])core(\.\d+)?$", where)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_canary_is_seen_in_every_form(kind: str) -> None:
    canary = CANARY[kind]
    login = f"rrm:{canary}".encode()
    written: Mapping[str, bytes] = {
        "log": f"refused {canary}".encode(),
        "basic": base64.b64encode(login),
        "bearer": base64.urlsafe_b64encode(b"xy" + login),
        "dump": login.hex().encode(),
        "url": urllib.parse.quote(f"postgresql://rrm:{canary}@db").encode(),
        "wide": canary.encode("utf-16-le"),
    }
    for where, text in written.items():
        assert Found({where: text}).canaries() == {(where, kind)}, where


def test_a_database_url_shows_no_password(tmp_path: Path) -> None:
    """The daemon can't reach it, and says so with everything turned on."""
    url = f"postgresql://rrm:{urllib.parse.quote(CANARY['database-password'], safe='')}@127.0.0.1:1/rrm"
    (tmp_path / "site.yaml").write_text((Path(__file__).parents[2] / "inventory/sites/lab.yaml").read_text())
    environ = unset()
    command = [sys.executable, "-m", "agent", "--state-dir", str(tmp_path / "state"), "run"]
    done = subprocess.run(
        [*command, "--sites", str(tmp_path / "site.yaml")],
        env={**environ, "RRMD_STORE_URL": url, "RRMD_DEBUG": "1"},
        capture_output=True,
        timeout=60,
    )
    assert done.returncode != 0
    found = Found({"stdout": done.stdout, "stderr": done.stderr})
    found.files(tmp_path)
    assert found.canaries() == set()
