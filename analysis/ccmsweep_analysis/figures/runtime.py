# SPDX-License-Identifier: MIT
"""What the sweep took: the time of cells, and what each rank did when."""
import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.lines import Line2D

from ..canvas import NothingToDraw, column_style, dodge, plain, plain_log, rows_axis

OUTCOMES = {"stopped": "#0072b2", "censored": "#e69f00", "diverged": "#000000"}
WORKERS = 60


def run_times(study, canvas):
    """Time that cells took

    Every dot is a finished cell: seconds of all its attempts together, on the machine that it was
    trained on. Runs end soon after all actors have stopped, so early stops are short runs."""
    seconds = study.sweep.column("volatile/wall_s")
    axes, rows = canvas.single(3.4), study.shown_rows
    canvas.say_what_is_shown(study)
    taken = []
    for y, row in enumerate(rows):
        for place, (column, configuration) in enumerate(study.in_row(row)):
            x = y + dodge(place, len(study.shown_columns))
            values = seconds[configuration.done]
            values = values[values > 0]
            taken.extend(values)
            style = column_style(study, column, marker=True)
            axes.plot(np.full(len(values), x), values, **style | {"markersize": 3}, alpha=0.5,
                      rasterized=True)
    if not taken:
        raise NothingToDraw("no cell has been trained here")
    rows_axis(axes, study)
    plain_log(axes.yaxis, 0.8 * min(taken), 1.25 * max(taken))
    axes.set_ylabel("seconds")
    canvas.column_key(study, marker=True)


def timeline(study, canvas):
    """What workers did

    Every bar is a finished cell, from the beginning of its first attempt to its end. White is time
    in which that worker had no cell, or had one that another worker finished."""
    start, end = study.sweep.column("volatile/start"), study.sweep.column("volatile/end")
    outcome = study.sweep.column("outcome")
    done = study.sweep.done & (start > 0) & (end >= start)
    if not done.any():
        raise NothingToDraw("no cell has been trained here")
    where = [f"{host} {rank}" for host, rank in zip(study.sweep.column("volatile/host"),
                                                   study.sweep.column("volatile/rank"))]
    names = sorted({where[run] for run in np.flatnonzero(done)}, key=natural)
    shown = names[:WORKERS]
    if len(shown) < len(names):
        canvas.note(f"The first {len(shown)} of {len(names)} workers are shown.")
    first = start[done].min()
    unit, seconds = next((name, size) for name, size in (("hours", 3600), ("minutes", 60),
                                                         ("seconds", 1))
                         if end[done].max() - first > 2 * size or size == 1)
    axes = canvas.single(max(2.0, 0.17 * len(shown) + 1.2))
    for name, shade in OUTCOMES.items():
        bars = [bar((start[run] - first) / seconds, (end[run] - first) / seconds,
                    shown.index(where[run]))
                for run in np.flatnonzero(done & (outcome == name)) if where[run] in shown]
        axes.add_collection(PolyCollection(bars, facecolor=shade, edgecolor="white", linewidth=0.2,
                                           rasterized=len(bars) > 2000))
    axes.set_xlim(0, max((end[done].max() - first) / seconds, 1e-3))
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_yticks(range(len(shown)), [plain(name) for name in shown], fontsize=7)
    axes.set_xlabel(f"{unit} after the first cell began")
    axes.set_ylabel("host and rank")
    canvas.key([Line2D([], [], color=shade, linewidth=5, label=name)
                for name, shade in OUTCOMES.items()])


def bar(left, right, y):
    return [(left, y - 0.4), (right, y - 0.4), (right, y + 0.4), (left, y + 0.4)]


def natural(name):
    host, rank = name.rsplit(" ", 1)
    return host, int(rank)
