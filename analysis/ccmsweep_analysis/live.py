# SPDX-License-Identifier: MIT
"""The live page of a sweep: what `ccmsweep status` says of it now, and below it the last report."""
import base64
import dataclasses
import datetime
import hashlib
import json
import math
import os
import re

from jinja2.utils import markupsafe

from .facts import when
from .report import TEMPLATES, template, title_of
from .study import ask, list_text
from .sweep import Fault, Unreadable
from .words import number

SCRIPT = markupsafe.Markup((TEMPLATES / "live.js").read_text("utf-8"))
# Only the script of this page is run, and it may ask nobody but the server that the page came from.
POLICY = ("default-src 'none'; img-src data:; style-src 'unsafe-inline'; connect-src 'self'; "
          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; script-src 'sha256-"
          + base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode() + "'")
NAMED = 10  # cells to look at that are named; the others are counted
GIVEN_UP = ("failed", "quarantined")
OUTCOMES = ("stopped", "censored", "diverged", *GIVEN_UP)
RARE = ("interrupted", "lost")  # states, told only when cells are in them


@dataclasses.dataclass
class Look:
    """What was found at one moment: what `status` told, or a sentence on why it told nothing."""
    time: float
    told: dict | None = None
    sentence: str = ""
    file: tuple = ()  # which file it was: another one can take its place

    @property
    def state(self):
        """What a report is drawn of: another one is due when this has changed."""
        return self.told and (self.file, self.told["outcomes"], self.told["locked"])


def look_at(path, now):
    """Look at a sweep. Nothing is written, and no lock is taken."""
    try:
        found = os.stat(path)
        told = json.loads(ask("status", path, ["--json"]))
    except FileNotFoundError:
        return Look(now, sentence="There is no such file (yet): it is looked for again.")
    except (Fault, Unreadable) as error:
        return Look(now, sentence=f"{str(error)[:1].upper()}{str(error)[1:]}.")
    except OSError as error:
        return Look(now, sentence=f"{error.strerror or error}.")
    return Look(now, told, file=(found.st_dev, found.st_ino))


def duration(seconds):
    """As `status` writes it: hours only where there are any."""
    if seconds is None or not math.isfinite(seconds) or seconds > 1e9:
        return "?"
    if seconds < 60:
        return f"{seconds:.2g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def clock(seconds):
    """A time of day; the day is that of the reader's calendar, or one before or after it."""
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%H:%M:%S UTC")


def headlines(told):
    """Sentences of how far it is, each with its class in the page."""
    cells, states = told["cells"], told["states"]
    if states["done"] == cells:
        given_up = sum(told["outcomes"][name] for name in GIVEN_UP)
        words = f"; {given_up} failed or are quarantined" if given_up else ""
        return [("open" if given_up else "complete", f"{cells} of {cells} cells are done{words}.")]
    counts = [f"{states['done']} of {cells} cells are done", f"{states['running']} running",
              *(f"{states[name]} {name}" for name in RARE if states[name]),
              f"{states['pending']} pending"]
    words = [("complete" if told["locked"] else "open", ", ".join(counts) + ".")]
    if not told["locked"]:
        words.append(("open", "No process works on it: the command that started it resumes it."))
    return words


def eta(told, now):
    """How long it takes, and when that is; both only while cells are being trained."""
    seconds, margin = told["eta_s"], told["eta_margin_s"]
    if seconds is None:
        return "?"
    ends = "" if margin is None else (
        f" [{duration(max(seconds - margin, 0))} - {duration(seconds + margin)}]")
    return f"{duration(seconds)}{ends}, on {when(now + seconds)}"


def start_words(told):
    start = told["last_start"]
    job = f", SLURM job {start['job']}" if start["job"] else ""
    end = (f"ended on {when(start['end'])} with code {start['code']}" if start["end"] is not None
           else "still running" if told["locked"] else "ended unexpectedly")
    ranks = f"{start['ranks']} rank{'' if start['ranks'] == 1 else 's'}"
    return (f"no. {start['number']} on {when(start['time'])}, {ranks}, host {start['host']}{job}; "
            f"{end}")


def facts(look):
    """Pairs of a name and its value."""
    told = look.told
    if told is None:
        return [("as of", clock(look.time))]
    pairs = [("outcomes", ", ".join(f"{told['outcomes'][name]} {name}" for name in OUTCOMES))]
    if told["median_s"] is not None:
        pairs.append(("a cell takes", f"{duration(told['median_s'])} (90 of 100 at most "
                                      f"{duration(told['p90_s'])})"))
    if told["states"]["done"] < told["cells"]:
        left = told["left_core_s"]
        pairs += [("left", "?" if left is None else f"{left / 3600:.3g} core-hours"),
                  ("ETA", eta(told, look.time))]
    if told["last_start"] is not None:
        pairs.append(("start", start_words(told)))
    lock = f"held by {told['holder'] or '?'}" if told["locked"] else "free: no process works on it"
    return [*pairs, ("lock", lock), ("as of", clock(look.time))]


def moment(row, name):
    if row[name] is not None:
        return number(row[name])
    return "-" if row[f"{name}_after"] is None else f"> {number(row[f'{name}_after'])}"


def grid_table(told):
    """Header and rows, as `status` has them."""
    names = [*(["label"] if any("label" in row for row in told["grid"]) else []), "actor_lr",
             "critic_lr", "runs", "done",
             *(name for name in OUTCOMES if name in OUTCOMES[:2] or told["outcomes"][name])]
    rows = [[*(number(row.get(name)) for name in names),
             *(moment(row, name) for name in ("first", "median", "last"))] for row in told["grid"]]
    return [*names, "stopping episode: first", "half", "last"], rows


def axes_words(cell):
    axes = {name: cell[name] for name in ("actor_lr", "critic_lr", "seed")} | cell["axes"]
    return ", ".join(f"{name} {number(list_text(value))}" for name, value in axes.items())


def attention(told):
    """Sentences on the cells to look at, the worst first."""
    cells = sorted(told["attention"], key=lambda one: one["outcome"] not in GIVEN_UP)
    sentences = [f"run {one['run']} ({axes_words(one)}) {one['reason']}" for one in cells[:NAMED]]
    if cells[NAMED:]:
        sentences.append(f"{len(cells) - NAMED} more: see ccmsweep status --cells")
    return sentences


def page_of(path, look, figures, report):
    """The page. `figures`: words about the report, each with its class, and which report it is."""
    told, title = look.told, title_of(path)
    share = f"({told['states']['done']}/{told['cells']}) " if told else ""
    return template("live.html").render(
        tab=share + title, title=title, sentence=look.sentence, facts=facts(look),
        cells=told and told["cells"], done=told and told["states"]["done"],
        headlines=headlines(told) if told else [], attention=attention(told) if told else [],
        grid=grid_table(told) if told else ([], []), figures=figures[0], version=figures[1],
        report=report, script=SCRIPT)


def as_part(page, version):
    """A report as a part of the page, which has its title already."""
    body = re.search(r"<body>(.*)</body>", page, re.S)[1]
    body = re.sub(r"<h1>.*?</h1>", "", body, count=1, flags=re.S)
    body = re.sub(r"<(/?)main>", r"<\1div>", body)
    return markupsafe.Markup(f'<div id="report" data-report="{version}">{body}</div>')
