# SPDX-License-Identifier: MIT
"""ccmsweep aggregate: every figure made a second time from the file, with NumPy alone; the forms
of the report agree; files of all states; what is refused."""
import csv
import io
import itertools
import json
import math
import os
import re
import signal
import subprocess
import time

import h5py
import numpy as np
import pytest
import synthetic
from program import LONG, PROGRAM, listing, run, start, wait_for
from synthetic import CENSORED, DIVERGED, EVENTS, FAILED, INTERRUPTED, QUARANTINED, RUNNING, STOPPED

SMALL = """\
training: {batch: 8, episodes: %d}
environment: {agents: %d}
networks: {critic_hidden1: 32, critic_hidden2: 16}
tracking: {log_every: 50, snapshot_every: 0}
evaluation: {every: 50, episodes: 1}
grid:
%s
"""
GRID = """\
  actor_lr: [0.1, 0.001]
  critic_lr: [0.01, 0.001, 0.0001]
  seed: 1-8
"""
ENDPOINTS = {"all": lambda actors: actors, "half": lambda actors: (actors + 1) // 2,
             "first": lambda actors: 1}
CAUSES = ["none", "nan", "critic_dead", "tanh_hard", "actor_dead", "mixed", "diverged"]
FATES = {"events", "censored", "diverged", "ended_early", "unfinished", "pending", "failed",
         "quarantined"}
FEW = ["--bootstrap", "50", "--permutations", "99"]


def aggregate(path, *words, few=True):
    done = run("aggregate", path, "--format", "json", *words, *(FEW if few else []))
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def text(path, *words):
    done = run("aggregate", path, *words, *FEW)
    assert (done.returncode, done.stderr) == (0, "")
    assert not re.search(r" nan\b(?! \[)|\binf\b| $", done.stdout, re.M) or "csv" in words
    return done.stdout


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A sweep that was trained."""
    folder = tmp_path_factory.mktemp("swept")
    (folder / "s.yaml").write_text(SMALL % (400, 3, GRID))
    done = run("run", "s.yaml", "-o", "s.h5", "--progress", "none", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "s.h5"


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A sweep with runs in every state."""
    path = synthetic.make(tmp_path_factory.mktemp("mixed"), SMALL % (400, 5, GRID))
    kinds = [STOPPED] * 12 + [CENSORED] * 8 + [DIVERGED] * 3 + [FAILED, QUARANTINED, INTERRUPTED,
                                                               RUNNING, 0]
    outcomes = np.random.default_rng(3).permutation([*kinds, *kinds[:20]])
    synthetic.fill(path, outcomes)
    return path


@pytest.fixture(params=["swept", "mixed"])
def file(request):
    return request.getfixturevalue(request.param)


# The same a second time


