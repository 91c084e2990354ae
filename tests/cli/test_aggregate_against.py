# SPDX-License-Identifier: MIT
"""ccmsweep aggregate --against: every figure a second time from the rows, with NumPy alone."""
import itertools
import json
import math

import h5py
import numpy as np
import pytest
import synthetic
from against_case import PAIR, QUANTITIES, gammas, settle
from aggregate_case import FEW, SMALL, Runs, aggregate, close, one_warning, text
from program import run
from resampling import bootstrap, holm, rmst, trimmed_mean
from sweep_case import environment
from synthetic import (
    CENSORED, DIVERGED, EVENTS, FAILED, INTERRUPTED, PENDING, QUARANTINED, RUNNING, STOPPED)

# A fixture, that pytest finds by its name.
__all__ = ["gammas"]

RETURNS = QUANTITIES[2:]


def observed(path):
    runs = Runs(path, "first_still", "all", 400)
    with h5py.File(path) as opened:
        for one, gamma in zip(runs.of, opened["gamma"][:]):
            one["axes"]["gamma"] = gamma
    return runs.of


def paired(runs, value, asked, axes=None):
    """Pairs of runs of the same seed, learning rates and `axes`; and the rates of each."""
    def find(gamma):
        return {(one["axes"]["actor_lr"], one["axes"]["critic_lr"], one["seed"]): one
                for one in runs if one["axes"]["gamma"] == gamma
                and (axes or {}).items() <= one["axes"].items()}
    own, other = find(value), find(asked)
    return [(own[key], other[key], key[:2]) for key in own if key in other]


def number(one, quantity):
    if quantity == "never":
        return float(one["fate"] == "censored")
    return one["returns"][quantity.removeprefix("return_")]


def difference_of(quantity, pairs):
    """The difference as a function of how often each pair is taken and which trade sides."""
    if quantity != "rmst":
        values = np.array([number(a, quantity) - number(b, quantity) for a, b, _ in pairs])

        def mean(weight, flip):
            return np.sum(weight * np.where(flip, -values, values)) / np.sum(weight)
        return mean
    tasks = np.array([hash(task) for _, _, task in pairs])
    time = np.array([[side["time"] for side in pair[:2]] for pair in pairs], float)
    event = np.array([[side["fate"] == "events" for side in pair[:2]] for pair in pairs])

    def restricted(weight, flip):
        found = []
        for task in dict.fromkeys(tasks):
            mine = np.repeat(np.arange(len(pairs)), np.where(tasks == task, weight, 0))
            side = flip[mine].astype(int)
            if len(mine):
                found.append(rmst(time[mine, side], event[mine, side], 400)
                             - rmst(time[mine, 1 - side], event[mine, 1 - side], 400))
        return np.mean(found)
    return restricted


def check_difference(told, quantity, pairs, options):
    statistic = difference_of(quantity, pairs)
    seeds = np.array([a["seed"] for a, _, _ in pairs])
    names, label = np.unique(seeds, return_inverse=True)
    never, once = np.zeros(len(pairs), bool), np.ones(len(pairs), int)
    value = statistic(once, never)
    size = {"rmst": 400, "never": 1}.get(quantity, 2000)
    assert told["estimable"] and (told["pairs"], told["left_out"]) == (len(names), 0)
    assert close(told["difference"], value)
    ends = {"rmst": (-400, 400), "never": (-1, 1)}.get(quantity, (-np.inf, np.inf))
    error, lower, upper = bootstrap(lambda weight: statistic(weight, never), seeds, options,
                                    ends=ends)
    flat = error < 1e-9 * size
    assert close([told["lower"], told["upper"]], [None, None] if flat else [lower, upper])
    if quantity == "rmst" and not any(side["fate"] == "events" for pair in pairs
                                      for side in pair[:2]):
        assert told["p"] is None and told["note"] == "neither had the event"
        return
    p = np.mean([abs(statistic(once, np.array(way)[label])) >= abs(value) - 1e-9 * size
                 for way in itertools.product((False, True), repeat=len(names))])
    assert told["exact"] and close(told["p"], p) and close(told["least_p"], 2 ** (1 - len(names)))
    if quantity == "never":
        only = [sum(number(pair[side], quantity) > number(pair[1 - side], quantity)
                    for pair in pairs) for side in (0, 1)]
        assert [told["only_a"], told["only_b"]] == only
        assert ("no pair differs" in told["note"]) == (only == [0, 0])
        if len(names) == len(pairs):  # McNemar, by the binomial
            trials, least = sum(only), min(only)
            tail = sum(math.comb(trials, k) for k in range(least + 1)) / 2 ** trials
            assert close(told["p"], min(1, 2 * tail))


