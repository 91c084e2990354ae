# SPDX-License-Identifier: MIT
"""jobs/selftest.sh: it passes on the file systems that are here, and finds each promise that is not
kept (failing_calls.c, lying_calls.c) in its own row of the table, with what that means."""
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
from program import PROGRAM, listing
from selftest_case import (SELFTEST, assert_finds, assert_nothing_left, assert_passes, failing, folder,
                           lying, rows)
from sweep_case import (WITH_FAULTS, environment, needs_faults, processes_in, send, stat_of,
                        wait_until)

__all__ = ["folder"]

KILLS = os.environ.get("CCMSWEEP_KILLS") or "3"
ALL = int(KILLS) > 20


def begin(*words, cwd, program=PROGRAM, **changes):
    """`changes` are variables."""
    return subprocess.Popen(["timeout", "-k", "30", "1500", SELFTEST, *map(str, words)], cwd=cwd,
                            env=environment() | {"CCMSWEEP": str(program)} | changes, text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, start_new_session=True)


def selftest(*words, cwd, **changes):
    process = begin(*words, cwd=cwd, **changes)
    out, err = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def test_everything(folder):
    done = selftest("--kills", KILLS, "--seed", "5", folder, cwd="/")
    assert_passes(done, folder)
    assert f"{KILLS} SIGKILLs" in rows(done)["kills"][1]
    assert "seed 5" in done.stderr and done.stdout.splitlines()[-1].startswith("10 passed, 0 failed")


@pytest.mark.skipif(not ALL, reason="with --all")
def test_in_memory():
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        done = selftest("--kills", KILLS, cwd=name)
        assert "tmpfs" in done.stderr
        assert_passes(done, Path(name))


@pytest.mark.parametrize("check, kind, number, program, words, meaning", [
    ("file", "lock", 37, "ccmsweep", "this file system has no locks", "mount it with locks"),
    ("locks", "lock", 38, "ccmsweep", "a sweep does not begin", "mount it with locks"),
    ("file", "fsync", 5, "ccmsweep", "cannot sync", "fsync fails"),
    ("fsync", "fsync", 5, "dd", "Input/output error", "cannot be put on the disk"),
    ("file", "rename", 5, "ccmsweep", "cannot rename", "cannot get its name"),
    ("rename", "rename", 5, "mv", "Input/output error", "do not run sweeps in this folder"),
])
def test_calls_that_fail(check, kind, number, program, words, meaning, folder):
    done = selftest(folder, "--only", check, cwd="/", **failing(kind, number, folder, program))
    assert_finds(check, words, meaning, done, folder)


@pytest.mark.parametrize("check, kind, words, meaning", [
    ("locks", "locks", "a second process began to work on the file", "never start two jobs"),
    ("rename", "rename-gap", "there was no file", "does not replace a file as a whole"),
    ("rename", "rename-lost", "had not its new content", "does not replace a file as a whole"),
    ("file", "rename-lost", "is not an HDF5 file", "Sweeps do not work in this folder"),
    ("ranks", "write", "was changed by another program", "What ranks write is lost"),
])
def test_calls_that_lie(check, kind, words, meaning, folder):
    done = selftest(folder, "--only", check, cwd="/", **lying(kind, folder))
    assert_finds(check, words, meaning, done, folder)


def test_fsync_that_lies(folder):
    """What can be seen of it without a loss of power: where the file system tells whether the bytes
    have a place on the disk."""
    honest = selftest(folder, "--only", "fsync", cwd="/")
    assert honest.returncode == 0
    done = selftest(folder, "--only", "fsync", cwd="/", **lying("fsync", folder))
    if "all had their place on the disk" not in rows(honest)["fsync"][1]:
        assert "cannot be seen on this file system" in rows(done)["fsync"][1]
        pytest.skip("this file system does not tell")
    assert_finds("fsync", "no place on the disk yet", "a power cut can lose", done, folder)
    assert "not found" not in done.stderr


def test_what_fails_first_is_not_said_twice(folder):
    """Without locks nothing that trains can be tried."""
    needs_locks = ["file", "locks", "nodes", "ranks", "readers", "stop", "kills", "bytes"]
    done = selftest(folder, "--only", ",".join(["launcher", *needs_locks]), cwd="/",
                    **failing("lock", 37, folder, "ccmsweep"))
    results = {name: result for name, (result, _) in rows(done).items()}
    assert results == {"launcher": "pass"} | {
        name: "FAILED" if name in ("file", "locks") else "not tried" for name in needs_locks}


def slow_at(command, folder):
    """A program that takes its time with one of its commands."""
    program = folder.parent / "ccmsweep slow"
    program.write_text(f"""#!/bin/sh
[ "$1" != {command} ] || sleep 60
exec '{PROGRAM}' "$@"
""")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("check, command, words", [
    ("file", "run", "a sweep of one cell did not end within 2 s"),
    ("file", "verify", "verify did not end within 2 s"),
    ("locks", "run", "a sweep does not begin, it did not begin within 2 s"),
    ("stop", "run", "the sweep did not begin within 2 s"),
])
def test_busy_machine(check, command, words, folder):
    """What is not done in time may be the machine's fault, and this is said."""
    done = selftest(folder, "--only", check, "--patience", "2", cwd="/",
                    program=slow_at(command, folder))
    assert_finds(check, words, "This may be a busy machine: run it again when it is idle, or with "
                 "--patience 8. If it fails again: ", done, folder)


