# SPDX-License-Identifier: MIT
"""A setting whose values are lists, through all commands: spec, plan, file, status, tables."""

import csv
import json

import h5py

from program import run

SPEC = """environment: {agents: 22, channels: 1}
training: {episodes: 5, steps: 3, actor_lr: 0.1}
tracking: {log_every: 2, snapshot_every: 0}
evaluation: {every: 5, episodes: 1}
grid:
  - training.earlier_episodes: [[3, 4], none]
    seed: 0-2
  - training.earlier_episodes: [3]
    environment.seeding: [continued]
    seed: 0-2
"""
KEY = "training.earlier_episodes"


def test_a_list_through_all_commands(tmp_path):
    (tmp_path / "s.yaml").write_text(SPEC)
    planned = run("plan", "s.yaml", "--json", cwd=tmp_path)
    axis = next(axis for axis in json.loads(planned.stdout)["axes"] if axis["setting"] == KEY)
    assert axis["values"] == [[], [3], [3, 4]]
    assert run("run", "s.yaml", "-o", "s.h5", "--progress", "none", cwd=tmp_path).returncode == 0

    # In the file a list is its place among those of the sweep, with its text beside it.
    with h5py.File(tmp_path / "s.h5") as file:
        column = file["earlier_episodes"]
        assert column[:].tolist() == [2] * 3 + [0] * 3 + [1] * 3
        assert column.attrs["flag_meanings"] == b"none 3 3+4"
        assert column.attrs["flag_values"].tolist() == [0, 1, 2]
        rewards = file["reward"][:, 0]
        resolved = file["settings"][()].decode().rstrip("\0")
    # Where a run begins shows in its first reward already.
    assert len(set(rewards)) == 9

    # The settings in the file say the same when they are read back, in another order too.
    again = run("run", "s.yaml", "-o", "s.h5", "--progress", "none", cwd=tmp_path)
    assert again.returncode == 0 and "nothing to do" in again.stderr
    assert "training.earlier_episodes: [3+4, none]" in resolved
    (tmp_path / "t.yaml").write_text(resolved)
    taken = run("run", "t.yaml", "-o", "t.h5", "--reuse", "s.h5", "--progress", "none",
                cwd=tmp_path)
    assert taken.returncode == 0 and "9" in taken.stderr

    cells = json.loads(run("status", "s.h5", "--cells", "--json", cwd=tmp_path).stdout)["list"]
    assert [cell["axes"]["earlier_episodes"] for cell in cells] == 3 * [[3, 4]] + 3 * [[]] + 3 * [[3]]
    table = run("status", "s.h5", "--cells", cwd=tmp_path).stdout
    assert "3+4" in table and "none" in table

    done = run("aggregate", "s.h5", "--format", "csv", cwd=tmp_path)
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert {row["earlier_episodes"] for row in rows} >= {"none", "3", "3+4"}
    done = run("export", "s.h5", "out", "--where", "earlier_episodes=3+4", cwd=tmp_path)
    assert done.returncode == 0 and "3 runs" in done.stdout, done.stderr
    with open(tmp_path / "out/runs.csv", newline="") as file:
        assert {row["earlier_episodes"] for row in csv.DictReader(file)} == {"3+4"}


def test_words_that_another_program_changed(tmp_path):
    (tmp_path / "s.yaml").write_text(SPEC)
    assert run("run", "s.yaml", "-o", "s.h5", "--progress", "none", cwd=tmp_path).returncode == 0
    with h5py.File(tmp_path / "s.h5", "r+") as file:
        file["earlier_episodes"].attrs.modify("flag_meanings", "none 4 3+4")
    for command in ("status", "aggregate", "show"):
        done = run(command, "s.h5", cwd=tmp_path)
        assert done.returncode == 2 and done.stderr == (
            "ccmsweep: s.h5 was changed by another program: flag_meanings of earlier_episodes are not "
            "the lists in its settings\n")


def test_set_takes_both_forms(tmp_path):
    rewards = []
    for form in ("3+4", "[3, 4]", "none"):
        file = tmp_path / f"{len(rewards)}.h5"
        done = run("train", "-o", file, "--set", f"{KEY}={form}", "--episodes", "1",
                   "--set", "environment.agents=22", "--set", "environment.channels=1")
        assert done.returncode == 0, done.stderr
        with h5py.File(file) as made:
            rewards.append(made["reward"][0, 0])
    assert rewards[0] == rewards[1] != rewards[2]


def test_a_wrong_list_is_one_sentence(tmp_path):
    done = run("train", "-o", tmp_path / "s.h5", "--set", f"{KEY}=3-4")
    assert done.returncode == 2 and done.stderr == (
        f"ccmsweep: --set: {KEY}: '3-4' is not a list of whole numbers, expected a list such as 301+298 "
        "of up to 32 whole numbers from 1 that sum up to at most 100000, or none\n")
    assert not (tmp_path / "s.h5").exists()


def test_too_few_agents_are_refused_with_their_line(tmp_path):
    (tmp_path / "s.yaml").write_text("training: {earlier_episodes: 3}\nenvironment: {agents: 9}\n")
    done = run("plan", "s.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"ccmsweep: s.yaml:1: {KEY}: what earlier runs drew is not known")