def check_lack(told, quantity, pairs):
    """Runs of the first pair of rates that stopped have ended before their limit."""
    lacking = sum(side["fate"] == "events" for pair in pairs for side in pair[:2])
    assert not told["estimable"] and quantity in ("return_end", "return_training")
    assert told["note"] == (f"{lacking} runs ended before their limit" if lacking > 1
                            else "1 run ended before its limit")
    for key in ("difference", "lower", "upper", "p", "p_holm", "least_p", "only_a", "only_b"):
        assert told[key] is None


def is_known(quantity, pairs):
    early = any(task == (0.1, 0.01) and side["fate"] == "events"
                for *sides, task in pairs for side in sides)
    return quantity not in ("return_end", "return_training") or not early


def test_differences(gammas):
    told = aggregate(gammas, "--against", "gamma=0.95")
    against, runs = told["against"], observed(gammas)
    places = [one["axes"] for one in told["configurations"]]
    assert (against["axis"], against["value"]) == ("gamma", 0.95)
    assert not [warning for warning in told["warnings"] if "counterpart" in warning]
    assert [(one["quantity"], one["a"]) for one in against["comparisons"]] == [
        (quantity, place) for quantity in QUANTITIES for place in range(12) if place % 3 != 1]
    counts = {True: 0, False: 0}
    for one in against["comparisons"]:
        place, other = places[one["a"]], places[one["b"]]
        assert other == place | {"gamma": 0.95} and place["gamma"] != 0.95
        pairs = paired(runs, place["gamma"], 0.95,
                       {axis: place[axis] for axis in ("actor_lr", "critic_lr")})
        known = is_known(one["quantity"], pairs)
        counts[known] += 1
        (check_difference if known else check_lack)(
            one, one["quantity"], pairs, *([told["options"]] if known else []))
    assert counts == {True: 36, False: 4}


def test_pooled(gammas):
    told = aggregate(gammas, "--against", "gamma=0.95")
    runs = observed(gammas)
    pooled = told["against"]["pooled"]
    assert [(one["quantity"], one["value"]) for one in pooled] == [
        (quantity, value) for quantity in QUANTITIES for value in (0.9, 0.99)]
    for one in pooled:
        assert one["tasks"] == 4 and "a" not in one
        pairs = paired(runs, one["value"], 0.95)
        if is_known(one["quantity"], pairs):
            check_difference(one, one["quantity"], pairs, told["options"])
        else:
            check_lack(one, one["quantity"], [pair for pair in pairs if pair[2] == (0.1, 0.01)])


def test_families(gammas):
    against = aggregate(gammas, "--against", "gamma=0.95")["against"]
    assert [(one["of"], one["quantity"]) for one in against["families"]] == list(
        itertools.product(("comparisons", "pooled"), QUANTITIES))
    for family in against["families"]:
        mine = [one for one in against[family["of"]] if one["quantity"] == family["quantity"]]
        p = [one["p"] for one in mine]
        assert family["tests"] == sum(one is not None for one in p)
        assert close([one["p_holm"] for one in mine], holm(p))
        for one in mine:
            least = one["least_p"]
            assert one["too_few"] == (least is not None and least * family["tests"] > 0.05)
            if one["too_few"] and one["p"] is not None:
                assert "too few seeds: p is at least" in one["note"]


