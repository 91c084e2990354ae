# SPDX-License-Identifier: MIT
"""What a change of one axis does: labels, or the values of another axis, against a reference."""
import math
import textwrap

import numpy as np
from matplotlib.colors import FuncNorm, LinearSegmentedColormap
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from ..against import QUANTITIES, Against, significant
from ..canvas import (CAUSES, DASHES, MARKERS, NothingToDraw, dodge, is_dark, plain,
                      plain_log)
from ..study import PANELS, thin
from ..words import number
from .curves import numbers, steps
from .grid import hatch_over

TALL, WIDE = 24, 16  # values and places that a figure shows
FEW = 8              # curves of a panel
# Two hues that colour-blind people distinguish, on one scale from dark to light: less and more
# also differ in grey.
SHADES = LinearSegmentedColormap.from_list("less and more", [
    "#0b2c5f", "#3a6fb0", "#9c9c9c", "#f2b45a", "#fff3c9"])
# Colours of Okabe and Ito that are visible on paper; with dashes and markers no two of 280 curves
# look alike.
CURVES = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9"]
# The reference, and the one value beside it, of panels with two curves.
APART = [{"color": "#aaaaaa", "linewidth": 3.4}, {"color": "black", "linewidth": 1.3}]
HATCHES = {"tanh_hard": "////", "critic_dead": "\\\\\\\\", "actor_dead": "....", "mixed": "xxxx",
           "nan": "++++", "diverged": "----", "none": "oo"}


def compared(study):
    if not study.told.get("against"):
        raise NothingToDraw("nothing to compare with: a file without labels needs --against")
    return Against(study)


def shown_of(canvas, items, most, what):
    """At most so many items, which a note says."""
    shown = thin(list(items), most)
    if len(shown) < len(items):
        canvas.note(f"{len(shown)} of {len(items)} {what} are shown, evenly spaced.")
    return shown


def lines_of(text, width=26, most=2):
    """A name in at most two lines, cut where it is longer."""
    lines = textwrap.wrap(plain(text), width) or [""]
    return "\n".join(lines[:most]) + ("…" if len(lines) > most else "")


def say_test(canvas, against, study, quantity, of):
    """The family of tests, for the caption."""
    count = against.tests.get((quantity, of))
    if count:
        canvas.note(f"Adjusted by Holm among {count} tests, level {1 - study.confidence:.2g}.")


def say_pairs(canvas, told):
    """Of how many pairs differences are."""
    pairs = [one["pairs"] for one in told if one["difference"] is not None]
    if pairs:
        canvas.note(f"Each difference is of {span(pairs)} pairs of runs with the same seed.")


# The matrix


def intervention_matrix(study, canvas):
    """Interventions: change of the stopping episode

    Rows are labels, or values of the axis that is compared; columns the values of all other axes.
    Colour and number with a sign: restricted mean stopping episode less that of the reference,
    paired by seed, dark and blue for earlier, light and orange for later, by the square root of the
    difference. Below it k/n: k of all n runs of the cell stopped by the limit, those in no pair
    included. The row of the reference has its own means instead. A star: significant after
    adjustment for all cells. Hatched: some runs (/) or all (x) did not stop by the limit, so their
    mean is only a lower bound, and what comes later is not in the difference. Crossed out: not
    compared."""
    against = compared(study)

    def words(configuration, told):
        return [f"{configuration.events}/{configuration.observed}"]

    def reference(configuration):
        value = configuration.told["rmst"]["value"]
        return ["-" if value is None else f"{value:.0f}",
                f"{configuration.events}/{configuration.observed}"]
    draw_matrix(study, canvas, against, "rmst", words, reference, "RMST less the reference's")


def intervention_returns(study, canvas):
    """Interventions: change of the return

    As the matrix of stopping episodes, for the mean return of the last evaluation, or where there
    was no evaluation that of the last 100 episodes, in the environment's own reward. The row of
    the reference has its own means. A star: significant after adjustment for all cells. Crossed
    out: not estimable, because a run of either side does not have such a return. A return says
    nothing of whether actors still learn."""
    against = compared(study)
    quantity = against.return_quantity()

    def words(configuration, told):
        return []

    def reference(configuration):
        kind = quantity.removeprefix("return_")
        value = configuration.told["returns"][kind]["mean"]["value"]
        return ["-" if value is None else short(value)]
    draw_matrix(study, canvas, against, quantity, words, reference,
                f"{QUANTITIES[quantity]} less the reference's", censored=False)


