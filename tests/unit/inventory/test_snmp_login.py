from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.credentials import CredentialContentError, CredentialError, Secret
from inventory.snmp_login import AuthProtocol, PrivProtocol, SnmpLogin, parse_snmp_login

TEXT = "hunter2"

WHOLE = """\
user: rrm
auth_protocol: SHA-512
auth_password: 01234567
priv_protocol: aes256
priv_password: "a b: c#d"
context: wlan
"""


@pytest.mark.parametrize("word", ["public", "0123", "p@ss/w0rd!", "ö", "#x", "-", "null"])
def test_one_word_is_a_community(word: str) -> None:
    assert parse_snmp_login(Secret(word)) == SnmpLogin(community=Secret(word))


def test_a_community_of_any_text_is_given_by_its_key() -> None:
    login = parse_snmp_login(Secret('community: "two words: 1"'))
    assert login == SnmpLogin(community=Secret("two words: 1"))


def test_a_user_with_all_that_he_has() -> None:
    assert parse_snmp_login(Secret(WHOLE)) == SnmpLogin(
        user="rrm",
        auth_protocol=AuthProtocol.SHA512,
        auth_password=Secret("01234567"),
        priv_protocol=PrivProtocol.AES256,
        priv_password=Secret("a b: c#d"),
        context="wlan",
    )


def test_weak_protocols_are_used_only_where_they_are_asked_for() -> None:
    strong = parse_snmp_login(Secret("user: a\nauth_password: 12345678\npriv_password: 12345678"))
    assert (strong.auth_protocol, strong.priv_protocol) == (AuthProtocol.SHA256, PrivProtocol.AES128)
    weak = parse_snmp_login(Secret("user: a\nauth_protocol: MD5\nauth_password: 12345678"))
    assert weak.auth_protocol is AuthProtocol.MD5


def test_a_user_without_passwords_is_as_he_was_given() -> None:
    assert parse_snmp_login(Secret("user: a")) == SnmpLogin(user="a")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("user: a\nauth_password: hunter2", "auth_password has fewer than 8 characters"),
        (
            "user: a\nauth_password: hunter23\npriv_password: hunter2",
            "priv_password has fewer than 8 characters",
        ),
        ("user: a\npriv_password: hunter23", "priv_password needs auth_password"),
        ("user: a\nauth_protocol: sha256", "auth_protocol needs auth_password"),
        ("user: a\nauth_password: hunter23\npriv_protocol: aes128", "priv_protocol needs priv_password"),
        ("user: a\nauth_password: hunter23\nauth_protocol: hunter2", "expected one of sha224, sha256"),
        (
            "user: a\nauth_password: hunter23\npriv_password: hunter23\npriv_protocol: des",
            "one of aes128, aes192, aes256",
        ),
        ("user: a\nauth_password: hunter23\nauth_protocol: SHA", "expected one of"),  # which SHA?
        ("community: hunter2\nuser: a", "stands alone"),
        ("community: hunter2\ncontext: x", "stands alone"),
        ("community:", "needs a community"),
        ("auth_password: hunter23", "needs a community"),
        (f"user: {'hunter2' * 5}", "more than 32 octets"),
        ("user: a\npassword: hunter2", "line 2: expected each of community, user"),
        ("user: a\nuser: hunter2", "line 2: expected each of"),
        ("user: a\nauth_password: [hunter2]", "line 2: auth_password is not text"),
        ("community:hunter2", "expected a YAML mapping"),  # a blank is missing
        ("two hunter2", "expected a YAML mapping"),
        ("hunter2\n", "expected a YAML mapping"),
        ("{auth_password:hunter2", "expected a YAML mapping"),
        ("user: {", "expected a YAML mapping"),
        ("", "expected a YAML mapping"),
    ],
)
def test_what_is_no_login_is_refused_without_showing_it(text: str, message: str) -> None:
    with pytest.raises(CredentialContentError, match=message) as caught:
        parse_snmp_login(Secret(text))
    assert TEXT not in str(caught.value)
    assert caught.value.__context__ is None


@given(st.text())
def test_any_text_is_a_login_or_a_credential_error(text: str) -> None:
    with contextlib.suppress(CredentialError):
        login = parse_snmp_login(Secret(text))
        assert (login.community is None) != (login.user is None)
