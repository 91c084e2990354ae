# SPDX-License-Identifier: MIT
"""What the tests share that run the program: starting it, waiting for it, and its JSON."""
import json
import os
import subprocess
import time

import pytest

PROGRAM = os.environ["CCMSWEEP"]
SMALL = ["--set", "environment.agents=3", "--set", "training.batch=8",
         "--set", "networks.critic_hidden1=32", "--set", "networks.critic_hidden2=16",
         "--set", "tracking.log_every=5"]
LONG = [*SMALL, "--episodes", "6000", "--set", "training.batch=64", "--progress", "none", "--json"]


def run(*words, cwd=None, **options):
    return subprocess.run([PROGRAM, *map(str, words)], cwd=cwd, text=True, capture_output=True,
                          timeout=300, **options)


def start(*words, cwd):
    """Begin a training, to be signalled."""
    return subprocess.Popen([PROGRAM, "train", *words], cwd=cwd, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)


def wait_for(path):
    for _ in range(1000):
        if path.exists():
            return
        time.sleep(0.01)
    pytest.fail(f"{path} did not appear")


def listing(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def summary(done):
    """The JSON of a run, without the seconds it took."""
    assert done.returncode == 0, done.stderr
    return {key: value for key, value in json.loads(done.stdout).items() if key != "wall_s"}


def assert_refused(words, message, folder):
    """A wrong command line: code 2, a sentence, nothing printed, nothing created."""
    done = run(*words, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert listing(folder) == []
