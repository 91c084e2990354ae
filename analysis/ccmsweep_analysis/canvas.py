# SPDX-License-Identifier: MIT
"""How every figure looks: sizes, colours, axes."""
import math

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .words import number, printable

WIDTH = 7.2  # inches, of every figure

# Columns are ordered values, so their colours go from dark to light, for colour-blind people and in
# grey: viridis without its yellow end, which is not visible on paper. Dashes and markers show the
# same a second time.
DASHES = ["-", (0, (5, 1.5)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (7, 2, 1, 2)), (0, (2, 2)),
          (0, (5, 1, 1, 1, 1, 1)), (0, (8, 3))]
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "<"]

# Causes and events are names without an order: colours of Okabe and Ito.
CAUSES = {"tanh_hard": ("#0072b2", "-"), "critic_dead": ("#d55e00", (0, (5, 1.5))),
          "actor_dead": ("#009e73", (0, (3, 1, 1, 1))), "mixed": ("#cc79a7", (0, (1, 1))),
          "nan": ("#000000", (0, (7, 2, 1, 2))), "diverged": ("#000000", (0, (2, 2))),
          "none": ("#7f7f7f", (0, (1, 2)))}
EVENTS = {"hard_saturation": ("#56b4e9", "v"), "gradient_zero_first": ("#e69f00", "<"),
          "gradient_zero": ("#d55e00", "s"), "first_still": ("#000000", "o"),
          "last_change": ("#009e73", "D")}

STYLE = {
    "font.size": 9, "axes.titlesize": 9, "axes.labelsize": 9, "legend.fontsize": 8,
    "xtick.labelsize": 8, "ytick.labelsize": 8, "legend.frameon": False,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "grid.color": "#dddddd", "grid.linewidth": 0.5, "axes.axisbelow": True,
    "lines.linewidth": 1.3, "savefig.dpi": 160, "svg.hashsalt": "ccmsweep",
    "image.cmap": "cividis", "figure.facecolor": "white", "pdf.fonttype": 42,
}


class NothingToDraw(Exception):
    """Why the file does not have what a figure shows."""


def colour(place, of):
    """The colour of column number `place` of `of` columns."""
    return matplotlib.colormaps["viridis"](0.75 * place / max(of - 1, 1))


def is_dark(shade):
    """Whether words on a colour have to be white: by its brightness in grey."""
    return np.dot(shade[:3], (0.3, 0.59, 0.11)) < 0.5


class Canvas:
    """A figure that is being drawn, with notes for its caption."""

    def __init__(self):
        self.figure = Figure(figsize=(WIDTH, 4), layout="constrained")
        self.notes = []

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)

    def single(self, height=4.2):
        self.figure.set_size_inches(WIDTH, height)
        return self.figure.subplots()

    def grid(self, rows, columns, height, **words):
        """Axes [rows, columns], each `height` inches high."""
        self.figure.set_size_inches(WIDTH, height * rows + 0.5)
        return self.figure.subplots(rows, columns, squeeze=False, **words)

    def panels(self, study, x_label, y_label, height=2.3):
        """Axes for each row that is shown, two side by side with the same scales."""
        rows = study.shown_rows
        self.say_what_is_shown(study)
        across = min(2, len(rows))
        down = math.ceil(len(rows) / across)
        axes = self.grid(down, across, height, sharex=True, sharey=True)
        for place, one in enumerate(axes.flat):
            one.set_visible(place < len(rows))
            if place + across >= len(rows):
                one.set_xlabel(x_label)
                one.tick_params(labelbottom=True)
            if place % across == 0:
                one.set_ylabel(y_label)
        for one, row in zip(axes.flat, rows):
            one.set_title(study.label(row, 48), loc="left")
        return list(zip(axes.flat, rows))

    def say_what_is_shown(self, study):
        for shown, all_of, what in ((study.shown_rows, study.rows, "rows"),
                                    (study.shown_columns, study.columns, study.column_axis)):
            if len(shown) < len(all_of):
                self.note(f"{len(shown)} of {len(all_of)} {what} are shown, evenly spaced.")

    def say_how_many(self, n):
        """How many runs the estimate of each configuration is made from."""
        self.note(f"n = {min(n)} runs a configuration." if min(n) == max(n) else
                  f"n = {min(n)} to {max(n)} runs a configuration.")

    def key(self, handles):
        """The legend, above all axes."""
        across = min(len(handles), 4)
        lines = math.ceil(len(handles) / across)
        # Before Matplotlib 3.7 the layout does not make room for the legend of a figure.
        share = (0.19 * lines + 0.1) / self.figure.get_figheight()
        self.figure.get_layout_engine().set(rect=(0, 0, 1, 1 - share))
        self.figure.legend(handles=handles, loc="upper left", ncol=across, borderaxespad=0.2,
                           labelspacing=0.3, columnspacing=1.4)

    def column_key(self, study, more=(), marker=False, swatch=False):
        """The legend of the columns, then the handles of `more`. A swatch shows the colour alone,
        for figures in which dashes or markers mean something else."""
        handles = []
        for column in study.shown_columns:
            style = column_style(study, column, marker)
            if swatch:
                style = {"color": style["color"], "linewidth": 6, "solid_capstyle": "butt"}
            handles.append(Line2D([], [], label=f"{study.column_axis} {study.columns[column]}",
                                  **style))
        self.key([*handles, *more])

    def save(self, path):
        # Without the time of creation the same file gives the same bytes.
        dates = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
        with matplotlib.rc_context(STYLE):
            self.figure.savefig(path, metadata=dates[path.suffix[1:]])


