"""The ``policy`` section -> :class:`Policy`, with the checks that need more than one of its values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import MappingProxyType

from inventory.channels import block, channels
from inventory.findings import Findings
from inventory.model import Band, DetectPolicy, MonitorPolicy, PlanPolicy, Policy, Radio, RadioKey
from inventory.regulatory import countries, dfs_needed, refusal
from inventory.schema import DetectWords, MonitorWords, PlanWords, PolicyWords
from inventory.site_error import Steps
from inventory.yaml_text import Node

POLICY: Steps = ("policy",)
MONITOR: Steps = ("policy", "monitor")
DETECT: Steps = ("policy", "detect")
PLAN: Steps = ("policy", "plan")


def read_policy(top: Node, country: str | None, found: Findings) -> Policy | None:
    """The site's policy, defaults where the file is silent; None after saying what is wrong."""
    node = top.mapping.get("policy", Node(top.line, top.column, {}))
    words = found.read(PolicyWords, node, POLICY)
    monitor_node, detect_node, plan_node = (_part(node, name) for name in ("monitor", "detect", "plan"))
    monitor_words = found.read(MonitorWords, monitor_node, MONITOR)
    detect_words = found.read(DetectWords, detect_node, DETECT)
    plan_words = found.read(PlanWords, plan_node, PLAN)
    if words is None or monitor_words is None or detect_words is None or plan_words is None:
        return None
    monitor = _monitor(words, monitor_words)
    detect = replace(DetectPolicy(), **detect_words.given)
    plan = _plan(plan_words)
    policy = replace(_policy(words), monitor=monitor, detect=detect, plan=plan)
    if words.monitor_s is not None and monitor_words.slot_s is not None:
        found.add(monitor_node.at(("slot_s",)), (*MONITOR, "slot_s"), "monitor_s or slot_s, not both")
    _tell(found, monitor_node, MONITOR, monitor, _monitor_flaws(monitor))
    _tell(found, detect_node, DETECT, detect, _detect_flaws(detect))
    _tell(found, plan_node, PLAN, plan, _plan_flaws(plan))
    _tell(found, node, POLICY, policy, _policy_flaws(policy))
    _check_safe_channels(policy, node, country, found)
    _check_raster(policy, node, country, found)
    return policy


def _part(node: Node, name: str) -> Node:
    return node.mapping.get(name, Node(node.line, node.column, {}))


def _tell(
    found: Findings,
    node: Node,
    steps: Steps,
    values: Policy | MonitorPolicy | DetectPolicy | PlanPolicy,
    flaws: Iterator[tuple[str, str]],
) -> None:
    for name, expected in flaws:
        found.add(node.at((name,)), (*steps, name), expected, str(getattr(values, name)))


def _monitor(words: PolicyWords, monitor: MonitorWords) -> MonitorPolicy:
    given = monitor.given
    if monitor.control_clamp is not None:
        given["control_clamp"] = tuple(monitor.control_clamp)
    policy = replace(MonitorPolicy(), **given)
    if words.monitor_s is None:
        return policy
    return replace(policy, slot_s=words.monitor_s / policy.slots)


def _plan(words: PlanWords) -> PlanPolicy:
    given = words.given
    if words.hours is not None:
        given["hours"] = tuple(words.hours)
    return replace(PlanPolicy(), **given)


def _policy(words: PolicyWords) -> Policy:
    """All but the parts that are looked at on their own."""
    apart = ("monitor_s", "monitor", "detect", "plan")
    given = {name: value for name, value in words.given.items() if name not in apart}
    for name in ("quiet_hours", "maintenance", "change_hours"):
        if (spans := getattr(words, name)) is not None:
            given[name] = tuple(spans)
    if words.safe_channels is not None:
        given["safe_channels"] = MappingProxyType(words.safe_channels)
    if words.channels_2_4 is not None:
        given["channels_2_4"] = tuple(words.channels_2_4)
    return replace(Policy(), **given)


