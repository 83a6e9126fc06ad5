"""What a process does with large blocks of memory that it no longer needs."""

from __future__ import annotations

import ctypes

_MMAP_THRESHOLD = -3  # glibc's number of it, malloc.h
_LARGE = 2**20  # bytes


def return_large_blocks() -> None:
    """From now on a block of 1 MiB or more goes back to the system as soon as it is freed.

    The C library gets such blocks from the system one by one at first, but takes the first one that is freed as a sign
    to keep them from then on, up to 32 MiB: https://man7.org/linux/man-pages/man3/mallopt.3.html . A process that is
    sent messages of 10 MB then holds many times what it needs, in pieces. Where the library is another, this does
    nothing.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGE)
