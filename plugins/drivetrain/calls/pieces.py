"""A long call in pieces that are cut where nobody speaks, so that no word is in two of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from drivetrain.calls.audio import RATE, Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

PIECE_SECONDS = 300.0  # two channels of it take 38 MB
SEARCHED_SECONDS = 30.0  # before the end: people pause more often than that
_FRAME = RATE // 50  # 20 ms
_QUIET_FRAMES = 10  # the pause that is looked for: 0.2 s


def pieces(
    windows: Iterable[Window], *, longest_seconds: float = PIECE_SECONDS, searched_seconds: float = SEARCHED_SECONDS
) -> Iterator[Window]:
    """The same sound, nothing twice; each piece but the last ends at the quietest moment of its last seconds.

    Args:
        windows: of one call, in order.
        longest_seconds: of a piece.
        searched_seconds: at a piece's end.
    """
    longest, searched = round(longest_seconds * RATE), round(searched_seconds * RATE)
    start, waiting = 0, np.zeros((0, 0), np.float32)
    for window in windows:
        waiting = np.concatenate([waiting, window.samples], axis=1) if waiting.size else window.samples
        while waiting.shape[1] > longest:
            cut = longest - searched + quietest(waiting[:, longest - searched : longest])
            yield Window(start / RATE, waiting[:, :cut])
            start, waiting = start + cut, waiting[:, cut:].copy()
    if waiting.size:
        yield Window(start / RATE, waiting)


def quietest(samples: NDArray[np.float32]) -> int:
    """Where to cut: the middle of the quietest 0.2 s, in samples from the beginning. All channels count."""
    frames = samples.shape[1] // _FRAME
    if frames <= _QUIET_FRAMES:
        return int(samples.shape[1])
    framed = samples[:, : frames * _FRAME].reshape(samples.shape[0], frames, _FRAME)
    energy = np.einsum("cfs,cfs->f", framed, framed, dtype=np.float64)
    sums = np.concatenate([[0.0], np.cumsum(energy)])
    over_pause = sums[_QUIET_FRAMES:] - sums[:-_QUIET_FRAMES]
    # The last of several that are equally quiet: fewer and longer pieces.
    last = len(over_pause) - 1 - int(np.argmin(over_pause[::-1]))
    return int((last + _QUIET_FRAMES / 2) * _FRAME)
