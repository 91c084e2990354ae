# SPDX-License-Identifier: MIT
"""jobs/local.sh where strangers run it: little memory, what other jobs have left in the environment,
jobs that hang, programs that are none, and installations that belong to somebody else."""
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
from contents import Sweep
from local_case import LOCAL, QUIET, finish, folder, interrupt, local, start, surroundings
from program import PROGRAM, listing
from sweep_case import LONG, SOURCE, processes_in, ranks_among, wait_until, write_spec

__all__ = ["folder"]
SMALL = """\
training: {batch: 16, episodes: 30}
networks: {critic_hidden1: 32, critic_hidden2: 16}
environment: {agents: 3}
grid:
  seed: [1, 2]
"""
NOBODY = 65534


def assert_trains(folder, *words, **options):
    write_spec(folder, SMALL)
    done = local("s.yaml", *QUIET, *words, cwd=folder, **options)
    assert done.returncode == 0, done.stderr
    assert len(Sweep(folder / "s.h5").done()) == 2
    return done


def with_mounts(script):
    """Words of a command that mounts things for another command alone."""
    space = ["unshare", "--mount", "--propagation", "private"]
    if os.geteuid() != 0 or shutil.which("unshare") is None or subprocess.run(
            [*space, "mount", "-t", "tmpfs", "none", "/dev/shm"], check=False,
            capture_output=True).returncode != 0:
        pytest.skip("only root can mount what is too small, where the kernel lets it")
    return [*space, "sh", "-c", script + ' exec "$@"', "sh"]


@pytest.mark.parametrize("script, changes", [
    ("mount -t tmpfs -o size=8m none /dev/shm;", {}),
    ("mount -t tmpfs -o size=99m none /dev/shm; head -c 95M /dev/zero >/dev/shm/fill;", {}),
    ("for f in /dev/shm full; do mkdir -p $f; mount -t tmpfs -o size=64k none $f;"
     "head -c 1M /dev/zero >$f/fill; done 2>/dev/null;", {"TMPDIR": "full"}),
])
def test_shared_memory_is_small(script, changes, folder):
    """Another folder is taken."""
    assert_trains(folder, before=with_mounts(script), **changes)


@pytest.mark.parametrize("words", [["local.sh", "s.yaml"], ["report.sh", "s.h5"],
                                   ["submit.sh", "s.yaml", "-o", "s.h5"]], ids=" ".join)
