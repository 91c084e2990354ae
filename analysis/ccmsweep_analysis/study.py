# SPDX-License-Identifier: MIT
"""A sweep with what `ccmsweep aggregate` says of it, laid out in rows and columns."""
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import subprocess
import textwrap

import numpy as np

from .sweep import Fault, Sweep, Unreadable
from .words import number, shown

PANELS = 6        # rows and columns that a figure shows; it says so when there are more
SECTIONS = ("training", "networks", "environment", "replay", "tracking", "evaluation")
SEEDS = 100       # runs of a configuration that a figure over episodes reads


def find_program():
    """The program: $CCMSWEEP, the one built beside this package (build/ccmsweep of the project), the
    one installed below the same prefix (PREFIX/bin), or the one on PATH; the first that there is."""
    given = os.environ.get("CCMSWEEP")
    if given and not os.access(given, os.X_OK):
        raise Unreadable(f"$CCMSWEEP is {shown(given)}, which is no program that can be run")
    above = list(pathlib.Path(__file__).resolve().parents)
    built = above[2] / "build/ccmsweep"  # of PROJECT/analysis/ccmsweep_analysis
    beside = above[min(4, len(above) - 1)] / "bin/ccmsweep"  # of PREFIX/lib/python3.11/site-packages
    for program in (given, str(built), str(beside), shutil.which("ccmsweep")):
        if program and os.access(program, os.X_OK):
            return program
    raise Unreadable("the program ccmsweep is not found; expected it in $CCMSWEEP, "
                     "as build/ccmsweep of the project, or on PATH")


def ask(command, path, options):
    """What `ccmsweep COMMAND OPTIONS FILE` prints. Raises Unreadable or Fault with its words."""
    # Options first: with POSIXLY_CORRECT none is recognised after a name.
    words = [find_program(), command, *options, "--", os.fsencode(path)]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8",
                          errors="surrogateescape", check=False)
    if done.returncode == 0:
        return done.stdout
    words = done.stderr.split("\nTry `")[0].strip()
    words = words.removeprefix("ccmsweep: ").removeprefix(f"ccmsweep {command}: ")
    if done.returncode == 2:
        raise Unreadable(words)
    raise Fault(f"{shown(path)}: {command} ended with {ending(done.returncode)}"
                f"{': ' if words else ''}{words}")


def aggregate(path, options, form="json"):
    """What `ccmsweep aggregate FILE OPTIONS` prints: every statistic comes from there."""
    return ask("aggregate", path, ["--format", form, *options])


def damaged_runs(path):
    """The runs (`run` and `why`) whose rows are not those that were committed: all are compared."""
    few = ["--verify", "--bootstrap=40", "--permutations=99"]  # nothing else is asked
    return json.loads(aggregate(path, few))["damaged"]


def list_text(value):
    """A list as the file and a spec have it, any other value as it is: 301+298, none."""
    return ("+".join(map(str, value)) or "none") if isinstance(value, list) else value


def with_lists_as_text(told):
    """What aggregate says, with values of axes that are lists as their text."""
    def texts(mapping):
        return {name: list_text(value) for name, value in mapping.items()}
    for axis in told["axes"]:
        axis["values"] = [list_text(value) for value in axis["values"]]
        for name, values in axis.get("together", {}).items():
            axis["together"][name] = [list_text(value) for value in values]
    for one in told["configurations"]:
        one["axes"] = texts(one["axes"])
    for one in told["tests"]:
        one["within"] = texts(one["within"]) if one["within"] else one["within"]
    if told.get("against"):
        for one in (told["against"], *told["against"]["pooled"], *told["against"]["scores"]):
            one["value"] = list_text(one["value"])
    return told


def usual_comparison(path, options):
    """The options with which labels are compared unless told otherwise: against `published`, or
    against the first of them; none where there are no labels, or --by pools over them."""
    given = dict(option.partition("=")[::2] for option in options)
    if "--against" in given or "label" not in given.get("--by", "label").split(","):
        return []
    # It takes a twentieth of the time of aggregate, which therefore is not asked twice.
    grid = json.loads(ask("status", path, ["--json"]))["grid"]
    labels = list(dict.fromkeys(row["label"] for row in grid if "label" in row))
    if len(labels) < 2:
        return []
    return [f"--against=label={'published' if 'published' in labels else labels[0]}"]


def ending(code):
    return f"code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


@dataclasses.dataclass
class Snapshot:
    """A sweep at one moment, so that all figures and tables agree, also while it runs."""
    path: str
    told: dict        # by aggregate
    tables: str       # of LaTeX, by aggregate; empty unless asked for
    done: np.ndarray  # whether a run is finished
    failures: tuple = ()  # sentences on what of the file is left out


def take_snapshot(path, options=(), tables=False):
    """Take a snapshot; when runs finish in the meantime, it is taken again. Raises Unreadable, with
    the words of the program, for a file that does not belong to a sweep."""
    options = [*options, *usual_comparison(path, options)]
    for _ in range(10):
        told = with_lists_as_text(json.loads(aggregate(path, options)))
        # It writes one format each time that it is called.
        latex = aggregate(path, options, "latex") if tables else ""
        sweep = Sweep(path, told=told["damaged"])
        done = sweep.done
        finished = sum(one["done"] for one in told["configurations"])
        if not told["locked"] or finished == done.sum():
            break
    return Snapshot(os.fspath(path), told, latex, done, tuple(sweep.failures))


