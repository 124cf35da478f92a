"""Column sifting: a relaxation is solved on the columns that may matter, the others are priced now and then.

Most columns of maximal covering are closed in the relaxation, and far from being opened. Without them most
classes are like another one and are merged, so a step costs a fifth. Bounds are always those of all columns:
what an idle column would be worth beyond its price is in them, and wakes it where that is much. (Sifting:
Bixby, Gregory, Lustig, Marsten and Shanno 1992, there with the simplex method.)
"""

from __future__ import annotations

import numpy as np

from .reduce import Floats, Mask
from .saddle import Relaxation
from .search_model import Judged

_IDLE = 0.1
"""Closed columns lie idle while opening one would lower the bound by more than this share of the gap."""

_WAKE, _WAKE_GUESSED = 0.1, 0.01
"""They wake where they raise the bound by this share of the gap together; by less where they were guessed."""

_SPARE = 1.0
"""As many closed columns stay in use as this share of those that the fractional plan opens, at most."""

_WORTH_IT = 0.7
"""More columns are laid idle once those left would be fewer than this share of those in use."""


class Sifting:
    """The relaxation of one node, and which of its columns lie idle."""

    def __init__(self, relaxation: Relaxation, opened: Mask, closed: Mask) -> None:
        self.relaxation, self._opened, self._closed = relaxation, opened, closed
        self.idle = np.zeros(len(opened), bool)
        self._wake = _WAKE

    def begin(
        self, fraction: Floats, share: Floats, judged: Judged, covered: float, idle: Mask | None = None
    ) -> None:
        """Start at a point, where multipliers proved something of it before: without what may lie idle.

        That is ``idle`` (n,), a guess, where it is given.
        """
        if idle is not None:
            self.idle, self._wake = idle & ~(self._opened | self._closed), _WAKE_GUESSED
        elif np.isfinite(judged.bound - covered):
            self.idle = self._may_rest(fraction, judged, _IDLE * (judged.bound - covered))
        self._focus(fraction, share)

    def follow(self, fraction: Floats, share: Floats, judged: Judged, reaches: float, covered: float) -> bool:
        """After some steps, wake columns that would be worth their price, or lay more of them idle.

        Parameters
        ----------
        fraction, share, reaches
            As from `Relaxation.advance`.
        judged
            What ``share`` proves of the node, with all columns.
        covered
            Value of the best plan.

        Returns
        -------
        laid
            More columns lie idle now.
        """
        gap = judged.bound - covered
        if not np.isfinite(gap) or gap <= 0.0:
            return False
        over, laid = judged.bound - judged.if_closed[self.idle], False
        if float(over.sum()) > self._wake * gap:
            self.idle &= judged.bound - judged.if_opened > 0.5 * _IDLE * gap
        else:
            unsure = max(judged.bound - reaches, 0.0)
            idle = self._may_rest(fraction, judged, _IDLE * gap + unsure)
            free = ~(self._opened | self._closed)
            if unsure > 0.5 * gap or (free & ~idle).sum() >= _WORTH_IT * (free & ~self.idle).sum():
                return False
            self.idle, laid = idle, True
        self.relaxation.keep_weight()
        self._focus(fraction, share)
        return laid

    def _may_rest(self, fraction: Floats, judged: Judged, margin: float) -> Mask:
        return ~(self._opened | self._closed) & far_columns(fraction, judged, margin, _SPARE)

    def _focus(self, fraction: Floats, share: Floats) -> None:
        self.relaxation.focus(self._opened, self._closed, self.idle)
        self.relaxation.start(fraction, share)


def far_columns(fraction: Floats, judged: Judged, margin: float, spare: float | None = None) -> Mask:
    """Find closed columns (n,) that are far from being opened.

    Opening one lowers the bound by more than a margin, or by more than those that are spared do.

    Parameters
    ----------
    fraction, judged
        (n,) openings in the relaxation, and what its multipliers prove.
    spare
        As many closed columns are near as this share of the open ones, at most (more where some are equal);
        without it, all within the margin.
    """
    closed = fraction <= 0.0
    loss = judged.bound - judged.if_opened
    few = len(closed) if spare is None else int(spare * (~closed).sum())
    if 0 < few < closed.sum():
        margin = min(margin, float(np.sort(loss[closed])[few - 1]))
    far: Mask = closed & (loss > margin)
    return far
