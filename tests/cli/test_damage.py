# SPDX-License-Identifier: MIT
"""Files that were damaged or changed on purpose: every command that reads one says so in a sentence,
leaves out what is damaged, and never hangs, crashes or believes it."""
import json
import os
import resource
import shutil
import socket
import struct
import subprocess

import h5py
import numpy as np
import pytest
from contents import Sweep, assert_same_results
from damage_case import (CHANGED, CHANGES, NOT_COMMITTED, RUNS, SPEC, damage, edit_settings,
                         fixture_finished, fixture_path, replace, run)
from program import PROGRAM

__all__ = ["fixture_finished", "fixture_path"]

# What reads s.h5, by name; the last two make files of their own.
READERS = {
    "status": ["status", "s.h5"],
    "status, cells": ["status", "s.h5", "--cells", "--json"],
    "show": ["show", "s.h5", "--run", "3"],
    "aggregate": ["aggregate", "s.h5", "--format", "json", "--bootstrap", "50"],
    "export": ["export", "s.h5", "tables", "--tables", "all", "--force"],
    "original": ["export", "s.h5", "original", "--original", "--force"],
    "plan": ["plan", "s.yaml", "s.h5"],
    "reuse": ["run", "s.yaml", "-o", "other.h5", "--reuse", "s.h5"],
    "run": ["run", "s.yaml", "-o", "s.h5", "--progress", "none"],
}
# All of them open a file in the same way. So each change is shown to some of them in turn; with
# CCMSWEEP_READERS=all to all.
ALL = os.environ.get("CCMSWEEP_READERS") == "all"
EACH = 3


def some_readers(number):
    """Names of those that meet change `number`: any nine changes in a row meet each of them."""
    names = list(READERS)
    return names if ALL else [names[(number + 3 * i) % len(names)] for i in range(EACH)]


def assert_refused(path, words, readers=tuple(READERS), code=2):
    """Each reader says it in one sentence and leaves the file as it is."""
    before = path.read_bytes() if path.is_file() else None
    for reader in readers:
        done = run(*READERS[reader], cwd=path.parent)
        assert (reader, done.returncode) == (reader, code), done.stderr
        assert words in done.stderr and done.stderr.count("\n") == 1, (reader, done.stderr)
        assert done.stderr.startswith("ccmsweep: ")
        assert done.stdout == "", reader
    assert (path.read_bytes() if path.is_file() else None) == before
    assert not (path.parent / "other.h5").exists()


# ---- whole files ----

@pytest.mark.parametrize("number, change", enumerate(CHANGES))
def test_a_file_that_was_changed(number, change, path, monkeypatch):
    monkeypatch.chdir(path.parent)
    make, words = CHANGES[change]
    if change == "a link to a FIFO":
        os.mkfifo("fifo")
    with h5py.File(path, "r+") as file:
        make(file)
    assert_refused(path, words, some_readers(number))


def test_a_filter_that_is_not_installed(path):
    """It is named: what HDF5 says is that it did not find a folder of plugins."""
    with h5py.File(path, "r+") as file:
        replace(file, "reward", chunks=(1, 60), data=file["reward"][()], compression="gzip")
    content = bytearray(path.read_bytes())
    name = content.index(b"deflate")
    number, _, flags = struct.unpack_from("<3H", content, name - 8)
    assert (number, flags) == (1, 1)
    struct.pack_into("<H", content, name - 8, 32015)
    struct.pack_into("<H", content, name - 4, 0)  # not optional
    path.write_bytes(content)
    assert_refused(path, "s.h5 needs filter 32015 of HDF5, which is not installed here")


def test_the_grid_and_its_columns_were_changed(path):
    """Nothing but the identities tells."""
    with h5py.File(path, "r+") as file:
        edit_settings(file, b"0.1,", b"0.3,")
        file["actor_lr"][:2] = 0.3
    (path.parent / "s.yaml").write_text(SPEC.replace("0.1,", "0.3,"))
    assert_refused(path, "the settings of run 0 (actor_lr 0.3, critic_lr 0.01, seed 1)")


