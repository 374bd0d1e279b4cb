"""Messages out of a stream of bytes, however it is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import Garbage
from drivers.transport.netconf_framing import Framing, framed

MESSAGES = st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="]!")), min_size=1)


@given(MESSAGES, st.booleans(), st.integers(1, 40))
def test_messages_come_out_as_they_went_in_however_they_are_cut(
    messages: list[str], chunked: bool, size: int
) -> None:
    sent = [message.strip() or "x" for message in messages]
    data = b"".join(framed(message, chunked=chunked) for message in sent)
    framing = Framing()
    parts = (data[at : at + size] for at in range(0, len(data), size))
    assert [each for part in parts for each in framing.messages(part, chunked=chunked)] == sent


def test_a_message_of_several_chunks_is_one() -> None:
    assert list(Framing().messages(b"\n#3\n<a>\n#4\n</a>\n##\n", chunked=True)) == ["<a></a>"]


@pytest.mark.parametrize(
    "data", [b"hello]]>]]>", b"\n#0\n", b"\n#x\n", b"\n#99999999999999", b"##\n##\n##\n##\n##\n"]
)
def test_what_is_no_chunk_is_garbage(data: bytes) -> None:
    with pytest.raises(Garbage):
        list(Framing().messages(data + b"             ", chunked=True))


@pytest.mark.parametrize("chunked", [True, False])
def test_a_message_that_is_too_long_is_garbage_before_it_ends(chunked: bool) -> None:
    start = b"\n#200\n" + b"x" * 50 if chunked else b"x" * 101
    with pytest.raises(Garbage, match="more than 100 bytes"):
        list(Framing(limit=100).messages(start, chunked=chunked))


def test_many_small_chunks_are_bounded_too() -> None:
    with pytest.raises(Garbage, match="more than 100 bytes"):
        list(Framing(limit=100).messages(b"\n#10\n0123456789" * 11, chunked=True))


@pytest.mark.parametrize(
    "text", ['<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "<!doctype a><a/>", "<!ENTITY x>"]
)
def test_a_document_type_is_garbage(text: str) -> None:
    with pytest.raises(Garbage, match="document type"):
        list(Framing().messages(framed(text, chunked=True), chunked=True))


def test_what_is_no_utf8_is_garbage() -> None:
    with pytest.raises(Garbage, match="not UTF-8 at byte 1"):
        list(Framing().messages(b"a\xff]]>]]>", chunked=False))
