# SPDX-License-Identifier: MIT
"""ccmsweep run in surroundings that turn on it: limits of the shell, files that vanish while it
works, launchers that start it without MPI, folders in which nothing can be made."""
import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import h5py
import pytest
from program import PROGRAM, listing, run, wait_for
from sweep_case import SANITIZED

SPEC = """\
training: {batch: 8, episodes: 40}
environment: {agents: 3}
networks: {critic_hidden1: 32, critic_hidden2: 16}
grid: {seed: [1, 2, 3]}
"""
# Some seconds for each of many cells.
LONG = SPEC.replace("40", "3000").replace("[1, 2, 3]", "[1, 2, 3, 4, 5, 6, 7, 8]")
RUN = [PROGRAM, "run", "s.yaml", "-o", "s.h5", "--progress", "none"]
LAUNCHERS = re.compile("OMPI_|PMI|PMIX_|SLURM_|MPI_LOCAL|CCMSWEEP_FAULTS")


@pytest.fixture()
def folder(tmp_path):
    (tmp_path / "s.yaml").write_text(SPEC)
    return tmp_path


def without_launcher(**more):
    kept = {name: value for name, value in os.environ.items() if not LAUNCHERS.match(name)}
    return {**kept, **more}


def limited(what, soft, hard=resource.RLIM_INFINITY):
    return lambda: resource.setrlimit(what, (soft, hard))


def start(folder, words=(), **options):
    return subprocess.Popen([*RUN, *words], cwd=folder, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env=without_launcher(), **options)


def finish(process):
    out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


# Limits


def test_a_file_larger_than_its_limit(folder):
    done = finish(start(folder, preexec_fn=limited(resource.RLIMIT_FSIZE, 65536)))
    assert done.returncode == 1 and "File too large" in done.stderr, done.stderr
    assert not [name for name in listing(folder) if ".ccmsweep-tmp." in name or name == "s.h5"]


@pytest.mark.skipif(SANITIZED, reason="a sanitizer puts more on the stack")
def test_a_small_stack(folder):
    """What is large is on the heap: every command runs where the tools of the system do."""
    few = ["--bootstrap", "50", "--permutations", "50"]
    pooled = [("aggregate", "s.h5", "--format", form, *few) for form in ("table", "latex", "json")]
    for words in [("run", "s.yaml", "-o", "s.h5"), ("run", "s.yaml", "-o", "s.h5"),
                  ("run", "s.yaml", "-o", "r.h5", "--reuse", "s.h5"), ("status", "s.h5"),
                  ("status", "s.h5", "--cells", "--json"), ("plan", "s.yaml", "s.h5"), *pooled,
                  ("show", "s.h5"), ("export", "s.h5", "tables"), ("spec", "s.yaml"),
                  ("run", "--help"), ("bench", "train", "--count", "1"),
                  ("train", "--episodes", "2"), ("bench", "schedule", "--cells", "3")]:
        done = subprocess.run([PROGRAM, *words], cwd=folder, text=True, capture_output=True,
                              preexec_fn=limited(resource.RLIMIT_STACK, 65536))
        assert done.returncode == 0, (words, done.returncode, done.stderr)
    refused = subprocess.run([PROGRAM, "aggregate", "s.h5", "--by", "nothing"], cwd=folder,
                             text=True, capture_output=True,
                             preexec_fn=limited(resource.RLIMIT_STACK, 65536))
    assert refused.returncode == 2 and "nothing" in refused.stderr


def test_a_checkpoint_larger_than_its_limit(folder):
    """Told once; training goes on to its end, and nothing is left behind."""
    few = ["--set", "tracking.log_every=40", "--set", "tracking.snapshot_every=0"]
    assert finish(start(folder, few)).returncode == 0
    size = (folder / "s.h5").stat().st_size
    (folder / "s.h5").unlink()
    often = [*few, "--set", "checkpoint.every_s=0.001", "--set", "replay.capacity=100000"]
    done = finish(start(folder, often,
                        preexec_fn=limited(resource.RLIMIT_FSIZE, size + 65536)))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("no checkpoint: ") == 1 and "File too large" in done.stderr
    assert listing(folder) == ["s.h5", "s.h5.lock", "s.yaml"]


