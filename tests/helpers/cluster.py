# SPDX-License-Identifier: MIT
"""A SLURM cluster of two nodes on this host, for the tests of jobs: listening on the loopback
interface alone, in a folder of its own, and gone with the process that started it."""
import ctypes
import fcntl
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

from contents import Sweep, assert_same_results
from program import listing, run
from sweep_case import SOURCE, SPEC, environment, ranks_among, send, wait_until

DAEMONS = ("munged", "slurmctld", "slurmd")
NODES = ("n1", "n2")
CPUS = 12
# States of a job that does not come back.
ENDED = ("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY",
         "PREEMPTED", "TIMEOUT")
# Many jobs at once, some of which sleep: with as many checkpoints as other tests want, all wait for
# the disk. The cells are longer than theirs, as jobs begin and end slowly.
SLURM_SPEC = (SPEC.replace("every_s: 0.03", "every_s: 0.5").replace("1200]", "2000]")
              .replace("after_stop: 600", "after_stop: 1200"))
CONFIGURATION = """\
ClusterName=sweep
FirstJobId={first}
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
SlurmdUser=root
SlurmdParameters=config_overrides
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock,cred_expire=5
CredType=cred/munge
SlurmctldPort={port}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
TmpFS={folder}/tmp/%n
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
# With EnableIPv6 it resolves 127.0.0.1 where there is no other address.
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny,EnableIPv6
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,sched_min_interval=0
ReturnToService=2
SlurmctldTimeout=30
SlurmdTimeout=6
InactiveLimit=0
MinJobAge=3600
KillWait=5
Waittime=0
JobRequeue=1
OverTimeLimit=0
MailProg=/bin/true
"""


def missing():
    """Daemons that are not installed."""
    return [name for name in DAEMONS if shutil.which(name, path=PATH) is None]


PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"


LIBC = ctypes.CDLL(None)
# Namespaces: network, and host name.
SPACES = {"net": 0x40000000, "uts": 0x04000000}


def end_with_parent():
    """In a child: SIGKILL when the parent is gone, however it went."""
    parent_death_signal = 1
    LIBC.prctl(parent_death_signal, signal.SIGKILL)


def leave_network():
    """Give this thread, and what it starts, a network of a loopback interface alone, and a host name
    that is known there. Returns the way back; nothing: it may not."""
    set_flags, up = 0x8914, 1
    back = {name: os.open(f"/proc/thread-self/ns/{name}", os.O_RDONLY) for name in SPACES}
    if LIBC.unshare(sum(SPACES.values())) != 0:
        return_to_network(back)
        return {}
    socket.sethostname("localhost")
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh14x", b"lo", up))
    return back


def return_to_network(back):
    for name, space in back.items():
        LIBC.setns(space, SPACES[name])
        os.close(space)


