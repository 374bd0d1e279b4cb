from __future__ import annotations

from pathlib import Path

import pytest

from drivers.errors import DriverError, Refused
from inventory import known_secrets
from inventory.credentials import parse_login, resolve
from inventory.known_secrets import masked, remember

LONG = "correct horse battery staple"


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_secrets, "_known", {})


def test_what_is_remembered_is_struck_out() -> None:
    remember("sesame")
    remember(LONG)
    assert masked("sesame, open sesame") == "***, open ***"
    assert masked(f"login with {LONG} refused") == "login with *** refused"
    assert masked("nothing here") == "nothing here"


@pytest.mark.parametrize("kept", [12, 15, 20, 27])
def test_one_whose_end_was_cut_off_is_struck_out(kept: int) -> None:
    remember(LONG)
    assert masked(f"refused: {LONG[:kept]}") == "refused: ***"
    assert masked(f"refused: {LONG[:kept]}...") == "refused: ***..."


def test_one_that_holds_another_is_struck_out() -> None:
    for each in ("sesame", "open sesame today and tomorrow"):
        remember(each)
    assert "sesame" not in masked("open sesame today and tomorrow; sesame")


def test_short_ones_are_parts_of_words_and_stay() -> None:
    remember("lab")
    assert masked("lab/ap1 is lost") == "lab/ap1 is lost"


def test_a_text_of_asterisks_ends() -> None:
    remember("*" * 9)
    assert masked("*" * 30) == "******"


def test_credentials_are_remembered_and_names_beside_them_are_not(tmp_path: Path) -> None:
    (tmp_path / "ap").write_text("user: operator\npassword: sesame-open\npassphrase: alibaba\n")
    (tmp_path / "ap").chmod(0o600)
    parse_login(resolve("cred:ap", environ={}, directory=tmp_path))
    assert masked("operator, sesame-open, alibaba") == "operator, ***, ***"


def test_no_error_of_a_driver_quotes_a_credential() -> None:
    remember("sesame-open")
    for kind in (DriverError, Refused):
        assert str(kind("ap1 said: password sesame-open is wrong")) == "ap1 said: password *** is wrong"
