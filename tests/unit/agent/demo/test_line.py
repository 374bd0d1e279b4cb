"""Lines of the timeline: folded under their own text, and coloured only where wanted."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from agent.demo.line import NARROW, Line, Page, Tag


def line(text: str, tag: Tag = Tag.DOES) -> Line:
    return Line(clock="14:06:00", where="lobby/5", tag=tag, text=text)


def test_a_line_says_when_where_who_and_what() -> None:
    assert list(Page().line(line("bars it"))) == ["14:06:00  lobby/5      does   bars it"]


@given(st.lists(st.text("abcdefgh", min_size=1, max_size=12), min_size=1, max_size=60).map(" ".join))
def test_what_is_long_is_folded_under_its_own_text(text: str) -> None:
    first, *rest = Page(columns=NARROW).line(line(text))
    indent = first.index("does") + len("does   ")
    assert all(len(each) <= NARROW for each in (first, *rest))
    assert all(each[:indent].isspace() for each in rest)
    assert " ".join(each[indent:] for each in (first, *rest)) == text


def test_colours_change_nothing_but_the_colour() -> None:
    text = "word " * 40
    for tag in Tag:
        plain = list(Page().line(line(text, tag)))
        coloured = list(Page(colours=True).line(line(text, tag)))
        assert coloured != plain
        assert [re.sub(r"\x1b\[[\d;]*m", "", each) for each in coloured] == plain
