# SPDX-License-Identifier: MIT
"""Event times: curves over episodes, actors, and which event comes first."""
import math
import textwrap

import numpy as np
from matplotlib.lines import Line2D

from ..canvas import CAUSES, EVENTS, NothingToDraw, column_style, dodge, plain_log
from ..spread import median_interval
from ..study import thin

TALL = 40


def numbers(values):
    """A list from JSON as an array, with null as NaN."""
    return np.array([math.nan if value is None else value for value in values], float)


def steps(x, y, first):
    """Points of a step function from episode 0 on."""
    return np.concatenate([[0], x]), np.concatenate([[first], y])


def at_risk(curve, episode):
    """How many runs are under observation just before an episode."""
    later = [risk for time, risk in zip(curve["time"], curve["at_risk"]) if time >= episode]
    return later[0] if later else 0


def survival(study, canvas):
    """Share of runs that have not stopped: Kaplan-Meier curves

    Kaplan-Meier estimate with log-log intervals, over episodes on a logarithmic scale. A tick is a
    censored run: its observation ends there without the event. A curve without an event does not
    have such an interval: the bar at its end is the exact interval of the share without the event
    by the limit. Below each panel: how many runs are at risk. A single run has neither interval."""
    firsts = [one.told["min"] for _, _, one in study.shown() if one.events]
    left = max(1, 0.75 * min(firsts, default=study.limit / 10))
    # Room for the labels of risk tables between panels.
    canvas.figure.get_layout_engine().set(wspace=0.1)
    for axes, row in canvas.panels(study, "", "share not stopped", 2.9):
        plain_log(axes.xaxis, left, study.limit * 1.04)
        axes.set_ylim(-0.02, 1.05)
        for column, configuration in study.in_row(row):
            draw_survival(axes, configuration, column_style(study, column))
        never = [(column, configuration) for column, configuration in study.in_row(row)
                 if configuration.never and configuration.told["never"]["lower"] is not None]
        for place, (column, configuration) in enumerate(never):
            told = configuration.told["never"]
            axes.vlines(study.limit * 1.015 ** (place - len(never)), told["lower"], told["upper"],
                        color=column_style(study, column)["color"], linewidth=1.5)
        axes.tick_params(labelbottom=True)
        risk_table(axes, study, row)
    canvas.column_key(study)


def draw_survival(axes, configuration, style):
    curve = configuration.told["curve"]
    if not curve["time"]:
        return
    time, share = numbers(curve["time"]), numbers(curve["survival"])
    x, y = steps(time, share, 1)
    axes.plot(x, y, drawstyle="steps-post", **style)
    low, high = numbers(curve["lower"]), numbers(curve["upper"])
    if np.isfinite(low).any():
        axes.fill_between(x, np.concatenate([[1], np.where(np.isnan(low), share, low)]),
                          np.concatenate([[1], np.where(np.isnan(high), share, high)]),
                          step="post", alpha=0.15, color=style["color"], linewidth=0)
    left = np.array(curve["censored"]) > 0
    if left.any():
        axes.plot(time[left], share[left], linestyle="none", marker="|", markersize=7,
                  color=style["color"], clip_on=False)


def risk_table(axes, study, row):
    """Numbers at risk under a panel at the labels of its axis, a line for each column."""
    configurations = study.in_row(row)
    # The label makes room, because the numbers are not part of the layout.
    axes.set_xlabel(f"episode; at risk, by {study.column_axis}:" + "\n" * len(configurations),
                    fontsize=7, loc="left")

    def write(words, x, line, across, **style):
        axes.annotate(words, (x, 0), (0, -25 - 8.2 * line), fontsize=7, annotation_clip=False,
                      xycoords=(across, "axes fraction"), textcoords="offset points",
                      **style).set_in_layout(False)
    for line, (column, configuration) in enumerate(configurations, 1):
        shade = column_style(study, column)["color"]
        write(study.columns[column] + "  ", 0, line, "axes fraction", ha="right", color=shade)
        for episode in thin(axes.get_xticks().tolist(), 6):
            write(str(at_risk(configuration.told["curve"], episode)), episode, line, "data",
                  color=shade, ha="center")


