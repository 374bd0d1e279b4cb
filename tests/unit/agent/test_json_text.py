"""JSON that is text already reads like what it says, and is rendered as it stands."""

from __future__ import annotations

import json

import pytest

from agent.api.protocol import render_result
from agent.json_text import JsonText, rendered


def test_it_reads_like_the_object() -> None:
    told = JsonText('{"a": [1, 2], "b": null}')
    assert (told["a"], len(told), list(told), "c" in told) == ([1, 2], 2, ["a", "b"], False)
    assert dict(told) == {"a": [1, 2], "b": None}


def test_it_is_rendered_as_it_stands() -> None:
    assert rendered(JsonText('{"a":  1}')) == '{"a":  1}'
    assert json.loads(render_result(JsonText('{"a": 1}'))) == {"ok": True, "result": {"a": 1}}
    assert render_result({"a": 1}) == b'{"ok":true,"result":{"a":1}}\n'


def test_what_json_has_no_word_for_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        rendered({"a": float("nan")})
