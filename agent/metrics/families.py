"""The names that `/metrics` exports, with labels and meaning. docs/metrics.md lists the same. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

GAUGE, COUNTER = "gauge", "counter"

Samples = Mapping[str, list[tuple[tuple[str, ...], float]]]
"""Family name -> label values, in the family's order, with the number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """``name`` as exported, a counter's ``_total`` included; ``labels`` in order."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str


def _radio(name: str, help: str, *more: str) -> Family:
    return Family(name=f"rrmd_radio_{name}", kind=GAUGE, labels=("site", "ap", "radio", *more), help=help)


def _gauge(name: str, help: str, *labels: str) -> Family:
    return Family(name=f"rrmd_{name}", kind=GAUGE, labels=labels, help=help)


def _counter(name: str, help: str, *labels: str) -> Family:
    return Family(name=f"rrmd_{name}_total", kind=COUNTER, labels=labels, help=help)


_ALL = (
    _radio("state", "1 for the state that the radio was last seen in, or for unknown", "state"),
    _radio("channel", "primary channel number"),
    _radio("width_mhz", "channel width"),
    _radio("tx_power_dbm", "transmit power as the device reports it"),
    _radio("clients", "associated clients"),
    _radio("busy_ratio", "share of air time that was busy, 0 to 1"),
    _radio("retry_ratio", "share of transmissions that were repeats, 0 to 1"),
    _radio("non_wifi_ratio", "share of air time busy with nobody's Wi-Fi, 0 to 1"),
    _radio("reading_age_seconds", "time since the last reading"),
    _gauge("site_mode", "1 for the mode of the site's policy", "site", "mode"),
    _gauge("devices", "management sessions", "site"),
    _gauge("devices_lost", "devices that do not answer", "site"),
    _gauge("changes_open", "changes that are not final", "site"),
    _gauge("changes_stuck", "escalated changes that wait for a person", "site"),
    _gauge("nop_channels", "20 MHz channels in a non-occupancy period after radar", "site"),
    _gauge("pauses", "pauses in force, by operators", "site"),
    _gauge("standby", "1 when another agent has the site's lease", "site"),
    _counter("changes", "changes that reached a state", "site", "state", "cause", "verdict"),
    _gauge("plan_moves_left", "moves of the plan being carried out that are not made or given up", "site"),
    _counter("plan_moves", "moves of plans by what became of them", "site", "result"),
    _gauge("events_open", "events that have not cleared; radar shows in rrmd_nop_channels", "site", "kind"),
    _counter("events", "events raised by detectors", "site", "kind"),
    _gauge("event_queue_length", "events that wait for a decision"),
    _counter("event_queue_dropped", "events that found no room; a detector finds them again", "site"),
    _counter("events_dropped", "findings of which too many alike were open", "site", "kind"),
    _counter("signals_dropped", "signals that newer ones of their kind pushed out", "site"),
    _counter("signals_strange", "signals about radios that are not configured", "site"),
    _counter("failures", "loops of the daemon that failed and were begun again: a bug", "site", "loop"),
    _counter("detector_failures", "detectors and decisions that failed: a bug", "kind"),
    _counter("vetoes", "vetoes by guards", "site", "guard"),
    _counter("polls", "polls by outcome: ok, timeout, failed", "site", "device", "outcome"),
    _counter("polls_thinned", "polls that asked only for the state, since the agent was late", "site"),
    _gauge("poll_duration_seconds", "how long the last answered poll took", "site", "device"),
    _counter("traps", "SNMP traps and informs by what became of them", "outcome"),
    _counter("alerts", "alerts raised for a person", "site"),
    _counter("alerts_dropped", "alerts that did not get out", "channel"),
    _gauge("audit_seq", "sequence number of the newest audit record"),
    _gauge("ledger_ok", "1 when store and audit log took the last write"),
    _gauge("observing_only", "1 when nothing is changed: the disk is lost, or the daemon stops"),
    _gauge("loop_lag_seconds", "worst delay of a timer of the event loop in the last minute"),
    _gauge("loop_answering", "1 when the event loop answered this scrape in time"),
    _gauge("reload_ok", "1 when the newest configuration was taken in"),
    _gauge("reload_success_timestamp_seconds", "when a configuration was taken in last"),
    _gauge("start_timestamp_seconds", "when the daemon started"),
    _gauge("build_info", "1, with the version as a label", "version", "python"),
)

FAMILIES: Mapping[str, Family] = MappingProxyType({family.name: family for family in _ALL})
