# SPDX-License-Identifier: MIT
"""What is in FILE.job may have been written by somebody else: it is data, and no more. With tools of
SLURM that are made up, so that each case is quick."""
import os
import subprocess

import h5py
import pytest
from damage_case import recommit
from program import PROGRAM, listing, run
from sweep_case import SOURCE, WITH_FAULTS, environment, needs_faults, write_spec

SMALL = """\
training: {batch: 16, episodes: 30}
networks: {critic_hidden1: 32, critic_hidden2: 16}
environment: {agents: 3}
grid:
  seed: [1, 2]
"""
TOOLS = {
    "squeue": "echo 'Invalid job id specified' >&2; exit 1",
    "sinfo": "exit 0",
    "sbatch": "printf '%s\\n' \"$@\" >>calls; env >>environment; echo 8",
    "scontrol": "exit 1",
    "srun": "for word; do case $word in -*) shift ;; *) break ;; esac; done; exec \"$@\"",
}
HOSTILE = ["1/;e touch hacked;s/x", "a[$(touch hacked)]", "\033[31m7", "9" * 30]


@pytest.fixture()
def folder(tmp_path):
    write_spec(tmp_path, SMALL)
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    for name, body in TOOLS.items():
        (bin_ / name).write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        (bin_ / name).chmod(0o755)
    yield tmp_path
    assert not (tmp_path / "hacked").exists()


def call(script, *words, cwd, program=PROGRAM, **changes):
    """One that hangs fails the test."""
    variables = environment() | {"PATH": f"{cwd}/bin:{os.environ['PATH']}", "CCMSWEEP": program}
    return subprocess.run(["bash", SOURCE / script, *map(str, words)], cwd=cwd, env=variables | changes,
                          text=True, capture_output=True, check=False, timeout=100,
                          stdin=subprocess.DEVNULL)


def submit(folder, *words, **changes):
    return call("jobs/submit.sh", "s.yaml", "-o", "b.h5", "-n", "1", *words, cwd=folder, **changes)


def run_job(folder, *words, **changes):
    return call("jobs/sweep.sbatch", SOURCE, folder / "s.yaml", folder / "b.h5", *words, cwd=folder,
                **{"SLURM_JOB_ID": "7", "SLURM_TASKS_PER_NODE": "1", "SLURM_NTASKS": "1",
                   "SLURM_JOB_NODELIST": "n1", "SLURMD_NODENAME": "n1"} | changes)


def book(folder, name, text):
    (folder / "b.h5.job").mkdir(exist_ok=True)
    path = folder / "b.h5.job" / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("text", HOSTILE)
def test_number_of_the_job(text, folder):
    book(folder, "id", text + "\n")
    shown = call("jobs/status.sh", "b.h5", cwd=folder)
    assert shown.returncode == 0 and "job       not known" in shown.stdout
    assert "b.h5.job/id is " in shown.stderr and "expected a number" in shown.stderr
    assert "\033" not in shown.stdout + shown.stderr
    for done in (submit(folder), submit(folder, "--dry-run"), run_job(folder)):
        assert done.returncode == 2 and "expected a number" in done.stderr, done.stderr
        assert "and remove it" in done.stderr
    assert not (folder / "calls").exists() and not (folder / "b.h5").exists()


def test_extended(folder):
    """A job with --extend makes the sweep a wider one, once, and goes on at each start."""
    assert run_job(folder).returncode == 0
    write_spec(folder, SMALL.replace("[1, 2]", "[0, 1, 2, 3]"))
    refused = submit(folder)
    assert refused.returncode == 2 and " are new: run --extend makes" in refused.stderr
    for words in ["--extend"], ["--", "--extend"]:
        done = submit(folder, "--dry-run", *words)
        assert done.returncode == 0, done.stderr
        assert "4 cells, 2 of them left" in done.stderr
        assert done.stderr.splitlines()[-1].endswith("b.h5 --extend")
    assert submit(folder, "--extend").returncode == 0
    assert (folder / "calls").read_text().splitlines()[-1] == "--extend"
    for extended in True, False:
        done = run_job(folder, "--extend")
        assert done.returncode == 0, done.stderr
        assert ("b.h5 from 2 to 4 cells" in done.stderr) == extended
        assert "4 of 4 cells done" in done.stderr
    done = submit(folder, "--extend")
    assert done.returncode == 0 and "Nothing to do" in done.stderr
    # More episodes: all that its limit has ended is to be trained, though the file is complete.
    write_spec(folder, SMALL.replace("[1, 2]", "[0, 1, 2, 3]").replace("30", "40"))
    done = submit(folder, "--dry-run", "--extend")
    assert done.returncode == 0 and "4 cells, 4 of them left" in done.stderr, done.stderr