def test_old_bash(folder):
    """Before 5.0 it does not know these."""
    start = folder.parent / "start"
    start.write_text("unset EPOCHREALTIME EPOCHSECONDS\n")
    done = selftest(folder, "--only", "fsync", cwd="/", BASH_ENV=str(start))
    assert_passes(done, folder, ["fsync"])
    assert re.search(r"20 blocks, \d+ ms each", rows(done)["fsync"][1])
    assert re.search(r", seed \d+$", done.stderr.strip()), done.stderr


def test_slurm_that_takes_no_job(folder):
    """One sentence, and no row of a table."""
    bin_ = folder.parent / "bin"
    bin_.mkdir()
    sbatch = bin_ / "sbatch"
    sbatch.write_text("#!/bin/sh\necho 'sbatch: error: Batch job submission failed: Unable to contact "
                      "slurm controller (connect failure)' >&2\nexit 1\n")
    sbatch.chmod(0o755)
    done = selftest(folder, "--nodes", "2", cwd="/", PATH=f"{bin_}:{os.environ['PATH']}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "jobs/selftest.sh: SLURM takes no job, so nothing was tried: sbatch ended with code 1 and said "
        "'sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect "
        "failure) '\n")
    assert_nothing_left(folder)


@pytest.mark.parametrize("check", ["stop", "locks"])
def test_stop_that_kills(check, folder):
    """That is told of the stop, not of locks."""
    program = folder.parent / "ccmsweep rude"
    program.write_text(f"""#!/bin/bash
trap 'kill -KILL $pid; exit 1' USR1
'{PROGRAM}' "$@" &
pid=$!
wait $pid
""")
    program.chmod(0o755)
    done = selftest(folder, "--only", check, cwd="/", program=program)
    assert_finds(check, "ended with code 1", "cannot be stopped politely", done, folder)


def test_sweep_that_does_not_begin(folder):
    program = folder.parent / "ccmsweep ill"
    program.write_text(f"""#!/bin/bash
[ "$1" = run ] || exec '{PROGRAM}' "$@"
echo "ccmsweep: cannot sync x.h5: Input/output error" >&2
exit 1
""")
    program.chmod(0o755)
    done = selftest(folder, "--only", "stop", cwd="/", program=program)
    assert_finds("stop", "the sweep ended with code 1: ccmsweep: cannot sync x", "fsync fails",
                 done, folder)
    assert "unbound" not in done.stderr


@pytest.mark.skipif(not ALL, reason="with --all")
def test_kills_that_cost_work(folder):
    """A program that counts a run before its rows are written."""
    needs_faults()
    done = selftest(folder, "--only", "kills", "--seed", "1", cwd="/", program=WITH_FAULTS,
                    CCMSWEEP_FAULTS="reverse,commit=sleep:1500")
    assert_finds("kills", "run", "Kills cost finished work here", done, folder)
    assert "--seed 1" in rows(done)["kills"][1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(number, folder):
    """Nothing stays."""
    process = begin("--only", "ranks", folder, cwd=folder)
    wait_until(lambda: list(folder.glob("*/ranks.h5")), "no sweep was begun", seconds=120)
    script = [pid for pid in processes_in(folder) if (stat_of(pid) or [""] * 2)[1] == str(process.pid)]
    assert len(script) == 1
    send(script[0], number)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 128 + number, err
    assert_nothing_left(folder)


@pytest.mark.parametrize("words, said", [
    (["--kills", "0"], "jobs/selftest.sh: --kills '0', expected a whole number from 1"),
    (["--seed", "x"], "jobs/selftest.sh: --seed 'x', expected a whole number from 1"),
    (["--patience", "0"], "jobs/selftest.sh: --patience '0', expected a whole number from 1"),
    (["--nodes"], "jobs/selftest.sh: --nodes needs a value"),
    (["--nodes", "2"], "jobs/selftest.sh: --nodes needs SLURM, and there is no sbatch here"),
    (["--only", "lock"], "jobs/selftest.sh: --only 'lock', expected some of launcher fsync "),
    (["--only", ""], "jobs/selftest.sh: --only '', expected some of launcher fsync "),
    ([".", "--", "-p", "x"], "jobs/selftest.sh: -p is for sbatch, expected --nodes with it"),
    (["--none"], "jobs/selftest.sh: unknown option '--none' (see --help)"),
    (["nowhere"], "jobs/selftest.sh: there is no folder nowhere"),
    ([".", "."], "jobs/selftest.sh: one folder only, not also '.'"),
])
def test_bad_input(words, said, folder):
    if words == ["--nodes", "2"] and shutil.which("sbatch"):
        pytest.skip("there is an sbatch here")
    done = selftest(*words, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(said) and done.stderr.count("\n") == 1, done.stderr
    assert listing(folder) == []


def test_help(folder):
    done = selftest("--help", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--nodes N" in done.stdout and "Exit codes: 0 all checks passed" in done.stdout
