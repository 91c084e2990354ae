# SPDX-License-Identifier: MIT
"""The pages say what the program does: generated tables, commands, JSON keys, links."""
import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import write_pages
from test_style import ROOMS

ROOT = Path(os.environ["CCMSWEEP_SOURCE"])
PROGRAM = os.environ["CCMSWEEP"]
PAGES = write_pages.pages()
README_LINES_MAX = 220
by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def run(*arguments, folder):
    return subprocess.run([PROGRAM, *arguments], cwd=folder, check=True, capture_output=True,
                          text=True).stdout


def test_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= README_LINES_MAX


def test_version_is_the_same_everywhere():
    build = re.search(r"^  version: '(.*)'", (ROOT / "meson.build").read_text(), re.MULTILINE)[1]
    assert f"\nversion: {build}\n" in (ROOT / "CITATION.cff").read_text()
    package = (ROOT / "analysis/ccmsweep_analysis/__init__.py").read_text()
    assert f'\n__version__ = "{build}"\n' in package
    assert '\nversion = {attr = "ccmsweep_analysis.__version__"}\n' in (
        ROOT / "analysis/pyproject.toml").read_text()


# What is generated


@by_page
def test_generated_tables_are_fresh(page):
    text = page.read_text()
    assert text.count("<!-- generated: ") == text.count("<!-- end -->") == len(
        write_pages.BLOCK.findall(text))
    assert write_pages.expected(text, PROGRAM) == text, "run tests/style/write_pages.py"


def test_every_command_has_its_options_on_a_page():
    commands = re.findall(r"^  (\w+) {2,}", write_pages.printed(PROGRAM, "--help").split(
        "Commands:")[1].split("\n\n")[0], flags=re.MULTILINE)
    assert len(commands) == 10
    blocks = re.findall(r"<!-- generated: options (.*) -->",
                        "".join(page.read_text() for page in PAGES))
    assert sorted(blocks) == sorted([*commands, "bench schedule"])


def test_option_rows():
    text = ("Usage: x\n\n  -a FILE    one\n      --bc=N   two\n               lines, or |\n"
            "  -?, --help   help\n \n--no prose\n")
    assert write_pages.option_rows(text) == [["`-a FILE`", "one"], ["`--bc=N`", r"two lines, or \|"]]


def test_key_rows():
    text = (" * Keys of no list\n *\n *  Keys of b:\n *  - `x`: other\n *\n *  Keys of a:\n"
            " *  - `x`, `y`: two - of `z`:\n *    in `two` lines\n *  - `z`: the last\n */\n")
    assert write_pages.key_rows(text, "a") == [("`x`, `y`", "two - of `z`: in `two` lines"),
                                               ("`z`", "the last")]


def test_rooms_see_what_the_page_says():
    text = (ROOT / "src/README.md").read_text()
    said = {room: sees for room, sees in
            re.findall(r"^\| \[?`(\w+)`.*? \| .* \| ([a-z, ]*) \| .*\|$", text, re.MULTILINE)}
    every = [room for room in ROOMS if room != "cli"]
    assert said == {room: "all" if sees == every else ", ".join(sees) or "nothing"
                    for room, sees in ROOMS.items()}


def test_files_on_the_page_exist():
    """The files of src/ that the page of the whole names, with or without ending."""
    named = re.findall(r"`((?:\w+)/(?:\w+))(?:\.[ch])?`", (ROOT / "src/README.md").read_text())
    assert named
    assert not [name for name in named if name.split("/")[0] in ROOMS
                and not list((ROOT / "src").glob(f"{name}.[ch]"))]


@pytest.mark.parametrize("room", ["model", "stats", "store"])
def test_page_of_a_room_names_its_files(room):
    """The tables whose first column is headed `file`: all that is there, and nothing else."""
    text = (ROOT / f"src/{room}/README.md").read_text()
    tables = re.findall(r"^\| file \|.*\n\|[-|]+\n((?:\|.*\n)+)", text, flags=re.MULTILINE)
    named = {name for rows in tables for row in rows.splitlines()
             for name in re.findall(r"`(\w+)(?:\.[ch])?`", row.split(" | ")[0])}
    there = {path.stem for path in (ROOT / f"src/{room}").glob("*.[ch]")
             if not path.stem.endswith("_internal")}
    installed = {path.stem for path in (ROOT / "include/ccmsweep").glob("*.h")}
    assert there <= named <= there | installed


# Links


def without_code(text):
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "", text)


def anchors(text):
    """The names that a page's headings have as targets of links."""
    headings = re.findall(r"^#+ (.*)", re.sub(r"^```.*?^```", "", text,
                                              flags=re.MULTILINE | re.DOTALL), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page, text):
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(text)):
        if re.match(r"https?://", target):
            continue
        name, _, anchor = target.partition("#")
        path = page.parent / name if name else page
        if not path.exists():
            wrong.append(target)
        elif anchor and anchor not in anchors(text if path == page else path.read_text()):
            wrong.append(target)
    return wrong


@by_page
def test_links_lead_somewhere(page):
    assert not broken_links(page, page.read_text())


def test_broken_links_are_found():
    text = ("# A `b`, c\n```\n# d\n```\n[x](#a-b-c) [x](#d) [x](nowhere.md) `[x](y)`\n"
            "[x](jobs/README.md#exit-codes) [x](jobs/README.md#nothing)\n")
    assert broken_links(ROOT / "README.md", text) == ["#d", "nowhere.md", "jobs/README.md#nothing"]


