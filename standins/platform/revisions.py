"""What tells whether something was made from the files as they are now."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

_TEAM = re.compile(r"(?m)^team:[ \t]*([a-z0-9_]+)")


def hash_of(files: Iterable[Path]) -> str:
    """One short hash of the contents of files."""
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file.name}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def roles_of(include: Path) -> str:
    """Changes with what says which roles there are: the files in rbac/, and which teams have specs of which kind."""
    digest = hashlib.sha256()
    for file in sorted((include / "rbac").glob("**/*.yaml")):
        digest.update(f"{file.relative_to(include)}\0".encode() + file.read_bytes())
    owners = set[str]()
    for kind in (include / "specs").glob("*/"):
        texts = (file.read_text(encoding="utf-8", errors="replace") for file in kind.rglob("*.yaml"))
        owners.update(f"{kind.name} {team}" for text in texts for team in _TEAM.findall(text))
    digest.update("\0".join(sorted(owners)).encode())
    return digest.hexdigest()[:16]