@pytest.mark.parametrize("gone", [False, True])
def test_killed_in_a_merge(gone, folder):
    """The next start copies what is left to be copied; from a file that has gone since it cannot, and
    trains. Here the start before was killed between two runs."""
    needs_faults()
    run("run", folder / "s.yaml", "-o", folder / "a.h5", "--progress", "none")
    write_spec(folder, SMALL.replace("[1, 2]", "[0, 1, 2]"))
    (folder / "bin/scontrol").write_text("#!/bin/sh\n", encoding="utf-8")
    words = ["--reus=a.h5", "--prefer", "a.h5", "--retry", "failed"]
    done = run_job(folder, *words, program=WITH_FAULTS, CCMSWEEP_FAULTS="commit@1=kill")
    assert done.returncode == 137 and "1 of 3 cells done, 2 left" in done.stderr, done.stderr
    if gone:
        (folder / "a.h5").unlink()
    done = run_job(folder, *words)
    assert done.returncode == 0 and ": start 2, " in done.stderr, done.stderr
    assert ("1 run copied from a.h5" in done.stderr) != gone, done.stderr
    assert ("--reuse: a.h5 is not there any more: runs that were not copied are trained\n"
            in done.stderr) == gone
    assert "ended with code 0 in start 2; 3 of 3 cells done" in done.stderr


def test_options_of_a_later_start(folder):
    (folder / "a b.h5").touch()

    def later(*words):
        script = '. "$0"; leave_out_once own.h5 "$@"; printf "%s\\n" "${later[@]}"'
        return subprocess.run(["bash", "-c", script, SOURCE / "jobs/common.sh", *words], cwd=folder,
                              text=True, capture_output=True, check=True,
                              stdin=subprocess.DEVNULL).stdout.splitlines()
    assert later("s.yaml", "-o", "b.h5", "--chec", "--retr=failed", "--retry", "failed",
                 "--extend", "--only", "seed=1") == ["s.yaml", "-o", "b.h5", "--extend", "--only",
                                                     "seed=1"]
    kept = ["--reuse", "a b.h5", "--prefer=a b.h5"]
    assert later(*kept) == kept
    assert later("--prefer", "none.h5", "--reu=none.h5", *kept[:2]) == kept[:2]
    assert later("--prefer=a b.h5", "--reuse", "none.h5", "--progress", "none") == ["--progress",
                                                                                    "none"]
    # What the sweep has trained meanwhile counts, unless its user has said what does.
    (folder / "own.h5").touch()
    assert later(*kept) == kept
    assert later(*kept[:2]) == [*kept[:2], "--prefer", "own.h5"]
    assert later("--only", "seed=1") == ["--only", "seed=1"]


def test_other_file_that_grows(folder):
    """Between two starts it has got another run of a cell that was trained here."""
    needs_faults()
    run("run", folder / "s.yaml", "-o", folder / "a.h5", "--progress", "none", "--only", "seed=2")
    (folder / "bin/scontrol").write_text("#!/bin/sh\n", encoding="utf-8")
    done = run_job(folder, "--reuse", "a.h5", "--order", "plan", program=WITH_FAULTS,
                   CCMSWEEP_FAULTS="commit@0=kill")
    assert done.returncode == 137 and "2 of 2 cells done" in done.stderr, done.stderr
    with h5py.File(folder / "b.h5", "r+") as file:
        file["commit"][1] = 0
    run("run", folder / "s.yaml", "-o", folder / "a.h5", "--progress", "none")
    with h5py.File(folder / "a.h5", "r+") as file:
        file["reward"][0, 3] += 1
    recommit(folder / "a.h5", 0)
    refused = run("run", folder / "s.yaml", "-o", folder / "b.h5", "--reuse", folder / "a.h5")
    assert refused.returncode == 2
    done = run_job(folder, "--reuse", "a.h5")
    assert done.returncode == 0, done.stderr
    assert "the files differ in 1 cell, of which --prefer took that of " in done.stderr


def test_part(folder):
    """What is expected of time is that of all cells, and this is said."""
    words = "This is for all cells that are left: "
    for options in ["--only", "seed=1"], ["--limit-cells=1"]:
        done = submit(folder, "--dry-run", "--", *options)
        assert done.returncode == 0 and words in done.stderr, done.stderr
    assert words not in submit(folder, "--dry-run").stderr


def test_books_of_a_job(folder):
    """They count as none, and the job goes on."""
    book(folder, "counted", "7\n")
    for name in ("starts", "idle", "short", "ended", "standing"):
        book(folder, name, HOSTILE[1] + "\n")
    done = run_job(folder)
    assert done.returncode == 0, done.stderr
    assert "start 1, 1 at a time on n1" in done.stderr and "2 of 2 cells done" in done.stderr
    assert (folder / "b.h5.job/starts").read_text() == "1\n"


