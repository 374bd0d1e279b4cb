"""The README and docs/ say what is true: their links, commands, tables and defaults against the code."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from faults.make_safety import with_table as with_faults
from pydantic import BaseModel

from agent.change import FINAL, TABLE, State, Trigger, deadline_s
from agent.cli.app import app
from agent.make_driver_table import ours, with_table
from agent.planner import wording
from agent.planner.guards import GUARDS, PATIENCE
from agent.planner.site import snapshot_view, snapshot_words
from agent.planner.site.colours import colour
from agent.planner.site.reasons import OF_POWER
from agent.records import Pseudonyms
from agent.settings import Settings
from drivers.hostapd.options import Options as HostapdOptions
from drivers.netconf.options import Options as NetconfOptions
from drivers.openwrt.options import Options as OpenWrtOptions
from drivers.simulated.options import Options as SimulatedOptions
from drivers.snmp.options import Options as SnmpOptions
from inventory import schema
from inventory.channels import block
from inventory.model import Band, DetectPolicy, MonitorPolicy, PlanPolicy, Policy, Radio, RadioKey
from inventory.regulatory import RefusalCode

ROOT = Path(__file__).parents[2]
DOCS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
NAMES = [str(path.relative_to(ROOT)) for path in DOCS]
each_doc = pytest.mark.parametrize("path", DOCS, ids=NAMES)


def doc(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def rows(text: str) -> list[list[str]]:
    """Cells of all table rows of a page, headings and rules included."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def section(text: str, heading: str) -> str:
    """What stands under a heading, up to the next one of its level or above."""
    level = len(heading) - len(heading.lstrip("#"))
    _, _, rest = text.partition(f"\n{heading}\n")
    assert rest, heading
    return re.split(rf"^#{{1,{level}}} ", rest, maxsplit=1, flags=re.M)[0]


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


# -- links -----------------------------------------------------------------------------------------------


def anchors(text: str) -> set[str]:
    """Names of the headings, as the forges make them."""
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@each_doc
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = (path.parent / name).resolve() if name else path
        assert there.exists(), target
        assert not anchor or anchor in anchors(there.read_text()), target


@each_doc
def test_files_that_are_named_exist(path: Path) -> None:
    named = re.findall(
        r"`((?:agent|drivers|inventory|tests|docs|benchmarks)/[\w./-]+)(?:::\w+)?`", path.read_text()
    )
    assert [name for name in named if not (ROOT / name).exists()] == []


# -- commands --------------------------------------------------------------------------------------------


def commands(text: str) -> Iterator[str]:
    """Every `rrmd ...` of the page: in code spans and in code blocks."""
    blocks = re.findall(r"^ *```[a-z]*\n(.*?)^ *```", text, re.M | re.S)
    for line in "\n".join(blocks).splitlines():
        if found := re.match(r"\s*(?:\$ )?((?:sudo )?rrmd .*)", line):
            yield found[1].removeprefix("sudo ")
    prose = re.sub(r"^ *```.*?^ *```", "", text, flags=re.M | re.S)
    yield from re.findall(r"`(rrmd [^`]+)`", prose)


