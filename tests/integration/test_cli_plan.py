"""`rrmd plan` from the command line: what is asked of the planner, what a person reads, how it ends."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result
from unit.agent.planner.site.test_plan_json import PLAN

from agent import plan_runner
from agent.cli.app import app
from agent.cli.plan_words import summary
from agent.plan_child import PROOF_S
from agent.planner.site.plan import Plan, Proof
from agent.planner.site.plan_json import from_plan

HALL: dict[str, Any] = {
    "site": {"id": "lab", "country": "NO"},
    "aps": {
        "ap1": {
            "zone": "hall",
            "radios": {
                "r5": {"band": 5, "now": {"channel": 36, "width_mhz": 20}, "heard": []},
                "r6": {"band": 6, "widths_mhz": [20, 320]},
            },
        },
    },
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Mapping[str, Any], Mapping[str, Any], float]]:
    """What the planning process is given; it answers with `PLAN`."""
    found: list[tuple[Mapping[str, Any], Mapping[str, Any], float]] = []

    async def plan_of(snapshot: Mapping[str, Any], wishes: Mapping[str, Any], *, limit_s: float) -> Any:
        found.append((snapshot, wishes, limit_s))
        return json.loads(json.dumps(from_plan(PLAN)))

    monkeypatch.setattr(plan_runner, "plan_of", plan_of)
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "hall.json"
    path.write_text(json.dumps(HALL))
    return path


def rrmd(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


Asked = list[tuple[Mapping[str, Any], Mapping[str, Any], float]]


def test_a_person_reads_the_plan_in_one_line_and_each_move_with_its_reason(file: Path, asked: Asked) -> None:
    lines = rrmd("plan", "--what-if", str(file)).stdout.splitlines()
    first, said = lines[0], [" ".join(line.split()) for line in lines]
    assert first.startswith(
        "lab: 1 change in 1 step; 5.1 -> 9.5 MHz for each of 2 radios in the mean (+90.0%)"
    )
    assert "1 radio without a channel gets one; confidence 75%; proven: at most" in first
    more = "with more time there may be a better plan"
    assert first.endswith(f"; the limit of 10 s ended the search: {more}")
    why = "fewer of our own APs in the way, wider"
    assert f"1 lab/ap2/r6 - 37/320-2 17 -> 14 dBm - 180.5 +13% 1m {why}" in said
    assert "lab/ap1/r5 pinned in the site file channel=36" in said
    assert "lab/ap1 40.0 61.0 +52%" in said
    assert "lab/ap2 0.0 180.5 -" in said  # it gets a channel


def test_an_explanation_has_a_line_for_each_block_and_its_terms(file: Path, asked: Asked) -> None:
    result = rrmd("plan", "--what-if", str(file), "--explain", "ap1")
    said = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "lab/ap1/r5, weight 1.00, all others as planned" in said
    assert "36/20 now, planned 20.0 1.000 0.000 0.000 0.000 0.000 20.00 +0.000 +0.000 0.000 - +0.000" in said
    (alike,) = [line for line in said if line.startswith("40, 44, 48, ")]
    assert alike.endswith(" at 20 MHz 20.0 1.000 0.000 0.000 0.000 0.000 20.00 +0.000 +0.000 0.000 - +0.000")
    (dfs,) = [line for line in said if line.startswith("52, 56, ")]
    assert dfs.endswith(" at 20 MHz 20.0 1.000 0.000 0.050 0.000 0.000 19.00 -0.051 +0.000 0.004 1m -0.055")
    assert "a move must bring the site 0.095 at least" in said
    assert said[-1] == "lab/ap1/r5 pinned in the site file channel=36"
    assert not [line for line in said if line.startswith("all of it at the powers of now")]


def test_an_explanation_beside_changes_of_power_says_that_it_is_without_them(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its MHz are not those of the plan, and nobody knows why."""

    async def plan_of(*_: Any, **__: Any) -> Any:
        return from_plan(
            replace(PLAN, moves=tuple(replace(m, reasons=("cells_overlap",)) for m in PLAN.moves))
        )

    monkeypatch.setattr(plan_runner, "plan_of", plan_of)
    told = rrmd("plan", "--what-if", str(file), "--explain", "ap1").stdout
    assert "\nall of it at the powers of now: " in told


def test_an_explanation_in_json_comes_with_the_plan(file: Path, asked: Asked) -> None:
    found = json.loads(rrmd("plan", "--what-if", str(file), "--explain", "ap1", "--json").stdout)
    assert found["site"] == "lab"
    radios = {each["radio"]: each for each in found["explain"]}
    best = radios["lab/ap1/r5"]["candidates"][0]
    assert best["block"] == {"band": "5", "channel": 36, "width_mhz": 20, "center_mhz": 5180}
    assert (best["mhz"], best["own"], best["foreign"], best["site"]) == (pytest.approx(20.0), 0, 0, 0)


def test_a_picture_goes_into_a_file_and_over_none(file: Path, asked: Asked, tmp_path: Path) -> None:
    picture = tmp_path / "hall.svg"
    words = ("plan", "--what-if", str(file), "--svg", str(picture))
    assert rrmd(*words).exit_code == 0
    assert picture.read_text().startswith("<svg ")
    result = rrmd(*words)
    assert (result.exit_code, result.stderr) == (
        2,
        f"rrmd: {picture} is there already: --force writes over it\n",
    )
    assert len(asked) == 1
    assert rrmd(*words, "--force").exit_code == 0


