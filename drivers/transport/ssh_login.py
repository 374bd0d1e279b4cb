"""Both sides of an SSH connection say who they are: the device by its host key, then we by a login."""

from __future__ import annotations

import io
import re
from base64 import b64decode
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

import paramiko
from paramiko.pkey import UnknownKeyType

from drivers.errors import AuthenticationFailed, Disconnected, IdentityChanged, IdentityUnknown, PersonNeeded
from drivers.transport.ssh_target import SshTarget
from inventory.credentials import Secret

_KEYS: Final = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)
_REFUSED: Final = "refused"
# RFC 4253 11.1: no more authentication methods, illegal user name. OpenSSH says 2, a breach of the protocol,
# of a damaged packet too: there the text must tell.
_ENDED_THE_LOGIN: Final = re.compile(
    r"1[45]:|\d+:.*(too many|max|exceed).*\b(auth|password|attempt)", re.IGNORECASE
)


class LoginTransport(paramiko.Transport):
    """A connection that keeps with which words the device ended it: paramiko only logs them, and so calls a
    refused login and a lost connection the same."""

    last_words = ""  # `code: text`; empty: the device said nothing, or did not end it

    def _parse_disconnect(self, m: paramiko.Message) -> None:
        code, text = m.get_int(), m.get_string().decode("utf-8", "replace")
        self.last_words = f"{code}: {' '.join(text.split())[:200]}"


def preferred_keys(target: SshTarget, transport: paramiko.Transport) -> list[str]:
    """Host key algorithms, those of the keys that we know first; else another key of the same device
    would look like a changed one."""
    known = _known(target)
    offered = list(transport.get_security_options().key_types)
    return sorted(offered, key=lambda name: ("ssh-rsa" if name.startswith("rsa-") else name) not in known)


def _known(target: SshTarget) -> dict[str, paramiko.PKey]:
    if target.known_hosts is None or target.fingerprint is not None:
        return {}
    name = target.host if target.port == 22 else f"[{target.host}]:{target.port}"
    try:
        text = Path(target.known_hosts).read_bytes()
    except OSError as error:
        raise PersonNeeded(f"{target.name}: known_hosts {target.known_hosts}: {error.strerror}") from error
    return _keys_of(name, text)


def _keys_of(name: str, known_hosts: bytes) -> dict[str, paramiko.PKey]:
    """The host's keys by their types, the first of each type. A damaged line counts for nothing, as with
    OpenSSH; nor does a key that is revoked, whichever host that line is for."""
    known, revoked = list[paramiko.PKey](), list[paramiko.PKey]()
    for line in known_hosts.split(b"\n"):
        fields = line.split()
        if fields[:1] == [b"@revoked"]:
            revoked += _key(fields[2:])
        elif fields and _is_named(name, fields[0]):
            known += _key(fields[1:])
    return {key.get_name(): key for key in reversed(known) if key not in revoked}


def _is_named(name: str, hosts: bytes) -> bool:
    """Whether the first field of a line, hashed or not, is of this host; a comment is of none."""
    try:
        names = () if hosts.startswith(b"#") else hosts.decode().split(",")
        return any(
            each == name or (each.startswith("|1|") and paramiko.HostKeys.hash_host(name, each) == each)
            for each in names
        )
    except (ValueError, AssertionError):  # no UTF-8, no Base64, a salt of another length
        return False


def _key(fields: list[bytes]) -> list[paramiko.PKey]:
    """The key of this type and Base64; none when it is damaged, or of a type unknown to us. Paramiko makes
    some key of a shortened one too."""
    try:
        blob = b64decode(fields[1], validate=True)
        key = paramiko.PKey.from_type_string(fields[0].decode(), blob)
    except (IndexError, ValueError, OverflowError, paramiko.SSHException, UnknownKeyType):
        return []
    return [key] if key.asbytes() == blob else []


def identified(target: SshTarget, key: paramiko.PKey) -> str:
    """The key's fingerprint, once it is known to be the device's."""
    seen, known = key.fingerprint, _known(target)
    where = f"{target.name} ({target.host} port {target.port})"
    if target.fingerprint is not None or known:
        expected = target.fingerprint or ", ".join(sorted(each.fingerprint for each in known.values()))
        if seen == target.fingerprint or known.get(key.get_name()) == key:
            return seen
        raise IdentityChanged(
            f"{where} shows host key {seen} ({key.get_name()}), known is {expected}. If the device was "
            f"replaced or reinstalled, compare the new key on the device itself, then correct host_key"
        )
    raise IdentityUnknown(
        f"{where} shows host key {seen} ({key.get_name()}), which nobody has confirmed. Compare it on the "
        f'device itself (ssh-keygen -lf its .pub file), then add to the device: host_key: "{seen}"'
    )


def log_in(target: SshTarget, transport: LoginTransport) -> None:
    """Raises AuthenticationFailed and Disconnected, and what paramiko raises of a lost connection."""
    login, outcomes = target.login, dict[str, str]()
    if login.private_key is not None:
        key = _private_key(target.name, login.private_key, login.passphrase)
        outcomes["key"] = _outcome(transport, lambda: transport.auth_publickey(login.user, key), ())
    if login.password is not None and not transport.is_authenticated():
        password, before = login.password.reveal(), outcomes.values()
        outcomes["password"] = _outcome(
            transport, lambda: transport.auth_password(login.user, password), before
        )
    if not transport.is_authenticated():
        why = "; ".join(f"{method} {outcome}" for method, outcome in outcomes.items())
        why = why or "the credential holds neither password nor private_key"
        ended = f" (it hung up: {transport.last_words})" if transport.last_words else ""
        raise AuthenticationFailed(f"{target.name}: user {login.user!r} was not let in: {why}{ended}")


def _outcome(transport: LoginTransport, call: Callable[[], list[str]], before: Collection[str]) -> str:
    """What became of one method. A device that allows few attempts hangs up instead of refusing the last: so
    the end of the connection is a refusal when the device says so, or has refused a method before."""
    try:
        more = call()
    except (paramiko.SSHException, EOFError, OSError) as error:
        failed = isinstance(error, paramiko.AuthenticationException)  # of a lost connection too
        if failed and (transport.is_active() or _ENDED_THE_LOGIN.match(transport.last_words)):
            return _REFUSED
        if _REFUSED in before:
            return "not answered: the connection ended"
        if failed:
            raise Disconnected(f"connection lost at login: {transport.last_words or error}") from error
        raise
    return f"accepted, but the device asks for {' or '.join(more)} too" if more else "accepted"


def _private_key(name: str, text: Secret, passphrase: Secret | None) -> paramiko.PKey:
    password = passphrase.reveal() if passphrase is not None else None
    for kind in _KEYS:
        try:
            return kind.from_private_key(io.StringIO(text.reveal()), password)
        except paramiko.PasswordRequiredException:
            raise AuthenticationFailed(f"{name}: the private key needs a passphrase") from None
        except (paramiko.SSHException, ValueError, TypeError, IndexError):  # not of this kind, or damaged
            continue
    raise AuthenticationFailed(
        f"{name}: the private key cannot be read (wrong passphrase, or no OpenSSH or PEM key)"
    )
