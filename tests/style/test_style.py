# SPDX-License-Identifier: MIT
"""The house rules that a machine can check. A tool that is not installed is a skip."""
import itertools
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
HEADERS = [path for path in FILES if path.parent == ROOT / "include/ccmsweep"]


def is_script(path):
    return path.suffix == ".sh" or path.read_bytes()[:20].startswith(b"#!/usr/bin/env bash")


def is_code(path):
    return path.suffix in CODE or is_script(path) or path.name.startswith("meson")


def short(path):
    return str(path.relative_to(ROOT))


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


def foreign_includes():
    """Options with which the build finds the headers of MPI and HDF5."""
    commands = json.loads((BUILD / "compile_commands.json").read_text())
    words = {word for entry in commands for word in shlex.split(entry["command"])}
    return sorted(word for word in words if word.startswith("-isystem"))


@pytest.mark.parametrize("header", HEADERS, ids=lambda path: path.name)
def test_header_compiles_alone(header):
    ours = shlex.split(os.environ["CC"])
    compilers = [ours] + [[other] for other in ("gcc", "clang")
                          if shutil.which(other) and other not in Path(ours[-1]).name]
    for compiler in compilers:
        run(*compiler, "-std=gnu17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only",
            f"-I{ROOT}/include", *foreign_includes(), "-x", "c", "-",
            text=f"#include <ccmsweep/{header.name}>\n")


# Who may include what comes from outside.
INCLUDES = {
    "hdf5.h": r"include/ccmsweep/h5\.h",
    "hdf5_hl.h": r"src/sweep/store\w*\.c",
    "ccmsweep/h5.h": r"src/sweep/(h5\w*|store\w*)\.c|include/ccmsweep/store_inside\.h",
    "mpi.h": r"src/(sweep/(comm|scheduler|worker|store)\w*|cli/\w+)\.c",
    "yaml.h": r"src/sweep/outline\.c",
    "gsl/": r"src/stats/\w+\.c",
    "cblas.h": r"src/cli/yardstick\.c",
    "immintrin.h": r"src/model/level\.c",
    "arm_neon.h": r"src/model/level\.c",
}


@pytest.mark.parametrize("name", INCLUDES)
def test_included_only_by(name):
    users = [short(p) for p in FILES if p.suffix in {".c", ".h"} and "tests" not in p.parts
             and re.search(rf"^#include <{re.escape(name)}", p.read_text(), re.MULTILINE)]
    assert not [user for user in users if not re.fullmatch(INCLUDES[name], user)]


LAYERS = ["base", "model", "sweep", "cli"]
# Stands on base alone, and only cli stands on it.
STATS = [("base", "stats"), ("stats", "model"), ("stats", "sweep"), ("stats", "cli"),
         ("model", "stats"), ("sweep", "stats")]


def symbols(layer, *options):
    """Names that `nm` gives for the static library of a layer."""
    library = BUILD / f"src/{layer}/libccm_{layer}.a"
    listing = subprocess.run(["nm", "--format=posix", *options, library], check=True,
                             capture_output=True, text=True).stdout
    return set(re.findall(r"^(\w+) [A-Za-z]", listing, flags=re.MULTILINE))


@pytest.mark.parametrize("lower, upper", [*itertools.combinations(LAYERS, 2), *STATS])
def test_no_upward_call(lower, upper):
    defined = symbols(upper, "--defined-only", "--extern-only")
    assert defined
    assert not symbols(lower, "--undefined-only") & defined


def readme_commands():
    """Command lines in the README's shell blocks, continuation lines joined, comments dropped."""
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(),
                        flags=re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [words for words in (shlex.split(line, comments=True) for line in lines) if words]


def test_readme_commands():
    commands = readme_commands()
    assert commands
    for words in commands:
        if "/" in words[0] and words[0] != "build/ccmsweep":
            assert os.access(ROOT / words[0], os.X_OK), words[0]
        for word in words[1:]:
            assert not word.startswith("sweeps/") or (ROOT / word).is_file(), word
        if words[0] == "build/ccmsweep":
            command = [word for word in words[1:2] if not word.startswith("-")]
            text = subprocess.run([os.environ["CCMSWEEP"], *command, "--help"], check=True,
                                  capture_output=True, text=True).stdout
            for word in words[1:]:
                option = word.split("=")[0]
                assert not option.startswith("--") or option in text, shlex.join(words)