@pytest.mark.parametrize(
    ("name", "said"),
    [("no/hall.svg", "{0}: there is no directory {0.parent}"), (".", "{0} is a directory: name a file")],
)
def test_a_place_where_no_picture_can_be_written_is_told_before_the_plan_is_made(
    file: Path, asked: Asked, tmp_path: Path, name: str, said: str
) -> None:
    picture = tmp_path / name
    result = rrmd("plan", "--what-if", str(file), "--svg", str(picture))
    assert (result.exit_code, result.stderr) == (2, f"rrmd: {said.format(picture)}\n")
    assert not asked


def proven(more: float, *, timed_out: bool) -> Plan:
    """With channels that others are better than by so much at most."""
    proof = Proof(radios=3, value=1.0, bound=1.0 + 3 * math.log1p(more))
    return replace(PLAN, proof=proof, timed_out=timed_out)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (0.0, "nothing better"),
        (-1e-12, "nothing better"),
        (0.9e-5, "nothing better"),
        (2e-5, "at most 0.01% better is possible"),
        (0.00092, "at most 0.10% better is possible"),
        (0.12335, "at most 12.34% better is possible"),
    ],
)
def test_what_is_proven_is_told_never_too_low(more: float, told: str) -> None:
    assert summary(from_plan(proven(more, timed_out=False))).endswith(f"proven: {told}")


@pytest.mark.parametrize(("more", "told"), [(0.0, False), (0.1, True)])
def test_more_time_is_offered_only_where_there_may_be_something_better(more: float, told: bool) -> None:
    said = summary(from_plan(proven(more, timed_out=True)))
    assert said.endswith("with more time there may be a better plan") == told


def test_a_script_gets_the_plan(file: Path, asked: Asked) -> None:
    found = json.loads(rrmd("plan", "--what-if", str(file), "--json").stdout)
    assert found == json.loads(json.dumps(from_plan(PLAN)))


def test_what_is_not_said_is_the_policys(file: Path, asked: Asked) -> None:
    rrmd("plan", "--what-if", str(file))
    snapshot, wishes, limit_s = asked[0]
    assert snapshot["site"] == HALL["site"]
    assert snapshot["made_utc"].endswith("Z")
    assert wishes["most_moves"] == 1  # a quarter of two radios, and at least one
    assert (wishes["zone"], wishes["least_gain"], wishes["power"], wishes["obss_pd"]) == (
        None,
        0.1,
        True,
        True,
    )
    assert limit_s == wishes["limit_s"] + PROOF_S + plan_runner.GRACE_S


def test_what_is_said_counts(file: Path, asked: Asked) -> None:
    options = ("--zone", "hall", "--moves", "7", "--least-gain", "0.2", "--limit", "3", "--seed", "5")
    assert rrmd("plan", "--what-if", str(file), *options, "--no-power").exit_code == 0
    _, wishes, _ = asked[0]
    assert {name: wishes[name] for name in ("zone", "most_moves", "least_gain", "limit_s", "seed")} == {
        "zone": "hall",
        "most_moves": 7,
        "least_gain": 0.2,
        "limit_s": 3.0,
        "seed": 5,
    }
    assert wishes["power"] is wishes["obss_pd"] is False


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"aps": {}}, "aps: expected at least 1, got nothing"),
        ({"sites": {}}, "sites: expected a known key (did you mean site?), got an unknown key"),
        ({"site": {"id": "lab"}}, "site.country: expected the key country, got nothing"),
        ({"policy": {"plan": {"limit_s": 0}}}, "policy.plan.limit_s: expected a number 1..600 s, got 0"),
    ],
)
def test_a_wrong_snapshot_is_a_line_that_says_where(
    change: Mapping[str, Any], line: str, file: Path, asked: Asked
) -> None:
    file.write_text(json.dumps({**HALL, **change}))
    result = rrmd("plan", "--what-if", str(file))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"rrmd: {file}: {line}\n"
    assert not asked


@pytest.mark.parametrize("text", ["", "[]", "{", '{"aps": 1, "aps": 2}', "\xff"])
def test_what_is_no_json_object_is_refused_in_one_line(text: str, file: Path) -> None:
    file.write_bytes(text.encode("latin-1"))
    result = rrmd("plan", "--what-if", str(file))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"rrmd: {file}: ")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "a SITE of a running agent, or --what-if FILE"),
        (("lab", "--what-if", "FILE"), "a SITE of a running agent, or --what-if FILE"),
        (("--what-if", "FILE", "--zone", "yard"), "no zone yard; there are hall"),
        (("--what-if", "FILE", "--explain", "ap7"), "no AP ap7; there are lab/ap1"),
        (("--what-if", "none.json"), "none.json: No such file or directory"),
    ],
)
def test_wrong_usage(words: tuple[str, ...], why: str, file: Path, asked: Asked) -> None:
    result = rrmd("plan", *(str(file) if word == "FILE" else word for word in words))
    assert (result.exit_code, result.stderr) == (2, f"rrmd: {why}\n")
    assert not asked


def test_no_plan_is_1_and_says_why(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def plan_of(*_: Any, **__: Any) -> Any:
        raise plan_runner.PlanningFailed("the planner had no plan within 30 s and was ended")

    monkeypatch.setattr(plan_runner, "plan_of", plan_of)
    result = rrmd("plan", "--what-if", str(file))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "rrmd: the planner had no plan within 30 s and was ended\n"
