# SPDX-License-Identifier: MIT
"""The command line: help, versions, every kind of bad input with its message, output that is lost,
and files that are kept, shown, refused and replaced."""
import json
import os
import pty
import re
import signal
import subprocess
from pathlib import Path

import pytest
from program import LONG, PROGRAM, SMALL, listing, run, start, summary, wait_for

BATCH = "a whole number from 1 to 4096"
LIST = "one that 'ccmsweep spec --defaults' lists"


# Help and version


def test_help():
    done = run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for command in ("train", "show", "spec", "plan", "bench"):
        assert re.search(rf"^  {command} ", done.stdout, re.M)
    for code in ("0 complete", "1 a fault", "2 wrong", "3 finished", "4 the file", "75 stopped"):
        assert code in done.stdout
    assert done.stdout == run("-h").stdout


def test_no_command_shows_help_as_an_error():
    done = run()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == run("--help").stdout


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


def test_help_of_spec():
    done = run("spec", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "--defaults" in done.stdout and "--set=KEY=VALUE" in done.stdout


def test_version():
    done = run("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.match(r"ccmsweep \d+\.\d+\.\d+\n", done.stdout)
    for line in (r"revision +\S+", r"compiler +(gcc|clang) \d+", r"flags .*-ffp-contract=off",
                 r"libraries +HDF5 \d.*MPI \d.*OpenBLAS \d",
                 r"CPU level +(avx512|avx2|baseline), (no )?fused multiply-add$"):
        assert re.search(rf"^{line}", done.stdout, re.M), line


# Bad input: code 2, one sentence, nothing printed, nothing created

COMMAND_LINES = {
    "unknown command": (["tarin"], "ccmsweep: 'tarin': unknown command, expected one of train, "
                                   "plan, run, status, aggregate, show, export, spec, bench; see ccmsweep --help\n"),
    "escape sequence for a command": (["\033[31m"], "ccmsweep: '?[31m': unknown command"),
    "unknown option of the program": (["--verbose"], "ccmsweep: '--verbose': unknown command"),
    "unknown option of train": (["train", "--lr", "1"], "ccmsweep train: unrecognized option"),
    "option without its value": (["train", "--seed"], "option '--seed' requires an argument"),
    "ambiguous option": (["train", "--s", "1"], "option '--s' is ambiguous"),
    "two specs": (["train", "a.yaml", "b.yaml"],
                  "too many arguments: 'b.yaml', expected one spec"),
    "unknown progress": (["train", "--progress", "dots"],
                         "--progress: 'dots' is unknown, expected one of auto, bar, lines, none"),
    "output without a name": (["train", "-o", ""],
                              "--output: no name, expected that of a file"),
    "force without output": (["train", "--force"], "expected --output as well"),
    "spec without an argument": (["spec"], "expected either --defaults or a spec"),
    "spec with both": (["spec", "--defaults", "a.yaml"], "expected either --defaults or a spec"),
    "spec with settings for the defaults": (["spec", "--defaults", "--set", "a=b"],
                                            "expected --defaults alone"),
    "spec file that is not there": (
        ["train", "a.yaml"],
        "ccmsweep: a.yaml: No such file or directory, expected a spec in YAML\n"),
    "folder for a spec": (["spec", "."],
                          "ccmsweep: .: Is a directory, expected a spec in YAML\n"),
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
    "bench without a word": (["bench"], "ccmsweep bench: no bench, expected train or schedule\n"),
    "unknown bench": (["bench", "tarin"],
                      "ccmsweep bench: 'tarin': unknown bench, expected train or schedule\n"),
    "two benches": (["bench", "train", "train"],
                    "too many arguments: 'train', expected one bench\n"),
    "unknown regime": (["bench", "train", "--regime", "calm"],
                       "--regime: 'calm' is unknown, expected one of moving, saturated, both\n"),
    "fewer than no episodes to skip": (
        ["bench", "train", "--skip=-1"],
        "--skip: '-1' is not a number of episodes, expected a whole number from 0 to 10000000\n"),
    "no episodes to measure": (
        ["bench", "train", "--count", "0"],
        "--count: '0' is not a number of episodes, expected a whole number from 1 to 10000000\n"),
    "more episodes than a training may have": (
        ["bench", "train", *SMALL, "--skip", "10000000", "--count", "1"],
        "ccmsweep: --skip, --count: 10000001 episodes in all, expected at most 10000000\n"),
    "wrong setting of a bench": (
        ["bench", "train", "--set", "training.batch=0"],
        f"ccmsweep: --set: training.batch: '0' is out of range, expected {BATCH}\n"),
    "training that ends before it is measured": (
        ["bench", "train", *SMALL, "--set", "training.episodes=4", "--skip", "4"],
        "ccmsweep: moving: the training ended with episode 4, expected a --skip below that\n"),
    "output in no folder": (["train", "-o", "no/run.h5", *SMALL], "no/run.h5"),
    "folder for output": (
        ["train", "-o", "."], "ccmsweep: --output: . is not a file, expected the name of one\n"),
}


@pytest.mark.parametrize("title", COMMAND_LINES)
def test_bad_command_line(title, tmp_path):
    words, message = COMMAND_LINES[title]
    done = run(*words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert listing(tmp_path) == []


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


# Specs


def test_printed_spec_is_a_spec_again(tmp_path):
    (tmp_path / "defaults.yaml").write_text(run("spec", "--defaults").stdout)
    (tmp_path / "none.yaml").write_text("{}")
    (tmp_path / "grid.yaml").write_text("grid:\n  seed: [3, 1]\n  environment.agents: [5, 6]\n")
    printed = [run("spec", name, cwd=tmp_path).stdout for name in ("defaults.yaml", "none.yaml")]
    assert printed[0] == printed[1] and "  seed: 42\n" in printed[0]
    (tmp_path / "all.yaml").write_text(printed[0])
    assert run("spec", "all.yaml", cwd=tmp_path).stdout == printed[0]
    grid = run("spec", "grid.yaml", cwd=tmp_path).stdout
    assert grid.endswith("grid:\n  environment.agents: [5, 6]\n  training.seed: [3, 1]\n")
    (tmp_path / "again.yaml").write_text(grid)
    assert run("spec", "again.yaml", cwd=tmp_path).stdout == grid


def test_option_goes_before_set_before_file_before_default(tmp_path):
    (tmp_path / "s.yaml").write_text("training:\n  seed: 1\n  actor_lr: 0.1\n  critic_lr: 0.1\n")
    got = summary(run("train", "--seed", "3", "--set", "training.seed=2", "s.yaml", *SMALL,
                      "--set", "training.critic_lr=0.2", "--episodes", "2", "--json", cwd=tmp_path))
    assert (got["seed"], got["critic_lr"], got["actor_lr"]) == (3, 0.2, 0.1)
    assert got["total_episodes"] == 2


def count_cells(spec, folder):
    """Number of cells of a spec: `train` names it when it refuses more than one."""
    if "\ngrid:\n" not in run("spec", spec, cwd=folder).stdout:
        return 1
    refused = run("train", spec, cwd=folder)
    assert refused.returncode == 2
    return int(re.search(r": grid: (\d+) cells, expected one$", refused.stderr, re.M)[1])


@pytest.mark.parametrize("spec", sorted(
    path.name for path in (Path(__file__).parents[2] / "sweeps").glob("*.yaml")))
def test_shipped_spec_says_what_it_is(spec, tmp_path):
    path = Path(__file__).parents[2] / "sweeps" / spec
    printed = run("spec", path)
    assert (printed.returncode, printed.stderr) == (0, "")
    comment = re.match(r"# SPDX-License-Identifier: MIT\n# Question: [^?]*\?(?:.*\n# )+?"
                       r"Cells: (\d+)\n# Expected: (\d+(?:\.\d+)?) core-hours\n[a-z]+:\n",
                       path.read_text())
    assert comment, "expected question, cells and core-hours as comments on top"
    assert int(comment[1]) == count_cells(path, tmp_path)
    assert 0 < float(comment[2]) < 10
    assert listing(tmp_path) == []


def test_printed_grid_has_every_value(tmp_path):
    (tmp_path / "s.yaml").write_text(
        "training: {batch: 32}\n"
        "grid:\n"
        "  - seed: 0-3\n"
        "    actor_lr: {logspace: [1e-3, 1e-1], count: 3}\n"
        "    exclude: [{actor_lr: 0.1, seed: [0, 2-3]}]\n"
        "  - {critic_lr: {loguniform: [1e-4, 1e-1], count: 2, draw_seed: 1}, seed: [7]}\n")
    printed = run("spec", "s.yaml", cwd=tmp_path).stdout
    assert printed.endswith(
        "\n\ngrid:\n"
        "  - training.actor_lr: [0.001, 0.01, 0.1]\n"
        "    training.critic_lr: [0.001]\n"
        "    training.seed: [0-3]\n"
        "    exclude:\n"
        "      - {training.actor_lr: [0.1], training.seed: [0, 2, 3]}\n"
        "  - training.actor_lr: [0.0001]\n"
        "    training.critic_lr: [0.00178265, 0.0144868]\n"
        "    training.seed: [7]\n")
    (tmp_path / "again.yaml").write_text(printed)
    assert run("spec", "again.yaml", cwd=tmp_path).stdout == printed
    assert count_cells("s.yaml", tmp_path) == count_cells("again.yaml", tmp_path) == 11
    only = run("spec", "s.yaml", "--set", "training.seed=1", "--set", "training.critic_lr=1",
               cwd=tmp_path)
    assert "  actor_lr: 0.0001" not in only.stdout and "  seed: 1\n" in only.stdout


def test_example_of_the_defaults_is_good(tmp_path):
    example = run("spec", "--defaults").stdout.split("\n# grid:\n")[1]
    (tmp_path / "s.yaml").write_text("grid:\n" + re.sub("^# ?", "", example, flags=re.M))
    assert count_cells("s.yaml", tmp_path) == 7 * 20 * (10 + 4)


def test_example_of_the_readme_is_good(tmp_path):
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    example = readme.split("\n## The spec\n")[1].split("```yaml\n")[1].split("```")[0]
    (tmp_path / "s.yaml").write_text(example)
    assert count_cells("s.yaml", tmp_path) == 2 * (7 * 16 + 7 * 6) - 2 * (16 + 6) + 20


def test_cell_of_two_blocks_is_refused(tmp_path):
    (tmp_path / "s.yaml").write_text("grid:\n  - {seed: 0-4}\n  - seed: [7, 3]\n")
    done = run("spec", "s.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "ccmsweep: s.yaml:2: grid: a cell is given twice, by the block in line 2 and by that in "
        "line 3, expected once: training.seed 3\n")


# Output


def test_json_has_the_documented_keys(tmp_path):
    done = run("train", *SMALL, "--episodes", "12", "--json", cwd=tmp_path)
    got = json.loads(done.stdout)
    assert list(got) == [
        "schema_version", "actor_lr", "critic_lr", "seed", "outcome", "stopping_episode",
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


LOST = [["--help"], ["--version"], ["train", "--help"], ["spec", "--defaults"],
        ["train", *SMALL, "--episodes", "2"], ["train", *SMALL, "--episodes", "2", "--json"],
        ["bench", "train", *SMALL, "--count", "1"],
        ["bench", "train", *SMALL, "--count", "1", "--json"]]


@pytest.mark.parametrize("words", LOST, ids=" ".join)
def test_lost_output_is_a_fault_but_a_reader_may_leave(words):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([PROGRAM, *words], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "standard output" in done.stderr
    done = subprocess.run([PROGRAM, *words], stderr=subprocess.PIPE, text=True,
                          preexec_fn=lambda: os.close(1))
    assert done.returncode == 1 and "standard output" in done.stderr
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([PROGRAM, *words], stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


def test_closed_standard_streams_do_not_end_up_in_the_file(tmp_path):
    def close():
        for descriptor in (0, 1, 2):
            os.close(descriptor)
    words = [PROGRAM, "train", *SMALL, "--episodes", "2", "-o", "run.h5"]
    assert subprocess.run(words, cwd=tmp_path, preexec_fn=close).returncode == 1
    done = run("train", *SMALL, "--episodes", "2", "-o", "run.h5", cwd=tmp_path)
    assert done.returncode == 2 and "finished" in done.stderr


# Benches


def bench(*words):
    done = run("bench", "train", *SMALL, *words, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_bench_counts_episodes_by_kind():
    got = bench("--skip", 3, "--count", 12)
    assert list(got) == ["schema_version", "cpu", "level", "agents", "batch", "sgemm", "regimes"]
    assert (got["agents"], got["batch"]) == (3, 8)
    assert [[s["m"], s["n"], s["k"]] for s in got["sgemm"]["shapes"]] == [
        [8, 32, 30], [24, 16, 32], [80, 16, 32]]
    assert got["sgemm"]["best_gflop_per_s"] == max(
        s["gflop_per_s"] for s in got["sgemm"]["shapes"])
    moving, saturated = got["regimes"]
    assert (moving["regime"], saturated["regime"]) == ("moving", "saturated")
    assert (moving["actor_lr"], moving["critic_lr"], moving["seed"]) == (0.0001, 0.001, 42)
    assert (saturated["actor_lr"], saturated["critic_lr"], saturated["seed"]) == (0.1, 0.01, 42)
    for regime in (moving, saturated):
        assert list(regime) == [
            "regime", "actor_lr", "critic_lr", "seed", "first_episode", "last_episode", "ordinary",
            "log", "log_ratio", "phases_ms", "gflop", "gflop_per_s", "share_of_sgemm", "responses",
            "memory_mb"]
        assert (regime["first_episode"], regime["last_episode"]) == (4, 15)
        assert (regime["ordinary"]["episodes"], regime["log"]["episodes"]) == (9, 3)
        assert list(regime["phases_ms"]) == ["acting", "priorities", "targets", "critic", "actors",
                                             "rest"]
        assert regime["gflop"] > 0 and regime["memory_mb"] > 0
    assert moving["responses"]["passes"] > 0 and moving["responses"]["rows_per_pass"] > 0


def test_bench_takes_settings_before_those_of_the_regime():
    got = bench("--set", "training.actor_lr=0.5", "--set", "training.seed=7", "--regime",
                "saturated", "--skip", 1, "--count", 2, "--set", "networks.critic_hidden2=24")
    (regime,) = got["regimes"]
    assert (regime["actor_lr"], regime["critic_lr"], regime["seed"]) == (0.5, 0.01, 7)
    assert [s["n"] for s in got["sgemm"]["shapes"]] == [32, 24, 24]


def test_bench_measures_what_there_is():
    short = ["--regime", "moving", "--set", "training.episodes=6", "--skip", 3]
    (regime,) = bench(*short)["regimes"]
    assert (regime["first_episode"], regime["last_episode"]) == (4, 6)
    assert (regime["ordinary"]["episodes"], regime["log"]["episodes"]) == (2, 1)
    (regime,) = bench(*short, "--set", "evaluation.every=1")["regimes"]
    for kind in ("ordinary", "log"):
        assert regime[kind] == {"episodes": 0, "median_ms": None, "min_ms": None}
    assert regime["gflop"] is None and set(regime["phases_ms"].values()) == {None}
    (regime,) = bench("--regime", "moving", "--skip", 2000, "--count", 2)["regimes"]
    assert (regime["first_episode"], regime["last_episode"]) == (2001, 2002)


def test_bench_in_words():
    done = run("bench", "train", *SMALL, "--skip", 3, "--count", 3)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^sgemm of OpenBLAS, kernel \w+, one thread", done.stdout, re.M)
    assert "\nmoving: actor_lr 0.0001, critic_lr 0.001, seed 42\n" in done.stdout
    assert "\nsaturated: actor_lr 0.1, critic_lr 0.01, seed 42\n" in done.stdout
    for line in (r"  measured     episodes 4 to 6,", r"  ordinary     [\d.]+ ms, median of 2;",
                 r"  log          [\d.]+ ms, median of 1; [\d.]+ times an ordinary one$",
                 r"    actors     +[\d.]+ ms, mean;", r"  arithmetic   \S+ GFLOP, ",
                 r"  memory       [\d.]+ MB$"):
        assert len(re.findall(rf"^{line}", done.stdout, re.M)) == 2, line
    assert max(map(len, done.stdout.splitlines())) <= 80 and "nan" not in done.stdout
    done = run("bench", "train", *SMALL, "--skip", 0, "--count", 1)
    assert done.stdout.count("no such episode") == 4 and "nan" not in done.stdout


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


def test_finished_run_can_be_shown_again(tmp_path):
    trained = run("train", *SMALL, "--episodes", 12, "-o", "a.h5", cwd=tmp_path)
    shown = run("show", "a.h5", cwd=tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.splitlines()[:-1] == trained.stdout.splitlines()[:-1]
    as_json = json.loads(run("show", "a.h5", "--json", cwd=tmp_path).stdout)
    assert as_json["total_episodes"] == 12 and as_json["wall_s"] > 0
    assert listing(tmp_path) == ["a.h5", "a.h5.lock"]


def test_unfinished_or_absent_run_cannot_be_shown(tmp_path):
    child = start(*LONG, "-o", "a.h5", cwd=tmp_path)
    wait_for(tmp_path / "a.h5")
    pending = run("show", "a.h5", cwd=tmp_path)
    child.send_signal(signal.SIGTERM)
    assert child.wait(60) == 75
    interrupted = run("show", "a.h5", cwd=tmp_path)
    assert (pending.returncode, interrupted.returncode) == (2, 2)
    assert "run 0 is not finished: pending" in pending.stderr
    assert "run 0 is not finished: interrupted, last noted in episode" in interrupted.stderr
    assert "a.h5 has no run 1, expected 0 to 0" in run("show", "a.h5", "--run", 1,
                                                       cwd=tmp_path).stderr
    assert "No such file" in run("show", "b.h5", cwd=tmp_path).stderr


def test_schema_describes_every_dataset(tmp_path):
    run("train", *SMALL, "--episodes", 12, "-o", "a.h5", "--set", "evaluation.every=6", "--set",
        "evaluation.episodes=1", "--set", "tracking.snapshot_every=6", cwd=tmp_path)
    root, noted = run("show", "--schema").stdout.split("**In `/volatile`**")
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5") as file:
        assert set(re.findall(r"^\| `(\w+)`", root, re.M)) == set(file) - {"volatile"}
        assert set(re.findall(r"^\| `(\w+)`", noted, re.M)) == set(file["volatile"])


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


def at_level(level, *words):
    return run(*words, env={**os.environ, "CCMSWEEP_LEVEL": level})


def test_levels_with_a_fused_multiply_add_give_the_same_bits():
    words = ["train", *SMALL, "--episodes", "12", "--set", "environment.agents=20", "--json"]
    done = [at_level(level, *words) for level in ("avx2", "avx512")]
    if any(result.returncode for result in done):
        pytest.skip("this CPU does not run both levels")
    assert summary(done[0]) == summary(done[1])


def test_level_can_be_chosen():
    done = at_level("baseline", "--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^CPU level +baseline, ", done.stdout, re.M)


@pytest.mark.parametrize("words", [["--version"], ["train", *SMALL], ["spec", "--defaults"],
                                   ["bench", "train"]], ids=" ".join)
def test_unknown_level_is_refused(words):
    done = at_level("sse9", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"ccmsweep: CCMSWEEP_LEVEL: 'sse9' is not a level of this CPU, expected one "
                        r"of [\w, ]*baseline\n", done.stderr)
    assert at_level("sse9", "--help").returncode == 0
