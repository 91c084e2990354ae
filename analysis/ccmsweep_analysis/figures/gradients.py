# SPDX-License-Identifier: MIT
"""Mechanism: gradients, updates, and how a gradient changes on its way back."""
import numpy as np
from matplotlib.lines import Line2D

from ..canvas import (MARKERS, LogFloor, NothingToDraw, column_style, dodge, draw_intervals,
                      plain_log)
from ..spread import draw_curve, median_interval


def gather(study, read, *names):
    """What `read` returns for each configuration that is shown and has finished runs, by index."""
    if not all(study.sweep.has(name) for name in names):
        raise NothingToDraw("no logs")
    found = {one.index: read(one) for _, _, one in study.shown() if one.sample}
    if not found:
        raise NothingToDraw("no run is finished")
    return found


def log_episodes(study):
    return study.sweep.file["log"][:]


def rows_of(study, name):
    return lambda configuration: study.sweep.rows(name, configuration.sample)


def finite(found):
    """All arrays of a dictionary of arrays, or of tuples of them, or of tuples of tuples."""
    def parts(value):
        if not isinstance(value, tuple):
            return [value]
        return [one for part in value for one in parts(part)]
    return parts(tuple(found.values()))


def draw_logs(study, canvas, found, y_label, scale=None, dashes=(None,), marks=()):
    """Panels of medians over seeds of logged values. A tuple gives several lines with different
    dashes. With a LogFloor as scale zeros are on its floor."""
    for axes, row in canvas.panels(study, "episode", y_label):
        for column, configuration in study.in_row(row):
            values = found.get(configuration.index, ())
            draw_lines(study, axes, column, values if isinstance(values, tuple) else (values,),
                       dashes, scale)
        for mark in marks:
            axes.axhline(mark, color="#666666", linewidth=0.8, linestyle=":")
        dress(study, axes, scale)
    canvas.note(curve_note(study))


def draw_networks(study, canvas, found, networks, y_label, scale=None):
    """As draw_logs(), with a panel for each row and network, side by side: `found` has a tuple of
    networks, each a solid and a dashed line."""
    rows = study.shown_rows
    canvas.say_what_is_shown(study)
    panels = canvas.grid(len(rows), len(networks), 1.8, sharex=True, sharey=True)
    for (y, x), axes in np.ndenumerate(panels):
        axes.set_title(f"{study.label(rows[y], 44)}: {networks[x]}", loc="left")
        axes.set_ylabel(y_label if x == 0 else "")
        axes.set_xlabel("episode" if y == len(rows) - 1 else "")
        for column, configuration in study.in_row(rows[y]):
            if configuration.index in found:
                draw_lines(study, axes, column, found[configuration.index][x], ("-", "--"), scale)
        dress(study, axes, scale)
    canvas.note(curve_note(study))


def draw_lines(study, axes, column, values, dashes, scale):
    for rows, dash in zip(values, dashes):
        if len(rows):
            style = column_style(study, column)
            style["linestyle"] = dash or style["linestyle"]
            draw_curve(axes, log_episodes(study), rows, study.confidence, scale or (lambda y: y),
                       **style)


def dress(study, axes, scale):
    first = log_episodes(study)[0]
    plain_log(axes.xaxis, first, max(study.sweep.limit, first + 1))
    if scale is not None:
        scale.dress(axes.yaxis)


def curve_note(study):
    return (f"Medians over seeds with intervals; n = {seeds_drawn(study)} runs a configuration. "
            "A line is faint from where the first of its runs has ended, and ends where half of them have.")


def seeds_drawn(study):
    """How many runs a curve is made from, in words."""
    drawn = [len(configuration.sample) for _, _, configuration in study.shown()]
    planned = [len(configuration.done) for _, _, configuration in study.shown()]
    words = f"{min(drawn)}" if min(drawn) == max(drawn) else f"{min(drawn)} to {max(drawn)}"
    return words if drawn == planned else f"{words} of {min(planned)} to {max(planned)}"


def two_networks(solid, dashed):
    """Handles that say what solid and dashed lines are."""
    return [Line2D([], [], color="#444444", label=solid),
            Line2D([], [], color="#444444", linestyle="--", label=dashed)]


