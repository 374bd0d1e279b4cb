"""HW_FAILURE of devices that do not answer: one radio unreachable, dead, or much of a site at once. Pure.

Unreachable is not dead: what its neighbours no longer hear is dead. Many at once is a switch, a power cut or
an upgrade: one alert, and nobody is touched.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from agent.detectors.sight import Finding, Presence, Sight
from agent.events import EventKind
from agent.view import RadioView, SiteView
from inventory.model import RadioKey, ap_of

SITE_LOSS = "site_loss"

TOGETHER_S = 300.0
"""Lost within so many seconds of each other: lost together."""

HOLD_POLLS = 2
"""So many polls more are waited for, lest the first of many be taken for the only one."""

UNHEARD_S = 60.0
"""A scan may list what was heard so long before it (cfg80211 keeps entries for 30 s)."""


def loss(sights: Mapping[RadioKey, Sight], open_keys: Collection[str]) -> Sequence[Finding]:
    """Many APs lost together; else each radio that is lost alone, unreachable or dead."""
    lost = {key: sight for key, sight in sights.items() if sight.lost_at_s is not None}
    found: list[Finding] = []
    together = _together(lost)
    if any_sight := next(iter(sights.values()), None):
        found += _site_loss(any_sight, together, lost, open_keys)
    at_once = any(f.presence is Presence.THERE for f in found) or (
        SITE_LOSS in open_keys and not any(f.presence is Presence.OVER for f in found)
    )
    for key, sight in lost.items():
        if not (at_once and ap_of(key) in together):
            found += _alone(sight, open_keys)
    found += _back(sights, lost, open_keys)
    return found


def _together(lost: Mapping[RadioKey, Sight]) -> frozenset[str]:
    """The most APs that were lost within `TOGETHER_S`."""
    when: dict[str, float] = {}
    for key, sight in lost.items():
        when[ap_of(key)] = max(when.get(ap_of(key), float("-inf")), sight.lost_at_s or 0.0)
    best: frozenset[str] = frozenset()
    for start_s in when.values():
        group = frozenset(ap for ap, at_s in when.items() if start_s <= at_s <= start_s + TOGETHER_S)
        best = max(best, group, key=len)
    return best


def _site_loss(
    sight: Sight, together: frozenset[str], lost: Mapping[RadioKey, Sight], open_keys: Collection[str]
) -> Iterator[Finding]:
    """`loss_aps` and `loss_ratio` of the site at once; over below half of that."""
    policy, aps = sight.policy, len(sight.view.site.aps)
    needed = max(policy.loss_aps, policy.loss_ratio * aps)
    silent = {ap_of(key) for key, each in lost.items() if _is_lost(each)} & together
    evidence = {"aps": len(together), "of": aps}
    if len(silent) >= needed:
        yield _finding(SITE_LOSS, Presence.THERE, None, SITE_LOSS, evidence)
    elif SITE_LOSS in open_keys and len(together) < needed / 2:
        yield _finding(SITE_LOSS, Presence.OVER, None, SITE_LOSS, evidence)


def _is_lost(sight: Sight) -> bool:
    """Missed often enough, and as far as it was tried, silent on the second way too."""
    return sight.missed >= sight.policy.missed_polls and sight.answers_otherwise is not True


def _alone(sight: Sight, open_keys: Collection[str]) -> Iterator[Finding]:
    if not _is_lost(sight) or sight.answers_otherwise is not False or _too_early(sight):
        return
    deaf = _deaf_neighbours(sight)
    dead, unreachable = f"{sight.key}:dead", f"{sight.key}:unreachable"
    heard = dead in open_keys and _is_heard(sight)
    if heard:
        yield _finding(dead, Presence.OVER, sight.key, "dead", {"deaf_neighbours": deaf})
    elif deaf >= sight.policy.deaf_neighbours or dead in open_keys:  # until it gives a sign of life
        yield _finding(dead, Presence.THERE, sight.key, "dead", {"deaf_neighbours": deaf})
        if unreachable not in open_keys:
            return
    yield _finding(unreachable, Presence.THERE, sight.key, "unreachable", {"missed": sight.missed})


def _too_early(sight: Sight) -> bool:
    """The others of a power cut may be noticed up to some polls later."""
    polls = sight.policy.missed_polls + HOLD_POLLS
    return sight.now_s - (sight.lost_at_s or 0.0) < polls * sight.view.site.policy.poll_s


def _deaf_neighbours(sight: Sight) -> int:
    """Radios of the band that heard one of its BSSIDs loudly before the loss, and in a scan since do not."""
    mine = frozenset(bssid for bssid, key in sight.view.bssids.items() if key == sight.key)
    return sum(
        _is_deaf(sight, other, mine)
        for key, other in sight.view.radios.items()
        if other.radio.band is sight.at.radio.band and ap_of(key) != ap_of(sight.key)
    )


def _is_deaf(sight: Sight, other: RadioView, mine: frozenset[str]) -> bool:
    policy, now_s = sight.view.site.policy, sight.now_s
    heard = [each for each in other.heard_of(mine) if each.signal_dbm >= policy.neighbour_dbm]
    if not heard or other.scanned_age_s is None or not other.on_air or _moved(sight.view, other.key):
        return False
    lost_s = sight.lost_at_s or 0.0
    gone_s = lost_s + HOLD_POLLS * policy.poll_s  # it may have died as late as at the first missed poll
    last_s, scan_s = now_s - min(each.age_s for each in heard), now_s - other.scanned_age_s
    lately = last_s >= lost_s - policy.evidence_s  # else it had stopped hearing it long before
    return lately and last_s <= gone_s < scan_s and scan_s - last_s >= UNHEARD_S


def _is_heard(sight: Sight) -> bool:
    """Whether anybody heard it after it must have been dead, and lately."""
    policy = sight.view.site.policy
    mine = frozenset(bssid for bssid, key in sight.view.bssids.items() if key == sight.key)
    gone_s = (sight.lost_at_s or 0.0) + HOLD_POLLS * policy.poll_s + UNHEARD_S
    return any(
        heard.age_s <= policy.evidence_s and sight.now_s - heard.age_s > gone_s
        for other in sight.view.radios.values()
        for heard in other.heard_of(mine)
    )


def _moved(view: SiteView, key: RadioKey) -> bool:
    """A radio that was just moved may not hear what it heard before."""
    recent_us = view.site.policy.evidence_s * 1e6
    return any(
        key in change.radios and view.now.utc_us - change.created_utc_us <= recent_us
        for change in view.changes
    )


def _back(
    sights: Mapping[RadioKey, Sight], lost: Mapping[RadioKey, Sight], open_keys: Collection[str]
) -> Iterator[Finding]:
    """Radios that answer again."""
    for open_key in open_keys:
        name, _, what = open_key.rpartition(":")
        sight = sights.get(RadioKey(name))
        if what not in ("dead", "unreachable") or sight is None or sight.key in lost or sight.missed:
            continue
        if sight.is_read:
            yield _finding(open_key, Presence.OVER, sight.key, what, {})


def _finding(
    key: str, presence: Presence, radio: RadioKey | None, what: str, evidence: Mapping[str, int | str]
) -> Finding:
    return Finding(
        kind=EventKind.HW_FAILURE,
        key=key,
        presence=presence,
        radio=radio,
        severity="critical" if what == "dead" else "major",
        confidence_ppm=900_000,
        evidence={"what": what, **evidence},
    )
