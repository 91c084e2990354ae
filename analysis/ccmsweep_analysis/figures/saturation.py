# SPDX-License-Identifier: MIT
"""Mechanism: saturation of outputs, pre-activations and dead units."""
import numpy as np

from ..canvas import LogFloor, column_style, dodge, draw_intervals, rows_axis
from ..spread import median_interval
from .gradients import (draw_logs, draw_networks, draw_runs, finite, gather, last_and_event,
                        log_episodes, rows_of, seeds_drawn, two_networks)
from .grid import map_of_medians

CLIFF = 9.011  # tanh(z) is 1 in 32-bit arithmetic from here on, and 1 - y^2 is 0
EARLY = 60     # episode of the study's bars of early saturation
DOTS = 1500    # a configuration
SQUASH = {"tanh": np.tanh, "softsign": lambda z: z / (1 + np.abs(z)),
          "inverting": lambda z: np.clip(z, -1, 1)}  # outputs from pre-activations


def saturation(study, canvas):
    """Saturation of outputs

    Share of the actors' outputs with an absolute value above 0.9 since the last log, every forward pass
    counted. The line at 0.9 is the study's threshold for this share. Saturation by this measure
    says little: compare the exact multiplier, which is 1 - y² for tanh."""
    found = gather(study, rows_of(study, "saturation"), "saturation")
    draw_logs(study, canvas, found, "share with |y| > 0.9", marks=(0.9,))
    for axes in canvas.figure.axes:
        axes.set_ylim(0, 1.05)
    canvas.column_key(study)


def preactivations(study, canvas):
    """Pre-activations: mean and one standard deviation

    Mean of the actors' last sums z since the last log (solid), and one standard deviation above and
    below it (dashed): the inputs of tanh or another squash, or of networks.actor_norm output. Dotted:
    ±2, where tanh is 0.96, and ±9.01, beyond which its slope is exactly 0 in 32-bit arithmetic. The
    scale is linear within ±10 and logarithmic beyond."""
    def edges(configuration):
        mean = study.sweep.rows("preactivation_mean", configuration.sample)
        deviation = study.sweep.rows("preactivation_std", configuration.sample)
        return mean, mean - deviation, mean + deviation
    found = gather(study, edges, "preactivation_mean", "preactivation_std")
    draw_logs(study, canvas, found, "z", dashes=("-", "--", "--"), marks=(-CLIFF, -2, 2, CLIFF))
    for axes in canvas.figure.axes:
        axes.set_yscale("symlog", linthresh=10)
    canvas.column_key(study, two_networks("mean", "one standard deviation from it"), swatch=True)


def final_saturation(study, canvas):
    """Saturation at the last log

    Share of outputs with an absolute value above 0.9: median over seeds with its interval."""
    map_of_medians(study, canvas, "saturation", (0, 1), "share with |y| > 0.9", ".3f")


def saturation_and_stop(study, canvas):
    """Saturation at the last log and stopping episode

    Every mark is a finished run; open marks had no event by then."""
    draw_runs(study, canvas, last_and_event(study, "saturation"),
              "share with |y| > 0.9 at the last log")
    canvas.figure.axes[0].set_xlim(-0.03, 1.03)


def early_saturation(study, canvas):
    """Saturation early in training

    Share of outputs with an absolute value above 0.9 at the first log from episode 60 on:
    median over seeds with its interval."""
    found = gather(study, rows_of(study, "saturation"), "saturation")
    episodes = log_episodes(study)
    at = min(np.searchsorted(episodes, EARLY), len(episodes) - 1)
    axes, rows = canvas.single(3.4), study.shown_rows
    canvas.say_what_is_shown(study)
    for y, row in enumerate(rows):
        for place, (column, configuration) in enumerate(study.in_row(row)):
            if configuration.index not in found:
                continue
            values = found[configuration.index][:, at]
            median, low, high, _ = median_interval(values, study.confidence)
            x = y + dodge(place, len(study.shown_columns))
            style = column_style(study, column, marker=True)
            axes.plot(x, median, **style)
            draw_intervals(axes, x, low, high, color=style["color"])
    rows_axis(axes, study)
    axes.set_ylim(0, 1.05)
    axes.set_ylabel(f"share with |y| > 0.9, episode {episodes[at]}")
    canvas.note(f"n = {seeds_drawn(study)} runs a configuration.")
    canvas.column_key(study, marker=True)