@pytest.mark.parametrize("number, size", enumerate([0, 7, 60, 3000, -4096, -1]))
def test_a_file_cut_short(number, size, path):
    content = path.read_bytes()
    path.write_bytes(content[:size])
    done = [run(*READERS[name], cwd=path.parent) for name in some_readers(number)]
    assert {one.returncode for one in done} == {2}
    assert all("s.h5 is " in one.stderr and one.stderr.count("\n") == 1 for one in done)


# ---- what is no file ----

@pytest.mark.parametrize("kind", ["FIFO", "socket", "device", "folder", "link to a FIFO"])
def test_no_file(kind, path):
    path.unlink()
    if kind == "FIFO":
        os.mkfifo(path)
    elif kind == "socket":
        socket.socket(socket.AF_UNIX).bind(str(path))
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path.parent / "fifo")
        path.symlink_to("fifo")
    words = {"folder": "Is a directory", "link to a FIFO": "it is a FIFO, expected a file"}
    readers = [name for name in READERS if name != "run"]
    assert_refused(path, words.get(kind, f"it is a {kind}, expected a file"), readers)
    done = run(*READERS["run"], cwd=path.parent)
    assert done.returncode == 2 and " is not a file, expected the name of one" in done.stderr


# ---- other layouts ----

LAYOUTS = {
    "packed": ["-f", "GZIP=4"],
    "in chunks": ["-l", "reward,first_still:CHUNK=1x5"],
    "within headers": ["-l", "outcome:COMPA"],
    "of another version": ["-L"],
}


def assert_only_read(path):
    before = path.read_bytes()
    for reader in set(READERS) - {"run", "reuse"}:
        done = run(*READERS[reader], cwd=path.parent)
        assert done.returncode == 0 and done.stderr == "", (reader, done.stderr)
    done = run(*READERS["reuse"], cwd=path.parent)
    assert done.returncode == 0 and "3 runs copied from s.h5" in done.stderr
    done = run(*READERS["run"], cwd=path.parent)
    assert done.returncode == 2 and "s.h5 can be read but not continued: " in done.stderr
    assert path.read_bytes() == before


def begin_again(path):
    """One of the runs is to be done."""
    with h5py.File(path, "r+") as file:
        file["commit"][2] = 0
        file["outcome"][2] = 0


def test_a_file_behind_a_block_of_the_users(path):
    begin_again(path)
    path.write_bytes(b"x" * 512 + path.read_bytes())
    assert_only_read(path)


@pytest.mark.skipif(shutil.which("h5repack") is None, reason="needs h5repack")
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_file_written_anew_is_read_but_not_continued(layout, path):
    folder = path.parent
    begin_again(path)
    path.rename(folder / "old.h5")
    subprocess.run(["h5repack", *LAYOUTS[layout], "old.h5", "s.h5"], cwd=folder, check=True,
                   capture_output=True, timeout=60)
    assert_only_read(path)


# ---- runs ----

@pytest.mark.parametrize("case", RUNS)
def test_a_damaged_run_is_left_out(case, path):
    folder = path.parent
    words = damage(path, case)
    told = (f"ccmsweep: warning: run 1 of s.h5 is damaged: {words}; it is left out, and run --check "
            "trains it again\n")
    for reader in "aggregate", "original":
        done = run(*READERS[reader], cwd=folder)
        assert (done.returncode, done.stderr) == (0, told), reader
    assert len(list((folder / "original").glob("actor*"))) == 3
    done = run("status", "s.h5", "--json", cwd=folder)
    seen = json.loads(done.stdout)
    assert done.returncode == 0
    if not isinstance(RUNS[case][0], tuple) or case == "detection_episode":
        assert (seen["states"]["done"], seen["states"]["pending"]) == (3, 1)
        (attention,) = seen["attention"]
        assert attention["run"] == 1 and words in attention["reason"]
    done = run("show", "s.h5", "--run", "1", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "") and f"is damaged: {words}" in done.stderr


