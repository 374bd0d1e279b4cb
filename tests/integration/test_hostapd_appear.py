"""What the hostapd driver says of radios that come, or change, while their session is open."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from integration.replay import R2, R5, Replay, replay
from integration.sshd import NEEDS_SSHD, SSHD
from integration.test_hostapd_driver import STATUS, within

from drivers.hostapd.driver import HostapdDevice
from drivers.types import Action, Table

pytestmark = pytest.mark.skipif(SSHD is None, reason=NEEDS_SSHD)
TWIN = "phy#2\n\tInterface wlan7\n\t\ttype AP\n\t\tchannel 149 (5745 MHz), width: 20 MHz\n"


@pytest.fixture
def ap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replay]:
    with replay(tmp_path_factory.mktemp("ap")) as running:
        yield running


def test_hostapd_that_comes_after_its_machine_is_asked_anew_what_it_can(ap: Replay) -> None:
    """Until it runs, nothing tells that it can steer."""
    path = ap.state / "status wlan0"
    path.rename(ap.state / "kept")
    (ap.state / "no-wnm").touch()

    async def story(device: HostapdDevice) -> None:
        assert not (await device.read(STATUS, None)).appeared
        (ap.state / "kept").rename(path)
        (ap.state / "no-wnm").unlink()
        assert (await device.read(STATUS, None)).appeared == {R5}
        assert Action.STEER in (await device.open()).capabilities.actions
        assert not (await device.read(STATUS, None)).appeared

    within(ap, story)


def test_clients_of_a_network_that_came_later_are_counted(ap: Replay) -> None:
    async def story(device: HostapdDevice) -> None:
        few = (await device.read(frozenset({Table.CLIENTS}), None)).readings[R5].clients
        guest = "\tInterface wlan0-1\n\t\ttype AP\n\t\tssid guest\n"
        ap.set("iw dev", "phy#0\n", f"phy#0\n{guest}")
        for name in ("iw dev {} station dump", "all_sta {}"):
            (ap.state / name.format("wlan0-1")).write_text((ap.state / name.format("wlan1")).read_text())
        assert not (await device.read(STATUS, None)).appeared
        more = (await device.read(frozenset({Table.CLIENTS}), None)).readings[R5].clients
        assert len(more or ()) > len(few or ()) > 0

    within(ap, story)


def test_where_the_next_session_would_fail_this_one_goes_on(ap: Replay) -> None:
    """Two radios of a band: a person has to say which. That the other band's radio came changes nothing."""
    path = ap.state / "iw dev"
    whole = path.read_text()
    path.write_text(whole[whole.index("phy#0") :])

    async def story(device: HostapdDevice) -> None:
        path.write_text(whole + TWIN)
        snapshot = await device.read(STATUS, None)
        assert snapshot.readings.keys() == {R5}
        assert not snapshot.appeared
        path.write_text(whole)
        assert (await device.read(STATUS, None)).appeared == {R2}

    within(ap, story)


def test_a_silent_radio_of_a_phy_that_came_later(ap: Replay) -> None:
    """It tells no channel, so only its phy says which band it is, and that was not asked yet."""
    path = ap.state / "iw dev"
    whole = path.read_text()
    path.write_text(whole[: whole.index("phy#0")])
    info = ap.state / "iw phy phy0 info"
    bands = info.read_text()
    one, five, six = (bands.index(f"\tBand {n}:") for n in (1, 2, 4))
    info.write_text(bands[:one] + bands[five:six])

    async def story(device: HostapdDevice) -> None:
        path.write_text("".join(line for line in whole.splitlines(True) if "36 (5180" not in line))
        assert (await device.read(STATUS, None)).appeared == {R5}
        assert R5 in (await device.open()).radios
        assert not (await device.read(STATUS, None)).appeared

    within(ap, story)
