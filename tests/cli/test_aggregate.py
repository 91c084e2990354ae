# SPDX-License-Identifier: MIT
"""ccmsweep aggregate: every figure against NumPy, and files of all states."""
import itertools
import math
import re
import signal
import time

import h5py
import numpy as np
import pytest
import synthetic
from aggregate_case import (
    ENDPOINTS, FATES, GRID, ONE, SMALL, Runs, aggregate, check_never, check_returns, check_tail,
    check_times, close, file, mixed, one_warning, swept, text)
from program import LONG, listing, run, start, wait_for
from resampling import Pairs, holm, logrank, permuted_p
from sweep_case import environment
from synthetic import CENSORED, DIVERGED, EVENTS, FAILED, STOPPED

# Fixtures, that pytest finds by their names.
__all__ = ["file", "mixed", "swept"]

# A dead critic comes to life again now and then: some actors move after the first still episode.
MOVERS = """\
training: {batch: 8, episodes: 1200}
environment: {agents: 3}
networks: {critic_hidden1: 32, critic_hidden2: 16}
tracking: {log_every: 100, snapshot_every: 0}
grid:
  actor_lr: [0.1, 0.01, 0.001]
  critic_lr: [0.3, 0.1]
  seed: 1-10
"""


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
        check_times(configuration, mine, limit, told["options"])
        check_never(configuration, mine, limit)
        check_tail(configuration, mine, told["options"])
        check_returns(configuration, mine, told["options"])


def check_comparison(told, one, other, options):
    """Difference, interval and p, against flips and draws made here."""
    pairs = Pairs(one, other, options["limit"])
    assert told["pairs"] == len(pairs.seeds)
    if not pairs.seeds:
        return
    assert close(told["difference"], pairs.difference())
    if told["note"].startswith("neither"):
        assert told["difference"] == 0
        assert told["p"] is told["p_holm"] is told["lower"] is told["upper"] is None
    elif len(pairs.seeds) == 1:
        assert told["p"] is told["lower"] is told["upper"] is None
    else:
        assert told["exact"] and close(told["p"], pairs.p())
        lower, upper = pairs.interval(options)
        if len(pairs.seeds) == 2:
            assert "no interval of two seeds" in told["note"]
            assert told["lower"] is told["upper"] is lower is upper is None
            return
        alike = upper - lower < 1e-9 * options["limit"]  # no spread was seen
        assert close([told["lower"], told["upper"]], [None, None] if alike else [lower, upper])


def test_runs_that_move_again_are_warned_of(tmp_path):
    """Against the movement of every actor in every episode, which aggregate does not read."""
    (tmp_path / "s.yaml").write_text(MOVERS, encoding="utf-8")
    done = run("run", "s.yaml", "-o", "s.h5", "--progress", "none", cwd=tmp_path,
               env=environment())
    assert done.returncode == 0, done.stderr
    told = aggregate(tmp_path / "s.h5")
    with h5py.File(tmp_path / "s.h5") as opened:
        stop, moving = opened["stopping_episode"][:], opened["actor_moving"][:].any(axis=2)
        key = list(zip(opened["actor_lr"][:], opened["critic_lr"][:]))
    again = [bool(at > 0 and row[at - 1:].any()) for at, row in zip(stop, moving)]
    assert 0 < sum(again) < np.sum(stop > 0)
    for one in told["configurations"]:
        assert one["moved_again"] == sum(
            moved for moved, axes in zip(again, key) if axes == tuple(one["axes"].values()))
    assert f"in {sum(again)} of {np.sum(stop > 0)} runs with the event" in one_warning(
        told, "moved again")
    for words in (["--event", "last_change"], ["--endpoint", "half"]):
        other = aggregate(tmp_path / "s.h5", *words)
        assert all(one["moved_again"] == 0 for one in other["configurations"])


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
        check_comparison(c, *(runs.configuration(places[c[side]]) for side in ("a", "b")),
                         told["options"])
        if c["note"].startswith("neither"):
            continue
        counts = [told["configurations"][c[side]]["fates"]["events"] for side in ("a", "b")]
        assert ("one had no event" in c["note"]) == (c["pairs"] > 1 and 0 in counts)
        assert ("p cannot be less" in c["note"]) <= (c["p"] == c["least_p"])


def check_logrank(told, runs, axis, options):
    """chi2 and df by the formula, p by permutations of seeds made here."""
    others = [name for name in runs[0]["axes"] if name != axis]
    table = [np.array(column) for column in zip(*(
        (run["axes"][axis], hash(tuple(run["axes"][name] for name in others)), run["time"],
         run["fate"] == "events", run["seed"]) for run in runs))]
    chi2, df = logrank(*table[:4])
    assert told["runs"] == len(runs) and told["df"] == df and close(told["chi2"], chi2)
    if df == 1:
        assert close(told["p"], math.erfc(math.sqrt(chi2 / 2)))
    tries = 600
    p, exact = permuted_p(*table, tries)
    assert told["exact"] == exact
    if exact:
        assert close(told["p_permuted"], p) and p >= told["least_p"]
        return
    noise = math.sqrt(max(p * (1 - p), 1 / tries) * (1 / tries + 1 / options["permutations"]))
    assert abs(told["p_permuted"] - p) < 4 * noise, (told, p)


