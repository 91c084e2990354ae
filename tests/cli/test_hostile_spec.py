# SPDX-License-Identifier: MIT
"""Specs made to take long or to take much memory: each is refused, or read, at little cost."""
import resource
import subprocess

import pytest
from program import PROGRAM
from sweep_case import SANITIZED

# Of what would compare each with each, at least a minute; of what does not, a second.
SECONDS = 100 if SANITIZED else 12
BYTES = 400 << 20
AXES = "  seed: 0-999\n  actor_lr: {logspace: [1e-6, 0.1], count: 1000}\n"
# name: the text, and what is said of it; None: it is read.
SPECS = {
    "empty blocks": ("grid: [" + ",".join(["{}"] * 345000) + "]\n",
                     "s.yaml:1: grid: a cell is given twice"),
    "equal blocks": ("grid:\n" + "- {seed: [1]}\n" * 70000,
                     "s.yaml:2: grid: a cell is given twice, by the block in line 2 and by that "
                     "in line 3"),
    "last block": ("grid:\n" + "".join(f"- {{seed: [{i}]}}\n" for i in range(50000))
                   + "- {seed: [7]}\n", "by the block in line 9 and by that in line 50002"),
    "keys": ("training:\n" + "".join(f" k{i}: 1\n" for i in range(90000)),
             "s.yaml:2: training: too many keys, expected at most 1000"),
    "sections": ("".join(f"k{i}: {{}}\n" for i in range(90000)),
                 "s.yaml:1: too many sections, expected at most 1000"),
    "same value": ("grid:\n  seed: [" + ",".join("7" * 500000) + "]\n",
                   "training.seed: 7 is given twice"),
    "tag directives": ("".join(f"%TAG !t{i}! tag:a\n" for i in range(50000)) + "---\na: 1\n",
                       "s.yaml:1: a tag, expected plain values"),
    "tag directives after the end": (
        "a: {}\n...\n" + "".join(f"%TAG !t{i}! tag:a\n" for i in range(50000)) + "---\na: 1\n",
        "s.yaml:3: a tag, expected plain values"),
    "levels of lists": ("grid: " + "[" * 100000 + "]" * 100000 + "\n",
                        "s.yaml:1: too many levels"),
    "levels of mappings": ("a: " + "{a: " * 100000 + "}" * 100000 + "\n",
                           "s.yaml:1: too many levels"),
    "keys of keys": ("? " * 500000 + "\n", "s.yaml:1: too many levels"),
    "aliases": ("a: &a [1, 1]\n" + "".join(f"b{i}: [*a, *a]\n" for i in range(1000)),
                "s.yaml:1: an anchor, expected plain values"),
    "long value": ("training:\n  actor_lr: " + "1" * 1000000 + "\n", "is not a number"),
    "long key": ("training:\n  ? " + "a" * 1000000 + "\n  : 1\n", "unknown key"),
    "nothing left": ("grid:\n" + AXES + "  exclude:\n" + "  - {seed: 0-999}\n" * 999,
                     "exclude: leaves no combination, expected at least one"),
    "many mappings": ("grid:\n" + AXES + "  exclude:\n" + "  - {seed: 0-990}\n" * 999, None),
    "an axis that does not ascend": (
        "grid:\n  seed: [500000-999999, 0-499999]\n  exclude:\n"
        + "".join(f"  - {{seed: {i}}}\n" for i in range(1000)), None),
    "values that descend": ("grid:\n  seed: [" + ",".join(map(str, range(140000, 0, -1))) + "]\n",
                            None),
    "a million cells": ("grid: {seed: 0-999999}\n", None),
    "more cells": ("grid: {seed: 0-1000000}\n", "too many values, expected at most 1000000"),
}


def limit():
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    if not SANITIZED:
        resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))


def check(folder, said):
    done = subprocess.run([PROGRAM, "spec", "s.yaml"], cwd=folder, text=True, capture_output=True,
                          timeout=300, preexec_fn=limit)
    assert done.returncode == (2 if said else 0), done.stderr
    assert (said in done.stderr if said else done.stderr == ""), done.stderr
    assert done.stderr.count("\n") <= 1 and len(done.stderr) < 1000


@pytest.mark.parametrize("name", SPECS)
def test_spec_costs_little(name, tmp_path):
    text, said = SPECS[name]
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    check(tmp_path, said)


def test_file_of_gigabytes_is_not_read(tmp_path):
    with open(tmp_path / "s.yaml", "wb") as file:
        file.truncate(2 << 30)
    check(tmp_path, "s.yaml: 1048577 bytes, expected at most 1048576")
