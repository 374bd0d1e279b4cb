"""A LineWifi AP on 127.0.0.1: what tests speak to. It does what it is told, and its undo timer runs."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

POWERS = (8, 11, 14, 17)
LEFT = "left 1 02:00:00:00:0c:01"


def radios() -> dict[str, dict[str, str]]:
    """Two of them, as an AP has them after it was switched on."""
    common = {"state": "on_air", "country": "US", "powers": ",".join(map(str, POWERS)), "epoch": "1"}
    busy = {"busy": "0.21", "noise": "-94", "clients": "3", "sent": "4000", "repeated": "200", "lost": "8"}
    return {
        "1": {"band": "5", "channel": "36", "width": "40", "power": "17", **busy, **common},
        "2": {"band": "2.4", "channel": "6", "width": "20", "power": "14", **common},
    }


class LoopbackAp(socketserver.ThreadingTCPServer):
    """``address``: for the inventory. ``push``: an event for all who listen."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.radios = radios()
        self.lock = threading.RLock()
        self.undos: dict[str, tuple[threading.Timer, str, dict[str, str]]] = {}
        self.ears: set[_Session] = set()

    @property
    def address(self) -> str:
        host, port = self.server_address[:2]
        return f"{host!s}:{port}"

    def push(self, event: str) -> None:
        with self.lock:
            for ear in self.ears:
                ear.say(event)

    def answer(self, line: str) -> str:
        with self.lock:
            match line.split():
                case ["hello"]:
                    return "linewifi L1 1.2 serial=LW0001 mac=02:00:00:00:0A:01"
                case ["status"]:
                    said = (_line(number, told) for number, told in self.radios.items())
                    return "\n".join([*said, "."])
                case ["set", number, *words] if number in self.radios:
                    return self._set(number, words)
                case ["keep" | "back" as what, handle] if handle in self.undos:
                    return self._end(handle, back=what == "back")
                case ["restart", number] if number in self.radios:
                    return "ok"
        return "refused that is no command"

    def _set(self, number: str, words: list[str]) -> str:
        at = words.index("expect") if "expect" in words else len(words)
        wanted = dict(word.split("=") for word in words[:at])
        expected = dict(word.split("=") for word in words[at + 1 :])
        undo_s = expected.pop("undo", wanted.pop("undo", None))
        have = self.radios[number]
        if wrong := [name for name, value in expected.items() if have.get(name) != value]:
            return f"conflict {wrong[0]} is {have.get(wrong[0])}"
        if int(wanted.get("power", POWERS[0])) not in POWERS:
            return "refused no such power"
        prior = {name: have[name] for name in wanted}
        have.update(wanted)
        return f"ok {self._arm(number, prior, float(undo_s))}" if undo_s else "ok"

    def _arm(self, number: str, prior: dict[str, str], undo_s: float) -> str:
        handle = f"u{len(self.undos) + 1}"
        timer = threading.Timer(undo_s, self._fire, (handle,))
        self.undos[handle] = (timer, number, prior)
        timer.daemon = True
        timer.start()
        return handle

    def _fire(self, handle: str) -> None:
        with self.lock:
            if handle in self.undos:
                self._end(handle, back=True)

    def _end(self, handle: str, *, back: bool) -> str:
        timer, number, prior = self.undos.pop(handle)
        timer.cancel()
        if back:
            self.radios[number].update(prior)
        return "ok"


class _Session(socketserver.StreamRequestHandler):
    server: LoopbackAp

    def handle(self) -> None:
        try:
            for raw in self.rfile:
                line = raw.decode(errors="replace").strip()
                if line == "events":
                    with self.server.lock:
                        self.server.ears.add(self)
                        self.say("ok")
                else:
                    self.say(self.server.answer(line))
        except ConnectionError:
            pass  # the client has gone: that is its right
        finally:
            with self.server.lock:
                self.server.ears.discard(self)

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\n".encode())


def _line(number: str, told: dict[str, str]) -> str:
    return " ".join([f"radio={number}", *(f"{name}={value}" for name, value in told.items())])


@contextmanager
def loopback_ap() -> Iterator[LoopbackAp]:
    """One that runs, on a thread of its own."""
    with LoopbackAp() as ap:
        thread = threading.Thread(target=ap.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield ap
        finally:
            ap.shutdown()
            thread.join()
            for timer, _, _ in ap.undos.values():
                timer.cancel()