def test_every_page_can_be_reached():
    linked, new = set(), {ROOT / "README.md"}
    while new:
        page = new.pop()
        linked.add(page)
        for target in re.findall(r"\]\(([^)\s#]+)", without_code(page.read_text())):
            path = (page.parent / target).resolve()
            if path in PAGES and path not in linked:
                new.add(path)
    assert linked == set(PAGES)


# Commands


def commands_of(text):
    """Command lines in the shell blocks, and behind $ in the console blocks, continuation lines
    joined, comments dropped."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    console = re.findall(r"^```console\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    blocks += [line[2:] + "\n" for block in console for line in block.splitlines()
               if line.startswith("$ ")]
    table = re.findall(r"^\|.*\| `([^`|]*build/ccmsweep [^`|]*)` \|$", text, flags=re.MULTILINE)
    lines = "".join(blocks).replace("\\\n", " ").splitlines() + table
    return [words for words in (shlex.split(line, comments=True) for line in lines) if words]


def test_commands_of():
    text = ("```sh\na \\\n  b   # c\n```\n```console\n$ d e\nf\n```\n```\ng\n```\n"
            "| x | `CC=1 build/ccmsweep bench train` |\n")
    assert commands_of(text) == [["a", "b"], ["d", "e"], ["CC=1", "build/ccmsweep", "bench", "train"]]


@by_page
def test_commands_exist(page):
    for words in commands_of(page.read_text()):
        if "/" in words[0] and words[0] != "build/ccmsweep" and "=" not in words[0]:
            assert os.access(ROOT / words[0], os.X_OK), words[0]
        for word in words[1:]:
            assert not word.startswith("sweeps/") or (ROOT / word).is_file(), word
        if "build/ccmsweep" not in words:
            continue
        words = words[words.index("build/ccmsweep"):]
        command = [word for word in words[1:3] if re.fullmatch(r"[a-z]+", word)]
        if command[:1] != ["bench"]:
            command = command[:1]
        text = write_pages.printed(PROGRAM, *command, "--help")
        for word in words[1:]:
            option = word.split("=")[0].replace("_", "-")
            assert not option.startswith("--") or option in text, shlex.join(words)


# JSON

SWEEP = """
training: {episodes: 12}
environment: {agents: 3}
networks: {actor_hidden1: 8, actor_hidden2: 4, critic_hidden1: 8, critic_hidden2: 4}
replay: {capacity: 100}
grid: {actor_lr: [0.1, 0.01], seed: [1, 2, 3]}
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What the commands print as JSON of a small sweep, by the name that the pages give it."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "s.yaml").write_text(SWEEP)
    run("run", "s.yaml", "-o", "s.h5", "--progress", "none", folder=folder)
    texts = {
        "plan": run("plan", "s.yaml", "s.h5", "--json", "--list", folder=folder),
        "train": run("show", "s.h5", "--json", folder=folder),
        "status": run("status", "s.h5", "--json", "--cells", "--explain", "0", folder=folder),
        "verify": run("verify", "s.h5", "--json", "--retrain", "1", folder=folder),
        "aggregate": run("aggregate", "s.h5", "--format", "json", folder=folder),
        "aggregate against": run("aggregate", "s.h5", "--format", "json", "--against",
                                 "actor_lr=0.1", folder=folder),
        "bench train": run("bench", "train", "--json", "--count", "1", "--skip", "11",
                           "--regime", "moving", "--set", "environment.agents=3", folder=folder),
        "bench schedule": run("bench", "schedule", "--json", "--cells", "10", "--commits", "1",
                              folder=folder),
    }
    found = {name: json.loads(text) for name, text in texts.items()}
    found["aggregate against"] = found["aggregate against"]["against"]
    found["aggregate configurations"] = found["aggregate"]["configurations"][0]
    found["aggregate findings"] = found["aggregate"]["findings"][0]
    return found


def key_tables(text):
    """The marked tables of JSON keys: name, and for each row its keys and their meaning."""
    tables = re.findall(r"^<!-- generated: keys ([\w ]+) -->\n\n((?:\|.*\n)+)", text,
                        flags=re.MULTILINE)
    for name, table in tables:
        rows = [row.split(" | ", 1) for row in table.splitlines()[2:]]
        yield name, [(re.findall(r"`(\w+)`", keys), meaning) for keys, meaning in rows]


def all_keys(value):
    if isinstance(value, list):
        return set().union(*map(all_keys, value))
    if isinstance(value, dict):
        return set(value).union(*map(all_keys, value.values()))
    return set()


def test_json_keys_are_described(said):
    described = {name: rows for page in PAGES for name, rows in key_tables(page.read_text())}
    assert set(described) == set(said)
    for name, rows in described.items():
        keys = [key for row, _ in rows for key in row]
        assert sorted(keys) == sorted(said[name]), name


def test_inner_json_keys_are_described(said):
    """Each key inside a value is named in a page: its own, or that of events and causes."""
    named = set(re.findall(r"`(\w+)`", "".join(page.read_text() for page in PAGES)))
    for name, value in said.items():
        assert all_keys(value) <= named, (name, all_keys(value) - named)


# English

IDIOMS = re.compile(r"(?<!\bthere )\b(is|are) no\b|\b(go|goes|going|went) on\b|\blets? expect\b",
                    re.IGNORECASE)


@by_page
def test_plain_english(page):
    text = write_pages.BLOCK.sub(lambda block: block["text"] if block["name"].startswith("keys ")
                                 else "", without_code(page.read_text()))
    assert not [found[0] for found in IDIOMS.finditer(text)]
