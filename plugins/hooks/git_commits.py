"""What a git repository says of commits, by git itself."""

from __future__ import annotations

import io
import subprocess
import tarfile
from typing import TYPE_CHECKING

from drivetrain.dags.commit import Commit
from drivetrain.dags.gate import TRAILER
from drivetrain.errors import FatalError, TargetMissingError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# What a bundle is made of, as the gate reads it.
CONTENT = ("dags", "include", ".airflowignore")
_SEPARATOR = "\x1f"
_TIMEOUT_SECONDS = 60.0


class GitCommits:
    """Reads a repository, bare or not, and changes nothing in it.

    Args:
        repository: its folder. Quarantined objects of a push are seen by git's own environment of a hook.
    """

    def __init__(self, repository: Path) -> None:
        self._repository = repository

    def sha(self, revision: str) -> str:
        """A revision's full hash.

        Raises:
            TargetMissingError: there is none.
        """
        try:
            return self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").strip()
        except FatalError:
            raise TargetMissingError(
                f"{self._repository}: no commit is called {revision}: fetch it, or name another"
            ) from None

    def commit(self, revision: str, *, since: str | None = None) -> Commit:
        """A commit as people are told of it.

        Args:
            revision: which.
            since: trailers of all commits after this one count.
        """
        form = _SEPARATOR.join(("%H", "%an <%ae>", "%s"))
        sha, author, subject = self._git("show", "--no-patch", f"--format={form}", revision).strip().split(_SEPARATOR)
        commits = f"{since}..{sha}" if since else f"{sha}^!"
        trailers = self._git("log", f"--format=%(trailers:key={TRAILER},valueonly)", commits, "--")
        return Commit(sha, author, subject, tuple(sorted(set(trailers.replace(",", " ").split()))))

    def export(self, revision: str, folder: Path) -> None:
        """Write a commit's dags/ and include/ into an empty folder, whatever the working tree says."""
        present = self._git("ls-tree", "--name-only", revision).splitlines()
        wanted = [name for name in CONTENT if name in present]
        if not wanted:
            return
        archive = self._run("archive", "--format=tar", revision, "--", *wanted)
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            # Debian 12's Python, 3.11.2, has no filters yet. What git archives of a commit are its own paths.
            if hasattr(tarfile, "data_filter"):
                files.extractall(folder, filter="data")
            else:
                files.extractall(folder)  # noqa: S202 - git made it just now

    def _git(self, *arguments: str) -> str:
        return self._run(*arguments).decode(errors="replace")

    def _run(self, *arguments: str) -> bytes:
        try:
            done = subprocess.run(
                ["git", *arguments], cwd=self._repository, capture_output=True, timeout=_TIMEOUT_SECONDS, check=False
            )
        except FileNotFoundError:
            raise FatalError(f"{self._repository}: git is not installed, or there is no such folder") from None
        except subprocess.TimeoutExpired:
            raise UnavailableError(f"git {arguments[0]} did not end within {_TIMEOUT_SECONDS:.0f} s") from None
        if done.returncode:
            said = (done.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
            raise FatalError(f"git {arguments[0]} failed in {self._repository}: {said}")
        return done.stdout


def texts(folder: Path) -> Mapping[str, str]:
    """Text of a bundle's files by their paths; what is no text is left out."""
    found = {}
    for top in CONTENT[:2]:
        for path in sorted((folder / top).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                try:
                    found[path.relative_to(folder).as_posix()] = path.read_text(encoding="utf-8")
                except UnicodeDecodeError:
                    continue
    return found
