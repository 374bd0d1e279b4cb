"""`python -m agent` and the script `rrmd`."""

from __future__ import annotations

from agent.cli.app import app


def main() -> None:
    app()


if __name__ == "__main__":
    main()
