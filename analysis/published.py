#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""python3 published.py FILE …: the study's published runs beside those of sweeps, run by run. See
analysis/README.md for the columns and the verdicts."""
import argparse
import csv
import json
import os
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

try:
    import numpy as np
    from ccmsweep_analysis.study import aggregate
    from ccmsweep_analysis.sweep import Fault, Sweep, Unreadable, reading
    from ccmsweep_analysis.words import number, open_streams, printable, shown
except ModuleNotFoundError as error:
    print(f"published.py: {sys.executable} has no {error.name}; expected a Python with h5py and "
          "numpy", file=sys.stderr)
    sys.exit(2)

# What the two sets have beside their starts, with the value that a file has where it is silent.
SETS = {
    "baseline": {"training.clip_actor": "none", "training.clip_critic": "none",
                 "networks.actor_output_init": "bound"},
    "clipped": {"training.clip_actor": "1", "training.clip_critic": "1",
                "networks.actor_output_init": "none"},
}
# Quantities of logs.csv: name in the file of a sweep, heading of the column, and whether a
# difference is relative to the value, to the spread of the tanh inputs, or absolute.
LOGS = {
    "actor_grad_accumulated": ("actor_grad_accumulated", "actors' gradients", "value"),
    "critic_grad_accumulated": ("critic_grad_accumulated", "critic's gradient", "value"),
    "preact_mean": ("preactivation_mean", "tanh inputs", "spread"),
    "preact_std": ("preactivation_std", "tanh inputs", "spread"),
    "preact_min": ("preactivation_min", "tanh inputs", "spread"),
    "preact_max": ("preactivation_max", "tanh inputs", "spread"),
    "saturation": ("saturation", "saturation", "one"),
    "critic_grad_before_clip": ("critic_grad_before_clip", "critic's before clipping", "value"),
    "actors_clipped": ("actors_clipped", "actors clipped", "one"),
}
HEADINGS = list(dict.fromkeys(heading for _, heading, _ in LOGS.values()))
VERDICTS = ("exact", "same stops", "same regime", "differs")
STARTS = 2           # episodes before any training
PARTED = 1e-3        # of a reward: something else was chosen, which is no rounding
LOGS_PARTED = 1e-2   # of a figure of a log; near 0 those of gradients differ most
MISSED = 10          # of the actors of a run with the same stops at most one in so many has another
REGIME = 5           # numbers of stopped actors of one regime differ by at most one in so many


class Run:
    """What is compared of a run, published or ours."""

    def __init__(self, key, began, stops, rewards, total, end, logs, tanh=None):
        self.key = key          # set, actor_lr, critic_lr
        self.began = began      # seeding, earlier episodes
        self.stops = stops      # by actor; -1: none
        self.rewards = rewards  # by episode, the first of them or all
        self.total = total      # episodes
        self.end = end          # mean reward of the last 100 episodes
        self.logs = logs        # by episode, by name in logs.csv
        self.tanh = tanh        # networks.tanh of ours

    @property
    def stopped(self):
        return int((self.stops >= 0).sum())

    @property
    def stop(self):
        """Of the last actor; -1 when one has not stopped."""
        return int(self.stops.max()) if (self.stops >= 0).all() else -1


# The published runs


def table(folder, name, columns):
    """Rows of a table as dictionaries of text."""
    path = folder / name
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = getattr(error, "strerror", None) or error
        raise Unreadable(f"{shown(path)}: {why}; expected a table of published runs") from error
    missing = [column for column in columns if not rows or rows[0].get(column) is None]
    if missing:
        raise Unreadable(f"{shown(path)}: no {', '.join(missing)}; expected rows with the columns "
                         f"{', '.join(columns)}")
    return rows


def value(folder, name, row, column):
    try:
        found = float(row[column])
    except (TypeError, ValueError):
        found = np.nan
    if not np.isfinite(found):
        raise Unreadable(f"{shown(folder / name)}: {column} is {printable(row[column]) or 'empty'}, "
                         "expected a number")
    return found


def key_of(folder, name, row):
    return row["set"], value(folder, name, row, "actor_lr"), value(folder, name, row, "critic_lr")


def by_run(folder, name, columns):
    """Rows of a table by run, each as numbers by column; NaN where a cell of a log is empty."""
    found = {}
    for row in table(folder, name, ("set", "actor_lr", "critic_lr", *columns)):
        found.setdefault(key_of(folder, name, row), []).append(
            {column: np.nan if column in LOGS and not row[column] else
             value(folder, name, row, column) for column in columns})
    return found


def read_published(folder):
    """The published runs by their keys."""
    columns = ("seeding", "earlier_episodes", "total_episodes", "mean_reward_last_100")
    runs = table(folder, "runs.csv", ("set", "actor_lr", "critic_lr", *columns))
    rewards = by_run(folder, "rewards.csv", ("episode", "reward"))
    stops = by_run(folder, "stops.csv", ("actor", "stop_episode"))
    logs = by_run(folder, "logs.csv", ("episode", *LOGS))
    found = {}
    for row in runs:
        key = key_of(folder, "runs.csv", row)
        for name, those in (("rewards.csv", rewards), ("stops.csv", stops), ("logs.csv", logs)):
            if key not in those:
                raise Unreadable(f"{shown(folder / name)}: nothing of {words_of(key)}, which "
                                 "runs.csv has; expected rows of it")
        found[key] = Run(
            key, (row["seeding"], row["earlier_episodes"]),
            np.array([one["stop_episode"] for one in
                      sorted(stops[key], key=lambda one: one["actor"])], int),
            np.array([one["reward"] for one in
                      sorted(rewards[key], key=lambda one: one["episode"])]),
            int(value(folder, "runs.csv", row, "total_episodes")),
            value(folder, "runs.csv", row, "mean_reward_last_100"),
            {int(one["episode"]): one for one in logs[key]})
    return found


# Those of a sweep


def words_of(key):
    return f"{key[0]} ({number(key[1])}, {number(key[2])})"


def set_of(sweep, run):
    """The set of a run of a sweep."""
    for name, settings in SETS.items():
        if all(sweep.setting(setting, run, SETS["baseline"][setting]) == wanted
               for setting, wanted in settings.items()):
            return name
    raise Unreadable(
        f"{shown(sweep.path)}: run {run} is of neither published set: its "
        + ", ".join(f"{setting} is {sweep.setting(setting, run, usual)}"
                    for setting, usual in SETS["baseline"].items())
        + "; expected " + ", or ".join(", ".join(settings.values()) for settings in SETS.values()))


def began_of(sweep, run):
    """How a run of a sweep began, in the words of runs.csv: lists have one form there."""
    earlier = re.findall(r"\d+", sweep.setting("training.earlier_episodes", run, "none"))
    return sweep.setting("environment.seeding", run, "own"), "+".join(earlier) or "none"


def logs_of(sweep, run, total):
    if not sweep.has("log"):
        return {}
    actors = int(sweep.rows("extent_actor", [run])[0])
    episodes = sweep.column("log")[:int(sweep.rows("extent_log", [run])[0])]
    columns = {name: sweep.rows(own, [run])[0] for name, (own, _, _) in LOGS.items()
               if sweep.has(own)}
    if "actors_clipped" in columns:  # a share in the file
        columns["actors_clipped"] = np.round(columns["actors_clipped"] * actors)
    return {int(episode): {name: float(rows[place]) for name, rows in columns.items()}
            for place, episode in enumerate(episodes) if episode <= total}


def read_runs(path, published):
    """The runs of a sweep by their keys, None for one that is not finished; and the sweep."""
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        raise Unreadable(f"{shown(path)}: {error.strerror}; expected the file of a sweep") from error
    sweep = Sweep(path, told=json.loads(aggregate(path, ("--verify",)))["damaged"])
    with reading(path, "a run"):
        return runs_of(sweep, published), sweep


def runs_of(sweep, published):
    path, found = sweep.path, {}
    for run in range(sweep.runs):
        key = (set_of(sweep, run), *(float(sweep.setting(f"training.{axis}", run, "nan"))
                                     for axis in ("actor_lr", "critic_lr")))
        began, seed = began_of(sweep, run), sweep.setting("training.seed", run, "42")
        if key not in published or seed != "42":
            raise Unreadable(f"{shown(path)}: run {run}, {words_of(key)} of seed {seed}: not "
                             "published; expected one of the published runs, of seed 42")
        if began != published[key].began:
            raise Unreadable(f"{shown(path)}: run {run}, {words_of(key)}, began as "
                             f"{began_words(began)}; expected {began_words(published[key].began)}, "
                             "as published")
        if key in found:
            raise Unreadable(f"{shown(path)}: run {run} is {words_of(key)} a second time; expected "
                             "each run once")
        found[key] = one_run(sweep, run, key, began) if sweep.done[run] else None
    for key, one in found.items():
        if one and one.stop < 0 and one.total < published[key].total:
            raise Unreadable(f"{shown(path)}: {words_of(key)} ended at its limit of {one.total} "
                             f"episodes; expected a limit of at least {published[key].total}, as "
                             "published")
    return found


def one_run(sweep, run, key, began):
    total = int(sweep.rows("total_episodes", [run])[0])
    actors = int(sweep.rows("extent_actor", [run])[0])
    rewards = sweep.rows("reward", [run])[0][:total]
    return Run(key, began, sweep.rows("first_still", [run])[0][:actors].astype(int), rewards, total,
               float(rewards[-100:].mean()), logs_of(sweep, run, total),
               sweep.setting("networks.tanh", run, "pytorch"))


# The comparison


class Comparison:
    """How a run is like another that began as it did."""

    def __init__(self, run, other, tolerance):
        if len(run.stops) != len(other.stops):
            raise Unreadable(f"{words_of(run.key)} has {len(run.stops)} actors and "
                             f"{len(other.stops)} in the other table; expected the same number")
        self.run, self.other = run, other
        both = (run.stops >= 0) & (other.stops >= 0)
        self.equal = int((run.stops == other.stops).sum())
        self.actors = len(run.stops)
        self.furthest = int(np.abs(run.stops - other.stops)[both].max()) if both.any() else 0
        self.one_sided = int(((run.stops >= 0) != (other.stops >= 0)).sum())
        far = relative(run.rewards, other.rewards)
        self.start = float(far[:STARTS].max()) if len(far) else np.nan
        self.compared = len(far)
        self.agree, self.together = (first_beyond(far, most) for most in (tolerance, PARTED))
        self.logs, self.logs_agree = self.compare_logs()

    def compare_logs(self):
        """The largest difference by column while the logs agree, and up to which episode."""
        found, last = {}, 0
        for episode in sorted(self.run.logs.keys() & self.other.logs.keys()):
            here = difference(self.run.logs[episode], self.other.logs[episode])
            if not all(far <= LOGS_PARTED for far in here.values()):
                break
            found = {heading: max(far, found.get(heading, 0.0)) for heading, far in here.items()}
            last = episode
        return found, last

    @property
    def learnt(self):
        """The episode of the first log from which on no actor has a gradient; inf: of none."""
        found = np.inf
        for episode, one in sorted(self.run.logs.items(), reverse=True):
            if one["actor_grad_accumulated"] != 0:
                break
            found = episode
        return found

    @property
    def verdict(self):
        run, other = self.run, self.other
        if (run.stop, run.total) == (other.stop, other.total):
            missed = self.actors - self.equal
            if missed == 0 and self.agree >= min(self.learnt, self.compared):
                return "exact"
            if missed * MISSED <= self.actors and run.stopped > 0:
                return "same stops"
        near = abs(run.stopped - other.stopped) * REGIME <= self.actors
        return "same regime" if (run.stop < 0) == (other.stop < 0) and near else "differs"


def first_beyond(far, most):
    """How many differences come before the first that is larger, or not a number."""
    beyond = np.flatnonzero(~(far <= most))
    return int(beyond[0]) if len(beyond) else len(far)


def difference(one, other):
    """The largest difference of two logs by column."""
    found = {}
    for name, (_, heading, unit) in LOGS.items():
        a, b = one.get(name, np.nan), other.get(name, np.nan)
        if np.isnan(a) or np.isnan(b):
            continue
        size = {"value": max(abs(a), abs(b)), "spread": abs(one["preact_std"]), "one": 1}[unit]
        far = 0.0 if a == b else abs(a - b) / size if size else np.inf
        found[heading] = max(found.get(heading, 0.0), far)
    return found


def relative(a, b):
    """Differences relative to the larger of two values each, of as many as both have; NaN where
    one is not a number."""
    most = min(len(a), len(b))
    a, b = a[:most], b[:most]
    size = np.maximum(np.abs(a), np.abs(b))
    return np.where(a == b, 0.0, np.abs(a - b) / np.where(size > 0, size, 1.0))


# Words


def stop_words(run):
    if run.stop >= 0:
        return f"{run.stop} of {run.total}"
    return f"> {run.total} ({run.stopped} of {len(run.stops)})"


def equal_words(compared):
    words = f"{compared.equal} of {compared.actors}"
    apart = [f"{compared.furthest} apart"] if compared.furthest else []
    apart += [f"{compared.one_sided} in one alone"] if compared.one_sided else []
    return words + (f" ({', '.join(apart)})" if apart else "")


def up_to(episode, compared):
    return ("all " if episode == compared.compared else "") + str(episode)


def far_words(far):
    return "0" if far == 0 else f"{far:.0e}".replace("e-0", "e-").replace("e+0", "e+")


def markdown(heads, rows):
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)


def pair_words(key):
    return [number(key[1]), number(key[2])]


def began_words(began):
    return began[0] + ("" if began[1] == "none" else f", after {began[1]}")


def runs_table(compared, tolerance):
    heads = ["actor_lr", "critic_lr", "began", "stop, published", "stop, ours", "first two rewards",
             f"rewards within {number(tolerance)} up to", f"within {number(PARTED)} up to",
             "actors' stops equal", "reward at the end, published", "ours", "verdict"]
    return markdown(heads, [
        [*pair_words(key), began_words(one.run.began), stop_words(one.run), stop_words(one.other),
         far_words(one.start), up_to(one.agree, one), up_to(one.together, one), equal_words(one),
         f"{one.run.end:.0f}", f"{one.other.end:.0f}", one.verdict]
        for key, one in compared.items()])


def logs_table(compared):
    heads = [heading for heading in HEADINGS
             if any(heading in one.logs for one in compared.values())]
    rows = [[*pair_words(key), one.logs_agree or "-",
             *(far_words(one.logs[heading]) if heading in one.logs else "-" for heading in heads)]
            for key, one in compared.items()]
    return markdown(["actor_lr", "critic_lr", "logs agree up to", *heads], rows)


def levels_table(compared, levels, tolerance):
    heads = ["actor_lr", "critic_lr", "stop, ours", "stop, other level",
             f"rewards within {number(tolerance)} up to", "ours and published",
             f"within {number(PARTED)} up to", "ours and published", "actors' stops equal",
             "ours and published", "differ as much"]
    rows = []
    for key, one in levels.items():
        other = compared[key]
        rows.append([*pair_words(key), stop_words(one.run), stop_words(one.other),
                     up_to(one.agree, one), up_to(other.agree, other),
                     up_to(one.together, one), up_to(other.together, other),
                     equal_words(one), equal_words(other), as_much(other, one)])
    return markdown(heads, rows)


def as_much(published, level):
    """Whether two levels of ours differ as ours and the published run do: their rewards part as
    well, at whatever episode, and at least half as many actors have other stops."""
    if published.verdict == "exact":
        return "-"
    as_many = 2 * (level.actors - level.equal) >= published.actors - published.equal
    return "yes" if as_many and level.agree < level.compared else "no"


def text_of(group, ours, levels, published, tolerance):
    """The page of a set: both tables, and the numbers of verdicts."""
    own = {key: Comparison(published[key], run, tolerance) for key, run in ours.items()
           if key[0] == group and run is not None}
    if not own:
        return ""
    between = {key: Comparison(ours[key], run, tolerance) for key, run in levels.items()
               if key in own and run is not None}
    verdicts = [one.verdict for one in own.values()]
    counted = ", ".join(f"{verdicts.count(name)} {name}" for name in VERDICTS
                        if name in verdicts)
    tanh = " and ".join(sorted({one.other.tanh for one in own.values()}))
    text = (f"**{group}**: {len(own)} of {sum(key[0] == group for key in published)} runs, tanh "
            f"{tanh}; {counted}.\n\n{runs_table(own, tolerance)}\nLogs:\n\n{logs_table(own)}")
    return text + (f"\nLevels:\n\n{levels_table(own, between, tolerance)}" if between else "")


# The command


def parser():
    top = argparse.ArgumentParser(
        prog="published.py", allow_abbrev=False,
        description="Tables in Markdown of the study's published runs beside those of sweeps; "
                    "analysis/README.md explains columns and verdicts.",
        epilog="Exit codes: 0 printed; 1 the system failed, for example the disk; 2 an option or a "
               "file is wrong, and nothing is printed; 3 printed, but a run is not finished or "
               "damaged: a line says which.")
    top.add_argument("files", nargs="+", metavar="FILE",
                     help="the file of sweeps/published-baseline.yaml or published-clipping.yaml")
    top.add_argument("--level", action="append", default=[], metavar="FILE",
                     help="the same sweep made with another CCMSWEEP_LEVEL; repeatable")
    top.add_argument("--published", default=str(HERE.parent / "tests/data/published"),
                     metavar="DIR", help="folder of the published tables (default: "
                                         "tests/data/published)")
    top.add_argument("--tolerance", default="1e-5", metavar="T",
                     help="rewards agree while they differ by at most T of their value "
                          "(default 1e-5)")
    return top


def read_tolerance(text):
    try:
        tolerance = float(text)
    except ValueError:
        tolerance = np.nan
    if not 0 <= tolerance < 1:
        raise Unreadable(f"--tolerance {printable(text)}: expected a number from 0 to 1")
    return tolerance


def read_all(paths, published, failures):
    """The runs of several files by their keys, and the levels of CPU that trained them."""
    found, levels = {}, {}
    for path in paths:
        runs, sweep = read_runs(path, published)
        for key in runs:
            if key in found:
                raise Unreadable(f"{shown(path)}: {words_of(key)} is in another file as well; "
                                 "expected each run once")
        found |= runs
        levels |= {key: sweep.column("volatile/cpu_level")[place]
                   for place, key in enumerate(runs)}
        failures += [f"{shown(path)}: {sentence}" for sentence in sweep.failures]
        if left := [words_of(key) for key, run in runs.items() if run is None]:
            failures.append(f"{shown(path)}: not finished: {', '.join(left)}")
    return found, levels


def carry_out():
    options = parser().parse_args()
    tolerance = read_tolerance(options.tolerance)
    published = read_published(Path(options.published))
    failures = []
    ours, own = read_all(options.files, published, failures)
    levels, others = read_all(options.level, published, failures)
    if alone := [key for key in levels if key not in ours]:
        raise Unreadable(f"--level: {words_of(alone[0])} is in no FILE; expected the same runs")
    if same := [key for key in levels if own[key] == others[key]]:
        raise Unreadable(f"--level: {words_of(same[0])} was trained at level "
                         f"{printable(str(own[same[0]]))} in both files; expected another "
                         "CCMSWEEP_LEVEL")
    pages = [text_of(group, ours, levels, published, tolerance) for group in SETS]
    print("\n".join(page for page in pages if page), end="", flush=True)
    for sentence in failures:
        say(sentence)
    return 3 if failures else 0


def say(sentence):
    print(f"published.py: {printable(sentence)}", file=sys.stderr)


def main():
    open_streams()
    try:
        return carry_out()
    except Unreadable as error:
        say(error)
        return 2
    except Fault as error:
        say(error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except OSError as error:
        say(f"{shown(error.filename or 'standard output')}: {error.strerror or error}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
