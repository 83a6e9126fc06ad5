"""What the commands about sheet syncs share: which syncs, at which time."""

from __future__ import annotations

import datetime as dt
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from drivetrain.errors import FatalError
from drivetrain.sheets.catalog import load_syncs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivetrain.sheets.catalog import Sync

INCLUDE = typer.Option(Path("include"), help="The folder with specs/ and sql/.")
AT = typer.Option(None, help="The run's run_after (ISO 8601), for queries about an interval; now if not given.")
NAMES = typer.Argument(None, help="Syncs; none: all.")
CHANGED_SINCE = typer.Option(None, metavar="GITREF", help="Those whose spec or query is not as it is there in git.")


def moment(text: str | None) -> dt.datetime:
    """The moment that --at names.

    Raises:
        FatalError: it is written in another way.
    """
    if text is None:
        return dt.datetime.now(dt.UTC)
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        raise FatalError(f"--at: {text!r} is no time, write it as 2026-01-31T13:45:00+05:30") from None
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)


def chosen(include: Path, names: Sequence[str] | None) -> list[Sync]:
    """The syncs of those names, all if there are none.

    Raises:
        FatalError: there is no sync of a name, or none at all.
    """
    syncs = load_syncs(include)
    if not syncs:
        raise FatalError(
            f"{include.resolve()} has no specs/sheets/*.yaml: run this in the repository, or name --include"
        )
    if not names:
        return list(syncs)
    known = {sync.spec.sync: sync for sync in syncs}
    if unknown := [name for name in names if name not in known]:
        raise FatalError(f"no sync is called {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in names]


def chosen_or_changed(include: Path, names: Sequence[str] | None, ref: str | None) -> list[Sync]:
    """As chosen, or those whose spec or query's file differs from a git ref; new and uncommitted files are changes too.

    Raises:
        FatalError: both are given, or git does not know the ref.
    """
    if ref is None:
        return chosen(include, names)
    if names:
        raise FatalError(f"--changed-since chooses the syncs itself: leave out {', '.join(names)}")
    changed = _changed_files(include, ref)
    return [sync for sync in chosen(include, None) if _files(include, sync) & changed]


def _files(include: Path, sync: Sync) -> set[str]:
    """Paths below include/."""
    files = {sync.path.relative_to(include).as_posix()} if sync.path else set()
    if sync.spec.source.sql:
        files.add(f"sql/{sync.spec.source.sql}")
    return files


def _changed_files(include: Path, ref: str) -> set[str]:
    commit = _git(include, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if not commit:
        raise FatalError(f"--changed-since: git knows no {ref!r}: name a branch, a tag or a commit, and fetch it first")
    changed = _git(include, "diff", "--name-only", "--relative", "-z", commit[0].strip(), "--", ".")
    new = _git(include, "ls-files", "--others", "--exclude-standard", "-z", "--", ".")
    return set(changed or ()) | set(new or ())


def _git(folder: Path, *arguments: str) -> list[str]:
    """What git says, cut where -z cuts; nothing where it fails."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, check=False)
    except OSError:
        raise FatalError("--changed-since: git is not installed: name the syncs instead") from None
    if done.returncode and b"not a git repository" in done.stderr:
        raise FatalError(f"--changed-since: {folder.resolve()} is in no git repository: name the syncs instead")
    return [part for part in done.stdout.decode(errors="surrogateescape").split("\0") if part.strip()]