def words_of(command: str) -> list[str]:
    """Words up to a shell operator or a comment."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return re.split(r" [|<>&;]+(?: |$)", " ".join(lexer) + " ")[0].split()


def options_of(command: Any) -> set[str]:
    named = {name for each in command.params for name in (*each.opts, *each.secondary_opts) if name[0] == "-"}
    return named | {"-h", "--help"}


def unknown(command: str) -> str | None:
    """The first word that rrmd does not know as a command or an option, None: it knows all."""
    at: Any = typer.main.get_command(app)
    skip = False
    for word in words_of(command)[1:]:
        subcommands = getattr(at, "commands", {})
        if skip:
            skip = False
        elif word.startswith("-") and word != "-":
            if word not in options_of(at):
                return word
            takes = next((p for p in at.params if word in p.opts), None)
            skip = takes is not None and not takes.is_flag
        elif subcommands and word != "...":
            if word not in subcommands:
                return word
            at = subcommands[word]
    return None


@each_doc
def test_commands_and_options_exist(path: Path) -> None:
    said = [each for each in commands(path.read_text()) if not each.startswith(("rrmd: ", "rrmd ALL"))]
    assert {each: word for each in said if (word := unknown(each))} == {}


@pytest.mark.parametrize(
    ("command", "word"),
    [
        ("rrmd staus", "staus"),
        ("rrmd status --sites x", "--sites"),
        ("rrmd --socket /x audit verify --dir d --fast", "--fast"),
        ("rrmd rollback - < token", None),
        ("rrmd run --sites x &", None),
    ],
)
def test_an_unknown_command_is_found(command: str, word: str | None) -> None:
    assert unknown(command) == word


def test_every_command_is_documented() -> None:
    group: Any = typer.main.get_command(app)
    text = doc("cli.md")
    assert [name for name in group.commands if f"`rrmd {name}" not in text] == []


@each_doc
def test_make_targets_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"\bmake ([a-z]+)\b(?=`|\s+#|$)", path.read_text(), re.M)) <= targets


@each_doc
def test_settings_that_are_named_exist(path: Path) -> None:
    known = {f"RRMD_{name.upper()}" for name in Settings.model_fields}
    others = {"RRMD_DEBUG", "RRMD_CACHE", "RRMD_SHARED", "RRMD_REQUIRE_VM"}
    named = set(re.findall(r"\bRRMD_[A-Z_]+", path.read_text()))
    assert {name for name in named - known - others if not name.startswith("RRMD_CRED_")} == set()


@each_doc
def test_a_page_names_no_place_of_ours(path: Path) -> None:
    assert not re.search(r"/root\b|/home/\w|/tmp/\w+/", path.read_text())


# -- README ----------------------------------------------------------------------------------------------


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[<>=!~\[; ]", each)[0] for each in wanted}
    table = rows(section((ROOT / "README.md").read_text(), "## Dependencies"))
    given = {name.strip() for cells in table for name in cells[0].split(",") if cells[1]}
    assert names == given - {"package"} - {name for name in given if name.startswith("---")}


def test_the_table_of_drivers_is_what_they_declare() -> None:
    """`make drivers` writes it."""
    text = (ROOT / "README.md").read_text()
    assert with_table(text) == text
    table = rows(section(text, "## Drivers"))
    assert {code(cells[0])[0] for cells in table if code(cells[0])} == ours().keys()


def test_the_tables_of_faults_are_what_is_tried() -> None:
    """`make safety` writes them."""
    assert with_faults(doc("safety.md")) == doc("safety.md")


def test_a_page_without_the_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="make drivers"):
        with_table("# rrmd\n")


@pytest.mark.parametrize(
    ("page", "radios"),
    [
        ("README.md", {"lab/lobby/r5"}),
        ("docs/openwrt.md", {"school/hall/r2", "school/hall/r5", "school/yard/r5"}),
    ],
)
def test_the_site_of_a_page_is_correct(page: str, radios: set[str], tmp_path: Path) -> None:
    from drivers import registry
    from inventory.loader import load

    (text,) = re.findall(r"^```yaml\n(version:.*?)^```", (ROOT / page).read_text(), re.M | re.S)
    file = tmp_path / "site.yaml"
    file.write_text(text.replace("SHA256:...", f"SHA256:{'A' * 43}"))
    assert set(load(file, registry.schemas()).radios) == radios


# -- docs/changes.md -------------------------------------------------------------------------------------


def test_the_change_table_is_the_one_of_the_code() -> None:
    table = rows(section(doc("changes.md"), "## The table"))
    steps = [tuple(code("".join(cells))) for cells in table if len(cells) == 3 and code(cells[2])]
    assert len(steps) == len(set(steps))
    assert set(steps) == {(state, trigger, after) for (state, trigger), after in TABLE.items()}


def test_every_state_and_trigger_is_explained() -> None:
    text = doc("changes.md")
    listed = [cells for cells in rows(section(text, "## States")) if cells[-1] in ("live", "final")]
    assert {code(cells[0])[0]: cells[2] for cells in listed} == {
        state: "final" if state in FINAL else "live" for state in State
    }
    two = [cells for cells in rows(section(text, "## The table")) if len(cells) == 2]
    assert {code(cells[0])[0] for cells in two if code(cells[0])} == set(Trigger)


def test_the_deadlines_are_right() -> None:
    table = rows(section(doc("changes.md"), "## States"))
    told = {code(cells[0])[0]: cells[2] for cells in table if code(cells[0]) and re.match(r"\d", cells[2])}
    for state, words in told.items():
        fixed, _, silent = words.partition(" + ")
        factor = int(silent.split(" x ")[0]) if " x " in silent else 1 if silent else 0
        assert deadline_s(State(state), Policy(), 0.0) == int(fixed), state
        assert deadline_s(State(state), Policy(), 7.0) == int(fixed) + 7 * factor, state
    assert told.keys() == {"PROPOSED", "PLANNED", "APPLYING", "MONITORING", "ROLLING_BACK"}


GUARDING = ("guards.py", "budget.py", "legal.py")


def test_every_guard_is_explained() -> None:
    table = rows(section(doc("changes.md"), "## Guards"))
    told = {code(cells[0])[0]: code(cells[2]) for cells in table if len(cells) == 3 and code(cells[0])}
    assert told.keys() == GUARDS.keys()
    source = "".join((ROOT / "agent/planner" / name).read_text() for name in GUARDING)
    codes = set(re.findall(r'reason="(\w+)"', source))
    assert codes - set(code(section(doc("changes.md"), "## Guards"))) == set()


def test_the_guards_that_radar_does_not_wait_for_are_named() -> None:
    (line,) = re.findall(r"not stopped by the guards (.*?), nor by", doc("changes.md"))
    assert set(code(line)) == PATIENCE


# -- docs/site-file.md and docs/hostapd.md ---------------------------------------------------------------

MODELS = [
    model
    for model in vars(schema).values()
    if isinstance(model, type) and issubclass(model, schema.Words) and model is not schema.Words
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_key_of_the_site_file_is_documented(model: type[BaseModel]) -> None:
    keys = {name for cells in rows(doc("site-file.md")) for name in code(cells[0])}
    assert set(model.model_fields) - keys == set()


def defaults(text: str) -> dict[str, str]:
    """Key -> what the column `default` says."""
    return {code(cells[0])[0]: cells[2] for cells in rows(text) if len(cells) == 4 and code(cells[0])}


def shown(value: object) -> str:
    """A default as the pages write it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, StrEnum):
        return str(value)
    if isinstance(value, (int, float)):
        return f"{value:g}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(shown, value))}]"
    return "{}" if value == {} else str(value)


