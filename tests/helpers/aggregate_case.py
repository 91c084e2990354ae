# SPDX-License-Identifier: MIT
"""What the tests of aggregate share: sweeps, and every figure of a configuration made a second time
from the file, with NumPy alone."""
import json
import math
import re

import h5py
import numpy as np
import pytest
import synthetic
from program import run
from resampling import bootstrap, trimmed_mean, weighted_rmst
from sweep_case import environment
from synthetic import DIVERGED, EVENTS, FAILED, QUARANTINED

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
ONE = "  actor_lr: [0.1, 0.001]\n  critic_lr: [0.01, 0.001]\n  seed: [7]\n"
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


def one_warning(told, words):
    found = [warning for warning in told["warnings"] if words in warning]
    assert len(found) == 1, told["warnings"]
    return found[0]


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A sweep that was trained."""
    folder = tmp_path_factory.mktemp("swept")
    (folder / "s.yaml").write_text(SMALL % (400, 3, GRID))
    done = run("run", "s.yaml", "-o", "s.h5", "--progress", "none", cwd=folder,
               env=environment())
    assert done.returncode == 0, done.stderr
    return folder / "s.h5"


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A sweep with runs in every state."""
    path = synthetic.make(tmp_path_factory.mktemp("mixed"), SMALL % (400, 5, GRID))
    synthetic.fill_with_every_state(path)
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
                 "axes": {axis: rows[axis][number] for axis in ("actor_lr", "critic_lr")}}
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
                        "tails": (change - zero + 1)[both & (change >= zero - 1)],
                        "still_before_zero": int((both & (change < zero - 1)).sum())}

    def configuration(self, axes):
        return [one for one in self.of if axes.items() <= one["axes"].items()]


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
    """Also of lists, in which some may be unknown."""
    return value == pytest.approx(expected, rel=1e-9, abs=1e-9)


def check_times(told, runs, limit, options):
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
    spread = bootstrap(weighted_rmst(times, events, limit), [one["seed"] for one in seen], options,
                       ends=(0, limit))
    if len(stops) and (spread[0] or 0) > 1e-9:  # else no seed differs from another
        assert close(told["rmst"]["error"], error)
        assert close([told["rmst"][name] for name in ("bootstrap_error", "lower", "upper")], spread)
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


def check_returns(told, runs, options, stratum_of=None):
    for kind, got in told["returns"].items():
        mine = [one for one in runs if kind in one["returns"]]
        values = np.array([one["returns"][kind] for one in mine])
        seeds = [one["seed"] for one in mine]
        strata = None if stratum_of is None else [stratum_of(one) for one in mine]
        if kind == "stopping":
            missing = sum(one["time"] is not None and kind not in one["returns"] for one in runs)
        else:
            missing = sum("tails" in one and kind not in one["returns"] for one in runs)
        assert (got["runs"], got["missing"]) == (len(values), missing)
        assert got["estimable"] == (len(values) > 0 and not missing)
        for name, statistic in (("mean", np.mean), ("iqm", trimmed_mean)):
            figure = [got[name][key] for key in ("value", "error", "lower", "upper")]
            assert close(figure, [None] * 4 if not got["estimable"] else [
                statistic(values), *bootstrap(lambda weight, of=statistic: of(
                    np.repeat(values, weight)), seeds, options, strata)])


def check_tail(told, runs, options):
    mine = [one for one in runs if len(one.get("tails", []))]
    tails = [one["tails"] for one in mine]
    got = told["tail"]
    assert got["actors"] == sum(map(len, tails))
    assert got["still_before_zero"] == sum(one.get("still_before_zero", 0) for one in runs)
    if tails:
        means = np.array([tail.mean() for tail in tails])
        assert close([got[key] for key in ("value", "error", "lower", "upper")], [
            means.mean(), *bootstrap(lambda weight: np.repeat(means, weight).mean(),
                                     [one["seed"] for one in mine], options, ends=(0, np.inf))])
        assert (got["min"], got["max"]) == (min(map(min, tails)), max(map(max, tails)))