def incidence(study, canvas):
    """Why they stop: cumulative incidence by cause

    Share of runs that have had the event, by the cause of the actor whose event it is
    (Aalen-Johansen), with intervals. The curves of a panel add up to 1 minus the share that has
    not stopped. Diverged runs, which can never stop, are a cause of their own. n: runs of which the
    curves of a panel are."""
    rows, columns = study.shown_rows, study.shown_columns
    canvas.say_what_is_shown(study)
    causes = [cause for cause in CAUSES
              if any(cause in shown.told["incidence"]["causes"] for _, _, shown in study.shown())]
    if not causes:
        raise NothingToDraw("no run has had the event")
    axes = canvas.grid(len(rows), len(columns), 1.25, sharex=True, sharey=True)
    for y, row in enumerate(rows):
        for x, column in enumerate(columns):
            one, configuration = axes[y, x], study.grid.get((row, column))
            one.set_xlim(0, study.limit)
            one.set_ylim(0, 1.05)
            if y == 0:
                one.set_title(f"{study.column_axis} {study.columns[column]}", fontsize=8)
            if x == 0:
                one.set_ylabel(study.label(row, 18), fontsize=7)
            if y == len(rows) - 1:
                one.set_xlabel("episode", fontsize=8)
            if configuration is None:
                one.set_visible(False)
                continue
            if configuration.told["incidence"]["causes"]:
                draw_incidence(one, configuration, study.limit)
            else:
                one.text(0.5, 0.5, "no event", transform=one.transAxes, ha="center", fontsize=7,
                         color="#666666")
            one.text(0.97, 0.04, f"n = {configuration.observed}", transform=one.transAxes,
                     ha="right", fontsize=7)
    canvas.key([Line2D([], [], color=CAUSES[cause][0], linestyle=CAUSES[cause][1], label=cause)
                for cause in causes])


def draw_incidence(axes, configuration, limit):
    told = configuration.told["incidence"]
    time = numbers(told["time"])
    for cause, curve in told["causes"].items():
        shade, dashes = CAUSES[cause]
        share, low, high = (numbers(curve[name]) for name in ("share", "lower", "upper"))
        x, y = steps(np.append(time, max(limit, time[-1])), np.append(share, share[-1]), 0)
        axes.plot(x, y, drawstyle="steps-post", color=shade, linestyle=dashes)
        low, high = np.where(np.isnan(low), share, low), np.where(np.isnan(high), share, high)
        axes.fill_between(x, np.concatenate([[0], low, low[-1:]]),
                          np.concatenate([[0], high, high[-1:]]),
                          step="post", color=shade, alpha=0.15, linewidth=0)


def actor_stops(study, canvas):
    """Stopping episodes of single actors

    Every dot is an actor of a finished run. The bar reaches from the episode by which a quarter
    of all actors had the event to that by which three quarters had it; the tick is the episode by
    which half of them had it. Actors that did not have it by the limit count as later than all
    others, not as stopped at the limit: a bar that reaches them is open at the top, and their
    number is shown above it. This is a description: the actors of a run share a critic and are not
    replicates."""
    seen = [times[np.isfinite(times)] for times in (actor_times(study, configuration)
                                                    for _, _, configuration in study.shown())]
    least = 0.8 * min((part.min() for part in seen if len(part)), default=study.limit / 10)
    for axes, row in canvas.panels(study, study.column_axis, study.event):
        configurations = study.in_row(row)
        places = range(len(configurations))
        for place, (column, configuration) in zip(places, configurations):
            times = actor_times(study, configuration)
            if len(times):
                draw_actors(axes, place, times, study.limit, column_style(study, column)["color"])
        axes.set_xticks(places, [study.columns[column] for column, _ in configurations])
        axes.tick_params(labelbottom=True)
        plain_log(axes.yaxis, least, study.limit * 1.7)
        axes.axhline(study.limit, color="#666666", linewidth=0.8, linestyle=":")
    if not any(configuration.done for _, _, configuration in study.shown()):
        raise NothingToDraw("no run is finished")


def actor_times(study, configuration, event=None):
    """Times of all actors in the finished runs of a configuration that are drawn; inf: not seen."""
    rows = study.sweep.rows(event or study.event, configuration.sample)
    extent = study.sweep.rows("extent_actor", configuration.sample)
    times = np.array([value for row, own in zip(rows, extent) for value in row[:own]], float)
    return np.where((times < 0) | (times > study.limit), np.inf, times)


def quantile(times, share):
    """The time by which this share of the actors had the event; inf when it was not seen."""
    return np.sort(times)[max(0, math.ceil(share * len(times)) - 1)]