def test_scores(gammas):
    told = aggregate(gammas, "--against", "gamma=0.95")
    runs, options = observed(gammas), told["options"]
    scores = told["against"]["scores"]
    assert [(one["quantity"], one["value"]) for one in scores] == [
        (quantity, value) for quantity in RETURNS for value in (0.9, 0.95, 0.99)]
    for one in scores:
        mine = [run for run in runs if run["axes"]["gamma"] == one["value"]]
        asked = [run for run in runs if run["axes"]["gamma"] == 0.95]
        assert (one["runs"], one["tasks"]) == (28, 4)
        assert (one["improvement"] is None) == (one["value"] == 0.95)
        assert one["estimable"] == (one["quantity"] == "return_evaluation")
        if not one["estimable"]:
            assert "ended before" in one["note"] and one["iqm"]["value"] is None
            assert set(map(len, one["profile"].values())) == {0}
            continue
        check_score(one, mine, asked, options)


def check_score(told, mine, asked, options):
    values = np.array([number(run, told["quantity"]) for run in mine])
    seeds = [run["seed"] for run in mine]

    def figure(statistic, clusters, ends=(-np.inf, np.inf)):
        return [statistic(np.ones(len(clusters), int)),
                *bootstrap(statistic, clusters, options, ends=ends)]
    assert close([told["iqm"][key] for key in ("value", "error", "lower", "upper")],
                 figure(lambda weight: trimmed_mean(np.repeat(values, weight)), seeds))
    profile = told["profile"]
    assert len(profile["tau"]) == 51 and close(np.diff(profile["tau"], 2), np.zeros(49))
    for place in (0, 10, 25, 40, 50):
        tau = profile["tau"][place]
        value, _, lower, upper = figure(
            lambda weight, above=values > tau: np.sum(weight * above) / np.sum(weight), seeds, (0, 1))
        assert close(profile["share"][place], value)
        if profile["lower"][place] is not None:
            assert close([profile["lower"][place], profile["upper"][place]], [lower, upper])
        else:
            assert value in (0, 1) or upper - lower < 1e-9
    if told["improvement"] is None:
        return
    others = np.array([number(run, told["quantity"]) for run in asked])
    wins = (values[:, None] > others) + (values[:, None] == others) / 2
    task, other_task = ([hash((run["axes"]["actor_lr"], run["axes"]["critic_lr"]))
                         for run in side] for side in (mine, asked))
    same = np.array(task)[:, None] == np.array(other_task)

    def improvement(weight):
        own, other = weight[:len(mine)], weight[len(mine):]
        both = own[:, None] * other * same
        rows = [np.sum((both * wins)[np.array(task) == one]) / np.sum(both[np.array(task) == one])
                for one in dict.fromkeys(task) if both[np.array(task) == one].any()]
        return np.mean(rows)
    assert close([told["improvement"][key] for key in ("value", "error", "lower", "upper")],
                 figure(improvement, seeds + [run["seed"] for run in asked], (0, 1)))


def test_profiles_of_all_values_have_the_same_points(gammas):
    scores = [one for one in aggregate(gammas, "--against", "gamma=0.95")["against"]["scores"]
              if one["estimable"]]
    returns = [number(run, "return_evaluation") for run in observed(gammas)]
    assert len(scores) == 3
    for one in scores:
        assert one["profile"]["tau"] == scores[0]["profile"]["tau"]
    assert close([scores[0]["profile"]["tau"][place] for place in (0, -1)],
                 [min(returns), max(returns)])


# What follows from the definitions


def figures(told):
    """What two tables that say the same of other rows share."""
    return [{key: one[key] for key in ("quantity", "pairs", "difference", "lower", "upper", "p",
                                       "only_a", "only_b", "note")} for one in told]


def test_configurations_that_pool_are_compared_run_by_run(gammas):
    """Shares and returns do not depend on which axes make a configuration."""
    whole, by = (aggregate(gammas, "--against", "gamma=0.95", *words)["against"]
                 for words in ([], ["--by", "gamma"]))
    assert figures(by["comparisons"])[2:] == figures(by["pooled"])[2:] == figures(
        whole["pooled"])[2:]
    assert by["scores"] == whole["scores"]
    assert {one["tasks"] for one in by["pooled"]} == {1}


def test_the_other_way_round(gammas):
    """Differences change their signs and nothing else."""
    one, other = (aggregate(gammas, "--against", f"gamma={value}")["against"]["pooled"]
                  for value in (0.9, 0.99))
    for a, b in zip(*([row for row in rows if row["value"] == value]
                      for rows, value in ((one, 0.99), (other, 0.9)))):
        assert (a["p"], a["only_a"], a["only_b"]) == (b["p"], b["only_b"], b["only_a"])
        if a["estimable"]:
            assert close(a["difference"], -b["difference"])


