"""Mistakes that can be seen in the source itself, and the table of those that can't (docs/regressions.md)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs/regressions.md"
SOURCES = sorted(path for top in ("agent", "drivers", "inventory") for path in (ROOT / top).rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in SOURCES]
each_source = pytest.mark.parametrize("path", SOURCES, ids=NAMES)

BROAD: dict[str, str] = {}
"""Broad excepts without a comment of their own, and why they may be."""

BOUNDED = {
    "agent/radar.py": "reports of the last minute: the oldest is meant to go, each is on disk",
    "agent/radio_memory.py": "where a radio was lately: the oldest is meant to go, nothing is handed over",
    "agent/memory.py": "critical events of a radio: the oldest is meant to go",
    "agent/words.py": "counted by the memory",
    "agent/metrics/loop_lag.py": "delays of the last minute: the oldest is meant to go",
    "drivers/hostapd/driver.py": "who puts waits; behind it the stream's own queue counts",
    "drivers/openwrt/listening.py": "who puts waits; behind it the streams' own queues count",
    "drivers/transport/ssh.py": "counts in LineStream.dropped",
}
MUTABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
MAKERS = {"list", "dict", "set", "defaultdict", "deque", "Counter", "bytearray", "OrderedDict"}
CREDENTIAL = re.compile(r"password|passphrase|passwd|secret|community|(^|_)token$|psk")


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def classes(path: Path) -> Iterator[ast.ClassDef]:
    return (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.ClassDef))


def functions(node: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (each for each in ast.walk(node) if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)))


def called(node: ast.AST | None) -> str:
    """The last name of what is called, '' when it is no call."""
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


# -- the table -----------------------------------------------------------------------------------------


def rows() -> list[tuple[str, str]]:
    lines = [line for line in TABLE.read_text().splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]
    return [(defect, test) for defect, test in cells]


@pytest.mark.parametrize(("defect", "test"), rows(), ids=[defect for defect, _ in rows()])
def test_each_defect_has_a_test_that_exists(defect: str, test: str) -> None:
    if test.startswith("not "):
        assert ":" in test, "not applicable needs its reason"
        return
    found = re.fullmatch(r"`(tests/[\w/]+\.py)::(test_\w+)`", test)
    assert found, f"{defect}: {test}"
    path = ROOT / found[1]
    assert path.exists(), path
    assert found[2] in {function.name for function in functions(tree_of(path))}, test


def test_the_table_has_not_been_emptied() -> None:
    assert len(rows()) >= 40


# -- what the source shows -----------------------------------------------------------------------------


@each_source
def test_no_result_is_true_or_false_by_itself(path: Path) -> None:
    """A failure that is truthy, a success that is falsy: nobody defines what `if result` means."""
    assert "__bool__" not in {function.name for function in functions(tree_of(path))}


@each_source
def test_nothing_is_left_unimplemented(path: Path) -> None:
    raised = {
        getattr(node.exc, "id", called(node.exc))
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Raise)
    }
    assert "NotImplementedError" not in raised


@each_source
def test_no_method_has_a_twin(path: Path) -> None:
    """Nothing exists twice, once to be awaited and once not."""
    scopes: list[ast.Module | ast.ClassDef] = [tree_of(path), *classes(path)]
    for scope in scopes:
        names = {f.name for f in scope.body if isinstance(f, (ast.FunctionDef, ast.AsyncFunctionDef))}
        twins = {
            (name, twin)
            for name in names
            for twin in (f"{name}_async", f"async_{name}", f"a{name}", f"{name}_sync", f"sync_{name}")
            if twin in names
        }
        assert not twins


@each_source
def test_no_class_shares_a_mutable_default(path: Path) -> None:
    """Class-level lists and dicts belong to all instances; pydantic models copy theirs."""
    for one in classes(path):
        if any(getattr(base, "id", getattr(base, "attr", "")).endswith("Model") for base in one.bases):
            continue
        shared = [
            ast.unparse(item)
            for item in one.body
            if isinstance(item, (ast.Assign, ast.AnnAssign))
            and (isinstance(item.value, MUTABLE) or called(item.value) in MAKERS)
        ]
        assert not shared, one.name


def _broad(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(each is None or getattr(each, "id", "") in ("Exception", "BaseException") for each in caught)


def _raises_again(handler: ast.ExceptHandler) -> bool:
    return isinstance(handler.body[-1], ast.Raise)


@each_source
def test_every_broad_except_has_its_reason(path: Path) -> None:
    """It raises again, or a comment on its line says why it need not, or `BROAD` does."""
    lines, name = path.read_text().splitlines(), str(path.relative_to(ROOT))
    for function in functions(tree_of(path)):
        for handler in ast.walk(function):
            if not isinstance(handler, ast.ExceptHandler) or not _broad(handler):
                continue
            explained = "  # " in lines[handler.lineno - 1]
            assert _raises_again(handler) or explained or f"{name}::{function.name}" in BROAD, handler.lineno


@pytest.mark.parametrize("where", BROAD)
def test_no_reason_outlives_its_except(where: str) -> None:
    name, _, wanted = where.partition("::")
    (function,) = [f for f in functions(tree_of(ROOT / name)) if f.name == wanted]
    assert any(isinstance(node, ast.ExceptHandler) and _broad(node) for node in ast.walk(function))


@each_source
def test_host_keys_are_always_checked(path: Path) -> None:
    """paramiko's two ways to accept whatever comes."""
    names = {node.attr for node in ast.walk(tree_of(path)) if isinstance(node, ast.Attribute)}
    names |= {node.id for node in ast.walk(tree_of(path)) if isinstance(node, ast.Name)}
    assert not names & {"AutoAddPolicy", "WarningPolicy"}


