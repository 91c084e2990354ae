# SPDX-License-Identifier: MIT
"""Damaged and hostile files (mutate.py) before everything that reads them. Each command ends in
time, in little memory, with a code that is documented and, when that is not 0, a sentence; it
prints no control character; and a sweep that says that all is done has the rows of one that nothing
happened to. With a program that has sanitizers they have nothing to say."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import pytest
from contents import datasets, record_fields
from mutate import CHECKPOINTS, FORGED, mutate, way_of
from program import PROGRAM
from sweep_case import SANITIZED, SOURCE, environment, needs_faults, sweep, write_spec

MUTANTS = int(os.environ.get("CCMSWEEP_MUTANTS") or 40)
SPEC = """\
training: {batch: 8, episodes: 60}
networks: {critic_hidden1: 32, critic_hidden2: 16}
environment: {agents: 5}
tracking: {log_every: 10, snapshot_every: 20}
evaluation: {every: 20, episodes: 2}
checkpoint: {every_s: 0.001}
grid:
  actor_lr: [0.1, 0.001]
  seed: [1, 2]
"""
QUIET = ["--progress", "none"]
RUN = ["run", "s.yaml", "-o", "b.h5", *QUIET]
if MUTANTS > 100 and not SANITIZED:
    pytest.skip("the long form is for a build with sanitizers", allow_module_level=True)

# Seconds, and megabytes: sanitizers take ten times what the program does.
PATIENCE, MEMORY = 60, 1500 if SANITIZED else 300
VERIFY = ["verify", "--json", "b.h5"]
# What reads the file, each with its documented codes.
READERS = [
    (["status", "b.h5"], (0, 1, 2)),
    (["status", "--json", "--cells", "b.h5"], (0, 1, 2)),
    (["show", "b.h5"], (0, 1, 2)),
    (["show", "--json", "--run", "1", "b.h5"], (0, 1, 2)),
    (["aggregate", "--bootstrap", "200", "--permutations", "999", "b.h5"], (0, 1, 2)),
    (["aggregate", "--format", "json", "--bootstrap", "200", "b.h5"], (0, 1, 2)),
    (["export", "--tables", "all", "b.h5", "tables"], (0, 1, 2)),
    (["export", "--original", "b.h5", "original"], (0, 1, 2)),
    (["plan", "s.yaml", "b.h5"], (0, 1, 2)),
    (VERIFY, (0, 1, 2, 3)),
    (["run", "s.yaml", "-o", "new.h5", "--reuse", "b.h5", *QUIET], (0, 1, 2, 3, 4)),
]
# Slower, so before every so many mutants.
PYTHON = [(["list", "b.h5"], 2 if MUTANTS > 100 else 8),
          (["figures", "b.h5", "-o", "figures", "--format", "png"], 20),
          (["report", "b.h5", "-o", "report"], 20)]
# As a notebook does.
OPEN_ALL, OPEN_EACH = [sys.executable, str(SOURCE / "tests/helpers/open_all.py"), "b.h5"], 4
BAD = re.compile(r"Sanitizer|runtime error:|Traceback|ccmsweep: bug|Segmentation|core dumped")
# Of a file that claims to be larger than memory: the program hears of it, and says so itself.
REFUSED = re.compile(r"==\d+==WARNING: AddressSanitizer failed to allocate \S+ bytes")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def started(words, folder, out, err):
    extra = {"PYTHONPATH": str(SOURCE / "analysis"), "CCMSWEEP": PROGRAM}
    if SANITIZED:
        extra["ASAN_OPTIONS"] = (f"{environment()['ASAN_OPTIONS']}:exitcode=99:"
                                 "allocator_may_return_null=1")
    return subprocess.Popen(words, cwd=folder, env=environment() | extra, stdout=out, stderr=err,
                            stdin=subprocess.DEVNULL, start_new_session=True)


def ended(process):
    """Its code and the most memory it took, in MB; None: it hangs, and is killed."""
    end = time.monotonic() + PATIENCE * (5 if SANITIZED else 1)
    while time.monotonic() < end:
        pid, status, used = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, used.ru_maxrss / 1024
        time.sleep(0.005)
    os.killpg(process.pid, 9)
    process.wait()
    return None, 0


def command(words, folder):
    """Runs it; returns code, megabytes, output and error."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        code, megabytes = ended(started(words, folder, out, err))
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read())
    return code, megabytes, *texts