def free_ports(count):
    """As many port numbers in a row that nobody listens on."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            first = probe.getsockname()[1]
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
            return first
        except OSError:
            continue


# Without this, Open MPI does not talk over the loopback interface.
LOOPBACK = {f"{name}_if_include": "lo"
            for name in ("OMPI_MCA_btl_tcp", "OMPI_MCA_oob_tcp", "PMIX_MCA_ptl_tcp")}


class Cluster:
    """`with` starts it and ends it, also when SIGTERM ends this process."""

    def __init__(self, threads=1):
        self.threads = threads

    def __enter__(self):
        self.at_sigterm = signal.signal(signal.SIGTERM, signal.default_int_handler)
        # Open MPI listens on all interfaces there are.
        self.network = leave_network()
        # Short: the names of sockets are limited.
        self.folder = Path(tempfile.mkdtemp(prefix="ccms"))
        self.environment = environment() | LOOPBACK | {
            "SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": PATH}
        self.daemons = {}
        # Not those of another cluster on this host: jobs have folders by their number.
        self.first = random.randrange(100000, 60000000)
        try:
            self.configure()
            self.start_munge()
            self.start("slurmctld", "slurmctld", "-D")
            for node in NODES:
                self.start_node(node)
            wait_until(self.is_idle, "the cluster did not come up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        # At once: whoever sends SIGTERM sends SIGKILL soon.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        wait_until(self.kill_all, "the cluster did not end")
        for daemon in self.daemons.values():
            daemon.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        for number in range(self.first, self.first + 100):
            for folder in scratch_of(number):
                shutil.rmtree(folder, ignore_errors=True)
        return_to_network(self.network)
        signal.signal(signal.SIGTERM, self.at_sigterm)

    def kill_all(self):
        """Kill the daemons and what they have started. Returns whether there was none left."""
        pids = self.processes()
        for pid in pids:
            send(pid, signal.SIGKILL)
        return not pids

    def configure(self):
        for name in ("state", "spool", *(f"{kind}/{node}" for kind in ("spool", "tmp")
                                         for node in NODES)):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        port = free_ports(1 + len(NODES))
        lines = [CONFIGURATION.format(folder=self.folder, port=port, first=self.first)]
        lines += [f"NodeName={node} NodeHostname=localhost NodeAddr=127.0.0.1 Port={port + 1 + i} "
                  f"CPUs={CPUS} Boards=1 SocketsPerBoard=1 CoresPerSocket={CPUS // self.threads} "
                  f"ThreadsPerCore={self.threads} State=UNKNOWN\n" for i, node in enumerate(NODES)]
        lines += [f"PartitionName=main Nodes={','.join(NODES)} Default=YES MaxTime=INFINITE "
                  "State=UP\n"]
        (self.folder / "slurm.conf").write_text("".join(lines), encoding="utf-8")
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        self.folder.chmod(0o755)

    def start(self, name, *words, **more):
        """Run a daemon in the foreground; it ends with this process."""
        with open(self.folder / f"{name}.out", "wb") as output:
            self.daemons[name] = subprocess.Popen(
                words, env=self.environment | more, cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, preexec_fn=end_with_parent)

    def start_munge(self):
        names = {"key-file": "munge.key", "socket": "munge.sock", "pid-file": "munged.pid",
                 "log-file": "munged.log", "seed-file": "munge.seed"}
        self.start("munged", "munged", "--foreground", "--force",
                   *(f"--{option}={self.folder / name}" for option, name in names.items()))
        wait_until((self.folder / "munge.sock").exists, "munged did not come up")

    def start_node(self, node):
        # Its steps inherit the variable, jobs do not.
        self.start(node, "slurmd", "-D", "-N", node, STEP_OF=node)

    def kill_node(self, node):
        """Kill a node's daemon and all that runs on the node, at one instant as if it lost its
        power: nobody may report the death of another."""
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in self.processes(node):
                send(pid, number)
        self.daemons[node].wait()

    def is_idle(self):
        return self.ask("sinfo", "-h", "-o", "%D", "-t", "idle") == str(len(NODES))

    def processes(self, node=None):
        """Processes of the cluster and its jobs, those on one node or all."""
        ours = f"SLURM_CONF={self.folder}/slurm.conf".encode()
        there = {f"{name}={node}".encode() for name in ("SLURMD_NODENAME", "STEP_OF")}
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                words = set(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))
            except OSError:
                continue
            if ours in words and (node is None or words & there):
                found.append(int(pid))
        return found

    def call(self, *words, seconds=60, **changes):
        """Run a command of the cluster, or one of jobs/."""
        folder = changes.pop("cwd", self.folder)
        return subprocess.run(list(map(str, words)), env=self.environment | changes, cwd=folder,
                              timeout=seconds, text=True, capture_output=True,
                              stdin=subprocess.DEVNULL, check=False)

    def ask(self, *words):
        return self.call(*words).stdout.strip()

    def state_of(self, job, field="JobState"):
        """What SLURM knows of a job: its state, or another field; None: it does not know the job, or
        does not answer."""
        fields = dict(word.split("=", 1) for word in self.ask("scontrol", "show", "job", job).split()
                      if "=" in word)
        return fields.get(field)

    def listening(self):
        """Addresses on which its daemons and jobs listen, by the names of the processes."""
        inodes = {}
        for family, table in ((socket.AF_INET, "tcp"), (socket.AF_INET6, "tcp6")):
            for line in Path(f"/proc/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A":
                    inodes[f"socket:[{fields[9]}]"] = address_in(family, fields[1].split(":")[0])
        found = {}
        for pid in self.processes():
            try:
                name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
                links = [os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir()]
            except OSError:  # it has ended
                continue
            for link in filter(inodes.get, links):
                found.setdefault(name, set()).add(inodes[link])
        return found

    def is_alone(self):
        """Whether all its processes have a network without a way out."""
        for pid in self.processes():
            try:
                rows = Path(f"/proc/{pid}/net/dev").read_text(encoding="ascii").splitlines()[2:]
            except OSError:
                continue
            if [row.split(":")[0].strip() for row in rows] != ["lo"]:
                return False
        return True

    def ranks(self, node=None):
        """Processes of ranks, those on one node or all."""
        return list(ranks_among(self.processes(node)).values())


def address_in(family, text):
    """An address as /proc/net writes it: words of four bytes, the last byte first."""
    words = [bytes.fromhex(text[i:i + 8])[::-1] for i in range(0, len(text), 8)]
    return socket.inet_ntop(family, b"".join(words))


def scratch_of(job):
    """Folders in memory of a job, one for each node; in /tmp where others have filled the memory."""
    return sorted(path for folder in ("/dev/shm", "/tmp")
                  for path in Path(folder).glob(f"ccmsweep.{job}.*"))


class SweepJob:
    """A sweep submitted by jobs/submit.sh, into b.h5 of a folder."""

    def __init__(self, cluster, folder, *words, spec="s.yaml", **changes):
        self.cluster = cluster
        self.folder = folder
        self.path = folder / "b.h5"
        self.earlier = {path.stem for path in folder.glob("b.h5.job/*.out")}
        self.done = cluster.call(SOURCE / "jobs/submit.sh", spec, "-o", "b.h5", *words, cwd=folder,
                                 **changes)
        self.ids = [self.id()] if self.done.returncode == 0 else []

    def id(self):
        """Number of the job, that of the last one in a chain."""
        return (self.folder / "b.h5.job/id").read_text(encoding="utf-8").strip()

    def done_cells(self):
        return set(Sweep(self.path).done()) if self.path.exists() else set()

    def cells(self):
        """What status says of each cell; nothing before there is a file."""
        if not self.path.exists():
            return []
        return json.loads(run("status", self.path, "--cells", "--json").stdout)["list"]

    def output(self):
        """What all its starts said."""
        return "".join(path.read_text(encoding="utf-8", errors="replace")
                       for path in sorted(self.folder.glob("b.h5.job/*.out"))
                       if path.stem not in self.earlier)

    def starts(self):
        return sum(": start " in line for line in self.output().splitlines())

    def has_ended(self):
        """Whether it left the queue for good. No answer is not an end: a daemon of a busy machine may
        be late."""
        return self.cluster.state_of(self.id()) in ENDED

    def finish(self, seconds=180):
        """Wait until it has left the queue. Returns the exit code."""
        end = time.monotonic() + seconds
        while not self.has_ended():
            assert time.monotonic() < end, f"the job did not end:\n{self.output()}"
            time.sleep(0.3)
        return int(self.cluster.state_of(self.id(), "ExitCode").split(":")[0])

    def wait_for(self, text, seconds=60):
        """Wait until the job has said something."""
        end = time.monotonic() + seconds
        while text not in self.output():
            assert time.monotonic() < end, f"the job did not say '{text}':\n{self.output()}"
            time.sleep(0.2)


def assert_complete(job, straight):
    assert job.finish() == 0, job.output()
    assert_same_results(straight, job.path)
    remembered = {"ended", "id", "idle", "lock", "sbatch", "short", "spec.yaml", "standing",
                  "starts"}
    assert {path.name for path in job.folder.glob("b.h5.job/*")
            if path.suffix != ".out"} == remembered
    assert [name for name in listing(job.folder) if not name.startswith("b.h5.job/")] == [
        "b.h5", "b.h5.job", "b.h5.lock", "s.yaml"]
