"""What a real OpenWrt 24.10 answered to writes, held against what we send and how we take its answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from shared_data import shared_data

from drivers.hostapd.render import Modes
from drivers.openwrt import parse_rpc, render
from drivers.openwrt.parse_wireless import radios
from drivers.openwrt.standing import local_of
from drivers.openwrt.ubus import Answer, Call, ObjectGone, Status, StatusRefused
from inventory.channels import block
from inventory.model import Band

ALL = Modes(ht=True, vht=True, he=True)


def experiment(file: str, name: str) -> Mapping[str, Any]:
    told: Mapping[str, Any] = json.loads(shared_data("openwrt", file).read_text())["experiments"][name]
    return told


def asked(file: str, name: str) -> Iterator[tuple[str, Call, Answer, float]]:
    """(label, what was asked, how we take the answer, seconds since the beginning)."""
    for step in experiment(file, name)["steps"]:
        if step["via"] == "http":
            body = step["request"]["body"]
            _, object, method, args = body["params"]
            call = Call(object=object, method=method, args=args)
            answer = parse_rpc.answers(json.dumps(step["response"]).encode(), {body["id"]: call})
            yield step["label"], call, answer[body["id"]], step["at"]


def answer_to(file: str, name: str, label: str) -> Answer:
    return next(answer for said, _, answer, _ in asked(file, name) if said == label)


def status_of(file: str, name: str, label: str) -> int:
    error = answer_to(file, name, label).error
    assert isinstance(error, StatusRefused), error
    return error.status


def test_we_say_what_the_recorded_switch_that_worked_said_and_no_less() -> None:
    recorded = next(
        c for label, c, _, _ in asked("csa-dfs.json", "csa") if label.startswith("switch_chan 80")
    )
    ours = render.switch_chan("phy0-ap0", block(Band.GHZ_5, 44, 80), ALL, 10)
    assert ours.object == recorded.object
    assert dict(recorded.args).items() <= dict(ours.args).items()


def test_none_of_the_recorded_refusals_is_a_call_that_we_would_send() -> None:
    """Channel numbers for MHz, other bands, wrong centres, no offset, a string: each was refused with 8 or 2,
    and none told why."""
    refused = [
        (label, call, answer)
        for label, call, answer, _ in asked("csa-dfs.json", "csaerr")
        if call.method == "switch_chan" and answer.error is not None
    ]
    assert len(refused) > 12
    for label, call, answer in refused:
        assert isinstance(answer.error, StatusRefused), label
        assert answer.error.status in (Status.NOT_SUPPORTED, Status.INVALID_ARGUMENT)
        assert {"center_freq2", "block_tx", "force"} - call.args.keys(), "we set every argument"


def test_0_was_answered_to_a_switch_that_then_failed() -> None:
    assert answer_to("csa-dfs.json", "csa", "switch_chan 80 MHz 149").error is None
    polled = [text for _, text in experiment("csa-dfs.json", "csa")["polled_transitions"]]
    assert any(text.startswith("Object not found") for text in polled), "the AP restarted"


def test_hostapd_says_the_new_channel_before_the_radio_has_it() -> None:
    """So only the kernel's word, after the countdown, is a proof."""
    begun_s = experiment("csa-dfs.json", "csa")["t0"]
    early_s, answer = next(
        (at, answer) for label, _, answer, at in asked("csa-dfs.json", "csa") if label == "get_status at once"
    )
    assert answer.data["freq"] == 5220
    log = shared_data("openwrt", "events-csa.txt").read_text()
    switched = re.search(r"^(\d+\.\d+) .*hostapd: phy0-ap0: AP-CSA-FINISHED freq=5220", log, re.M)
    assert switched is not None
    assert begun_s + early_s < float(switched[1]) - 0.5


def test_20_mhz_without_an_offset_became_40() -> None:
    told = next(
        step["out"]
        for step in experiment("csa-dfs.json", "csa")["steps"]
        if "channel 149" in step.get("out", "")
    )
    assert "width: 40 MHz" in told
    assert render.switch_chan("phy0-ap0", block(Band.GHZ_5, 149, 20), ALL, 5).args["sec_channel_offset"] == 0


@pytest.mark.parametrize(
    ("label", "status"),
    [
        ("apply with nothing staged", Status.NO_DATA),
        ("confirm with nothing pending", Status.NO_DATA),
        ("set unknown section", Status.NOT_FOUND),
        ("set unknown config", Status.PERMISSION_DENIED),
        ("other session confirm", Status.PERMISSION_DENIED),
        ("other session apply with rollback while one is pending", Status.PERMISSION_DENIED),
        ("confirm now", Status.NO_DATA),
    ],
)
def test_recorded_statuses_of_uci(label: str, status: Status) -> None:
    """What our stand-ins answer, and what tells an armed undo from one that is gone."""
    assert status_of("uci-apply.json", "uci-conflicts", label) == status


def test_a_plain_apply_of_another_session_was_answered_with_0_and_the_rollback_never_came() -> None:
    labels = {label: answer for label, _, answer, _ in asked("uci-apply.json", "uci-conflicts")}
    plain = next(answer for label, answer in labels.items() if "WITHOUT rollback" in label)
    kept = next(answer for label, answer in labels.items() if label.startswith("value 30 s later"))
    assert plain.error is None
    assert kept.data == {"value": "48"}


def test_after_the_recorded_rollback_the_session_still_answered_the_new_value() -> None:
    said = [
        answer.data.get("value")
        for _, call, answer, _ in asked("uci-apply.json", "uci-noconfirm")
        if call.method == "get"
    ]
    assert said == ["44", "44", "44"]
    assert status_of("uci-apply.json", "uci-noconfirm", "confirm after rollback") == Status.NO_DATA


def test_a_channel_that_does_not_exist_was_accepted_and_only_the_radio_was_gone() -> None:
    assert answer_to("uci-apply.json", "uci-badchan", "apply rollback 20").error is None
    assert isinstance(answer_to("uci-apply.json", "uci-badchan", "get_status").error, ObjectGone)
    told = radios(answer_to("uci-apply.json", "uci-badchan", "wireless status").data)
    assert told[0].up, "netifd believes in it"


def test_a_radio_without_its_object_can_t_be_told_to_switch() -> None:
    """After radar with nowhere to go: so it is moved by UCI."""
    assert isinstance(answer_to("csa-dfs.json", "dfs-radar_fixed", "switch_chan to 36").error, ObjectGone)


def test_the_recorded_radio_that_stayed_off_has_no_countdown() -> None:
    text = shared_data("openwrt", "dfs-after-nop-stuck.txt").read_text()
    cli = local_of(Band.GHZ_5, text.split("\n", 1)[1].split("Interface", 1)[0], None).cli
    assert cli is not None
    assert (cli.state, cli.cac_left_s) == ("DFS", None)


@pytest.mark.parametrize("name", ["uci-ssid", "uci-txpower", "uci-confirm"])
def test_an_apply_is_answered_before_anything_happens(name: str) -> None:
    applied = [answer for _, call, answer, _ in asked("uci-apply.json", name) if call.method == "apply"]
    assert [answer.error for answer in applied] == [None] * len(applied)


def test_power_alone_left_the_radio_on_the_air() -> None:
    polled = [text for _, text in experiment("uci-apply.json", "uci-txpower")["polled_transitions"]]
    assert all(text.startswith("ENABLED") for text in polled)