def test_output_larger_than_its_limit(folder):
    with open(folder / "defaults", "w", encoding="ascii") as file:
        done = subprocess.run([PROGRAM, "spec", "--defaults"], stdout=file, text=True,
                              stderr=subprocess.PIPE, check=False, timeout=60,
                              preexec_fn=limited(resource.RLIMIT_FSIZE, 1024))
    assert done.returncode == 1 and "File too large" in done.stderr


def test_the_soft_limit_of_processor_time_stops_politely(folder):
    """However often it is told; the same command goes on."""
    (folder / "s.yaml").write_text(LONG.replace("3000", "30000"))
    done = finish(start(folder, preexec_fn=limited(resource.RLIMIT_CPU, 1, 100)))
    assert done.returncode == 75, done.stderr
    assert "stopped by a signal" in done.stderr and "1 left" not in done.stderr
    assert any(name.endswith(".ckpt") for name in listing(folder / "s.h5.ckpt"))


@pytest.mark.parametrize("number, before", [
    (signal.SIGHUP, signal.SIG_DFL), (signal.SIGTERM, signal.SIG_DFL),
    (signal.SIGXCPU, signal.SIG_DFL)], ids=["SIGHUP", "SIGTERM", "SIGXCPU"])
def test_signals_that_stop_politely(number, before, folder):
    (folder / "s.yaml").write_text(LONG)
    process = start(folder, preexec_fn=lambda: signal.signal(number, before))
    wait_for(folder / "s.h5")
    process.send_signal(number)
    done = finish(process)
    assert done.returncode == 75 and "stopped by a signal" in done.stderr, done.stderr


