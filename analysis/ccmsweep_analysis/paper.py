# SPDX-License-Identifier: MIT
"""The draft of a paper: a text with gaps, and the figures, tables and numbers of a sweep."""
import math
import os
import pathlib
import re
import shlex
import shutil
import subprocess

import jinja2

from . import facts, findings
from .drawing import die_with_parent, draw_all
from .folder import edited, put_folder, remove_former
from .latex import Name, compilable, escape
from .output import naming
from .report import TEMPLATES
from .study import Study
from .sweep import Fault
from .words import number, percent, rest, shown

SHOWN = ("rmst_map", "survival", "incidence", "event_times", "gradient_norms", "attenuation",
         "dead_units", "slope_and_saturation", "final_returns", "intervention_matrix",
         "intervention_forest", "intervention_survival", "intervention_causes",
         "intervention_returns", "momentum_tail")
MOST = 100     # configurations in the text; tables have them all
PATIENCE = 300  # seconds for a run of pdflatex
# Of the files of a paper: those in which a user is to write, and those that LaTeX makes of it.
BY_HAND = ("paper.tex", "references.bib")
PRODUCTS = tuple(f"paper.{ending}" for ending in ("pdf", "aux", "out", "bbl", "blg", "log"))
LEFT = ("paper.out", "paper.toc", "paper.lof", "paper.lot")


def place_of(configuration):
    """Values of a configuration's axes, as names of numbers have them."""
    return "/".join(map(number, configuration.values))


def counted(study):
    """Events by cause, the most frequent first."""
    counts = {}
    for configuration in study.configurations:
        for cause, one in configuration.told["incidence"]["causes"].items():
            if cause != "diverged":
                counts[cause] = counts.get(cause, 0) + one["count"]
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))


def tested(study):
    """Comparisons that have a p."""
    return [one for one in study.told["comparisons"] if one["p_holm"] is not None]


def of_sweep(study):
    """Pairs of name and value, for the sweep as a whole."""
    options, level = study.told["options"], 1 - study.confidence
    configurations = study.configurations
    yield from {"runs": study.told["runs"], "limit": study.limit, "event": options["event"],
                "endpoint": options["endpoint"], "confidence": percent(study.confidence),
                "bootstrap": options["bootstrap"], "permutations": options["permutations"],
                "draw-seed": options["draw_seed"], "configurations": len(configurations),
                "fingerprint": study.sweep.fingerprint[:16],
                "revision": study.sweep.attribute("revision")[:12],
                "algorithm-version": study.sweep.attribute("algorithm_version"),
                "always": sum(0 < one.observed == one.events for one in configurations),
                "never": sum(one.never for one in configurations), "level": rest(study.confidence),
                "moved-again": sum(one.told["moved_again"] or 0 for one in configurations),
                "comparisons": len(tested(study)),
                "significant": sum(one["p_holm"] < level for one in tested(study))}.items()
    seeds = [configuration.told["seeds"] for configuration in configurations]
    yield "seeds", (number(min(seeds)) if min(seeds) == max(seeds) else
                    f"{min(seeds)} to {max(seeds)}")
    yield from ((fate.replace("_", "-"), count) for fate, count in study.told["fates"].items())
    yield from ((f"cause/{cause}", count) for cause, count in counted(study))


def of_comparisons(study):
    for one in study.told["comparisons"]:
        family = "reference" if one["family"] == "reference" else one["axis"]
        sides = [place_of(study.configurations[one[side]]) for side in ("a", "b")]
        key = f"{family}/{sides[0]}-{sides[1]}"
        if one["difference"] is not None:
            yield f"difference/{key}", facts.interval_words({**one, "value": one["difference"]},
                                                            ".1f")
        if one["p"] is not None:
            yield f"p/{key}", f"{one['p']:.3g}"
            yield f"p-holm/{key}", f"{one['p_holm']:.3g}"


def of_counterparts(study):
    """With --against each configuration less its counterpart, by the values of its axes; where it
    has one axis alone, these are the pooled differences."""
    if findings.compared(study) is None or len(study.told["axes"]) < 2:
        return
    for one in study.told["against"]["comparisons"]:
        quantity = one["quantity"].replace("_", "-")
        place = place_of(study.configurations[one["a"]])
        yield f"against/{quantity}/{place}", findings.difference_words(one, one["quantity"])
        if one["p_holm"] is not None:
            yield f"against/p-holm/{quantity}/{place}", f"{one['p_holm']:.3g}"


def of_configurations(study):
    for configuration in study.configurations:
        place = place_of(configuration)
        told = configuration.told
        yield f"done/{place}", told["done"]
        yield f"events/{place}", configuration.events
        yield f"observed/{place}", configuration.observed
        yield f"rmst/{place}", facts.rmst_words(study, configuration)
        yield f"median/{place}", facts.median_words(told["median"])
        if told["never"]["share"] is not None:
            yield f"never/{place}", facts.interval_words(
                {**told["never"], "value": told["never"]["share"]}, ".2f")


