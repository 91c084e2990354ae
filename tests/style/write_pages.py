#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write the generated parts of the pages: what stands between the two marker comments of a block.

Usage: tests/style/write_pages.py [PROGRAM]

PROGRAM is build/ccmsweep unless given. The Python is one that has what reports take. The tables come from the program and its sources, so that
a page cannot say something else; tests/style/test_pages.py fails when one is stale.
"""
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"(?<=^<!-- generated: )(?P<name>[\w ]+) -->\n(?P<text>.*?)(?=^<!-- end -->$)",
                   flags=re.MULTILINE | re.DOTALL)


def pages():
    """All pages, the README first."""
    found = [*ROOT.glob("*/README.md"), *ROOT.glob("src/*/README.md"),
             *ROOT.glob("tests/data/**/README.md"), ROOT / "sweeps/RESULTS.md",
             ROOT / "src/model/INTERVENTIONS.md", ROOT / ".github/CONTRIBUTING.md"]
    return [ROOT / "README.md", *sorted(found)]


def printed(program, *arguments):
    surroundings = {name: value for name, value in os.environ.items() if name != "ARGP_HELP_FMT"}
    return subprocess.run([program, *arguments], check=True, capture_output=True, text=True,
                          env=surroundings | {"LC_ALL": "C.UTF-8"}).stdout


def table(heads, rows):
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def plain(text):
    """Text that Markdown shows as it is, inside a table."""
    return re.sub(r"([|*<])", r"\\\1", " ".join(text.split()))


def schema(program):
    return printed(program, "show", "--schema")


def settings(program):
    rows, section, meaning = [], "", None
    for line in printed(program, "spec", "--defaults").splitlines():
        if re.fullmatch(r"\w+:", line):
            section = line[:-1]
        elif meaning is None and line.startswith("  # "):
            meaning, _, values = line[4:].rpartition(": ")
        elif found := re.fullmatch(r"  (?:# )?(\w+): (.*)", line):
            rows.append([f"`{section}.{found[1]}`", f"`{found[2]}`", plain(values), plain(meaning)])
            meaning = None
    return table(["key", "default", "value", "meaning"], rows)


def option_rows(help_text):
    """The options of a help text: lines that begin with one, and what follows further right."""
    rows = []
    for line in help_text.splitlines():
        if found := re.fullmatch(r" {2,6}(-\S.*?)(?: {2,}(\S.*))?", line):
            rows.append([found[1], found[2] or ""])
        elif rows and re.match(r" {12,}\S", line):
            rows[-1][1] += " " + line.strip()
        elif line.strip() and rows:
            break
    return [[f"`{name}`", plain(meaning)] for name, meaning in rows
            if not re.search(r"--(help|usage)\b", name)]


def options(program, *command):
    return table(["option", "meaning"], option_rows(printed(program, *command, "--help")))


def key_rows(text, name):
    """The JSON keys of `name` that a header lists in its comment, a line `- keys: meaning` each."""
    listed = re.search(rf"^ \*  Keys of {name}:\n((?: \*  (?:- |  ).*\n)+)", text, re.MULTILINE)[1]
    items = " ".join(line[4:].strip() for line in listed.splitlines()).removeprefix("- ")
    return [re.fullmatch(r"(`\w+`(?:, `\w+`)*): (.*)", item).groups()
            for item in re.split(r" - (?=`)", items)]


def keys(_program, *words):
    """The comment is that of the function that writes this JSON. Its text is Markdown."""
    name = " ".join(words)
    header, = [text for text in (path.read_text() for path in (ROOT / "src").glob("*/*.h"))
               if f"Keys of {name}:\n" in text]
    return table(["key", "meaning"], key_rows(header, name))


def specs(_program):
    rows = []
    for path in sorted((ROOT / "sweeps").glob("*.yaml")):
        comment = " ".join(re.findall(r"^# ?(.*)", path.read_text(), flags=re.MULTILINE))
        question, cells, hours = re.search(r"Question: (.*?) Cells: (\d+) Expected: (\S+)",
                                           comment).groups()
        rows.append([f"[{path.name}]({path.name})", cells, hours,
                     plain(question[0].upper() + question[1:])])
    return table(["spec", "cells", "core-hours", "question"], rows)


def figures(_program):
    sys.path.insert(0, str(ROOT / "analysis"))
    from ccmsweep_analysis import figures as ours
    return table(["section", "figure", "what it shows"],
                 [[section, f"`{draw.__name__}`", plain(ours.title_of(draw))]
                  for section, draws in ours.SECTIONS.items() for draw in draws])


def rooms(_program):
    rows = []
    for room in sorted(path for path in (ROOT / "src").iterdir() if path.is_dir()):
        stems = {path.stem for path in room.iterdir() if path.suffix in {".c", ".h"}}
        rows.append([f"`{room.name}`", ", ".join(sorted(stems))])
    return table(["room", "files"], rows)


def expected(text, program):
    """The text of a page with its generated blocks made anew."""
    def made(found):
        kind, *rest = found["name"].split()
        return f"{found['name']} -->\n\n{GENERATORS[kind](program, *rest).strip()}\n\n"
    return BLOCK.sub(made, text)


GENERATORS = {"figures": figures, "keys": keys, "options": options, "rooms": rooms,
              "schema": schema, "settings": settings, "specs": specs}


if __name__ == "__main__":
    ours = str(Path(sys.argv[1]).resolve()) if len(sys.argv) > 1 else str(ROOT / "build/ccmsweep")
    for page in pages():
        page.write_text(expected(page.read_text(), ours))