def output_range(study, canvas):
    """Range of outputs

    Largest (solid) and smallest (dashed) output of all actors since the last log."""
    def both(configuration):
        sample = configuration.sample
        squash = SQUASH[study.sweep.setting("networks.squash", sample[0], "tanh")]
        return tuple(squash(study.sweep.rows(name, sample))
                     for name in ("preactivation_max", "preactivation_min"))
    found = gather(study, both, "preactivation_max", "preactivation_min")
    draw_logs(study, canvas, found, "output y", dashes=("-", "--"))
    canvas.column_key(study, two_networks("largest", "smallest"), swatch=True)


def note_below_zero(canvas, slopes):
    """With inverting gradients the slope of values that are pulled back is below 0."""
    if any((np.ravel(part) < 0).any() for part in slopes):
        canvas.note("Slopes below 0, which inverting gradients have, are not on this axis.")


def tanh_slope(study, canvas):
    """What a gradient is multiplied by: mean slope of the squash

    Mean over the batch and the actors of the slope (1 - y² of tanh) in the arithmetic that uses it.
    Exact zeros, through which no gradient passes, are on the floor of the axis."""
    found = gather(study, lambda configuration:
                   study.sweep.mean_over_actors("tanh_slope_mean", configuration.sample),
                   "tanh_slope_mean")
    draw_logs(study, canvas, found, "mean slope", LogFloor(finite(found)))
    note_below_zero(canvas, finite(found))
    canvas.column_key(study)


def slope_and_saturation(study, canvas):
    """The exact multiplier against the saturated share

    Every dot is a log of a run: share of outputs beyond 0.9, and mean slope over batch and
    actors, zeros on the floor of the axis. Where nearly all outputs are beyond 0.9 the
    multiplier can be anything down to 0: that share does not distinguish actors that learn from
    actors that are frozen."""
    found = gather(study, lambda configuration: (
        study.sweep.rows("saturation", configuration.sample),
        study.sweep.mean_over_actors("tanh_slope_mean", configuration.sample)),
        "saturation", "tanh_slope_mean")
    floor = LogFloor([slope for _, slope in found.values()])
    note_below_zero(canvas, [slope for _, slope in found.values()])
    for axes, row in canvas.panels(study, "share with |y| > 0.9", "mean slope"):
        for column, configuration in study.in_row(row):
            if configuration.index in found:
                share, slope = (part.ravel() for part in found[configuration.index])
                known = np.flatnonzero(~np.isnan(share) & ~np.isnan(slope))
                known = known[np.linspace(0, len(known) - 1, min(len(known), DOTS)).astype(int)]
                axes.plot(share[known], floor(slope[known]), **column_style(study, column, True) |
                          {"markersize": 2.5}, alpha=0.5, markeredgewidth=0, rasterized=True)
        axes.set_xlim(-0.03, 1.03)
        floor.dress(axes.yaxis)
    canvas.note(f"n = {seeds_drawn(study)} runs a configuration; at most {DOTS} dots of each.")
    canvas.column_key(study, marker=True)


def dead_units(study, canvas):
    """Dead units of critic and actors

    Share of hidden units that are 0 on every row of the batch: first hidden layer (solid) and
    second (dashed); on the right the mean over actors. A critic whose units are all dead passes
    nothing back to the actors, whether they are saturated or not."""
    def by_layer(configuration):
        critic = study.sweep.rows("critic_dead", configuration.sample)
        actors = study.sweep.mean_over_actors("actor_dead", configuration.sample)
        return tuple((rows[:, :, 0], rows[:, :, 1]) for rows in (critic, actors))
    found = gather(study, by_layer, "critic_dead", "actor_dead")
    draw_networks(study, canvas, found, ("critic", "actors"), "share dead")
    for axes in canvas.figure.axes:
        axes.set_ylim(-0.02, 1.05)
    canvas.column_key(study, two_networks("first hidden layer", "second hidden layer"), swatch=True)
