"""A commit, as people are told of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Commit:
    """A commit.

    Attributes:
        sha: full.
        author: name and address, such as "Ada <ada@example.org>".
        subject: the first line of its message.
        removes: ids of DAGs that its message, or one since the commit that runs, names after `Removes-DAG:`.
    """

    sha: str
    author: str = ""
    subject: str = ""
    removes: tuple[str, ...] = ()

    @property
    def short(self) -> str:
        """As people write it."""
        return self.sha[:12]