def short(value):
    """A return in at most six characters."""
    size = abs(value)
    return (f"{value / 1e6:.1f}M" if size >= 999500 else f"{value / 1e3:.0f}k" if size >= 99950 else
            f"{value / 1e3:.1f}k" if size >= 9995 else f"{value:.0f}" if size >= 9.5 else
            f"{value:.2g}")


def signed(value):
    return ("+" if value > 0 else "") + short(value) if value else "0"


def draw_matrix(study, canvas, against, quantity, words, reference, label, censored=True):
    values = [against.reference, *shown_of(canvas, against.others, TALL - 1, against.axis)]
    places = shown_of(canvas, against.places, WIDE, "columns")
    told = [[against.compared(quantity, value, place) for place in places] for value in values]
    known = np.array([[math.nan if one is None or one["difference"] is None else one["difference"]
                       for one in row] for row in told])
    if np.isnan(known).all():
        raise NothingToDraw("no difference can be estimated")
    most = np.nanmax(np.abs(known)) or 1
    # By the root: one large difference would make all others look like none.
    norm = FuncNorm((lambda x: np.sign(x) * np.sqrt(np.abs(x)), lambda x: np.sign(x) * x * x),
                    -most, most)
    axes = canvas.single(0.34 * len(values) + 1.5)
    size = 8 if len(places) <= 8 else 6.5 if len(places) <= 12 else 5.5
    for y, value in enumerate(values):
        for x, place in enumerate(places):
            one = against.at(value, place)
            if one is None:
                continue
            shade = SHADES(norm(known[y, x]))[:3] if np.isfinite(known[y, x]) else (1, 1, 1)
            hatch = hatch_of(one) if censored else ""
            if hatch:
                axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, hatch=hatch,
                                         edgecolor=hatch_on(shade), linewidth=0))
            if y == 0:
                lines = reference(one)
            elif np.isfinite(known[y, x]):
                star = "*" if significant(told[y][x], study.confidence) else ""
                lines = [signed(known[y, x]) + star, *words(one, told[y][x])]
            else:
                lines = ["×", *words(one, told[y][x])]
            axes.text(x, y, "\n".join(lines), ha="center", va="center", fontsize=size,
                      color="white" if is_dark(shade) else "black", linespacing=1.05)
    image = axes.imshow(np.ma.masked_invalid(known), norm=norm, cmap=SHADES, aspect="auto")
    dress_matrix(axes, against, values, places)
    canvas.figure.colorbar(image, ax=axes, pad=0.02, aspect=30).set_label(
        textwrap.fill(label, 8 + 4 * len(values)), fontsize=8)  # as long as the bar is
    say_pairs(canvas, [one for row in told for one in row if one is not None])
    say_test(canvas, against, study, quantity, "comparisons")


def dress_matrix(axes, against, values, places):
    axes.grid(False)
    axes.axhline(0.5, color="black", linewidth=1.2)
    names = [lines_of(against.value_name(value)) for value in values]
    names[0] = f"{names[0]}\n(reference)" if "\n" not in names[0] else names[0] + " (ref.)"
    axes.set_yticks(range(len(values)), names, fontsize=8)
    axes.get_yticklabels()[0].set_fontweight("bold")
    many = len(places) > 5
    axes.set_xticks(range(len(places)), [plain(against.place_name(place)) for place in places],
                    fontsize=7, rotation=90 if many else 0)
    axes.set_xlabel(plain(against.places_axis()))


def hatch_on(shade):
    """As hatch_over(), and lighter on what is dark."""
    return tuple(0.25 + 0.75 * part for part in shade) if is_dark(shade) else hatch_over(shade)


def hatch_of(configuration):
    """Hatching of censored cells: all runs, or some."""
    if configuration.never:
        return "xxx"
    return "//" if configuration.events < configuration.observed else ""


# Pooled differences