def test_the_same_seed_gives_the_same_bits(gammas):
    words = ["--against", "gamma=0.95"]
    first, second = aggregate(gammas, *words), aggregate(gammas, *words)
    assert first["against"] == second["against"]
    other = aggregate(gammas, *words, "--draw-seed", 2)["against"]
    lower, others = ([one["lower"] for one in told["pooled"]]
                     for told in (first["against"], other))
    assert lower != others
    assert [one["p"] for one in other["pooled"]] == [
        one["p"] for one in first["against"]["pooled"]]  # all flips are tried


def test_any_name_of_the_axis_will_do(tmp_path):
    path = synthetic.make(tmp_path, SMALL % (
        400, 3, "  environment.preset: [published-2026, published-2024]\n  seed: 1-4\n"))
    settle(path, [STOPPED, CENSORED] * 4)
    told = [aggregate(path, "--against", word)["against"] for word in (
        "environment_preset=published-2024", "environment.size_unit=1",
        "environment_energy_law=linear")]
    assert told[0] == told[1] == told[2]
    assert (told[0]["axis"], told[0]["value"]) == ("environment_preset", "published-2024")
    assert [one["value"] for one in told[0]["pooled"]] == ["published-2026"] * 5


# What is not there


def test_a_configuration_without_counterpart_is_named(tmp_path):
    grid = ("  - {critic_lr: [0.01, 0.001], gamma: [0.9], seed: 1-4}\n"
            "  - {critic_lr: [0.01, 0.0001], gamma: [0.95], seed: 1-6}\n")
    path = settle(synthetic.make(tmp_path, SMALL % (400, 3, grid)), [CENSORED] * 20)
    told = aggregate(path, "--against", "gamma=0.95")
    against = told["against"]
    assert one_warning(told, "no counterpart") == (
        "1 configuration has no counterpart with gamma=0.95 that is equal in all other axes, and is "
        "not compared with it: actor_lr 0.0001, critic_lr 0.001, gamma 0.9")
    assert [(one["a"], one["b"], one["pairs"], one["left_out"])
            for one in against["comparisons"]] == [(0, 2, 4, 2)] * 5
    assert [one["tasks"] for one in against["pooled"]] == [1] * 5
    # Scores are of what both have: of the value that is asked for too.
    assert [(one["value"], one["runs"], one["tasks"]) for one in against["scores"]] == [
        (0.9, 4, 1), (0.95, 6, 1)] * 3
    runs = [one for one in observed(path) if one["axes"]["critic_lr"] == 0.01]
    for low, asked in zip(against["scores"][::2], against["scores"][1::2]):
        own, other = (np.array([number(one, low["quantity"]) for one in runs
                                if one["axes"]["gamma"] == gamma]) for gamma in (0.9, 0.95))
        assert close([low["iqm"]["value"], asked["iqm"]["value"]],
                     [trimmed_mean(own), trimmed_mean(other)])
        assert close(low["improvement"]["value"], np.mean(own[:, None] > other))


def test_one_configuration(tmp_path):
    path = settle(synthetic.make(tmp_path, SMALL % (400, 3, "  seed: 1-4\n")), [CENSORED] * 4)
    told = aggregate(path, "--against", "actor_lr=0.0001")
    against = told["against"]
    assert against["comparisons"] == against["pooled"] == against["scores"] == []
    one_warning(told, "all runs have actor_lr=0.0001: there is nothing to compare it with")
    for form in ("table", "csv", "latex"):
        assert "pooled over" not in text(path, "--against", "actor_lr=0.0001", "--format", form)


def test_many_configurations_are_compared_with_their_counterparts(tmp_path):
    grid = "  actor_lr: {logspace: [1.0e-4, 0.1], count: 101}\n  gamma: [0.9, 0.95]\n  seed: [1, 2]\n"
    path = synthetic.make(tmp_path, SMALL % (400, 2, grid))
    settle(path, [STOPPED, CENSORED] * 202)
    told = aggregate(path, "--against", "gamma=0.9")
    assert told["comparisons"] == [] and len(told["against"]["comparisons"]) == 505
    assert {one["a"] - one["b"] for one in told["against"]["comparisons"]} == {1}


