"""`rrmd status`: is all well, and if not, where."""

from __future__ import annotations

from typing import Any

import typer

from agent.cli.duration import spoken
from agent.cli.failure import ExitCode
from agent.cli.options import Json, SiteName, options_of
from agent.cli.pause import EVERYWHERE
from agent.cli.terminal import percent, show_json, show_pairs, show_table
from agent.cli.undo import show_undo
from agent.planner.wording import said


def status(context: typer.Context, site: SiteName = None, as_json: Json = False) -> int:
    """Show sites, radios and alerts.

    Also the channels barred after radar, and whether the daemon may write at present.
    """
    found = options_of(context).ask("status", site=site)
    if as_json:
        show_json(found)
    else:
        _show(found)
    return ExitCode.FINE


def _show(found: dict[str, Any]) -> None:
    show_pairs("Agent", found["agent"])
    if found.get("pauses"):
        show_table(
            "Paused",
            ("scope", "since", "until", "by"),
            ((p["scope"], p["since_utc"], p["until_utc"], p["actor"]) for p in found["pauses"]),
        )
    if found["alerts"]:
        show_table("Alerts", ("UTC", "site", "radio", "alert", "change"), map(_alert, found["alerts"]))
    show_table(
        "Sites",
        ("site", "country", "mode", "paused", "alerts", "APs", "radios", "lost", "open changes"),
        (_site(site, found) for site in found["sites"]),
    )
    if windows := [(s["id"], w) for s in found["sites"] for w in s.get("windows", ())]:
        show_table(
            "Hours in force",
            ("site", "hours", "window", "until"),
            ((site, w["kind"], w["window"], w["until_utc"]) for site, w in windows),
        )
    show_table(
        "Radios",
        ("radio", "state", "channel", "MHz", "dBm", "clients", "retries", "busy", "age", "change"),
        map(_radio, found["radios"]),
    )
    if found["nop"]:
        show_table(
            "Channels barred after radar",
            ("site", "MHz", "channel", "left", "heard by"),
            map(_nop, found["nop"]),
        )
    if found.get("events"):
        show_table(
            "Open events",
            ("UTC", "kind", "radio", "severity", "evidence"),
            (
                (e["utc"], e["kind"], e["radio"] or e["site"], e["severity"], e["evidence"])
                for e in found["events"]
            ),
        )
    if found.get("plans"):
        show_table(
            "Plans being carried out",
            ("site", "plan", "step", "moves", "made", "waits for", "by", "since"),
            map(_plan, found["plans"]),
        )
    if found.get("undo"):
        show_undo(found["undo"])


def _site(site: dict[str, Any], found: dict[str, Any]) -> tuple[Any, ...]:
    return (
        site["id"],
        site["country"],
        site["mode"],
        _paused(site["id"], [pause["scope"] for pause in found.get("pauses", ())]),
        sum(alert["site"] == site["id"] for alert in found["alerts"]) or None,
        site["aps"],
        site["radios"],
        site["lost"],
        site["open_changes"],
    )


def _paused(site: str, scopes: list[str]) -> str | None:
    if site in scopes or EVERYWHERE in scopes:
        return "yes"
    return "in part" if any(scope.startswith(f"{site}/") for scope in scopes) else None


def _radio(radio: dict[str, Any]) -> tuple[Any, ...]:
    return (
        radio["key"],
        radio["state"],
        radio["channel"],
        radio["width_mhz"],
        radio["tx_power_dbm"],
        radio["clients"],
        percent(radio["retry_ratio"]),
        percent(radio["busy_ratio"]),
        spoken(radio["age_s"]),
        radio["change_id"],
    )


def _nop(nop: dict[str, Any]) -> tuple[Any, ...]:
    return nop["site"], nop["mhz"], nop["channel"], spoken(nop["left_s"]), nop["by_radio"]


def _plan(plan: dict[str, Any]) -> tuple[Any, ...]:
    return (
        plan["site"],
        plan["id"],
        f"{plan['step']} of {plan['steps']}",
        plan["moves"],
        plan["counts"].get("made", 0),
        said(plan["stopped"]) if plan["stopped"] else _waits_for(plan["waits_for"]),
        plan["actor"],
        plan["utc"],
    )


def _waits_for(told: str) -> str | None:
    """``lab/ap1/r5: its AP has just changed``; None: for nothing."""
    radio, _, codes = told.partition(": ")
    return f"{radio}: {said(codes.split()[-1])}" if codes else told or None


def _alert(alert: dict[str, Any]) -> tuple[Any, ...]:
    return alert["utc"], alert["site"], alert["radio"], alert["text"], alert["change_id"]
