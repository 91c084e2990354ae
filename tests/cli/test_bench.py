# SPDX-License-Identifier: MIT
"""ccmsweep bench: what is counted and printed of trainings, and of the sweep around them."""
import json
import os
import re
import socket

import pytest
from program import SMALL, assert_refused, listing, run

BATCH = "a whole number from 1 to 4096"

COMMAND_LINES = {
    "bench without a word": (["bench"], "ccmsweep bench: no bench, expected train or schedule\n"),
    "unknown bench": (["bench", "tarin"],
                      "ccmsweep bench: 'tarin': unknown bench, expected train or schedule\n"),
    "two benches": (["bench", "train", "train"],
                    "too many arguments: 'train', expected one bench\n"),
    "unknown regime": (["bench", "train", "--regime", "calm"],
                       "--regime: 'calm' is unknown, expected one of moving, saturated, both\n"),
    "fewer than no episodes to skip": (
        ["bench", "train", "--skip=-1"],
        "--skip: '-1' is not a number of episodes, expected a whole number from 0 to 10000000\n"),
    "no episodes to measure": (
        ["bench", "train", "--count", "0"],
        "--count: '0' is not a number of episodes, expected a whole number from 1 to 10000000\n"),
    "more episodes than a training may have": (
        ["bench", "train", *SMALL, "--skip", "10000000", "--count", "1"],
        "ccmsweep: --skip, --count: 10000001 episodes in all, expected at most 10000000\n"),
    "wrong setting of a bench": (
        ["bench", "train", "--set", "training.batch=0"],
        f"ccmsweep: --set: training.batch: '0' is out of range, expected {BATCH}\n"),
    "training that ends before it is measured": (
        ["bench", "train", *SMALL, "--set", "training.episodes=4", "--skip", "4"],
        "ccmsweep: moving: the training ended with episode 4, expected a --skip below that\n"),
}


@pytest.mark.parametrize("title", COMMAND_LINES)
def test_bad_command_line(title, tmp_path):
    words, message = COMMAND_LINES[title]
    assert_refused(words, message, tmp_path)


# Trainings


