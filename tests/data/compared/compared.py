# SPDX-License-Identifier: MIT
"""Make the figures of this folder: cases.csv from NumPy's generators, figures.csv from cases.csv.

Everything is done the long way: each draw writes its runs out and calls SciPy on them, each flip
exchanges the runs themselves. Words come from NumPy's Mersenne Twister, as src/stats draws them.
"""
import csv
import itertools
import sys
from pathlib import Path

import numpy as np
from scipy import stats

DRAWS, SEED, CONFIDENCE, PERMUTATIONS, LIMIT = 150, 7, 0.9, 199, 500.0
EXACT = 12  # PAIRED_EXACT
COLUMNS = ["case", "side", "task", "seed", "value", "time", "status", "kept"]
FIGURES = ["case", "figure", "tau", "value", "error", "lower", "upper", "clusters", "left_out", "p"]

# name: tasks, seeds of x, seeds of y, whole numbers (with ties), share of runs left out
CASES = {
    "complete": (3, range(1, 11), range(1, 11), False, 0.0),
    "ties": (2, range(5), range(5), True, 0.0),
    "uneven": (4, range(2, 12), range(12), True, 0.4),
    "apart": (2, range(4), range(4, 7), True, 0.0),
    "many": (2, range(100, 115), range(100, 116), False, 0.1),
    "long": (1, range(40), range(40), False, 0.0),
    "three": (1, range(3), range(3), False, 0.0),
    "one": (2, [42], [42], True, 0.0),
}