def gradient_ratio(study, canvas):
    """Gradient asymmetry: actors' over critic's gradient norm

    Of the gradients that the optimisers used. Exact zeros, at which the actors' gradients have
    vanished, are on the floor of the axis; at the dotted line both are equal. Adam removes the
    scale of a gradient, so this is not a ratio of learning speeds; see the relative updates for
    that."""
    found = gather(study, rows_of(study, "gradient_ratio_own"), "gradient_ratio_own")
    draw_logs(study, canvas, found, "actor / critic", LogFloor([*finite(found), np.ones(1)]),
              marks=(1,))
    canvas.column_key(study)


def gradient_norms(study, canvas):
    """Gradient norms of actors and critic

    Actors: root of the mean over actors of the squared norm; critic: norm of its loss gradient.
    Of the gradients that the optimisers used. Exact zeros are on the floor of the axis."""
    found = gather(study, lambda configuration: (
        study.sweep.rows("actor_grad_own", configuration.sample),
        study.sweep.rows("critic_grad_own", configuration.sample)),
                   "actor_grad_own", "critic_grad_own")
    draw_logs(study, canvas, found, "gradient norm", LogFloor(finite(found)), ("-", "--"))
    canvas.column_key(study, two_networks("actors", "critic"), swatch=True)


def accumulated_norms(study, canvas):
    """Own and accumulated gradient norms

    Of the gradients that the optimisers used (solid), and of those in the published logs (dashed),
    which are sums over passes: that of an actor over up to as many passes as there are actors, that
    of the critic including all passes of the actors. Exact zeros are on the floor of the axis."""
    def both(configuration):
        return tuple((study.sweep.rows(f"{network}_grad_own", configuration.sample),
                      study.sweep.rows(f"{network}_grad_accumulated", configuration.sample))
                     for network in ("actor", "critic"))
    found = gather(study, both, "actor_grad_own", "actor_grad_accumulated", "critic_grad_own",
                   "critic_grad_accumulated")
    draw_networks(study, canvas, found, ("actors", "critic"), "gradient norm",
                  LogFloor(finite(found)))
    canvas.column_key(study, two_networks("own", "accumulated"), swatch=True)


def layer_gradients(study, canvas):
    """Gradient norms by layer at the last log

    Median over seeds with its interval, of the gradients that the optimisers used; actors: root
    of the mean over actors of the squared norm. Exact zeros are on the floor of the axis."""
    names = [name.decode() for name in study.sweep.file["layer"][:]]

    def last(configuration):
        actors = study.sweep.last_logs("actor_layer_grad_own", configuration.sample).astype(float)
        critic = study.sweep.last_logs("critic_layer_grad_own", configuration.sample)
        if not len(actors):
            return np.empty((0, 2 * len(names)))
        own = np.sum(~np.isnan(actors), axis=1)  # a run may have fewer actors than the largest
        with np.errstate(invalid="ignore"):
            rms = np.sqrt(np.nansum(actors ** 2, axis=1) / own)
        return np.concatenate([rms, critic], axis=1)
    found = gather(study, last, "actor_layer_grad_own", "critic_layer_grad_own")
    floor = LogFloor(finite(found))
    for axes, row in canvas.panels(study, "layer", "gradient norm"):
        for place, (column, configuration) in enumerate(study.in_row(row)):
            if not len(found.get(configuration.index, ())):
                continue
            median, low, high, _ = median_interval(found[configuration.index], study.confidence)
            x = np.arange(len(median)) + dodge(place, len(study.shown_columns))
            style = column_style(study, column, marker=True)
            axes.plot(x, floor(median), **style)
            draw_intervals(axes, x, floor(low), floor(high), color=style["color"])
        axes.set_xticks(range(2 * len(names)), [f"actor\n{name}" for name in names] +
                        [f"critic\n{name}" for name in names])
        axes.tick_params(axis="x", labelsize=7)
        floor.dress(axes.yaxis)
    canvas.note(f"n = {seeds_drawn(study)} runs a configuration.")
    canvas.column_key(study, marker=True)


def updates(study, canvas):
    """Relative updates: how fast networks move

    Norm of the change of a training step over the norm of the parameters before it; actors: root
    of the mean square over actors. Exact zeros, at which no bit changes, are on the floor of the
    axis. Actors can still move while their gradients are exactly 0, because of momentum."""
    found = gather(study, lambda configuration: (
        study.sweep.rms_over_actors("actor_update_relative", configuration.sample),
        study.sweep.rows("critic_update_relative", configuration.sample)),
        "actor_update_relative", "critic_update_relative")
    draw_logs(study, canvas, found, "update / parameters", LogFloor(finite(found)), ("-", "--"))
    canvas.column_key(study, two_networks("actors", "critic"), swatch=True)