def test_defaults_of_the_policy() -> None:
    for heading, values in (
        ("## `policy`", Policy()),
        ("## `policy: monitor:`", MonitorPolicy()),
        ("## `policy: detect:`", DetectPolicy()),
        ("## `policy: plan:`", PlanPolicy()),
    ):
        told = defaults(section(doc("site-file.md"), heading))
        known = {field.name: getattr(values, field.name) for field in fields(values)}
        plain = {name: shown(value) for name, value in known.items() if not is_dataclass(value)}
        assert {name: told.get(name) for name in plain} == plain


def test_defaults_of_a_radio() -> None:
    told = defaults(section(doc("site-file.md"), "## A radio"))
    radio = Radio(key=RadioKey("s/a/r"), band=Band.GHZ_5)
    plain = {field.name: getattr(radio, field.name) for field in fields(radio) if field.name != "key"}
    said = {name: shown(value) for name, value in plain.items() if value is not None and name != "band"}
    assert {name: told.get(name) for name in said} == said


@pytest.mark.parametrize(
    ("page", "heading", "model"),
    [
        ("site-file.md", "## Options of the driver `simulated`", SimulatedOptions),
        ("hostapd.md", "## Options", HostapdOptions),
        ("netconf.md", "## Options", NetconfOptions),
        ("snmp.md", "## Options", SnmpOptions),
        ("openwrt.md", "## Options", OpenWrtOptions),
    ],
)
def test_options_of_the_drivers(page: str, heading: str, model: type[BaseModel]) -> None:
    told = defaults(section(doc(page), heading))
    assert told.keys() == model.model_fields.keys()
    for name, value in model.model_construct().model_dump().items():
        if value is not None and value != {}:
            assert told[name] == shown(value), name


def test_ranges_of_the_site_file() -> None:
    """The range that a page gives is the one that the schema's error states."""
    for model, heading in (
        (schema.PolicyWords, "## `policy`"),
        (schema.MonitorWords, "## `policy: monitor:`"),
        (schema.DetectWords, "## `policy: detect:`"),
        (schema.PlanWords, "## `policy: plan:`"),
    ):
        told = {code(c[0])[0]: c[1] for c in rows(section(doc("site-file.md"), heading)) if code(c[0])}
        for name, words in told.items():
            found = re.match(r"(-?[\d.]+) to (-?[\d.]+)", words)
            if found is None:
                continue
            low, high = (float(each) for each in found.groups())
            assert _accepts(model, name, low), name
            assert _accepts(model, name, high), name
            assert not _accepts(model, name, low - 1), name
            assert not _accepts(model, name, high + 1), name


