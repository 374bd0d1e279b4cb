"""Windows of local time: what they hold, and until when, over midnights, weekends, changes of the clock."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from inventory.windows import in_force, until, window

OSLO = "Europe/Oslo"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "local", "inside"),
    [
        ("02:00-05:00", "2026-03-04 02:00", True),
        ("02:00-05:00", "2026-03-04 04:59", True),
        ("02:00-05:00", "2026-03-04 05:00", False),
        ("22:00-06:00", "2026-03-04 23:00", True),
        ("22:00-06:00", "2026-03-04 05:59", True),
        ("22:00-06:00", "2026-03-04 12:00", False),
        ("00:00-24:00", "2026-03-04 23:59", True),
        ("fri 22:00-06:00", "2026-03-06 22:00", True),
        ("fri 22:00-06:00", "2026-03-07 05:00", True),
        ("fri 22:00-06:00", "2026-03-06 05:00", False),
        ("sat,sun 08:00-10:00", "2026-03-08 09:00", True),
        ("sat,sun 08:00-10:00", "2026-03-09 09:00", False),
        ("fri-mon 08:00-10:00", "2026-03-09 09:00", True),
        ("fri-mon 08:00-10:00", "2026-03-10 09:00", False),
        ("2026-12-24 18:00 - 2026-12-27 06:00", "2026-12-25 12:00", True),
        ("2026-12-24 18:00 - 2026-12-27 06:00", "2026-12-24 17:59", False),
        ("2026-12-24 18:00 - 2026-12-27 06:00", "2026-12-27 06:00", False),
        ("2026-12-24 18:00-23:00", "2026-12-24 20:00", True),
    ],
)
def test_what_a_window_holds(text: str, local: str, inside: bool) -> None:
    assert window(text).holds(datetime.fromisoformat(local)) is inside


@pytest.mark.parametrize(
    "text",
    [
        "",
        "02:00-02:00",
        "24:00-02:00",
        "02:00-24:01",
        "2:00-5:00",
        "sonday 02:00-05:00",
        "mon,  tue 02:00-05:00",
        "mon- 02:00-05:00",
        "2026-12-24 18:00 - 2026-12-24 18:00",
        "2026-12-27 18:00 - 2026-12-24 18:00",
        "2026-02-30 18:00-19:00",
    ],
)
def test_what_is_no_window(text: str) -> None:
    with pytest.raises(ValueError) as said:  # noqa: PT011  # the site file's message is the schema's
        window(text)
    assert said.type is ValueError


def test_local_time_is_the_sites() -> None:
    held = (window("02:00-05:00"),)
    assert in_force(utc("2026-01-15 01:30"), OSLO, held) == held[0]
    assert in_force(utc("2026-07-15 01:30"), OSLO, held) == held[0], "summer: 03:30"
    assert in_force(utc("2026-07-15 03:30"), OSLO, held) is None
    assert in_force(utc("2026-01-15 01:30"), "UTC", held) is None


@pytest.mark.parametrize(
    ("now", "texts", "end"),
    [
        ("2026-03-04 03:00", ("02:00-05:00",), "2026-03-04 04:00"),
        ("2026-03-06 23:00", ("fri 22:00-06:00",), "2026-03-07 05:00"),
        ("2026-03-06 23:00", ("fri 22:00-06:00", "sat 05:30-08:00"), "2026-03-07 07:00"),
        ("2026-12-25 12:00", ("2026-12-24 18:00 - 2026-12-27 06:00",), "2026-12-27 05:00"),
        ("2026-03-04 12:00", ("02:00-05:00",), None),
        ("2026-03-04 12:00", ("00:00-24:00",), None),
        # 2026-03-29: 02:00 becomes 03:00; 2026-10-25: 03:00 becomes 02:00
        ("2026-03-29 00:30", ("01:00-02:30",), "2026-03-29 01:00"),
        ("2026-03-29 00:30", ("01:00-04:00",), "2026-03-29 02:00"),
        ("2026-10-24 23:30", ("01:00-02:30",), "2026-10-25 00:30"),
        ("2026-10-25 01:10", ("01:00-02:30",), "2026-10-25 01:30"),
        ("2026-10-24 23:30", ("01:00-04:00",), "2026-10-25 03:00"),
    ],
)
def test_until_when_it_holds(now: str, texts: tuple[str, ...], end: str | None) -> None:
    found = until(utc(now), OSLO, tuple(map(window, texts)))
    assert found == (utc(end) if end else None)


def test_an_hour_that_is_left_out_has_no_window() -> None:
    held = (window("02:15-02:45"),)
    night = [utc(f"2026-03-29 {hour:02}:{minute:02}") for hour in range(4) for minute in range(60)]
    assert not any(in_force(now, OSLO, held) for now in night)


def test_an_hour_that_is_shown_twice_counts_twice() -> None:
    held = (window("02:15-02:45"),)
    night = [utc(f"2026-10-25 {hour:02}:{minute:02}") for hour in range(4) for minute in range(60)]
    assert sum(in_force(now, OSLO, held) is not None for now in night) == 60
