# SPDX-License-Identifier: MIT
"""What the tests of jobs/local.sh share: a folder that has to be left clean, and the script in it."""
import glob
import os
import signal
import subprocess
from pathlib import Path

import pytest
from program import PROGRAM
from sweep_case import (SOURCE, WITH_FAULTS, environment, is_alive, processes_in, ranks_among, send,
                        stat_of, wait_until, write_spec)

LOCAL = str(SOURCE / "jobs/local.sh")
QUIET = ["--progress", "none"]


@pytest.fixture()
def folder(tmp_path):
    write_spec(tmp_path)
    before = scratch()
    yield tmp_path
    for pid in processes_in(tmp_path):
        send(pid, signal.SIGKILL)
    wait_until(lambda: not any(map(is_alive, processes_in(tmp_path))), "processes are left")
    left = scratch() - before  # what appears later is of other tests' scripts

    def is_clean():
        """A folder of another script is in use or gone before long; one of ours would only stay."""
        left.intersection_update(scratch() - held("/proc/[0-9]*"))
        return not left

    wait_until(is_clean, "what it had in memory is left")


def scratch():
    """Folders in memory, those of other tests' scripts as well. Jobs of SLURM name theirs otherwise
    (ccmsweep.JOB.NODE), and leave them where their node is killed."""
    return set(Path("/dev/shm").glob("ccmsweep.??????"))


def held(*processes):
    """Folders in memory of which a process, named by its folder in /proc, has something open."""
    found = set()
    for process in processes:
        for link in glob.glob(f"{process}/fd/*"):
            try:
                parent = Path(os.readlink(link)).parent
            except OSError:
                continue
            if parent.name.startswith("ccmsweep."):
                found.add(parent)
    return found


def has_begun(folder):
    """Whether the script that works in the folder has made room for a job."""
    return held(*(f"/proc/{pid}" for pid in processes_in(folder)))


def surroundings(cores=2, faults=None, report=False, **changes):
    """`changes` are variables."""
    program = WITH_FAULTS if faults else PROGRAM
    return environment(faults) | {"CORES": str(cores), "CCMSWEEP": program, "TERM": "xterm",
                                  "REPORT": "" if report else "no"} | changes


def start(*words, cwd, before=(), **options):
    """`before` are words of a command that runs the script."""
    return subprocess.Popen(["timeout", "-k", "5", "120", *before, LOCAL, *words], cwd=cwd, text=True,
                            env=surroundings(**options), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)


def finish(process):
    out, err = process.communicate(timeout=130)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def local(*words, cwd, **options):
    return finish(start(*words, cwd=cwd, **options))


def interrupt(process):
    """SIGINT to the script itself."""
    for pid in os.listdir("/proc"):
        fields = stat_of(pid) if pid.isdigit() else None
        if fields and fields[1] == str(process.pid):
            send(int(pid), signal.SIGINT)


def wait_for_work(folder):
    """Wait until three ranks work and have left a checkpoint; returns them."""
    wait_until(lambda: len(ranks_among(processes_in(folder))) == 3
               and list(folder.glob("*.ckpt/*.ckpt")), "no work was begun")
    return ranks_among(processes_in(folder))
