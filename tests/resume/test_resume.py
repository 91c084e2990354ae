# SPDX-License-Identifier: MIT
"""Trainings that are stopped, killed and gone on with, against the same in one piece: all that is
in their files outside /volatile is compared byte for byte."""
import os
import random
import re
import signal
import time

import h5py
import numpy as np
import pytest
from contents import assert_same_results
from program import LONG, listing, run, start, summary, wait_for

# Logs, histograms and evaluations up to the last episode: all they are made of must survive.
TRACKED = [*LONG, "--episodes", "8000", "--set", "tracking.snapshot_every=25", "--set",
           "evaluation.every=20", "--set", "evaluation.episodes=2"]
# These actors stop early, and the run is played on to its end.
STOPPING = [*TRACKED, "--actor-lr", "0.1", "--critic-lr", "0.01", "--set",
            "training.episodes_after_stop=8000", "--set", "checkpoint.every_s=0.02"]
KILLS = 8
CHECKPOINT = "b.h5.ckpt/run-000000.ckpt"


class Straight:
    """A run in one piece: its file a.h5 and its summary."""

    def __init__(self, words, folder):
        self.words = words
        self.path = folder / "a.h5"
        self.summary = summary(run("train", *words, "-o", "a.h5", cwd=folder))

    def check_end(self, folder):
        """Go on with b.h5 to the end, which is that of a.h5; returns what was said."""
        done = run("train", *self.words, "-o", "b.h5", cwd=folder)
        assert summary(done) == self.summary
        assert_same_results(self.path, folder / "b.h5")
        assert listing(folder) == ["b.h5", "b.h5.lock"]
        return done.stderr


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    return Straight(TRACKED, tmp_path_factory.mktemp("straight"))


@pytest.fixture(scope="module")
def stopping(tmp_path_factory):
    return Straight(STOPPING, tmp_path_factory.mktemp("stopping"))


def stop(process, number=signal.SIGINT):
    """Send the signal; returns the episode after which the run stopped."""
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (75, "")
    said = re.fullmatch(r"ccmsweep: stopped after episode (\d+) of 8000; run the same command "
                        r"again to resume\n", err)
    assert said, err
    return int(said.group(1))


def gone_on(err):
    """The episode after which a run said that it goes on, 0 when it said nothing."""
    said = re.fullmatch(r"ccmsweep: b\.h5: resuming after episode (\d+)\n", err)
    assert said or err == "", err
    return int(said.group(1)) if said else 0


def test_what_is_compared_is_there(straight, stopping):
    """No log, histogram or evaluation is empty, and with both runs no kind of event is."""
    with h5py.File(straight.path) as file, h5py.File(stopping.path) as other:
        for name, rows in (("log", 1600), ("snapshot", 320), ("evaluation", 400)):
            assert file[name][-1] == 8000 and len(file[name]) == rows
        for name in ("reward", "actor_layer_grad_own", "preactivation_std", "evaluation_reward"):
            assert np.isfinite(file[name][0, -1]).all(), name
        assert (file["actor_update"][0, -1] > 0).all()
        assert (other["first_still"][:] > 0).all() and other["total_episodes"][0] == 8000
        assert bytes(file["commit"][0]) not in (bytes(64), bytes(other["commit"][0]))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1],
                         ids=lambda number: number.name)
def test_stopped_run_goes_on_to_the_same_end(number, straight, tmp_path):
    process = start(*straight.words, "-o", "b.h5", cwd=tmp_path)
    wait_for(tmp_path / "b.h5")
    time.sleep(0.3)
    episode = stop(process, number)
    assert listing(tmp_path / "b.h5.ckpt") == ["run-000000.ckpt"]
    assert gone_on(straight.check_end(tmp_path)) == episode


def test_stopped_again_and_again(straight, tmp_path):
    episodes = [0]
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
        process = start(*straight.words, "-o", "b.h5", cwd=tmp_path)
        wait_for(tmp_path / "b.h5")
        assert gone_on(process.stderr.readline() if episodes[-1] else "") == episodes[-1]
        time.sleep(0.3)
        episodes.append(stop(process, number))
    assert episodes == sorted(set(episodes))
    assert gone_on(straight.check_end(tmp_path)) == episodes[-1]


