# SPDX-License-Identifier: MIT
"""The house rules that a machine can check. A tool that is not installed is a skip."""
import functools
import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(os.environ["CCMSWEEP_SOURCE"])
BUILD = Path(os.environ["CCMSWEEP_BUILD"])
LINES_MAX = 600
CODE = {".c", ".h", ".py", ".sh"}


def project_files():
    """Text files of the project, those in tests/data left out; without git all that is no build."""
    try:
        names = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
            check=True, capture_output=True, text=True).stdout.split("\0")
        found = [ROOT / name for name in names if name]
    except (OSError, subprocess.CalledProcessError):
        found = [path for path in ROOT.rglob("*")
                 if not re.match(r"build|\.git$", path.relative_to(ROOT).parts[0])]
    return sorted(path for path in found
                  if path.is_file() and path.suffix != ".png"
                  and ROOT / "tests/data" not in path.parents)


FILES = project_files()
HEADERS = [path for path in FILES if path.suffix == ".h" and "tests" not in path.parts]


def is_script(path):
    return path.suffix == ".sh" or path.read_bytes().startswith(b"#!/bin/bash -p\n")


def is_code(path):
    return path.suffix in CODE or is_script(path) or path.name.startswith("meson")


def short(path):
    return str(path.relative_to(ROOT))


def as_included(header):
    """How an include line names one of our headers."""
    name = header.relative_to(ROOT)
    return f"<{'/'.join(name.parts[1:])}>" if name.parts[0] == "include" else (
        f'"{"/".join(name.parts[1:])}"')


