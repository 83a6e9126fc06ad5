"""Files in a folder or a bucket: what the clean-up needs of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True)
class File:
    """One file.

    Attributes:
        name: its path below the store's root, with slashes.
        size: in bytes.
        modified: when it was written last.
        version: tells it from a later file of that name.
    """

    name: str
    size: int
    modified: dt.datetime
    version: str = ""


class FileStore(Protocol):
    """A folder or a bucket. Errors are drivetrain.errors."""

    def files(self) -> Iterator[File]:
        """Every file below the root, in any order; one that goes meanwhile may be missing."""

    def delete(self, files: Sequence[File]) -> Sequence[File]:
        """Delete files; those that went by this call. One that is gone, or was written again meanwhile, is left out."""

    def write(self, name: str, content: IO[bytes]) -> None:
        """Write a new file. When this returns it survives a power failure; when it raises there is none of that name.

        Raises:
            RequestRejectedError: there is a file of that name.
        """
