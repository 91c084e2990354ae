# SPDX-License-Identifier: MIT
"""Returns: in training, at evaluation, at stopping and at the end."""
import numpy as np
from matplotlib.lines import Line2D

from ..canvas import NothingToDraw, column_style, dodge, rows_axis
from ..spread import draw_curve, smooth
from .gradients import curve_note, gather, two_networks

WINDOW = 50
POINTS = 400  # of a line: more than a figure has dots across


def draw_episodes(study, canvas, found, x, y_label, dashes=("-",)):
    for axes, row in canvas.panels(study, "episode", y_label):
        for column, configuration in study.in_row(row):
            style = column_style(study, column)
            for rows, dash in zip(found.get(configuration.index, ()), dashes):
                draw_curve(axes, x, rows, study.confidence,
                           **style | ({"linestyle": dash} if len(dashes) > 1 else {}))
            if len(dashes) == 1:
                draw_median(axes, study, column, configuration.told["median"])
        axes.set_xlim(0, study.sweep.limit)
    canvas.note(curve_note(study))


def draw_median(axes, study, column, median):
    """The Kaplan-Meier median of the stopping episode, and its interval at the lower edge, which
    extends to the limit when its upper end is not known."""
    shade = column_style(study, column)["color"]
    if median["value"] is not None:
        axes.axvline(median["value"], color=shade, linewidth=0.9, linestyle=":")
    low, high = median["lower"], median["upper"]
    if low is not None and (high is not None or median["upper_after"] is not None):
        axes.hlines(0.02 + 0.02 * study.shown_columns.index(column), low,
                    study.limit if high is None else high, color=shade, linewidth=2,
                    transform=axes.get_xaxis_transform())


def smoothed(study, *names):
    """A function that reads moving averages of these datasets, at POINTS episodes."""
    at = np.unique(np.linspace(WINDOW - 1, study.sweep.limit - 1, POINTS).astype(int))

    def read(configuration):
        return tuple(smooth(study.sweep.rows(name, configuration.sample), WINDOW)[:, at]
                     for name in names)
    if study.sweep.limit < WINDOW:
        raise NothingToDraw(f"fewer than {WINDOW} episodes")
    return at + 1, gather(study, read, *names)


def learning_curves(study, canvas):
    """Learning curves

    Reward of an episode, mean of the last 50. A vertical line is the Kaplan-Meier median of the
    stopping episode in its colour, a bar at the lower edge the interval of that median."""
    x, found = smoothed(study, "reward")
    draw_episodes(study, canvas, found, x, "reward")
    canvas.column_key(study)


def raw_rewards(study, canvas):
    """Rewards of single runs

    Reward of every episode of the first finished run of each configuration, up to where it ended.
    Dashed: the episode of its event. One run, not an estimate."""
    first = gather(study, lambda configuration: configuration.sample[0], "reward")
    for axes, row in canvas.panels(study, "episode", "reward"):
        for column, configuration in study.in_row(row):
            if configuration.index not in first:
                continue
            run = first[configuration.index]
            reward = study.sweep.rows("reward", [run])[0]
            reward = reward[:int(study.sweep.file["total_episodes"][run])]
            shade = column_style(study, column)["color"]
            axes.plot(np.arange(1, len(reward) + 1), reward, color=shade, linewidth=0.4, alpha=0.7,
                      rasterized=True)
            (at,), (seen,) = study.times([run])
            if seen:
                axes.axvline(at, color=shade, linewidth=1, linestyle="--")
        axes.set_xlim(0, study.sweep.limit)
    seeds = sorted({int(study.sweep.column("seed")[run]) for run in first.values()})
    canvas.note("Seed " + ", ".join(map(str, seeds[:8])) + ("." if len(seeds) <= 8 else ", …."))
    canvas.column_key(study, swatch=True)


def violations(study, canvas):
    """Missed deadlines and empty batteries in training

    Share of steps and agents that missed their deadline (solid) or whose battery fell below its
    threshold (dashed), mean of the last 50 episodes. In the published environment every deadline is
    missed whatever an actor does: no task can be computed within its one second, so policies
    differ in energy alone."""
    x, found = smoothed(study, "deadline_violation", "energy_violation")
    draw_episodes(study, canvas, found, x, "share", ("-", "--"))
    canvas.column_key(study, two_networks("deadline", "battery"), swatch=True)


