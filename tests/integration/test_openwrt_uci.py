"""UCI through rpcd: what is confirmed stays, what is not goes back, and nobody else's rollback is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from integration.rpcd import Rpcd, Session

from drivers.errors import Conflict, Refused
from drivers.openwrt.ubus import Call, Status, StatusRefused
from drivers.openwrt.uci import Change, Uci

TO_44 = Change(section="radio0", values={"channel": "44"})
GET = Call(object="uci", method="get", args={"config": "wireless", "section": "radio0"})
Story = Callable[[Rpcd, Session, Uci], Awaitable[None]]


def told(story: Story, **options: str) -> Rpcd:
    rpcd = Rpcd(channel="36", htmode="HE80", **options)

    async def tell() -> None:
        reader = rpcd.session()
        await reader.open()
        await story(rpcd, reader, Uci("ap"))

    asyncio.run(tell())
    return rpcd


def channel(rpcd: Rpcd) -> object:
    return rpcd.file["radio0"]["channel"]


def test_without_an_undo_it_is_confirmed_at_once() -> None:
    async def story(rpcd: Rpcd, reader: Session, uci: Uci) -> None:
        assert await uci.apply(reader, TO_44, None, 0.0) == ""

    rpcd = told(story)
    assert channel(rpcd) == "44"
    assert rpcd.owner is None, "nothing waits for a confirmation"


def test_confirmed_from_the_same_session_it_stays() -> None:
    async def story(rpcd: Rpcd, reader: Session, uci: Uci) -> None:
        handle = await uci.apply(reader, TO_44, 60.0, 0.0)
        assert rpcd.owner is not None
        await uci.confirm(reader, handle)

    rpcd = told(story)
    assert (channel(rpcd), rpcd.owner, rpcd.deltas) == ("44", None, {})


def test_not_confirmed_it_goes_back_and_the_confirmation_after_that_is_refused() -> None:
    async def story(rpcd: Rpcd, reader: Session, uci: Uci) -> None:
        handle = await uci.apply(reader, TO_44, 60.0, 0.0)
        rpcd.time_out()
        with pytest.raises(Refused):
            await uci.confirm(reader, handle)

    rpcd = told(story)
    assert channel(rpcd) == "36"
    assert rpcd.deltas == {}, "what the rollback put back into the session was reverted"


def test_after_a_rollback_the_applying_session_still_answers_the_new_value_and_is_not_asked() -> None:
    async def story(rpcd: Rpcd, reader: Session, uci: Uci) -> None:
        await uci.apply(reader, TO_44, 60.0, 0.0)
        owner = rpcd.owner
        assert owner is not None
        rpcd.time_out()
        assert rpcd.carry_out(owner, GET)["values"]["channel"] == "44"
        assert (await reader.call("uci", "get", GET.args))["values"]["channel"] == "36"

    told(story)


def test_cancelled_it_goes_back_now() -> None:
    async def story(rpcd: Rpcd, reader: Session, uci: Uci) -> None:
        await uci.cancel(reader, await uci.apply(reader, TO_44, 60.0, 0.0))

    rpcd = told(story)
    assert (channel(rpcd), rpcd.deltas) == ("36", {})


def test_a_second_apply_while_one_is_pending_is_a_conflict_and_stages_nothing() -> None:
    async def story(rpcd: Rpcd, reader: Session, uci: Uci) -> None:
        await Uci("another daemon").apply(reader, TO_44, 60.0, 0.0)
        with pytest.raises(Conflict):
            await uci.apply(reader, Change(section="radio0", values={"channel": "48"}), None, 0.0)
        assert list(rpcd.deltas) == [rpcd.owner]

    assert channel(told(story)) == "44"


def test_one_at_a_time_until_the_ap_has_taken_it_back() -> None:
    async def story(rpcd: Rpcd, reader: Session, uci: Uci) -> None:
        await uci.apply(reader, TO_44, 60.0, 0.0)
        with pytest.raises(Conflict):
            await uci.apply(reader, TO_44, None, 59.0)
        rpcd.time_out()
        await uci.apply(reader, Change(section="radio0", values={"channel": "48"}), None, 61.0)

    assert channel(told(story)) == "48"


def test_somebody_s_plain_apply_removes_the_rollback_and_is_found_out() -> None:
    """It answered 0, applied nothing, and the pending rollback never happened."""

    async def story(rpcd: Rpcd, reader: Session, uci: Uci) -> None:
        handle = await uci.apply(reader, TO_44, 60.0, 0.0)
        await reader.call("uci", "apply", {"rollback": False})
        with pytest.raises(Refused, match="no rollback"):
            await uci.cancel(reader, handle)

    assert channel(told(story)) == "44"


def test_an_undo_that_is_gone_already_is_not_promised() -> None:
    async def story(rpcd: Rpcd, reader: Session, uci: Uci) -> None:
        rpcd.after["apply"] = lambda _: rpcd.forget()
        assert await uci.apply(reader, TO_44, 60.0, 0.0) == ""

    assert channel(told(story)) == "44"


def test_asking_whether_it_is_armed_confirms_nothing() -> None:
    """The reading session expired meanwhile: rpcd gave it the very session that applied."""

    async def story(rpcd: Rpcd, reader: Session, uci: Uci) -> None:
        def logs_in_again(owner: int) -> None:
            reader.sid = owner

        rpcd.after["apply"] = logs_in_again
        assert await uci.apply(reader, TO_44, 60.0, 0.0)
        assert rpcd.owner == reader.sid
        rpcd.time_out()

    assert channel(told(story)) == "36"


def test_a_session_that_expired_before_the_confirmation_lets_the_ap_go_back() -> None:
    async def story(rpcd: Rpcd, reader: Session, uci: Uci) -> None:
        handle = await uci.apply(reader, TO_44, 60.0, 0.0)
        assert rpcd.owner is not None
        rpcd.expired.add(rpcd.owner)
        with pytest.raises(Refused, match="expired"):
            await uci.confirm(reader, handle)
        rpcd.time_out()

    assert channel(told(story)) == "36"


def test_a_session_that_expired_between_staging_and_applying_applies_nothing() -> None:
    async def story(rpcd: Rpcd, reader: Session, uci: Uci) -> None:
        rpcd.after["set"] = rpcd.expired.add
        with pytest.raises(StatusRefused) as refused:
            await uci.apply(reader, TO_44, None, 0.0)
        assert refused.value.status == Status.NO_DATA

    assert channel(told(story)) == "36"


def test_what_others_have_staged_is_theirs() -> None:
    async def story(rpcd: Rpcd, reader: Session, uci: Uci) -> None:
        other = rpcd.session()
        await other.open()
        await other.call(
            "uci", "set", {"config": "wireless", "section": "radio0", "values": {"country": "DE"}}
        )
        await uci.apply(reader, TO_44, None, 0.0)
        assert list(rpcd.deltas) == [other.sid]

    assert "country" not in told(story).file["radio0"]


def test_an_unknown_section_is_refused_and_nothing_is_pending() -> None:
    async def story(rpcd: Rpcd, reader: Session, uci: Uci) -> None:
        with pytest.raises(Refused):
            await uci.apply(reader, Change(section="radio9", values={"channel": "1"}), 60.0, 0.0)
        assert rpcd.owner is None

    told(story)


def test_options_are_deleted_and_lists_replaced() -> None:
    async def story(rpcd: Rpcd, reader: Session, uci: Uci) -> None:
        change = Change(section="radio0", values={"channels": ("36", "44")}, removed=("txpower",))
        await uci.confirm(reader, await uci.apply(reader, change, 60.0, 0.0))

    section = told(story, txpower="20").file["radio0"]
    assert section["channels"] == ["36", "44"]
    assert "txpower" not in section


def test_a_handle_of_an_earlier_process_is_refused() -> None:
    async def story(rpcd: Rpcd, reader: Session, uci: Uci) -> None:
        for deed in (uci.confirm, uci.cancel):
            with pytest.raises(Refused, match="undone"):
                await deed(reader, "uci-1")

    told(story)