def intervention_forest(study, canvas):
    """Interventions: differences pooled over the grid

    Mean of the differences with the reference over all columns of the matrix, paired by seed, with
    intervals over whole seeds. Filled: significant after adjustment by Holm among the rows of its
    panel. A restricted mean counts runs that did not stop as stopped at the limit: what comes later
    is not in a difference. A cross: not estimable."""
    against = compared(study)
    quantities = [one for one in ("rmst", "never", against.return_quantity()) if against.pools(one)]
    if not quantities:
        raise NothingToDraw("no difference can be estimated")
    values = shown_of(canvas, against.others, TALL, against.axis)
    axes = canvas.grid(1, len(quantities), 0.27 * len(values) + 0.7, sharey=True)[0]
    for one, quantity in zip(axes, quantities):
        told = [against.pooled.get((quantity, value)) for value in values]
        draw_forest(one, told, study.confidence)
        one.set_xlabel(textwrap.fill(f"{QUANTITIES[quantity]}, less the reference's", 24),
                       fontsize=8)
        one.locator_params(axis="x", nbins=5)
        say_pooled(canvas, told)
        say_test(canvas, against, study, quantity, "pooled")
    axes[0].set_yticks(range(len(values)), [lines_of(against.value_name(value))
                                            for value in values], fontsize=7)
    axes[0].set_ylim(len(values) - 0.5, -0.5)
    canvas.note(f"Reference: {plain(against.value_name(against.reference))}.")


def draw_forest(axes, told, confidence):
    axes.axvline(0, color="#666666", linewidth=0.9)
    known = [(y, one) for y, one in enumerate(told) if one and one["difference"] is not None]
    bars = [(y, one) for y, one in known if one["lower"] is not None]
    axes.hlines([y for y, _ in bars], [one["lower"] for _, one in bars],
                [one["upper"] for _, one in bars], color="black", linewidth=1.2)
    for shown, face in ((True, "black"), (False, "white")):
        here = [(one["difference"], y) for y, one in known
                if significant(one, confidence) == shown]
        axes.plot([x for x, _ in here], [y for _, y in here], "o", color="black", markersize=5,
                  markerfacecolor=face)
    places = {y for y, _ in known}
    missing = [y for y in range(len(told)) if y not in places]
    axes.plot([0] * len(missing), missing, "x", color="#666666", markersize=4)


def say_pooled(canvas, told):
    told = [one for one in told if one and one["difference"] is not None]
    tasks, pairs = ([one[name] for one in told] for name in ("tasks", "pairs"))
    if told:
        canvas.note(f"Each mean is over n = {span(tasks)} configurations with {span(pairs)} seeds.")


def span(values):
    return f"{min(values)}" if min(values) == max(values) else f"{min(values)} to {max(values)}"


# Curves


def intervention_survival(study, canvas):
    """Interventions: share of runs that have not stopped

    Kaplan-Meier curves of all labels, or values of the axis that is compared, a panel for each
    column of the matrix; thick and black: the reference. Where there are more than eight each has a
    panel of its own, of the one column in which they differ most; thick and grey: the reference.
    Intervals are in the figures of single configurations. A curve that ends above 0 is of runs that
    did not stop by the limit: what they do later is not known."""
    against = compared(study)
    values = [against.reference, *shown_of(canvas, against.others, TALL - 1, against.axis)]
    names = [against.value_name(value) for value in values]
    apart = len(values) > FEW
    places = by_spread(against, canvas, 1 if apart else PANELS)
    titles = [f"{against.places_axis()} {against.place_name(place)}" for place in places]
    if apart:
        panels = [(name, places[0], [values[0], value])
                  for name, value in zip(names[1:], values[1:])]
        names, styles = [names[0], "the value above a panel"], APART
        canvas.note(f"All panels: {plain(titles[0])}.")
    else:
        panels = [(title, place, values) for title, place in zip(titles, places)]
        styles = [curve_style(place, len(values)) for place in range(len(values))]
    firsts = [one.told["min"] for value in values for place in places
              if (one := against.at(value, place)) is not None and one.events]
    across = min(4 if apart else 2, len(panels))
    axes = survival_axes(canvas, len(panels), across, max(
        1, 0.75 * min(firsts, default=study.limit / 10)), study.limit * 1.04)
    counts = []
    for one, (title, place, curves) in zip(axes, panels):
        one.set_title(lines_of(title, 20 if apart else 48, 1 if apart else 2), loc="left",
                      fontsize=8 if apart else 9)
        for style, value in zip(styles, curves):  # the thick one below all
            configuration = against.at(value, place)
            if configuration is not None and configuration.told["curve"]["time"]:
                draw_one(one, configuration, study.limit, style)
                counts.append(configuration.observed)
    if not counts:
        raise NothingToDraw("no run was observed yet")
    canvas.say_how_many(counts)
    canvas.key([Line2D([], [], label=lines_of(name, 24, 1), **style)
                for name, style in zip(names, styles)])


