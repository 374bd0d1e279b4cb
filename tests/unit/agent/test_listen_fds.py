"""Sockets of the service manager, as it hands them over: numbers from 3 on, and three variables."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import pytest

from agent import listen_fds
from agent.listen_fds import passed_sockets


@contextmanager
def handed(
    monkeypatch: pytest.MonkeyPatch, *kinds: tuple[socket.AddressFamily, socket.SocketKind]
) -> Iterator[Sequence[int]]:
    """Sockets at numbers in a row, which stand for 3, 4, ..."""
    with ExitStack() as stack:
        made = [stack.enter_context(socket.socket(*kind)) for kind in kinds]
        first = 200
        fds = [os.dup2(each.fileno(), first + at) for at, each in enumerate(made)]
        monkeypatch.setattr(listen_fds, "FIRST_FD", first)
        yield fds
        for fd in fds:
            try:
                os.close(fd)
            except OSError:
                continue  # it was handed over, and closed there


UDP = (socket.AF_INET, socket.SOCK_DGRAM)
TCP = (socket.AF_INET, socket.SOCK_STREAM)
UNIX = (socket.AF_UNIX, socket.SOCK_DGRAM)


def environ(names: str, count: int = 1, pid: int | None = None) -> dict[str, str]:
    return {
        "LISTEN_PID": str(os.getpid() if pid is None else pid),
        "LISTEN_FDS": str(count),
        "LISTEN_FDNAMES": names,
        "OTHER": "x",
    }


def test_the_socket_of_that_name_is_ours_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with handed(monkeypatch, UDP, UDP) as fds:
        variables = environ("other:rrmd-traps", 2)
        (mine,) = passed_sockets("rrmd-traps", variables)
        with mine:
            assert mine.fileno() == fds[1]
            assert not os.get_inheritable(fds[1])
        assert variables == {"OTHER": "x"}
        assert passed_sockets("rrmd-traps", variables) == []


def test_those_of_another_process_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with handed(monkeypatch, UDP):
        assert passed_sockets("rrmd-traps", environ("rrmd-traps", pid=1)) == []


@pytest.mark.parametrize("kind", [TCP, UNIX])
def test_a_socket_of_another_kind_is_left(
    monkeypatch: pytest.MonkeyPatch, kind: tuple[socket.AddressFamily, socket.SocketKind]
) -> None:
    with handed(monkeypatch, kind):
        assert passed_sockets("rrmd-traps", environ("rrmd-traps")) == []


@pytest.mark.parametrize(
    "variables",
    [{}, {"LISTEN_FDS": "1"}, environ("rrmd-traps") | {"LISTEN_FDS": "many"}, environ("", 1)],
)
def test_nothing_was_handed_over(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen_fds, "FIRST_FD", 200)
    assert passed_sockets("rrmd-traps", variables) == []
