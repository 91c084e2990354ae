# SPDX-License-Identifier: MIT
"""The report of a sweep: one HTML file that needs nothing else."""
import base64
import functools
import os
import pathlib
import re

import jinja2

from . import facts, findings
from .drawing import draw_all
from .figures import FIGURES, SECTIONS
from .output import naming, write_whole
from .study import Study
from .words import number, printable, shown

CONTENTS = [("provenance", "Provenance and completeness"), ("grid", "The grid"),
            ("curves", "Curves"), ("comparisons", "Comparisons"),
            ("interventions", "Interventions"), ("mechanism", "Mechanism"), ("returns", "Returns"),
            ("runtime", "Run times"), ("commands", "Commands")]
TEMPLATES = pathlib.Path(__file__).parent / "templates"


def as_image(path):
    # A hundredth of a point is as fine as a screen or a printer shows.
    drawing = re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]),
                     path.read_text("utf-8"))
    data = base64.b64encode(drawing.encode()).decode()
    return f"data:image/svg+xml;base64,{data}"


def sections_of(drawn):
    """Figures by section, with the data of those that were drawn."""
    by_name = {one.name: {"name": one.name, "title": one.title, "caption": one.caption,
                          "reason": one.reason,
                          "image": as_image(one.files["svg"]) if one.files else None}
               for one in drawn}
    return {section: [by_name[draw.__name__] for draw in draws]
            for section, draws in SECTIONS.items()}


def contents_of(study, sections):
    """Sections of the page. Without what --against says, of the interventions only what is drawn
    of them all the same, and no section where that is nothing."""
    if study.told.get("against") is None:
        sections["interventions"] = [one for one in sections["interventions"] if one["image"]]
    return [(name, title) for name, title in CONTENTS
            if name != "interventions" or sections["interventions"]]


def fit(value):
    """Text that HTML can contain. Text from a file can have any content; the page itself is left as
    it is."""
    return value if hasattr(value, "__html__") else (
        printable(value, keep="\n") if isinstance(value, str) else value)


@functools.cache
def template(name):
    """A template of a page, which knows the style of all pages."""
    templates = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True,
                                   undefined=jinja2.StrictUndefined, finalize=fit)
    templates.globals["style"] = jinja2.utils.markupsafe.Markup(
        (TEMPLATES / "report.css").read_text("utf-8"))
    return templates.get_template(name)


def title_of(path):
    return f"Sweep {shown(os.path.basename(path))}"


def html_of(study, drawn):
    """The page, and sentences on what failed, which are also in the page."""
    provenance, work = facts.provenance(study), facts.work(study)
    settings = facts.known(study, lambda study: study.sweep.text("settings"), "unknown")
    for sentence in facts.failed(drawn):
        study.sweep.note_failure(sentence)
    sections = sections_of(drawn)
    contents = contents_of(study, sections)
    page = template("report.html").render(
        title=title_of(study.sweep.path), contents=contents,
        numbered={name: place for place, (name, _) in enumerate(contents, 1)},
        headline=facts.headline(study), complete=facts.complete(study),
        event=study.event_words(), limit=number(study.limit),
        warnings=facts.warnings(study) + facts.failures(study),
        provenance=provenance, gaps=facts.gaps(study),
        fates=[(count, facts.FATES[fate]) for fate, count in study.told["fates"].items()],
        together=facts.together_tables(study), grid=facts.grid_table(study), words=facts.WORDS,
        comparisons=facts.comparison_tables(study),
        tests=facts.test_table(study), returns=facts.returns_table(study), work=work,
        commands=facts.commands(study), settings=settings, drawn=sections,
        findings=findings.sentences(study), pooled=findings.pooled_table(study),
        pooled_notes=findings.table_notes(study))
    return page, study.sweep.failures


def write_report(snapshot, folder, scratch):
    """Write FOLDER/report.html, which is made in a scratch folder. Returns its path, and sentences
    on what failed."""
    path = pathlib.Path(folder) / "report.html"
    with naming(path):
        drawn = draw_all(snapshot, list(FIGURES), scratch, ["svg"])
    page, failures = html_of(Study(snapshot), drawn)
    write_whole(path, page.encode())
    return path, failures