def plain(text):
    """Text from a file in a form that Matplotlib does not read as a formula."""
    return printable(text).replace("$", r"\$")


def column_style(study, column, marker=False):
    """Line of a column: colour and dashes, or a marker without a line."""
    place = study.shown_columns.index(column)
    shade = colour(place, len(study.shown_columns))
    if marker:
        return {"color": shade, "marker": MARKERS[place % len(MARKERS)], "linestyle": "none",
                "markersize": 5}
    return {"color": shade, "linestyle": DASHES[place % len(DASHES)]}


def dodge(place, of, width=0.7):
    """Offset from the centre of item number `place` of `of` items that are drawn side by side."""
    return width * ((place + 0.5) / of - 0.5)


def plain_log(axis, low, high):
    """A logarithmic x or y axis with plain numbers: 1, 2, 5, 10 and so on."""
    axes, horizontal = axis.axes, axis.axis_name == "x"
    (axes.set_xscale if horizontal else axes.set_yscale)("log")
    steps = ((1,) if high > 300 * low else (1, 2, 5) if high > 8 * low else
             (1, 1.2, 1.5, 2, 3, 4, 6, 8))
    ticks = [step * 10.0 ** power for power in range(math.floor(math.log10(low)),
                                                     math.ceil(math.log10(high)) + 1)
             for step in steps]
    ticks = [tick for tick in ticks if low <= tick <= high]
    # Rounded to two digits, because the product of a step and a power of ten has rounding errors.
    axis.set_ticks(ticks, [number(float(f"{tick:.2g}")) for tick in ticks])
    axis.set_ticks([], minor=True)
    (axes.set_xlim if horizontal else axes.set_ylim)(low, high)


def draw_intervals(axes, x, low, high, **style):
    """Vertical bars, where both ends are known."""
    x, low, high = np.broadcast_arrays(x, low, high)
    known = np.isfinite(low) & np.isfinite(high)
    if known.any():
        axes.vlines(x[known], low[known], high[known], **style)


def rows_axis(axes, study):
    """An x axis with the rows of a study that are shown."""
    rows = study.shown_rows
    axes.set_xticks(range(len(rows)), [study.label(row, 80 // len(rows)) for row in rows])
    axes.set_xlim(-0.6, len(rows) - 0.4)


class LogFloor:
    """A logarithmic axis with a place for exact zeros, a decade below the smallest value."""

    def __init__(self, arrays, least=1e-45):
        positive = [part[(part > least) & np.isfinite(part)] for part in map(np.ravel, arrays)]
        smallest = min((part.min() for part in positive if len(part)), default=1.0)
        largest = max((part.max() for part in positive if len(part)), default=1.0)
        self.zeros = any((np.ravel(part) == 0).any() for part in arrays)
        self.bottom = 10.0 ** (math.floor(math.log10(smallest)) - 1)
        self.top = 10.0 ** math.ceil(math.log10(largest) + 0.05)

    def __call__(self, values):
        values = np.asarray(values, float)
        return np.where(values == 0, self.bottom, values)

    def dress(self, axis):
        """Give this scale to a y axis or an x axis. Where there are zeros its lowest label is 0."""
        horizontal = axis.axis_name == "x"
        axes = axis.axes
        (axes.set_xscale if horizontal else axes.set_yscale)("log")
        low, high = math.log10(self.bottom), math.log10(self.top)
        step = max(1, math.ceil((high - low) / 6))
        powers = np.arange(math.ceil(low) + 1, math.floor(high) + 1, step)
        ticks = ([self.bottom] if self.zeros else []) + [10.0 ** power for power in powers]
        labels = (["0"] if self.zeros else []) + [f"$10^{{{int(power)}}}$" for power in powers]
        axis.set_ticks(ticks, labels)
        axis.set_ticks([], minor=True)
        least = self.bottom / 2 if self.zeros else self.bottom * 10 / 2
        (axes.set_xlim if horizontal else axes.set_ylim)(least, self.top)
        if self.zeros:
            line = axes.axvline if horizontal else axes.axhline
            line(self.bottom * 3, color="#999999", linewidth=0.8, linestyle=":")
