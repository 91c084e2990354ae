# SPDX-License-Identifier: MIT
"""ccmsweep status: of trainings and sweeps that run, were stopped, lost or set aside, or are done;
looking only."""
import json
import os
import pty
import re
import signal
import subprocess
import time

import h5py
import pytest
from program import LONG, PROGRAM, SMALL, listing, run, start, wait_for

SPEC = """\
training: {batch: 8, episodes: 40}
environment: {agents: 3}
networks: {critic_hidden1: 32, critic_hidden2: 16}
tracking: {log_every: 5}
grid:
  actor_lr: [0.1, 0.0001]
  critic_lr: [0.01]
  gamma: [0.9, 0.99]
  networks.tanh: [exact, pytorch]
  seed: [7, 8]
"""
KEYS = {"schema_version", "file", "time", "algorithm_version", "locked", "holder", "last_start",
        "cells", "states", "outcomes", "extensions", "crash_marks", "suspects", "median_s", "p90_s",
        "left_core_s", "eta_s", "eta_margin_s", "grid", "attention"}
CELL_KEYS = {"run", "actor_lr", "critic_lr", "seed", "axes", "state", "outcome",
             "stopping_episode", "total_episodes", "episode", "actors_moving", "wall_s", "attempts",
             "host", "crashes", "lost", "suspect", "reason"}
GRID_KEYS = {"actor_lr", "critic_lr", "runs", "done", "stopped", "censored", "diverged", "failed",
             "quarantined", "first", "first_after", "median", "median_after", "last", "last_after"}


