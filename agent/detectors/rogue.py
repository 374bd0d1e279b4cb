"""SECURITY: BSSs that bear our name, or our very address, and are not ours. Pure.

Conservative on purpose: an AP of ours that was not read yet, or that just moved, is no rogue.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from agent.change import LIVE
from agent.detectors.sight import Finding, Presence, Sight
from agent.events import EventKind
from agent.view import RadioView, block_in, block_in_values
from drivers.signals import RogueHeard
from drivers.types import NeighborReading
from inventory.channels import overlap_ratio
from inventory.model import RadioKey, ap_of

SETTLED_S = 600.0
"""A radio that was on another channel so shortly before may still be listed there."""

CLEAR_DB = 5.0
"""A rogue that is heard so much more quietly than it takes to raise the event is gone."""

MOST_OPEN = 20
"""Events for a BSSID each that are open at the same time."""

MANY = "many"
"""In place of a BSSID: those beyond. Over when none was heard for `forget_s`."""

LIKELY, UNAUTHENTICATED = 900_000, 500_000
"""Confidence in ppm."""


def rogues(sight: Sight, open_keys: Collection[str]) -> Sequence[Finding]:
    """Rogues and impersonators that this radio hears or was told of, one finding for each BSSID."""
    found = {finding.key: finding for finding in _bounded(sight, (*_told(sight), *_heard(sight)), open_keys)}
    gone = (f for f in _gone(sight, open_keys) if f.key not in found)
    return [
        finding
        for finding in (*found.values(), *gone)
        if finding.presence is Presence.THERE or finding.key in open_keys
    ]


def _bounded(sight: Sight, found: Sequence[Finding], open_keys: Collection[str]) -> Iterator[Finding]:
    """At most `MOST_OPEN` at the site, and one for all beyond: a transmitter that makes up addresses shall
    not bury a person, and the disk, in alerts."""
    room = MOST_OPEN - sum(key.startswith(("rogue:", "impersonation:")) for key in open_keys)
    beyond = 0
    for finding in found:
        if finding.presence is Presence.THERE and finding.key not in open_keys:
            beyond += room <= 0
            room -= 1
            if room < 0:
                continue
        yield finding
    if beyond:
        yield _finding(sight, "rogue", MANY, Presence.THERE, {"bssids": beyond})


def _heard(sight: Sight) -> Iterator[Finding]:
    """All that it hears, at each poll: what costs little is asked first."""
    view, bssids, channels = sight.view, sight.view.bssids, sight.view.channels
    for each in sight.at.heard(view.site.policy.evidence_s):
        owner = bssids.get(each.bssid)
        if owner is not None:
            if channels.get(owner) != each.channel and _impersonates(sight, each, owner):
                yield _finding(sight, "impersonation", each.bssid, Presence.THERE, _where(each))
        elif each.ssid in view.ssids and each.signal_dbm >= sight.policy.rogue_dbm and _all_known(sight):
            yield _finding(sight, "rogue", each.bssid, Presence.THERE, _where(each))


def _where(heard: NeighborReading) -> dict[str, int]:
    return {"channel": heard.channel, "signal_dbm": round(heard.signal_dbm)}


def _all_known(sight: Sight) -> bool:
    """False while there is a radio whose BSSIDs are not known: it would be taken for a rogue itself."""
    known, radios = frozenset(sight.view.bssids.values()), sight.view.radios
    return not any(_may_be_unknown(radios[key]) for key in radios if key not in known)


def _may_be_unknown(view: RadioView) -> bool:
    return view.reading is None or view.on_air


def _impersonates(sight: Sight, heard: NeighborReading, owner: RadioKey) -> bool:
    """One of our BSSIDs on a channel where our radio is not, and was not lately."""
    at = sight.view.radios.get(owner)
    if at is None or at.radio.band is not sight.at.radio.band or ap_of(owner) == ap_of(sight.key):
        return False
    if not at.on_air or not _is_elsewhere(at, heard):
        return False
    return any(_settled(sight, at, aged) for aged in sight.at.heard_of({heard.bssid}))


def _is_elsewhere(owner: RadioView, heard: NeighborReading) -> bool:
    """Heard on a channel that the radio does not touch."""
    theirs = block_in(owner.radio.band, heard.channel, 20, None)
    return theirs is not None and owner.block is not None and overlap_ratio(theirs, owner.block) == 0


def _settled(sight: Sight, owner: RadioView, heard: NeighborReading) -> bool:
    """True when the owner was read after it was heard, on the channel that it has been on for long."""
    reading, now_s = owner.reading, sight.now_s
    heard_s = now_s - heard.age_s
    if reading is None or reading.at_s < heard_s or now_s - reading.at_s > sight.patience_s:
        return False
    past = [o for o in sight.histories.get(owner.key, ()) if o.at_s >= heard_s - SETTLED_S]
    if not past or past[0].start_s > heard_s - SETTLED_S / 2:
        return False
    channel = reading.channel.value if reading.channel else None
    return all(o.on_air and o.channel == channel for o in past) and not _was_moved(sight, owner, heard)


def _was_moved(sight: Sight, owner: RadioView, heard: NeighborReading) -> bool:
    """True when a change of ours touches the place where it was heard."""
    theirs = block_in(owner.radio.band, heard.channel, 20, None)
    oldest_us = sight.view.now.utc_us - round((heard.age_s + SETTLED_S) * 1e6)
    for change in sight.view.changes:
        if owner.key not in change.radios or (change.state not in LIVE and change.created_utc_us < oldest_us):
            continue
        for values in (change.prior, change.target, change.rollback_to or {}):
            place = block_in_values(owner.radio, values)
            if theirs is None or (place is not None and overlap_ratio(theirs, place) > 0):
                return True
    return False


def _told(sight: Sight) -> Iterator[Finding]:
    """The device's own newest word about each BSSID; what anyone could have sent counts only where there is
    nothing better."""
    newest: dict[str, RogueHeard] = {}
    for signal in sight.signals:
        if isinstance(signal, RogueHeard) and signal.radio == sight.key:
            known = newest.get(signal.bssid)
            if known is None or signal.authenticated or not known.authenticated:
                newest[signal.bssid] = signal
    for bssid, signal in newest.items():
        what = "impersonation" if signal.impersonates else "rogue"
        presence = Presence.OVER if signal.over else Presence.THERE
        evidence = {"on_wire": int(signal.on_wire)}
        if signal.channel is not None:
            evidence["channel"] = signal.channel
        yield _finding(sight, what, bssid, presence, evidence, proven=signal.authenticated)


def _gone(sight: Sight, open_keys: Collection[str]) -> Iterator[Finding]:
    """Open ones that this radio once heard, and that no radio that scans hears any more."""
    policy = sight.view.site.policy
    age_s = sight.at.scanned_age_s
    if age_s is None or age_s > policy.evidence_s:
        return
    for key in open_keys:
        what, _, bssid = key.partition(":")
        if what not in ("rogue", "impersonation") or not sight.at.levels({bssid}, policy.neighbour_age_s):
            continue
        lately = [
            heard
            for view in sight.view.radios.values()
            for heard in view.heard_of({bssid})
            if heard.age_s <= policy.evidence_s
        ]
        over = _no_rogue if what == "rogue" else _no_impersonator
        if over(sight, bssid, lately):
            yield _finding(sight, what, bssid, Presence.OVER, {})


def _no_rogue(sight: Sight, bssid: str, lately: Sequence[NeighborReading]) -> bool:
    """Heard nowhere, or quietly; or it is known for ours by now."""
    quiet_dbm = sight.policy.rogue_dbm - CLEAR_DB
    return bssid in sight.view.bssids or all(each.signal_dbm < quiet_dbm for each in lately)


def _no_impersonator(sight: Sight, bssid: str, lately: Sequence[NeighborReading]) -> bool:
    """Heard only where our own radio is."""
    owner = sight.view.radios.get(sight.view.bssids.get(bssid, RadioKey("")))
    return owner is not None and not any(_is_elsewhere(owner, each) for each in lately)


def _finding(
    sight: Sight,
    what: str,
    bssid: str,
    presence: Presence,
    evidence: Mapping[str, int],
    *,
    proven: bool = True,
) -> Finding:
    return Finding(
        kind=EventKind.SECURITY,
        key=f"{what}:{bssid}",
        presence=presence,
        radio=sight.key,
        severity="major" if proven else "minor",
        confidence_ppm=LIKELY if proven else UNAUTHENTICATED,
        evidence={"what": what, "bssid": bssid, **evidence},
    )