def run(*command, text=""):
    """Run a tool that returns 0 when all is well, with `text` as its standard input."""
    done = subprocess.run([str(word) for word in command], cwd=ROOT, text=True, input=text,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout


def tool(name):
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    return name


def test_format():
    version = subprocess.run([tool("clang-format"), "--version"], capture_output=True, text=True)
    if " 14." not in version.stdout:
        pytest.skip(f"clang-format 14 is wanted, this is {version.stdout.strip()}")
    run("clang-format", "--dry-run", "-Werror", *(p for p in FILES if p.suffix in {".c", ".h"}))


def test_spelling():
    # Misspelt on purpose: keys that the tests of the spec mistype.
    run(tool("codespell"), "--ignore-words-list=aplha,trainig", *FILES)


def test_shell_scripts():
    run(tool("shellcheck"), "--external-sources", *filter(is_script, FILES))


def test_licence_line():
    wrong = [short(p) for p in filter(is_code, FILES)
             if not any("SPDX-License-Identifier: MIT" in line
                        for line in p.read_text().splitlines()[:3])]
    assert not wrong, "\n".join(wrong)


def test_blanks():
    wrong = []
    for path in FILES:
        text = path.read_text()
        wrong += [f"{short(path)}:{number}: tab, carriage return or trailing blank"
                  for number, line in enumerate(text.split("\n"), 1)
                  if re.search(r"[\t\r]|\s$", line)]
        if text and not text.endswith("\n") or text.endswith("\n\n"):
            wrong.append(f"{short(path)}: must end in one line feed")
    assert not wrong, "\n".join(wrong)


def test_length():
    lengths = {short(p): len(p.read_text().splitlines()) for p in FILES if p.suffix in CODE}
    assert not {name: length for name, length in lengths.items() if length > LINES_MAX}


def wrong_cells(notebook):
    """Cells of code that keep what they printed, or when they were run."""
    return [number for number, cell in enumerate(notebook["cells"]) if cell["cell_type"] == "code"
            and (cell["outputs"] or cell["execution_count"] is not None or cell["metadata"])]


def test_notebooks_are_stripped():
    cell = {"cell_type": "code", "outputs": [], "execution_count": None, "metadata": {}}
    assert wrong_cells({"cells": [cell, {**cell, "execution_count": 1},
                                  {**cell, "outputs": ["x"]}]}) == [1, 2]
    notebooks = [path for path in FILES if path.suffix == ".ipynb"]
    assert notebooks
    wrong = {short(p): wrong_cells(json.loads(p.read_text())) for p in notebooks}
    assert not any(wrong.values()), wrong


def undocumented(text):
    """Functions declared in a paragraph that holds no comment."""
    text = re.sub(r"^[ \t]*#(?:.*\\\n)*.*$", "", text, flags=re.MULTILINE)
    found = []
    for paragraph in re.split(r"\n\s*\n", text):
        names = re.findall(r"^[A-Za-z_][\w\s*]*?\b(\w+)\([^;{]*;", paragraph, flags=re.MULTILINE)
        if names and not re.search(r"/\*|//", paragraph):
            found += names
    return found


def test_headers_documented():
    assert undocumented("/** x */\nint a(void);\n\nint b(int c,\n      int d);\n") == ["b"]
    wrong = [f"{short(p)}: {name}" for p in HEADERS for name in undocumented(p.read_text())]
    assert not wrong, "\n".join(wrong)


# Files of others that comments name.
FOREIGN = {"mt19937ar.c", "yaml.h"}


def wrong_comments(text, files):
    """What a machine can see of a stale comment, or of one that a tool has torn."""
    wrong = []
    for match in re.finditer(r"/\*.*?\*/", text, flags=re.DOTALL):
        first = text.count("\n", 0, match.start()) + 1
        last = first + match[0].count("\n")
        for number, line in enumerate(text.split("\n")[first - 1:last], first):
            if len(line) > 100:
                wrong.append(f"{number}: more than 100 columns")
            if re.search(r"\\param\s*$", line):
                wrong.append(f"{number}: \\param without its name")
        plain = re.sub(r"\n\s*\*+", "\n", match[0])
        wrong += [f"{first}: there is no {name}"
                  for name in re.findall(r"(?<![\w./<-])((?:\w+/)*\w+\.[ch])\b", plain)
                  if name not in FOREIGN and not any(f"/{file}".endswith(f"/{name}")
                                                     for file in files)]
        names = re.findall(r"\\param\s+(\w+(?:,\s+\w+)*)", plain)
        prototype = re.match(r"[^;{]*", text[match.end():])[0]
        wrong += [f"{first}: {name} is not a parameter" for some in names
                  for name in re.split(r",\s+", some)
                  if not re.search(rf"\b{name}\b", prototype)]
    return wrong


def test_comments():
    text = ("/** Of a/b.h and a/c.h. \\param\n *  one, two both\n *  \\param three x */\n"
            f"int f(int one, int three);\nint x; /* {'x' * 100} */\n")
    assert wrong_comments(text, ["src/a/b.h"]) == [
        "1: \\param without its name", "1: there is no a/c.h", "1: two is not a parameter",
        "5: more than 100 columns"]
    sources = [p for p in FILES if p.suffix in {".c", ".h"}]
    names = [short(p) for p in sources]
    wrong = [f"{short(p)}:{line}" for p in sources for line in wrong_comments(p.read_text(), names)]
    assert not wrong, "\n".join(wrong)


@functools.cache
def foreign_includes():
    """Options with which the build finds the headers of MPI and HDF5."""
    commands = json.loads((BUILD / "compile_commands.json").read_text())
    words = {word for entry in commands for word in shlex.split(entry["command"])}
    return sorted(word for word in words if word.startswith("-isystem"))


@pytest.mark.parametrize("header", HEADERS, ids=as_included)
def test_header_compiles_alone(header):
    """By the compiler of the build; another one sees all headers when it builds."""
    run(*shlex.split(os.environ["CC"]), "-std=gnu17", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
        "-fsyntax-only", f"-I{ROOT}/include", f"-I{ROOT}/src", *foreign_includes(), "-x", "c", "-",
        text=f"#include {as_included(header)}\n")


# Who may include what comes from outside.
INCLUDES = {
    "hdf5.h": r"src/store/h5_internal\.h",
    "hdf5_hl.h": r"src/store/store\w*\.c",
    "mpi.h": r"src/(run/(comm|scheduler|attempt)|store/store\w*|cli/\w+)\.c",
    "yaml.h": r"src/spec/yaml_tree\.c",
    "gsl/": r"src/stats/\w+\.c",
    "cblas.h": r"src/(bench/sgemm_reference|model/plain/pass)\.c",
    "immintrin.h": r"src/model/kernels_vector\.h",
    "arm_neon.h": r"src/model/kernels_vector\.h",
}
SOURCES = [p for p in FILES if p.suffix in {".c", ".h"} and "tests" not in p.parts]


@pytest.mark.parametrize("name", INCLUDES)
def test_included_only_by(name):
    users = [short(p) for p in SOURCES
             if re.search(rf"^#include <{re.escape(name)}", p.read_text(), re.MULTILINE)]
    assert users
    assert not [user for user in users if not re.fullmatch(INCLUDES[name], user)]


# What each room of src/ may see besides itself.
ROOMS = {
    "base": [],
    "model": ["base"],
    "stats": ["base"],
    "sys": ["base"],
    "spec": ["base", "sys"],
    "store": ["base", "model", "sys", "spec"],
    "run": ["base", "model", "sys", "spec", "store"],
    "query": ["base", "model", "stats", "sys", "spec", "store"],
    "report": ["base", "model", "stats", "sys", "spec", "store", "query"],
    "bench": ["base", "model", "sys", "spec", "store", "run"],
    "cli": ["base", "model", "stats", "sys", "spec", "store", "run", "query", "report", "bench"],
}


def wrong_includes(room, text):
    """Include lines that look up, or into what is a room's own."""
    found = re.findall(r'^#include "(\w+)/(\w+)\.h"', text, flags=re.MULTILINE)
    return [f"{other}/{name}" for other, name in found
            if other != room and (other not in ROOMS[room] or name.endswith("_internal"))]


def test_no_upward_include():
    assert wrong_includes("stats", '#include "model/mec.h"\n#include "base/rng.h"\n') == ["model/mec"]
    assert wrong_includes("run", '#include "store/store_internal.h"\n') == ["store/store_internal"]
    assert {p.relative_to(ROOT).parts[1] for p in SOURCES if p.suffix == ".c"} == set(ROOMS)
    # What is written plainly is for the tests: nothing that is installed or run may ask it.
    assert not [short(p) for p in SOURCES if p.parent.name != "plain"
                and '#include "model/plain/' in p.read_text()]
    wrong = [f"{short(p)}: {name}" for p in SOURCES if p.parts[-3] == "src"
             for name in wrong_includes(p.parent.name, p.read_text())]
    assert not wrong, "\n".join(wrong)


@functools.cache
def symbols(room):
    """Of each object of a room's library: names that it defines, and names that it wants."""
    listing = subprocess.run(
        ["nm", "-A", "--format=posix", BUILD / f"src/{room}/libccm_{room}.a"], check=True,
        capture_output=True, text=True).stdout
    given, wanted = {}, {}
    for name, symbol, kind in re.findall(r"^.*\[(.*)\]: (\w+) (\w)", listing, flags=re.MULTILINE):
        given.setdefault(name, set()), wanted.setdefault(name, set())
        if kind == "U":
            wanted[name].add(symbol)
        elif kind.isupper():
            given[name].add(symbol)
    assert given
    return given, wanted


@pytest.mark.parametrize("room", ROOMS)
def test_no_upward_call(room):
    wanted = set().union(*symbols(room)[1].values())
    for other in set(ROOMS) - {room, *ROOMS[room]}:
        assert not wanted & set().union(*symbols(other)[0].values()), other


def circles(calls):
    """Sets of files that call each other, directly or through others."""
    def reached(start):
        seen, rest = set(), [start]
        while rest:
            new = calls[rest.pop()] - seen
            seen |= new
            rest += new
        return seen
    all_reached = {name: reached(name) for name in calls}
    return {frozenset(other for other in all_reached[name] if name in all_reached[other])
            for name in calls if name in all_reached[name]}


@pytest.mark.parametrize("room", ROOMS)
def test_no_circle_of_files(room):
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == {frozenset("bc")}
    given, wanted = symbols(room)
    assert not circles({name: {other for other in given
                               if other != name and wanted[name] & given[other]}
                        for name in given})