def test_one_line_of_gigabytes(folder):
    """The end of what a job said is found without reading all of it into memory."""
    book(folder, "id", "7\n")
    (folder / "bin/squeue").write_text("#!/bin/sh\necho 'RUNNING|1:00|9:00|1|n1'\n", encoding="utf-8")
    with open(book(folder, "7.out", ""), "r+", encoding="utf-8") as output:
        output.truncate(1 << 30)
        output.seek(0, os.SEEK_END)
        output.write("\n2026-11-26 10:00:00 job 7: start 1\n")
    shown = subprocess.run(
        ["prlimit", f"--as={256 << 20}", "bash", SOURCE / "jobs/status.sh", "b.h5"], cwd=folder,
        env=environment() | {"PATH": f"{folder}/bin:{os.environ['PATH']}", "CCMSWEEP": PROGRAM},
        text=True, capture_output=True, check=False, timeout=100, stdin=subprocess.DEVNULL)
    assert shown.returncode == 0 and "said      2026-11-26 10:00:00: start 1\n" in shown.stdout, shown


@pytest.mark.parametrize("name", ["id", "starts", "lock", "spec.yaml", "counted", "7.out"])
@pytest.mark.parametrize("kind", ["link", "fifo", "folder"])
def test_no_file(kind, name, folder):
    """Nothing is followed, waited for or overwritten."""
    precious = folder / "precious"
    precious.write_text("precious\n", encoding="utf-8")
    path = folder / "b.h5.job" / name
    path.parent.mkdir()
    make = {"link": lambda: path.symlink_to(precious), "fifo": lambda: os.mkfifo(path),
            "folder": path.mkdir}
    make[kind]()
    if name == "7.out":
        book(folder, "id", "7\n")
    shown = call("jobs/status.sh", "b.h5", cwd=folder)
    assert shown.returncode == (0 if name in ("id", "7.out") else 2), shown.stderr
    done = submit(folder)
    assert done.returncode == (2 if name in ("id", "lock") or (name, kind) ==
                               ("spec.yaml", "folder") else 0), done.stderr
    run_job(folder)
    assert precious.read_text() == "precious\n"


@pytest.mark.parametrize("kind", ["link", "foreign"])
def test_folder_of_somebody_else(kind, folder):
    path = folder / "b.h5.job"
    (folder / "theirs").mkdir()
    if kind == "link":
        path.symlink_to("theirs")
    elif os.geteuid() != 0:
        pytest.skip("only root can give files away")
    else:
        path.mkdir()
        os.chown(path, 65534, 65534)
    for done in (submit(folder), submit(folder, "--dry-run"), run_job(folder)):
        assert done.returncode == 2, done.stderr
        assert "b.h5.job is a symbolic link" in done.stderr or "b.h5.job belongs to" in done.stderr
    assert not (folder / "calls").exists() and not list((folder / "theirs").iterdir())
    assert "b.h5.job" in call("jobs/status.sh", "b.h5", cwd=folder).stderr


def failing(folder):
    program = folder / "failing"
    program.write_text(f"#!/bin/sh\n[ \"$1\" != run ] || exit 1\nexec '{PROGRAM}' \"$@\"\n",
                       encoding="utf-8")
    program.chmod(0o755)
    return str(program)


@pytest.mark.parametrize("mode, owner", [(0o644, None), (0o666, None), (0o664, None),
                                         (0o644, 65534)])
def test_words_of_a_successor(mode, owner, folder):
    """They are run only when nobody else can have written them."""
    path = book(folder, "sbatch", "--comment=words\n")
    path.chmod(mode)
    if owner is not None:
        if os.geteuid() != 0:
            pytest.skip("only root can give files away")
        os.chown(path, owner, owner)
    done = run_job(folder, program=failing(folder), CHAIN="1")
    assert done.returncode == 1, done.stderr
    if (mode, owner) == (0o644, None):
        assert "--comment=words\n" in (folder / "calls").read_text()
        assert (folder / "b.h5.job/id").read_text() == "8\n"
    else:
        assert "not started again, for " in done.stderr and not (folder / "calls").exists()


def test_nobody_else_can_write(folder):
    """Whatever the mask of the user."""
    umask = os.umask(0)
    try:
        done = submit(folder)
    finally:
        os.umask(umask)
    assert done.returncode == 0, done.stderr
    paths = [folder / "b.h5.job", *(folder / "b.h5.job").iterdir()]
    assert {path.name for path in paths} >= {"id", "sbatch", "spec.yaml"}
    assert not [path for path in paths if path.stat().st_mode & 0o022 and path.name != "lock"]
    assert (folder / "b.h5.job/spec.yaml").read_text() == SMALL