def status(path, *words):
    done = run("status", path, "--json", *words)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def text(path, *words):
    done = run("status", path, *words)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The file of a training that is done."""
    path = tmp_path_factory.mktemp("trained") / "t.h5"
    assert run("train", *SMALL, "--episodes", 20, "-o", path, "--json").returncode == 0
    return path


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """The file of a sweep that is done."""
    folder = tmp_path_factory.mktemp("swept")
    (folder / "s.yaml").write_text(SPEC)
    done = run("run", "s.yaml", "-o", "s.h5", "--progress", "none", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "s.h5"


@pytest.fixture
def untouched(tmp_path):
    """The file of a sweep that was stopped before its first cell."""
    (tmp_path / "s.yaml").write_text(SPEC)
    assert again(tmp_path) == 75
    return tmp_path / "s.h5"


def again(folder):
    """Start the sweep and let it stop before its first cell; returns the exit code."""
    over = {**os.environ, "SLURM_JOB_END_TIME": "1"}
    return run("run", "s.yaml", "-o", "s.h5", cwd=folder, env=over).returncode


def hold_against(path, cell, **notes):
    with h5py.File(path) as file:
        places = {name: file["volatile"][name].id.get_offset() + 4 * cell for name in notes}
    with open(path, "r+b") as file:
        for name, place in places.items():
            file.seek(place)
            file.write(notes[name].to_bytes(4, "little"))


def test_help():
    done = run("status", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    for word in ("--watch", "--json", "--cells", "Exit codes", "interrupted", "lost", "quarantined"):
        assert word in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_a_training_that_is_done(trained):
    shown = text(trained).splitlines()
    assert re.fullmatch(rf"sweep     {trained}, 1 cell, algorithm version \d+", shown[0])
    assert shown[1] == "lock      free: no process works on it"
    assert shown[2] == "cells     1: 1 done, 0 running, 0 pending"
    assert shown[3].startswith("outcomes  0 stopped, 1 censored, 0 diverged")
    assert re.fullmatch(r"progress  100.0 %   a cell takes .* s \(90 of 100 at most .* s\)",
                        shown[4])
    assert shown[5] == "" and shown[7].split()[-6:] == [">", "20"] * 3


def test_looking_changes_nothing(trained):
    before = trained.read_bytes(), trained.stat().st_mtime_ns, listing(trained.parent)
    os.chmod(trained, 0o444)
    text(trained, "--cells")
    assert (trained.read_bytes(), trained.stat().st_mtime_ns, listing(trained.parent)) == before


def test_no_lock_file_is_a_free_lock(trained, tmp_path):
    (tmp_path / "t.h5").write_bytes(trained.read_bytes())
    assert "lock      free" in text(tmp_path / "t.h5")
    assert listing(tmp_path) == ["t.h5"]


def test_a_training_that_runs_and_is_stopped(tmp_path):
    path = tmp_path / "t.h5"
    process = start(*LONG, "-o", path, cwd=tmp_path)
    wait_for(path)
    time.sleep(0.3)
    shown, told = text(path), status(path)
    assert process.poll() is None
    process.send_signal(signal.SIGUSR1)
    process.communicate(timeout=60)
    assert process.returncode == 75
    assert re.search(rf"^lock      held by host \S+, process {process.pid}, since 20\S+ \S+ UTC$",
                     shown, re.M)
    assert "\ncells     1: 0 done, 1 running, 0 pending\n" in shown
    assert re.search(r"^progress  \d+\.\d %   left \?, ETA \?$", shown, re.M)
    assert told["locked"] and told["holder"].startswith("host ")
    assert told["states"]["running"] == 1 and told["eta_s"] is None
    shown, told = text(path, "--cells"), status(path, "--cells")
    # Nothing has finished, but of the episodes some are played.
    assert 0 < float(re.search(r"^progress  (\d+\.\d) %   left \?$", shown, re.M)[1]) < 100
    assert "\nlock      free" in shown
    assert "\ncells     1: 0 done, 0 running, 1 interrupted, 0 pending\n" in shown
    assert "attention" not in shown and "lost" not in shown
    assert not told["locked"] and told["holder"] is None and told["attention"] == []
    cell = told["list"][0]
    assert (cell["state"], cell["outcome"], cell["stopping_episode"]) == ("interrupted", None, None)
    assert 0 < cell["episode"] < 6000
    assert re.search(rf"  interrupted +{cell['episode']} of 6000 +\S+ s +1  {cell['host']}$", shown,
                     re.M)


def test_cells_have_all_their_settings(swept):
    head, *lines = text(swept, "--cells").split("\n\n")[2].splitlines()
    assert head.split() == ["run", "actor_lr", "critic_lr", "seed", "gamma", "networks_tanh",
                            "state", "episode", "took", "attempts", "host"]
    assert len(lines) == 16
    assert lines[0].split()[:9] == ["0", "0.1", "0.01", "7", "0.9", "exact", "censored", ">", "40"]
    assert lines[15].split()[:7] == ["15", "0.0001", "0.01", "8", "0.99", "pytorch", "censored"]
    assert len({line.index("censored") for line in lines} | {head.index("state")}) == 1
    cells = status(swept, "--cells")["list"]
    assert cells[9]["axes"] == {"gamma": 0.9, "networks_tanh": "exact"}
    assert [cell["run"] for cell in cells] == list(range(16))
    with h5py.File(swept) as file:
        assert [cell["wall_s"] for cell in cells] == list(file["volatile/wall_s"][:])
        assert {cell["host"] for cell in cells} == {file["volatile/host"][0].decode()}


def test_json_has_the_documented_keys(swept):
    told = status(swept)
    assert set(told) == KEYS and told["schema_version"] == 2
    assert (told["file"], told["cells"]) == (str(swept), 16)
    assert told["states"] == {"done": 16, "running": 0, "interrupted": 0, "lost": 0, "pending": 0}
    assert told["outcomes"] == {"stopped": 0, "censored": 16, "diverged": 0, "failed": 0,
                                "quarantined": 0}
    assert set(told["last_start"]) == {"number", "time", "end", "code", "ranks", "host", "job",
                                       "revision"}
    assert (told["last_start"]["code"], told["last_start"]["job"]) == (0, None)
    assert [set(row) for row in told["grid"]] == [GRID_KEYS] * 2
    assert [row["runs"] for row in told["grid"]] == [8, 8]
    assert (told["grid"][0]["median"], told["grid"][0]["median_after"]) == (None, 40)
    assert told["left_core_s"] == 0 and told["eta_s"] is None and told["p90_s"] > 0
    with_cells = status(swept, "--cells")
    assert set(with_cells) == KEYS | {"list"}
    assert {frozenset(cell) for cell in with_cells["list"]} == {frozenset(CELL_KEYS)}


def test_the_table_is_that_of_the_run(swept):
    again_done = run("run", "s.yaml", "-o", "s.h5", "--progress", "none", cwd=swept.parent)
    assert again_done.stdout == text(swept).split("\n\n")[1]


def test_the_last_start_is_told(untouched):
    shown, told = text(untouched), status(untouched)
    assert re.search(r"^start     no\. 1 on 20.* UTC, 1 rank, host \S+; ended on 20.* UTC with code "
                     r"75, stopped early$", shown, re.M)
    revision = told["last_start"]["revision"]
    assert f", revision {revision[:12]}" in shown.splitlines()[0]
    assert "\nprogress  0.0 %   left ?\n" in shown


def test_a_start_is_going_on_or_ended_out_of_order(tmp_path):
    (tmp_path / "l.yaml").write_text(SPEC.replace("40}", "200000}"))
    process = subprocess.Popen([PROGRAM, "run", "l.yaml", "-o", "l.h5", "--progress", "none"],
                               cwd=tmp_path)
    wait_for(tmp_path / "l.h5")
    time.sleep(0.7)
    shown = text(tmp_path / "l.h5")
    process.kill()
    process.wait(timeout=30)
    assert re.search(r"^start     no\. 1 on .*; still running$", shown, re.M)
    assert "16: 0 done, 1 running, 15 pending" in shown
    shown = text(tmp_path / "l.h5")
    assert re.search(r"^start     no\. 1 on .*; ended unexpectedly$", shown, re.M)
    assert "16: 0 done, 0 running, 1 lost, 15 pending" in shown


def test_what_is_held_against_cells_is_told(untouched):
    hold_against(untouched, 3, crashes=2)
    hold_against(untouched, 4, suspect=1, lost=1)
    hold_against(untouched, 5, flight=1)
    shown = text(untouched)
    named = r"\(actor_lr 0.1, critic_lr 0.01, seed {}, gamma {}, networks_tanh {}\)"
    for line in (rf"attention run 3 {named.format(8, 0.9, 'pytorch')} crashed 2 times so far",
                 rf"attention run 4 {named.format(7, 0.99, 'exact')} suspect: was in flight when a "
                 r"job was lost, 1 time alone",
                 rf"attention run 5 {named.format(8, 0.99, 'exact')} was in flight when its job "
                 r"ended unexpectedly",
                 r"crashes   2 marks on 1 cell so far",
                 r"lost      a job, with 1 cell in flight: the same command resumes it"):
        assert re.search(f"^{line}$", shown, re.M), line
    told = status(untouched)
    assert (told["crash_marks"], told["suspects"], told["states"]["lost"]) == (2, 1, 1)
    assert [(cell["run"], cell["crashes"], cell["suspect"], cell["lost"])
            for cell in told["attention"]] == [(3, 2, False, 0), (4, 0, True, 1), (5, 0, False, 0)]


def test_cells_set_aside_come_first(untouched):
    hold_against(untouched, 12, crashes=3)
    hold_against(untouched, 13, suspect=1, lost=10)
    hold_against(untouched, 14, crashes=1)
    assert again(untouched.parent) in (3, 75)
    assert status(untouched)["crash_marks"] == 3, "a polite stop clears the marks of all others"
    for cell in range(12):
        hold_against(untouched, cell, crashes=1)
    shown = re.findall(r"^attention (.*)$", text(untouched), re.M)
    assert len(shown) == 13
    assert shown[0].startswith("run 12 (") and shown[0].endswith(" quarantined: crashed 3 times")
    assert shown[1].startswith("run 13 (")
    assert shown[1].endswith(" failed: 10 jobs in a row were lost with it")
    assert shown[2].startswith("run 0 (") and shown[12] == "2 more: see --cells"
    told = status(untouched)
    assert told["outcomes"]["failed"] == told["outcomes"]["quarantined"] == 1
    assert told["states"]["done"] == 2 and told["crash_marks"] == 15
    assert len(told["attention"]) == 14 and told["suspects"] == 0
    table = text(untouched).split("\n\n")[1].splitlines()
    assert table[0].split()[6:8] == ["failed", "quarantined"]
    assert table[2].split() == ["0.0001", "0.01", "8", "2", "0", "0", "1", "1", "-", "-", "-"]


# --watch


def test_watch_of_what_is_done_ends(swept):
    assert run("status", swept, "--watch").stdout == text(swept)


def test_watch_is_ended_by_a_signal(untouched):
    for number in (signal.SIGINT, signal.SIGTERM):
        process = subprocess.Popen([PROGRAM, "status", untouched, "--watch"], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout.readline().startswith("sweep ")
        time.sleep(0.2)
        process.send_signal(number)
        begun = time.monotonic()
        out, err = process.communicate(timeout=30)
        assert (process.returncode, err) == (0, "") and "\033" not in out
        assert time.monotonic() - begun < 1.5


def test_watch_ends_with_a_training(tmp_path):
    path = tmp_path / "t.h5"
    process = start(*LONG, "--episodes", "3000", "-o", path, cwd=tmp_path)
    wait_for(path)
    watched = run("status", path, "--watch", "--json")
    process.communicate(timeout=60)
    assert (process.returncode, watched.returncode) == (0, 0)
    looks = [json.loads(line) for line in watched.stdout.splitlines()]
    assert looks[0]["states"]["running"] == 1 and looks[0]["locked"]
    assert looks[-1]["states"]["done"] == 1 and not looks[-1]["locked"]
    assert [look["time"] for look in looks] == sorted(look["time"] for look in looks)


def test_watched_blocks_are_apart(tmp_path):
    path = tmp_path / "t.h5"
    process = start(*LONG, "--episodes", "3000", "-o", path, cwd=tmp_path)
    wait_for(path)
    blocks = run("status", path, "--watch").stdout.split("\n\nsweep ")
    process.communicate(timeout=60)
    assert len(blocks) >= 2 and "1 running" in blocks[0] and "1 done" in blocks[-1]


def test_watch_ends_when_its_reader_leaves(untouched):
    process = subprocess.Popen([PROGRAM, "status", untouched, "--watch"], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline().startswith("sweep ")
    process.stdout.close()
    assert process.wait(timeout=30) == 0 and process.stderr.read() == ""
    process.stderr.close()


def test_a_terminal_is_cleared_when_watched(swept):
    for words, begins in ((["--watch"], "\033[H\033[2Jsweep "), ([], "sweep "),
                          (["--watch", "--json"], "{")):
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(PROGRAM, [PROGRAM, "status", str(swept), *words])
        shown = b""
        try:
            while piece := os.read(terminal, 65536):
                shown += piece
        except OSError:
            pass # all was read and the other end is closed
        os.close(terminal)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert shown.decode().startswith(begins)


# What cannot be shown, or not be written


WRONG = {
    "no file": ([], "no file, expected the file of a sweep"),
    "two files": (["a.h5", "b.h5"], "too many arguments: 'b.h5', expected one file"),
    "unknown option": (["--all"], "unrecognized option '--all'"),
    "missing": (["a.h5"], "cannot open a.h5: No such file or directory"),
    "missing, watched": (["a.h5", "--watch"], "cannot open a.h5: No such file or directory"),
    "folder": (["."], "."),
    "text": (["text.h5"], "text.h5 is not an HDF5 file"),
    "empty": (["empty.h5"], "empty.h5 is not an HDF5 file"),
    "foreign": (["foreign.h5"], "foreign.h5 is an HDF5 file, but not one of ccmsweep"),
    "cut short": (["cut.h5"], "cut.h5 is cut short"),
}


@pytest.mark.parametrize("title", WRONG)
def test_what_cannot_be_shown(title, trained, tmp_path):
    words, message = WRONG[title]
    (tmp_path / "text.h5").write_text("actor_lr 0.1\n")
    (tmp_path / "empty.h5").write_bytes(b"")
    (tmp_path / "cut.h5").write_bytes(trained.read_bytes()[:8000])
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["x"] = 1
    before = listing(tmp_path)
    done = run("status", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "") and message in done.stderr
    assert listing(tmp_path) == before


@pytest.mark.parametrize("words", [[], ["--json"], ["--cells"], ["--watch"]], ids=" ".join)
def test_lost_output_is_a_fault(words, swept):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([PROGRAM, "status", swept, *words], stdout=full,
                              stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr == ("ccmsweep: standard output could not be written: No space left on "
                           "device\n")


def test_a_name_need_not_be_utf8(trained, tmp_path):
    name = os.fsencode(tmp_path) + b"/\xe4.h5"
    with open(name, "wb") as file:
        file.write(trained.read_bytes())
    done = subprocess.run([PROGRAM, "status", name, "--json"], capture_output=True, timeout=60)
    assert done.returncode == 0 and json.loads(done.stdout)["file"] == f"{tmp_path}/?.h5"
