"""Both sides of an SSH connection say who they are: the device by its host key, then we by a login."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Final

import paramiko

from drivers.errors import AuthenticationFailed, Disconnected, IdentityChanged, IdentityUnknown, PersonNeeded
from drivers.transport.ssh_target import SshTarget
from inventory.credentials import Secret

_KEYS: Final = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)


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
        return dict(paramiko.HostKeys(target.known_hosts).lookup(name) or {})
    except OSError as error:
        raise PersonNeeded(f"{target.name}: known_hosts {target.known_hosts}: {error.strerror}") from error


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


def log_in(target: SshTarget, transport: paramiko.Transport) -> None:
    login, reasons = target.login, list[str]()
    if login.private_key is not None:
        key = _private_key(target.name, login.private_key, login.passphrase)
        reasons += _attempt(transport, "key", lambda: transport.auth_publickey(login.user, key))
    if login.password is not None and not transport.is_authenticated():
        password = login.password.reveal()
        reasons += _attempt(transport, "password", lambda: transport.auth_password(login.user, password))
    if not transport.is_authenticated():
        why = "; ".join(reasons) or "the credential holds neither password nor private_key"
        raise AuthenticationFailed(f"{target.name}: user {login.user!r} was not let in: {why}")


def _attempt(transport: paramiko.Transport, method: str, call: Callable[[], list[str]]) -> list[str]:
    """Why it did not suffice; empty when it did."""
    try:
        more = call()
    except paramiko.AuthenticationException as error:
        if not transport.is_active():  # paramiko calls a lost connection a failed login
            raise Disconnected(f"connection lost at login: {error}") from error
        return [f"{method} refused"]
    return [f"{method} accepted, but the device asks for {' or '.join(more)} too"] if more else []


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