def _monitor_flaws(monitor: MonitorPolicy) -> Iterator[tuple[str, str]]:
    """Names of values that do not go together, with what is expected of each."""
    if monitor.more_slots <= monitor.slots:
        yield "more_slots", f"more than slots ({monitor.slots})"
    if monitor.max_slots < monitor.more_slots:
        yield "max_slots", f"at least more_slots ({monitor.more_slots})"
    if monitor.more_slots_above > monitor.more_slots:
        yield "more_slots_above", f"at most more_slots ({monitor.more_slots})"
    if monitor.disconnect_slots > monitor.slots:
        yield "disconnect_slots", f"at most slots ({monitor.slots})"
    if monitor.baseline_min_slots > monitor.baseline_slots:
        yield "baseline_min_slots", f"at most baseline_slots ({monitor.baseline_slots})"
    if monitor.suspect_ratio > monitor.worse_ratio:
        yield "suspect_ratio", f"at most worse_ratio ({monitor.worse_ratio:g})"


def _detect_flaws(detect: DetectPolicy) -> Iterator[tuple[str, str]]:
    """An event clears at a lower level than it is raised at, else it would flicker."""
    for clearing, raising in (
        ("burst_clear_duty", "burst_duty"),
        ("burst_low_duty", "burst_duty"),
        ("sat_clear_busy", "sat_busy"),
        ("density_clear_times", "density_times"),
        ("qoe_clear_times", "qoe_times"),
    ):
        limit = getattr(detect, raising)
        if getattr(detect, clearing) >= limit:
            yield clearing, f"less than {raising} ({limit:g})"
    if detect.jam_duty <= detect.burst_clear_duty:
        yield "jam_duty", f"more than burst_clear_duty ({detect.burst_clear_duty:g})"
    if detect.density_capacity < detect.density_clients:
        yield "density_capacity", f"at least density_clients ({detect.density_clients})"


def _plan_flaws(plan: PlanPolicy) -> Iterator[tuple[str, str]]:
    """A difference that is too small to act on is not larger than what may be done at once."""
    if plan.power_hysteresis_db > plan.power_step_db:
        yield "power_hysteresis_db", f"at most power_step_db ({plan.power_step_db})"


def _policy_flaws(policy: Policy) -> Iterator[tuple[str, str]]:
    if policy.stale_s <= policy.poll_s:
        yield "stale_s", f"more than poll_s ({policy.poll_s:g})"
    if policy.radar_off_s <= policy.radar_verify_s:
        yield "radar_off_s", f"more than radar_verify_s ({policy.radar_verify_s:g})"


def _check_safe_channels(policy: Policy, node: Node, country: str | None, found: Findings) -> None:
    """A safe channel is free at once: of its band, legal indoors, without DFS."""
    for band, channel in policy.safe_channels.items():
        steps: Steps = ("safe_channels", str(band))
        expected = f"a {band} GHz channel that is legal in {country or 'the country'} without DFS"
        if channel not in channels(band) or (
            country in countries() and not _safe(str(country), band, channel)
        ):
            found.add(node.at(steps), (*POLICY, *steps), expected)


def _check_raster(policy: Policy, node: Node, country: str | None, found: Findings) -> None:
    """The 2.4 GHz channels are ones that the country allows."""
    if country not in countries():
        return
    anyone = Radio(key=RadioKey(""), band=Band.GHZ_2_4)
    for channel in policy.channels_2_4:
        if refusal(str(country), block(Band.GHZ_2_4, channel, 20), anyone) is not None:
            steps: Steps = ("channels_2_4",)
            got = f"{list(policy.channels_2_4)} ({channel} is not)"
            found.add(node.at(steps), (*POLICY, *steps), f"channels that are legal in {country}", got)
            return


def _safe(country: str, band: Band, channel: int) -> bool:
    narrow = block(band, channel, 20)
    anyone = Radio(key=RadioKey(""), band=band)
    return refusal(country, narrow, anyone) is None and not dfs_needed(country, narrow)
