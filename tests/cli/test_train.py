# SPDX-License-Identifier: MIT
"""ccmsweep train: its options and specs, what it prints, and files that are kept, refused and
replaced."""
import json
import os
import pty
import re
import subprocess

import pytest
from program import LONG, PROGRAM, SMALL, assert_refused, listing, run, start, summary, wait_for

BATCH = "a whole number from 1 to 4096"
LIST = "one that 'ccmsweep spec --defaults' lists"


def test_help_of_train_names_every_option_and_setting():
    done = run("train", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    for option in ("--actor-lr", "--critic-lr", "--seed", "--episodes", "--set", "-o, --output",
                   "--force", "--progress", "--json"):
        assert f"{option}=" in done.stdout or f"{option} " in done.stdout
    spec = run("spec", "--defaults").stdout
    keys = re.findall(r"^  (?:# )?(\w+): (.*)$", spec.split("# Lists of values")[0], re.M)
    assert len(keys) > 60
    for key, value in keys:
        assert re.search(rf"^  \w+\.{key}={re.escape(value)}$", done.stdout, re.M), key
    assert max(map(len, done.stdout.splitlines())) <= 80


# Bad input: code 2, one sentence, nothing printed, nothing created

COMMAND_LINES = {
    "unknown option of train": (["train", "--lr", "1"], "ccmsweep train: unrecognized option"),
    "option without its value": (["train", "--seed"], "option '--seed' requires an argument"),
    "ambiguous option": (["train", "--s", "1"], "option '--s' is ambiguous"),
    "two specs": (["train", "a.yaml", "b.yaml"],
                  "too many arguments: 'b.yaml', expected one spec"),
    "unknown progress": (["train", "--progress", "dots"],
                         "--progress: 'dots' is unknown, expected one of auto, bar, lines, none"),
    "output without a name": (["train", "-o", ""],
                              "--output: no name, expected the name of a file"),
    "force without output": (["train", "--force"], "expected --output as well"),
    "spec file that is not there": (
        ["train", "a.yaml"],
        "ccmsweep: a.yaml: No such file or directory, expected a spec in YAML\n"),
    "word for a learning rate": (
        ["train", "--actor-lr", "fast"],
        "ccmsweep: --actor-lr: training.actor_lr: 'fast' is not a number, expected a number above "
        "0 and at most 10\n"),
    "negative learning rate": (
        ["train", "--critic-lr=-1"],
        "ccmsweep: --critic-lr: training.critic_lr: '-1' is out of range, expected a number above "
        "0 and at most 10\n"),
    "hexadecimal seed": (
        ["train", "--seed", "0x10"],
        "ccmsweep: --seed: training.seed: '0x10' is not a whole number, expected a whole number "
        "from 0 to 4294967295\n"),
    "seed with a blank": (["train", "--seed", " 1"], "--seed: training.seed: ' 1' is not a whole"),
    "no episodes": (["train", "--episodes", "0"],
                    "--episodes: training.episodes: '0' is out of range"),
    "setting without a value": (
        ["train", "--set", "training.batch"],
        "ccmsweep: --set: 'training.batch' is not an assignment, expected KEY=VALUE\n"),
    "setting with an empty value": (
        ["train", "--set", "training.batch="],
        f"ccmsweep: --set: training.batch: '' is not a whole number, expected {BATCH}\n"),
    "unknown setting": (
        ["train", "--set", "training.bacth=1"],
        f"ccmsweep: --set: training.bacth: unknown key, expected {LIST}; did you mean "
        "training.batch?\n"),
    "setting without its section": (
        ["train", "--set", "batch=1"],
        f"ccmsweep: --set: batch: unknown key, expected {LIST}; did you mean training.batch?\n"),
    "settings that contradict": (
        ["train", "--set", "training.epsilon_start=0.5", "--set", "training.epsilon_end=0.6"],
        "ccmsweep: --set: training.epsilon_end: 0.6 is above training.epsilon_start, expected at "
        "most 0.5\n"),
    "interval upside down": (
        ["train", "--set", "environment.power_dbm=[9, 8]"],
        "ccmsweep: --set: environment.power_dbm.low: 9 is above environment.power_dbm.high, "
        "expected at most 8\n"),
    "output in no folder": (["train", "-o", "no/run.h5", *SMALL], "no/run.h5"),
    "folder for output": (
        ["train", "-o", "."], "ccmsweep: --output: . is not a file, expected the name of one\n"),
}


@pytest.mark.parametrize("title", COMMAND_LINES)
def test_bad_command_line(title, tmp_path):
    words, message = COMMAND_LINES[title]
    assert_refused(words, message, tmp_path)


SPECS = {
    "empty": (b"", "s.yaml: nothing in it, expected sections with settings"),
    "binary": (bytes(range(256)), "s.yaml:1: a NUL byte, expected text in UTF-8"),
    "unknown key": (b"training:\n  bacth: 1\n",
                    f"s.yaml:2: training.bacth: unknown key, expected {LIST}; did you mean "
                    "training.batch?"),
    "duplicate key": (b"training:\n  batch: 1\n  batch: 2\n",
                      "s.yaml:3: training.batch: duplicate key, expected it once"),
    "wrong type": (b"training:\n  batch: '1'\n",
                   f"s.yaml:2: training.batch: text in quotes, expected {BATCH}"),
    "out of range": (b"training:\n  batch: 0\n",
                     f"s.yaml:2: training.batch: '0' is out of range, expected {BATCH}"),
    "contradiction": (b"\nreplay:\n  capacity: 3\n",
                      "s.yaml:3: training.steps: 10 is above replay.capacity, expected at most 3"),
    "not YAML": (b"training: {batch: 1\n", "s.yaml:2: not YAML: did not find expected"),
    "invalid UTF-8": (b"# \xff\n", "s.yaml:1: not YAML: invalid leading UTF-8 octet"),
    "deep": (b"[" * 500000, "s.yaml:1: too many levels, expected sections, keys and lists"),
    "large": (b"#" * 2000000, "expected at most 1048576"),
    "two cells": (b"training:\n  batch: 1\n\ngrid:\n  seed: [1, 2]\n",
                  "s.yaml:4: grid: 2 cells, expected one"),
}


@pytest.mark.parametrize("title", SPECS)
def test_bad_spec(title, tmp_path):
    text, message = SPECS[title]
    (tmp_path / "s.yaml").write_bytes(text)
    done = run("train", "s.yaml", "-o", "run.h5", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ccmsweep: s.yaml") and message in done.stderr
    assert done.stderr.count("\n") == 1
    assert listing(tmp_path) == ["s.yaml"]


def test_file_of_another_program_is_left_alone(tmp_path):
    (tmp_path / "run.h5").write_text("dear diary")
    done = run("train", "-o", "run.h5", *SMALL, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "run.h5" in done.stderr
    assert (tmp_path / "run.h5").read_text() == "dear diary"
    assert listing(tmp_path) == ["run.h5"]


def test_option_goes_before_set_before_file_before_default(tmp_path):
    (tmp_path / "s.yaml").write_text("training:\n  seed: 1\n  actor_lr: 0.1\n  critic_lr: 0.1\n")
    got = summary(run("train", "--seed", "3", "--set", "training.seed=2", "s.yaml", *SMALL,
                      "--set", "training.critic_lr=0.2", "--episodes", "2", "--json", cwd=tmp_path))
    assert (got["seed"], got["critic_lr"], got["actor_lr"]) == (3, 0.2, 0.1)
    assert got["total_episodes"] == 2


# Output


def test_json_has_the_documented_keys(tmp_path):
    done = run("train", *SMALL, "--episodes", "12", "--json", cwd=tmp_path)
    got = json.loads(done.stdout)
    assert list(got) == [
        "schema_version", "label", "actor_lr", "critic_lr", "seed", "outcome", "stopping_episode",
        "total_episodes", "actors_stopped", "events", "critic_events", "causes",
        "final_gradient_ratio", "final_saturation", "mean_reward_last_100", "messages", "wall_s"]
    assert got["outcome"] == "censored" and got["stopping_episode"] is None
    assert got["total_episodes"] == 12 and got["actors_stopped"] == 0
    assert got["events"]["first_still"] == {"first": None, "median": None, "last": None, "count": 0}
    assert sorted(got["events"]) == ["first_still", "gradient_zero", "gradient_zero_first",
                                     "hard_saturation", "last_change"]
    assert sorted(got["critic_events"]) == ["first_still", "gradient_zero", "last_change"]
    assert sum(got["causes"]["actors"].values()) == 3
    assert got["final_gradient_ratio"] > 0 and got["wall_s"] >= 0
    assert listing(tmp_path) == []


def test_run_too_short_for_a_log_has_nulls():
    got = summary(run("train", *SMALL, "--episodes", "1", "--json"))
    assert got["final_gradient_ratio"] is None and got["final_saturation"] is None
    assert got["mean_reward_last_100"] < 0
    assert got["causes"] == {"run": None, "actors": {
        "none": 3, "nan": 0, "critic_dead": 0, "tanh_hard": 0, "actor_dead": 0, "mixed": 0}}


def test_stopped_run_says_when_and_why():
    stop = [*SMALL, "--actor-lr", "0.1", "--critic-lr", "0.01", "--seed", "42",
            "--set", "training.batch=64", "--episodes", "600"]
    got = summary(run("train", *stop, "--json"))
    assert got["outcome"] == "stopped" and got["actors_stopped"] == 3
    still = got["events"]["first_still"]
    assert still["count"] == 3 and still["last"] == got["stopping_episode"]
    assert got["total_episodes"] == got["stopping_episode"] + 101
    assert got["events"]["last_change"]["last"] == got["stopping_episode"] - 1
    words = run("train", *stop)
    assert words.returncode == 0
    assert f"all 3 actors stopped by episode {got['stopping_episode']}\n" in words.stdout
    assert re.search(rf"first_still +{still['first']} +{still['median']} +{still['last']} +3 of 3",
                     words.stdout)
    assert max(map(len, words.stdout.splitlines())) <= 80 and "\033" not in words.stdout


def test_summary_of_a_censored_run_claims_no_event():
    words = run("train", *SMALL, "--episodes", "12").stdout
    assert "0 of 3 actors stopped by episode 12\n" in words and "censored, not an event" in words
    assert re.search(r"first_still +- +- +- +0 of 3", words) and "not by episode 12\n" in words


def on_terminal(words, environment):
    """What a terminal shows of a run: standard output and error together."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(PROGRAM, [PROGRAM, *words], environment)
    shown = b""
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    return shown.decode()


def plain_environment(**more):
    drop = re.compile("OMPI_|PMI_|PMIX_|SLURM_|NO_COLOR|TERM$")
    kept = {key: value for key, value in os.environ.items() if not drop.match(key)}
    return {**kept, "TERM": "xterm", **more}


def test_terminal_gets_a_bar_and_colours():
    words = ["train", *SMALL, "--episodes", "12000"]
    shown = on_terminal(words, plain_environment())
    assert re.search(r"\r\[#*\.*\] \d+/12000 .*reward .* sat .* moving 3", shown)
    assert "\033[1m" in shown
    assert "\033" not in on_terminal(words, plain_environment(NO_COLOR="1"))
    for quiet in ({"PMIX_RANK": "0"}, {"OMPI_COMM_WORLD_SIZE": "2"}, {"TERM": "dumb"}):
        assert "\r[" not in on_terminal(words, plain_environment(**quiet))
    shell = {"SLURM_NTASKS": "4", "SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "1"}
    assert "\r[" in on_terminal(words, plain_environment(**shell))
    assert "\r[" not in on_terminal([*words, "--progress", "none"], plain_environment())


def test_bar_when_asked_for():
    done = subprocess.run([PROGRAM, "train", *SMALL, "--episodes", "12000", "--progress", "bar"],
                          capture_output=True)
    assert done.returncode == 0
    assert b"\r[" in done.stderr and done.stderr.endswith(b" \r")


# Files


def test_finished_file_is_kept_unless_forced(tmp_path):
    words = [*SMALL, "--episodes", "12", "--json", "-o", "run.h5"]
    first = summary(run("train", *words, cwd=tmp_path))
    content = (tmp_path / "run.h5").read_bytes()
    done = run("train", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == ("ccmsweep: run.h5: this run is finished, expected another file, or "
                           "--force to replace it\n")
    other = run("train", *words, "--seed", "7", cwd=tmp_path)
    assert other.returncode == 2 and "training.seed" in other.stderr
    assert (tmp_path / "run.h5").read_bytes() == content
    assert summary(run("train", *words, "--force", cwd=tmp_path)) == first
    forced = summary(run("train", *words, "--seed", "7", "--force", cwd=tmp_path))
    assert forced["seed"] == 7
    assert listing(tmp_path) == ["run.h5", "run.h5.lock"]


def test_file_in_use_is_refused(tmp_path):
    process = start(*LONG, "--episodes", "100000", "-o", "run.h5", cwd=tmp_path)
    try:
        wait_for(tmp_path / "run.h5")
        done = run("train", *LONG, "--episodes", "100000", "-o", "run.h5", cwd=tmp_path)
        assert (done.returncode, done.stdout) == (4, "")
        assert str(process.pid) in done.stderr
    finally:
        process.kill()
        process.communicate()
