"""What `rrmd changes --explain` and `rrmd inject` show of the candidates."""

from __future__ import annotations

import pytest

from agent.cli.candidates import show_candidates

FOUND = [
    {
        "channel": 149,
        "width_mhz": 40,
        "score_ppm": 25_500_000,
        "terms": {"share_ppm": 750_000, "usable_khz": 34_000, "non_wifi_ppm": 0},
    },
    {"channel": 36, "width_mhz": 40, "score_ppm": 8_000_000, "terms": {"share_ppm": 250_000}},
    {"channel": 44, "width_mhz": 20, "score_ppm": 1, "terms": {}},
]


def test_each_term_has_a_column_and_the_two_blocks_a_mark(capsys: pytest.CaptureFixture[str]) -> None:
    show_candidates(FOUND, {"to": "149/40", "from": "36/40", "gain_ppm": 1})
    title, header, *rows = (line.split() for line in capsys.readouterr().out.splitlines())
    assert title == ["Candidates"]
    assert " ".join(header) == "channel MHz score MHz share usable MHz non wifi"
    assert rows == [
        ["149", "40", "to", "25.50", "0.750", "34.0", "0.000"],
        ["36", "40", "from", "8.00", "0.250", "-", "-"],
        ["44", "20", "0.00", "-", "-", "-"],
    ]


def test_a_block_above_or_below_its_primary_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    show_candidates([{"channel": 6, "width_mhz": 40, "score_ppm": 0}], {"to": "6/40+"})
    assert " to " in capsys.readouterr().out
