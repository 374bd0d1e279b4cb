from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.site_error import SiteErrors
from inventory.yaml_text import MAX_BYTES, MAX_NODES, Node, merge, parse, plain

BAD_TEXT = {
    b"a: [": "expected YAML, got",
    b"a: 1\n---\nb: 1": "expected YAML, got",
    b"a: \xff": "1: expected UTF-8, got byte 0xff",
    b"a: 1\nb: \x00": "2: expected printable text, got character 0x0",
    b'a: "\\0"': "1: a: expected text without control characters",
    b'a: "\\ud800"': "1: a: expected text without control characters",
    b'a: "\\Uffffffff"': "expected YAML, got an escape that is no character",
    b"a: 1\nb: 1\na: 2": "3: a: expected each key once, got it again (first on line 1)",
    b"a: !!python/object:os.system {}": "expected no tag, got",
    b"a: !!int 5": "1: a: expected no tag",
    b"? [a]\n: 1": "expected keys that are text",
    b"~: 1": "expected keys that are text",
    b"&a [*a]": "levels, got more (an alias within itself?)",
    b"[" * 3000: "levels, got more",
    b"#" * (MAX_BYTES + 1): f"expected at most {MAX_BYTES} bytes, got more",
}


@pytest.mark.parametrize("raw", BAD_TEXT, ids=lambda raw: repr(raw[:20]))
def test_bad_text(raw: bytes) -> None:
    with pytest.raises(SiteErrors) as caught:
        parse(raw, "x.yaml")
    assert any(BAD_TEXT[raw] in str(each) for each in caught.value.errors), str(caught.value)


def test_a_billion_laughs_are_not_laughed() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    with pytest.raises(SiteErrors, match=f"expected at most {MAX_NODES} values, aliases expanded, got more"):
        parse("\n".join(lines).encode(), "x.yaml")


def test_nodes_know_the_line_of_their_key() -> None:
    top = parse(b"a: 1\nb:\n  c:\n    - x\n    - {d: y}\n", "x.yaml")
    assert plain(top) == {"a": "1", "b": {"c": ["x", {"d": "y"}]}}
    paths = (("a",), ("b",), ("b", "c"), ("b", "c", 0), ("b", "c", 1, "d"))
    assert [top.at(path).line for path in paths] == [1, 2, 3, 4, 5]
    assert top.at(("b", "c", 7)) is top.at(("b", "c"))
    assert top.at(("b", "z", "y")) is top.at(("b",))


def test_only_plain_null_is_null() -> None:
    text = b"{a: null, b: ~, c: , d: Null, e: NULL, f: 'null', g: \"~\", h: '', i: nil, j: [~]}"
    expected = {**dict.fromkeys("abcde"), "f": "null", "g": "~", "h": "", "i": "nil", "j": [None]}
    assert plain(parse(text, "x.yaml")) == expected


texts = st.text("ab1~", max_size=3)
trees = st.recursive(
    st.none() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
mappings = st.dictionaries(
    st.sampled_from("ab"), trees | st.dictionaries(st.sampled_from("ab"), trees), max_size=2
)


def node(value: Any) -> Node:
    if isinstance(value, dict):
        return Node(1, 0, {key: node(child) for key, child in value.items()})
    if isinstance(value, list):
        return Node(1, 0, tuple(node(child) for child in value))
    return Node(1, 0, value)


def merged(base: dict[str, Any], over: dict[str, Any]) -> Any:
    return plain(merge(node(base), node(over)))


def has_null_entry(value: Any) -> bool:
    return isinstance(value, dict) and any(each is None or has_null_entry(each) for each in value.values())


def test_merge_by_example() -> None:
    base = {"r": {"band": "5", "channels": ["36", "40"], "power": {"low": "8", "high": "17"}}, "x": "1"}
    over = {"r": {"channels": ["100"], "power": {"high": None}}, "y": None, "x": {"z": None}}
    assert merged(base, over) == {"r": {"band": "5", "channels": ["100"], "power": {"low": "8"}}, "x": {}}


@given(mappings, mappings)
def test_merge_says_what_each_key_says(base: dict[str, Any], over: dict[str, Any]) -> None:
    result = merged(base, over)
    assert not has_null_entry(result)
    for key in base.keys() | over.keys():
        if key in over and over[key] is None:
            assert key not in result
        elif isinstance(base.get(key), dict) and isinstance(over.get(key), dict):
            assert result[key] == merged(base[key], over[key])
        elif key in over:
            assert result[key] == merged({}, over)[key]
        elif base[key] is not None:
            assert result[key] == merged({}, base)[key]


@given(mappings, mappings)
def test_merging_again_changes_nothing(base: dict[str, Any], over: dict[str, Any]) -> None:
    once = merged(base, over)
    assert merged(once, over) == once
    assert merged(once, {}) == merged({}, once) == once


def test_a_key_that_a_terminal_would_act_on_is_escaped() -> None:
    """U+202E turns what follows it around: the path of an error is no place for that."""
    with pytest.raises(SiteErrors) as caught:
        parse("a:\n  \u202e: !x y\n".encode(), "x.yaml")
    assert str(caught.value).isprintable()
    assert r"a.\u202e" in str(caught.value)
