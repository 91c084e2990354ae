# SPDX-License-Identifier: MIT
"""The program around its commands: help, version, output that is lost, and the level of the CPU."""
import os
import re
import subprocess

import pytest
from program import PROGRAM, SMALL, assert_refused, run, summary


def test_help():
    done = run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for command in ("train", "show", "spec", "plan", "bench"):
        assert re.search(rf"^  {command} ", done.stdout, re.M)
    for code in ("0 complete", "1 a fault", "2 wrong", "3 finished", "4 the file", "75 stopped"):
        assert code in done.stdout
    assert done.stdout == run("-h").stdout


def test_no_command_shows_help_as_an_error():
    done = run()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == run("--help").stdout


def test_version():
    done = run("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.match(r"ccmsweep \d+\.\d+\.\d+\n", done.stdout)
    for line in (r"revision +\S+", r"compiler +(gcc|clang) \d+", r"flags .*-ffp-contract=off",
                 r"libraries +HDF5 \d.*MPI \d.*OpenBLAS \d",
                 r"CPU level +(avx512|avx2|baseline), (no )?fused multiply-add$"):
        assert re.search(rf"^{line}", done.stdout, re.M), line


COMMAND_LINES = {
    "unknown command": (["tarin"], "ccmsweep: 'tarin': unknown command, expected one of train, "
                                   "plan, run, status, aggregate, show, verify, export, spec, "
                                   "bench; see ccmsweep --help\n"),
    "escape sequence for a command": (["\033[31m"], "ccmsweep: '?[31m': unknown command"),
    "unknown option of the program": (["--verbose"], "ccmsweep: '--verbose': unknown command"),
}


@pytest.mark.parametrize("title", COMMAND_LINES)
def test_bad_command_line(title, tmp_path):
    words, message = COMMAND_LINES[title]
    assert_refused(words, message, tmp_path)


LOST = [["--help"], ["--version"], ["show", "--schema"], ["train", "--help"], ["spec", "--defaults"],
        ["train", *SMALL, "--episodes", "2"], ["train", *SMALL, "--episodes", "2", "--json"],
        ["bench", "train", *SMALL, "--count", "1"],
        ["bench", "train", *SMALL, "--count", "1", "--json"]]


@pytest.mark.parametrize("words", LOST, ids=" ".join)
def test_lost_output_is_a_fault_but_a_reader_may_leave(words):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([PROGRAM, *words], stdout=full, stderr=subprocess.PIPE, text=True)
    said = "ccmsweep: standard output could not be written: "
    assert (done.returncode, done.stderr) == (1, said + "No space left on device\n")
    done = subprocess.run([PROGRAM, *words], stderr=subprocess.PIPE, text=True,
                          preexec_fn=lambda: os.close(1))
    assert (done.returncode, done.stderr) == (1, said + "Bad file descriptor\n")
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([PROGRAM, *words], stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


def test_closed_standard_streams_do_not_end_up_in_the_file(tmp_path):
    def close():
        for descriptor in (0, 1, 2):
            os.close(descriptor)
    words = [PROGRAM, "train", *SMALL, "--episodes", "2", "-o", "run.h5"]
    assert subprocess.run(words, cwd=tmp_path, preexec_fn=close).returncode == 1
    done = run("train", *SMALL, "--episodes", "2", "-o", "run.h5", cwd=tmp_path)
    assert done.returncode == 2 and "finished" in done.stderr


# Arithmetic levels


def at_level(level, *words):
    return run(*words, env={**os.environ, "CCMSWEEP_LEVEL": level})


def test_levels_with_a_fused_multiply_add_give_the_same_bits():
    words = ["train", *SMALL, "--episodes", "12", "--set", "environment.agents=20", "--json"]
    done = [at_level(level, *words) for level in ("avx2", "avx512")]
    if any(result.returncode for result in done):
        pytest.skip("this CPU does not run both levels")
    assert summary(done[0]) == summary(done[1])


def test_level_can_be_chosen():
    done = at_level("baseline", "--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^CPU level +baseline, ", done.stdout, re.M)


@pytest.mark.parametrize("words", [["--version"], ["train", *SMALL], ["spec", "--defaults"],
                                   ["bench", "train"]], ids=" ".join)
def test_unknown_level_is_refused(words):
    done = at_level("sse9", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"ccmsweep: CCMSWEEP_LEVEL: 'sse9' is not a level of this CPU, expected one "
                        r"of [\w, ]*baseline\n", done.stderr)
    assert at_level("sse9", "--help").returncode == 0
