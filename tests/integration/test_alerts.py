"""Alerts on their way out: a real syslog socket, a real HTTP server, a channel that fails."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from agent.alert import Alert
from agent.alerts.notice import Notice
from agent.alerts.outbox import Outbox, Undelivered
from agent.alerts.sinks import AlertSinks, channels_of
from agent.alerts.syslog import Syslog
from agent.alerts.webhook import Webhook
from agent.settings import Endpoint, Settings
from inventory.credentials import Secret

ALERT = Alert(utc_us=1_772_409_600_000_000, site="lab", text="look at it")
OTHER = replace(ALERT, text="look at that")
NOTICE = Notice(alert=ALERT)


class Hook(HTTPServer):
    """Answers with the statuses given, 204 after them; keeps what it was sent."""

    def __init__(self, *statuses: int) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.statuses = list(statuses)
        self.bodies: list[dict[str, Any]] = []
        self.bearers: list[str | None] = []
        self.pleased = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class Answer(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        self.server.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.server.bearers.append(self.headers["Authorization"])
        status = self.server.statuses.pop(0) if self.server.statuses else 204
        self.send_response(status)
        self.end_headers()
        if status == 204:
            self.server.pleased.set()

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook(503) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Scripted:
    """A channel that fails as told, and may be held."""

    name = "scripted"

    def __init__(self, *failures: bool) -> None:
        self.failures = list(failures)  # again or not
        self.got: list[Notice] = []
        self.go_on = threading.Event()
        self.go_on.set()
        self.held = threading.Event()

    def send(self, notice: Notice) -> None:
        self.held.set()
        assert self.go_on.wait(20)
        if self.failures:
            raise Undelivered("no", again=self.failures.pop(0))
        self.got.append(notice)


def test_syslog_over_the_local_socket(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(tmp_path / "log"))
        log.settimeout(10)
        sinks = AlertSinks(channels_of(Settings(alert_syslog=tmp_path / "log")), lambda: 0.0)
        for _ in range(3):
            sinks.raised(ALERT)
        sinks.close()
        assert log.recv(2000) == f"<27>rrmd[{os.getpid()}]: lab: look at it".encode()
        log.setblocking(False)
        with pytest.raises(BlockingIOError):  # the same twice more was folded
            log.recv(2000)


def test_syslog_over_udp() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as log:
        log.bind(("127.0.0.1", 0))
        log.settimeout(10)
        where = Endpoint("127.0.0.1", log.getsockname()[1])
        sinks = AlertSinks(channels_of(Settings(alert_syslog=where)), lambda: 0.0)
        sinks.raised(ALERT)
        sinks.close()
        line = log.recv(2000).decode()
    head = f"<27>1 2026-03-02T00:00:00.000000Z {socket.gethostname()} rrmd {os.getpid()} alert - "
    assert line == f"{head}lab: look at it"


def test_a_webhook_that_is_busy_is_asked_again(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RRMD_CRED_HOOK", "t0ken")
    settings = Settings(alert_webhook=hook.url, alert_webhook_credential="cred:hook")
    (channel,) = channels_of(settings)
    outbox = Outbox(channel, first_wait_s=0.001)
    outbox.put(NOTICE)
    assert hook.pleased.wait(20)
    outbox.close()
    assert (outbox.sent, outbox.dropped) == (1, 0)
    assert [each["text"] for each in hook.bodies] == ["look at it"] * 2
    assert hook.bearers == ["Bearer t0ken"] * 2


def test_a_webhook_that_is_not_there_costs_the_alert_and_is_counted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/"
    (channel,) = channels_of(Settings(alert_webhook=url))
    outbox = Outbox(channel)
    outbox.put(NOTICE)
    outbox.close()
    assert (outbox.sent, outbox.given_up) == (0, 1)


def test_what_will_never_help_is_not_tried_again() -> None:
    channel = Scripted(False)
    outbox = Outbox(channel, first_wait_s=60.0)
    outbox.put(NOTICE)
    outbox.put(Notice(alert=ALERT, folded=1))
    outbox.close()
    assert (outbox.given_up, [notice.folded for notice in channel.got]) == (1, [1])


def test_a_full_queue_counts_what_it_drops_and_nobody_waits() -> None:
    channel = Scripted()
    channel.go_on.clear()
    outbox = Outbox(channel, limit=2)
    outbox.put(NOTICE)
    assert channel.held.wait(10)  # the thread has taken the first
    for _ in range(5):
        outbox.put(NOTICE)
    assert (outbox.full, outbox.sent) == (3, 0)
    channel.go_on.set()
    outbox.close()
    assert (outbox.dropped, outbox.sent) == (3, 3)


def test_what_got_lost_on_one_channel_is_told_there_at_the_next_and_nowhere_else() -> None:
    now_s = [0.0]
    down, up = Scripted(False), Scripted()
    sinks = AlertSinks([down, up], lambda: now_s[0])
    sinks.raised(ALERT)
    assert down.held.wait(10)
    down.held.clear()
    sinks.raised(OTHER)
    assert down.held.wait(10)  # it is at the second: the first is given up
    now_s[0] = 300.0
    for _ in range(2):
        sinks.raised(ALERT)
    sinks.close()
    other = Notice(alert=OTHER)
    assert down.got == [other, Notice(alert=ALERT, folded=1)]
    assert up.got == [NOTICE, other]


def test_what_is_tried_again_counts_as_told() -> None:
    channel = Scripted(True)
    channel.go_on.clear()
    outbox = Outbox(channel, first_wait_s=0.001)
    outbox.raised(ALERT, 0.0)
    assert channel.held.wait(10)
    channel.held.clear()
    channel.go_on.set()
    assert channel.held.wait(10)  # the second try
    outbox.raised(ALERT, 1.0)
    outbox.close()
    assert (channel.got, channel.failures) == ([NOTICE], [])


def test_what_found_no_room_is_told_at_the_next() -> None:
    channel = Scripted()
    channel.go_on.clear()
    outbox = Outbox(channel, limit=1)
    outbox.put(NOTICE)
    assert channel.held.wait(10)  # the thread has taken it
    channel.held.clear()
    outbox.put(NOTICE)
    for now_s in (0.0, 1.0):
        outbox.raised(OTHER, now_s)
    assert outbox.full == 2
    channel.go_on.set()
    assert channel.held.wait(10)  # the thread has taken the next: there is room
    outbox.raised(OTHER, 2.0)
    outbox.close()
    assert channel.got == [NOTICE, NOTICE, Notice(alert=OTHER, folded=2)]


def test_trying_has_an_end() -> None:
    channel = Scripted(True, True, True, False)
    outbox = Outbox(channel, tries=3, first_wait_s=0.0)
    outbox.put(NOTICE)
    outbox.put(NOTICE)
    while outbox.given_up < 2:
        channel.held.wait(1)
    outbox.close()
    assert (channel.failures, channel.got) == ([], [])


def test_closing_ends_the_waiting_between_two_tries() -> None:
    channel = Scripted(True, True, True)
    outbox = Outbox(channel, first_wait_s=3600.0)
    outbox.put(NOTICE)
    assert channel.held.wait(10)
    outbox.close()
    assert outbox.given_up == 1


def test_no_channel_no_thread() -> None:
    sinks = AlertSinks(channels_of(Settings()), lambda: 0.0)
    sinks.raised(ALERT)
    assert sinks.outboxes == []
    sinks.close()


@pytest.mark.parametrize("where", ["http://a..b:9/", "http://127.0.0.1:9/"])
def test_a_way_out_outlives_what_no_library_promised(where: str) -> None:
    """A host that IDNA refuses, and a bearer that no header can hold."""
    outbox = Outbox(Webhook(where, Secret("t\u20ack"), "srv"), tries=1)
    try:
        for _ in range(2):
            outbox.put(NOTICE)
        outbox.close(10.0)
        assert outbox.given_up == 2
    finally:
        outbox.close(0.0)


def test_a_syslog_host_that_is_no_name_ends_no_thread() -> None:
    outbox = Outbox(Syslog(Endpoint("a..b", 514), "srv"), tries=1)
    for _ in range(2):
        outbox.put(NOTICE)
    outbox.close(10.0)
    assert outbox.given_up == 2