def test_log_rank(mixed):
    told = aggregate(mixed, "--endpoint", "first", "--permutations", 5000, few=False)
    runs = [one for one in Runs(mixed, "first_still", "first", 400).of if one["time"] is not None]
    assert [(t["axis"], t["family"]) for t in told["tests"]] == [
        ("actor_lr", "stratified"), *[("actor_lr", "within")] * 3,
        ("critic_lr", "stratified"), *[("critic_lr", "within")] * 2]
    for one in told["tests"]:
        mine = [run for run in runs if (one["within"] or {}).items() <= run["axes"].items()]
        assert one["groups"] == (2 if one["axis"] == "actor_lr" else 3)
        check_logrank(one, mine, one["axis"], told["options"])
    within = [t for t in told["tests"] if t["family"] == "within" and t["axis"] == "critic_lr"]
    assert close([t["p_holm"] for t in within], holm([t["p_permuted"] for t in within]))


def test_pooled_axes(file):
    """A seed's runs in pooled configurations are drawn and permuted together."""
    told = aggregate(file, "--by", "critic_lr", "--reference", "critic_lr=0.001", "--event",
                     "gradient_zero", "--endpoint", "half", "--permutations", 5000)
    runs = Runs(file, "gradient_zero", "half", 400)
    assert [one["axes"] for one in told["configurations"]] == [
        {"critic_lr": 0.01}, {"critic_lr": 0.001}, {"critic_lr": 0.0001}]
    assert told["reference"] == 1 and told["options"]["by"] == ["critic_lr"]
    one_warning(told, "that differ in 1 more axis are pooled")
    pooled = [runs.configuration(one["axes"]) for one in told["configurations"]]
    for configuration, mine in zip(told["configurations"], pooled):
        assert configuration["runs"] == len(mine) == 16
        check_times(configuration, mine, 400, told["options"])
        check_tail(configuration, mine, told["options"])
        check_returns(configuration, mine, told["options"])
    for comparison in told["comparisons"]:
        check_comparison(comparison, pooled[comparison["a"]], pooled[comparison["b"]],
                         told["options"])
    (one,) = told["tests"]
    mine = [run | {"axes": {"critic_lr": run["axes"]["critic_lr"]}}
            for run in runs.of if run["time"] is not None]
    check_logrank(one, mine, "critic_lr", told["options"])


def test_pooled_cells_of_other_seeds_keep_their_weight(tmp_path):
    """Seeds are drawn for seeds that the plan has in the same cells."""
    blocks = """\
  - {actor_lr: [0.1], critic_lr: [0.01, 0.001], seed: 1-3}
  - {actor_lr: [0.1], critic_lr: [0.01], seed: 4-9}
  - {actor_lr: [0.1], critic_lr: [0.0001], seed: 10-11}
"""
    path = synthetic.make(tmp_path, SMALL % (400, 3, blocks))
    synthetic.fill(path, [STOPPED, CENSORED] * 7)
    told = aggregate(path, "--by", "actor_lr")
    (configuration,) = told["configurations"]
    # Those of fewer cells come first.
    stratum = {seed: 2 if seed < 4 else 0 if seed < 10 else 1 for seed in range(1, 12)}
    mine = Runs(path, "first_still", "all", 400).of
    check_returns(configuration, mine, told["options"], lambda run: stratum[run["seed"]])
    assert configuration["returns"]["end"]["estimable"]


def test_draws_are_repeated(mixed):
    first, second = aggregate(mixed), aggregate(mixed)
    other = aggregate(mixed, "--draw-seed", 2)
    del first["time"], second["time"]
    assert first == second
    bounds = [[c["rmst"]["lower"] for c in told["configurations"]] for told in (first, other)]
    assert bounds[0] != bounds[1]


# States of a sweep


def test_looking_changes_nothing(mixed):
    before = mixed.read_bytes(), mixed.stat().st_mtime_ns, listing(mixed.parent)
    text(mixed)
    assert (mixed.read_bytes(), mixed.stat().st_mtime_ns, listing(mixed.parent)) == before


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


