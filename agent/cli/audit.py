"""`rrmd audit`: is the log whole, what does it say, and a copy for others. Needs no daemon."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Literal

import typer

from agent.cli.duration import seconds
from agent.cli.events import evidence
from agent.cli.failure import ExitCode, Failure, usage
from agent.cli.instant import spoken_utc
from agent.cli.options import Json, Options, SiteName, options_of
from agent.cli.terminal import complain, count, show, show_json, show_table

if TYPE_CHECKING:
    from agent.audit_chain import AuditHead, Report
    from agent.audit_files import Filter
    from agent.audit_key import Key
    from agent.settings import Settings

app = typer.Typer(help="Verify, search and export the audit log.", rich_markup_mode=None)

Directory = Annotated[
    Path | None,
    typer.Option("--dir", metavar="DIR", help="The audit files; without it: those of the daemon."),
]
KeyFiles = Annotated[
    list[Path] | None,
    typer.Option("--key", metavar="FILE", help="A key file; again for each older key."),
]
ChangeId = Annotated[str | None, typer.Option("--change", metavar="ID", help="Only of this change.")]
EventId = Annotated[str | None, typer.Option("--event", metavar="ID", help="Only of this event.")]
Radio = Annotated[str | None, typer.Option("--radio", metavar="SITE/AP/RADIO", help="Only of this radio.")]
Kind = Annotated[
    str | None,
    typer.Option("--kind", metavar="KIND", help="event, decision, transition, operator or system."),
]
Since = Annotated[
    str | None, typer.Option("--since", metavar="SPAN", help="Only of the last 90s, 15m, 2h, 7d.")
]


@app.command("verify")
def verify(
    context: typer.Context,
    directory: Directory = None,
    keys: KeyFiles = None,
    as_json: Json = False,
) -> int:
    """Find every edit, gap, insertion and reordering in the log.

    The end of the daemon's own log is compared with what the store knows; in a copy (--dir) a cut end
    cannot be seen, and that is said.
    """
    from agent.audit_key import mac_keys

    settings = options_of(context).settings()
    place = directory or settings.audit_dir
    secrets = mac_keys(*(_key(file) for file in keys or [settings.key_file]))
    head = _head(settings) if place.absolute() == settings.audit_dir else None
    report = _verified(place, secrets, head)
    if as_json:
        show_json(_as_json(report, head))
    else:
        _say(report, head)
    return ExitCode.FINE if report.intact else ExitCode.REFUSED


def _verified(place: Path, keys: dict[str, bytes], head: AuditHead | None) -> Report:
    """The report. A daemon may be in the middle of a line while we read: only what is still wrong at a
    second look is wrong."""
    from agent.audit_files import verify_directory

    report = verify_directory(place, keys, head)
    return report if report.intact else verify_directory(place, keys, head)


def _key(file: Path) -> Key:
    """The key in a file that is there already: checking a log must not make a new key."""
    from agent.audit_key import KeyRefused, load_or_create_key

    if not file.exists():
        raise usage(f"{file}: no such key file; name the log's key with --key")
    try:
        return load_or_create_key(file)
    except KeyRefused as error:
        raise usage(str(error)) from None


def _head(settings: Settings) -> AuditHead | None:
    """The end of the log as the store knows it; None when there is no store yet."""
    from sqlalchemy import make_url

    from agent.store.errors import StoreError
    from agent.store.store import Store

    url = make_url(settings.store_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return None
    try:
        store = Store(settings.store_url)
    except StoreError as error:
        raise Failure(ExitCode.REFUSED, f"the store cannot be read: {error}") from None
    try:
        return store.audit_head()
    finally:
        store.close()


def _as_json(report: Report, head: AuditHead | None) -> dict[str, Any]:
    names = ("kind", "file", "line", "seq", "detail")
    return {
        "intact": report.intact,
        "records": report.records,
        "last_seq": report.last_seq,
        "head_seq": head.seq if head else None,
        "findings": [{name: getattr(found, name) for name in names} for found in report.findings],
    }


def _say(report: Report, head: AuditHead | None) -> None:
    if not report.intact:
        findings, good = count(len(report.findings), "finding"), count(report.records, "good record")
        show(f"NOT INTACT: {findings}, {good}")
        rows = ((f.file, f.line, f.seq, f.kind, f.detail) for f in report.findings)
        show_table("", ("file", "line", "seq", "what", "detail"), rows)
    else:
        show(f"ok: {count(report.records, 'record')}, the last is {report.last_seq or 'none'}")
    if head is None:
        show("no store was asked: whether the end was cut off cannot be seen")


@app.command("query")
def query(
    context: typer.Context,
    site: SiteName = None,
    change: ChangeId = None,
    event: EventId = None,
    radio: Radio = None,
    kind: Kind = None,
    since: Since = None,
    directory: Directory = None,
    limit: Annotated[int, typer.Option("--limit", help="At most so many, the newest.", min=1)] = 100,
    as_json: Json = False,
) -> int:
    """Search the log, the newest record first.

    Radios and APs stand in it as pseudonyms; --radio finds one by its real name, with the key's help.
    """
    from agent.audit_files import query as search

    options = options_of(context)
    place = directory or options.settings().audit_dir
    want = _filter(options, site=site, change=change, event=event, radio=radio, kind=kind, since=since)
    found = list(search(place, want, limit=limit, newest=True))
    if as_json:
        show_json({"records": found})
    else:
        show_table(
            "", ("seq", "UTC", "site", "kind", "step", "reason", "evidence", "change"), map(_row, found)
        )
    return ExitCode.FINE


@app.command("export")
def export(
    context: typer.Context,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="A new file; without it: standard output.")
    ] = None,
    form: Annotated[str, typer.Option("--format", metavar="FORMAT", help="jsonl or csv.")] = "jsonl",
    site: SiteName = None,
    change: ChangeId = None,
    event: EventId = None,
    radio: Radio = None,
    kind: Kind = None,
    since: Since = None,
    directory: Directory = None,
    as_json: Json = False,
) -> int:
    """Copy records out, as they stand (jsonl) or for a spreadsheet (csv)."""
    from agent.audit_files import export as copy

    if as_json and out is None:
        raise usage("--json needs --out FILE: standard output holds the records themselves")
    options = options_of(context)
    place = directory or options.settings().audit_dir
    want = _filter(options, site=site, change=change, event=event, radio=radio, kind=kind, since=since)
    with _opened(out) as file:
        number = copy(place, file, _format(form), want)
    if as_json:
        show_json({"records": number, "file": str(out)})
    else:
        complain([count(number, "record") + ("" if out is None else f" in {out}")])
    return ExitCode.FINE


def _format(text: str) -> Literal["jsonl", "csv"]:
    if text == "jsonl":
        return "jsonl"
    if text == "csv":
        return "csv"
    raise usage(f"no format {text}; there are jsonl and csv")


@contextmanager
def _opened(out: Path | None) -> Iterator[IO[str]]:
    """A file that was not there before, or standard output."""
    if out is None:
        yield sys.stdout
        return
    try:
        file = out.open("x", encoding="utf-8", newline="")
    except FileExistsError:
        raise usage(f"{out} is there already: name a new file") from None
    with file:
        yield file


def _filter(
    options: Options,
    *,
    site: str | None,
    change: str | None,
    event: str | None,
    radio: str | None,
    kind: str | None,
    since: str | None,
) -> Filter:
    from agent.audit_files import Filter
    from agent.records import KINDS

    if kind is not None and kind not in KINDS:
        raise usage(f"no kind {kind}; there are {', '.join(KINDS)}")
    return Filter(
        site=site,
        change_id=change,
        event_id=event,
        kind=kind,
        radio=None if radio is None else _pseudonym(options, radio),
        since_utc_us=None if since is None else round((time.time() - seconds(since)) * 1e6),
    )


def _pseudonym(options: Options, radio: str) -> str:
    from agent.audit_key import derive
    from agent.records import Pseudonyms

    if radio.count("/") != 2:
        raise usage(f"{radio}: the log knows a radio by its whole name only, site/ap/radio")
    return Pseudonyms(derive(_key(options.settings().key_file), "pseudonym"))(radio)


def _row(record: dict[str, Any]) -> tuple[Any, ...]:
    came, went = record.get("from_state"), record.get("to_state")
    return (
        record.get("seq"),
        spoken_utc(record.get("utc")),
        record.get("site"),
        record.get("kind"),
        f"{came or ''} -> {went}" if went else None,
        (record.get("reason") or {}).get("code"),
        evidence(record.get("evidence")),
        record.get("change_id"),
    )