def test_nohup_is_heeded(folder):
    (folder / "s.yaml").write_text(LONG)
    process = start(folder, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    wait_for(folder / "s.h5")
    ignored = re.search(r"SigIgn:\s*([0-9a-f]+)", Path(f"/proc/{process.pid}/status").read_text())
    process.send_signal(signal.SIGTERM)
    assert int(ignored[1], 16) >> (signal.SIGHUP - 1) & 1
    assert finish(process).returncode == 75


# Files


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def empty(path):
    os.truncate(path, 0)


def replace(path):
    shutil.copy(path, path.with_name("copy"))
    os.replace(path.with_name("copy"), path)


def link(path):
    shutil.copy(path, path.with_name("copy"))
    path.unlink()
    path.symlink_to("copy")


@pytest.mark.parametrize("harm", [cut, empty, replace, link, Path.unlink],
                         ids=lambda harm: harm.__name__)
def test_a_file_that_is_harmed_while_it_is_in_use(harm, folder):
    """Is never "all done"."""
    (folder / "s.yaml").write_text(LONG)
    process = start(folder, ["--set", "checkpoint.every_s=0.01"])
    wait_for(folder / "s.h5.ckpt")
    harm(folder / "s.h5")
    done = finish(process)
    assert done.returncode == 1, (done.stdout, done.stderr)
    how = "cut short or written over" if harm in (cut, empty) else "removed or replaced"
    assert f"s.h5 was {how} while it was in use" in done.stderr


def test_checkpoints_that_are_removed_while_it_works(folder):
    """The next one makes the folder anew."""
    (folder / "s.yaml").write_text(LONG)
    process = start(folder, ["--set", "checkpoint.every_s=0.01"])
    wait_for(folder / "s.h5.ckpt")
    shutil.rmtree(folder / "s.h5.ckpt", ignore_errors=True)
    process.send_signal(signal.SIGTERM)
    done = finish(process)
    assert done.returncode == 75, done.stderr
    assert any(name.endswith(".ckpt") for name in listing(folder / "s.h5.ckpt"))


# Launchers


STEP = {"SLURM_PROCID": "1", "SLURM_NTASKS": "3", "SLURM_STEP_ID": "0",
        "SLURM_STEP_NUM_TASKS": "3"}


@pytest.mark.parametrize("variables, count", [
    (STEP, "SLURM_STEP_NUM_TASKS"),
    ({"SLURM_PROCID": "2", "SLURM_NTASKS": "3"}, "SLURM_NTASKS"),
    ({"PMI_RANK": "1", "PMI_SIZE": "3"}, "PMI_SIZE"),
    ({"MPI_LOCALRANKID": "1", "MPI_LOCALNRANKS": "3"}, "MPI_LOCALNRANKS"),
    ({"MV2_COMM_WORLD_RANK": "1", "MV2_COMM_WORLD_SIZE": "3"}, "MV2_COMM_WORLD_SIZE"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_one_of_several_without_mpi(variables, count, folder):
    env = without_launcher(**variables)
    if os.geteuid() == 0:
        env |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    done = subprocess.run(RUN, cwd=folder, env=env, text=True, capture_output=True, check=False,
                          timeout=60)
    assert done.returncode == 0, done.stderr
    warning = done.stderr.splitlines()[0]
    assert warning.startswith("ccmsweep: warning: ") and f"3 processes ({count})" in warning
    assert "srun --mpi=pmix" in warning and "mpirun" in warning


def test_train_as_one_of_several(folder):
    done = subprocess.run([PROGRAM, "train", "--set", "training.episodes=2"], cwd=folder,
                          env=without_launcher(**STEP), text=True, capture_output=True, check=False,
                          timeout=60)
    assert done.returncode == 0 and "warning: srun started 3 processes" in done.stderr, done.stderr


@pytest.mark.parametrize("variables", [
    {"SLURM_NTASKS": "3"}, {"SLURM_NTASKS": "3", "SLURM_PROCID": "0"},
    {**STEP, "SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "1"}], ids=["salloc", "script", "shell"])
def test_a_shell_of_a_job_is_no_launcher(variables, folder):
    done = subprocess.run(RUN, cwd=folder, env=without_launcher(**variables), text=True,
                          capture_output=True, check=False, timeout=60)
    assert done.returncode == 0 and "warning" not in done.stderr, done.stderr


def test_in_use_by_another_process_of_the_same_start(folder):
    (folder / "s.yaml").write_text(LONG)
    process = start(folder)
    wait_for(folder / "s.h5")
    done = subprocess.run([*RUN, "--wait", "0"], cwd=folder, env=without_launcher(**STEP), text=True,
                          capture_output=True, check=False, timeout=60)
    process.send_signal(signal.SIGTERM)
    finish(process)
    assert done.returncode == 4
    assert re.search("in use by another process.*: srun started 3 processes|"
                     "in use by another process.*; srun started 3 processes", done.stderr), done.stderr


# Folders


def test_dry_run_where_nothing_can_be_made(folder):
    done = run("run", "s.yaml", "-o", "none/s.h5", "--dry-run", cwd=folder)
    assert done.returncode == 2 and "none/s.h5: No such file" in done.stderr
    (folder / "file").write_text("")
    done = run("run", "s.yaml", "-o", "file/s.h5", "--dry-run", cwd=folder)
    assert done.returncode == 2 and "file/s.h5: Not a directory" in done.stderr


def as_nobody():
    """Root may write everywhere."""
    if os.geteuid() == 0:
        os.setgid(65534)
        os.setuid(65534)


@pytest.mark.parametrize("kept", [[], ["s.h5"]], ids=["new", "old"])
def test_dry_run_in_a_read_only_folder(kept, folder):
    """The same refusal as of the run itself."""
    place = Path(tempfile.mkdtemp(prefix="ccm", dir="/dev/shm"))
    try:
        shutil.copy(folder / "s.yaml", place)
        if kept:
            assert run("run", "s.yaml", "-o", "s.h5", cwd=place).returncode == 0
            (place / "s.h5.lock").unlink()
            (place / "s.h5").chmod(0o666)
        place.chmod(0o555)
        try:
            ran, dry = (subprocess.run([*RUN, *words], cwd=place, env=without_launcher(), text=True,
                                       capture_output=True, check=False, timeout=60,
                                       preexec_fn=as_nobody) for words in ([], ["--dry-run"]))
        except PermissionError:
            pytest.skip("the program is where another user cannot start it")
        assert dry.returncode == ran.returncode == 2, (ran.stderr, dry.stderr)
        assert dry.stderr == ran.stderr and dry.stderr.endswith(
            f"cannot create {'s.h5.lock' if kept else 's.h5'}: Permission denied\n")
    finally:
        place.chmod(0o755)
        shutil.rmtree(place)


def test_the_file_is_readable_after_all(folder):
    """What a polite stop leaves can be read by others."""
    (folder / "s.yaml").write_text(LONG)
    process = start(folder)
    wait_for(folder / "s.h5")
    process.send_signal(signal.SIGXCPU)
    assert finish(process).returncode == 75
    with h5py.File(folder / "s.h5") as file:
        assert file.attrs["program"] == b"ccmsweep" or file.attrs["program"] == "ccmsweep"
