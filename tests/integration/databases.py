"""Databases by the name that a test gives them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from integration.postgres import Server


class Databases(Protocol):
    def url(self, name: str) -> str:
        """Of the database of that name, empty at first."""

    def copy(self, old: str, new: str) -> None:
        """A back-up: nobody is connected to the old one."""


@dataclass(frozen=True, slots=True)
class SqliteDatabases:
    directory: Path

    def url(self, name: str) -> str:
        return f"sqlite:///{self.directory / name}"

    def copy(self, old: str, new: str) -> None:
        shutil.copyfile(self.directory / old, self.directory / new)


@dataclass(frozen=True, slots=True)
class PostgresDatabases:
    server: Server
    known: dict[str, str] = field(default_factory=dict)

    def url(self, name: str) -> str:
        if name not in self.known:
            self.known[name] = self.server.new_database()
        return self.server.url(self.known[name])

    def copy(self, old: str, new: str) -> None:
        self.known[new] = self.server.new_database(self.known[old])