def numbers_of(study):
    """Names and values for the text: \\sweep{rmst/0.1/0.01} is that of a configuration, by the
    values of its axes. Two numbers of one name are a fault: LaTeX would use the last."""
    found = {}
    for name, value in (*of_sweep(study), *of_comparisons(study), *of_counterparts(study),
                        *of_configurations(study), *findings.numbers_of(study)):
        if name in found:
            raise Fault(f"two numbers of the paper have the name {name}")
        found[name] = value
    return found


# Settings


SIDES = (("training", "networks", "replay", "grid"), ("environment", "tracking", "evaluation"))


def settings_of(text):
    """Pairs of key and value by section, of the settings as the program writes them."""
    found, section = {}, None
    for line in text.splitlines():
        if head := re.fullmatch(r"(\w+):", line):
            section = found.setdefault(head[1], [])
        elif (one := re.fullmatch(r"  ([\w.]+): (.*)", line)) and section is not None:
            section.append((one[1], one[2]))
    return found


def settings_table(text):
    """All settings that decide a result, in two halves side by side."""
    found = settings_of(text)
    halves = []
    for side in SIDES:
        rows = []
        for section in side:
            if found.get(section):
                rows.append(r"\addlinespace" if rows else "")
                rows.append(rf"\multicolumn{{2}}{{@{{}}l}}{{\textbf{{{section}}}}} \\")
                rows += [rf"\texttt{{{escape(key)}}} & {escape(value)} \\"
                         for key, value in found[section]]
        halves.append("\n".join([r"\begin{minipage}[t]{0.49\textwidth}\vspace{0pt}",
                                 r"\begin{tabular}{@{}lp{0.5\linewidth}@{}}", r"\toprule",
                                 *filter(None, rows), r"\bottomrule", r"\end{tabular}",
                                 r"\end{minipage}"]))
    return "\n".join([r"\begin{table}[tbp]", r"\footnotesize",
                      r"\caption{Settings of the sweep, from its file; those under \emph{grid} differ "
                      r"between runs}\label{tab:settings}", r"\hfill".join(halves), r"\end{table}"])


# Text


def extremes(study):
    """Names of the configurations with the smallest and the largest restricted mean; None where
    they do not differ."""
    known = [one for one in study.configurations if one.told["rmst"]["value"] is not None]
    if not known:
        return None, None
    ends = [pick(known, key=lambda one: one.told["rmst"]["value"]) for pick in (min, max)]
    if math.isclose(*(configuration.told["rmst"]["value"] for configuration in ends)):
        return None, None
    return [study.name_of(configuration.index) for configuration in ends]


def environment():
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), undefined=jinja2.StrictUndefined,
        block_start_string="<%", block_end_string="%>", variable_start_string="<<",
        variable_end_string=">>", comment_start_string="<#", comment_end_string="#>",
        trim_blocks=True, lstrip_blocks=True, finalize=escape)
    made.filters["name"] = Name
    return made


def interventions(study):
    """Of --against: the axis, what stands for the grid, names of values in words and in numbers
    with whether an actor moved again, and which return; None without."""
    against = findings.compared(study)
    if against is None:
        return None
    quantity = against.return_quantity()
    return {"axis": against.axis, "grid": against.places_axis(),
            "summary": findings.sentences(study, "against"),
            "values": [(against.value_name(value), against.number_name(value),
                        findings.moved_words(against, value) != "")
                       for value in findings.ordered(study, against)],
            "return": quantity.replace("_", "-"), "return_words": findings.QUANTITIES[quantity],
            "notes": findings.table_notes(study)}


def text_of(study, drawn):
    places = study.configurations[:MOST]
    earliest, latest = extremes(study)
    template = environment().get_template("paper.tex")
    context = dict(
        name=shown(os.path.basename(study.sweep.path)), complete=facts.complete(study),
        event=study.event_words(), key=study.event, definition=facts.WORDS[study.event],
        drawn={one.name: one for one in drawn if one.files},
        others=[(fate.replace("_", "-"), facts.FATES[fate])
                for fate, count in study.told["fates"].items() if count and fate != "events"],
        warnings=facts.warnings(study) + facts.failures(study),
        places=[place_of(configuration) for configuration in places],
        names=[study.name_of(configuration.index) for configuration in places],
        command=shlex.join(facts.aggregate_command(study)), earliest=earliest, latest=latest,
        single=all(configuration.told["seeds"] <= 1 for configuration in study.configurations),
        several=len(study.configurations) != 1, compared=bool(tested(study)),
        moved=study.event == "first_still" and study.endpoint == "all" or None,
        causes=[(cause, facts.WORDS[cause].removeprefix("cause: "))
                for cause in ("critic_dead", "tanh_hard", "actor_dead")],
        counted_causes=counted(study), interventions=interventions(study))
    return re.sub(r"\n{3,}", "\n\n", template.render(context)) + "\n"


def tables_of(snapshot):
    """The tables of aggregate, which writes the name of the file in ASCII only."""
    name = escape(shown(os.path.basename(snapshot.path)))
    return re.sub(r"\A((?:%.*\n)*\\noindent ).*?(?=: )", lambda found: found[1] + name,
                  compilable(snapshot.tables), count=1)