class Configuration:
    """A configuration: its values of the axes, what aggregate says of it, and its runs."""

    def __init__(self, index, values, told, runs, done, limit):
        self.index, self.values, self.told, self.runs, self.done = index, values, told, runs, done
        self.limit = limit
        self.sample = thin(done, SEEDS)
        self.events = told["fates"]["events"]
        self.observed = told["observed"]

    @property
    def never(self):
        """Whether runs were observed, and none had the event."""
        return self.observed > 0 and self.events == 0


def thin(sequence, most):
    """At most so many items, evenly spaced, the first and the last among them."""
    if len(sequence) <= most:
        return sequence
    places = np.unique(np.linspace(0, len(sequence) - 1, most).round().astype(int))
    return [sequence[place] for place in places]


def without_sections(names):
    """Names of axes without the section of the spec, where they are then still different."""
    short = [name.split("_", 1)[1] if name.split("_")[0] in SECTIONS else name for name in names]
    return short if len(set(short)) == len(names) else list(names)


class Study:
    """A sweep as a grid. Columns are the values of one axis: critic_lr where it is an axis,
    otherwise the last. Rows are the values of all other axes. `grid[row, column]` is a
    configuration. Settings that change together are one axis: aggregate says which."""

    def __init__(self, snapshot):
        self.told = snapshot.told
        self.sweep = Sweep(snapshot.path, snapshot.done)
        self.sweep.failures = list(snapshot.failures)
        self.event = self.told["options"]["event"]
        self.endpoint = self.told["options"]["endpoint"]
        self.limit = self.told["options"]["limit"]
        self.confidence = self.told["options"]["confidence"]
        self.lay_out()

    def lay_out(self):
        told = self.told["configurations"]
        names = [axis["name"] for axis in self.told["axes"]]
        self.column_axis = "critic_lr" if "critic_lr" in names else names[-1]
        others = [name for name in names if name != self.column_axis]
        rising = {axis["name"]: axis["values"] for axis in self.told["axes"]}
        self.row_axes = [name for name in others if len(rising[name]) > 1] or others[:1]
        keys = {tuple(c["axes"][name] for name in others) for c in told}
        self.row_keys = sorted(keys, key=lambda key: [rising[name].index(value)
                                                      for name, value in zip(others, key)])
        self.column_keys = rising[self.column_axis]
        places = [others.index(name) for name in self.row_axes]
        short = without_sections(self.row_axes)
        self.rows = [", ".join(f"{name} {number(key[place])}" for name, place in
                               zip(short, places)) or "all runs" for key in self.row_keys]
        self.columns = [number(value) for value in self.column_keys]
        runs = self.runs_by_axes(rising)
        self.grid, self.configurations = {}, []
        for index, one in enumerate(told):
            values = tuple(one["axes"][name] for name in names)
            mine = runs.get(values, [])
            done = [run for run in mine if self.sweep.done[run]]
            configuration = Configuration(index, values, one, mine, done, self.limit)
            row = self.row_keys.index(tuple(one["axes"][name] for name in others))
            self.grid[row, self.column_keys.index(one["axes"][self.column_axis])] = configuration
            self.configurations.append(configuration)

    def runs_by_axes(self, rising):
        """Runs by their values of the axes: each has one of `rising`."""
        found = {}
        columns = [self.axis_column(name, values) for name, values in rising.items()]
        for run, key in enumerate(zip(*columns)):
            found.setdefault(key, []).append(run)
        return found

    def axis_column(self, name, values):
        """Values of an axis by run, as aggregate gives them: None where the file has the value that
        means `none`."""
        column = self.sweep.column(name)
        if None not in values:
            return column.tolist()
        none = np.isnan(column) if column.dtype.kind == "f" else column == -1
        return [None if absent else value for value, absent in zip(column.tolist(), none.tolist())]

    @property
    def shown_rows(self):
        return thin(list(range(len(self.rows))), PANELS)

    @property
    def shown_columns(self):
        return thin(list(range(len(self.columns))), PANELS)

    def label(self, row, width):
        """The name of a row, in lines of at most `width` characters."""
        return textwrap.fill(self.rows[row], width, break_long_words=False)

    def in_row(self, row):
        """Column and configuration of what a figure shows of a row."""
        return [(column, self.grid[row, column]) for column in self.shown_columns
                if (row, column) in self.grid]

    def shown(self):
        """Row, column and configuration of all that a figure shows."""
        return [(row, column, configuration) for row in self.shown_rows
                for column, configuration in self.in_row(row)]

    def name(self, row, column):
        column_words = f"{self.column_axis} {self.columns[column]}"
        return f"{self.rows[row]}, {column_words}" if self.row_axes else column_words

    def name_of(self, index):
        """The name of a configuration, by its number."""
        return next(self.name(*place) for place, one in self.grid.items() if one.index == index)

    def times(self, runs):
        """For each run the episode of the event, and whether it had it; see Sweep.event_times()."""
        return self.sweep.event_times(self.event, self.endpoint, self.limit, runs)

    def event_words(self):
        which = {"all": "the last actor", "half": "half of the actors", "first": "the first actor"}
        return f"{self.event} of {which[self.endpoint]}"