def identity(path):
    """What changes when a file is replaced by another; None: no such file."""
    try:
        entry = path.stat()
    except FileNotFoundError:
        return None
    return entry.st_ino, entry.st_mtime_ns


def kill_after_checkpoint(process, path, before, delay):
    """Kill once another checkpoint is there and the delay has passed; returns what was said."""
    end = time.monotonic() + 60
    while identity(path) in (None, before) and process.poll() is None and time.monotonic() < end:
        time.sleep(0.001)
    time.sleep(delay)
    process.kill()
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (-signal.SIGKILL, ""), "it ended before it was killed"
    return err


def test_killed_run_goes_on_to_the_same_end(stopping, tmp_path):
    """Every attempt begins at a checkpoint that the killed one before it wrote."""
    instants = random.Random(1)
    checkpoint = tmp_path / CHECKPOINT
    episodes = []
    for _ in range(KILLS):
        before = identity(checkpoint)
        process = start(*stopping.words, "-o", "b.h5", cwd=tmp_path)
        err = kill_after_checkpoint(process, checkpoint, before, instants.uniform(0, 0.05))
        episodes.append(gone_on(err))
    episodes.append(gone_on(stopping.check_end(tmp_path)))
    assert episodes[0] == 0 and episodes == sorted(set(episodes))


def test_damaged_checkpoint_is_not_used(straight, tmp_path):
    process = start(*straight.words, "-o", "b.h5", cwd=tmp_path)
    wait_for(tmp_path / "b.h5")
    time.sleep(0.1)
    stop(process)
    checkpoint = tmp_path / CHECKPOINT
    content = bytearray(checkpoint.read_bytes())
    content[len(content) // 2] ^= 1
    checkpoint.write_bytes(content)
    assert straight.check_end(tmp_path).endswith("; beginning again\n")


def test_goes_on_only_with_the_same_arithmetic(straight, tmp_path, monkeypatch):
    """At another level with a fused multiply-add, but not without one."""
    baseline = {**os.environ, "CCMSWEEP_LEVEL": "baseline"}
    if run("--version").stdout == run("--version", env=baseline).stdout:
        pytest.skip("this CPU runs no level with a fused multiply-add")
    process = start(*straight.words, "-o", "b.h5", cwd=tmp_path)
    wait_for(tmp_path / "b.h5")
    time.sleep(0.3)
    episode = stop(process)
    done = run("train", *straight.words, "-o", "b.h5", cwd=tmp_path, env=baseline)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == ("ccmsweep: b.h5: begun by a CPU with a fused multiply-add and cannot "
                           "continue at level baseline\n")
    monkeypatch.setenv("CCMSWEEP_LEVEL", "avx2")
    assert gone_on(straight.check_end(tmp_path)) == episode


def test_without_output_a_stop_keeps_nothing(tmp_path):
    process = start(*LONG, cwd=tmp_path)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (75, "")
    assert err.endswith("; nothing is kept without --output\n")
    assert listing(tmp_path) == []


def test_second_signal_kills(tmp_path):
    """In work of many seconds, at whose end the first one would be obeyed."""
    process = start("--episodes", "5", "--set", "environment.agents=100", "--set",
                    "training.batch=4096", "--set", "networks.critic_hidden2=1024", cwd=tmp_path)
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    assert process.poll() is None, "the work was shorter than thought"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM


def test_lost_checkpoint_is_missed(straight, tmp_path):
    process = start(*straight.words, "-o", "b.h5", cwd=tmp_path)
    wait_for(tmp_path / "b.h5")
    time.sleep(0.1)
    stop(process)
    (tmp_path / CHECKPOINT).unlink()
    (tmp_path / "b.h5.ckpt").rmdir()
    assert straight.check_end(tmp_path) == ("ccmsweep: b.h5 was stopped, but its checkpoint in "
                                            "b.h5.ckpt is gone; beginning again\n")
