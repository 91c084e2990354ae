# SPDX-License-Identifier: MIT
"""What the tests of jobs/selftest.sh share: the table that it prints, what must not be left of it, and
promises of the system that are not kept."""
import re
from pathlib import Path

import pytest
from program import listing
from shims import shim
from sweep_case import SOURCE, processes_in, wait_until

SELFTEST = SOURCE / "jobs/selftest.sh"
CHECKS = ["launcher", "fsync", "rename", "file", "locks", "nodes", "ranks", "readers", "stop", "kills",
          "bytes"]


@pytest.fixture()
def folder(tmp_path):
    """With a blank and an umlaut, as users have them."""
    path = tmp_path / "zwölf ü"
    path.mkdir()
    return path


def rows(done):
    """The table: the result of each check, and all its words with what they mean."""
    found = {}
    for line in done.stdout.splitlines():
        match = re.fullmatch(r"(\w+) +(pass|FAILED|not tried) +(.*)", line)
        if match:
            name = match[1]
            found[name] = (match[2], match[3])
        elif line.startswith(" " * 20):
            found[name] = (found[name][0], f"{found[name][1]} | {line.strip()}")
    return found


def assert_nothing_left(folder):
    assert listing(folder) == []
    assert not processes_in(folder)
    left = set(Path("/dev/shm").glob("ccmsweep-selftest.*"))

    def is_clean():
        """A room of another self-test is in use or gone before long; one of ours would only stay."""
        words = commands()
        left.difference_update([path for path in left if not path.exists()
                                or path.name.split(".")[2].encode() in words])
        return not left

    wait_until(is_clean, f"left in memory: {left}", seconds=60)


def commands():
    """The command lines of all processes."""
    found = b""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += path.read_bytes()
        except OSError:
            pass
    return found


def assert_passes(done, folder, checks=CHECKS, nodes="not tried"):
    assert done.returncode == 0, done.stdout + done.stderr
    assert {name: result for name, (result, _) in rows(done).items()} == {
        name: nodes if name == "nodes" else "pass" for name in checks}, done.stdout
    assert list(rows(done)) == checks
    assert_nothing_left(folder)


def failing(kind, number, folder, program):
    return {"LD_PRELOAD": shim("failing_calls"), "CCMSWEEP_FAIL": f"{kind}:1+:{number}",
            "CCMSWEEP_FAIL_UNDER": str(folder), "CCMSWEEP_FAIL_PROGRAM": program}


def lying(kind, folder):
    return {"LD_PRELOAD": shim("lying_calls"), "CCMSWEEP_LIE": kind,
            "CCMSWEEP_LIE_UNDER": str(folder)}


def assert_finds(check, words, meaning, done, folder):
    """The row of the check fails, with what was seen and what it means; all is kept."""
    assert done.returncode == 3, done.stdout + done.stderr
    result, said = rows(done)[check]
    assert result == "FAILED", done.stdout
    seen, means = said.split(" | ")
    assert words in seen and meaning in means, said
    kept = re.search(r"What was written is in (.*)\. The same choice", done.stdout + done.stderr)
    assert kept and [path.name for path in folder.iterdir()] == [kept[1].rpartition("/")[2]]
    assert not processes_in(folder)
