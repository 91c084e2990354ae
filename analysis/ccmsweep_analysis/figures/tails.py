# SPDX-License-Identifier: MIT
"""How long momentum alone moves actors, against what its settings predict."""
import math

import numpy as np
from matplotlib.lines import Line2D

from ..canvas import LogFloor, NothingToDraw
from ..words import number
from .interventions import TALL, lines_of, shown_of

DECIDE = {"training.adam_beta1": "0.9", "networks.actor_precision": "f32",
          "training.zero_gradient": "keep", "training.optimizer": "adam",
          "training.actor_every": "1"}
DIGITS = {"f32": 24, "f64": 53}


def predicted_tail(beta1, precision, zero_gradient, optimizer, every):
    """How many episodes momentum alone moves a weight: updates until beta1 to that power is half a
    unit in the last place of 1, each `every` episodes after the one before; None for another
    optimiser than Adam."""
    if optimizer != "adam":
        return None
    if zero_gradient != "keep" or beta1 == 0:
        return 0.0
    return -every * DIGITS[precision] * math.log(2) / math.log(beta1)


def decided_by(study, configuration):
    """Settings that decide the tail, which all runs of a configuration share; None: they differ."""
    found = []
    for key, usual in DECIDE.items():
        axis = key.removeprefix("training.").replace(".", "_")
        values = {configuration.told["axes"].get(axis)} - {None}
        if not values and axis in study.sweep.file:
            values = set(study.sweep.column(axis)[configuration.runs].tolist())
        elif not values:
            values = {study.sweep.setting(key, 0, usual)}
        if len(values) != 1:
            return None
        found.append(values.pop())
    return (float(found[0]), *found[1:-1], int(found[-1]))


def tails(study):
    """By name of a row: the prediction, and what aggregate says of each configuration's tail."""
    labelled = any(axis["name"] == "label" for axis in study.told["axes"])
    found, different = {}, set()
    for one in study.configurations:
        decide = decided_by(study, one)
        if decide is None or predicted_tail(*decide) is None:
            continue
        different.add(decide)
        if not one.told["tail"]["actors"] + one.told["tail"]["still_before_zero"]:
            continue
        name = number(one.told["axes"]["label"]) if labelled else tail_name(*decide)
        found.setdefault((name, predicted_tail(*decide)), []).append(one.told["tail"])
    if len(different) < 2:
        raise NothingToDraw("adam_beta1, networks.actor_precision, zero_gradient and actor_every "
                            "do not vary with Adam")
    if not found:
        raise NothingToDraw("no actor has a tail yet")
    return found


def tail_name(beta1, precision, zero_gradient, _, every):
    return (f"beta1 {number(beta1)}, {precision}"
            + (f", {zero_gradient}" if zero_gradient != "keep" else "")
            + (f", every {every}" if every > 1 else ""))


def momentum_tail(study, canvas):
    """Momentum tail against its prediction

    Episodes from the first of the last stretch of zero gradients to the last change of a
    parameter (last_change - gradient_zero + 1). Dots: means of configurations; grey bar: range
    over all actors that have a tail. Triangle: others were still while they had a gradient, which
    was too small to move them. Tick: the prediction, ln(2^-24)/ln(beta1) in f32,
    ln(2^-53)/ln(beta1) with actors in f64, times actor_every, 0 where a zero gradient resets or
    skips the optimiser. Actors with another optimiser than Adam are left out.
    Numbers: the prediction; the means or their range; how many actors have a tail, of those whose
    two episodes are known. A tail that is longer than the rest of a run is not seen."""
    found = tails(study)
    rows = shown_of(canvas, sorted(found, key=lambda row: (row[1], row[0])), TALL, "rows")
    told = [found[row] for row in rows]
    having = [[one for one in part if one["actors"]] for part in told]
    none = [y for y, part in enumerate(told) if any(one["still_before_zero"] for one in part)]
    floor = LogFloor([np.array([row[1] for row in rows] + [0] * len(none) + [
        one[name] for part in having for one in part for name in ("value", "min", "max")])])
    axes = canvas.single(0.28 * len(rows) + 1.2)
    bars = [(y, part) for y, part in enumerate(having) if part]
    axes.hlines([y for y, _ in bars], floor([min(one["min"] for one in part) for _, part in bars]),
                floor([max(one["max"] for one in part) for _, part in bars]), color="#bbbbbb",
                linewidth=5)
    y = np.arange(len(rows))
    axes.vlines(floor([row[1] for row in rows]), y - 0.4, y + 0.4, color="#d55e00", linewidth=2.2)
    axes.plot(floor([0] * len(none)), [place + 0.25 for place in none], "<", color="black",
              markersize=4)
    axes.plot(floor([one["value"] for part in having for one in part]),
              [at for at, part in enumerate(having) for _ in part], "o", color="black",
              markersize=4, markerfacecolor="white")
    floor.dress(axes.xaxis)
    for at, row in enumerate(rows):
        axes.annotate(tail_words(row[1], told[at]), (1.01, at), fontsize=7, va="center",
                      xycoords=("axes fraction", "data"), annotation_clip=False)
    axes.set_yticks(y, [lines_of(row[0], 34) for row in rows], fontsize=7)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel("tail, episodes")
    mark = {"color": "black", "linestyle": "none"}
    canvas.key([Line2D([], [], **mark | {"color": "#d55e00"}, marker="|", markersize=9,
                       markeredgewidth=2.2, label="predicted"),
                Line2D([], [], **mark, marker="o", markerfacecolor="white", markersize=4,
                       label="mean of a configuration"),
                Line2D([], [], color="#bbbbbb", linewidth=5, label="range over actors"),
                *[Line2D([], [], **mark, marker="<", markersize=4, label="still before zero")
                  for _ in none[:1]]])


def tail_words(predicted, told):
    """The prediction, the means, and how many actors have a tail."""
    means = sorted(one["value"] for one in told if one["actors"])
    words = " to ".join(dict.fromkeys(f"{mean:.0f}" for mean in (*means[:1], *means[-1:])))
    actors = sum(one["actors"] for one in told)
    known = actors + sum(one["still_before_zero"] for one in told)
    return f"{predicted:.0f}; {words or 'none'}; {actors} of {known}"