@pytest.mark.parametrize("case, number", zip(CHANGED, [0, 3, 1] * len(CHANGED)))
def test_a_value_that_was_changed(case, number, path, finished):
    """Another program has written a possible value into a finished run: no figure is made of it,
    and those of the others stay."""
    folder = path.parent
    with h5py.File(path, "r+") as file:
        CHANGED[case](file, number)
    told = (f"ccmsweep: warning: run {number} of s.h5 is damaged: {NOT_COMMITTED}; it is left out, "
            "and run --check trains it again\n")
    for reader in "aggregate", "export", "original":
        done = run(*READERS[reader], cwd=folder)
        assert (done.returncode, done.stderr) == (0, told), reader
        if reader == "aggregate":
            seen = json.loads(done.stdout)
    assert seen["damaged"] == [{"run": number, "why": NOT_COMMITTED}]
    assert seen["fates"]["pending"] == 1
    assert any("1 finished run is damaged and in no figure" in one for one in seen["warnings"])
    assert not any("the sweep is not finished" in one for one in seen["warnings"])
    assert sorted(one["done"] for one in seen["configurations"]) == [1, 2]
    assert len(list((folder / "original").glob("actor*"))) == 3
    rows = (folder / "tables/episodes.csv").read_text("utf-8").splitlines()
    assert {int(row.split(",")[0]) for row in rows[1:]} == {0, 1, 2, 3} - {number}
    done = run("show", "s.h5", "--run", number, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "") and NOT_COMMITTED in done.stderr
    done = run(*READERS["reuse"], cwd=folder)
    assert done.returncode == 0 and "3 runs copied from s.h5" in done.stderr
    assert f"{NOT_COMMITTED}; it is not copied" in done.stderr
    assert_same_results(folder / "other.h5", finished / "s.h5")


def test_runs_that_are_not_exported_are_not_compared(path):
    """One of many takes no longer than itself."""
    with h5py.File(path, "r+") as file:
        CHANGED["reward"](file, 1)
    for condition, words in (("seed=1", ""), ("seed=2", NOT_COMMITTED)):
        done = run(*READERS["export"], "--where", condition, cwd=path.parent)
        assert done.returncode == 0 and words in done.stderr and bool(done.stderr) == bool(words)


def test_several_changed_runs(path):
    with h5py.File(path, "r+") as file:
        for number in 0, 2, 3:
            CHANGED["reward, the last"](file, number)
    done = run(*READERS["aggregate"], "--verify", cwd=path.parent)
    assert [one["run"] for one in json.loads(done.stdout)["damaged"]] == [0, 2, 3]
    assert done.stderr.count("ccmsweep: warning: run ") == 3
    table = run("aggregate", "s.h5", cwd=path.parent).stdout
    assert "3 finished runs are damaged and in no figure" in " ".join(table.split())


@pytest.mark.parametrize("name, width", [("reward", 60), ("cause", 5), ("first_still", 5)])
def test_a_damaged_piece_of_a_packed_file(name, width, path):
    """What another program has packed in pieces: the runs of the others are shown."""
    folder = path.parent
    with h5py.File(path, "r+") as file:
        shape = file[name].shape
        assert shape[1] >= width
        replace(file, name, chunks=(1, width, *shape[2:]), data=file[name][()], compression="gzip")
        file[name].id.write_direct_chunk((1, *[0] * (len(shape) - 1)), b"this is not packed", 0)
    told = f"run 1 of s.h5 is damaged: cannot read {name} of run 1 from s.h5: inflate() failed"
    for reader in "aggregate", "export", "original", "plan":
        done = run(*READERS[reader], cwd=folder)
        assert done.returncode == 0 and told in done.stderr, (reader, done.stderr)
    assert len(list((folder / "original").glob("actor*"))) == 3
    done = run(*READERS["reuse"], cwd=folder)
    assert done.returncode == 0 and "it is not copied" in done.stderr, done.stderr
    assert f"cannot read {name} of run 1 from s.h5" in done.stderr
    assert sorted(Sweep(folder / "other.h5").done()) == [0, 1, 2, 3]
    assert run("show", "s.h5", "--run", "2", cwd=folder).returncode == 0
    done = run("show", "s.h5", "--run", "1", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "") and f"cannot read {name}" in done.stderr


