# SPDX-License-Identifier: MIT
"""ccmsweep show: the summary of a finished run, and the schema of files."""
import json
import re
import signal

import pytest
from program import LONG, SMALL, assert_refused, listing, run, start, wait_for

COMMAND_LINES = {
    "neither": (["show"], "ccmsweep show: expected either a file or --schema\n"),
    "both": (["show", "a.h5", "--schema"], "expected either a file or --schema\n"),
    "two files": (["show", "a.h5", "b.h5"], "too many arguments: 'b.h5', expected one file\n"),
    "run below the first": (
        ["show", "a.h5", "--run=-1"],
        "--run: '-1' is not the number of a run, expected a whole number from 0\n"),
    "word for a run": (["show", "a.h5", "--run", "first"],
                       "--run: 'first' is not the number of a run, expected"),
    "no name": (["show", ""], "ccmsweep show: no name, expected the name of a file or folder\n"),
    "no such file": (["show", "a.h5"], "No such file or directory"),
}


@pytest.mark.parametrize("title", COMMAND_LINES)
def test_bad_command_line(title, tmp_path):
    words, message = COMMAND_LINES[title]
    assert_refused(words, message, tmp_path)


def test_finished_run_can_be_shown_again(tmp_path):
    trained = run("train", *SMALL, "--episodes", 12, "-o", "a.h5", cwd=tmp_path)
    shown = run("show", "a.h5", cwd=tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.splitlines()[:-1] == trained.stdout.splitlines()[:-1]
    as_json = json.loads(run("show", "a.h5", "--json", cwd=tmp_path).stdout)
    assert as_json["label"] is None and as_json["total_episodes"] == 12 and as_json["wall_s"] > 0
    assert listing(tmp_path) == ["a.h5", "a.h5.lock"]


def test_unfinished_or_absent_run_cannot_be_shown(tmp_path):
    child = start(*LONG, "-o", "a.h5", cwd=tmp_path)
    wait_for(tmp_path / "a.h5")
    pending = run("show", "a.h5", cwd=tmp_path)
    child.send_signal(signal.SIGTERM)
    assert child.wait(60) == 75
    interrupted = run("show", "a.h5", cwd=tmp_path)
    assert (pending.returncode, interrupted.returncode) == (2, 2)
    assert "run 0 is not finished: pending" in pending.stderr
    assert "run 0 is not finished: interrupted, last noted in episode" in interrupted.stderr
    assert "a.h5 has no run 1, expected 0 to 0" in run("show", "a.h5", "--run", 1,
                                                       cwd=tmp_path).stderr
    assert "No such file" in run("show", "b.h5", cwd=tmp_path).stderr


def test_schema_describes_every_dataset(tmp_path):
    """Of a sweep that has all there can be: no cell alone has both kinds of normalised actors."""
    (tmp_path / "s.yaml").write_text(
        "training: {batch: 8, episodes: 12, clip_actor: 1, clip_critic: 1}\n"
        "environment: {agents: 4}\nevaluation: {every: 6, episodes: 1}\n"
        "tracking: {snapshot_every: 6}\nnetworks: {critic_norm: hidden, input_norm: running}\n"
        "grid: {networks.actor_norm: [output, hidden]}\n", encoding="utf-8")
    done = run("run", "s.yaml", "-o", "a.h5", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    root, noted = run("show", "--schema").stdout.split("**In `/volatile`**")
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5") as file:
        assert set(re.findall(r"^\| `(\w+)`", root, re.M)) == set(file) - {
            "volatile", "networks_actor_norm"}
        assert set(re.findall(r"^\| `(\w+)`", noted, re.M)) == set(file["volatile"])
