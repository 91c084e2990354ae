# SPDX-License-Identifier: MIT
"""The grid: figures with one number for each configuration."""
import math

import matplotlib
import numpy as np
from matplotlib.colors import Normalize
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from ..canvas import NothingToDraw, column_style, dodge, is_dark, plain_log, rows_axis
from ..spread import median_interval
from ..study import thin
from ..words import number

TALL = 40  # rows of a map


def later(value):
    """An episode, or "> N" when it is only known to be later: from value and value_after of
    aggregate."""
    known, after = value["value"], value["value_after"]
    if known is not None:
        return number(known)
    return "-" if after is None else f"> {number(after)}"


def interval(value, form):
    if value["lower"] is None or value["upper"] is None:
        return ""
    return f"[{value['lower']:{form}}, {value['upper']:{form}}]"


def draw_map(canvas, study, value_of, words_of, scale, label, censored=True):
    """A map of rows by columns. The colour of a field is a value of its configuration (NaN: grey),
    and it has words inside. With `censored`, configurations without an event are hatched."""
    rows, columns = thin(list(range(len(study.rows))), TALL), study.shown_columns
    if len(rows) < len(study.rows):
        canvas.note(f"{len(rows)} of {len(study.rows)} rows are shown, evenly spaced.")
    values = np.full((len(rows), len(columns)), np.nan)
    axes = canvas.single(max(2.4, 0.66 * len(rows) + 1.0))
    norm, shades = Normalize(*scale), matplotlib.colormaps["cividis"].with_extremes(bad="#eeeeee")
    for y, row in enumerate(rows):
        for x, column in enumerate(columns):
            configuration = study.grid.get((row, column))
            if configuration is None:
                continue
            values[y, x] = value_of(configuration)
            shade = shades(norm(values[y, x]))  # light grey where there is no value
            axes.text(x, y, words_of(configuration), ha="center", va="center", fontsize=7.5,
                      color="white" if is_dark(shade) else "black")
            if censored and configuration.never:
                axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, hatch="///",
                                         edgecolor=hatch_over(shade), linewidth=0))
    image = axes.imshow(values, norm=norm, cmap=shades, aspect="auto")
    axes.grid(False)
    axes.set_xticks(range(len(columns)), [study.columns[column] for column in columns])
    axes.set_yticks(range(len(rows)), [study.label(row, 26) for row in rows])
    axes.set_xlabel(study.column_axis)
    canvas.figure.colorbar(image, ax=axes, label=label, pad=0.02)
    return axes


def hatch_over(shade):
    """A colour for hatching that is visible on `shade` and leaves words readable. It is opaque: PDF
    does not have transparent hatches, and some programs show them black."""
    return tuple(0.87 * part for part in shade[:3])


def counted(configuration):
    """How many of the observed runs had the event."""
    return f"{configuration.events} of {configuration.observed}"


def only_later(study, configuration):
    """What is known of a configuration without an event."""
    never, words = configuration.told["never"], f"none by {study.limit}\n{counted(configuration)}"
    if never["lower"] is None:
        return words
    return f"{words}\nnever {interval(never, '.2f')}"


def mean_words(configuration):
    value = configuration.told["rmst"]
    around = interval(value, ".0f")
    return f"{value['value']:.0f}{'  ' if around else ''}{around}\n{counted(configuration)}"


def rmst_map(study, canvas):
    """Restricted mean stopping episode

    Mean episode of the event, where every later time counts as the limit (RMST), with its interval
    over seeds, and how many of the runs had the event. Hatched: no run had it, so the mean is the
    limit by definition and gives no information; the exact interval of the share that never has the
    event is shown instead."""
    def words(configuration):
        value = configuration.told["rmst"]
        if value["value"] is None:
            return "no run yet"
        if configuration.never:
            return only_later(study, configuration)
        return mean_words(configuration)

    def value_of(configuration):
        value = configuration.told["rmst"]["value"]
        return math.nan if value is None else value
    draw_map(canvas, study, value_of, words, (0, study.limit), f"RMST({study.limit}), episodes")


def stopping_map(study, canvas):
    """Median stopping episode (Kaplan-Meier)

    Median of the Kaplan-Meier curve with its interval; "> N" where the curve is above one half up
    to N, and no more is known because of censoring. Below it: how many of the runs had the event.
    Hatched: none had it, and the exact interval of the share that never has it is shown."""
    def value_of(configuration):
        value = configuration.told["median"]
        known = value["value"] if value["value"] is not None else value["value_after"]
        return math.nan if known is None else known

    def words(configuration):
        value = configuration.told["median"]
        if configuration.observed == 0:
            return "no run yet"
        if configuration.never:
            return only_later(study, configuration)
        if value["value"] is None:
            return f"{later(value)}\n{counted(configuration)}"
        low = value["lower"] if value["lower"] is not None else value["lower_after"]
        high = (number(value["upper"]) if value["upper"] is not None else
                f"> {number(value['upper_after'])}" if value["upper_after"] is not None else "?")
        around = "" if low is None else f"  [{number(low)}, {high}]"
        return f"{later(value)}{around}\n{counted(configuration)}"
    draw_map(canvas, study, value_of, words, (0, study.limit), "median (KM), episodes")