def survival_axes(canvas, count, across, low, high):
    """So many panels, with the episodes from `low` to `high`."""
    axes = canvas.grid(math.ceil(count / across), across, {1: 4.2, 2: 2.3}.get(across, 1.15),
                       sharex=True, sharey=True)
    plain_log(axes[0, 0].xaxis, low, high)
    axes[0, 0].set_ylim(-0.02, 1.05)
    if across > 2:
        axes[0, 0].set_yticks([0, 0.5, 1])
        ticks = thin(list(axes[0, 0].get_xticks()), 3)
        axes[0, 0].set_xticks(ticks, [number(float(f"{tick:.2g}")) for tick in ticks])
    for at, one in enumerate(axes.flat):
        one.set_visible(at < count)
        one.tick_params(labelbottom=across <= 2 or at + across >= count)
        if at + across >= count:
            one.set_xlabel("episode")
        if at % across == 0:
            one.set_ylabel("share not stopped" if across <= 2 else "not stopped")
    return list(axes.flat[:count])


def by_spread(against, canvas, most):
    """The places of which panels are drawn: those where restricted means differ most, in order."""
    def spread(place):
        means = [one.told["rmst"]["value"] for value in against.values
                 if (one := against.at(value, place)) is not None
                 and one.told["rmst"]["value"] is not None]
        return max(means) - min(means) if means else -1
    chosen = sorted(against.places, key=spread, reverse=True)[:most]
    if len(chosen) < len(against.places):
        canvas.note(f"{len(chosen)} of {len(against.places)} columns shown: where restricted means "
                    "differ most.")
    return [place for place in against.places if place in chosen]


def curve_style(place, of):
    """Line of value number `place`, 0 the reference: colour, dashes and a marker."""
    if place == 0:
        return {"color": "black", "linestyle": "-", "linewidth": 2.6}
    return {"color": CURVES[place % len(CURVES)], "linestyle": DASHES[place % len(DASHES)],
            "marker": MARKERS[place % 7], "markersize": 3.5,
            "markevery": (0.02 + 0.2 * place / of, 0.2)}


def draw_one(axes, configuration, limit, style):
    curve = configuration.told["curve"]
    x, y = steps(numbers(curve["time"]), numbers(curve["survival"]), 1)
    axes.plot(np.append(x, max(limit, x[-1])), np.append(y, y[-1]), drawstyle="steps-post",
              **style | {"linewidth": style.get("linewidth", 1)})


def intervention_causes(study, canvas):
    """Interventions: why actors stop

    Share of runs that had the event by the limit, by the cause of the actor whose event it is
    (cumulative incidence, Aalen-Johansen), stacked, for each column of the matrix. Hatching shows
    the cause, as colour does. White: the runs that did not have it by the limit, whose cause is not
    known. Shares have no intervals here."""
    against = compared(study)
    places = shown_of(canvas, against.places, PANELS, "columns")
    values = [against.reference, *shown_of(canvas, against.others, TALL - 1, against.axis)]
    causes = [cause for cause in CAUSES
              if any(cause in one.told["incidence"]["causes"] for one in against.found.values())]
    if not causes:
        raise NothingToDraw("no run has had the event")
    axes = canvas.grid(1, len(places), 0.24 * len(values) + 0.9, sharex=True, sharey=True)[0]
    for one, place in zip(axes, places):
        shares = np.array([[share_of(against.at(value, place), cause) for cause in causes]
                           for value in values])
        draw_causes(one, shares, causes)
        one.set_title(plain(against.place_name(place)), fontsize=7.5)
        one.set_xlabel("share", fontsize=8)
    axes[0].set_xlim(0, 1)
    axes[0].set_xticks([0, 0.5, 1], ["0", "½", "1"])
    axes[0].set_yticks(range(len(values)), [lines_of(against.value_name(value))
                                            for value in values], fontsize=7)
    axes[0].set_ylim(len(values) - 0.5, -0.5)
    axes[0].get_yticklabels()[0].set_fontweight("bold")
    canvas.note(f"Panels: {plain(against.places_axis())}.")
    canvas.say_how_many([one.observed for one in against.found.values()])
    canvas.key([Patch(label=cause, **cause_style(cause)) for cause in causes]
               + [Patch(facecolor="white", edgecolor="#666666", label="not by the limit")])