def make_cases(folder):
    """Draw the runs; one task of `uneven` has runs of x alone."""
    rng = np.random.RandomState(2026)
    rows = []
    for case, (tasks, *seeds, whole, left_out) in CASES.items():
        for side, task in itertools.product("xy", range(tasks)):
            for seed in seeds["xy".index(side)]:
                value = 10.0 * task + (2.0 if side == "x" else 0.0) + 3.0 * rng.standard_normal()
                time = 1.0 + np.floor(rng.exponential(300.0 if side == "x" else 200.0))
                status = int(time < LIMIT and rng.uniform() < 0.8)
                kept = int(rng.uniform() < (0.7 if side == "x" else 0.4))
                if rng.uniform() < left_out or (case, side, task) == ("uneven", "y", 3):
                    continue
                rows.append([case, side, task, seed, round(value, 0 if whole else 4) + 0.0,
                             min(time, LIMIT), status, kept])
    with open(folder / "cases.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])


def words():
    """Words of MT19937, seeded by an array of one word."""
    generator = np.random.RandomState([SEED])
    while True:
        yield int.from_bytes(generator.bytes(4), "little")


def interval(value, draws, clusters, scale, possible):
    """Error and interval of bootstrap.h; none without a spread."""
    none = (np.nan, np.nan)
    freedom = clusters - 1
    if freedom < 1:
        return np.nan, none
    error = np.std(draws, ddof=1)
    if freedom < 2 or error <= 1e-12 * scale:
        return error, none
    t = stats.t.ppf((1 + CONFIDENCE) / 2, freedom)
    skewness = np.mean(((draws - np.mean(draws)) / error) ** 3)
    skewness *= np.sqrt(clusters * freedom) / (freedom - 1)
    shift = skewness * (1 + 2 * t * t) / 6
    step = np.sqrt(clusters / freedom) * error
    ends = np.array([value - step * (t + max(-shift, 0)), value + step * (t + max(shift, 0))])
    return error, tuple(np.clip(ends, *possible))


def bootstrap(figure, runs, seeds, stream, scale, possible):
    """`figure` of the runs, its error and interval; `seeds` rise."""
    value = figure(runs)
    by_seed = {seed: [run for run in runs if run["seed"] == seed] for seed in seeds}
    draws = []
    while len(draws) < DRAWS and not np.isnan(value):
        drawn = [seeds[(next(stream) * len(seeds)) >> 32] for _ in seeds]
        draw = figure([run for seed in drawn for run in by_seed[seed]])
        if not np.isnan(draw):
            draws.append(draw)
    return (value, *interval(value, np.array(draws), len(seeds), scale, possible))


def of(runs, side, task=None, what="value"):
    """Numbers of a side, of one task or all."""
    return np.array([run[what] for run in runs
                     if run["side"] == side and task in (None, run["task"])])


def improvement(runs):
    """rliable's probability_of_improvement, of the tasks that both sides have."""
    of_tasks = []
    for task in sorted({run["task"] for run in runs}):
        x, y = of(runs, "x", task), of(runs, "y", task)
        if len(x) and len(y):
            of_tasks.append(stats.mannwhitneyu(x, y, alternative="greater",
                                               method="asymptotic")[0] / (len(x) * len(y)))
    return np.mean(of_tasks) if of_tasks else np.nan


def restricted_mean(runs, side, task):
    """Area under the Kaplan-Meier curve up to the limit."""
    time, status = of(runs, side, task, "time"), of(runs, side, task, "status")
    area, survival, before = 0.0, 1.0, 0.0
    for at in np.unique(time[time < LIMIT]):
        area += survival * (at - before)
        survival *= 1 - np.sum((time == at) & (status > 0)) / np.sum(time >= at)
        before = at
    return area + survival * (LIMIT - before)


def pooled_rmst(runs):
    """Mean over tasks of the difference of restricted means."""
    return np.mean([restricted_mean(runs, "x", task) - restricted_mean(runs, "y", task)
                    for task in sorted({run["task"] for run in runs})])


def mean_difference(what):
    """Mean of x - y over pairs."""
    return lambda runs: (np.sum(of(runs, "x", what=what)) - np.sum(of(runs, "y", what=what))
                         ) / (len(runs) / 2)


def flipped(runs, seeds):
    """Exchange x and y of these seeds, in all tasks."""
    other = {"x": "y", "y": "x"}
    return [dict(run, side=other[run["side"]]) if run["seed"] in seeds else run for run in runs]


def all_flips(seeds):
    """All sets of seeds without the first one, whose flip changes but the sign of all."""
    for signs in itertools.product([False, True], repeat=len(seeds) - 1):
        yield {seed for seed, sign in zip(seeds[1:], signs) if sign}


def p_of(figure, runs, seeds, stream, scale):
    """p by all flips, or by some that are drawn."""
    far = abs(figure(runs)) - 1e-12 * scale
    if len(seeds) < 2:
        return np.nan
    if len(seeds) <= EXACT:
        return np.mean([abs(figure(flipped(runs, flips))) >= far for flips in all_flips(seeds)])
    hits = 0
    for _ in range(PERMUTATIONS):
        flips = {seed for seed in seeds[1:] if next(stream) >> 31}
        hits += abs(figure(flipped(runs, flips))) >= far
    return (1 + hits) / (1 + PERMUTATIONS)


def p_of_shares(runs, seeds):
    """Exact p of McNemar's test; of several pairs of a seed by flipping seeds."""
    x, y = of(runs, "x", what="kept"), of(runs, "y", what="kept")
    if len(seeds) < 2:
        return np.nan
    if len(x) == len(seeds):  # runs of both sides are in the order of their seeds
        only_x, only_y = int(np.sum(x > y)), int(np.sum(x < y))
        return stats.binomtest(only_x, only_x + only_y).pvalue if only_x + only_y else 1.0
    net = np.array([np.sum(of([run for run in runs if run["seed"] == seed], "x", what="kept"))
                    - np.sum(of([run for run in runs if run["seed"] == seed], "y", what="kept"))
                    for seed in seeds])
    signs = np.array(list(itertools.product([-1, 1], repeat=len(seeds))))
    return np.mean(np.abs(signs @ net) >= abs(np.sum(net)))


def paired_figures(case, runs):
    """Figures of pairs of a seed and task."""
    keys = [{(run["task"], run["seed"]) for run in runs if run["side"] == side} for side in "xy"]
    both, left_out = keys[0] & keys[1], len(keys[0] ^ keys[1])
    runs = [run for run in runs if (run["task"], run["seed"]) in both]
    seeds = sorted({seed for _, seed in both})
    if not seeds:
        return
    largest = max(abs(run["value"]) for run in runs)
    for name, figure, scale, most, out in (
            ("rmst", pooled_rmst, LIMIT, LIMIT, left_out),
            ("mean", mean_difference("value"), largest, np.inf, 0),
            ("share", mean_difference("kept"), 1.0, 1.0, 0)):
        stream = words()
        value, _, ends = bootstrap(figure, runs, seeds, stream, scale, (-most, most))
        p = (p_of_shares(runs, seeds) if name == "share"
             else p_of(figure, runs, seeds, stream, scale))
        yield [case, name, "", value, "", *ends, len(seeds), out, p]


def score_figures(case, runs):
    """Figures of scores."""
    tasks = [{run["task"] for run in runs if run["side"] == side} for side in "xy"]
    shared = [run for run in runs if run["task"] in tasks[0] & tasks[1]]
    seeds = sorted({run["seed"] for run in shared})
    value, error, ends = bootstrap(improvement, shared, seeds, words(), 1.0, (0, 1))
    yield [case, "improvement", "", value, error, *ends, len(seeds), "", ""]
    runs = [run for run in runs if run["side"] == "x"]
    seeds = sorted({run["seed"] for run in runs})
    value, error, ends = bootstrap(lambda runs: stats.trim_mean(of(runs, "x"), 0.25), runs, seeds,
                                   words(), np.max(np.abs(of(runs, "x"))), (-np.inf, np.inf))
    yield [case, "iqm", "", value, error, *ends, len(seeds), "", ""]
    for tau in (25.0, -3.0, 2.0, 3.0, 11.5, -100.0):
        value, error, ends = bootstrap(lambda runs, tau=tau: np.mean(of(runs, "x") > tau), runs,
                                       seeds, words(), 1.0, (0, 1))
        yield [case, "profile", tau, value, error, *ends, len(seeds), "", ""]


def make_figures(folder):
    """Compute all figures of all cases."""
    cases = {}
    with open(folder / "cases.csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            run = {key: row[key] if key == "side" else float(row[key]) for key in COLUMNS[1:]}
            cases.setdefault(row["case"], []).append(run)
    with open(folder / "figures.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(FIGURES)
        for case, runs in cases.items():
            for row in itertools.chain(paired_figures(case, runs), score_figures(case, runs)):
                writer.writerow([repr(float(cell)) if isinstance(cell, float) else cell
                                 for cell in row])


if __name__ == "__main__":
    FOLDER = Path(sys.argv[1])
    make_cases(FOLDER)
    make_figures(FOLDER)
