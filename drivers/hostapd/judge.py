"""What became of a write: what the device answered to it. Pure."""

from __future__ import annotations

from drivers.errors import Refused, TryAgain
from drivers.hostapd import parse
from drivers.hostapd.render import MARK, Step


def judge(name: str, steps: tuple[Step, ...], stdout: str) -> None:
    """Raises Refused when the first step was refused, TryAgain when it is not known what was done."""
    answers = parse.sections(stdout, MARK)
    done = 0
    for number, step in enumerate(steps):
        answer = answers.get(str(number))
        if answer is None:
            raise TryAgain(
                f"{name}: no answer to `{step.command}` (step {number + 1} of {len(steps)}): read back"
            )
        if not step.optional and (answer.status != 0 or answer.text not in ("", "OK")):
            words = f"{name}: `{step.command}`: {answer.text.strip()[:120] or f'exit status {answer.status}'}"
            raise TryAgain(f"{words}, after {done} steps that were done") if done else Refused(words)
        done += not step.optional