def complaints(words, folder, codes, who):
    """In words, all that is wrong with how a command ended; and its code."""
    code, megabytes, *texts = command(words, folder)
    if code is None:
        return ["it hangs"], code
    out, err = (text.decode("utf-8", "surrogateescape") for text in texts)
    err = REFUSED.sub("", err)
    wrong = []
    if code not in codes:
        wrong.append(f"code {code}")
    if megabytes > MEMORY:
        wrong.append(f"{megabytes:.0f} MB")
    if code != 0 and not any(line.startswith(f"{who}: ") for line in err.splitlines()):
        wrong.append(f"code {code} without a sentence")
    wrong += [f"{match.group()!r}" for match in map(BAD.search, (out, err)) if match]
    wrong += [f"prints {match.group()!r}" for match in map(CONTROL.search, (out, err)) if match]
    if code == 0 and "json" in words:
        json.loads(out)
    if wrong:
        wrong.append(f"it said: {err[-1500:].strip()}")
    return wrong, code


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    """Sweeps to be changed: one that is done; and one that was killed, with a checkpoint."""
    needs_faults()
    made = {}
    for name, faults in (("done", None), ("killed", "rows@1=kill")):
        made[name] = tmp_path_factory.mktemp(name)
        write_spec(made[name], SPEC)
        sweep(0, *RUN[1:], "--order", "plan", cwd=made[name], faults=faults)
    assert list(made["killed"].glob("b.h5.ckpt/*.ckpt"))
    return made


def reads(folder, number):
    """Everything that reads, at once; what is wrong with it, and the code of verify."""
    jobs = [([PROGRAM, *words], codes, "ccmsweep") for words, codes in READERS]
    jobs += [([sys.executable, "-m", "ccmsweep_analysis", *words], (0, 1, 2, 3),
              "ccmsweep_analysis")
             for words, each in PYTHON if number % each == 0]
    jobs += [(OPEN_ALL, (0, 1, 2), "ccmsweep_analysis")] if number % OPEN_EACH == 0 else []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        answers = list(pool.map(lambda job: complaints(job[0], folder, *job[1:]), jobs))
    return ([f"{' '.join(job[0][1:])}: {'; '.join(wrong)}"
             for job, (wrong, _) in zip(jobs, answers) if wrong],
            [code for job, (_, code) in zip(jobs, answers) if job[0][1:] == VERIFY][0])


def unseen(path, reference):
    """What differs although verify has found nothing. It does not know all of the texts."""
    return [f"verify finds nothing, but {name} was changed"
            for name in differences(path, reference) if name not in ("spec", "settings")]


def differences(path, reference):
    """Datasets outside /volatile that are not those of the reference."""
    def same(one, other):
        return one.shape == other.shape and np.array_equal(
            np.atleast_1d(one[()]).view("u1"), np.atleast_1d(other[()]).view("u1"))

    try:
        with h5py.File(path) as got, h5py.File(reference) as expected:
            return [name for name in datasets(expected) if not name.startswith("volatile/")
                    and (name not in got or not same(got[name], expected[name]))]
    except (OSError, RuntimeError, TypeError) as error:
        return [f"file ({error})"]


def goes_on(folder, reference, number):
    """The sweep goes on, after all the others; what is wrong with that. Rows are looked at when
    that is asked for, and not those that a record vouches for."""
    check, forged = number % 2 == 0, way_of(number) in FORGED
    words = [*RUN, "--check"] if check else RUN
    wrong, code = complaints([PROGRAM, *words], folder, (0, 1, 2, 3, 4), "ccmsweep")
    if code == 0:
        known = {"spec"} | ({"commit", *record_fields()} if forged or not check else set())
        wrong += [f"says that all is done, with another {name}"
                  for name in differences(folder / "b.h5", reference) if name not in known]
    return [f"{' '.join(words)}: {'; '.join(wrong)}"] if wrong else []


@pytest.mark.parametrize("number", range(MUTANTS))
def test_mutant(number, bases, tmp_path):
    of_checkpoint = way_of(number) in CHECKPOINTS
    base = bases["killed" if of_checkpoint or number % 3 == 0 else "done"]
    folder = tmp_path / "sweep"
    shutil.copytree(base, folder)
    what = mutate(folder, number)
    found, code = ([], None) if of_checkpoint else reads(folder, number)
    if code == 0 and base == bases["done"] and way_of(number) not in FORGED:
        found += unseen(folder / "b.h5", base / "b.h5")
    found += goes_on(folder, bases["done"] / "b.h5", number)
    shutil.rmtree(folder)
    assert not found, "\n".join([what, *found])