def test_files_may_hold_nothing(words, folder):
    """Not even what is said, where that goes to a file: the code tells."""
    write_spec(folder, SMALL)
    script = f'ulimit -f 0; exec "{SOURCE}/jobs/$0" "$@"'
    done = subprocess.run(["bash", "-c", script, *words], cwd=folder, env=surroundings(), text=True,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (
        2, "the limit of file size is 0 (ulimit -f), expected one that the results fit in\n")
    with open(folder / "said", "wb") as said:
        done = subprocess.run(["bash", "-c", script, *words], cwd=folder, env=surroundings(),
                              stdout=subprocess.DEVNULL, stderr=said, check=False)
    assert done.returncode == 2 and listing(folder) == ["s.yaml", "said"]


def under_limit(kb, words, cwd, tree):
    """A script of a tree of sources, with a limit of file size and without a program named."""
    env = {name: value for name, value in surroundings().items() if name != "CCMSWEEP"}
    return subprocess.run(["bash", "-c", f'ulimit -f {kb}; exec "$0" "$@"', tree / words[0],
                           *words[1:]], cwd=cwd, env=env, text=True, capture_output=True,
                          check=False)


@pytest.fixture
def tree(tmp_path_factory):
    """The sources, of which nothing is built."""
    made = tmp_path_factory.mktemp("tree")
    for name in ("jobs", "src", "include", "analysis"):
        shutil.copytree(SOURCE / name, made / name)
    shutil.copytree(SOURCE / "tests", made / "tests", ignore=shutil.ignore_patterns("data", "unit"))
    shutil.copy(SOURCE / "meson.build", made)
    return made


@pytest.mark.parametrize("kb", [64, 1000])
@pytest.mark.parametrize("words", [["jobs/local.sh", "s.yaml"], ["jobs/report.sh", "s.h5"],
                                   ["jobs/submit.sh", "s.yaml", "-o", "s.h5"],
                                   ["jobs/status.sh", "s.h5"], ["tests/run.sh"]], ids=" ".join)
def test_a_limit_that_no_build_fits_in(words, kb, folder, tree):
    """Said before anything is begun, in place of what tools say of it."""
    write_spec(folder, SMALL)
    (folder / "s.h5").write_text("for those that look whether it is there")
    before = contents(tree)
    done = under_limit(kb, words, folder, tree)
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith(f"the limit of file size is {kb} KB (ulimit -f), expected at least ")
    assert contents(tree) == before and listing(folder) == ["s.h5", "s.yaml"]


def contents(folder):
    return sorted(str(path) for path in folder.rglob("*"))


def test_a_limit_and_a_program_that_is_built(folder, tree):
    """It is taken as it is."""
    write_spec(folder, SMALL)
    (tree / "build").mkdir()
    shutil.copy(PROGRAM, tree / "build/ccmsweep")
    before = contents(tree)
    words = ["jobs/local.sh", "s.yaml", *QUIET]
    done = under_limit(1000, words, folder, tree)
    assert done.returncode == 0 and "all 2 cells are done" in done.stderr
    assert listing(folder) == ["s.h5", "s.h5.lock", "s.yaml"] and contents(tree) == before
    os.utime(tree / "src/meson.build", (2**32, 2**32))
    done = under_limit(1000, words, folder, tree)
    warning = done.stderr.splitlines()[0]
    assert done.returncode == 0 and warning.startswith("Warning: ")
    assert "is older than its source" in warning
    assert contents(tree) == before


def test_a_build_fits_in_what_is_asked_for():
    if "release:" not in subprocess.run([PROGRAM, "--version"], capture_output=True, text=True,
                                        check=True).stdout:
        pytest.skip("not built as users do")
    asked = re.search("^build_kb=([0-9]+)$", (SOURCE / "jobs/common.sh").read_text("utf-8"), re.M)
    assert os.stat(PROGRAM).st_size < int(asked[1]) * 1024


@pytest.mark.parametrize("blocks", ["1", "64"])
def test_no_room_for_the_file(blocks, folder):
    """As on a full disk: it would be met again at once."""
    write_spec(folder, SMALL)
    done = local("s.yaml", *QUIET, cwd=folder,
                 before=["bash", "-c", f'ulimit -f {blocks}; exec "$@"', "-"])
    assert done.returncode == 1 and "s.h5.ccmsweep-tmp" in done.stderr
    assert "shared memory" not in done.stderr  # which would be files, too
    assert done.stderr.count(": File too large\n") == 1, done.stderr
    assert done.stderr.endswith("The job ended with code 1 and has made no file: starting it again "
                                "at once would not help.\n")


def test_polite_stop_with_little_memory(folder):
    write_spec(folder, LONG)
    process = start("s.yaml", *QUIET, cwd=folder,
                    before=with_mounts("mount -t tmpfs -o size=8m none /dev/shm;"))
    wait_until(lambda: len(ranks_among(processes_in(folder))) == 3, "no ranks came up")
    interrupt(process)
    done = finish(process)
    assert done.returncode == 75, done.stderr


ENDED = {"SLURM_JOB_ID": "77", "SLURM_JOBID": "77", "SLURM_NODELIST": "n[1-3]", "SLURM_NNODES": "3",
         "SLURM_JOB_NODELIST": "n[1-3]", "SLURM_JOB_NUM_NODES": "3", "SLURM_NTASKS": "6",
         "SLURM_TASKS_PER_NODE": "2(x3)", "SLURM_CPUS_ON_NODE": "2", "SLURM_JOB_END_TIME": "5"}
OUTER = {"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "4", "OMPI_MCA_ess": "^singleton",
         "OMPI_MCA_ess_base_jobid": "7", "OMPI_MCA_ess_base_vpid": "0", "PMIX_RANK": "0",
         "OMPI_MCA_orte_hnp_uri": "1.0;tcp://127.0.0.1:1", "PMIX_NAMESPACE": "7",
         "OMPI_MCA_orte_local_daemon_uri": "1.0;tcp://127.0.0.1:1", "PMI_RANK": "0",
         "OMPI_MCA_orte_ess_num_procs": "4", "PMIX_SERVER_URI41": "1.0;tcp4://127.0.0.1:1"}
HABITS = {"POSIXLY_CORRECT": "1", "SHELLOPTS": "braceexpand:noclobber:noglob", "CDPATH": "/:.",
          "BASHOPTS": "failglob:nocasematch", "BLOCK_SIZE": "human-readable", "TMOUT": "1",
          "BASH_FUNC_df%%": "() { echo 0; }", "BASH_FUNC_cat%%": "() { exit 9; }",
          "GREP_OPTIONS": "-v", "LC_ALL": "C", "HOME": "/none", "LC_NUMERIC": "de_DE.UTF-8"}


@pytest.mark.parametrize("changes", [ENDED, OUTER, HABITS], ids=["ended", "outer", "habits"])
def test_variables_of_others(changes, folder):
    """Of a job of SLURM that has ended, of an mpirun around this, and of the user's taste."""
    done = assert_trains(folder, **changes)
    assert done.stderr.count("\n") == 1, done.stderr


SHELLS = [{"SHELLOPTS": "noexec"}, {"SHELLOPTS": "onecmd"}, {"BASHOPTS": "failglob:extdebug"},
          {"BASH_ENV": "leave.sh"}, {"BASH_ENV": "noexec.sh"}, {"BASH_FUNC_set%%": "() { exit 0; }"},
          {"BASH_FUNC_.%%": "() { exit 0; }", "BASH_FUNC_exec%%": "() { exit 0; }"}]


@pytest.fixture()
def start_files(folder):
    (folder / "leave.sh").write_text("exit 0\n", encoding="utf-8")
    (folder / "noexec.sh").write_text("set -n\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("changes", SHELLS, ids=str)
def test_exported_shell(changes, start_files):
    """No script ends with code 0 for what it has not done."""
    assert_trains(start_files, **changes)


@pytest.mark.parametrize("changes", SHELLS, ids=str)
@pytest.mark.parametrize("script, words", [
    ("jobs/report.sh", []), ("jobs/selftest.sh", ["wrong"]), ("jobs/setup.sh", ["wrong"]),
    ("jobs/status.sh", []), ("jobs/submit.sh", []), ("jobs/sweep.sbatch", []), ("tests/run.sh", ["wrong"])])
def test_exported_shell_of_other_scripts(script, words, changes, start_files):
    # SLURM runs a copy of the job's script.
    path = SOURCE / script
    if path.suffix == ".sbatch":
        path = Path(shutil.copy(path, start_files / "slurm_script"))
        path.chmod(0o700)
    done = subprocess.run([path, *words], cwd=start_files, env=os.environ | changes,
                          text=True, capture_output=True, check=False, timeout=60)
    assert done.returncode == 2 and done.stderr, done.stderr


def test_every_script_ignores_the_exported_shell():
    scripts = {SOURCE / ".ci/run", SOURCE / "tests/run.sh", SOURCE / "jobs/sweep.sbatch",
               *(SOURCE / "jobs").glob("*.sh")} - {
        SOURCE / "jobs" / sourced for sourced in ("common.sh", "env.sh", "selftest_checks.sh")}
    assert len(scripts) == 9
    for script in scripts:
        assert script.read_text(encoding="utf-8").startswith("#!/bin/bash -p\n"), script


@pytest.mark.parametrize("start", [[], ["bash"]], ids=["itself", "bash"])
def test_exported_shell_of_children(start, folder):
    """They get none of it but modules."""
    program = folder / "program"
    program.write_text(f"#!/bin/sh\ncat /proc/$$/environ >'{folder}/seen'\n"
                       f"exec '{PROGRAM}' \"$@\"\n", encoding="utf-8")
    program.chmod(0o755)
    changes = {"SHELLOPTS": "noclobber", "BASHOPTS": "dotglob", "BASH_ENV": "/dev/null",
               "BASH_FUNC_df%%": "() { echo 0; }", "BASH_FUNC_module%%": "() { echo m; }"}
    done = subprocess.run([*start, SOURCE / "jobs/status.sh", "s.yaml"], cwd=folder, text=True,
                          env=os.environ | {"CCMSWEEP": str(program)} | changes,
                          capture_output=True, check=False, timeout=60)
    assert done.returncode == 2, done.stderr
    seen = (folder / "seen").read_text(encoding="utf-8")
    assert "SHELLOPTS" not in seen and "BASHOPTS" not in seen and "FUNC_df" not in seen
    assert "FUNC_module" in seen and "BASH_ENV=/dev/null" in seen and "CCMSWEEP_BASH" not in seen


@pytest.mark.parametrize("changes", [{"BASH_FUNC_module%%": "() { loaded=$2; }"},
                                     {"BASH_ENV": "modules.sh"}], ids=["exported", "start file"])
def test_modules(changes, folder):
    """They come to jobs/env.sh as a function that is exported, or by a start file alone."""
    shutil.copytree(SOURCE / "jobs", folder / "jobs")
    (folder / "modules.sh").write_text("module() { loaded=$2; }\n", encoding="utf-8")
    with open(folder / "jobs/env.sh", "a", encoding="utf-8") as site:
        site.write('module load gcc/12\necho "loaded $loaded" >&2\n')
    done = subprocess.run(["jobs/status.sh", "--help"], cwd=folder, env=os.environ | changes,
                          text=True, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "loaded gcc/12\n")


def test_temporary_folder_is_missing(folder):
    done = assert_trains(folder, TMPDIR=str(folder / "none"))
    assert f"TMPDIR is {folder}/none, where nothing can be written" in done.stderr
    shown = subprocess.run([SOURCE / "jobs/status.sh", "s.h5"], cwd=folder, text=True,
                           env=os.environ | {"TMPDIR": "/dev/null", "CCMSWEEP": PROGRAM},
                           capture_output=True, check=False)
    assert shown.returncode == 0 and "2 done" in shown.stdout, shown.stderr


@pytest.mark.parametrize("name, value", [
    ("CORES", "99999999999999999999"), ("CORES", "100000"), ("CORES", "a[$(touch hacked)]"),
    ("CORES", "1+1"), ("PATIENCE", "a[$(touch hacked)]"), ("PATIENCE", "00")])
def test_numbers(name, value, folder):
    done = local("s.yaml", cwd=folder, **{"cores": 2, name: value})
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    said = f"jobs/local.sh: {name} is '{value}', expected a whole number from 1"
    assert done.stderr.startswith(said) and done.stderr.count("\n") == 1
    assert listing(folder) == ["s.yaml"]


def test_number_with_zeros_in_front(folder):
    assert_trains(folder, CORES="09", PATIENCE="0100")


def a_rank_that(folder, does):
    """A program of which one rank does something else."""
    program = folder / "program"
    program.write_text(f"#!/bin/sh\ncase $1:$OMPI_COMM_WORLD_RANK in\nrun:1) {does} ;;\nesac\n"
                       f"exec '{PROGRAM}' \"$@\"\n", encoding="utf-8")
    program.chmod(0o755)
    return str(program)


def test_rank_that_never_comes_up(folder):
    """The polite stop ends the job all the same."""
    deaf = a_rank_that(folder, "exec sleep 600")
    process = start("s.yaml", *QUIET, cwd=folder, CCMSWEEP=deaf, PATIENCE="2")
    wait_until(lambda: ranks_among(processes_in(folder)), "no ranks came up")
    interrupt(process)
    done = finish(process)
    assert done.returncode == 75, done.stderr
    assert "The job does not answer: it is killed; what is committed stays.\n" in done.stderr
    assert "starting it again" not in done.stderr


def test_rank_that_leaves(folder):
    """The others wait for it: not for ever. It has left before they come up, since mpirun ends the
    job itself when it sees a rank leave that others have met."""
    left = a_rank_that(folder, "exit 0 ;;\nrun:*) sleep 1")
    done = local("s.yaml", *QUIET, cwd=folder, CCMSWEEP=left, PATIENCE="2")
    assert done.returncode == 1, done.stderr
    assert "The job has lacked some of its 3 ranks for 2 s: it is killed" in done.stderr
    assert "starting it again" not in done.stderr


def test_second_interrupt_of_a_job_that_hangs(folder):
    deaf = a_rank_that(folder, "exec sleep 600")
    process = start("s.yaml", *QUIET, cwd=folder, CCMSWEEP=deaf)
    wait_until(lambda: ranks_among(processes_in(folder)), "no ranks came up")
    interrupt(process)
    assert process.stderr.readline().startswith("Stopping: ")
    wait_until(lambda: interrupt(process) or process.poll() is not None, "it goes on", seconds=30)
    assert finish(process).returncode == 128 + signal.SIGINT


@pytest.mark.parametrize("script", ["jobs/local.sh", "jobs/submit.sh", "jobs/report.sh"])
@pytest.mark.parametrize("program, why", [
    ("/none/ccmsweep", "not there"), ("/tmp", "a folder"), ("none", "not there"),
    ("./s.yaml", "not a program that you may run"), ("/bin/true", "not ccmsweep ("),
    ("./other", "not ccmsweep ("), ("./shebang", "not ccmsweep (")])
def test_no_program(script, program, why, folder):
    """One sentence before anything is begun. `other` is built for another kind of machine."""
    (folder / "other").write_bytes(b"\x7fELF\2\1\1" + bytes(9) + b"\2\0\xb7\0" + bytes(2000))
    (folder / "shebang").write_text("#!/none/sh\n", encoding="utf-8")
    for name in ("other", "shebang"):
        (folder / name).chmod(0o755)
    before = listing(folder)
    words = ["s.h5"] if "report" in script else ["s.yaml", "-o", "s.h5"]
    done = subprocess.run([SOURCE / script, *words], cwd=folder, text=True, capture_output=True,
                          env=os.environ | {"CCMSWEEP": program}, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.startswith("CCMSWEEP is ") and f", which is {why}" in done.stderr
    assert done.stderr.count("\n") == 1 and listing(folder) == before


@pytest.fixture()
def installation():
    """Scripts of a folder that its users cannot write to, and a folder of theirs."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root can be another user")
    top = Path(tempfile.mkdtemp(prefix="ccms", dir="/var/tmp"))
    top.chmod(0o755)
    shutil.copytree(SOURCE / "jobs", top / "shared/jobs")
    (top / "home").mkdir()
    os.chown(top / "home", NOBODY, NOBODY)
    write_spec(top / "home", SMALL)
    yield top
    shutil.rmtree(top)


def as_nobody(*words, cwd, **changes):
    kept = {name: value for name, value in os.environ.items() if name != "CCMSWEEP"}
    return subprocess.run(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
                           *words], cwd=cwd, env=kept | {"HOME": "/", "REPORT": "no"} | changes,
                          text=True, capture_output=True, check=False, timeout=120)


def test_shared_installation(installation):
    """It is used as it is; where nothing is built, that is one sentence."""
    script, home = installation / "shared/jobs/local.sh", installation / "home"
    done = as_nobody(script, "s.yaml", cwd=home)
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert "build/ccmsweep is not built yet, and cannot be by you" in done.stderr
    (installation / "shared/build").mkdir()
    shutil.copy(PROGRAM, installation / "shared/build/ccmsweep")
    done = as_nobody(script, "s.yaml", *QUIET, cwd=home, CORES="1")
    assert done.returncode == 0 and done.stderr.count("\n") == 1, done.stderr
    assert len(Sweep(home / "s.h5").done()) == 2


def test_revision_in_the_clone_of_another_user(installation):
    """And in none at all: a repository further up is not the one."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    clone = installation / "clone"
    (clone / "src/base").mkdir(parents=True)
    shutil.copy(SOURCE / "src/base/revision.sh", clone / "src/base")
    commit = ("git init -q && git add . && git -c user.name=n -c user.email=e commit -q -m m"
              " && git rev-parse HEAD")
    revision = subprocess.run(["sh", "-c", commit], cwd=clone, check=True, text=True,
                              capture_output=True).stdout
    assert as_nobody("sh", "src/base/revision.sh", cwd=clone).stdout == revision
    with open(clone / "src/base/revision.sh", "a", encoding="utf-8") as script:
        script.write("# changed\n")
    assert as_nobody("sh", "src/base/revision.sh", cwd=clone, GIT_DIR="/none").stdout == \
        revision.strip() + "-dirty\n"
    (clone / "inside").mkdir()
    shutil.move(clone / "src", clone / "inside/src")
    assert as_nobody("sh", "inside/src/base/revision.sh", cwd=clone).returncode != 0


def test_streams_that_are_shut(folder):
    write_spec(folder, SMALL)
    for streams in ("0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"):
        done = local("s.yaml", "--dry-run", cwd=folder,
                     before=["sh", "-c", f'exec "$@" {streams}', "sh"])
        assert done.returncode == 0, (streams, done.stderr)
    assert LOCAL.endswith("jobs/local.sh") and listing(folder) == ["s.yaml"]