def told_of(path, *words):
    """The only pooled row of each quantity."""
    return {one["quantity"]: one for one in aggregate(
        path, "--against", "gamma=0.9", *words)["against"]["pooled"]}


@pytest.mark.parametrize("outcome, note, known, pairs", [
    (PENDING, "1 run is not finished", ["rmst"], 3),
    (RUNNING, "1 run is not finished", [], 4),
    (INTERRUPTED, "1 run is not finished", [], 4),
    (FAILED, "1 run failed", ["rmst"], 3),
    (QUARANTINED, "1 run is quarantined", ["rmst"], 3),
    (DIVERGED, "1 run diverged", ["rmst", "never"], 4),
    (STOPPED, "1 run ended before its limit", ["rmst", "never", "return_evaluation"], 4)])
def test_one_run_that_lacks_something(outcome, note, known, pairs, tmp_path):
    path = synthetic.make(tmp_path, SMALL % (400, 3, PAIR))
    settle(path, [CENSORED] * 5 + [outcome] + [CENSORED] * 2, early=[5])
    told = told_of(path)
    assert (told["rmst"]["pairs"], told["rmst"]["left_out"]) == (pairs, 4 - pairs)
    assert ("1 seed lacks a run" in told["rmst"]["note"]) == (pairs == 3)
    for quantity in QUANTITIES:
        assert told[quantity]["estimable"] == (quantity in known), quantity
        if quantity not in known:
            assert told[quantity]["note"] == note and told[quantity]["difference"] is None
            assert (told[quantity]["pairs"], told[quantity]["left_out"]) == (4, 0)
    score = {(one["quantity"], one["value"]): one for one in aggregate(
        path, "--against", "gamma=0.9")["against"]["scores"]}
    (lacking, whole) = score["return_end", 0.95], score["return_end", 0.9]
    assert not lacking["estimable"] and lacking["note"] == note and whole["estimable"]
    # Where the value that is asked for lacks it, there is no improvement over it.
    turned = {(one["quantity"], one["value"]): one for one in aggregate(
        path, "--against", "gamma=0.95")["against"]["scores"]}["return_end", 0.9]
    assert turned["estimable"] and turned["iqm"] == whole["iqm"]
    assert turned["note"] == f"no improvement: of 0.95, {note}"
    assert set(turned["improvement"].values()) == {None}


def test_an_event_that_an_early_end_hides(tmp_path):
    path = synthetic.make(tmp_path, SMALL % (400, 3, PAIR))
    outcomes = [CENSORED] * 6 + [STOPPED] * 2
    settle(path, outcomes, early=[6, 7])
    with h5py.File(path, "r+") as file:
        file["hard_saturation"][:] = -1
        synthetic.commit(file, outcomes)
    told = told_of(path, "--event", "hard_saturation")
    for quantity in ("rmst", "never"):
        assert told[quantity]["note"] == "2 runs ended before their limit"
        assert not told[quantity]["estimable"]


def test_runs_in_flight_have_no_restricted_mean(tmp_path):
    """Their curve would be extended from the last note to the limit."""
    path = synthetic.make(tmp_path, SMALL % (400, 3, PAIR + "  critic_lr: [0.01, 0.001]\n"))
    settle(path, ([STOPPED] * 4 + [RUNNING] * 4) * 2)
    with h5py.File(path, "r+") as file:
        gamma = file["gamma"][:]
        last = file["first_still"][:].max(axis=1)
        states = np.where(gamma == 0.9, STOPPED, RUNNING)
        states[(gamma == 0.95) & (file["critic_lr"][:] == 0.001)] = PENDING
    settle(path, list(states))
    with h5py.File(path, "r+") as file:
        last = file["first_still"][:].max(axis=1)[gamma == 0.9]
        file["volatile/progress_episode"][:] = np.where(states == RUNNING, 10, 0)
    told = aggregate(path, "--against", "gamma=0.9")["against"]
    rows = [one for one in told["comparisons"] + told["pooled"] if one["quantity"] == "rmst"]
    assert [one["note"] for one in rows] == [
        "4 runs are not finished", "no seed observed in both",
        "4 runs are not finished; 4 seeds lack a run"]
    for one in rows:
        assert not one["estimable"]
        assert one["difference"] is one["lower"] is one["p"] is one["p_holm"] is None
    # A limit up to which every run is known is one that the notes do not end.
    assert min(last) > 10
    known = told_of(path, "--limit", 10)["rmst"]
    assert known["estimable"] and known["difference"] == 0
    assert known["note"] == "neither had the event; 4 seeds lack a run"