def test_where_all_seeds_agree_there_is_no_interval(tmp_path):
    """No spread was seen, which is no spread of 0."""
    path = synthetic.make(tmp_path, SMALL % (400, 3, ONE.replace("[7]", "1-6")))
    synthetic.fill(path, [STOPPED] * 24)
    with h5py.File(path, "r+") as opened:
        for name, value in (("first_still", 161), ("gradient_zero", 4), ("last_change", 161),
                            ("gradient_zero_first", 4), ("hard_saturation", 4),
                            ("total_episodes", 400)):
            opened[name][:] = value
        synthetic.commit(opened, opened["outcome"][:])
    told = aggregate(path)
    for one in told["configurations"]:
        assert (one["rmst"]["value"], one["iqm"]["value"], one["tail"]["value"]) == (161, 161, 158)
        for figure in (one["rmst"], one["iqm"], one["tail"]):
            assert figure["lower"] is figure["upper"] is None
        assert one["rmst"]["error"] is one["tail"]["error"] is None
    for one in told["comparisons"]:
        assert (one["difference"], one["lower"], one["p"]) == (0, None, 1)


def test_long_runs_are_read_in_pieces(tmp_path):
    grid = "  actor_lr: [0.1]\n  seed: 1-5\n"
    path = synthetic.make(tmp_path, SMALL % (300000, 2, grid))
    synthetic.fill(path, [STOPPED, DIVERGED, CENSORED, FAILED, STOPPED])
    told = aggregate(path)
    (configuration,) = told["configurations"]
    mine = Runs(path, "first_still", "all", 300000).of
    check_times(configuration, mine, 300000, told["options"])
    check_returns(configuration, mine, told["options"])


def test_two_seeds_have_no_interval(tmp_path):
    """Resampling two seeds gives their range at most: half of the time the truth lies outside."""
    path = synthetic.make(tmp_path, SMALL % (400, 3, ONE.replace("[7]", "1-2")))
    synthetic.fill(path, [STOPPED] * 8)
    told, shown = aggregate(path), text(path)
    assert one_warning(told, "an interval over two seeds").count("actor_lr") == 4
    for one in told["configurations"]:
        for figure in (one["rmst"], one["iqm"], one["tail"], one["returns"]["end"]["mean"],
                       one["returns"]["end"]["iqm"]):
            assert figure["value"] is not None and figure["lower"] is figure["upper"] is None
    for one in told["comparisons"]:
        assert one["lower"] is one["upper"] is None and "no interval of two seeds" in one["note"]
    assert "no interval: fewer than three seeds" in shown


def test_intervals_of_three_seeds_go_beyond_their_range(tmp_path):
    path = synthetic.make(tmp_path, SMALL % (400, 3, ONE.replace("[7]", "1-3")))
    synthetic.fill(path, [STOPPED] * 12)
    told = aggregate(path)
    runs = Runs(path, "first_still", "all", 400).of
    for place, one in enumerate(told["configurations"]):
        ends = [run["returns"]["end"] for run in runs[3 * place:3 * place + 3]]
        mean = one["returns"]["end"]["mean"]
        assert mean["lower"] < min(ends) and mean["upper"] > max(ends)
        assert 0 <= one["rmst"]["lower"] < one["rmst"]["upper"] <= 400
    for one in told["comparisons"]:
        assert one["p"] >= 0.25 and one["lower"] < 0 < one["upper"]


AXES = ["gamma: [0.9]", "epsilon_decay: [1000]", "adam_beta1: [0.5]", "adam_beta2: [0.99]",
        "adam_eps: [1e-7]", "episodes_after_stop: [50]", "networks.actor_hidden1: [16]",
        "networks.actor_hidden2: [16]", "networks.output_init: [0.004]",
        "environment.channels: [2]", "environment.units: [4]", "environment.storage_mb: [300]",
        "environment.server_hz: [3e9]"]


def blocks_of(lines):
    """Five blocks, no two of whose settings change together: each is given in others of them."""
    return "".join(f"  - {{seed: 1-2{one}}}\n" for one in (
        "".join(f", {line}" for place, line in enumerate(lines, 1) if place >> block & 1)
        for block in range(5)))


def test_no_warning_is_cut(tmp_path):
    """Names of fourteen axes and more, five times: whole in JSON, text and LaTeX."""
    path = synthetic.make(tmp_path, SMALL % (400, 3, blocks_of(AXES)))
    synthetic.fill(path, [STOPPED] * 10)
    told = aggregate(path)
    warning = one_warning(told, "an interval over two seeds")
    axes = [axis["name"] for axis in told["axes"]]
    assert len(axes) == 15 and len(warning) > 1700
    assert warning.endswith(")") and all(warning.count(f"{name} ") == 5 for name in axes)
    assert " ".join(text(path).split()).count(warning) == 1
    done = run("aggregate", path, "--by", "tau")
    assert done.returncode == 2 and all(name in done.stderr for name in axes)


def test_few_seeds_are_said_to_be_few(tmp_path):
    path = synthetic.make(tmp_path, SMALL % (400, 3, ONE.replace("[7]", "1-3")))
    synthetic.fill(path, [STOPPED] * 12)
    told = aggregate(path)
    assert "3 seeds are too few" in one_warning(told, "too few")
    for one in [*told["comparisons"], *told["tests"]]:
        assert one["too_few"] and one["exact"] and one["least_p"] == 0.25
        assert one["note"].startswith("too few seeds: p is at least 0.25")
