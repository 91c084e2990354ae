# SPDX-License-Identifier: MIT
"""ccmsweep plan: what a spec asks for, what of it a file has, and what the rest will take."""
import json
import os
import re
import subprocess

import pytest
from program import PROGRAM, SMALL, listing, run

SIZE = """\
training: {episodes: 40, batch: 8}
environment: {agents: 3}
networks: {critic_hidden1: 32, critic_hidden2: 16}
tracking: {log_every: 5}
"""
GRID = SIZE + """\
grid:
  actor_lr: [0.1, 0.001]
  critic_lr: [0.01]
  environment.channels: [2, 3]
  seed: [1, 2, 3, 4, 5, 6, 7, 8, 10, 12]
"""


def plan(*words, cwd):
    done = run("plan", *words, cwd=cwd)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def plan_json(*words, cwd):
    return json.loads(plan(*words, "--json", cwd=cwd))


def lines_of(text):
    """The report by label; lines without one belong to the label before."""
    found, label = {}, None
    lines = text.splitlines()[1:]
    column = re.match(r"  first cell +", lines[0]).end()
    for line in lines:
        assert line[column - 2:column] == "  "
        label = line[:column].strip() or label
        found.setdefault(label, []).append(line[column:])
    return found


@pytest.fixture(name="folder")
def make_folder(tmp_path):
    (tmp_path / "grid.yaml").write_text(GRID)
    (tmp_path / "one.yaml").write_text(SIZE)
    return tmp_path


