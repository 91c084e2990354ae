# SPDX-License-Identifier: MIT
"""What the report says in words and tables: provenance, completeness, estimates, commands."""
import datetime
import os
import pathlib
import shlex

import numpy as np

from .figures.grid import interval, later
from .sweep import Fault, Unreadable
from .words import number, percent, shown

FATES = {"events": "had the event", "censored": "censored: the limit came first",
         "diverged": "diverged: numbers overflowed", "ended_early":
         "ended early: all actors still, without the event", "unfinished":
         "unfinished: censored at the episode they have reached", "pending": "not begun",
         "failed": "failed", "quarantined": "quarantined: crashed every time"}
RETURNS = {"stopping": "at stopping", "end": "at the end", "training": "in training",
           "evaluation": "at evaluation"}


def when(seconds):
    if not np.isfinite(seconds) or seconds <= 0:
        return "-"
    try:
        return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime(
            "%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return f"second {number(seconds)}, which is not a date"


def names(values, most=6):
    """Different values as a list in words."""
    different = sorted({str(value) for value in values if str(value)})
    return ", ".join(different[:most]) + (f" and {len(different) - most} more"
                                          if len(different) > most else "") or "-"


WORDS = {
    "first_still": "first episode in whose training step no parameter of the actor changes, bit for "
                   "bit: the published definition of stopping. The actor may move again",
    "gradient_zero_first": "first episode in which the actor's own gradient is exactly 0",
    "gradient_zero": "the same, for the unbroken stretch that lasts to the end of the run",
    "hard_saturation": "first episode in which every slope of the batch is exactly 0: 1 - y² of "
                       "tanh, y the actor's output, or that of another squash",
    "last_change": "last episode with a change of a parameter, if enough still ones follow",
    "tanh_hard": "cause: every slope of the batch (1 - y² of tanh) is 0, so that no gradient "
                 "passes the squash, whichever it is",
    "critic_dead": "cause: the critic passes nothing back, dQ/da is 0 on every row of the batch",
    "actor_dead": "cause: a hidden layer of the actor is 0 on the whole batch",
    "censored": "the event was not seen by the limit, or by the last episode that is known: such "
                "a time only says \"later\"",
    "RMST(L)": "mean episode of the event, where a later one counts as L: the area under the "
               "Kaplan-Meier curve up to L",
    "tail": "last_change - gradient_zero + 1 of an actor: how long momentum alone moved it. Actors "
            "that were still before that, with a gradient too small to move them, do not have one",
}


def headline(study):
    """One sentence: how many runs had the event, and what happened to the others."""
    fates, limit = study.told["fates"], study.limit
    words = f"{fates['events']} of {study.told['runs']} runs had the event by episode {limit}"
    others = [f"{count} {name.replace('_', ' ')}" for name, count in fates.items()
              if count and name != "events"]
    return words + ("; " + ", ".join(others) if others else "") + "."


def warnings(study):
    """The warnings of aggregate, as whole sentences."""
    return [f"{one[0].upper()}{one[1:]}." for one in study.told["warnings"]]


def failures(study):
    """Sentences on what is wrong with the file, and on figures that could not be drawn."""
    return [f"{one[0].upper()}{one[1:]}." for one in study.sweep.failures]


def failed(drawn):
    """Figures that could not be drawn, as sentences."""
    return [f"the figure {one.name} could not be drawn: {one.reason}" for one in drawn if one.failed]


def complete(study):
    """Whether every planned run was trained to its end."""
    return all(study.told["fates"][fate] == 0
               for fate in ("unfinished", "pending", "failed", "quarantined"))


def provenance(study):
    """Pairs of a name and its value."""
    sweep = study.sweep
    return [
        ("file", shown(os.path.abspath(sweep.path)) + (", being written" if study.told["locked"]
                                                       else "")),
        ("fingerprint", f"{sweep.fingerprint[:32]} (SHA-256 of all commit records: the same for "
                        "the same finished runs)"),
        ("made by", f"ccmsweep {sweep.attribute('version')}, revision "
                    f"{sweep.attribute('revision')[:12]}, algorithm version "
                    f"{sweep.attribute('algorithm_version')}, {sweep.attribute('compiler')}, "
                    f"{sweep.attribute('libraries')}"),
        ("runs trained by", known(study, trained_by, "unknown")),
        ("starts", known(study, starts, "unknown")),
        ("statistics by", f"revision {study.told['revision'][:12]}, on {when(study.told['time'])}"),
    ]


def known(study, read, instead):
    """What `read` returns for a study, or `instead` when the file does not have it, which is then
    one of the failures."""
    try:
        return read(study)
    except (Fault, Unreadable) as error:
        study.sweep.note_failure(str(error))
        return instead


def trained_by(study):
    return (f"revision {names(r[:12] for r in column(study, 'revision'))} on "
            f"{names(column(study, 'host'))}; {names(column(study, 'cpu'))}, "
            f"kernels {names(column(study, 'cpu_level'))}")


def starts(study):
    sweep = study.sweep
    noted = np.flatnonzero((sweep.column("volatile/start_log_number") > 0)
                           & (sweep.column("volatile/start_log_ranks") != 0))
    extended = np.flatnonzero(sweep.column("volatile/start_log_ranks") == 0)
    jobs = names(sweep.column("volatile/start_log_job")[noted])
    begun = sweep.column("volatile/start_log_time")[noted]
    return (f"{len(noted)} noted, the first on {when(begun.min()) if len(begun) else '-'}, "
            f"the last on {when(begun.max()) if len(begun) else '-'}"
            + (f"; SLURM jobs: {jobs}" if jobs != "-" else "")
            + (f"; extended {len(extended)} times, the last on "
               f"{when(sweep.column('volatile/start_log_time')[extended].max())}"
               if len(extended) else ""))


def column(study, name):
    return study.sweep.column(f"volatile/{name}")[study.sweep.done]


def interval_words(value, form):
    return f"{value['value']:{form}} {interval(value, form)}".strip()


def together_tables(study):
    """Title, header and rows for each axis that stands for several settings. All settings that are
    part of labels would be more columns than a page has: there it is what each label sets."""
    tables = []
    for axis in study.told["axes"]:
        name, sets, together = axis["name"], axis.get("sets"), axis.get("together")
        if sets is not None:
            tables.append((f"{name}, and what it sets", [name, "sets what differs from most labels"],
                           [[number(value), words or "-"]
                            for value, words in zip(axis["values"], sets)]))
        elif together is not None:
            tables.append((f"{name}, and what changes with it", [name, *together],
                           [[number(value) for value in row]
                            for row in zip(axis["values"], *together.values())]))
    return tables


def grid_table(study):
    """Header and rows, one row for each configuration."""
    level = f"{percent(study.confidence)} %"
    axes = [axis["name"] for axis in study.told["axes"]]
    head = [*axes, "done", "events", "censored", "other", "min", f"median (KM) [{level}]", "max",
            f"RMST({study.limit}) [{level}]", "SE", f"never [{level}]", "causes",
            f"tail [{level}]"]
    rows = []
    for configuration in study.configurations:
        told, fates = configuration.told, configuration.told["fates"]
        other = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in fates.items()
                          if count and name not in ("events", "censored"))
        median, rmst, never, tail = (told[name] for name in ("median", "rmst", "never", "tail"))
        rows.append([
            *(number(told["axes"][name]) for name in axes),
            f"{told['done']}/{told['runs']}", fates["events"], fates["censored"], other or "-",
            dash(told["min"]), median_words(median), dash(told["max"]),
            rmst_words(study, configuration), dash(rmst["error"], ".2f"),
            "-" if never["share"] is None else
            f"{never['count']}/{never['of']} {interval(never, '.2f')}", causes_words(told),
            "-" if tail["value"] is None else interval_words(tail, ".1f")])
    return head, rows


