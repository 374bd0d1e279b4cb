"""Which radio or AP an operator means: the whole key, or as much of its end as is unique. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from agent.cli.failure import Failure, usage
from inventory.model import RadioKey, ap_of

_SHOWN = 5


def radio_key(text: str, known: Iterable[str]) -> str:
    """The radio called ``site/ap/radio``, ``ap/radio`` or by a unique end. Raises a usage Failure."""
    return _unique("radio", text, known)


def ap_key(text: str, radios: Iterable[str]) -> str:
    """``site/ap`` of the AP called so, among those of these radios. Raises a usage Failure."""
    return _unique("AP", text, {ap_of(RadioKey(radio)) for radio in radios})


def scope(text: str, sites: Iterable[str], radios: Iterable[str]) -> str:
    """What a pause is to hold: a site, or an AP or radio of these by as much of its end as is unique; a
    site's name wins. Raises a usage Failure."""
    known = set(radios)
    return _unique("site, AP or radio", text, {*sites, *known, *(ap_of(RadioKey(each)) for each in known)})


def _unique(noun: str, text: str, known: Iterable[str]) -> str:
    keys = sorted(known)
    if text in keys:
        return text
    found = [key for key in keys if key.endswith(f"/{text}")]
    if len(found) == 1:
        return found[0]
    raise _ambiguous(noun, text, found) if found else _unknown(noun, text, keys)


def _ambiguous(noun: str, text: str, found: list[str]) -> Failure:
    return usage(f"{text} could be {_some(found)}: give more of the {noun}'s name")


def _unknown(noun: str, text: str, keys: list[str]) -> Failure:
    return usage(f"no {noun} {text}; there are {_some(keys)}" if keys else f"no {noun} {text}: none is known")


def _some(keys: list[str]) -> str:
    more = len(keys) - _SHOWN
    return ", ".join(keys[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