def _accepts(model: type[BaseModel], name: str, value: float) -> bool:
    try:
        model.model_validate({name: f"{value:.15g}"})
    except ValueError:
        return False
    return True


# -- docs/audit.md ---------------------------------------------------------------------------------------


def test_every_field_of_a_record_is_explained() -> None:
    from agent.audit_chain import Kind
    from agent.moment import Moment
    from agent.records import record

    now = Moment(monotonic_s=0.0, utc_us=0, boot_id="", boottime_us=0)
    fresh = record(id="", now=now, kind="event", site="", names=Pseudonyms(bytes(32)), reason="")
    told = {name for cells in rows(section(doc("audit.md"), "## A record")) for name in code(cells[0])}
    assert told == {*fresh, "seq", "prev_mac", "key_id", "mac"}
    found = {name for cells in rows(section(doc("audit.md"), "## Verify")) for name in code(cells[0])}
    assert found == set(Kind)


# -- numbers ---------------------------------------------------------------------------------------------


def test_the_monitor_page_names_every_number() -> None:
    assert [name.name for name in fields(MonitorPolicy) if f"`{name.name}`" not in doc("monitor.md")] == []


def test_the_events_page_names_every_level() -> None:
    text = doc("events.md")
    planned = {"restart_interval_s", "compensate_step_db", "compensate_most_db", "qoe_undo_s"}  # decisions.md
    assert [f.name for f in fields(DetectPolicy) if f"`{f.name}`" not in text and f.name not in planned] == []


def test_yaml_blocks_can_be_read() -> None:
    for path in DOCS:
        for text in re.findall(r"^```yaml\n(.*?)^```", path.read_text(), re.M | re.S):
            assert isinstance(yaml.safe_load(text), dict), path.name


# -- docs/planning.md ------------------------------------------------------------------------------------


def test_the_snapshot_of_the_page_is_one() -> None:
    (text,) = re.findall(r"^```json\n(.*?)^```", doc("planning.md"), re.M | re.S)
    assert set(snapshot_view.read(text).radios) == {"hall/ap1/r5", "hall/ap2/r5"}


@pytest.mark.parametrize(
    "model", snapshot_words.Words.__subclasses__(), ids=lambda model: str(model.__name__)
)
def test_every_key_of_a_snapshot_is_documented(model: type[BaseModel]) -> None:
    prose = re.sub(r"^```.*?^```", "", section(doc("planning.md"), "## The snapshot"), flags=re.M | re.S)
    keys = {*code(prose), *schema.RadioWords.model_fields}
    assert set(model.model_fields) - keys == set()


def test_the_snapshot_that_comes_with_rrmd_is_one_and_drawn_on_the_page() -> None:
    view = snapshot_view.read((ROOT / "inventory/sites/school.json").read_bytes())
    names = re.findall(r'class="name">([^<]+)<', (ROOT / "docs/plan.svg").read_text())
    assert set(names) == set(view.site.aps)


def test_the_picture_on_the_page_has_the_colours_of_today() -> None:
    text = (ROOT / "docs/plan.svg").read_text()
    pills = re.findall(r'fill="(#\w+)"/><text class="block"[^>]*>(\d+)/(\d+)<', text)
    assert len(pills) == 48  # each of 24 radios, now and as planned
    for fill, channel, width in pills:
        band = Band.GHZ_2_4 if int(channel) < 15 else Band.GHZ_5
        assert fill == colour(block(band, int(channel), int(width))), channel
    assert text.count(">colour: the primary channel") == 2


def test_the_reasons_of_a_plan_are_those_that_the_command_says() -> None:
    table = rows(section(doc("planning.md"), "### Reasons"))
    assert {code(cells[0])[0]: cells[1] for cells in table if code(cells[0])} == wording.WORDS


def test_each_reason_of_a_plan_and_of_a_guard_has_words() -> None:
    paths = [
        *(ROOT / "agent/planner/site").glob("*.py"),
        *(ROOT / "agent/planner" / name for name in GUARDING),
    ]
    codes = set(
        re.findall(r'(?:reason=|reasons=\(|Reason = )"(\w+)"', "".join(path.read_text() for path in paths))
    )
    assert {*codes, *OF_POWER, *RefusalCode} - wording.WORDS.keys() == {
        "not_asked_for"
    }  # nobody is told of it