def evaluated(study, *names):
    if not study.sweep.has("evaluation_reward"):
        raise NothingToDraw("no evaluation was asked for (evaluation.every)")
    return gather(study, lambda configuration: tuple(study.sweep.rows(name, configuration.sample)
                                                     for name in names),
                  *names)


def evaluation(study, canvas):
    """Greedy evaluation

    Mean episode reward of the greedy policy. A vertical line is the Kaplan-Meier median of the
    stopping episode in its colour, a bar at the lower edge the interval of that median."""
    found = evaluated(study, "evaluation_reward")
    draw_episodes(study, canvas, found, study.sweep.file["evaluation"][:], "reward")
    canvas.column_key(study)


def evaluation_violations(study, canvas):
    """Limits exceeded at evaluation

    Share of steps and agents past the deadline (solid) or under the battery's threshold (dashed),
    and share of steps whose proposals exceed what the server has (dotted)."""
    found = evaluated(study, "evaluation_deadline_violation", "evaluation_energy_violation",
                      "evaluation_over_limit")
    dashes = ("-", "--", ":")
    draw_episodes(study, canvas, found, study.sweep.file["evaluation"][:], "share", dashes)
    canvas.column_key(study, [Line2D([], [], color="#444444", linestyle=dash, label=label)
                              for dash, label in zip(dashes, ("deadline", "battery", "server"))],
                      swatch=True)


def reward_at_stop(study, canvas):
    """Reward at stopping and at the end

    Mean over runs, with its interval, of the mean reward of the 100 episodes up to the event
    (left, open) and of the last 100 (right). Where some runs have not stopped there is no mean at
    stopping: the runs that did stop are not a random sample."""
    draw_returns(study, canvas, (("stopping", "white"), ("end", None)), "mean")
    canvas.column_key(study, marker=True, more=[
        Line2D([], [], color="#444444", marker="o", linestyle="none", markersize=5, label=label,
               markerfacecolor=face) for label, face in (("at stopping", "white"),
                                                         ("at the end", "#444444"))])


def final_returns(study, canvas):
    """Return at the end: every seed, and interquartile mean

    Dots are runs: mean reward of their last 100 episodes. Mark and interval: interquartile mean
    over seeds."""
    axes = draw_returns(study, canvas, (("end", None),), "iqm")
    for row, column, configuration in study.shown():
        reward = study.sweep.rows("reward", configuration.sample)
        total = study.sweep.rows("total_episodes", configuration.sample)
        ends = [row_[max(0, last - 100):last].mean() for row_, last in zip(reward, total) if last]
        x = place_of(study, row, column)
        axes.plot(np.full(len(ends), x - 0.05), ends, ".", markersize=2.5, alpha=0.5,
                  color=column_style(study, column)["color"])
    canvas.column_key(study, marker=True)


def place_of(study, row, column):
    return study.shown_rows.index(row) + dodge(study.shown_columns.index(column),
                                               len(study.shown_columns), 0.8)


def draw_returns(study, canvas, kinds, statistic):
    """Estimates of aggregate, side by side for each configuration."""
    axes = canvas.single(3.8)
    canvas.say_what_is_shown(study)
    drawn = 0
    for row, column, configuration in study.shown():
        style = column_style(study, column, marker=True)
        for place, (kind, face) in enumerate(kinds):
            told = configuration.told["returns"][kind]
            value = told[statistic]
            if not told["estimable"] or value["value"] is None:
                continue
            x = place_of(study, row, column) + 0.07 * place
            axes.plot(x, value["value"], **style, markerfacecolor=face or style["color"], zorder=3)
            if value["lower"] is not None:
                axes.vlines(x, value["lower"], value["upper"], color=style["color"])
            drawn += 1
    if not drawn:
        raise NothingToDraw("no return can be estimated yet")
    rows_axis(axes, study)
    axes.set_ylabel("mean reward of 100 episodes")
    canvas.say_how_many([configuration.told["returns"][kinds[-1][0]]["runs"]
                         for _, _, configuration in study.shown()])
    return axes
