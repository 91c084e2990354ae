# SPDX-License-Identifier: MIT
"""A paper's skeleton with the figures, tables and numbers of a sweep."""
import os
import pathlib
import shlex
import shutil
import subprocess

import jinja2

from . import facts
from .drawing import draw_all
from .report import TEMPLATES, write_whole
from .study import Study, number
from .sweep import Unreadable

FIGURES = ("rmst_map", "survival", "incidence", "event_times", "gradient_norms", "attenuation",
           "dead_units", "slope_and_saturation", "final_returns")
SPECIAL = {"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "_": r"\_", "&": r"\&", "%": r"\%",
           "$": r"\$", "#": r"\#", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
           "<": r"$<$", ">": r"$>$", "²": r"\textsuperscript{2}", "±": r"$\pm$", "|": r"$|$",
           '"': r"''", "…": r"\ldots{}", "χ": r"$\chi$"}


class Name(str):
    """Of a file, label or number: goes into the text as it is."""


def escape(text):
    if isinstance(text, Name):
        return text
    # Two hyphens would become a dash.
    return "".join(SPECIAL.get(letter, letter) for letter in str(text)).replace("--", "-{}-")


def place_of(cell):
    """Values of a configuration's axes, as names of numbers have them."""
    return "/".join(number(value) for value in cell.told["axes"].values())


def numbers_of(study):
    """Names and values for the text: \\sweep{rmst/0.1/0.01} is that of a configuration, by the
    values of its axes."""
    options = study.told["options"]
    found = {"runs": study.told["runs"], "limit": number(study.limit), "event": options["event"],
             "endpoint": options["endpoint"], "confidence": f"{100 * study.confidence:g}",
             "bootstrap": options["bootstrap"], "permutations": options["permutations"],
             "draw-seed": options["draw_seed"], "configurations": len(study.configurations),
             "fingerprint": study.sweep.fingerprint[:16],
             "revision": study.sweep.attribute("revision")[:12],
             "algorithm-version": study.sweep.attribute("algorithm_version")}
    seeds = [cell.told["seeds"] for cell in study.configurations]
    found["seeds"] = (number(min(seeds)) if min(seeds) == max(seeds) else
                      f"{min(seeds)} to {max(seeds)}")
    found |= {fate.replace("_", "-"): count for fate, count in study.told["fates"].items()}
    for one in study.told["comparisons"]:
        family = "reference" if one["family"] == "reference" else one["axis"]
        sides = [place_of(study.configurations[one[side]]) for side in ("a", "b")]
        key = f"{family}/{sides[0]}-{sides[1]}"
        if one["difference"] is not None:
            found[f"difference/{key}"] = facts.interval_words(
                {**one, "value": one["difference"]}, ".1f")
        if one["p"] is not None:
            found |= {f"p/{key}": f"{one['p']:.3g}", f"p-holm/{key}": f"{one['p_holm']:.3g}"}
    for cell in study.configurations:
        place = place_of(cell)
        told = cell.told
        found[f"done/{place}"] = told["done"]
        found[f"events/{place}"] = cell.events
        found[f"observed/{place}"] = cell.observed
        found[f"rmst/{place}"] = facts.rmst_words(study, cell)
        found[f"median/{place}"] = facts.median_words(told["median"])
        if told["never"]["share"] is not None:
            found[f"never/{place}"] = facts.interval_words(
                {**told["never"], "value": told["never"]["share"]}, ".2f")
    return found


def skeleton(study, drawn):
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), undefined=jinja2.StrictUndefined,
        block_start_string="<%", block_end_string="%>", variable_start_string="<<",
        variable_end_string=">>", comment_start_string="<#", comment_end_string="#>",
        trim_blocks=True, finalize=escape)
    templates.filters["name"] = Name
    return templates.get_template("paper.tex").render(
        name=os.path.basename(study.sweep.path), complete=facts.complete(study),
        event=study.event_words(), figures=drawn,
        others=[(fate.replace("_", "-"), facts.FATES[fate])
                for fate, count in study.told["fates"].items() if count and fate != "events"],
        warnings=facts.warnings(study),
        places=[place_of(cell) for cell in study.configurations[:100]],
        names=[study.name_of(cell.index) for cell in study.configurations[:100]],
        command=shlex.join(facts.aggregate_command(study)),
        compared=bool(study.told["comparisons"]))


def write_paper(snapshot, folder):
    """Write FOLDER/paper and compile it where pdflatex is; the path of the PDF, else of the
    text."""
    folder = pathlib.Path(folder) / "paper"
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    drawn = draw_all(snapshot, FIGURES, folder / "figures", ["pdf"])
    study = Study(snapshot)
    numbers = [f"\\sweepnumber{{{name}}}{{{escape(value)}}}"
               for name, value in numbers_of(study).items()]
    write_whole(folder / "numbers.tex", "\n".join(numbers) + "\n")
    write_whole(folder / "tables.tex", snapshot.tables)
    write_whole(folder / "paper.tex", skeleton(study, [one for one in drawn if one.files]) + "\n")
    return compile_paper(folder) if shutil.which("pdflatex") else folder / "paper.tex"


def compile_paper(folder):
    """Run pdflatex until references are settled, without what an earlier text has left."""
    for name in ("paper.aux", "paper.out"):
        (folder / name).unlink(missing_ok=True)
    for _ in range(2):
        done = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error",
                               "paper.tex"], cwd=folder, capture_output=True, check=False)
        if done.returncode != 0:
            raise Unreadable(f"{folder}/paper.tex does not compile: see {folder}/paper.log")
    return folder / "paper.pdf"
