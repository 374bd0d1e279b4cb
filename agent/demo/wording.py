"""An audit record, put into words for a person. Pure: nothing is said that the record does not hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from agent.demo.line import Line, Tag
from agent.moment import EPOCH
from agent.planner.wording import said
from inventory.channels import channel_of
from inventory.model import RadioKey
from inventory.regulatory import NOP_S

Record = Mapping[str, Any]
Said = Iterator[tuple[Tag, str]]

BAND = {"r2": "2.4", "r5": "5", "r6": "6"}

NOTABLE_PPM = 5_000
MANY_TIMES_PPM = 10_000_000

METRICS = {
    "retry_ratio": "retries",
    "per": "lost frames",
    "busy_ratio": "air in use",
    "non_wifi_ratio": "not Wi-Fi",
}

SHARES = {
    "duty_ppm": "not Wi-Fi",
    "non_wifi_ppm": "not Wi-Fi",
    "busy_ppm": "air in use",
    "own_ppm": "its own",
    "foreign_ppm": "foreign Wi-Fi",
    "retry_ppm": "retries",
}

COUNTS = {
    "clients": "clients",
    "usual": "are usual",
    "capacity": "is its capacity",
    "missed": "polls without an answer",
    "deaf_neighbours": "neighbours no longer hear it",
}

WHAT = {
    "dead": "dead, not only unreachable",
    "unreachable": "unreachable",
    "disconnects": "clients are dropped",
    "retry": "too many retries",
    "per": "too many lost frames",
    "rate": "too little gets through",
}

REASONS = {
    "alert_hw_failure": "this AP needs to be looked at",
    "alert_spectrum_sat": "its own load fills the channel",
    "as_narrow_as_can_be": "it is as narrow as it can be",
    "clients_lost": "its clients are gone",
    "cover_for_a_dead_neighbour": "it covers for a dead neighbour",
    "critical_event": "a critical event began on it",
    "gain_too_small": "no other channel would be enough better",
    "held": "no worse than before",
    "incident_budget": "it waits between two steps",
    "leave_interference": "elsewhere more air is to be had",
    "neighbour_per_worse": "a neighbour on the channel loses far more frames than before",
    "neighbour_retry_worse": "retries of a neighbour on the channel far above what they were",
    "no_legal_candidate_with_evidence": "nothing is known of any other legal channel",
    "not_relieved": "no harm, but no relief either",
    "nowhere_to_steer_to": "no neighbour has less to do",
    "off_radar": "the best legal channel that is free at once",
    "per_worse": "lost frames far above what they were, and not so on unchanged radios",
    "retry_worse": "retries far above what they were, and not so on unchanged radios",
    "routine_interval": "one such change in four hours is enough",
    "site_names_no_quiet_hours": "more than hints would be for quiet hours, and the site names none",
    "steered_lately": "hints were given just now",
    "the_dead_ap_is_back": "the dead AP is back",
    "throughput_worse": "less gets through per ms of air, and not so on unchanged radios",
}

OVER = {
    "non_occupancy_over": "the 30 minutes have passed",
    "nothing_new_is_known": "nothing more was heard of it",
}


LEAVES = "leaves it as it is"


def words(code: str) -> str:
    """A reason code as a sentence would have it."""
    return REASONS.get(code) or said(code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """``names``: pseudonym -> radio; the audit has no other names, and only the key's owner can make them."""

    names: Mapping[str, RadioKey]
    zone: ZoneInfo

    def lines(self, record: Record) -> tuple[Line, ...]:
        """What a person is told of it; empty for a step of no interest."""
        clock, where = self.clock(record["utc"]), self.where(record["radio"])
        return tuple(
            Line(clock=clock, where=where, tag=tag, text=text) for tag, text in self._said(record) if text
        )

    def clock(self, utc_us: int) -> str:
        """Local time of day."""
        return f"{self._local(utc_us):%H:%M:%S}"

    def where(self, pseudonym: str | None) -> str:
        return place(self.names.get(pseudonym or ""))

    def _local(self, utc_us: int) -> datetime:
        return (EPOCH + timedelta(microseconds=utc_us)).astimezone(self.zone)

    def _said(self, record: Record) -> Said:
        code = record["reason"]["code"]
        match record["kind"], code:
            case "event", "radar.heard":
                yield from self._radar(record)
            case "event", "radar.left":
                yield from _left(record)
            case "event", "event.raised":
                yield Tag.SEES, f"{record['reason']['params']['kind']}: {evidence(record)}"
            case "event", "event.cleared":
                params = record["reason"]["params"]
                why = OVER.get(params["why"])
                yield Tag.SEES, f"{params['kind']} is over" + (f": {why}" if why else "")
            case "decision", _ if record["to_state"]:
                yield from _decided(record)
            case "decision", _:
                yield from _other_decision(record)
            case "transition", _:
                yield from _stepped(record)

    def _radar(self, record: Record) -> Said:
        mhz = [item["value"] for item in record["evidence"]]
        channels = " and ".join(str(channel_of(each)[1]) for each in mhz)
        end = self._local(record["utc"] + round(NOP_S * 1e6))
        teller = {"signal": "the AP says so itself", "poll": "a poll shows it"}
        source = record["reason"]["params"]["source"]
        yield Tag.SEES, f"DFS_RADAR: pulses on channel {channels}; {teller.get(source, source)}"
        yield (
            Tag.DOES,
            f"bars channel {channels} at the whole site until {end:%H:%M}, on disk before all else",
        )
        yield Tag.WHY, "the law: nobody transmits there for 30 minutes"