def bench(*words):
    done = run("bench", "train", *SMALL, *words, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_bench_counts_episodes_by_kind():
    got = bench("--skip", 3, "--count", 12)
    assert list(got) == ["schema_version", "cpu", "level", "agents", "batch", "sgemm", "regimes"]
    assert (got["agents"], got["batch"]) == (3, 8)
    assert [[s["m"], s["n"], s["k"]] for s in got["sgemm"]["shapes"]] == [
        [8, 32, 30], [24, 16, 32], [80, 16, 32]]
    assert got["sgemm"]["best_gflop_per_s"] == max(
        s["gflop_per_s"] for s in got["sgemm"]["shapes"])
    moving, saturated = got["regimes"]
    assert (moving["regime"], saturated["regime"]) == ("moving", "saturated")
    assert (moving["actor_lr"], moving["critic_lr"], moving["seed"]) == (0.0001, 0.001, 42)
    assert (saturated["actor_lr"], saturated["critic_lr"], saturated["seed"]) == (0.1, 0.01, 42)
    for regime in (moving, saturated):
        assert list(regime) == [
            "regime", "actor_lr", "critic_lr", "seed", "first_episode", "last_episode", "ordinary",
            "log", "log_ratio", "phases_ms", "gflop", "gflop_per_s", "share_of_sgemm", "responses",
            "memory_mb"]
        assert (regime["first_episode"], regime["last_episode"]) == (4, 15)
        assert (regime["ordinary"]["episodes"], regime["log"]["episodes"]) == (9, 3)
        assert list(regime["phases_ms"]) == ["acting", "priorities", "targets", "critic", "actors",
                                             "rest"]
        assert regime["gflop"] > 0 and regime["memory_mb"] > 0
    assert moving["responses"]["passes"] > 0 and moving["responses"]["rows_per_pass"] > 0


def test_bench_takes_settings_before_those_of_the_regime():
    got = bench("--set", "training.actor_lr=0.5", "--set", "training.seed=7", "--regime",
                "saturated", "--skip", 1, "--count", 2, "--set", "networks.critic_hidden2=24")
    (regime,) = got["regimes"]
    assert (regime["actor_lr"], regime["critic_lr"], regime["seed"]) == (0.5, 0.01, 7)
    assert [s["n"] for s in got["sgemm"]["shapes"]] == [32, 24, 24]


def test_bench_measures_what_there_is():
    short = ["--regime", "moving", "--set", "training.episodes=6", "--skip", 3]
    (regime,) = bench(*short)["regimes"]
    assert (regime["first_episode"], regime["last_episode"]) == (4, 6)
    assert (regime["ordinary"]["episodes"], regime["log"]["episodes"]) == (2, 1)
    (regime,) = bench(*short, "--set", "evaluation.every=1")["regimes"]
    for kind in ("ordinary", "log"):
        assert regime[kind] == {"episodes": 0, "median_ms": None, "min_ms": None}
    assert regime["gflop"] is None and set(regime["phases_ms"].values()) == {None}
    (regime,) = bench("--regime", "moving", "--skip", 2000, "--count", 2)["regimes"]
    assert (regime["first_episode"], regime["last_episode"]) == (2001, 2002)


def test_bench_in_words():
    done = run("bench", "train", *SMALL, "--skip", 3, "--count", 3)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^sgemm of OpenBLAS, kernel \w+, one thread", done.stdout, re.M)
    assert "\nmoving: actor_lr 0.0001, critic_lr 0.001, seed 42\n" in done.stdout
    assert "\nsaturated: actor_lr 0.1, critic_lr 0.01, seed 42\n" in done.stdout
    for line in (r"  measured     episodes 4 to 6,", r"  ordinary     [\d.]+ ms, median of 2;",
                 r"  log          [\d.]+ ms, median of 1; [\d.]+ times an ordinary one$",
                 r"    actors     +[\d.]+ ms, mean;", r"  arithmetic   \S+ GFLOP, ",
                 r"  memory       [\d.]+ MB$"):
        assert len(re.findall(rf"^{line}", done.stdout, re.M)) == 2, line
    assert max(map(len, done.stdout.splitlines())) <= 80 and "nan" not in done.stdout
    assert done.stdout.count("samples laid out") == 1  # saturated actors ask for none
    done = run("bench", "train", *SMALL, "--skip", 0, "--count", 1)
    assert done.stdout.count("no such episode") == 4 and "nan" not in done.stdout
    done = run("bench", "train", *SMALL, "--skip", 3, "--count", 3, "--set",
               "networks.critic_norm=hidden")
    assert done.returncode == 0 and "GFLOP" in done.stdout
    assert "laid out" not in done.stdout  # a normalised critic has no such search


# The sweep around them


def test_bench_of_the_scheduler(tmp_path):
    done = run("bench", "schedule", "--cells", "2000", "--commits", "3", "--json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    got = json.loads(done.stdout)
    assert list(got) == ["schema_version", "cells", "ranks", "cells_per_s", "rank_0_median_us",
                         "rank_0_p99_us", "bytes_per_cell", "create_s", "scan_s", "commits",
                         "commit_mb", "commit_ms", "bare_ms"]
    assert (got["cells"], got["ranks"], got["commits"]) == (2000, 1, 3)
    assert got["commit_ms"] > 0 and got["bare_ms"] > 0 and 1 < got["bytes_per_cell"] < 200
    text = run("bench", "schedule", "--cells", "50", "--commits", "1", cwd=tmp_path).stdout
    assert text.startswith("50 cells that do nothing, 1 rank: the scheduler alone\n")
    assert listing(tmp_path) == []


@pytest.mark.parametrize("words, message", [
    (["--cells", "0"], "--cells: '0' is not a count, expected a whole number from 1 to 1000000"),
    (["--commits", "x"], "--commits: 'x' is not a count, expected"),
])
def test_bad_bench_of_the_scheduler(words, message, tmp_path):
    done = run("bench", "schedule", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "") and message in done.stderr, done.stderr
    assert listing(tmp_path) == []


@pytest.mark.parametrize("kind, why", [
    ("socket", "Not a directory"), ("file", "Not a directory"), ("FIFO", "Not a directory"),
    ("link", "No such file or directory"), ("nothing", "No such file or directory")])
def test_no_folder_for_the_bench(kind, why, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the name of a socket is short
    if kind == "socket":
        with socket.socket(socket.AF_UNIX) as there:
            there.bind("place")
    elif kind == "file":
        (tmp_path / "place").touch()
    elif kind == "FIFO":
        os.mkfifo("place")
    elif kind == "link":
        os.symlink("gone", "place")
    before = listing(tmp_path)
    done = run("bench", "schedule", "--cells", "3", "--folder", "place", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (
        2, "", f"ccmsweep: --folder: cannot create files in place: {why}\n")
    assert listing(tmp_path) == before