def two_numbers(study):
    """The single row axis and the column axis as numbers for logarithmic axes."""
    if len(study.row_axes) == 1:
        place = [axis["name"] for axis in study.told["axes"]
                 if axis["name"] != study.column_axis].index(study.row_axes[0])
        across = [key[place] for key in study.row_keys]
        if all(isinstance(key, (int, float)) and key > 0 for key in [*across, *study.column_keys]):
            return across, study.column_keys
    raise NothingToDraw(f"needs a grid of one positive number by {study.column_axis}")


def stopping_bubbles(study, canvas):
    """Restricted mean stopping episode over two settings

    The area of a bubble is the restricted mean stopping episode, which is printed with its
    interval over seeds and the number of runs that had the event. Open: no run had it
    by the limit, and the exact interval of the share that never has it is shown."""
    across, up = two_numbers(study)
    axes = canvas.single(5.2)
    canvas.say_what_is_shown(study)
    norm, shades = Normalize(0, study.limit), matplotlib.colormaps["cividis"]
    for row, column, configuration in study.shown():
        value = configuration.told["rmst"]["value"]
        if value is None:
            continue
        axes.scatter(across[row], up[column], s=60 + 900 * value / study.limit,
                     facecolor="none" if configuration.never else [shades(norm(value))],
                     edgecolor="black", linewidth=0.8, zorder=3)
        words = (only_later(study, configuration) if configuration.never
                 else mean_words(configuration))
        axes.annotate(words, (across[row], up[column]), (0, -16), textcoords="offset points",
                      ha="center", va="top", fontsize=7)
    for axis, values in ((axes.xaxis, [across[row] for row in study.shown_rows]),
                         (axes.yaxis, [up[column] for column in study.shown_columns])):
        (axes.set_xscale if axis is axes.xaxis else axes.set_yscale)("log")
        axis.set_ticks(sorted(set(values)), [number(value) for value in sorted(set(values))])
        axis.set_ticks([], minor=True)
    axes.margins(0.15, 0.2)
    axes.set_xlabel(study.row_axes[0])
    axes.set_ylabel(study.column_axis)


def rmst_by_row(study, canvas):
    """Stopping episode by row and column of the grid

    Restricted mean stopping episode with its interval over seeds. Open marks: no run
    had the event by the limit, and the true value is larger."""
    axes = canvas.single(3.6)
    rows = study.shown_rows
    canvas.say_what_is_shown(study)
    canvas.say_how_many([configuration.observed for _, _, configuration in study.shown()])
    for place, column in enumerate(study.shown_columns):
        found = [(x, study.grid[row, column]) for x, row in enumerate(rows)
                 if (row, column) in study.grid]
        found = [(x, one) for x, one in found if one.told["rmst"]["value"] is not None]
        style = column_style(study, column, marker=True)
        shift = dodge(place, len(study.shown_columns), 0.5)
        for x, configuration in found:
            value = configuration.told["rmst"]
            axes.plot(x + shift, value["value"], **style,
                      markerfacecolor="white" if configuration.never else style["color"])
            if value["lower"] is not None:
                axes.vlines(x + shift, value["lower"], value["upper"], color=style["color"])
    axes.axhline(study.limit, color="#666666", linewidth=0.8, linestyle=":")
    rows_axis(axes, study)
    least = min((one.told["min"] for _, _, one in study.shown() if one.events),
                default=study.limit / 10)
    plain_log(axes.yaxis, 0.7 * least, 1.3 * study.limit)
    axes.set_ylabel(f"RMST({study.limit}), episodes")
    canvas.column_key(study, [Line2D([], [], color="#666666", linewidth=0.8, linestyle=":",
                                     label=f"limit {study.limit}")], marker=True)


def map_of_medians(study, canvas, name, scale, label, form):
    """A map of the median over seeds of the last logged value of a dataset."""
    if not study.sweep.has(name):
        raise NothingToDraw("no logs")
    found = {}
    for row in thin(list(range(len(study.rows))), TALL):
        for column in study.shown_columns:
            configuration = study.grid.get((row, column))
            last = study.sweep.last_logs(name, configuration.done) if configuration else np.empty(0)
            if len(last):
                median, low, high, _ = median_interval(last, study.confidence)
                found[configuration.index] = [float(median), float(low), float(high), len(last)]
    if not found:
        raise NothingToDraw("no run is finished")
    canvas.note("n: runs with a log, of which a median is.")

    def words(configuration):
        if configuration.index not in found:
            return "no run yet"
        median, low, high, n = found[configuration.index]
        return f"{median:{form}}\n[{low:{form}}, {high:{form}}]\nn = {n}"

    def value_of(configuration):
        return found.get(configuration.index, [math.nan])[0]
    draw_map(canvas, study, value_of, words, scale, label, censored=False)