def write_paper(snapshot, folder, scratch):
    """Write FOLDER/paper, made in a scratch folder, and compile it where pdflatex is; the path of
    the PDF, else of the text, sentences on what failed, and sentences on what the user has edited."""
    folder, made = pathlib.Path(folder) / "paper", pathlib.Path(scratch) / "paper"
    with naming(folder):
        (made / "figures").mkdir(parents=True)
        drawn = draw_all(snapshot, SHOWN, made / "figures", ["pdf"])
    study = Study(snapshot)
    for sentence in facts.failed(drawn):
        study.sweep.note_failure(sentence)
    numbers = [f"\\sweepnumber{{{name}}}{{{escape(value)}}}"
               for name, value in numbers_of(study).items()]
    settings = facts.known(study, lambda study: study.sweep.text("settings"), "")
    references = environment().get_template("references.bib").render(
        version=study.sweep.attribute("version"), revision=study.sweep.attribute("revision")[:12])
    with naming(folder):
        for name, text in (("numbers.tex", "\n".join(numbers)), ("tables.tex", tables_of(snapshot)),
                           ("settings.tex", settings_table(settings)),
                           ("references.bib", references), ("paper.tex", text_of(study, drawn))):
            (made / name).write_text(text.rstrip("\n") + "\n", "utf-8")
        # An edited paper would still find them.
        remove_former(folder, made, "figures")
    failures, notes = list(study.sweep.failures), []
    if shutil.which("pdflatex"):
        failures += compile_paper(made, folder)
    elif (folder / "paper.pdf").exists():
        notes.append(f"{shown(folder)}/paper.pdf is of an earlier run: there is no pdflatex")
    written = "paper.pdf" if (made / "paper.pdf").exists() else "paper.tex"
    notes += put_folder(made, folder, BY_HAND, PRODUCTS)
    return folder / written, failures, notes


# Compiling


def lay_out(made, folder, room):
    """Copy a paper into a room to compile it, as it will be: with the texts that were edited.
    Returns the environment in which it finds what else is there."""
    shutil.copytree(made, room)
    texts = edited(folder, BY_HAND)
    for name in texts:
        with naming(folder / name):
            shutil.copyfile(folder / name, room / name)
    if "paper.tex" not in texts:
        return dict(os.environ)
    # Sections, styles and figures of its own are found where they are; what LaTeX writes goes to the
    # room, and what it has left there by an earlier run is hidden by empty files.
    there = room.with_name("there")
    there.symlink_to(folder.resolve())
    for path, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        place = room / os.path.relpath(path, folder)
        for name in folders:
            (place / name).mkdir(exist_ok=True)
        for name in names:
            if name.endswith(".aux") or name in LEFT:
                (place / name).touch()
    search = {name: f".:../{there.name}:{os.environ.get(name, '')}"
              for name in ("TEXINPUTS", "BIBINPUTS", "BSTINPUTS")}
    return {**os.environ, **search}


def run_step(words, room, variables):
    """Returns what went wrong, in words; "" for nothing."""
    try:
        done = subprocess.run(words, cwd=room, stdin=subprocess.DEVNULL, capture_output=True,
                              check=False, timeout=PATIENCE, env=variables,
                              preexec_fn=die_with_parent)
        return "" if done.returncode == 0 else f"{words[0]} fails"
    except FileNotFoundError:
        return f"there is no {words[0]}"
    except subprocess.TimeoutExpired:
        return f"{words[0]} does not end"


def run_steps(room, variables):
    """Run pdflatex and bibtex until references are complete. Returns what went wrong with the paper,
    and with its references."""
    latex = ["pdflatex", "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "paper"]
    wrong, references = run_step(latex, room, variables), ""
    if not wrong:
        # An edited paper may have its references from elsewhere.
        if (room / "paper.bcf").exists():
            references = run_step(["biber", "paper"], room, variables)
        elif b"\\bibdata{" in (room / "paper.aux").read_bytes():
            references = run_step(["bibtex", "paper"], room, variables)
        wrong = run_step(latex, room, variables) or run_step(latex, room, variables)
    if not wrong and not (room / "paper.pdf").exists():
        wrong = "pdflatex makes no paper.pdf"
    return wrong, references


def compile_paper(made, folder):
    """Compile it, and add what comes of it to what was made. Returns sentences on what failed."""
    room = made.with_name("compiled")
    with naming(folder):
        variables = lay_out(made, folder, room)
        wrong, references = run_steps(room, variables)
        for name in ["paper.log"] if wrong else PRODUCTS:
            if (room / name).exists():
                shutil.copyfile(room / name, made / name)
    text = f"{shown(folder)}/paper.tex"
    if wrong:
        older = (folder / "paper.pdf").exists()
        return [f"{text} does not compile: {wrong}, see {shown(folder)}/paper.log"
                + (f"; {shown(folder)}/paper.pdf is of an earlier run" if older else "")]
    return [f"{text} was compiled without its references: {references}"] if references else []
