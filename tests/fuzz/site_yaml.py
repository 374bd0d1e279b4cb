"""Site files that nobody should write: the loader answers with a site, or with what is wrong and where."""

from __future__ import annotations

import re
import resource
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, Final

import yaml
from fuzz.campaign import Feed, Harm
from fuzzing import NUMBERS, octets_of, text_of

from drivers import registry
from inventory.model import Site
from inventory.site_error import SiteErrors
from inventory.site_words import read_site

ROOT: Final = Path(__file__).parents[2]
FILE: Final = "fuzz.yaml"
MEMORY_MOST: Final = 1024 * 2**20
"""Of addresses beside those in use at the start: a file that wants more ends in a MemoryError."""
_SCALARS: Final = """
null ~ true no NO yes 0o17 0x1f 1_000 12:30:45 .inf .nan 2026-01-01 << = *nowhere | >- ' " [ { ] } @ ` # %
US lab 5 2.4 6 act ../.. /dev/zero file:///etc/passwd ${HOME} 127.0.0.1:22 cred:x cred:../../etc --- ...
"""
_TAGGED: Final = (
    "!!int 5",
    "!!python/object/apply:os.system [id]",
    "!!binary aGk=",
    "!x y",
    "&a b",
    "? x",
    ": :",
)
_CHARACTERS: Final = (
    "\u2028",
    "\ufeff",
    "\x85",
    "\u202e",
    '"\\ud800"',
    '"\\x00"',
    '"\\Uffffffff"',
    "%YAML 1.1",
)
WORDS: Final = (*_SCALARS.split(), *_TAGGED, *_CHARACTERS, *NUMBERS)
TAGS: Final = ("int", "str", "set", "omap", "python/name:os.system")
_PAGES: Final = (
    "README.md",
    *(f"docs/{name}.md" for name in ("site-file", "hostapd", "openwrt", "snmp", "netconf")),
)


def originals() -> tuple[str, ...]:
    """The example sites, and those that the pages show."""
    sites = [path.read_text() for path in sorted((ROOT / "inventory/sites").glob("*.yaml"))]
    pages = [(ROOT / page).read_text() for page in _PAGES]
    blocks = (re.findall(r"^```yaml\n(.*?)^```", page, re.M | re.S) for page in pages)
    return (*sites, *(block for found in blocks for block in found if "aps:" in block))


Maker = Callable[[Random], str | bytes]


class SiteYamlTarget:
    """See `fuzz.campaign.Target`."""

    name = "site-yaml"
    limit_s = 60.0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Feed]:
        before = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (_addressed() + MEMORY_MOST, before[1]))
        try:
            yield SiteYaml()
        finally:
            resource.setrlimit(resource.RLIMIT_AS, before)


def _addressed() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


class SiteYaml:
    """Feeds the loader's reader, and counts what it said."""

    def __init__(self) -> None:
        texts = originals()
        self._trees = [yaml.load(text, yaml.BaseLoader) for text in texts]
        self._schemas = registry.schemas()
        self._said: Counter[str] = Counter()
        self._makers: tuple[tuple[int, Maker], ...] = (
            (30, self._of_a_tree),
            (30, text_of(*texts)),
            (15, lambda dice: _spiced(dice.choice(texts), dice)),
            (10, octets_of(*(text.encode() for text in texts))),
            (1, lambda dice: _bomb(dice)),
        )

    async def one(self, dice: Random) -> None:
        weights, makers = zip(*self._makers, strict=True)
        given = dice.choices(makers, weights)[0](dice)
        raw = given if isinstance(given, bytes) else given.encode("utf-8", "surrogatepass")
        try:
            site = read_site(raw, FILE, self._schemas)
        except SiteErrors as told:
            self._said["refused"] += 1
            _check_errors(raw, told)
        except BaseException as error:
            error.add_note(f"of {raw[:3000]!r}")
            raise
        else:
            self._said["read"] += 1
            _check_site(raw, site)

    async def over(self) -> Mapping[str, Any]:
        return self._said

    def _of_a_tree(self, dice: Random) -> str:
        tree = dice.choice(self._trees)
        for _ in range(dice.randint(1, 3)):
            tree = self._changed(tree, dice)
        flow = dice.choice((None, None, True, False))
        return str(yaml.dump(tree, default_flow_style=flow, allow_unicode=dice.random() < 0.5))

    def _changed(self, tree: Any, dice: Random) -> Any:
        """One branch replaced by a word or by a branch of another site, dropped, doubled or renamed."""
        if not isinstance(tree, dict | list) or not tree or dice.random() < 0.1:
            return self._other(dice)
        if isinstance(tree, list):
            at = dice.randrange(len(tree))
            more = [tree[at]] * dice.choice((0, 1, 1, 1, 2, 300))
            return [*tree[:at], *(self._changed(each, dice) for each in more[:1]), *more[1:], *tree[at + 1 :]]
        key = dice.choice(list(tree))
        kind = dice.random()
        if kind < 0.1:
            return {name: each for name, each in tree.items() if name != key}
        if kind < 0.2:
            return {dice.choice((*WORDS, key + "x", key[:1])) if k == key else k: v for k, v in tree.items()}
        if kind < 0.3:
            return {**tree, dice.choice(WORDS): self._other(dice)}
        return {**tree, key: self._changed(tree[key], dice)}

    def _other(self, dice: Random) -> Any:
        if dice.random() < 0.5:
            return dice.choice((*WORDS, "x" * 5000, "", [], {}, None, [[]], {"a": {}}))
        branch: Any = dice.choice(self._trees)
        for _ in range(dice.randint(1, 5)):
            if isinstance(branch, dict) and branch:
                branch = dice.choice(list(branch.values()))
            elif isinstance(branch, list) and branch:
                branch = dice.choice(branch)
        return branch


