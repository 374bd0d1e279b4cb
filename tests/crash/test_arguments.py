"""What `make crash-matrix CRASH=...` takes."""

from __future__ import annotations

import sys

import pytest
from crash.__main__ import main


def test_a_story_that_there_is_not_is_refused_with_those_that_there_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["crash", "nosuch"])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "no story 'nosuch' (choose from held, worse," in capsys.readouterr().err
