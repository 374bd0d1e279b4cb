"""What a device's SNMP credential holds: a community (v2c), or a user with his keys (v3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from inventory.credentials import CredentialContentError, Secret, mapping_of

Protocol = TypeVar("Protocol", bound=StrEnum)

MIN_PASSWORD: Final = 8  # characters, RFC 3414 section 11.2
MAX_USER: Final = 32  # octets, RFC 3414: usmUserName

_KEYS: Final = (
    "community",
    "user",
    "auth_protocol",
    "auth_password",
    "priv_protocol",
    "priv_password",
    "context",
)
_EXPECTED: Final = "community, or user, auth_password and priv_password; or one word, which is a community"
# No broken mapping (`key:value` without its blank): its passwords would go out in clear as a community.
_WORD: Final = re.compile(r"[^\s:{}\[\]]+")


class AuthProtocol(StrEnum):
    """RFC 3414 and RFC 7860. MD5 and SHA-1 only where a credential asks for them."""

    SHA224 = "sha224"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"
    SHA1 = "sha1"
    MD5 = "md5"


class PrivProtocol(StrEnum):
    """RFC 3826; the 192 and 256 bit ones as net-snmp does them (draft-blumenthal-aes-usm-04).
    Cisco stretches a digest that is shorter than the key in another way: give those SHA-256 or longer."""

    AES128 = "aes128"
    AES192 = "aes192"
    AES256 = "aes256"


@dataclass(frozen=True, slots=True, kw_only=True)
class SnmpLogin:
    """Either ``community`` (v2c), or ``user`` (v3) with what he proves himself by. None: not given.

    A user without ``auth_password`` is noAuthNoPriv, without ``priv_password`` authNoPriv.
    """

    community: Secret | None = None
    user: str | None = None
    auth_protocol: AuthProtocol = AuthProtocol.SHA256
    auth_password: Secret | None = None
    priv_protocol: PrivProtocol = PrivProtocol.AES128
    priv_password: Secret | None = None
    context: str = ""


def parse_snmp_login(secret: Secret) -> SnmpLogin:
    """The login that a secret gives: one word is a v2c community; a YAML mapping gives ``community``, or
    ``user`` and any of auth_protocol, auth_password, priv_protocol, priv_password, context (v3).

    Raises CredentialContentError, which repeats nothing of the secret.
    """
    if _WORD.fullmatch(secret.reveal()):
        return SnmpLogin(community=secret)
    values = mapping_of(secret, _KEYS, _EXPECTED)
    if "community" in values:
        if len(values) > 1:
            raise CredentialContentError("a community (v2c) stands alone: without user, passwords, context")
        return SnmpLogin(community=values["community"])
    return _user(values)


def _user(values: Mapping[str, Secret]) -> SnmpLogin:
    if "user" not in values:
        raise CredentialContentError("an SNMP login needs a community (v2c) or a user (v3)")
    user = values["user"].reveal()
    if len(user.encode("utf-8", "surrogatepass")) > MAX_USER:
        raise CredentialContentError(f"user has more than {MAX_USER} octets")
    _check_protection(values)
    context = values.get("context")
    return SnmpLogin(
        user=user,
        auth_protocol=_protocol(values, "auth_protocol", AuthProtocol, AuthProtocol.SHA256),
        auth_password=values.get("auth_password"),
        priv_protocol=_protocol(values, "priv_protocol", PrivProtocol, PrivProtocol.AES128),
        priv_password=values.get("priv_password"),
        context=context.reveal() if context else "",
    )


def _check_protection(values: Mapping[str, Secret]) -> None:
    """What was asked for must be there: never less protection than a credential speaks of."""
    for kind in ("auth", "priv"):
        password = values.get(f"{kind}_password")
        if password is None and f"{kind}_protocol" in values:
            raise CredentialContentError(f"{kind}_protocol needs {kind}_password")
        if password is not None and len(password.reveal()) < MIN_PASSWORD:
            raise CredentialContentError(
                f"{kind}_password has fewer than {MIN_PASSWORD} characters, which SNMPv3 forbids"
            )
    if "priv_password" in values and "auth_password" not in values:
        raise CredentialContentError("priv_password needs auth_password: SNMPv3 has no privacy without it")


def _protocol(values: Mapping[str, Secret], key: str, known: type[Protocol], default: Protocol) -> Protocol:
    """As written by the device's maker: SHA-256, sha256."""
    if key not in values:
        return default
    word = values[key].reveal().lower().replace("-", "")
    found = next((each for each in known if each.value == word), None)
    if found is None:
        raise CredentialContentError(f"{key}: expected one of {', '.join(known)}")
    return found
