# SPDX-License-Identifier: MIT
"""Medians over seeds, with intervals that do not assume a distribution, and their curves."""
import functools
import math

import numpy as np

@functools.lru_cache(maxsize=None)
def ranks(n, confidence):
    """Ranks (from 0) of the interval of a median of n values: the narrowest symmetric interval that
    contains it with this confidence; if there is none, the range, whose level is 1 - 2^(1-n)."""
    low, below = 0, 0.0
    while low < (n - 1) // 2:
        below += math.comb(n, low) / 2 ** n
        if 2 * below > 1 - confidence:
            break
        low += 1
    low = max(0, low - 1)
    return low, n - 1 - low


def median_interval(values, confidence):
    """Over the first dimension, NaN left out: median, lower, upper, and the number of values."""
    values = np.sort(np.asarray(values, float), axis=0)  # NaN comes last
    flat = values.reshape(len(values), -1)
    number = np.sum(~np.isnan(flat), axis=0)
    median, lower, upper = (np.full(flat.shape[1], np.nan) for _ in range(3))
    for n in np.unique(number[number > 0]):
        here = np.flatnonzero(number == n)
        low, high = ranks(int(n), confidence)
        left, right = flat[(n - 1) // 2, here], flat[n // 2, here]
        # Equal values, which can be infinite, are taken as they are.
        median[here] = np.where(left == right, left, (left + right) / 2)
        lower[here], upper[here] = flat[low, here], flat[high, here]
    shape = values.shape[1:]
    return (median.reshape(shape), lower.reshape(shape), upper.reshape(shape),
            number.reshape(shape))


def draw_curve(axes, x, values, confidence, scale=lambda y: y, **style):
    """Median over runs [run, point] with its interval; faint from where the first run has ended,
    nothing where fewer than half of the runs continue."""
    median, lower, upper, number = median_interval(values, confidence)
    some = number >= max(1, math.ceil(len(values) / 2))
    full = number == len(values)
    line, = axes.plot(x[some], scale(median[some]), alpha=0.35, **style)
    strong, = axes.plot(x[full], scale(median[full]), **style)
    if len(values) > 1:
        axes.fill_between(x[some], scale(lower[some]), scale(upper[some]), linewidth=0,
                          color=strong.get_color(), alpha=0.15)
    return line


def smooth(rows, window):
    """Mean over each window of points that is completely inside the row; NaN before the first such
    window and beyond the end of the row. The value is at the last point of the window."""
    rows = np.asarray(rows, float)
    known = ~np.isnan(rows)
    total = np.cumsum(np.where(known, rows, 0), axis=1)
    number = np.cumsum(known, axis=1)
    total[:, window:], number[:, window:] = (
        total[:, window:] - total[:, :-window], number[:, window:] - number[:, :-window])
    full = (number == window) & known
    return np.where(full, total / window, np.nan)
