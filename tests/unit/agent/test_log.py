"""The log never holds a secret: not as a field, in a text, nor in what a traceback shows."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from agent import log
from agent.settings import LogFormat
from inventory.credentials import Secret

CANARY = "c4n4ry-horse-staple"


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Leaves logging as it was found."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def logged(event: str, form: LogFormat = LogFormat.JSON, **fields: Any) -> str:
    out = io.StringIO()
    log.configure(form, stream=out)
    structlog.get_logger().info(event, **fields)
    return out.getvalue()


@pytest.mark.parametrize("form", list(LogFormat))
@pytest.mark.parametrize(
    "fields",
    [
        {"password": CANARY},
        {"ssh_password": CANARY},
        {"passphrase": CANARY},
        {"private_key": CANARY},
        {"token": CANARY},
        {"rollback_token": CANARY},
        {"client_secret": CANARY},
        {"snmp_community": CANARY},
        {"wpa_psk": CANARY},
        {"api_key": CANARY},
        {"Authorization": CANARY},
        {"login": Secret(CANARY)},
        {"options": {"inner": [{"password": CANARY}]}},
        {"options": {"inner": (Secret(CANARY),)}},
        {"args": {"token": CANARY}},
        {"text": f"connecting with password={CANARY} to ap1"},
        {"text": f"psk: {CANARY}"},
        {"store": f"postgresql://rrmd:{CANARY}@db/rrmd"},
        {"key": f"-----BEGIN OPENSSH PRIVATE KEY-----\n{CANARY}\n-----END OPENSSH PRIVATE KEY-----"},
        {"raw": CANARY.encode()},
        {"error": ValueError(f"token={CANARY}")},
    ],
)
def test_a_secret_is_masked(fields: dict[str, Any], form: LogFormat) -> None:
    text = logged("device.opened", form, **fields)
    assert "device.opened" in text
    assert CANARY not in text


def test_a_secret_in_the_event_itself_is_masked() -> None:
    assert CANARY not in logged(f"password={CANARY}")


@pytest.mark.parametrize("form", list(LogFormat))
def test_an_exceptions_locals_are_not_shown(form: LogFormat) -> None:
    out = io.StringIO()
    log.configure(form, stream=out)
    try:
        _fail_holding_a_secret(CANARY)
    except ZeroDivisionError:
        structlog.get_logger().exception("device.failed")
    assert "ZeroDivisionError" in out.getvalue()
    assert "test_log.py" in out.getvalue()
    assert CANARY not in out.getvalue()


def _fail_holding_a_secret(login: str) -> float:
    copy = {"words": login}
    return len(copy) / 0


def test_a_secret_in_an_exceptions_message_is_masked() -> None:
    out = io.StringIO()
    log.configure(stream=out)
    try:
        raise RuntimeError(f"login failed: password={CANARY}")
    except RuntimeError:
        structlog.get_logger().exception("device.failed")
    assert "login failed" in out.getvalue()
    assert CANARY not in out.getvalue()


def test_an_event_is_one_line_of_json_with_its_fields() -> None:
    text = logged(
        "radar.heard", site="north", radio="north/ap1/r5", channel=52, token_sha256="ab12", ratio=0.5
    )
    assert text.count("\n") == 1
    event = json.loads(text)
    assert event.pop("utc").endswith("Z")
    assert event == {
        "event": "radar.heard",
        "level": "info",
        "site": "north",
        "radio": "north/ap1/r5",
        "channel": 52,
        "token_sha256": "ab12",
        "ratio": 0.5,
    }


def test_a_traceback_is_one_line_too() -> None:
    out = io.StringIO()
    log.configure(stream=out)
    try:
        raise ValueError("two\nlines")
    except ValueError:
        structlog.get_logger().exception("device.failed")
    assert out.getvalue().count("\n") == 1
    assert json.loads(out.getvalue())["exception"][0]["exc_type"] == "ValueError"


def test_bound_context_is_written() -> None:
    with structlog.contextvars.bound_contextvars(change="c1"):
        assert json.loads(logged("change.acked"))["change"] == "c1"


def test_what_libraries_say_comes_the_same_way() -> None:
    out = io.StringIO()
    log.configure(stream=out)
    logging.getLogger("paramiko.transport").warning("auth with password=%s failed", CANARY)
    logging.getLogger("paramiko.transport").info("chatter")
    event = json.loads(out.getvalue())
    assert (event["event"], event["library"], event["level"]) == (
        "library.logged",
        "paramiko.transport",
        "warning",
    )
    assert CANARY not in out.getvalue()


def test_what_is_deep_is_cut_off() -> None:
    deep: Any = CANARY
    for _ in range(50):
        deep = [deep]
    assert CANARY not in logged("device.opened", deep=deep)


def test_console_lines_have_no_colour_outside_a_terminal() -> None:
    assert "\x1b" not in logged("device.opened", LogFormat.CONSOLE, ap="ap1")