@pytest.mark.parametrize("case", ["outcome", "total_episodes", "cause"])
def test_a_damaged_run_is_not_believed_by_a_run(case, path, finished):
    folder = path.parent
    words = damage(path, case)
    for reader in "export", "plan", "status", "status, cells", "show":
        assert run(*READERS[reader], cwd=folder).returncode == 0, reader
    done = run(*READERS["reuse"], cwd=folder)
    assert done.returncode == 0 and "3 runs copied from s.h5" in done.stderr
    assert "run 1 of s.h5 is damaged: " in done.stderr and "; it is not copied" in done.stderr
    assert_same_results(folder / "other.h5", finished / "s.h5")
    done = run(*READERS["run"], cwd=folder)
    assert done.returncode == 2  # starting again would not help
    assert done.stderr == (f"ccmsweep: run 1 of s.h5 is damaged: {words}; run --check trains again "
                           "what is not what was committed\n")
    done = run(*READERS["run"], "--check", cwd=folder)
    assert done.returncode == 0
    assert_same_results(path, finished / "s.h5")


NOTES = {
    "start_log_number": 2**63 - 1,
    "start_log_status": 10**9,
    "start_log_ranks": -5,
    "start_log_time": np.inf,
    "attempts": 2**31 - 1,
    "crashes": -2**31,
    "flight": 7,
    "suspect": -1,
    "lost": 2**31 - 1,
    "progress_episode": 2**31 - 1,
    "progress_moving": -2**31,
    "wall_s": -np.inf,
    "start": 1e300,
    "end": -1.0,
}


@pytest.mark.parametrize("chosen", [["start_log_number"], ["attempts", "crashes"], list(NOTES)])
def test_notes_that_nobody_wrote(chosen, path, finished):
    with h5py.File(path, "r+") as file:
        file["commit"][1:3] = 0
        file["outcome"][1:3] = 0
        for note in chosen:
            file["volatile"][note][:] = NOTES[note]
    for reader in READERS:
        done = run(*READERS[reader], cwd=path.parent)
        assert done.returncode == 0, (reader, done.stderr)
    assert_same_results(path, finished / "s.h5")
    with h5py.File(path) as file:
        written = file["volatile/start_log_number"][:]
        assert 1 <= written[written < 2**62].max() < 10
        assert file["volatile/attempts"][1] in (1, 2)


@pytest.mark.parametrize("escape", [b"\x1b[31mred\x1b]0;title\x07", b"\xc2\x9b2J", b"\x9b2J\x7f\r"])
def test_texts_of_a_file_are_made_fit_for_terminals(escape, path):
    with h5py.File(path, "r+") as file:
        for name in ("host", "cpu", "revision", "start_log_host", "start_log_job",
                     "start_log_revision"):
            file["volatile"][name][:] = escape
    for reader in set(READERS) - {"reuse"}:
        done = run(*READERS[reader], cwd=path.parent)
        assert done.returncode == 0
        shown = done.stdout + done.stderr
        assert not any(ord(c) < 32 and c != "\n" or 127 <= ord(c) < 160 for c in shown), reader
    assert "?" in run("status", "s.h5", "--cells", cwd=path.parent).stdout


def test_names_are_made_fit_for_terminals(path):
    done = run("status", "\x1b[31mno.h5", cwd=path.parent)
    assert (done.returncode, done.stderr) == (
        2, "ccmsweep: cannot open ?[31mno.h5: No such file or directory\n")


# ---- the system ----

def test_a_fault_of_the_system_is_one(path):
    """No descriptor is left: that says nothing on the file."""
    with h5py.File(path, "r+") as file:
        file["commit"][1] = 0
    files = [os.open("/dev/null", os.O_RDONLY) for _ in range(20)]
    codes = set()
    for room in range(0, 6):
        done = subprocess.run(
            [PROGRAM, "status", "s.h5"], cwd=path.parent, capture_output=True, text=True,
            timeout=60, check=False, pass_fds=files,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE,
                                                  (max(files) + 1 + room, max(files) + 1 + room)))
        if "shared librar" in done.stderr:
            continue
        codes.add(done.returncode)
        assert done.returncode == 0 or (
            done.returncode == 1 and "Too many open files" in done.stderr), done.stderr
    for file in files:
        os.close(file)
    assert 0 in codes
