# SPDX-License-Identifier: MIT
"""jobs/local.sh: what it shows and hides, polite and rude stops, and jobs that crash under it."""
import os
import pty
import re
import shutil
import signal
import subprocess
import time

import pytest
from contents import Sweep, assert_same_results, wrong_runs
from local_case import (LOCAL, QUIET, finish, folder, has_begun, interrupt, local, start,
                        surroundings, wait_for_work)
from program import PROGRAM, listing
from sweep_case import (LONG, SOURCE, idle_at_first, needs_faults, processes_in, ranks_among, reference,
                        send, wait_until, write_spec)

__all__ = ["folder"]


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    return reference(tmp_path_factory.mktemp("straight"))


# One cell of a moment: what is looked at comes after it.
ONE = "training: {batch: 8, episodes: 30}\nenvironment: {agents: 2}\n"


def test_it_ends_with_a_report(folder):
    write_spec(folder, ONE)
    for _ in range(2):  # and again when there is nothing to train
        done = local("s.yaml", *QUIET, cwd=folder, report=True)
        assert done.returncode == 0, done.stderr
        assert done.stderr.splitlines()[-1] == "Report: s.h5.report/report.html"
        page = (folder / "s.h5.report/report.html").read_text(encoding="utf-8")
        assert "<h1>Sweep s.h5</h1>" in page
        assert "Complete:" in page and page.rstrip().endswith("</html>")
        (folder / "s.h5.report/report.html").unlink()