def causes_words(told):
    """Causes of the events, the most frequent first."""
    causes = told["incidence"]["causes"]
    counts = sorted(((-causes[name]["count"], name) for name in causes if name != "diverged"))
    return ", ".join(f"{name} {-count}" for count, name in counts) or "-"


def rmst_words(study, configuration):
    value = configuration.told["rmst"]
    if value["value"] is None:
        return "-"
    return f"{study.limit}, no event" if configuration.never else interval_words(value, ".1f")


def dash(value, form=None):
    if value is None:
        return "-"
    return number(value) if form is None else f"{value:{form}}"


def median_words(value):
    if value["value"] is None or value["lower"] is None:
        return later(value)
    upper = (number(value["upper"]) if value["upper"] is not None else
             f"> {number(value['upper_after'])}")
    return f"{later(value)} [{number(value['lower'])}, {upper}]"


def returns_table(study):
    axes = [axis["name"] for axis in study.told["axes"]]
    kinds = {kind: words for kind, words in RETURNS.items()
             if any(one.told["returns"][kind]["runs"] for one in study.configurations)}
    head = [*axes, *(f"{words}: {what}" for words in kinds.values() for what in ("mean", "IQM"))]
    rows = []
    for configuration in study.configurations:
        row = [number(configuration.told["axes"][name]) for name in axes]
        for kind in kinds:
            told = configuration.told["returns"][kind]
            for statistic in ("mean", "iqm"):
                value = told[statistic]
                row.append("not estimable" if value["value"] is None else
                           interval_words(value, ".0f"))
        rows.append(row)
    return head, rows