CHAIN = {"grad_norm_y": "dL/dy", "grad_norm_z": "dL/dz", "grad_norm_h2": "dL/dh2",
         "grad_norm_h1": "dL/dh1"}


def attenuation(study, canvas):
    """Attenuation chain: where the gradient is lost

    Norms of the gradient on its way back through an actor (root of the mean square over actors):
    at the output y, at the input z of its tanh (or another squash), at both hidden layers. At the
    first log (open, dotted) and at the last one. A drop from dL/dy to dL/dz is due to the squash, a
    later one to the hidden layers. When dL/dy itself is 0, on the floor of the axis, the critic
    passes nothing back."""
    def both(configuration):
        chain = np.stack([study.sweep.rms_over_actors(name, configuration.sample)
                          for name in CHAIN], axis=2)
        known = [row[~np.isnan(row).any(axis=1)] for row in chain]
        return (np.array([row[0] for row in known if len(row)]),
                np.array([row[-1] for row in known if len(row)]))
    found = gather(study, both, *CHAIN)
    floor = LogFloor(finite(found))
    for axes, row in canvas.panels(study, "", "gradient norm"):
        for place, (column, configuration) in enumerate(study.in_row(row)):
            style = column_style(study, column, marker=True)
            x = np.arange(len(CHAIN)) + dodge(place, len(study.shown_columns), 0.35)
            for values, dash, face in zip(found.get(configuration.index, ()), (":", "-"),
                                          ("white", style["color"])):
                if not len(values):
                    continue
                median, low, high, _ = median_interval(values, study.confidence)
                axes.plot(x, floor(median), **style | {"linestyle": dash}, linewidth=0.9,
                          markerfacecolor=face)
                draw_intervals(axes, x, floor(low), floor(high), color=style["color"],
                               linewidth=0.8)
        axes.set_xticks(range(len(CHAIN)), CHAIN.values())
        floor.dress(axes.yaxis)
    canvas.note("Medians over seeds with intervals; "
                f"n = {seeds_drawn(study)} runs a configuration.")
    canvas.column_key(study, marker=True, more=[
        Line2D([], [], color="#444444", linestyle=":", marker="o", markersize=4,
               markerfacecolor="white", label="first log"),
        Line2D([], [], color="#444444", marker="o", markersize=4, label="last log")])


def ratio_and_stop(study, canvas):
    """Last gradient ratio and stopping episode

    Every mark is a finished run: actors' over critic's gradient norm at its last log, zeros on
    the floor of the axis, and the episode of its event. Open marks had no event by then."""
    found = last_and_event(study, "gradient_ratio_own")
    floor = LogFloor([ratio for ratio, _, _ in found.values()])
    draw_runs(study, canvas, {index: (floor(ratio), at, seen)
                              for index, (ratio, at, seen) in found.items()},
              "actor / critic gradient norm at the last log")
    floor.dress(canvas.figure.axes[0].xaxis)


def last_and_event(study, name):
    """For each configuration the values at the last logs of its runs, the episodes of their events,
    and whether they had it. Configurations whose runs are too short for a log are left out."""
    def read(configuration):
        return study.sweep.last_logs(name, configuration.sample), *study.times(configuration.sample)
    return {index: value for index, value in gather(study, read, name).items()
            if len(value[0]) == len(value[1])}


def draw_runs(study, canvas, found, x_label):
    """Runs by some x, and by the episode of their event: colours are columns, markers are rows."""
    axes = canvas.single(4.2)
    canvas.say_what_is_shown(study)
    for row, column, configuration in study.shown():
        if configuration.index not in found:
            continue
        x, at, seen = found[configuration.index]
        shade = column_style(study, column)["color"]
        marker = MARKERS[study.shown_rows.index(row) % len(MARKERS)]
        for part, face in ((seen, shade), (~seen, "none")):
            axes.scatter(x[part], at[part], s=22, marker=marker, facecolor=face, edgecolor=shade,
                         linewidth=0.8, alpha=0.8, rasterized=len(x) > 50)
    least = min((at.min() for _, at, _ in found.values() if len(at)), default=1)
    plain_log(axes.yaxis, 0.7 * max(least, 1), 1.3 * study.limit)
    axes.set_xlabel(x_label)
    axes.set_ylabel(study.event_words())
    rows = [Line2D([], [], color="#444444", linestyle="none", markersize=5, label=study.rows[row],
                   marker=MARKERS[place % len(MARKERS)])
            for place, row in enumerate(study.shown_rows)]
    canvas.column_key(study, rows, swatch=True)