def test_a_build_is_announced_when_there_is_something_to_build(folder, tmp_path_factory):
    """As users wait for it; else there is nothing to say."""
    root = tmp_path_factory.mktemp("project")
    shutil.copytree(SOURCE / "jobs", root / "jobs")
    for name in ("src", "include", "build"):
        (root / name).mkdir()
    for name in ("meson.build", "build/build.ninja", "src/main.c"):
        (root / name).touch()
    (root / "build/ccmsweep").symlink_to(PROGRAM)
    (root / "meson").write_text("#!/bin/sh\n")
    (root / "meson").chmod(0o755)
    variables = surroundings() | {"PATH": f"{root}:{os.environ['PATH']}"}
    del variables["CCMSWEEP"]
    for path in (root / "meson.build", root / "src", root / "include"):
        os.utime(path, (0, 0))
    os.utime(root / "build/ccmsweep", (1000, 1000), follow_symlinks=False)
    for newer in (False, True):
        os.utime(root / "src/main.c", (2000, 2000) if newer else (0, 0))
        done = subprocess.run([root / "jobs/local.sh", "s.yaml", "--dry-run"], cwd=folder, text=True,
                              env=variables, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        assert ("Building build/\n" in done.stderr) == newer, done.stderr


def test_extended(folder):
    """The file becomes that of the wider spec, and the same command then has nothing to do."""
    write_spec(folder, ONE)
    assert local("s.yaml", *QUIET, cwd=folder).returncode == 0
    write_spec(folder, ONE + "grid: {seed: [41, 42, 43]}\n")
    assert local("s.yaml", *QUIET, cwd=folder).returncode == 2
    for said in "extending s.h5 from 1 to 3 cells: 1 finished, 2 new", "nothing to do":
        done = local("s.yaml", "--extend", *QUIET, cwd=folder)
        assert done.returncode == 0 and said in done.stderr, done.stderr
    assert len(Sweep(folder / "s.h5").done()) == 3


def test_a_report_that_fails_changes_no_exit_code(folder):
    write_spec(folder, ONE)
    (folder / "s.h5.report").write_text("in the way")
    done = local("s.yaml", *QUIET, cwd=folder, report=True)
    assert done.returncode == 0 and "s.h5.report: File exists" in done.stderr
    assert "Report:" not in done.stderr


def test_a_dry_run_leaves_nothing(folder):
    done = local("s.yaml", "--dry-run", cwd=folder, report=True)
    assert done.returncode == 0 and listing(folder) == ["s.yaml"]
    assert done.stderr == "ccmsweep: nothing is wrong, nothing was touched\n"


def test_help(folder):
    done = local("--help", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Run a sweep on this machine") and "CORES" in done.stdout
    assert not re.search("^#|set -e|SPDX", done.stdout, re.M)


@pytest.mark.parametrize("cores", ["0", "two", "-1"])
def test_number_of_cores(cores, folder):
    done = local("s.yaml", cwd=folder, cores=cores)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"jobs/local.sh: CORES is '{cores}', expected a whole number from 1\n"
    assert listing(folder) == ["s.yaml"]


def test_bad_input_is_one_sentence(folder):
    """Without what Open MPI has to say about the exit code."""
    write_spec(folder, "training: {bacth: 1}\n")
    done = local("s.yaml", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"ccmsweep: s\.yaml:1: training\.bacth: .*\n", done.stderr), done.stderr


@pytest.mark.parametrize("cores", [1, 3])
def test_sweep(cores, straight, folder):
    """Into a file named after the spec; again, there is nothing to do."""
    done = local("s.yaml", *QUIET, cwd=folder, cores=cores)
    assert done.returncode == 0 and done.stderr.count("\n") == 1, done.stderr
    assert_same_results(straight, folder / "s.h5")
    assert set(Sweep(folder / "s.h5").ranks()) == set(range(1, cores + 1))
    assert listing(folder) == ["s.h5", "s.h5.lock", "s.yaml"]
    done = local("s.yaml", "--output=s.h5", cwd=folder, cores=cores)
    assert done.returncode == 0 and "nothing to do" in done.stderr


def test_one_interrupt_is_polite(straight, folder):
    process = start("s.yaml", "-o", "b.h5", *QUIET, cwd=folder)
    wait_for_work(folder)
    interrupt(process)
    done = finish(process)
    assert done.returncode == 75, done.stderr
    lines = done.stderr.splitlines()
    assert lines[0].startswith("Stopping: ") and "to resume" in lines[-1] and len(lines) == 2, lines
    assert local("s.yaml", "-o", "b.h5", *QUIET, cwd=folder).returncode == 0
    assert_same_results(straight, folder / "b.h5")


def test_a_sweep_that_is_stopped_is_told_how_to_have_a_report(folder):
    process = start("s.yaml", "-o", "b c.h5", *QUIET, cwd=folder, report=True)
    wait_for_work(folder)
    interrupt(process)
    done = finish(process)
    assert done.returncode == 75, done.stderr
    words = "A report of what there is by now: jobs/report.sh b\\ c.h5"
    assert done.stderr.splitlines()[-1] == words
    assert not (folder / "b c.h5.report").exists()


@pytest.mark.parametrize("after", [0.0, 0.1, 0.2, 0.4])
def test_early_interrupt(after, folder):
    """Before the ranks are up, too: it is not lost, and kills nobody."""
    write_spec(folder, LONG)
    process = start("s.yaml", *QUIET, cwd=folder)
    wait_until(lambda: has_begun(folder), "no job was begun")
    time.sleep(after)
    interrupt(process)
    done = finish(process)
    assert done.returncode == 75 and "starting it again" not in done.stderr, done.stderr


def test_two_interrupts_kill(straight, folder):
    process = start("s.yaml", "-o", "b.h5", *QUIET, cwd=folder, faults="episode=sleep:3000")
    # In their first episodes, which do not end: before that, a rank would stop politely.
    wait_until(lambda: b"2 running" in subprocess.run(
        [PROGRAM, "status", "b.h5"], cwd=folder, capture_output=True, check=False).stdout,
               "no cells were begun")
    interrupt(process)
    assert process.stderr.readline().startswith("Stopping: ")
    began = time.monotonic()
    interrupt(process)
    done = finish(process)
    assert done.returncode == 130 and time.monotonic() - began < 10, done.stderr
    assert not ranks_among(processes_in(folder))
    assert local("s.yaml", "-o", "b.h5", *QUIET, cwd=folder).returncode == 0
    assert_same_results(straight, folder / "b.h5")


@pytest.mark.parametrize("rank", [0, 2])
def test_job_that_loses_a_rank_is_started_again(rank, straight, folder):
    process = start("s.yaml", "-o", "b.h5", *QUIET, cwd=folder)
    send(wait_for_work(folder)[rank], signal.SIGKILL)
    done = finish(process)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("The job ended with code 137: starting it again.\n") == 1
    assert "on signal 9" in done.stderr, "what Open MPI says about a crash is hidden"
    assert_same_results(straight, folder / "b.h5")


def test_launcher_that_only_says_that_all_is_well(straight, folder, tmp_path_factory):
    """The file has the last word."""
    done = local("s.yaml", "-o", "b.h5", *QUIET, cwd=folder,
                 CCMSWEEP=idle_at_first(tmp_path_factory.mktemp("program")))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("ended with code 0, but the sweep is not complete") == 1
    assert_same_results(straight, folder / "b.h5")


def test_cell_that_crashes_is_set_aside(straight, folder):
    """Started again until nothing else is left to be done."""
    needs_faults()
    done = local("s.yaml", "-o", "b.h5", *QUIET, "--retr", "quarantined", cwd=folder,
                 faults="begin@5=segv")
    assert done.returncode == 3, done.stderr
    assert done.stderr.count("to be tried again") == 1
    assert done.stderr.count("The job ended with code 139: starting it again.\n") == 3
    got = Sweep(folder / "b.h5")
    assert len(got.done()) == got.runs and got.set_aside() == {5: "quarantined"}
    assert not wrong_runs(folder / "b.h5", straight)


def test_job_that_gets_nowhere_is_given_up(folder):
    needs_faults()
    done = local("s.yaml", "-o", "b.h5", *QUIET, cwd=folder, faults="begin=kill")
    assert done.returncode == 137, done.stderr
    assert done.stderr.count("starting it again") == 3
    assert done.stderr.endswith(
        "The job ended with code 137, as after 3 restarts without progress.\n")


def test_terminal_gets_a_bar_and_its_interrupt_is_polite(folder):
    """The keys of Ctrl-C go to all that the terminal runs in its foreground."""
    write_spec(folder, LONG)
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execve(LOCAL, [LOCAL, "s.yaml"], surroundings())
    shown, asked = b"", False
    while True:
        try:
            shown += os.read(terminal, 65536)
        except OSError:
            break
        if not asked and shown.count(b"\r[") > 3:
            os.write(terminal, b"\x03")
            asked = True
    os.close(terminal)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert asked and code == 75, shown.decode()
    assert b"Stopping: " in shown and b"-----" not in shown, shown.decode()
