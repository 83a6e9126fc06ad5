"""Prompts by name and version: a file each, <name>.v<version>.md, that is never changed once it was used.

An answer is kept under its prompt's version: a new version is a new question, and old answers stay what they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivetrain.errors import SpecError

if TYPE_CHECKING:
    from pathlib import Path

_FILE = re.compile(r"(?P<name>[a-z_]+)\.v(?P<version>[1-9][0-9]*)\.md")


@dataclass(frozen=True)
class Prompt:
    """One version of a prompt.

    Attributes:
        name: what it asks for.
        version: from 1.
        text: what the model is told before it reads the transcript.
    """

    name: str
    version: int
    text: str

    def __str__(self) -> str:
        return f"{self.name}.v{self.version}"


def read_prompts(folder: Path) -> dict[str, Prompt]:
    """The newest version of each prompt, by name.

    Raises:
        SpecError: a file's name is none of a prompt's, or a prompt is empty.
    """
    found: dict[str, Prompt] = {}
    for file in sorted(folder.glob("*.md")):
        match = _FILE.fullmatch(file.name)
        if match is None:
            raise SpecError(f"{file}: a prompt's file is named <name>.v<version>.md")
        text = file.read_text(encoding="utf-8").strip()
        if not text:
            raise SpecError(f"{file}: is empty")
        prompt = Prompt(match["name"], int(match["version"]), text)
        if prompt.name not in found or found[prompt.name].version < prompt.version:
            found[prompt.name] = prompt
    return found