def draw_actors(axes, place, times, limit, shade):
    seen = times[np.isfinite(times)]
    jitter = np.random.RandomState(0).uniform(-0.3, 0.3, len(seen))
    axes.plot(place + jitter, seen, ".", markersize=2, alpha=0.3, color=shade, rasterized=True,
              markeredgewidth=0)
    low, middle, high = (quantile(times, share) for share in (0.25, 0.5, 0.75))
    if np.isfinite(low):
        top = min(high, limit)
        axes.vlines(place, low, top, color=shade, linewidth=3)
        if not np.isfinite(high):
            axes.plot(place, limit, "^", color=shade, markerfacecolor="white", markersize=6)
    if np.isfinite(middle):
        axes.hlines(middle, place - 0.3, place + 0.3, color="black", linewidth=1.5)
    missing = len(times) - len(seen)
    axes.annotate(f"{missing} of {len(times)}\nlater", (place, limit), (0, 3),
                  textcoords="offset points", ha="center", fontsize=6.5) if missing else None


def event_times(study, canvas):
    """What stops first: event times of actors

    For each event the episode by which half of a run's actors had it: median over seeds, with the
    interval of that median. The grey bar from gradient_zero to last_change is the tail, in which
    gradients are exactly 0 and only momentum moves weights. Open marks at the right edge: half of
    the actors of most seeds had it later than the limit, or never. n: runs of which the medians of
    a row are."""
    shown = [place for place in study.shown() if place[2].done][:TALL]
    if not shown:
        raise NothingToDraw("no run is finished")
    canvas.say_what_is_shown(study)
    axes = canvas.single(max(2.6, 0.3 * len(shown) + 1.2))
    edge = study.limit * 1.25
    for y, (row, column, configuration) in enumerate(shown):
        middle = {}
        for place, (event, (shade, marker)) in enumerate(EVENTS.items()):
            values = study.sweep.endpoint_times(event, "half", study.limit, configuration.sample)
            median, low, high, _ = median_interval(values, study.confidence)
            middle[event] = float(median)
            at = y + dodge(place, len(EVENTS), 0.6)
            seen = np.isfinite(median)
            axes.plot(median if seen else edge, at, marker, color=shade, markersize=4.5,
                      markerfacecolor=shade if seen else "white", clip_on=False)
            if np.isfinite(low) and len(values) > 1:
                axes.hlines(at, low, min(high, edge), color=shade, linewidth=1)
        start, end = middle["gradient_zero"], middle["last_change"]
        if np.isfinite(start) and np.isfinite(end) and end > start:
            axes.barh(y, end - start, left=start, height=0.75, color="#dddddd", zorder=0)
    plain_log(axes.xaxis, 1, edge)
    axes.axvline(study.limit, color="#666666", linewidth=0.8, linestyle=":")
    axes.set_yticks(range(len(shown)), [textwrap.fill(f"{study.name(row, column)} (n = "
                                                       f"{len(configuration.sample)})", 52)
                                        for row, column, configuration in shown], fontsize=7)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlabel("episode")
    canvas.key([Line2D([], [], color=shade, marker=marker, linestyle="none", markersize=4.5,
                       label=event) for event, (shade, marker) in EVENTS.items()])


def differences(study, canvas):
    """Differences between configurations

    Difference of restricted mean stopping episodes with the reference, paired by seed, with its
    interval and the p of exchanging the two runs of a seed, adjusted by Holm for all of these
    comparisons. Left of the line: stops earlier than the reference."""
    told = [one for one in study.told["comparisons"] if one["family"] == "reference"]
    if not any(one["difference"] is not None for one in told):
        raise NothingToDraw("no comparisons: they need two configurations with two seeds in common")
    shown = thin(told, TALL)
    if len(shown) < len(told):
        canvas.note(f"{len(shown)} of {len(told)} comparisons are shown, evenly spaced.")
    axes = canvas.single(max(2.2, 0.24 * len(shown) + 1.0))
    for y, one in enumerate(shown):
        if one["difference"] is None:
            continue
        axes.plot(one["difference"], y, "o", color="black", markersize=4,
                  markerfacecolor="white" if one["lower"] is None else "black")
        if one["lower"] is not None:
            axes.hlines(y, one["lower"], one["upper"], color="black", linewidth=1)
        words = f"{one['pairs']} pairs"
        if one["p_holm"] is not None:
            words += f", p {one['p_holm']:.2g}"
        axes.annotate(words, (1.01, y), xycoords=("axes fraction", "data"), fontsize=6.5,
                      va="center", annotation_clip=False)
    axes.axvline(0, color="#666666", linewidth=0.8)
    axes.set_yticks(range(len(shown)), [textwrap.fill(study.name_of(one["a"]), 52)
                                        for one in shown], fontsize=7)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    reference = study.name_of(study.told["reference"])
    axes.set_xlabel(textwrap.fill(f"RMST({study.limit}) less that of {reference}", 80))
    if any(one["lower"] is None for one in shown):
        canvas.note("Open marks have no interval: no spread was seen.")