def _spiced(text: str, dice: Random) -> str:
    """With YAML's own words at places where they mean something."""
    lines = text.split("\n")
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(lines))
        line, word = lines[at], dice.choice(WORDS)
        pad = line[: len(line) - len(line.lstrip())]
        key, colon, value = line.partition(":")
        lines[at] = dice.choice(
            (
                f"{key}{colon} {word}",
                f"{key}{colon} &a {value}",
                f"{key}{colon} *a",
                f"{pad}<<: *a",
                f"{pad}<<: {{x: {word}}}",
                f"{pad}? {word}\n{pad}: {value}",
                f"{pad}{word}: {value}",
                f"{line}\n{line}",
                f"{key}{colon} !!{dice.choice(TAGS)} {value}",
                f"{key}{colon} |\n{pad}  {word}",
                f"{pad}\t{line.strip()}",
                f"{word}{line}",
            )
        )
    return "\n".join(lines)


def _bomb(dice: Random) -> str:
    """Small to write, large to read."""
    size = dice.choice((10, 100, 1000, 5000))
    kind = dice.randrange(8)
    if kind == 0:
        rows = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 3 + size % 20)]
        return "\n".join(["a0: &a0 [x, x, x, x, x, x, x, x, x]", *rows])
    if kind == 1:
        return dice.choice(("[", "{a: ", "- ", "? ", "'", "!", "&a ", "&a [*a, ")) * size
    if kind == 2:
        return "aps:\n" + "".join(f"  ap{n}: {{radios: {{r: {{}}}}}}\n" for n in range(size))
    if kind == 3:
        return f"site: {{id: {'9' * size * 10}}}\nversion: {'1' * size}"
    if kind == 4:
        return "\n".join(" " * n + "a:" for n in range(min(size, 1500)))
    if kind == 5:
        return "a: &a {b: 1}\n" + "".join(f"k{n}: {{<<: *a, c: *a}}\n" for n in range(size))
    if kind == 6:
        return "version: 1\n" + f"'{'k' * size}': 1\n" * 20
    return f"site: {{id: lab, country: US}}\n{'# ' * size}\n" * 3 + "%" * size


def _check_errors(raw: bytes, told: SiteErrors) -> None:
    """Each names the file and a line of it, and is one line of text that a terminal may be shown."""
    lines = max(raw.count(b"\n"), len(raw.decode("utf-8", "replace").splitlines())) + 1
    if not told.errors:
        raise Harm(f"refused without a word: {raw[:3000]!r}")
    for each in told.errors:
        if each.file != FILE or not 1 <= each.line <= lines or not str(each).isprintable():
            raise Harm(f"{each!r} of {lines} lines: {raw[:3000]!r}")


def _check_site(raw: bytes, site: Site) -> None:
    """What was read hangs together: each AP has a device, each radio is its AP's."""
    for id, ap in site.aps.items():
        whole = ap.device in site.devices and ap.radios
        if not whole or any(not radio.key.startswith(f"{site.id}/{id}/") for radio in ap.radios):
            raise Harm(f"{id} has no device or another's radio: {raw[:3000]!r}")
