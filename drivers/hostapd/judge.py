"""What became of a write: what the device says before it, and what it answered. Pure."""

from __future__ import annotations

from drivers.errors import Conflict, Refused, TryAgain
from drivers.hostapd import parse
from drivers.hostapd.render import MARK, Step
from drivers.types import ConfigState, Edit, Setting


def compare(edit: Edit, have: ConfigState) -> None:
    """Raises Conflict unless the device says what the edit expects."""
    now = have.known({Setting.OBSS_PD_DBM})  # nothing tells which level is in force
    other = {name: now.get(name) for name in edit.expect if now.get(name) != edit.expect[name]}
    if other:
        said = ", ".join(f"{name} is {value}, not {edit.expect[name]}" for name, value in other.items())
        raise Conflict(f"{edit.scope.name}: {said}")


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
