"""What a device's SNMP credential holds: a community (v2c), or a user with his keys (v3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from inventory.credentials import Secret


class AuthProtocol(StrEnum):
    """RFC 3414 and RFC 7860. MD5 and SHA-1 only where a credential asks for them."""

    SHA224 = "sha224"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"
    SHA1 = "sha1"
    MD5 = "md5"


class PrivProtocol(StrEnum):
    """RFC 3826; the 192 and 256 bit ones as Cisco and net-snmp do them (draft-blumenthal-aes-usm-04)."""

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