def comparison_tables(study):
    """Title, header and rows: against the reference, and between neighbours along each axis."""
    level = f"{percent(study.confidence)} %"
    head = ["configuration", "less that of", "pairs", f"difference of RMST [{level}]", "p",
            "p Holm", "note"]
    tables = {}
    for one in study.told["comparisons"]:
        title = ("With the reference" if one["family"] == "reference" else
                 f"Between neighbours in {one['axis']}")
        tables.setdefault(title, []).append([
            study.name_of(one["a"]), study.name_of(one["b"]), one["pairs"],
            "-" if one["difference"] is None else
            interval_words({**one, "value": one["difference"]}, ".1f"),
            dash(one["p"], ".3g"), dash(one["p_holm"], ".3g"), one["note"]])
    return [(title, head, rows) for title, rows in tables.items()]


def test_table(study):
    head = ["between values of", "within", "runs", "chi²", "df", "p by permutation", "p Holm",
            "note"]
    axes, rows = [axis["name"] for axis in study.told["axes"]], []
    for one in study.told["tests"]:
        within = ("strata of the other axes" if one["family"] == "stratified" else
                  ", ".join(f"{name} {number(one['within'][name])}" for name in axes
                            if name in one["within"]))
        rows.append([one["axis"], within, one["runs"], dash(one["chi2"], ".2f"), dash(one["df"]),
                     dash(one["p_permuted"], ".3g"), dash(one["p_holm"], ".3g"),
                     one["note"]])
    return head, rows


def gaps(study):
    """Runs that failed or are quarantined."""
    return [f"{study.name_of(one.index)}, seed {gap['seed']}: {gap['fate']} (run {gap['run']})"
            for one in study.configurations for gap in one.told["gaps"]]


def work(study):
    """Pairs of a name and a time."""
    return known(study, time_taken, [("cells trained", "unknown")])


def time_taken(study):
    sweep = study.sweep
    seconds = sweep.column("volatile/wall_s")
    trained = seconds[sweep.done & (seconds > 0)]
    if not len(trained):
        return [("cells trained", "none yet")]
    episodes = sweep.column("total_episodes")[sweep.done & (seconds > 0)]
    facts = [("cells trained", f"{len(trained)}, {episodes.sum():,} episodes"),
             ("time of one core", f"{trained.sum() / 3600:.3g} hours; a cell "
                                  f"{np.median(trained):.3g} s in the median, "
                                  f"{trained.max():.3g} s at most")]
    begun, ended = (sweep.column(f"volatile/start_log_{name}") for name in ("time", "end"))
    known = ((sweep.column("volatile/start_log_number") > 0)
             & (sweep.column("volatile/start_log_ranks") != 0))
    if known.any() and np.isfinite(ended[known]).all():
        workers = np.maximum(sweep.column("volatile/start_log_ranks")[known] - 1, 1)
        held = ((ended - begun)[known] * workers).sum()
        facts.append(("used by workers", f"{100 * min(1, seconds.sum() / held):.0f} % of the time "
                                         f"that they had, in {known.sum()} starts"))
    return facts


def aggregate_command(study):
    options = study.told["options"]
    words = ["ccmsweep", "aggregate", shown(os.path.basename(study.sweep.path)), "--event",
             options["event"], "--endpoint", options["endpoint"], "--by", ",".join(options["by"]),
             "--limit", number(options["limit"]), "--confidence", number(options["confidence"]),
             "--bootstrap", number(options["bootstrap"]),
             "--permutations", number(options["permutations"]),
             "--draw-seed", number(options["draw_seed"])]
    if options["reference"]:
        words += ["--reference", options["reference"]]
    if against := study.told.get("against"):
        words += ["--against", f"{against['axis']}={number(against['value'])}"]
    return words


def commands(study):
    """Pairs of a name and the command that makes it again."""
    name = shown(os.path.basename(study.sweep.path))
    spec = pathlib.Path(name).stem + ".yaml"
    chosen = aggregate_command(study)[3:]
    package = ["python3", "-P", "-m", "ccmsweep_analysis"]
    return [("the sweep, with the settings below as " + spec,
             shlex.join(["ccmsweep", "run", spec, "-o", name])),
            ("the statistics", shlex.join(aggregate_command(study))),
            ("this report", shlex.join([*package, "report", name, "-o", "DIR", *chosen])),
            ("one figure", shlex.join([*package, "figures", name, "-o", "DIR", "--only", "NAME",
                                       *chosen]))]
