# SPDX-License-Identifier: MIT
"""The report of a sweep: one HTML file that needs nothing else."""
import base64
import os
import pathlib
import re
import tempfile

import jinja2

from . import facts
from .drawing import draw_all
from .figures import FIGURES, SECTIONS
from .study import Study, number

CONTENTS = [("provenance", "Provenance and completeness"), ("grid", "The grid"),
            ("curves", "Curves"), ("comparisons", "Comparisons"), ("mechanism", "Mechanism"),
            ("returns", "Returns"), ("runtime", "Run times"), ("commands", "Commands")]
TEMPLATES = pathlib.Path(__file__).parent / "templates"


def write_whole(path, text):
    """Write a file at once, or not at all."""
    new = path.with_name(path.name + ".new")
    new.write_text(text, encoding="utf-8")
    os.replace(new, path)


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


def html_of(study, drawn):
    templates = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True,
                                   undefined=jinja2.StrictUndefined)
    style = jinja2.utils.markupsafe.Markup((TEMPLATES / "report.css").read_text("utf-8"))
    return templates.get_template("report.html").render(
        title=f"Sweep {os.path.basename(study.sweep.path)}", style=style, contents=CONTENTS,
        headline=facts.headline(study), complete=facts.complete(study),
        event=study.event_words(), limit=number(study.limit), warnings=facts.warnings(study),
        provenance=facts.provenance(study), gaps=facts.gaps(study),
        fates=[(count, facts.FATES[fate]) for fate, count in study.told["fates"].items()],
        grid=facts.grid_table(study), words=facts.WORDS, comparisons=facts.comparison_tables(study),
        tests=facts.test_table(study), returns=facts.returns_table(study), work=facts.work(study),
        commands=facts.commands(study), settings=study.sweep.text("settings"),
        drawn=sections_of(drawn))


def write_report(snapshot, folder):
    """Write FOLDER/report.html; its path."""
    folder = pathlib.Path(folder)
    with tempfile.TemporaryDirectory() as scratch:
        drawn = draw_all(snapshot, list(FIGURES), scratch, ["svg"])
        text = html_of(Study(snapshot), drawn)
    write_whole(folder / "report.html", text)
    return folder / "report.html"