def share_of(configuration, cause):
    """Cumulative incidence of a cause at the end; NaN where no run was observed."""
    if configuration is None or not configuration.observed:
        return math.nan
    curve = configuration.told["incidence"]["causes"].get(cause)
    return curve["share"][-1] if curve else 0.0


def cause_style(cause):
    """Colour and hatching: two that are alike in grey are hatched differently."""
    return {"facecolor": CAUSES[cause][0] if CAUSES[cause][0] != "#000000" else "#444444",
            "hatch": HATCHES[cause], "edgecolor": "white", "linewidth": 0.3}


def draw_causes(axes, shares, causes):
    axes.grid(False, axis="y")
    known = np.flatnonzero(np.isfinite(shares).all(axis=1))
    axes.barh(known, np.ones(len(known)), height=0.8, facecolor="white", edgecolor="#666666",
              linewidth=0.6)
    left = np.zeros(len(known))
    for place, cause in enumerate(causes):
        axes.barh(known, shares[known, place], left=left, height=0.8, **cause_style(cause))
        left += shares[known, place]
    for y in np.flatnonzero(~np.isfinite(shares).all(axis=1)):
        axes.text(0.5, y, "no run", ha="center", va="center", fontsize=6, color="#666666")


# Two conditions


def intervention_conditions(study, canvas):
    """Two conditions: stopping episodes and their differences

    Above: restricted mean stopping episodes, with intervals over seeds, of the reference and of the
    value of the axis whose pooled difference is the largest. Hatched: some runs (/) or all (x) did
    not stop by the limit, which counts as the limit. Below: differences paired by seed, with
    intervals. Filled: significant after adjustment. Without a bar: not compared."""
    against = compared(study)
    value = most_different(against)
    places = shown_of(canvas, against.places, WIDE, "columns")
    above, below = canvas.grid(2, 1, 2.2, sharex=True)[:, 0]
    styles = {against.reference: {"facecolor": "#dddddd"}, value: {"facecolor": "#7fb2d6"}}
    for side, (which, style) in enumerate(styles.items()):
        draw_means(above, [(x + dodge(side, 2), against.at(which, place))
                           for x, place in enumerate(places)], style)
    told = [against.compared("rmst", value, place) for place in places]
    known = [(x, one) for x, one in enumerate(told) if one and one["difference"] is not None]
    shades = ["#999999" if significant(one, study.confidence) else "white" for _, one in known]
    below.bar([x for x, _ in known], [one["difference"] for _, one in known], width=0.5,
              color=shades, edgecolor="black", linewidth=0.8)
    bars = [(x, one) for x, one in known if one["lower"] is not None]
    below.vlines([x for x, _ in bars], [one["lower"] for _, one in bars],
                 [one["upper"] for _, one in bars], color="black", linewidth=1.6)
    below.axhline(0, color="black", linewidth=0.8)
    above.axhline(study.limit, color="#666666", linewidth=0.8, linestyle=":")
    above.set_ylabel(f"RMST({study.limit}), episodes")
    below.set_ylabel("difference, episodes")
    below.set_xticks(range(len(places)), [plain(against.place_name(place)) for place in places],
                     fontsize=7, rotation=90 if len(places) > 5 else 0)
    below.set_xlabel(plain(against.places_axis()))
    say_pairs(canvas, [one for _, one in known])
    say_test(canvas, against, study, "rmst", "comparisons")
    canvas.key([Patch(edgecolor="black", linewidth=0.6, **style,
                      label=lines_of(against.value_name(which), 40, 1))
                for which, style in styles.items()])


def most_different(against):
    """The value whose pooled difference of restricted means is the largest."""
    known = {value: abs(told["difference"]) for value in against.others
             if (told := against.pooled.get(("rmst", value))) and told["difference"] is not None}
    if not known:
        raise NothingToDraw("no difference can be estimated")
    return max(known, key=known.get)


def draw_means(axes, bars, style):
    for x, one in bars:
        if one is None or one.told["rmst"]["value"] is None:
            continue
        told = one.told["rmst"]
        axes.bar(x, told["value"], width=0.35, hatch=hatch_of(one), edgecolor="black",
                 linewidth=0.6, **style)
        if told["lower"] is not None:
            axes.vlines(x, told["lower"], told["upper"], color="black", linewidth=1.4)
