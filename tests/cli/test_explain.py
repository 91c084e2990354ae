# SPDX-License-Identifier: MIT
"""status --explain: the history of one run in sentences, of every state that a run can be in."""
import json
import shutil

import h5py
import pytest
from contents import Sweep
from damage_case import SPEC, run
from sweep_case import needs_faults, sweep

QUIET = ["--progress", "none"]
RUN = ["s.yaml", "-o", "s.h5", *QUIET]


@pytest.fixture(scope="module", name="part")
def fixture_part(tmp_path_factory):
    """Of four runs 0 and 2 are done."""
    folder = tmp_path_factory.mktemp("part")
    (folder / "s.yaml").write_text(SPEC)
    assert run("run", *RUN, "--only", "seed=1", cwd=folder).returncode == 0
    return folder


@pytest.fixture(name="folder")
def fixture_folder(part, tmp_path):
    for name in ("s.yaml", "s.h5"):
        shutil.copy(part / name, tmp_path / name)
    return tmp_path


def explain(folder, number, name="s.h5"):
    """The first line and the sentences; JSON has the same."""
    done = run("status", name, "--explain", number, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    first, *lines = done.stdout.splitlines()
    found = json.loads(run("status", name, "--explain", number, "--json", cwd=folder).stdout)
    assert found["explained"]["sentences"] == [line.removeprefix("- ") for line in lines]
    assert found["explained"]["run"] == number and found["cells"] == 4
    assert all(line.startswith("- ") and line.endswith(".") for line in lines), lines
    return first, " ".join(lines)


def note(folder, number, outcome=None, **values):
    with h5py.File(folder / "s.h5", "r+") as file:
        for name, value in values.items():
            file[f"volatile/{name}"][number] = value
        if outcome is not None:
            file["outcome"][number] = outcome


def end_of_start(folder, code):
    """As if the last start had ended with this code; None: it was killed."""
    with h5py.File(folder / "s.h5", "r+") as file:
        row = int(file["volatile/start_log_number"][:].argmax())
        if code is None:
            file["volatile/start_log_end"][row] = float("nan")
        file["volatile/start_log_status"][row] = -1 if code is None else code


def test_done_and_not_begun(folder):
    first, words = explain(folder, 0)
    outcome = Sweep(folder / "s.h5").done()[0][0]
    assert first == f"run 0 (actor_lr 0.1, critic_lr 0.01, seed 1) of s.h5: {outcome}"
    assert "It was begun or resumed 1 time, first at 20" in words and "It is done: " in words
    assert "copied" not in words and "No process" not in words
    first, words = explain(folder, 1)
    assert first.endswith("of s.h5: pending") and "It has not been begun." in words
    assert "The last start ended when the part that it was asked for was done" in words
    end_of_start(folder, 75)
    assert "No process works on the sweep: the same command" in explain(folder, 1)[1]


def test_stopped_and_lost(folder):
    end_of_start(folder, 75)
    note(folder, 1, 6, attempts=2, progress_episode=17, start=1.7e9, rank=1)
    first, words = explain(folder, 1)
    assert first.endswith("interrupted") and "It was interrupted by a stop on request" in words
    assert "It was begun or resumed 2 times, first at 2023-11-14" in words
    assert "of episode 17 of at most 60" in words
    assert "There is no checkpoint, so it is trained from the first episode on." in words
    (folder / "s.h5.ckpt").mkdir()
    (folder / "s.h5.ckpt/run-000001.ckpt").write_bytes(b"x")
    assert "There is a checkpoint, from which it is resumed." in explain(folder, 1)[1]
    end_of_start(folder, None)
    note(folder, 3, flight=1, attempts=1)
    first, words = explain(folder, 3)
    assert first.endswith("lost") and "in flight when its job ended unexpectedly" in words
    note(folder, 3, flight=2, crashes=1)
    words = explain(folder, 3)[1]
    assert "Its own process crashed in the last start" in words
    assert "has crashed 1 time while it was trained; the third crash quarantines" in words
    note(folder, 1, 0, flight=1)
    words = explain(folder, 1)[1]
    assert "It was in flight when the process of another run crashed, which ended the job." in words
    assert "no mark" not in words


def test_suspects(folder):
    end_of_start(folder, 75)
    note(folder, 1, attempts=4, suspect=1, lost=2)
    words = explain(folder, 1)[1]
    for part in ("It was begun, and its last attempt did not reach the end.", "It is a suspect: ",
                 "2 jobs in a row were lost while it was the only suspect; after --max-lost",
                 "So it is trained before all others", "clears it of the jobs that were lost, a stop"):
        assert part in words, words
    note(folder, 1, suspect=0, lost=0, crashes=1)
    words = explain(folder, 1)[1]
    assert "So it is trained before all others" in words and "also of its crashes." in words
    end_of_start(folder, 3)
    assert "The last start ended because cells had failed: it gave up" in explain(folder, 1)[1]


def test_all_that_can_be_said(folder):
    """A file from anybody may have all of it of one run."""
    with h5py.File(folder / "s.h5", "r+") as file:
        for name, value in (("number", 2), ("ranks", 0), ("job", b"2 to 4 cells"), ("time", 9e9)):
            file[f"volatile/start_log_{name}"][1] = value
    note(folder, 1, attempts=3, start=1e9, end=1.1e9, wall_s=5, crashes=1, suspect=1, lost=2, flight=1,
         progress_episode=7, progress_time=1e9)
    for outcome in 0, 6:
        note(folder, 1, outcome)
        assert explain(folder, 1)[1].count("- ") == 13


def test_not_started(folder):
    """A file that was made and extended, and never started."""
    with h5py.File(folder / "s.h5", "r+") as file:
        log = {name: file[f"volatile/start_log_{name}"] for name in ("number", "ranks", "job", "time")}
        assert log["number"][1] == 0
        for name, value in (("number", 2), ("ranks", 0), ("job", b"2 to 4 cells"), ("time", 9e9)):
            log[name][1] = value
    assert "The sweep has not been started since it was extended: " in explain(folder, 1)[1]
    with h5py.File(folder / "s.h5", "r+") as file:
        file["volatile/start_log_number"][:2] = 0
    assert "The sweep has not been started since its file was made: " in explain(folder, 1)[1]


def test_set_aside_and_tried_again(folder):
    needs_faults()
    codes = [sweep(0, *RUN, cwd=folder, faults="begin@3=segv").returncode for _ in range(4)]
    assert codes == [-11, -11, -11, 3]
    first, words = explain(folder, 3)
    assert first.endswith("quarantined") and "It is quarantined: its process crashed 3 times" in words
    assert "run --retry quarantined, which forgets" in words
    assert run("run", *RUN, "--retry", "quarantined", cwd=folder).returncode == 0
    words = explain(folder, 3)[1]
    assert "It was begun or resumed " in words and "It is done: " in words
    done = sweep(0, "s.yaml", "-o", "f.h5", *QUIET, "--max-lost", "1", cwd=folder,
                 faults="begin@3=kill")
    while done.returncode == -9:
        done = sweep(0, "s.yaml", "-o", "f.h5", *QUIET, "--max-lost", "1", cwd=folder,
                     faults="begin@3=kill")
    first, words = explain(folder, 3, "f.h5")
    assert first.endswith("failed") and "It has failed: 1 jobs in a row" not in words
    assert "run --retry failed, which forgets the losses" in words


def test_copied_and_damaged(folder):
    done = run("run", "s.yaml", "-o", "m.h5", *QUIET, "--reuse", "s.h5", cwd=folder)
    assert done.returncode == 0
    assert "it was copied from another file (run --reuse)" in explain(folder, 0, "m.h5")[1]
    assert "copied" not in explain(folder, 1, "m.h5")[1]
    with h5py.File(folder / "s.h5", "r+") as file:
        file["stopping_episode"][0] = 99999
    first, words = explain(folder, 0)
    begun, damaged = words.removeprefix("- ").split(". - ")[::2]
    assert begun.startswith("It was begun or resumed 1 time, ")
    assert damaged.startswith("It was committed, but is damaged, and does not count: ")
    assert damaged.endswith(" run --check trains it again; without it no start goes on with this "
                            "file.")
    refused = run("run", *RUN, cwd=folder)
    assert refused.returncode == 2 and "run 0 of s.h5 is damaged: " in refused.stderr


def test_extended(folder):
    """A run that went on, runs that were copied, and one that came with the extension."""
    assert "extended" not in explain(folder, 0)[1]
    (folder / "s.yaml").write_text(SPEC.replace("seed: [1, 2]", "seed: [1, 2, 3]"))
    done = run("run", *RUN, "--extend", "--only", "seed=2", cwd=folder)
    assert done.returncode == 0, done.stderr
    table = json.loads(run("status", "s.h5", "--cells", "--json", cwd=folder).stdout)
    extended = table["extensions"][0]["time"]
    said = {}
    for cell in table["list"]:
        shown = run("status", "s.h5", "--explain", cell["run"], cwd=folder).stdout
        sentence, = [line for line in shown.splitlines() if "The file was extended at " in line]
        assert " from 4 to 6 cells (run --extend); " in sentence
        said.setdefault(cell["seed"], set()).add(sentence.rsplit("; ", 1)[1])
    assert said == {1: {"what is noted of this run is older."},
                    2: {"what is noted of this run is newer."},
                    3: {"no attempt of this run is noted."}}
    number, = (cell["run"] for cell in table["list"] if cell["seed"] == 1 and cell["actor_lr"] == 0.1)
    with h5py.File(folder / "s.h5", "r+") as file:
        file["commit"][number] = 0
    note(folder, number, 6)
    assert "It had come to a smaller limit, or been interrupted" in run(
        "status", "s.h5", "--explain", number, cwd=folder).stdout
    note(folder, number, start=extended - 9, end=extended + 9)
    assert "It was interrupted by a stop on request" in run(
        "status", "s.h5", "--explain", number, cwd=folder).stdout
    assert "this run was begun before, and went on after." in run(
        "status", "s.h5", "--explain", number, cwd=folder).stdout


def test_watched(folder):
    """Until the run is done, whatever others are."""
    shown = run("status", "s.h5", "--explain", "0", "--watch", cwd=folder)
    assert shown.returncode == 0 and "It is done: " in shown.stdout


def test_at_work(folder):
    """While a process holds the file, a run that is in flight is being trained."""
    import fcntl
    note(folder, 1, flight=1, attempts=1)
    with open(folder / "s.h5.lock", "a") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        first, words = explain(folder, 1)
        assert first.endswith("running") and "It is being trained now." in words
        assert "A process works on the sweep" in explain(folder, 3)[1]


@pytest.mark.parametrize("number, sentence", [
    ("4", "--explain: s.h5 has no run 4, expected one from 0 to 3"),
    ("-1", "--explain: '-1' is not the number of a run"), ("x", "--explain: 'x' is not the number")])
def test_refused(number, sentence, part):
    done = run("status", "s.h5", "--explain", number, cwd=part)
    assert (done.returncode, done.stdout) == (2, "") and sentence in done.stderr
