"""What is declared of the AP's undo timer."""

from __future__ import annotations

import pytest

from drivers.openwrt.writing import undo_range_s


@pytest.mark.parametrize(
    ("session_s", "range_s"),
    [(60, None), (69, None), (70, (10.0, 10.0)), (900, (10.0, 600.0)), (300, (10.0, 240.0))],
)
def test_the_undo_timer_ends_before_the_session_does(
    session_s: int, range_s: tuple[float, float] | None
) -> None:
    assert undo_range_s(session_s) == range_s