@pytest.mark.parametrize("stops", [True, False])
def test_a_run_that_diverged_has_a_time_if_the_event_came_first(stops, tmp_path):
    path = synthetic.make(tmp_path, SMALL % (400, 3, PAIR))
    outcomes = [CENSORED] * 5 + [DIVERGED] + [CENSORED] * 2
    settle(path, outcomes)
    with h5py.File(path, "r+") as file:
        file["first_still"][5] = [7, 9, 8][:file["first_still"].shape[1]] if stops else -1
        last = file["first_still"][5].max()
        synthetic.commit(file, outcomes)
    told = told_of(path)["rmst"]
    assert told["estimable"] == stops
    if stops:
        assert close(told["difference"], (last - 400) / 4)
    else:
        assert told["note"] == "1 run diverged" and told["p"] is None


def test_a_limit_that_some_runs_do_not_reach(tmp_path):
    spec = SMALL.replace(", episodes: %d}", "}") % (3, PAIR + "  training.episodes: [200, 400]\n")
    path = settle(synthetic.make(tmp_path, spec), [CENSORED] * 16)
    with h5py.File(path, "r+") as file:
        limits = file["total_episodes"][:] = file["episodes"][:]
        for name in EVENTS:
            file[name][:] = np.minimum(file[name][:], limits[:, None])
        synthetic.commit(file, [CENSORED] * 16)
    told = told_of(path, "--limit", 300)
    for quantity in ("rmst", "never"):
        assert told[quantity]["note"] == "8 runs have a limit below --limit"
        assert told[quantity]["difference"] is None
        assert told_of(path)[quantity]["estimable"]


def test_a_damaged_run(tmp_path):
    path = settle(synthetic.make(tmp_path, SMALL % (400, 3, PAIR)), [CENSORED] * 8)
    with h5py.File(path, "r+") as file:
        file["total_episodes"][5] = 4000
    done = run("aggregate", path, "--against", "gamma=0.9", "--format", "json", *FEW)
    assert done.returncode == 0 and "run 5" in done.stderr
    pooled = json.loads(done.stdout)["against"]["pooled"]
    assert [one["note"] for one in pooled][1:] == ["1 run is damaged"] * 4
    assert pooled[0]["pairs"] == 3


def test_a_sweep_without_evaluation(tmp_path):
    (tmp_path / "s.yaml").write_text(SMALL.replace("{every: 50,", "{every: 0,") % (120, 2, PAIR))
    done = run("run", "s.yaml", "-o", "s.h5", "--progress", "none", cwd=tmp_path,
               env=environment())
    assert done.returncode == 0, done.stderr
    told, shown = told_of(tmp_path / "s.h5"), text(tmp_path / "s.h5", "--against", "gamma=0.9")
    assert told["return_evaluation"]["note"] == "8 runs were not evaluated"
    assert "return in training" in shown and "last evaluation" not in shown


def test_a_sweep_that_has_not_begun(tmp_path):
    path = synthetic.make(tmp_path, SMALL % (400, 3, PAIR))
    told = told_of(path)
    assert [told[quantity]["note"] for quantity in QUANTITIES] == [
        "no seed observed in both"] + ["8 runs are not finished"] * 4
    assert told["rmst"]["tasks"] == 0 and told["rmst"]["left_out"] == 4
    assert text(path, "--against", "gamma=0.9").count("not estimable") >= 9


def test_one_seed(tmp_path):
    path = synthetic.make(tmp_path, SMALL % (400, 3, PAIR.replace("1-4", "[7]")))
    for one in told_of(settle(path, [STOPPED, CENSORED])).values():
        assert one["estimable"] and one["p"] is one["lower"] is None
        assert one["note"].startswith("one seed")
