"""The order of a change, and what if one step of it is refused: by a server that does as told."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import cast
from xml.etree.ElementTree import Element

import pytest

from drivers.errors import Conflict, Disconnected, DriverError, Refused, TryAgain
from drivers.netconf.link import Link
from drivers.netconf.parse_hello import Offers
from drivers.netconf.parse_reply import Busy, Locked
from drivers.netconf.transaction import Transactions, Undo

UNDO = Undo(persist="rrmd-c1", after_s=120.0)
LOCKED = ["lock running", "lock candidate"]
UNLOCKED = ["unlock candidate", "unlock running"]


class Server:
    """``refuses``: what each request fails with; ``asked``: all that came, in short."""

    def __init__(self, refuses: dict[str, DriverError] | None = None) -> None:
        self.refuses = refuses or {}
        self.asked: list[str] = []

    async def ask(self, body: str) -> Element:
        short = _short(body)
        self.asked.append(short)
        if (error := self.refuses.get(short)) is not None:
            raise error
        return Element("rpc-reply")

    async def data(self, body: str, parser: Callable[[Element], bytes]) -> bytes:
        await self.ask(body)
        return parser(Element("data"))


def _short(body: str) -> str:
    name = body[1:].partition(" ")[0]
    store = re.search(r"<(?:target|source)><(\w+)/>", body)
    what = "confirmed" if "<confirmed/>" in body else "persist-id" if "<persist-id>" in body else ""
    return " ".join(filter(None, (name, store[1] if store else "", what)))


def offers(**changes: bool) -> Offers:
    given = {
        "candidate": True,
        "writable_running": False,
        "persist": True,
        "rollback_on_error": True,
        "startup": False,
        "notification": False,
    }
    return Offers(**{**given, **changes}, modules=frozenset())


def change(
    server: Server,
    undo: Undo | None = UNDO,
    check: Callable[[], Awaitable[None]] | None = None,
    **changes: bool,
) -> None:
    transactions = Transactions(cast("Link", server), offers(**changes))
    asyncio.run(transactions.change("<x/>", check or (lambda: asyncio.sleep(0)), undo))


def test_the_order_of_a_change_with_an_undo() -> None:
    server = Server()
    change(server)
    assert server.asked == [*LOCKED, "edit-config candidate", "commit confirmed", *UNLOCKED]


def test_without_a_candidate_running_is_edited_under_its_lock() -> None:
    server = Server()
    change(server, None, candidate=False, writable_running=True)
    assert server.asked == ["lock running", "edit-config running", "unlock running"]


def test_what_is_compared_is_compared_within_the_lock() -> None:
    server = Server()

    async def other() -> None:
        server.asked.append("compared")
        raise Conflict("somebody else changed it")

    with pytest.raises(Conflict):
        change(server, check=other)
    assert server.asked == [*LOCKED, "compared", *UNLOCKED]


def test_a_second_lock_that_is_denied_gives_the_first_one_back() -> None:
    server = Server({"lock candidate": Locked("lock-denied: session 9 holds the lock", "9")})
    with pytest.raises(Locked, match="session 9"):
        change(server)
    assert server.asked == [*LOCKED, "unlock running"]


@pytest.mark.parametrize(
    ("lock", "answer", "told"),
    [
        ("lock running", Busy("in-use: confirmed-commit pending", "in-use"), Conflict),
        ("lock candidate", Busy("in-use: confirmed-commit pending", "in-use"), Conflict),
        ("lock candidate", Busy("resource-denied: discard-changes needed", "resource-denied"), Refused),
        ("lock candidate", Locked("lock-denied: not by NETCONF", "0"), Refused),
        ("lock running", Busy("resource-denied: no memory", "resource-denied"), Busy),
        ("lock running", Locked("lock-denied: not by NETCONF", "0"), Locked),
    ],
)
def test_a_lock_that_will_not_come_by_itself_is_not_waited_for(
    lock: str, answer: DriverError, told: type[DriverError]
) -> None:
    """Nothing was sent: a change that waits, and a candidate that a client left behind."""
    server = Server({lock: answer})
    with pytest.raises(told) as found:
        change(server)
    assert type(found.value) is told
    assert not {"edit-config candidate", "commit confirmed"} & set(server.asked)


def test_a_refused_edit_is_discarded() -> None:
    server = Server({"edit-config candidate": Refused("out of range")})
    with pytest.raises(Refused, match="out of range"):
        change(server)
    assert server.asked == [*LOCKED, "edit-config candidate", "discard-changes", *UNLOCKED]


@pytest.mark.parametrize("waiting", [True, False])
def test_a_confirmed_commit_that_fails_is_cancelled_and_read_back(*, waiting: bool) -> None:
    """Whether something of it waits or not, which `cancel-commit` tells."""
    refuses: dict[str, DriverError] = {"commit confirmed": Refused("operation-failed")}
    if not waiting:
        refuses["cancel-commit persist-id"] = Refused("no confirmed commit waits")
    server, looks = Server(refuses), list[str]()

    async def look() -> None:
        looks.append(server.asked[-1])

    with pytest.raises(Refused, match="operation-failed"):
        change(server, check=look)
    assert looks == ["lock candidate", "cancel-commit persist-id"]
    assert server.asked[2:-2] == [
        "edit-config candidate",
        "commit confirmed",
        "cancel-commit persist-id",
        "discard-changes",
    ]


def test_a_failed_commit_that_left_something_behind_is_not_called_refused() -> None:
    server, looks = Server({"commit confirmed": Refused("operation-failed")}), list[str]()

    async def look() -> None:
        looks.append("look")
        if len(looks) > 1:
            raise Conflict("channel is 149, not 36")

    with pytest.raises(TryAgain, match="the device is not as it was: channel is 149"):
        change(server, check=look)


def test_a_lost_connection_is_what_is_told_whatever_the_tidying_says() -> None:
    lost = Disconnected("connection ended")
    refuses: dict[str, DriverError] = dict.fromkeys(
        ("commit confirmed", "discard-changes", "unlock candidate", "unlock running"), lost
    )
    with pytest.raises(Disconnected):
        change(Server(refuses))


def test_confirming_looks_at_the_candidate_first_and_copies_what_runs_where_it_must() -> None:
    server = Server()
    asyncio.run(Transactions(cast("Link", server), offers(startup=True)).confirm("rrmd-c1"))
    assert server.asked == [
        "get-config running",
        "get-config candidate",
        "commit persist-id",
        "copy-config startup",
    ]


def test_a_change_that_runs_and_cannot_be_kept_is_not_called_refused() -> None:
    server = Server({"copy-config startup": Refused("no room")})
    with pytest.raises(TryAgain, match="not copied to startup: no room"):
        asyncio.run(Transactions(cast("Link", server), offers(startup=True)).confirm("rrmd-c1"))
