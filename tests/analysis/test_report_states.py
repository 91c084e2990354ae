# SPDX-License-Identifier: MIT
"""Reports of files in every state, what is refused, and how they are asked for. Figures are few
where they are not what is looked at."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest
import synthetic
from aggregate_case import GRID, SMALL
from analysis_case import FEW_DRAWS, FEW_FIGURES, analysis
from program import PROGRAM, run
from report_case import path, text_of
from sweep_case import SOURCE, environment
from synthetic import CENSORED, STOPPED

sys.path.insert(0, str(SOURCE / "analysis"))

from ccmsweep_analysis.figures import FIGURES  # noqa: E402

__all__ = ["path"]


# Papers of little


def test_the_paper_of_one_seed(tmp_path):
    made = synthetic.make(tmp_path, SMALL % (400, 5, GRID.replace("1-8", "[1]")))
    synthetic.fill(made, [STOPPED, CENSORED] * 3)
    done = analysis("report", made, "-o", tmp_path / "r", "--latex", start=FEW_FIGURES)
    assert (done.returncode, done.stderr) == (0, "")
    text = (tmp_path / "r/paper/paper.tex").read_text("utf-8")
    assert r"with \sweep{seeds} seed each" in " ".join(text.split())
    assert "paired" not in text and "permutation tests" not in text and "With one seed" in text


# Files in other states


def test_gaps_and_unfinished_runs_are_told(tmp_path):
    made = synthetic.make(tmp_path, SMALL % (400, 5, GRID))
    synthetic.fill_with_every_state(made)
    done = analysis("report", made, "-o", tmp_path / "r", "--latex", start=FEW_FIGURES)
    assert (done.returncode, done.stderr) == (0, "")
    words = text_of((tmp_path / "r/report.html").read_text("utf-8"))
    warnings = json.loads(run("aggregate", made, "--format", "json", *FEW_DRAWS).stdout)["warnings"]
    assert words.count("Not complete:") == 1 and len(warnings) >= 3
    for warning in warnings:
        assert " ".join(f"{warning[0].upper()}{warning[1:]}.".split()) in words
    assert len(re.findall(r"seed \d: (failed|quarantined) \(run \d+\)", words)) == 2
    assert "not complete" in (tmp_path / "r/paper/paper.tex").read_text("utf-8")


def test_a_sweep_that_is_not_begun(tmp_path):
    made = synthetic.make(tmp_path, SMALL % (400, 5, GRID))
    done = analysis("report", made, "-o", tmp_path / "r", "--latex", start=FEW_FIGURES)
    assert (done.returncode, done.stderr) == (0, "")
    words = text_of((tmp_path / "r/report.html").read_text("utf-8"))
    assert "Not complete: 0 of 48 runs had the event by episode 400; 48 pending." in words
    assert "Not drawn:" in words and "no run is finished" in words


def test_a_single_training(tmp_path):
    done = run("train", "--set", "environment.agents=3", "--set", "training.batch=8",
               "--episodes", "60", "--set", "tracking.log_every=100", "-o", "t.h5", cwd=tmp_path)
    assert done.returncode == 0
    done = analysis("report", "t.h5", "-o", "r", "--latex", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    words = text_of((tmp_path / "r/report.html").read_text("utf-8"))
    assert "no logs" in words and "no evaluation was asked for" in words
    assert "they need two configurations" in words


def test_a_sweep_that_runs(tmp_path):
    (tmp_path / "s.yaml").write_text(SMALL % (1500, 5, GRID), encoding="utf-8")
    job = subprocess.Popen([PROGRAM, "run", "s.yaml", "-o", "s.h5", "--progress", "none"],
                           cwd=tmp_path, env=environment(), stderr=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL)
    try:
        for _ in range(600):
            time.sleep(0.05)
            if (tmp_path / "s.h5").exists():
                seen = run("status", "s.h5", "--json", cwd=tmp_path)
                if seen.returncode == 0 and json.loads(seen.stdout)["states"]["done"] >= 2:
                    break
        assert job.poll() is None
        done = analysis("report", "s.h5", "-o", "r", cwd=tmp_path, start=FEW_FIGURES)
        assert (done.returncode, done.stderr) == (0, "")
    finally:
        job.send_signal(signal.SIGKILL)
        job.wait()
    words = text_of((tmp_path / "r/report.html").read_text("utf-8"))
    assert "Not complete:" in words and "being written" in words
    # And killed: what was done stays.
    done = analysis("list", "s.h5", cwd=tmp_path, start=FEW_FIGURES)
    assert done.returncode == 0 and "survival" in done.stdout


BAD = {
    "absent": (None, "cannot open"),
    "empty": (b"", "not an HDF5 file"),
    "junk": (b"actor_lr,critic_lr\n" * 100, "not an HDF5 file"),
    "foreign": ("foreign", "not one of ccmsweep"),
    "newer": ("newer", "newer version"),
}


@pytest.mark.parametrize("name, command", [*((name, "report") for name in BAD),
                                           ("foreign", "list"), ("foreign", "figures")])
def test_bad_files_are_refused_in_one_sentence(path, tmp_path, name, command):
    content, words = BAD[name]
    bad = tmp_path / "bad.h5"
    if content == "foreign":
        with h5py.File(bad, "w") as file:
            file["x"] = 1
    elif content == "newer":
        shutil.copy(path, bad)
        with h5py.File(bad, "r+") as file:
            file.attrs["schema_version"] = np.int32(99)
    elif content is not None:
        bad.write_bytes(content)
    output = [] if command == "list" else ["-o", "out"]
    done = analysis(command, "bad.h5", *output, cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == ""
    assert re.fullmatch(r"ccmsweep_analysis: .*bad\.h5.*\n", done.stderr) and words in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words, message", [
    (["report", "FILE", "-o", "out", "--event", "nonsense"], "'nonsense' is unknown, expected one of"),
    (["figures", "FILE", "-o", "out", "--only", "survival,nonsense"],
     "--only nonsense: unknown; expected some of rmst_map"),
    (["figures", "FILE", "-o", "out", "--only", ""], "--only: empty"),
    (["figures", "FILE", "-o", "out", "--format", "gif"],
     "--format gif: unknown; expected some of png, svg, pdf"),
    (["report", "FILE"], "-o/--output"),
    (["draw", "FILE"], "invalid choice: 'draw'"),
])
def test_bad_options_are_refused(path, tmp_path, words, message):
    done = analysis(*(str(path) if word == "FILE" else word for word in words), cwd=tmp_path)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made(path, tmp_path):
    (tmp_path / "out").write_text("in the way")
    done = analysis("report", path, "-o", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "ccmsweep_analysis: out: File exists; expected a folder to write to\n"
    assert (tmp_path / "out").read_text() == "in the way"


def test_a_python_without_what_it_takes(path, tmp_path):
    (tmp_path / "h5py.py").write_text("raise ModuleNotFoundError(name='h5py')")
    done = subprocess.run([sys.executable, "-m", "ccmsweep_analysis", "list", path], text=True,
                          capture_output=True, check=False, env={
                              **os.environ, "PYTHONPATH": f"{tmp_path}:{SOURCE / 'analysis'}"})
    assert done.returncode == 2 and " has no h5py; expected a Python with" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_script_refuses_in_one_sentence(path, tmp_path):
    shutil.copy(path, tmp_path / "s.h5")
    for words in ([], ["absent.h5"], ["s.h5", "--event", "nonsense"]):
        done = subprocess.run([SOURCE / "jobs/report.sh", *words], cwd=tmp_path,
                              capture_output=True, text=True, check=False)
        assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr


def test_figures_and_list(path, tmp_path):
    done = analysis("figures", path, "-o", tmp_path / "f", "--only", "survival,rmst_map",
                    "--format", "png", *FEW_DRAWS)
    assert done.returncode == 0
    assert done.stdout.split() == [f"{tmp_path}/f/survival.png", f"{tmp_path}/f/rmst_map.png"]
    assert sorted(name.name for name in (tmp_path / "f").iterdir()) == ["rmst_map.png",
                                                                       "survival.png"]
    # Of a sweep that is not begun: nothing has to be drawn to tell.
    done = analysis("list", synthetic.make(tmp_path, SMALL % (400, 5, GRID)), *FEW_DRAWS)
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(FIGURES)