def _defaults(node: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    """(name, value) of what a piece of source gives a value by default or by a constant."""
    if isinstance(node, ast.arguments):
        named = [*node.posonlyargs, *node.args]
        yield from ((a.arg, d) for a, d in zip(named[::-1], node.defaults[::-1], strict=False))
        yield from ((a.arg, d) for a, d in zip(node.kwonlyargs, node.kw_defaults, strict=True))
    elif isinstance(node, ast.AnnAssign):
        yield getattr(node.target, "id", ""), node.value
    elif isinstance(node, ast.Assign):
        yield from ((getattr(target, "id", ""), node.value) for target in node.targets)
    elif isinstance(node, ast.keyword):
        yield node.arg or "", node.value


@each_source
def test_no_credential_has_a_default(path: Path) -> None:
    found = [
        name
        for node in ast.walk(tree_of(path))
        for name, value in _defaults(node)
        if CREDENTIAL.search(name.lower())
        and isinstance(value, ast.Constant)
        and isinstance(value.value, (str, bytes))
        and value.value
    ]
    assert not found


@each_source
def test_every_bounded_queue_counts_what_it_drops(path: Path) -> None:
    """A queue with a limit either makes its writer wait or counts; each is known to `BOUNDED`."""
    name = str(path.relative_to(ROOT))
    limited = [
        node.lineno
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        and (
            (called(node) in ("Queue", "LifoQueue", "PriorityQueue") and (node.args or node.keywords))
            or (called(node) == "deque" and any(k.arg == "maxlen" for k in node.keywords))
        )
    ]
    assert not limited or name in BOUNDED, limited


def test_a_stream_counts_on_every_way_to_lose_a_line() -> None:
    """Full, or too long: both end in `_drop`, which counts."""
    source = ast.unparse(tree_of(ROOT / "drivers/transport/waiting.py"))
    assert "if len(self._lines) >= QUEUE_LINES:\n            self._drop()" in source
    assert "self.dropped += 1" in source
    for name in ("ssh", "rest"):
        source = ast.unparse(tree_of(ROOT / f"drivers/transport/{name}.py"))
        assert "drop()" in source.split("def _lines(")[1].split("\ndef ")[0]
