from __future__ import annotations

import contextlib
import copy
import os
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.credentials import (
    CredentialContentError,
    CredentialError,
    CredentialMissingError,
    CredentialReferenceError,
    CredentialUnsafeError,
    Login,
    Secret,
    parse_login,
    resolve,
)

TEXT = "hunter2"


def put(directory: Path, name: str, text: str | bytes, mode: int = 0o600) -> Path:
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


def test_a_secret_shows_itself_to_reveal_only() -> None:
    secret = Secret(TEXT)
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret:>20}",
        f"{secret!r}",
        "{}".format(secret),  # noqa: UP032 - the other way in
        repr([secret]),
    ]
    assert not any(TEXT in each for each in shown)
    assert repr(Login(user="root", password=secret)).count("***") == 1
    assert secret.reveal() == TEXT
    assert not hasattr(secret, "__dict__")


def test_a_secret_is_not_pickled_nor_hashed_and_copies_as_itself() -> None:
    secret = Secret(TEXT)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(secret, protocol)
    with pytest.raises(TypeError):
        hash(secret)
    assert copy.copy(secret) is copy.deepcopy(secret) is secret


def test_equality() -> None:
    assert Secret("ä") == Secret("ä")
    assert Secret("a") != Secret("b")
    assert Secret(TEXT) != TEXT


def test_places_are_asked_in_order(tmp_path: Path) -> None:
    put(tmp_path / "etc", "ap-2", "third")
    put(tmp_path / "systemd", "ap-2", "first", 0o640)  # systemd's own directory: its modes are its business
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path / "systemd"), "RRMD_CRED_AP_2": "second"}
    found = []
    for missing in (None, "CREDENTIALS_DIRECTORY", "RRMD_CRED_AP_2"):
        environ.pop(missing or "", None)
        found.append(resolve("cred:ap-2", environ=environ, directory=tmp_path / "etc").reveal())
    assert found == ["first", "second", "third"]


def test_a_directory_given_by_systemd_is_known_by_its_name(tmp_path: Path) -> None:
    put(tmp_path / "systemd", "cred_ap-2", "of the directory", 0o440)
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path / "systemd")}
    assert resolve("cred:ap-2", environ=environ, directory=tmp_path).reveal() == "of the directory"
    put(tmp_path / "systemd", "ap-2", "by its own name", 0o440)
    assert resolve("cred:ap-2", environ=environ, directory=tmp_path).reveal() == "by its own name"


def test_a_missing_credential_names_the_places(tmp_path: Path) -> None:
    with pytest.raises(CredentialMissingError, match=r"RRMD_CRED_AP_2 and .*/ap-2"):
        resolve("cred:ap-2", environ={}, directory=tmp_path)


def test_one_line_end_is_not_part_of_it(tmp_path: Path) -> None:
    put(tmp_path, "a", "x \n\n")
    assert resolve("cred:a", environ={}, directory=tmp_path).reveal() == "x \n"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o700, 0o644])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = put(tmp_path, "a", TEXT, mode)
    with pytest.raises(CredentialUnsafeError, match=f"has mode {mode:04o}: chmod 600 {path}"):
        resolve("cred:a", environ={}, directory=tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file away needs root")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    os.chown(put(tmp_path, "a", TEXT), 12345, -1)
    with pytest.raises(CredentialUnsafeError, match="belongs to user 12345: chown"):
        resolve("cred:a", environ={}, directory=tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "is empty"), (b"\xff" + TEXT.encode(), "not UTF-8"), (b"x" * (1024 * 1024 + 1), "larger")],
)
def test_a_file_that_holds_no_secret_is_refused(tmp_path: Path, content: str | bytes, message: str) -> None:
    put(tmp_path, "a", content)
    with pytest.raises(CredentialContentError, match=message) as caught:
        resolve("cred:a", environ={}, directory=tmp_path)
    assert TEXT not in str(caught.value)


def test_a_directory_or_a_fifo_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    os.mkfifo(tmp_path / "b", 0o600)
    for name in "ab":
        with pytest.raises(CredentialContentError, match=r"regular file|cannot be read"):
            resolve(f"cred:{name}", environ={}, directory=tmp_path)


@pytest.mark.parametrize(
    "reference",
    ["", "ap1", "cred:", "cred:AP", "cred:../x", "cred:a_b", "cred:-a", "cred:a\n", "cred:" + "a" * 33],
)
def test_a_bad_reference_is_refused_without_showing_it(reference: str) -> None:
    with pytest.raises(CredentialReferenceError) as caught:
        resolve(reference, environ={})
    assert str(caught.value).startswith("expected cred:NAME")


def test_login() -> None:
    login = parse_login(Secret("user: root\npassword: 0123\nprivate_key: |\n  a\n  b\npassphrase:\n"))
    assert login.user == "root"
    assert login.password == Secret("0123")
    assert login.private_key == Secret("a\nb\n")
    assert login.passphrase is None


@pytest.mark.parametrize(
    "text",
    [
        "hunter2",
        "",
        "password: hunter2",
        "user: a\nhunter2: b",
        "user: a\npassword: [hunter2]",
        "user: a\nuser: hunter2",
        "user: {",
        "- hunter2",
        'user: "\\Uffffffff"',
        "[" * 2000,
    ],
)
def test_what_is_no_login_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(CredentialContentError) as caught:
        parse_login(Secret(text))
    assert TEXT not in str(caught.value)
    assert caught.value.__context__ is None


@given(st.text())
def test_any_text_is_a_login_or_a_credential_error(text: str) -> None:
    with contextlib.suppress(CredentialError):
        parse_login(Secret(text))
