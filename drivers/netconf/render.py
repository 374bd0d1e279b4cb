"""NETCONF requests as XML text (RFC 6241, 5277, 6243). Pure."""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import escape, quoteattr

from drivers.netconf.parse_hello import Offers

BASE: Final = "urn:ietf:params:xml:ns:netconf:base:1.0"
NOTIFICATION: Final = "urn:ietf:params:xml:ns:netconf:notification:1.0"


def element(name: str, *inside: str, xmlns: str | None = None, **attributes: str) -> str:
    """``inside`` is XML already; attributes and the namespace are escaped here."""
    words = {"xmlns": xmlns, **attributes} if xmlns else attributes
    head = "".join(f" {key}={quoteattr(value)}" for key, value in words.items())
    return f"<{name}{head}>{''.join(inside)}</{name}>" if inside else f"<{name}{head}/>"


def leaf(name: str, value: object, **attributes: str) -> str:
    return element(name, escape(str(value)), **attributes)


def get(subtree: str) -> str:
    return _request("get", element("filter", subtree, type="subtree"))


def get_config(source: str) -> str:
    """All of it."""
    return _request("get-config", _store("source", source))


def edit_config(target: str, config: str, *, rollback_on_error: bool) -> str:
    """Merged into what is there; a part of it that fails undoes the rest where the device offers it."""
    option = [leaf("error-option", "rollback-on-error")] if rollback_on_error else []
    default = leaf("default-operation", "merge")
    return _request("edit-config", _store("target", target), default, *option, element("config", config))


def change(config: str, offers: Offers) -> tuple[str, ...]:
    """The requests that make a change: what goes between the locks, with nothing to be undone by itself."""
    target = "candidate" if offers.candidate else "running"
    edited = edit_config(target, config, rollback_on_error=offers.rollback_on_error)
    return (edited, commit()) if offers.candidate else (edited,)


def lock(target: str) -> str:
    return _request("lock", _store("target", target))


def unlock(target: str) -> str:
    return _request("unlock", _store("target", target))


def commit() -> str:
    return _request("commit")


def confirmed_commit(persist: str, timeout_s: int) -> str:
    """Undone by the device after that time unless it is confirmed; outlives the session (RFC 6241 8.4)."""
    words = (leaf("confirm-timeout", timeout_s), leaf("persist", persist))
    return _request("commit", element("confirmed"), *words)


def confirming_commit(persist_id: str) -> str:
    return _request("commit", leaf("persist-id", persist_id))


def cancel_commit(persist_id: str) -> str:
    return _request("cancel-commit", leaf("persist-id", persist_id))


def discard_changes() -> str:
    return _request("discard-changes")


def copy_config(source: str, target: str) -> str:
    return _request("copy-config", _store("target", target), _store("source", source))


def create_subscription() -> str:
    return element("create-subscription", xmlns=NOTIFICATION)


def _request(name: str, *inside: str) -> str:
    return element(name, *inside, xmlns=BASE)


def _store(role: str, datastore: str) -> str:
    return element(role, element(datastore))
