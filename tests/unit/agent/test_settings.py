"""The settings: defaults that follow the state directory, and mistakes that are named."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from agent.settings import Endpoint, LogFormat, Settings, SettingsError


def test_without_anything_said_it_is_the_system_service() -> None:
    settings = Settings.from_environ({})
    assert settings.sites == Path("/etc/rrmd/sites")
    assert settings.socket == Path("/run/rrmd/control.sock")
    assert settings.socket_group == "rrmd"
    assert settings.store_url == "sqlite:////var/lib/rrmd/rrmd.sqlite3"
    assert settings.audit_dir == Path("/var/lib/rrmd/audit")
    assert settings.key_file == Path("/var/lib/rrmd/audit.key")
    assert settings.log_format is LogFormat.JSON


def test_each_setting_has_its_variable() -> None:
    environ = {f"RRMD_{name.upper()}": f"/x/{name}" for name in Settings.model_fields}
    others = {"RRMD_LOG_FORMAT": "console", "RRMD_METRICS": "[::1]:9842", "OTHER": "1"}
    others |= {"RRMD_KEEP_DAYS": "30", "RRMD_AUDIT_KEEP_DAYS": "3650"}
    others |= {"RRMD_TRAPS": "[::]:9162", "RRMD_DRY_RUN": "true", "RRMD_ALERT_AGAIN": "15m, 2h"}
    others |= {"RRMD_ALERT_WEBHOOK": "https://x/y", "RRMD_ALERT_WEBHOOK_CREDENTIAL": "cred:hook"}
    settings = Settings.from_environ(environ | others)
    assert settings.metrics == Endpoint("::1", 9842)
    assert settings.traps == Endpoint("::", 9162)
    assert settings.dry_run
    assert settings.alert_again == (900.0, 7200.0)
    assert settings.audit_dir == Path("/x/audit_dir")
    assert settings.store_url == "/x/store_url"
    assert settings.socket_group == "/x/socket_group"


def test_what_lies_in_the_state_directory_follows_it() -> None:
    settings = Settings.from_environ({"RRMD_STATE_DIR": "/srv/rrmd", "RRMD_KEY_FILE": "/etc/rrmd/key"})
    assert settings.store_url == "sqlite:////srv/rrmd/rrmd.sqlite3"
    assert settings.audit_dir == Path("/srv/rrmd/audit")
    assert settings.key_file == Path("/etc/rrmd/key")


def test_the_command_line_goes_first() -> None:
    environ = {"RRMD_STATE_DIR": "/srv/rrmd", "RRMD_SITES": "/srv/sites"}
    settings = Settings.from_environ(environ, state_dir=Path("/home/rrmd"), sites=None)
    assert settings.state_dir == Path("/home/rrmd")
    assert settings.sites == Path("/srv/sites")


def test_no_group_is_none() -> None:
    assert Settings.from_environ({"RRMD_SOCKET_GROUP": ""}).socket_group is None


@pytest.mark.parametrize("text", ["59s", "soon", "15m,,x"])
def test_what_is_no_wait_between_alerts(text: str) -> None:
    with pytest.raises(SettingsError, match="RRMD_ALERT_AGAIN"):
        Settings.from_environ({"RRMD_ALERT_AGAIN": text})


def test_alerts_that_are_said_once() -> None:
    assert Settings.from_environ({"RRMD_ALERT_AGAIN": ""}).alert_again == ()


def test_nothing_is_served_unless_told() -> None:
    assert Settings.from_environ({}).metrics is None
    assert Settings.from_environ({"RRMD_METRICS": ""}).metrics is None


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("127.0.0.1:9842", Endpoint("127.0.0.1", 9842)),
        ("localhost:0", Endpoint("localhost", 0)),
        ("[2001:db8::1]:80", Endpoint("2001:db8::1", 80)),
    ],
)
def test_an_endpoint_is_written_as_it_is_read(text: str, endpoint: Endpoint) -> None:
    assert Settings.from_environ({"RRMD_METRICS": text}).metrics == endpoint
    assert str(endpoint) == text


@pytest.mark.parametrize(
    "text", ["9842", ":9842", "host", "host:", "host:x", "host:65536", "::1:80", "[]:80"]
)
def test_what_is_no_endpoint(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^RRMD_METRICS: .*expected HOST:PORT"):
        Settings.from_environ({"RRMD_METRICS": text})


def test_syslog_is_a_socket_or_a_host() -> None:
    assert Settings.from_environ({"RRMD_ALERT_SYSLOG": "/dev/log"}).alert_syslog == Path("/dev/log")
    there = Settings.from_environ({"RRMD_ALERT_SYSLOG": "log.example:514"}).alert_syslog
    assert there == Endpoint("log.example", 514)
    assert isinstance(there, Endpoint)
    assert Settings.from_environ({"RRMD_ALERT_SYSLOG": ""}).alert_syslog is None


@pytest.mark.parametrize(
    ("url", "credential", "why"),
    [
        ("hook.example/pa55", "", "RRMD_ALERT_WEBHOOK: .*expected https://HOST"),
        ("ftp://hook.example/pa55", "", "RRMD_ALERT_WEBHOOK: .*expected https://HOST"),
        ("", "cred:hook", "RRMD_ALERT_WEBHOOK_CREDENTIAL: .*no RRMD_ALERT_WEBHOOK"),
        ("https://hook.example/pa55", "pa55word", "RRMD_ALERT_WEBHOOK_CREDENTIAL: .*expected cred:NAME"),
        ("http://hook.example/pa55", "cred:hook", "RRMD_ALERT_WEBHOOK_CREDENTIAL: .*over https only"),
    ],
)
def test_what_is_no_webhook(url: str, credential: str, why: str) -> None:
    environ = {"RRMD_ALERT_WEBHOOK": url, "RRMD_ALERT_WEBHOOK_CREDENTIAL": credential}
    with pytest.raises(SettingsError, match=why) as refused:
        Settings.from_environ(environ)
    assert "pa55" not in str(refused.value)


def test_the_webhooks_path_is_not_shown() -> None:
    given = {"RRMD_ALERT_WEBHOOK": "http://[::1]/pa55", "RRMD_ALERT_WEBHOOK_CREDENTIAL": "cred:hook"}
    assert "pa55" not in repr(Settings.from_environ(given))


def test_what_is_kept_for_how_long() -> None:
    assert (Settings.from_environ({}).keep_days, Settings.from_environ({}).audit_keep_days) == (400, None)
    given = Settings.from_environ({"RRMD_KEEP_DAYS": "30", "RRMD_AUDIT_KEEP_DAYS": "3650"})
    assert (given.keep_days, given.audit_keep_days) == (30, 3650)
    assert Settings.from_environ({"RRMD_AUDIT_KEEP_DAYS": ""}).audit_keep_days is None


@pytest.mark.parametrize("days", ["7", "0", "-1", "forever"])
@pytest.mark.parametrize("name", ["RRMD_KEEP_DAYS", "RRMD_AUDIT_KEEP_DAYS"])
def test_budgets_look_back_a_week_so_less_is_not_kept(name: str, days: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_environ({name: days})


def test_a_misspelt_variable_is_named() -> None:
    with pytest.raises(
        SettingsError, match=r"^RRMD_STATE_DRI is not a setting of rrmd; the settings are RRMD_S"
    ):
        Settings.from_environ({"RRMD_STATE_DRI": "/srv"})


def test_a_credential_is_no_setting() -> None:
    Settings.from_environ({"RRMD_CRED_AP1": "secret"})


def test_a_wrong_value_is_not_repeated() -> None:
    with pytest.raises(SettingsError, match=r"^RRMD_LOG_FORMAT: ") as refused:
        Settings.from_environ({"RRMD_LOG_FORMAT": "pa55word"})
    assert "pa55word" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:////var/lib/rrmd/rrmd.sqlite3", "sqlite:////var/lib/rrmd/rrmd.sqlite3"),
        ("postgresql://rrmd:pa55@db/rrmd?password=pa55", "postgresql://rrmd:***@db/rrmd"),
        ("postgresql+psycopg://rrmd:p@55@db:5432/rrmd", "postgresql+psycopg://rrmd:***@db:5432/rrmd"),
        ("postgresql://rrmd@db/rrmd", "postgresql://rrmd@db/rrmd"),
    ],
)
def test_the_stores_password_is_never_shown(url: str, shown: str) -> None:
    settings = Settings(store_url=url)
    assert settings.store_shown == shown
    assert "55" not in repr(settings)


def test_they_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Settings().sites = Path("/elsewhere")


def test_a_webhook_has_one_way_to_prove_who_asks() -> None:
    given = {"alert_webhook": "https://u:pw@hook.example/x", "alert_webhook_credential": "cred:hook"}
    with pytest.raises(SettingsError, match="login in its URL") as refused:
        Settings.from_environ({}, **given)
    assert "pw" not in str(refused.value)