class Runs:
    """What each run says of an event, read and decided here."""

    def __init__(self, path, event, endpoint, limit):
        with h5py.File(path) as file:
            self.rows = {name: file[name][:] for name in (
                *EVENTS, "cause", "reward", "total_episodes", "evaluation_reward", "outcome",
                "actor_lr", "critic_lr", "seed", "commit")}
            self.episode = file["volatile/progress_episode"][:]
        self.limit, self.event, self.endpoint = limit, event, endpoint
        self.own_limit = self.rows["reward"].shape[1]
        self.of = [self.observe(number) for number in range(len(self.episode))]

    def observe(self, number):
        rows, limit = self.rows, self.limit
        outcome, done = rows["outcome"][number], rows["commit"][number].any()
        found = {"seed": rows["seed"][number], "time": None, "cause": None, "returns": {},
                 "key": (rows["actor_lr"][number], rows["critic_lr"][number])}
        if not done:
            known = self.episode[number] > 0
            return found | {"fate": "unfinished" if known else "pending",
                            "time": min(self.episode[number], limit) if known else None}
        if outcome in (FAILED, QUARANTINED):
            return found | {"fate": "failed" if outcome == FAILED else "quarantined"}
        times, total = rows[self.event][number], rows["total_episodes"][number]
        seen = sorted(times[times >= 0])
        wanted = ENDPOINTS[self.endpoint](len(times))
        at = seen[wanted - 1] if len(seen) >= wanted else math.inf
        if at <= limit:
            fate, last = "events", at
            found["cause"] = CAUSES[rows["cause"][number][np.flatnonzero(times == at)[0]]]
        else:
            last = min(total, limit)
            fate = ("censored" if total >= limit else "diverged" if outcome == DIVERGED
                    else "ended_early" if total < self.own_limit else "censored")
        if fate == "diverged":
            found["cause"] = "diverged"
        reward = rows["reward"][number][:total]
        returns = {"end": reward[-100:].mean(), "training": reward.mean()}
        if fate == "events":
            returns["stopping"] = reward[max(0, at - 100):at].mean()
        evaluated = rows["evaluation_reward"][number][:total // 50]
        if len(evaluated):
            returns["evaluation"] = evaluated[-1]
        zero, change = rows["gradient_zero"][number], rows["last_change"][number]
        both = (zero >= 0) & (change >= 0)
        return found | {"fate": fate, "time": last, "returns": returns,
                        "tails": (change - zero + 1)[both]}

    def configuration(self, axes):
        key = axes["actor_lr"], axes["critic_lr"]
        return [one for one in self.of if one["key"] == key]


def kaplan_meier(times, events):
    """Points of the curve: time, at risk, events, survival."""
    points, survival = [], 1.0
    for at in np.unique(times):
        risk, died = np.sum(times >= at), np.sum(events[times == at])
        survival *= 1 - died / risk
        points.append((at, risk, died, survival))
    return points


def area(points, low, high):
    """Integral of the curve between two times."""
    total, before, survival = 0.0, low, 1.0
    for at, _, _, after in points:
        if at > low:
            total += survival * max(0, min(at, high) - before)
            before = max(before, min(at, high))
        survival = after
    return total + survival * max(0, high - before)


def restricted_mean(times, events, limit):
    points = kaplan_meier(times, events)
    variance = sum(area(points, at, limit) ** 2 * died / (risk * (risk - died))
                   for at, risk, died, _ in points if died and risk > died and at <= limit)
    return area(points, 0, limit), math.sqrt(variance)


def median_of(points):
    """Where the curve is at a half, or in the middle of where it stays there."""
    for place, (at, _, _, survival) in enumerate(points):
        if survival <= 0.5 + 1.5e-8:
            later = [t for t, _, died, _ in points[place + 1:] if died]
            flat = abs(survival - 0.5) <= 1.5e-8 and later
            return (at + later[0]) / 2 if flat else at
    return None


def incidence_of(one, times, causes):
    """Share that has had the event of a cause, in the end."""
    share, survival = 0.0, 1.0
    for at in np.unique(times):
        risk, here = np.sum(times >= at), causes[times == at]
        share += survival * np.sum(here == one) / risk
        survival *= 1 - np.sum(here != None) / risk  # noqa: E711 (an array)
    return share


def tail_of_binomial(hits, trials, p):
    return sum(math.comb(trials, k) * p ** k * (1 - p) ** (trials - k)
               for k in range(hits, trials + 1))


def close(value, expected):
    return value == pytest.approx(expected, rel=1e-9, abs=1e-9)


def check_times(told, runs, limit):
    seen = [one for one in runs if one["time"] is not None]
    times = np.array([one["time"] for one in seen], float)
    events = np.array([one["fate"] == "events" for one in seen])
    assert told["observed"] == len(seen)
    assert told["seeds"] == len({one["seed"] for one in seen})
    stops = times[events]
    assert (told["min"], told["max"]) == ((stops.min(), stops.max()) if len(stops)
                                          else (None, None))
    if not seen:
        assert told["rmst"]["value"] is None and told["curve"]["time"] == []
        return
    points = kaplan_meier(times, events)
    curve = told["curve"]
    for name, place in (("time", 0), ("at_risk", 1), ("events", 2), ("survival", 3)):
        assert close(curve[name], [point[place] for point in points])
    assert told["median"]["value"] == median_of(points)
    assert told["median"]["value_after"] == (times.max() if median_of(points) is None else None)
    mean, error = restricted_mean(times, events, limit)
    assert close(told["rmst"]["value"], mean)
    if told["seeds"] > 1 and len(stops):
        assert close(told["rmst"]["error"], error)
        assert told["rmst"]["lower"] <= mean + 1e-9 and mean - 1e-9 <= told["rmst"]["upper"]
    else:
        assert told["rmst"]["error"] is told["rmst"]["lower"] is told["rmst"]["upper"] is None
    causes = np.array([one["cause"] for one in seen], object)
    got = told["incidence"]["causes"]
    assert got.keys() == {cause for cause in causes if cause}
    for cause, curve in got.items():
        assert close(curve["share"][-1], incidence_of(cause, times, causes))
        assert curve["count"] == np.sum(causes == cause)


def check_never(told, runs, limit):
    never = [one for one in runs if one["fate"] == "censored" and one["time"] >= limit]
    hits = len(never)
    trials = hits + sum(one["fate"] in ("events", "diverged") for one in runs)
    got = told["never"]
    assert (got["count"], got["of"]) == (hits, trials)
    if trials == 0 or told["seeds"] < 2:
        assert got["lower"] is got["upper"] is None
        return
    assert close(got["share"], hits / trials)
    if hits:
        assert close(tail_of_binomial(hits, trials, got["lower"]), 0.025)
    else:
        assert got["lower"] == 0
    if hits < trials:
        assert close(1 - tail_of_binomial(hits + 1, trials, got["upper"]), 0.025)
    else:
        assert got["upper"] == 1


def trimmed_mean(values):
    cut = len(values) // 4
    return np.sort(values)[cut:len(values) - cut].mean()


def check_returns(told, runs):
    for kind, got in told["returns"].items():
        values = [one["returns"][kind] for one in runs if kind in one["returns"]]
        if kind == "stopping":
            missing = sum(one["time"] is not None and kind not in one["returns"] for one in runs)
        else:
            missing = sum("tails" in one and kind not in one["returns"] for one in runs)
        assert (got["runs"], got["missing"]) == (len(values), missing)
        assert got["estimable"] == (bool(values) and not missing)
        if got["estimable"]:
            assert close(got["mean"]["value"], np.mean(values))
            assert close(got["iqm"]["value"], trimmed_mean(values))
            lower, upper = got["mean"]["lower"], got["mean"]["upper"]
            assert lower is upper is None if len(values) < 2 else lower <= np.mean(values) <= upper
        else:
            assert got["mean"]["value"] is got["iqm"]["value"] is got["mean"]["lower"] is None


def check_tail(told, runs):
    tails = [one["tails"] for one in runs if len(one.get("tails", []))]
    got = told["tail"]
    assert got["actors"] == sum(map(len, tails))
    if tails:
        assert close(got["value"], np.mean([tail.mean() for tail in tails]))
        assert (got["min"], got["max"]) == (min(map(min, tails)), max(map(max, tails)))


@pytest.mark.parametrize("limit", [None, 150])
@pytest.mark.parametrize("event, endpoint", itertools.product(EVENTS, ENDPOINTS))
def test_figures(event, endpoint, limit, file):
    words = ["--event", event, "--endpoint", endpoint]
    told = aggregate(file, *words, *([] if limit is None else ["--limit", limit]))
    limit = limit or 400
    runs = Runs(file, event, endpoint, limit)
    assert told["options"]["limit"] == limit and told["runs"] == 48
    assert len(told["configurations"]) == 6
    for configuration in told["configurations"]:
        mine = runs.configuration(configuration["axes"])
        fates = configuration["fates"]
        assert fates.keys() == FATES and sum(fates.values()) == configuration["runs"] == 8
        assert fates == {fate: sum(one["fate"] == fate for one in mine) for fate in FATES}
        assert configuration["done"] == sum("tails" in one for one in mine)
        assert [gap["seed"] for gap in configuration["gaps"]] == [
            one["seed"] for one in mine if one["fate"] in ("failed", "quarantined")]
        check_times(configuration, mine, limit)
        check_never(configuration, mine, limit)
        check_tail(configuration, mine)
        check_returns(configuration, mine)


def holm(values):
    order = sorted((p, place) for place, p in enumerate(values) if p is not None)
    adjusted, largest = [None] * len(values), 0
    for rank, (p, place) in enumerate(order):
        largest = max(largest, min(1, (len(order) - rank) * p))
        adjusted[place] = largest
    return adjusted


def paired_by_seed(runs, one, other, limit):
    """Difference of restricted means of the seeds that both have, and its p by all flips."""
    sides = [{run["seed"]: run for run in runs.configuration(axes) if run["time"] is not None}
             for axes in (one, other)]
    seeds = sorted(sides[0].keys() & sides[1].keys())

    def difference(flips):
        means = []
        for side in (0, 1):
            chosen = [sides[side ^ flip][seed] for seed, flip in zip(seeds, flips)]
            times = np.array([run["time"] for run in chosen], float)
            events = np.array([run["fate"] == "events" for run in chosen])
            means.append(restricted_mean(times, events, limit)[0])
        return means[0] - means[1]
    if not seeds:
        return 0, None, None
    found = difference([0] * len(seeds))
    if len(seeds) < 2:
        return len(seeds), found, None
    flips = [difference(flips) for flips in itertools.product((0, 1), repeat=len(seeds))]
    return len(seeds), found, np.mean(np.abs(flips) >= abs(found) - 1e-9 * limit)


def test_comparisons(file):
    told = aggregate(file, "--event", "gradient_zero", "--endpoint", "half")
    runs = Runs(file, "gradient_zero", "half", 400)
    places = [one["axes"] for one in told["configurations"]]
    means = [one["rmst"]["value"] for one in told["configurations"]]
    assert means[told["reference"]] == max(means)
    reference = [c for c in told["comparisons"] if c["family"] == "reference"]
    assert [c["a"] for c in reference] == [i for i in range(6) if i != told["reference"]]
    assert {c["b"] for c in reference} == {told["reference"]}
    for axis, values in (("actor_lr", [0.001, 0.1]), ("critic_lr", [0.0001, 0.001, 0.01])):
        family = [c for c in told["comparisons"] if c["axis"] == axis]
        assert len(family) == (3 if axis == "actor_lr" else 4)
        for one in family:
            above, below = places[one["a"]], places[one["b"]]
            assert values.index(above[axis]) == values.index(below[axis]) + 1
            assert all(above[other] == below[other] for other in above if other != axis)
    for family in ("reference", "actor_lr", "critic_lr"):
        members = [c for c in told["comparisons"] if (c["axis"] or "reference") == family]
        assert close([c["p_holm"] for c in members], holm([c["p"] for c in members]))
    for c in told["comparisons"][::3]:
        pairs, difference, p = paired_by_seed(runs, places[c["a"]], places[c["b"]], 400)
        assert c["pairs"] == pairs and c["exact"]
        assert close(c["difference"], difference) and close(c["p"], p)
        if pairs > 1:
            assert c["lower"] <= difference + 1e-9 and difference - 1e-9 <= c["upper"]


def logrank(groups, strata, times, events):
    """chi2 of two groups."""
    excess = variance = 0.0
    for stratum in set(strata):
        inside = strata == stratum
        for at in np.unique(times[inside & events]):
            risk = inside & (times >= at)
            n, first, died = risk.sum(), (risk & groups).sum(), (risk & events & (times == at)).sum()
            excess += (risk & events & (times == at) & groups).sum() - died * first / n
            if n > 1:
                variance += died * first / n * (1 - first / n) * (n - died) / (n - 1)
    return excess ** 2 / variance


def test_log_rank(mixed):
    told = aggregate(mixed, "--endpoint", "first")
    runs = [one for one in Runs(mixed, "first_still", "first", 400).of if one["time"] is not None]
    assert [(t["axis"], t["family"]) for t in told["tests"]] == [
        ("actor_lr", "stratified"), *[("actor_lr", "within")] * 3,
        ("critic_lr", "stratified"), *[("critic_lr", "within")] * 2]
    for one in told["tests"][:4]:
        mine = [r for r in runs if one["within"] is None
                or r["key"][1] == one["within"]["critic_lr"]]
        chi2 = logrank(np.array([r["key"][0] == 0.1 for r in mine]),
                       np.array([r["key"][1] for r in mine]),
                       np.array([r["time"] for r in mine]),
                       np.array([r["fate"] == "events" for r in mine]))
        assert one["runs"] == len(mine) and one["df"] == 1 and close(one["chi2"], chi2)
        assert close(one["p"], math.erfc(math.sqrt(chi2 / 2)))
        assert 0.01 <= one["p_permuted"] <= 1
    within = [t for t in told["tests"] if t["family"] == "within" and t["axis"] == "critic_lr"]
    assert [t["df"] for t in within] == [2, 2] and [t["groups"] for t in within] == [3, 3]
    assert close([t["p_holm"] for t in within], holm([t["p_permuted"] for t in within]))


def test_draws_are_repeated(mixed):
    first, second = aggregate(mixed), aggregate(mixed)
    other = aggregate(mixed, "--draw-seed", 2)
    del first["time"], second["time"]
    assert first == second
    bounds = [[c["rmst"]["lower"] for c in told["configurations"]] for told in (first, other)]
    assert bounds[0] != bounds[1]


# The forms of the report


def number(value):
    return math.nan if value is None else value


def test_csv_has_the_figures_of_json(file):
    told = aggregate(file)
    rows = list(csv.DictReader(io.StringIO(text(file, "--format", "csv"))))
    for configuration in told["configurations"]:
        axes = {name: str(value) for name, value in configuration["axes"].items()}
        mine = [row for row in rows if all(float(row[name] or "nan") == float(value)
                                           for name, value in axes.items())]
        figures = {row["quantity"]: row for row in mine if row["kind"] == "configuration"}
        for fate, count in configuration["fates"].items():
            assert float(figures[fate]["value"]) == count
        expected = {"rmst": configuration["rmst"], "tail": configuration["tail"]}
        for kind, got in configuration["returns"].items():
            expected |= {f"return_{kind}_mean": got["mean"], f"return_{kind}_iqm": got["iqm"]}
        for name, figure in expected.items():
            for key in ("value", "error", "lower", "upper"):
                assert np.array_equal(float(figures[name][key] or "nan"), number(figure[key]),
                                      equal_nan=True), (name, key)
        for name in ("median", "iqm"):
            for key in ("value", "lower", "upper"):
                later = configuration[name][f"{key}_after"] is not None
                figure = math.inf if later else number(configuration[name][key])
                assert np.array_equal(float(figures[name][key] or "nan"), figure, equal_nan=True)
        curve = [row for row in mine if row["quantity"] == "survival"]
        assert [float(row["value"]) for row in curve] == configuration["curve"]["survival"]
        assert [int(row["n"]) for row in curve] == configuration["curve"]["at_risk"]
        for cause, incidence in configuration["incidence"]["causes"].items():
            share = [float(r["value"]) for r in mine if r["quantity"] == f"incidence_{cause}"]
            assert share == incidence["share"]
    for kind, key, value, p in (("comparison", "comparisons", "difference", "p"),
                                ("test", "tests", "chi2", "p_permuted")):
        mine = [row for row in rows if row["kind"] == kind]
        assert len(mine) == len(told[key]) > 0
        for row, one in zip(mine, told[key]):
            assert np.array_equal(float(row["value"] or "nan"), number(one[value]), equal_nan=True)
            assert np.array_equal(float(row["p_permuted"] or "nan"), number(one[p]),
                                  equal_nan=True)
    assert [row["note"] for row in rows if row["kind"] == "warning"] == told["warnings"]


def cells_of(line):
    return re.split(r"  +", line.strip())


def test_table_has_the_figures_of_json(file):
    told, shown = aggregate(file), text(file)
    tables = dict((block.split("\n", 1)) for block in shown.split("\n\n")[1:])
    grid = next(table for title, table in tables.items() if title.startswith("Mean episode"))
    heading, *rows = map(cells_of, grid.splitlines())
    assert heading == ["actor_lr / critic_lr", "0.0001", "0.001", "0.01"]
    places = {(row[0], rate): cell for row in rows for rate, cell in zip(heading[1:], row[1:])}
    times = tables["Episode of first_still of the last actor"].splitlines()[1:7]
    for one, line in zip(told["configurations"], times):
        axes = tuple(map(str, one["axes"].values()))
        count = f"({one['fates']['events']}/{one['observed']})"
        assert places[axes] == f"{one['rmst']['value']:.1f} {count}"
        cells = cells_of(line)
        assert tuple(cells[:3]) == (*axes, f"{one['done']}/{one['runs']}")
        assert any(cell.split(" [")[0] == f"{one['rmst']['value']:.1f}" for cell in cells)
        assert any(cell.startswith(f"{one['never']['share']:.2f}") for cell in cells)
    for warning in told["warnings"]:
        assert f"warning: {warning}" in re.sub(r"\s+", " ", shown)
    assert "Log-rank tests" in tables


def test_latex_has_the_rows_of_the_table(file):
    shown, latex = text(file), text(file, "--format", "latex")
    plain = latex.replace("$-$", "-").replace("$>$", ">").replace("\\_", "_").replace("\\%", "%")
    rows = [line.removesuffix(" \\\\").split(" & ") for line in plain.splitlines()
            if line.endswith("\\\\") and " & " in line]
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    for row in rows:
        assert " ".join(" ".join(row).split()) in lines
    assert latex.count("\\begin{longtable}") == latex.count("\\end{longtable}") > 5
    assert latex.count("{") - latex.count("\\{") == latex.count("}") - latex.count("\\}")
    assert not re.search(r"(?<!\\)[_#&](?!\w*}| )", latex.replace(" & ", ""))


@pytest.mark.parametrize("form", ["table", "csv", "json", "latex"])
def test_written_to_a_file(form, swept, tmp_path):
    (tmp_path / "out").write_text("old")
    done = run("aggregate", swept, "--format", form, "-o", tmp_path / "out", *FEW)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    shown = run("aggregate", swept, "--format", form, *FEW).stdout
    written = (tmp_path / "out").read_text()
    at = re.compile(r'"time": \d+\.\d+')
    assert at.sub("", written) == at.sub("", shown) and listing(tmp_path) == ["out"]


# States of a sweep


def test_looking_changes_nothing(mixed):
    before = mixed.read_bytes(), mixed.stat().st_mtime_ns, listing(mixed.parent)
    text(mixed)
    assert (mixed.read_bytes(), mixed.stat().st_mtime_ns, listing(mixed.parent)) == before


def one_warning(told, words):
    found = [warning for warning in told["warnings"] if words in warning]
    assert len(found) == 1, told["warnings"]
    return found[0]


def test_warnings(mixed):
    told = aggregate(mixed, "--event", "hard_saturation")
    fates = told["fates"]
    unfinished = one_warning(told, "the sweep is not finished")
    assert f"{fates['unfinished']} have begun" in unfinished and "Short runs" in unfinished
    assert f"of {fates['pending']} nothing is known" in unfinished
    for fate, words in (("failed", " failed and"), ("quarantined", "quarantined and"),
                        ("ended_early", "ended early"), ("diverged", "diverged before")):
        assert fates[fate] > 0
        assert one_warning(told, words).startswith(f"{fates[fate]} run")
    gaps = [(c["axes"], gap["seed"]) for c in told["configurations"] for gap in c["gaps"]
            if gap["fate"] == "failed"]
    axes, seed = gaps[0]
    assert f"actor_lr {axes['actor_lr']}, critic_lr {axes['critic_lr']}, seed {seed}" in \
        one_warning(told, " failed and")


def test_a_sweep_that_is_done_has_no_warning(swept):
    assert aggregate(swept)["warnings"] == []


def test_a_sweep_that_has_not_begun(tmp_path):
    path = synthetic.make(tmp_path, SMALL % (400, 3, GRID))
    told = aggregate(path)
    assert told["fates"]["pending"] == 48 and told["reference"] is None
    assert told["comparisons"] == told["tests"] == []
    one_warning(told, "the sweep is not finished")
    one_warning(told, "no configuration has more than one seed")
    assert "- (0/0)" in text(path)


def test_a_training_that_runs(tmp_path):
    path = tmp_path / "t.h5"
    process = start(*LONG, "-o", path, cwd=tmp_path)
    wait_for(path)
    time.sleep(0.5)
    during = aggregate(path)
    assert process.poll() is None
    process.send_signal(signal.SIGUSR1)
    process.communicate(timeout=60)
    assert process.returncode == 75
    after = aggregate(path)
    assert during["locked"] and not after["locked"]
    assert during["fates"]["unfinished"] + during["fates"]["pending"] == 1
    assert after["fates"]["unfinished"] == 1
    with h5py.File(path) as file:
        episode = file["volatile/progress_episode"][0]
    (configuration,) = after["configurations"]
    assert configuration["curve"]["time"] == [episode] and episode > 0
    assert configuration["curve"]["censored"] == [1]
    one_warning(after, "the sweep is not finished")
    assert "-" in text(path)


ONE = "  actor_lr: [0.1, 0.001]\n  critic_lr: [0.01, 0.001]\n  seed: [7]\n"


def test_one_seed(tmp_path):
    path = synthetic.make(tmp_path, SMALL % (400, 3, ONE))
    synthetic.fill(path, [STOPPED, STOPPED, CENSORED, STOPPED])
    told, shown = aggregate(path), text(path)
    one_warning(told, "no configuration has more than one seed")
    assert "[1" not in shown and not re.search(r"\d \[\S+, \S+\]", shown)
    for one in told["configurations"]:
        for figure in (one["rmst"], one["median"], one["never"], one["iqm"], one["tail"]):
            assert figure["lower"] is None and figure["upper"] is None
        assert set(one["curve"]["lower"]) == {None}
    for one in told["comparisons"]:
        assert one["pairs"] == 1 and one["p"] is one["lower"] is None and one["note"]


def test_long_runs_are_read_in_pieces(tmp_path):
    grid = "  actor_lr: [0.1]\n  seed: 1-5\n"
    path = synthetic.make(tmp_path, SMALL % (300000, 2, grid))
    synthetic.fill(path, [STOPPED, DIVERGED, CENSORED, FAILED, STOPPED])
    (told,) = aggregate(path)["configurations"]
    mine = Runs(path, "first_still", "all", 300000).of
    check_times(told, mine, 300000)
    check_returns(told, mine)


def test_few_seeds_are_said_to_be_few(tmp_path):
    path = synthetic.make(tmp_path, SMALL % (400, 3, ONE.replace("[7]", "1-3")))
    synthetic.fill(path, [STOPPED] * 12)
    told = aggregate(path)
    assert "3 seeds are too few" in one_warning(told, "too few")
    assert all(c["too_few"] and c["note"].startswith("too few seeds: p is 0.25 at least")
               for c in told["comparisons"])


# Options


def test_pooled_axes(swept):
    told = aggregate(swept, "--by", "critic_lr", "--reference", "critic_lr=0.001")
    assert [one["axes"] for one in told["configurations"]] == [
        {"critic_lr": 0.01}, {"critic_lr": 0.001}, {"critic_lr": 0.0001}]
    assert all(one["runs"] == 16 and one["seeds"] == 8 for one in told["configurations"])
    assert told["reference"] == 1 and told["options"]["by"] == ["critic_lr"]
    one_warning(told, "pool cells that differ in 1 more axis")
    separate = aggregate(swept)
    end = [one["returns"]["end"]["mean"]["value"] for one in separate["configurations"]]
    pooled = [one["returns"]["end"]["mean"]["value"] for one in told["configurations"]]
    assert close(pooled, [(end[i] + end[i + 3]) / 2 for i in range(3)])


def test_other_axes_are_part_of_a_configuration(tmp_path):
    grid = ONE.replace("[7]", "1-2") + "  gamma: [0.9, 0.99]\n  networks.tanh: [exact, pytorch]\n"
    path = synthetic.make(tmp_path, SMALL % (400, 3, grid))
    synthetic.fill(path, [STOPPED] * 32)
    told = aggregate(path)
    assert [axis["name"] for axis in told["axes"]] == ["actor_lr", "critic_lr", "gamma",
                                                       "networks_tanh"]
    assert len(told["configurations"]) == 16
    assert all(one["runs"] == 2 for one in told["configurations"])
    assert text(path).count("Mean episode of") == 4
    named = aggregate(path, "--reference", "networks.tanh=exact,gamma=0.9,actor_lr=0.1,"
                      "training.critic_lr=1e-2")
    assert named["configurations"][named["reference"]]["axes"] == {
        "actor_lr": 0.1, "critic_lr": 0.01, "gamma": 0.9, "networks_tanh": "exact"}


def test_many_configurations_are_compared_when_asked(tmp_path):
    grid = "  actor_lr: {logspace: [1.0e-4, 0.1], count: 101}\n  seed: [1, 2]\n"
    path = synthetic.make(tmp_path, SMALL % (400, 2, grid))
    synthetic.fill(path, [STOPPED] * 202)
    told = aggregate(path)
    assert told["comparisons"] == told["tests"] == []
    assert "--compare" in one_warning(told, "101 configurations")
    assert len(aggregate(path, "--compare")["comparisons"]) == 200


WRONG = {
    "no file": ([], "no file, expected that of a sweep"),
    "two files": (["a.h5", "b.h5"], "too many arguments: 'b.h5', expected one file"),
    "event": (["s.h5", "--event", "end"], "--event: 'end' is not as expected: one of first_still"),
    "endpoint": (["s.h5", "--endpoint", "any"], "--endpoint: 'any' is not as expected: one of all"),
    "format": (["s.h5", "--format", "xml"], "one of table, csv, json, latex"),
    "confidence": (["s.h5", "--confidence", "95"], "--confidence: '95' is not as expected"),
    "bootstrap": (["s.h5", "--bootstrap", "0"], "--bootstrap: '0' is not as expected"),
    "permutations": (["s.h5", "--permutations", "x"], "--permutations: 'x' is not as expected"),
    "draw seed": (["s.h5", "--draw-seed", "-1"], "--draw-seed: '-1' is not as expected"),
    "limit": (["s.h5", "--limit", "401"], "--limit: no run goes beyond episode 400"),
    "no axis": (["s.h5", "--by", "actor_lr,gamma"],
                "--by: 'gamma' is no axis in which runs of the file differ, expected some of "
                "actor_lr, critic_lr"),
    "seed": (["s.h5", "--by", "seed"], "--by: seed is what runs of a configuration differ in"),
    "twice": (["s.h5", "--by", "actor_lr,actor_lr"], "--by: actor_lr is named twice"),
    "reference of many": (["s.h5", "--reference", "actor_lr=0.1"],
                          "--reference: 3 configurations of the file are actor_lr=0.1"),
    "reference of none": (["s.h5", "--reference", "actor_lr=0.2"], "--reference: 0 configurations"),
    "no reference": (["s.h5", "--reference", "best"], "--reference: 'best' is no value of an axis"),
    "reference's axis": (["s.h5", "--reference", "tau=1"], "--reference: 'tau' is no axis"),
    "reference's value": (["s.h5", "--reference", "actor_lr=x"],
                          "--reference: training.actor_lr: 'x' is not a number"),
    "onto itself": (["s.h5", "-o", "s.h5"], "-o s.h5 is the file of the sweep, expected another"),
    "no folder": (["s.h5", "-o", "none/o"], "none/o"),
    "missing": (["a.h5"], "cannot open a.h5: No such file or directory"),
    "text": (["text.h5"], "text.h5 is not an HDF5 file"),
    "empty": (["empty.h5"], "empty.h5 is not an HDF5 file"),
    "foreign": (["foreign.h5"], "foreign.h5 is an HDF5 file, but not one of ccmsweep"),
    "newer": (["newer.h5"], "a newer version of ccmsweep"),
    "cut short": (["cut.h5"], "cut.h5 is cut short"),
}


@pytest.mark.parametrize("title", WRONG)
def test_what_is_refused(title, swept, tmp_path):
    words, message = WRONG[title]
    (tmp_path / "text.h5").write_text("actor_lr 0.1\n")
    (tmp_path / "empty.h5").touch()
    for name in ("s.h5", "newer.h5"):
        (tmp_path / name).write_bytes(swept.read_bytes())
    (tmp_path / "cut.h5").write_bytes(swept.read_bytes()[:8000])
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["x"] = 1
    with h5py.File(tmp_path / "newer.h5", "r+") as file:
        file.attrs.modify("schema_version", file.attrs["schema_version"] + 1)
    before = listing(tmp_path), (tmp_path / "s.h5").read_bytes()
    done = run("aggregate", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "") and message in done.stderr
    assert (listing(tmp_path), (tmp_path / "s.h5").read_bytes()) == before


def test_a_damaged_run_is_a_fault(swept, tmp_path):
    path = tmp_path / "s.h5"
    path.write_bytes(swept.read_bytes())
    with h5py.File(path, "r+") as file:
        file["total_episodes"][5] = 4000
    done = run("aggregate", path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "run 5 is damaged: 4000 episodes, expected 1 to 400" in done.stderr


@pytest.mark.parametrize("form", ["table", "csv", "json", "latex"])
def test_lost_output_is_a_fault(form, swept):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([PROGRAM, "aggregate", swept, "--format", form, *FEW], stdout=full,
                              stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1 and "written" in done.stderr


def test_a_reader_may_leave():
    done = subprocess.run(f"{PROGRAM} aggregate --help | head -1", shell=True, capture_output=True,
                          text=True, timeout=60)
    assert done.stdout.startswith("Usage: ccmsweep aggregate") and done.stderr == ""


def test_help():
    done = run("aggregate", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    for word in ("--event", "--endpoint", "--by", "--limit", "--confidence", "--bootstrap",
                 "--draw-seed", "--permutations", "--reference", "--format", "-o", "Exit codes",
                 "censored", "diverged"):
        assert word in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_a_name_need_not_be_utf8(swept, tmp_path):
    name = os.fsencode(tmp_path) + b"/\xe4.h5"
    with open(name, "wb") as file:
        file.write(swept.read_bytes())
    done = subprocess.run([PROGRAM, "aggregate", name, "--format", "json", *FEW],
                          capture_output=True, timeout=60)
    assert done.returncode == 0 and json.loads(done.stdout)["file"] == f"{tmp_path}/?.h5"