def test_variables_that_change_what_tools_say(folder):
    """squeue is asked without them, and the job is the one that was asked for."""
    habits = {"SQUEUE_STATES": "RUNNING", "SQUEUE_FORMAT": "%i", "SINFO_FORMAT": "%n",
              "SCONTROL_ALL": "1", "SLURM_TIME_FORMAT": "relative", "SBATCH_ARRAY_INX": "1-3",
              "SBATCH_WAIT": "1", "SBATCH_OPEN_MODE": "truncate", "SBATCH_ACCOUNT": "mine"}
    (folder / "bin/squeue").write_text("#!/bin/sh\nenv >>asked; echo PENDING\n", encoding="utf-8")
    book(folder, "id", "7\n")
    done = submit(folder, **habits)
    assert done.returncode == 4 and "job 7 for " in done.stderr and "(PENDING)" in done.stderr
    call("jobs/status.sh", "b.h5", cwd=folder, **habits)
    assert "SQUEUE" not in (folder / "asked").read_text()
    assert "SLURM_TIME_FORMAT" not in (folder / "asked").read_text()
    (folder / "b.h5.job/id").unlink()
    done = submit(folder, **habits)
    assert done.returncode == 0, done.stderr
    given = {line.split("=")[0] for line in (folder / "environment").read_text().splitlines()}
    assert "SBATCH_ACCOUNT" in given and not given & (set(habits) - {"SBATCH_ACCOUNT"})


def test_clusters_are_named(folder):
    """With SLURM_CLUSTERS, tools print a line for each."""
    (folder / "bin/squeue").write_text("#!/bin/sh\necho 'CLUSTER: one'\n", encoding="utf-8")
    book(folder, "id", "7\n")
    assert "job       7: not in the queue" in call("jobs/status.sh", "b.h5", cwd=folder).stdout


@pytest.mark.parametrize("name", ["-x.h5", "100%.h5", "it's \"one\".h5", "größe.h5", "a\nb.h5",
                                  "a\\b.h5", "c.h5\n"])
def test_names(name, folder):
    done = call("jobs/submit.sh", "s.yaml", f"--output={name}", "-n", "1", cwd=folder)
    if "\n" in name or "\\" in name:
        assert done.returncode == 2 and done.stderr.startswith("jobs/submit.sh: "), done.stderr
        assert listing(folder) == sorted(["s.yaml", *(f"bin/{tool}" for tool in TOOLS)] + ["bin"])
        return
    assert done.returncode == 0, done.stderr
    words = (folder / "calls").read_text(encoding="utf-8").splitlines()
    assert str(folder / name) in words
    assert f"--output={folder}/{name.replace('%', '%%')}.job/%j.out" in words
    done = call("jobs/status.sh", "--", name, cwd=folder)
    assert "not begun yet" in done.stdout, done.stderr


@pytest.mark.parametrize("words, name", [
    (["--nodes", "a[$(touch hacked)]"], "--nodes"), (["-c", "a[$(touch hacked)]"], "--cpus-per-task"),
    (["--ranks-per-node", "9" * 20], "--ranks-per-node"), (["--time", "9" * 20], "--time"),
    (["--time", "a[$(touch hacked)]-1"], "--time")])
def test_numbers(words, name, folder):
    done = call("jobs/submit.sh", "s.yaml", "-o", "b.h5", *words, cwd=folder)
    assert done.returncode == 2 and done.stderr.startswith(f"jobs/submit.sh: {name} '"), done.stderr


@pytest.mark.parametrize("name, value, code", [
    ("RESTARTS", "a[$(touch hacked)]", 2), ("SLURM_TASKS_PER_NODE", "a[$(touch hacked)]", 2),
    ("SLURM_TASKS_PER_NODE", "1(xa[$(touch hacked)])", 2), ("SLURM_JOB_ID", "7$(touch hacked)", 2),
    ("RESTARTS", "08", 0), ("SLURM_RESTART_COUNT", "a[$(touch hacked)]", 0),
    ("SLURM_JOB_END_TIME", "a[$(touch hacked)]", 0)])
def test_numbers_of_a_job(name, value, code, folder):
    done = run_job(folder, **{name: value})
    assert done.returncode == code, done.stderr
    assert code == 0 or f"{name} is " in done.stderr


def test_job_without_our_program(folder):
    """One that does nothing would end as if all were done."""
    for program in ("/bin/true", "/tmp"):
        done = run_job(folder, program=program)
        assert done.returncode == 2 and f"{program} is n" in done.stderr, done.stderr
    assert not (folder / "b.h5.job").exists()
