# SPDX-License-Identifier: MIT
"""Labels of blocks, through all commands: spec, plan, file, status, tables, runs of other files."""

import csv
import json
import re
import signal
import subprocess

import h5py
import numpy as np
import pytest

from program import PROGRAM, assert_refused, run, wait_for

HEAD = """training: {episodes: 5, steps: 3, batch: 8}
environment: {agents: 4, channels: 2}
tracking: {log_every: 2, snapshot_every: 0}
grid:
"""
# The names are not in the order of the alphabet; one setting varies within its label.
BLOCKS = {
    "published": "",
    "clip-1": "clip_actor: [1], clip_critic: [1], ",
    "wide": "networks.actor_hidden1: [80, 96], networks.actor_hidden2: [40], ",
    "corrected": "rules: [corrected], ",
}
RUNS = "actor_lr: [0.1, 0.01], seed: 0-2}\n"
DECIDED = ["critic_mean", "time_limit", "explore_among", "streams", "replay_weighting",
           "replay_priority"]
PARTS = ["rules", *DECIDED[:4], "clip_actor", "clip_critic", "networks_actor_hidden2", *DECIDED[4:]]
CELLS = {"published": 6, "clip-1": 6, "wide": 12, "corrected": 6}


def spec_of(blocks, labelled=True):
    return HEAD + "".join(f"  - {{{f'label: {name}, ' if labelled else ''}{block}{RUNS}"
                          for name, block in blocks.items())


