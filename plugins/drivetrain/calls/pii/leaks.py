"""Known secrets in what a run leaves behind, however they are written there.

Made for logs, database dumps and requests: JSON, percent encoding, base64, hexadecimal, other scripts' digits, blanks
and dashes between, and number words. It is told what to look for, so it finds what a recognizer may miss.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from drivetrain.calls.pii.kinds import plain
from drivetrain.calls.pii.reading import Shape, folded, read
from drivetrain.errors import FatalError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LEAST = 4  # characters: of less there is something in every log
_LONG = 8  # characters: what is shorter is found as a number of its own, not within a longer one
_DEPTH = 3  # encodings within each other
_BETWEEN = r"[\W_]{0,3}"
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}")
_HEXADECIMAL = re.compile(r"(?:[0-9A-Fa-f]{2}){4,}")
_TEXT = re.compile(r"[^\ufffd\x00-\x08\x0e-\x1f\x7f]{4,}")
_ESCAPE = re.compile(r"\\+u([0-9A-Fa-f]{4})|\\+x([0-9A-Fa-f]{2})|\\+([nrtbf/\"'\\])")
_BLANKS = frozenset("nrtbf")


class SecretsError(FatalError):
    """What is to be looked for can't be told from anything else."""


@dataclass(frozen=True)
class Leak:
    """A secret that was found. Its value is not in here, so that this may be logged.

    Attributes:
        name: the secret's.
        how: what had to be undone to read it, the outermost first: "base64 json"; "" where it is written as it is.
    """

    name: str
    how: str


def find_leaks(secrets: Mapping[str, str], text: str) -> tuple[Leak, ...]:
    """Secrets that are in a text: each once for each way in which it is there.

    Args:
        secrets: by a name that may be logged.
        text: anything: a log, a request, a dump.

    Raises:
        SecretsError: a secret has fewer than four letters and digits.
    """
    wanted = {name: _squeezed(value) for name, value in secrets.items()}
    if short := sorted(name for name, value in wanted.items() if len(value) < _LEAST):
        raise SecretsError(f"secrets: {', '.join(short)}: fewer than {_LEAST} letters and digits: leave them out")
    patterns = {name: _pattern(value) for name, value in wanted.items()}
    found: dict[Leak, None] = {}
    for how, view in _views(text):
        plain_view = folded(view)
        squeezed = _squeezed(plain_view)
        for name, value in wanted.items():
            if value in squeezed and patterns[name].search(plain_view):
                found[Leak(name, how)] = None
    return tuple(found)


def _squeezed(text: str) -> str:
    """Letters and digits alone."""
    return "".join(char for char in folded(text) if char.isalnum())


def _pattern(value: str) -> re.Pattern[str]:
    joined = _BETWEEN.join(map(re.escape, value))
    return re.compile(joined if len(value) >= _LONG else rf"(?<![^\W_]){joined}(?![^\W_])")


def _views(text: str) -> Iterator[tuple[str, str]]:
    """The text, and what it says once its encodings are undone."""
    seen = {text}
    layer = [("", text)]
    yield "", text
    for depth in range(_DEPTH + 1):
        following: list[tuple[str, str]] = []
        for how, view in layer:
            for name, undone in _undone(view):
                if undone not in seen:
                    seen.add(undone)
                    following.append((f"{how} {name}".strip(), undone))
        if depth < _DEPTH:
            yield from following
        layer = following
        if not layer:
            return


def _undone(text: str) -> Iterator[tuple[str, str]]:
    """One encoding undone, for each that is in the text."""
    if "%" in text or "+" in text:
        yield "url", unquote_plus(text, errors="replace")
    if "\\" in text:
        yield "json", _ESCAPE.sub(_unescaped, text)
    if "&" in text:
        yield "html", html.unescape(text)
    if decoded := " ".join(filter(None, (_from_base64(match.group()) for match in _BASE64.finditer(text)))):
        yield "base64", decoded
    if decoded := " ".join(filter(None, (_from_hexadecimal(m.group()) for m in _HEXADECIMAL.finditer(text)))):
        yield "hex", decoded
    if (said := _as_digits(text)) is not None:
        yield "words", said


def _unescaped(match: re.Match[str]) -> str:
    code = match.group(1) or match.group(2)
    if code:
        return chr(int(code, 16))
    return " " if match.group(3) in _BLANKS else match.group(3)


def _from_base64(text: str) -> str:
    """What a run of base64's characters says, in whichever alphabet; a run may begin within a word before it."""
    normal = text.replace("-", "+").replace("_", "/")
    decoded = []
    for skip in range(4):
        part = normal[skip:]
        try:
            raw = base64.b64decode(part[: len(part) // 4 * 4] if len(part) % 4 == 1 else part + "=" * (-len(part) % 4))
        except binascii.Error:
            continue
        decoded.append(_readable(raw))
    return " ".join(filter(None, decoded))


def _from_hexadecimal(text: str) -> str:
    return _readable(bytes.fromhex(text))


def _readable(raw: bytes) -> str:
    """What of bytes is text: anything can be read as base64, and little of it makes sense."""
    return " ".join(_TEXT.findall(raw.decode("utf-8", errors="replace")))


def _as_digits(text: str) -> str | None:
    """Number words as digits; None: there are none."""
    words = text.split()
    pieces = read(plain(words), words)
    said = (Shape.DIGITS, Shape.OH)
    if not any(piece.shape in said and piece.is_spoken and not words[piece.first].isdigit() for piece in pieces):
        return None
    # Fillers between digits are dropped: a secret is no less said with them.
    kept = (piece for piece in pieces if piece.shape is not Shape.FILLER)
    return " ".join(piece.text if piece.shape in said else words[piece.first] for piece in kept)