def train(folder, *words):
    done = run("train", "one.yaml", "-o", "run.h5", "--json", "--progress", "none", *words,
               cwd=folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_help_is_complete():
    done = run("plan", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "SPEC.yaml [FILE.h5]" in done.stdout
    for option in ("--set=KEY=VALUE", "--ranks=N", "--list", "--json"):
        assert option in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_report_names_cells_axes_and_costs(folder):
    text = plan("grid.yaml", cwd=folder)
    got = lines_of(text)
    assert text.startswith("grid.yaml: 40 cells\n") and len(text.splitlines()) <= 17
    values = "actor_lr {}, critic_lr 0.01, seed {}, environment.channels {}"
    assert got["first cell"] == [values.format("0.1", 1, 2)]
    assert got["last cell"] == [values.format("0.001", 12, 3)]
    assert list(got)[2:6] == ["actor_lr", "critic_lr", "seed", "environment.channels"]
    assert got["actor_lr"] == ["0.001, 0.1"] and got["critic_lr"] == ["0.01"]
    assert got["seed"] == ["1, 2, …, 12 (10 values)"] and got["environment.channels"] == ["2, 3"]
    assert re.fullmatch(r"\S+, expected from a calibration of [0-2]\.\d s on this machine; longest cell "
                        r"0\.\d\d s", *got["core-hours"])
    workers = [re.fullmatch(r" *(\d+) workers?: +\d+\.\d+ (s|min)", line).group(1)
               for line in got["wall time"]]
    assert workers == sorted({"1", "2", "32", "128", str(os.cpu_count())}, key=int)
    assert re.fullmatch(r"\d+ kB|\d\.\d\d MB", *got["file"])
    assert re.fullmatch(r"\S+ MB of memory, \S+ [kM]B of checkpoint", *got["a worker"])
    assert "finished" not in got and listing(folder) == ["grid.yaml", "one.yaml"]


def test_ranks_choose_the_wall_time(folder):
    got = plan_json("grid.yaml", "--ranks", 5, cwd=folder)
    expected = got["expected"]
    assert [wall["workers"] for wall in got["wall"]] == [4]
    assert got["wall"][0]["wall_s"] == pytest.approx(expected["left_s"] / 4)
    got = plan_json("grid.yaml", "--ranks", 1000, cwd=folder)
    assert got["wall"][0]["wall_s"] == got["expected"]["longest_cell_s"]
    assert re.search(r"^  wall time +6 workers:  \S+ s\n  file ", plan(
        "grid.yaml", "--ranks", 7, cwd=folder), re.M)


def test_json_has_its_keys(folder):
    got = plan_json("grid.yaml", cwd=folder)
    assert list(got) == ["schema_version", "spec", "cells", "first", "last", "axes", "labels",
                         "file", "extension", "expected", "wall", "file_bytes", "memory_bytes",
                         "checkpoint_bytes"]
    assert (got["schema_version"], got["spec"], got["cells"]) == (1, "grid.yaml", 40)
    assert got["first"] == {"cell": 0, "actor_lr": 0.1, "critic_lr": 0.01, "seed": 1,
                            "environment_channels": 2}
    assert got["last"] == {"cell": 39, "actor_lr": 0.001, "critic_lr": 0.01, "seed": 12,
                           "environment_channels": 3}
    assert got["axes"][2] == {"name": "seed", "setting": "training.seed", "count": 10,
                              "values": [1, 2, 3, 4, 5, 6, 7, 8, 10, 12]}
    expected = got["expected"]
    assert list(expected) == ["from", "finished_cells", "calibration_s", "total_core_hours",
                              "left_core_hours", "left_s", "longest_cell_s", "spread"]
    assert (got["file"], expected["from"], expected["finished_cells"]) == (None, "calibration", 0)
    assert 0 < expected["calibration_s"] < 3 and expected["spread"] == 0.5
    assert expected["total_core_hours"] == expected["left_core_hours"]
    assert expected["left_core_hours"] == pytest.approx(expected["left_s"] / 3600)
    assert 0.001 < expected["longest_cell_s"] < expected["left_s"] < 60
    assert got["memory_bytes"] > got["checkpoint_bytes"] > 100000


def test_list_has_a_line_for_each_cell(folder):
    text = plan("grid.yaml", "--list", cwd=folder)
    head, *rows = text.split("\n\n")[1].splitlines()
    assert head.split() == ["cell", "actor_lr", "critic_lr", "seed", "environment.channels",
                            "expected_s"]
    assert [row.split()[0] for row in rows] == [str(cell) for cell in range(40)]
    assert len({len(row) for row in [head, *rows]}) == 1
    cells = plan_json("grid.yaml", "--list", cwd=folder)["list"]
    for row, cell in zip(rows, cells):
        names = ["cell", "actor_lr", "critic_lr", "seed", "environment_channels"]
        assert list(cell) == [*names, "expected_s"]
        assert row.split()[:-1] == [str(cell[name]) for name in names]
    # Actors of a large learning rate stand still soon and are cheaper from then on.
    assert cells[0]["actor_lr"] == 0.1
    assert cells[0]["expected_s"] < cells[39]["expected_s"]


def test_optional_and_named_values(folder):
    (folder / "grid.yaml").write_text(
        SIZE + "grid:\n  networks.tanh: [exact, pytorch]\n  networks.proposal_bias: [none, 0.5]\n")
    got = lines_of(plan("grid.yaml", cwd=folder))
    assert got["networks.tanh"] == ["pytorch, exact"]
    assert got["networks.proposal_bias"] == ["0.5, none"]
    axes = {axis["name"]: axis["values"] for axis in plan_json("grid.yaml", cwd=folder)["axes"]}
    assert axes["networks_tanh"] == ["pytorch", "exact"]
    assert axes["networks_proposal_bias"] == [0.5, None]


def test_finished_cells_of_a_file_say_what_to_expect(folder):
    summary = train(folder)
    got = plan_json("one.yaml", "run.h5", "--list", cwd=folder)
    assert got["file"] == {"path": "run.h5", "finished": 1, "interrupted": 0, "left": 0}
    expected = got["expected"]
    assert (expected["from"], expected["finished_cells"]) == ("finished", 1)
    assert expected["calibration_s"] is None and expected["left_s"] == 0
    assert expected["total_core_hours"] == pytest.approx(summary["wall_s"] / 3600, rel=0.2)
    assert [cell["state"] for cell in got["list"]] == ["finished"]
    assert got["list"][0]["expected_s"] == pytest.approx(3600 * expected["total_core_hours"])
    size = (folder / "run.h5").stat().st_size
    assert got["file_bytes"] == pytest.approx(size, rel=0.05)
    text = plan("one.yaml", "run.h5", "--list", cwd=folder)
    assert "  finished    1 in run.h5, 0 left\n" in text and "wall time" not in text
    assert re.search(r"^  core-hours  0 left of \S+, expected from 1 finished cell$", text, re.M)
    assert re.search(r"^     0 .* finished$", text, re.M)


def test_file_without_finished_cells(folder):
    train(folder)
    # Without its commit record a run does not count.
    h5py = pytest.importorskip("h5py")
    with h5py.File(folder / "run.h5", "r+") as file:
        file["commit"][0] = 0
    got = plan_json("one.yaml", "run.h5", cwd=folder)
    assert got["file"] == {"path": "run.h5", "finished": 0, "interrupted": 0, "left": 1}
    assert got["expected"]["from"] == "calibration" and got["expected"]["left_s"] > 0
    assert "  finished    0 in run.h5, 1 left\n" in plan("one.yaml", "run.h5", cwd=folder)


def test_set_goes_before_the_spec(folder):
    got = plan_json("grid.yaml", "--set", "training.actor_lr=0.5", "--set",
                    "environment.channels=2", cwd=folder)
    assert got["cells"] == 10 and got["first"]["actor_lr"] == got["last"]["actor_lr"] == 0.5


def test_trainer_beyond_the_memory_is_not_made(folder):
    """A plan is where one wants to learn that."""
    large = ["--set", "training.episodes=10000000", "--set", "environment.agents=1000", "--set",
             "tracking.log_every=1"]
    text = plan("one.yaml", *large, cwd=folder)
    assert re.search(r"^  a worker +about \S+ (GB|TB) of memory$", text, re.M)
    assert plan_json("one.yaml", *large, cwd=folder)["checkpoint_bytes"] is None


BAD = {
    "no spec": ([], "ccmsweep plan: no spec, expected SPEC.yaml"),
    "too much": (["a", "b", "c"],
                 "too many arguments: 'c', expected a spec and at most one file"),
    "no ranks": (["one.yaml", "--ranks", "0"],
                   "--ranks: '0' is not a number of ranks, expected a whole number from 1 to 1000000"),
    "word for ranks": (["one.yaml", "--ranks", "all"], "--ranks: 'all' is not a number of ranks"),
    "spec that is not there": (["no.yaml"], "ccmsweep: no.yaml: No such file or directory"),
    "unknown setting": (["one.yaml", "--set", "training.bacth=1"], "did you mean training.batch?"),
    "file that is not there": (["one.yaml", "no.h5"],
                               "ccmsweep: cannot open no.h5: No such file or directory\n"),
    "file that is none": (["one.yaml", "grid.yaml"], "ccmsweep: grid.yaml is not an HDF5 file\n"),
}


@pytest.mark.parametrize("title", BAD)
def test_bad_input(title, folder):
    words, message = BAD[title]
    done = run("plan", *words, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert listing(folder) == ["grid.yaml", "one.yaml"]


def test_bad_spec_is_refused_with_its_line(folder):
    (folder / "bad.yaml").write_text("training:\n  batch: 0\n")
    done = run("plan", "bad.yaml", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ccmsweep: bad.yaml:2: training.batch: '0' is out of range")


def test_file_of_another_spec_is_refused(folder):
    train(folder)
    done = run("plan", "one.yaml", "run.h5", "--set", "training.seed=7", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "training.seed is 42 in the file and 7 in the spec" in done.stderr
    done = run("plan", "grid.yaml", "run.h5", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "run.h5 was made for other cells (1, and the spec has 40): run 0 (" in done.stderr


@pytest.mark.parametrize("words", [[], ["--json"]], ids=["words", "JSON"])
def test_lost_output_is_a_fault(folder, words):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([PROGRAM, "plan", "one.yaml", *words], cwd=folder, stdout=full,
                              stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == ("ccmsweep: standard output could not be written: No space left on "
                           "device\n")


def test_settings_of_another_command_are_not_taken(folder):
    done = run("plan", "one.yaml", *SMALL, "--episodes", "3", cwd=folder)
    assert done.returncode == 2 and "unrecognized option '--episodes'" in done.stderr


@pytest.mark.parametrize("name", ["/proc/kmsg", "/sys/kernel/tracing/trace_pipe"])
@pytest.mark.parametrize("command", ["plan", "spec"])
def test_file_that_makes_its_reader_wait(command, name, folder):
    """By its mode a regular file, it gives what comes, and waits for more."""
    try:
        os.close(os.open(name, os.O_RDONLY | os.O_NONBLOCK))
    except OSError:
        pytest.skip(f"{name} cannot be read here")
    done = subprocess.run([PROGRAM, command, name], cwd=folder, capture_output=True, text=True,
                          check=False, timeout=20)
    assert done.returncode == 2 and "expected a spec in YAML" in done.stderr