def place(key: RadioKey | None) -> str:
    """``lobby/5``: the AP and the band in GHz; of the site as a whole: nothing."""
    if key is None:
        return ""
    _, ap, radio = key.split("/")
    return f"{ap}/{BAND.get(radio, radio)}"


def _left(record: Record) -> Said:
    params = record["reason"]["params"]
    after, where = params["after_ms"] / 1000, _block(str(params["to"]))
    yield Tag.PROOF, f"{after:.1f} s later it is read back on {where}; the law gives 10 s"


def _block(text: str) -> str:
    """``149/40`` in words."""
    channel, slash, width = text.partition("/")
    return f"channel {channel} ({width} MHz)" if slash else text


def _decided(record: Record) -> Said:
    params = record["reason"]["params"]
    yield Tag.DOES, f"{settings(record['old'], record['new'])}; the undo is on disk first"
    why = "what was done for it is given back" if record["undo_of"] else words(record["reason"]["code"])
    yield Tag.WHY, why + (f": {_more(params['gain_ppm'])}" if "gain_ppm" in params else "")


def _more(ppm: int) -> str:
    return f"{percent(ppm)} more" if ppm < MANY_TIMES_PPM else "many times as much"


def _other_decision(record: Record) -> Said:
    params, code, result = record["reason"]["params"], record["reason"]["code"], record["result"]
    if result == "alert":
        yield Tag.ALERT, f"a person is told: {words(code)}"
    elif result in ("done", "failed"):
        yield Tag.DOES, _deed(params, code) + ("" if result == "done" else ": the AP refused")
    elif result == "no_change":
        why = words(params["guard"]) if "guard" in params else words(code)
        yield Tag.DOES, f"{LEAVES}: {why}"


def _deed(params: Mapping[str, Any], code: str) -> str:
    if params.get("action") == "steer":
        return f"asks {params['clients']} of its clients to go to a less busy neighbour (802.11v hints)"
    return words(code)


def _stepped(record: Record) -> Said:
    code, went = record["reason"]["code"], record["to_state"]
    match went:
        case "MONITORING" if record["from_state"] == "APPLYING":
            yield Tag.PROOF, f"read back: {_now(record['new'])}; from now on its counters are watched"
        case "COMMITTED":
            yield Tag.PROOF, f"HELD: {measured(record) or words(code)}"
        case "ROLLING_BACK":
            if record["reason"]["params"]["trigger"] == "worse":
                yield Tag.PROOF, "WORSE" + (f": {found}" if (found := measured(record)) else "")
            yield Tag.DOES, "takes it back with its token"
            yield Tag.WHY, words(code)
        case "ROLLED_BACK":
            barred = "; the other is barred for 4 h" if "channel" in record["new"] else ""
            yield Tag.PROOF, f"read back: {_now(record['old'])}, as before{barred}"
        case "FAILED" | "SUPERSEDED" | "ESCALATED":
            yield Tag.SEES, f"the change is {went}: {words(code)}"


def settings(old: Mapping[str, int], new: Mapping[str, int]) -> str:
    """What a change changes: ``channel 11 -> 1``, ``power 17 -> 20 dBm``."""
    parts = []
    if "channel" in new:
        as_wide = old.get("width_mhz") == new.get("width_mhz")
        was = old.get("channel") if as_wide else _channel(old)
        parts.append(f"moves it from channel {was} to {_channel(new)}")
    if "tx_power_dbm" in new and new["tx_power_dbm"] != old.get("tx_power_dbm"):
        parts.append(f"sets its power from {old.get('tx_power_dbm')} to {new['tx_power_dbm']} dBm")
    if "enabled" in new:
        parts.append("switches it on" if new["enabled"] else "switches it off")
    return " and ".join(parts) or "writes " + " ".join(f"{name}={value}" for name, value in new.items())


def _channel(values: Mapping[str, int]) -> str:
    width = values.get("width_mhz", 20)
    return f"{values.get('channel')}" + (f" ({width} MHz)" if width != 20 else "")


def _now(values: Mapping[str, int]) -> str:
    if "channel" in values:
        return f"channel {_channel(values)}"
    if "tx_power_dbm" in values:
        return f"{values['tx_power_dbm']} dBm"
    return " ".join(f"{name}={value}" for name, value in values.items())


def measured(record: Record) -> str:
    """The metrics of a verdict, before and after: ``retries 31 % -> 9 %``; only those that moved."""
    told: dict[str, dict[str, int]] = {}
    for item in record["evidence"]:
        metric, _, when = item["field"].rpartition(".")
        told.setdefault(metric, {})[when] = item["value"]
    shares = {
        METRICS[metric]: (percent(each["before"]), percent(each["after"]))
        for metric, each in told.items()
        if metric in METRICS and {"before", "after"} <= each.keys()
    }
    return ", ".join(f"{name} {old} -> {new}" for name, (old, new) in shares.items() if old != new)


def evidence(record: Record) -> str:
    """What was seen: ``not Wi-Fi 52 %, retries 24 %``; shares of nearly nothing are left out."""
    return ", ".join(text for item in record["evidence"] if (text := _item(item["field"], item["value"])))


def _item(name: str, value: int | str) -> str:
    if name == "what":
        return WHAT.get(str(value), str(value).replace("_", " "))
    if name in COUNTS:
        return f"{value} {COUNTS[name]}"
    if name in SHARES and int(value) >= NOTABLE_PPM:
        return f"{SHARES[name]} {percent(int(value))}"
    return ""


def percent(ppm: int) -> str:
    """Of parts per million; small ones with a digit more."""
    return f"{ppm / 10_000:.0f} %" if ppm >= 95_000 or ppm < 1000 else f"{ppm / 10_000:.1f} %"
