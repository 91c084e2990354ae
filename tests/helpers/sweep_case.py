# SPDX-License-Identifier: MIT
"""What the tests of sweeps share: small cells, jobs of several ranks, and the processes of a job,
to be signalled, killed and waited for one by one."""
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from program import PROGRAM

# The program that also crashes and waits on purpose, if there is one.
WITH_FAULTS = os.environ.get("CCMSWEEP_WITH_FAULTS")
SOURCE = Path(os.environ["CCMSWEEP_SOURCE"])
SANITIZED = os.environ.get("CCMSWEEP_SANITIZE", "none") != "none"
# Cells of some hundredths to some tenths of a second and of two shapes, with checkpoints all along.
SPEC = """\
training: {batch: 16, episodes_after_stop: 600}
networks: {critic_hidden1: 32, critic_hidden2: 16}
environment: {agents: 3}
tracking: {log_every: 10, snapshot_every: 100}
evaluation: {every: 100, episodes: 2}
checkpoint: {every_s: 0.03}
grid:
  actor_lr: [0.1, 0.001]
  critic_lr: [0.01, 0.001]
  seed: [1, 2, 3, 4]
  training.episodes: [400, 1200]
"""
CELLS = 32
# Cells of many seconds.
LONG = """\
environment: {agents: 10}
tracking: {log_every: 1000, snapshot_every: 0}
training: {episodes: 20000}
grid:
  seed: [1, 2, 3, 4]
"""

# A crash on purpose needs no core.
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def needs_faults():
    if not WITH_FAULTS:
        pytest.skip("configured without -Dfaults=true")


def environment(faults=None):
    """Without what would make this process look like a rank of another job."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("OMPI_", "PMIX_", "PMI_", "SLURM_", "CCMSWEEP_FAULTS"))}
    if os.geteuid() == 0:
        kept |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    if SANITIZED:  # MPI's own leaks are not ours
        kept["ASAN_OPTIONS"] = kept.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    return kept | ({"CCMSWEEP_FAULTS": faults} if faults else {})


def stat_of(pid):
    """The fields of /proc/PID/stat from the state on; None: there is no such process. PID may be
    PID/task/THREAD."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None


def is_alive(pid):
    """Whether a thread of the process still runs: it may be a zombie whose others end later."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return False
    states = [stat_of(f"{pid}/task/{thread}") for thread in threads]
    return any(fields and fields[0] not in ("Z", "X") for fields in states)


def cpu_seconds(pid):
    user, system = stat_of(pid)[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def ranks_among(pids):
    """Process numbers by rank, of those processes that are ranks and run the program."""
    found = {}
    for pid in pids:
        try:
            words = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            program = os.readlink(f"/proc/{pid}/exe")
        except OSError:
            continue
        for word in words:
            if word.startswith(b"PMIX_RANK=") and "ccmsweep" in program:
                found[int(word.partition(b"=")[2])] = pid
    return found


def processes_in(folder):
    """Processes that work in the folder."""
    def works_there(pid):
        try:
            return os.readlink(f"/proc/{pid}/cwd") == str(folder)
        except OSError:
            return False
    return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and works_there(pid)]


class Job:
    """The program under mpirun (ranks = 0: alone), in a session and with shared memory of its own,
    and with more in its environment. `with` ends what is left of it."""

    def __init__(self, ranks, *words, cwd, faults=None, seconds=120, extra=None):
        program = WITH_FAULTS if faults else PROGRAM
        self.folder = tempfile.mkdtemp(prefix="ccm", dir="/dev/shm")
        self.ranks_wanted = ranks
        launcher = [] if ranks == 0 else [
            "mpirun", "--oversubscribe", "--bind-to", "none", "--mca", "orte_tmpdir_base",
            self.folder, "--mca", "btl_vader_backing_directory", self.folder, "-n", str(ranks)]
        self.process = subprocess.Popen(
            ["timeout", "-k", "5", str(seconds), *launcher, program, *map(str, words)], cwd=cwd,
            env=environment(faults) | (extra or {}), text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        self.wait_until_gone()
        self.process.communicate(timeout=30)
        shutil.rmtree(self.folder, ignore_errors=True)

    def members(self):
        """Process numbers of the session, but for `timeout`."""
        found = []
        for name in os.listdir("/proc"):
            fields = stat_of(name) if name.isdigit() else None
            if fields and fields[3] == str(self.process.pid) and int(name) != self.process.pid:
                found.append(int(name))
        return found

    def launcher(self):
        """The process of mpirun, None before and after it."""
        for pid in self.members():
            fields = stat_of(pid)
            if fields and fields[1] == str(self.process.pid):
                return pid
        return None

    def ranks(self):
        """Process numbers by rank, of those that have come up."""
        return ranks_among(self.members())

    def wait_for_ranks(self):
        """Wait until all ranks are up and catch SIGUSR1; returns them."""
        def listens(pid):
            try:
                status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
            except OSError:
                return False
            caught = int(status.partition("SigCgt:")[2].split()[0], 16)
            return bool(caught >> (signal.SIGUSR1 - 1) & 1)
        wait_until(lambda: len(self.ranks()) == self.ranks_wanted
                   and all(map(listens, self.ranks().values())), "the ranks did not come up")
        return self.ranks()

    def kill(self):
        """Kill the launcher and all ranks."""
        for pid in self.members():
            send(pid, signal.SIGKILL)

    def wait_until_gone(self):
        """Wait until no process of the job runs, however it was ended."""
        wait_until(lambda: not any(map(is_alive, self.members())), "the job did not end")

    def finish(self, seconds=120):
        """Wait for the end. Returns exit code, standard output and error, and keeps them."""
        out, err = self.process.communicate(timeout=seconds)
        self.wait_until_gone()
        return subprocess.CompletedProcess(self.process.args, self.process.returncode, out, err)


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def wait_until(holds, otherwise, seconds=30):
    """Ask again and again: at least 200 times a second, or a third of the time where asking takes
    longer, so that what is waited for has the cores."""
    end = time.monotonic() + seconds
    while True:
        begun = time.monotonic()
        if holds():
            return
        assert time.monotonic() < end, otherwise
        time.sleep(max(0.005, 2 * (time.monotonic() - begun)))


def sweep(ranks, *words, cwd, **options):
    """Run a job to its end."""
    with Job(ranks, "run", *words, cwd=cwd, **options) as job:
        return job.finish()


BANNER = ("-" * 70, "Primary job  terminated", "a non-zero exit code.", "mpirun detected that one",
          "the job to be terminated.", "  Process name:", "  Exit code:", "mpirun: Forwarding")


def said(done):
    """What the program said on standard error, without what Open MPI adds."""
    return [line for line in done.stderr.splitlines() if line and not line.startswith(BANNER)]


def write_spec(folder, text=SPEC):
    (folder / "s.yaml").write_text(text, encoding="utf-8")


def idle_at_first(folder):
    """A program whose ranks do nothing the first time that they are to train, and end with 0."""
    program = folder / "idle program"
    program.write_text(f"""#!/bin/sh
case $* in
*--dry-run*) ;;
run*) mkdir '{folder}/idle '$PMIX_RANK 2>/dev/null && exit 0 ;;
esac
exec '{PROGRAM}' "$@"
""")
    program.chmod(0o755)
    return str(program)


def reference(folder):
    """The file of the sweep, made by one process that nobody disturbed."""
    write_spec(folder)
    done = sweep(0, "s.yaml", "-o", "reference.h5", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "reference.h5"