def sweep(folder, name, text, *words):
    (folder / f"{name}.yaml").write_text(text)
    done = run("run", f"{name}.yaml", "-o", f"{name}.h5", "--progress", "none", *words, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stderr


def rows_of(text):
    return list(csv.DictReader(text.splitlines()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("labels")
    sweep(folder, "s", spec_of(BLOCKS))
    return folder


def test_plan_says_what_labels_set(folder):
    text = run("plan", "s.yaml", cwd=folder).stdout
    assert re.search(r"\n  label +published\n +clip-1: clip_actor 1, clip_critic 1\n"
                     r" +wide: networks_actor_hidden2 40\n +corrected: rules corrected\n"
                     r"  actor_lr +0.01, 0.1\n", text)
    assert re.search(r"first cell +label published, actor_lr 0.1, critic_lr 0.001, seed 0, "
                     r"networks.actor_hidden1 64\n", text)
    assert "clip_actor  " not in text and "rules  " not in text

    got = json.loads(run("plan", "s.yaml", "--json", "--list", cwd=folder).stdout)
    assert [axis["name"] for axis in got["axes"]] == [
        "label", "actor_lr", "critic_lr", "seed", "networks_actor_hidden1"]
    assert got["axes"][0] == {"name": "label", "setting": "label", "count": 4,
                              "values": list(BLOCKS)}
    assert [label["label"] for label in got["labels"]] == list(BLOCKS)
    sets = [label["sets"] for label in got["labels"]]
    assert all(list(one) == PARTS for one in sets)
    assert [one["clip_actor"] for one in sets] == [None, 1, None, None]
    assert [one["time_limit"] for one in sets] == 3 * ["terminal"] + ["bootstrap"]
    assert [one["networks_actor_hidden2"] for one in sets] == [32, 32, 40, 32]
    assert [cell["label"] for cell in got["list"]] == [
        name for name, count in CELLS.items() for _ in range(count)]


def test_plan_without_labels_has_none(folder, tmp_path):
    (tmp_path / "p.yaml").write_text(spec_of(BLOCKS, labelled=False))
    got = json.loads(run("plan", "p.yaml", "--json", cwd=tmp_path).stdout)
    assert got["labels"] is None
    assert [axis["name"] for axis in got["axes"]][:3] == ["actor_lr", "critic_lr", "seed"]
    # Both list the first lines of the same sweep: but for the label the cells are the same.
    assert got["cells"] == sum(CELLS.values())


def test_the_file_has_names_and_settings(folder):
    with h5py.File(folder / "s.h5") as file:
        column = file["label"]
        assert column[:].tolist() == list(np.repeat(range(4), list(CELLS.values())))
        assert column.attrs["flag_meanings"] == b"published clip-1 wide corrected"
        assert column.attrs["flag_values"].tolist() == [0, 1, 2, 3]
        assert column.attrs["setting"] == b"label"
        assert file.attrs["coordinates"] == b"label actor_lr critic_lr seed"
        assert file["clip_actor"][6:12].tolist() == 6 * [1]
        assert file["time_limit"][:].tolist() == 24 * [0] + 6 * [1]
        resolved = file["settings"][()].decode().rstrip("\0")
    assert resolved.count("\n  - label: ") == 4
    (folder / "t.yaml").write_text(resolved)
    again = run("run", "t.yaml", "-o", "s.h5", "--progress", "none", cwd=folder)
    assert again.returncode == 0 and "nothing to do" in again.stderr


def test_status_and_show(folder):
    got = json.loads(run("status", "s.h5", "--cells", "--json", cwd=folder).stdout)
    assert [list(cell["axes"]) for cell in got["list"]] == 30 * [
        ["label", "networks_actor_hidden1"]]
    assert [cell["axes"]["label"] for cell in got["list"]] == [
        name for name, count in CELLS.items() for _ in range(count)]
    assert [(row["label"], row["actor_lr"], row["runs"]) for row in got["grid"]] == [
        (name, rate, count // 2) for name, count in CELLS.items() for rate in (0.1, 0.01)]
    assert {tuple(row)[:4] for row in got["grid"]} == {("label", "actor_lr", "critic_lr", "runs")}
    text = run("status", "s.h5", "--cells", cwd=folder).stdout
    assert re.search(r"\nlabel +actor_lr +critic_lr +runs", text)
    assert re.search(r"\n *run +label +actor_lr +critic_lr +seed +networks_actor_hidden1 +state",
                     text)
    assert text.count("\n     6     clip-1 ") == 1
    shown = run("show", "s.h5", "--run", "6", cwd=folder).stdout
    assert shown.startswith("label clip-1, actor_lr 0.1, critic_lr 0.001, seed 0: ")
    shown = json.loads(run("show", "s.h5", "--run", "6", "--json", cwd=folder).stdout)
    assert list(shown)[1:5] == ["label", "actor_lr", "critic_lr", "seed"]
    assert shown["label"] == "clip-1"


def test_export_by_label(folder):
    done = run("export", "s.h5", "out", "--where", "label=clip-1", cwd=folder)
    assert done.returncode == 0 and "6 runs" in done.stdout, done.stderr
    rows = rows_of((folder / "out/runs.csv").read_text())
    assert {row["label"] for row in rows} == {"clip-1"}
    assert {row["clip_actor"] for row in rows} == {"1"}
    assert list(rows[0])[:9] == ["run", "state", "study_name", "label", "actor_lr", "critic_lr",
                                 "seed", "rules", "critic_mean"]
    assert [row["study_name"] for row in rows] == [
        f"actor_{rate}_critic_0.001_run_{n}" for rate in (0.1, 0.01) for n in range(3)]
    # All of them: names of runs stay different, as the study numbered them by pair of rates.
    assert run("export", "s.h5", "all", cwd=folder).returncode == 0
    rows = rows_of((folder / "all/runs.csv").read_text())
    assert len({row["study_name"] for row in rows}) == len(rows) == 30
    for value, message in (("clip", "--where: no run of s.h5 has label=clip, expected one of published, "
                                    "clip-1, wide, corrected\n"),
                           ("a b", "label: 'a b' is not a label, expected a name of up to 64")):
        done = run("export", "s.h5", "none", "--where", f"label={value}", cwd=folder)
        assert done.returncode == 2 and message in done.stderr
        assert not (folder / "none").exists()
    for words, told in (([], "ccmsweep: warning: the names of the study do not tell labels apart; "
                             "--where label=NAME exports those of one\n"),
                        (["--where", "label=wide"], "")):
        done = run("export", "s.h5", "study", "--original", "--force", *words, cwd=folder)
        assert (done.returncode, done.stderr) == (0, told)


def test_aggregate_has_one_axis_for_all(folder):
    got = json.loads(run("aggregate", "s.h5", "--format", "json", cwd=folder).stdout)
    assert [axis["name"] for axis in got["axes"]] == [
        "label", "actor_lr", "critic_lr", "networks_actor_hidden1"]
    assert got["axes"][0]["values"] == list(BLOCKS)
    assert got["axes"][0]["sets"] == ["", "clip_actor 1, clip_critic 1", "networks_actor_hidden2 40",
                                      "rules corrected"]
    together = got["axes"][0]["together"]
    assert sorted(together) == sorted(PARTS)
    assert together["clip_critic"] == [None, 1, None, None]
    assert together["streams"] == 3 * ["shared"] + ["separate"]
    assert got["pooled"] == 0 and len(got["configurations"]) == 10
    assert not any("decided by" in text for text in got["warnings"])
    text = run("aggregate", "s.h5", cwd=folder).stdout
    assert re.search(r"\nlabel, and what it sets\n +label  sets\n  published  -\n +clip-1  "
                     r"clip_actor 1, clip_critic 1\n +wide  networks_actor_hidden2 40\n"
                     r"  corrected  rules corrected\n", text)
    table = rows_of(run("aggregate", "s.h5", "--format", "csv", cwd=folder).stdout)
    first = [row for row in table if row["quantity"] == "rmst"]
    assert [row["label"] for row in first] == (
        2 * ["published"] + 2 * ["clip-1"] + 4 * ["wide"] + 2 * ["corrected"])
    assert [row["clip_critic"] for row in first] == 2 * ["none"] + 2 * ["1"] + 6 * ["none"]


def test_aggregate_by_label_and_by_its_settings(folder):
    def of(*words):
        done = run("aggregate", "s.h5", "--format", "json", *words, cwd=folder)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    got = of("--by", "label")
    assert [(one["axes"]["label"], one["runs"]) for one in got["configurations"]] == list(
        CELLS.items())
    assert got["pooled"] == 2  # actor_lr and the width, and nothing that the label sets
    # By a setting of the label, labels with the same value are pooled.
    got = of("--by", "clip_actor")
    assert [(one["axes"]["clip_actor"], one["runs"]) for one in got["configurations"]] == [
        (None, 24), (1, 6)]
    got = of("--by", "label,actor_lr", "--reference", "training.clip_actor=1,actor_lr=0.1")
    assert got["reference"] == next(
        place for place, one in enumerate(got["configurations"])
        if one["axes"]["label"] == "clip-1" and one["axes"]["actor_lr"] == 0.1)
    done = run("aggregate", "s.h5", "--by", "labels", cwd=folder)
    assert done.returncode == 2 and ", expected some of label, actor_lr, critic_lr, " in done.stderr
    got = of("--by", "label", "--reference", "label=wide")
    assert got["configurations"][got["reference"]]["axes"]["label"] == "wide"


@pytest.mark.parametrize(("change", "message"), [
    (lambda file: file["label"].attrs.modify("flag_meanings", "published clip-2 wide corrected"),
     "flag_meanings of label are not the labels in its settings"),
    (lambda file: file["label"].write_direct(np.array([1] + 5 * [0] + 6 * [1] + 12 * [2] + 6 * [3])),
     "label of run 0 is 0 in its settings and 1 in its column label"),
])
def test_a_label_that_another_program_changed(folder, tmp_path, change, message):
    (tmp_path / "s.h5").write_bytes((folder / "s.h5").read_bytes())
    with h5py.File(tmp_path / "s.h5", "r+") as file:
        change(file)
    for command in ("status", "aggregate", "show"):
        done = run(command, "s.h5", cwd=tmp_path)
        assert done.returncode == 2
        assert done.stderr == f"ccmsweep: s.h5 was changed by another program: {message}\n"


def test_a_spec_with_other_labels_does_not_continue(folder):
    before = (folder / "s.h5").read_bytes()
    for name, text, message in (
            ("renamed", spec_of(BLOCKS).replace("clip-1", "clip"),
             "label is clip-1 in the file and clip in the spec (run 6)"),
            ("bare", spec_of(BLOCKS, labelled=False),
             "label is published in the file and none in the spec (run 0)")):
        (folder / f"{name}.yaml").write_text(text)
        done = run("run", f"{name}.yaml", "-o", "s.h5", "--progress", "none", cwd=folder)
        assert done.returncode == 2
        assert done.stderr == (f"ccmsweep: s.h5 was made for other settings: {message}: give another "
                               "file, or the settings it was made for (run --extend takes more cells, "
                               "more training.episodes, and the same cells in another order or with "
                               "other labels)\n")
    assert (folder / "s.h5").read_bytes() == before


def test_runs_of_other_files_are_taken_by_their_settings(folder, tmp_path):
    # Of a file without labels, whose records and identities are the same.
    sweep(tmp_path, "bare", spec_of(BLOCKS, labelled=False))
    said = sweep(tmp_path, "s", spec_of(BLOCKS), "--reuse", "bare.h5")
    assert "30 runs copied from bare.h5" in said and "stands for" not in said
    with h5py.File(tmp_path / "s.h5") as ours, h5py.File(folder / "s.h5") as theirs, \
            h5py.File(tmp_path / "bare.h5") as bare:
        assert "label" not in bare and "label" in ours
        for name in ("identity", "reward", "first_still", "label"):
            assert np.array_equal(ours[name][:], theirs[name][:]), name

    # Of a file whose labels stand for something else: only what is equal is taken.
    other = dict(BLOCKS, **{"clip-1": "clip_actor: [5], clip_critic: [1], "})
    said = sweep(tmp_path, "other", spec_of(other), "--reuse", "s.h5")
    assert ("warning: label clip-1 stands for other settings in s.h5 (training.clip_actor 5 here and "
            "1 there); runs are copied by their settings\n") in said
    assert "24 runs copied from s.h5" in said
    # A part of a label, or the same one under another name, is no other meaning.
    part = {"wide": BLOCKS["wide"].replace("80, ", ""), "plain": ""}
    said = sweep(tmp_path, "part", spec_of(part), "--reuse", "s.h5")
    assert "12 runs copied from s.h5" in said and "stand" not in said
    swapped = {"corrected": "", "published": BLOCKS["corrected"]}
    said = sweep(tmp_path, "swapped", spec_of(swapped), "--reuse", "s.h5")
    assert "warning: label corrected and 1 more stand for other settings in s.h5 (" in said
    assert "12 runs copied from s.h5" in said


def test_a_stopped_sweep_goes_on(folder, tmp_path):
    (tmp_path / "s.yaml").write_text(spec_of(BLOCKS))
    words = ["run", "s.yaml", "-o", "s.h5", "--progress", "none"]
    stopped = subprocess.Popen([PROGRAM, *words], cwd=tmp_path, stdout=subprocess.DEVNULL)
    wait_for(tmp_path / "s.h5")
    stopped.send_signal(signal.SIGTERM)
    assert stopped.wait(60) in (0, 75)
    assert run(*words, cwd=tmp_path).returncode == 0
    with h5py.File(tmp_path / "s.h5") as ours, h5py.File(folder / "s.h5") as theirs:
        for name in ("identity", "label", "commit", "reward", "stopping_episode"):
            assert np.array_equal(ours[name][:], theirs[name][:]), name


@pytest.mark.parametrize(("words", "message"), [
    (["plan", "--set", "label=x"], "--set: label: the name of a block of the grid"),
    (["run", "-o", "s.h5", "--set", "label=x"], "--set: label: the name of a block of the grid"),
])
def test_a_label_is_no_option(folder, tmp_path, words, message):
    (tmp_path / "in").mkdir()
    (tmp_path / "s.yaml").write_text(spec_of(BLOCKS))
    assert_refused([words[0], "../s.yaml", *words[1:]], message, tmp_path / "in")


def test_what_is_refused_has_its_line(tmp_path):
    for text, message in (
            (spec_of(BLOCKS).replace("label: wide, ", ""),
             "s.yaml:7: grid: a block without a label, expected one in each block, as in line 5, or "
             "in none"),
            (spec_of(BLOCKS).replace("wide", "clip-1"),
             "s.yaml:7: label: clip-1 is the label of the block in line 6 already, expected another"),
            (spec_of({"a": "", "b": ""}),
             "s.yaml:5: grid: a cell is given twice, by the block in line 5 and by that in line 6, "
             "expected once, as a label alone changes nothing: training.actor_lr 0.1, "
             "training.seed 0"),
    ):
        (tmp_path / "s.yaml").write_text(text)
        for command in (["plan"], ["run", "-o", "s.h5"], ["spec"]):
            done = run(command[0], "s.yaml", *command[1:], cwd=tmp_path)
            assert (done.returncode, done.stderr) == (2, f"ccmsweep: {message}\n")
        assert not (tmp_path / "s.h5").exists()


def test_train_takes_one_labelled_cell(tmp_path):
    (tmp_path / "s.yaml").write_text(HEAD + "  {label: clip-1, clip_actor: [1], seed: [3]}\n")
    done = run("train", "s.yaml", "-o", "s.h5", "--progress", "none", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("label clip-1, actor_lr 0.0001, critic_lr 0.001, seed 3: ")
    with h5py.File(tmp_path / "s.h5") as file:
        assert file["label"].attrs["flag_meanings"] == b"clip-1" and file["label"][:] == [0]
