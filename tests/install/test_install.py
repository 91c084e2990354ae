# SPDX-License-Identifier: MIT
"""`meson install` into a folder of its own: the program, its man pages and completion, and a library
that another program uses; and what is said when there is no OpenBLAS to build with."""
import math
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CC = shlex.split(os.environ["CC"])


def output(*command, env=None):
    done = subprocess.run([str(word) for word in command], env={**os.environ, **(env or {})},
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The installed files, below a path with a blank in it."""
    if os.environ["CCMSWEEP_SANITIZE"] != "none":
        pytest.skip("a library built with a sanitizer is not for others to link")
    folder = tmp_path_factory.mktemp("an install")
    output("meson", "install", "-C", os.environ["CCMSWEEP_BUILD"], "--no-rebuild", "--quiet",
           "--destdir", folder)
    return folder


def flags(tree, *options):
    """What pkg-config says about the library, from the tree's own .pc file."""
    (pc,) = tree.rglob("ccmsweep.pc")
    path = f"{pc.parent}:{os.environ.get('PKG_CONFIG_PATH', '')}"
    return output("pkg-config", *options, "ccmsweep", env={"PKG_CONFIG_PATH": path}).strip()


def test_program_is_installed(tree):
    (program,) = (path for path in tree.rglob("bin/ccmsweep"))
    assert output(program, "--version").startswith("ccmsweep " + flags(tree, "--modversion"))


def test_pages_are_installed(tree):
    """A page for the program and for each command, where man looks for them."""
    names = {path.name for path in tree.rglob("share/man/man1/*.1")}
    (program,) = tree.rglob("bin/ccmsweep")
    commands = re.findall(r"^  (\w+) .*  [a-z]", output(program, "--help"), re.MULTILINE)
    commands = [name for name in commands if name != "ccmsweep"]
    assert "train" in commands
    assert names == {"ccmsweep.1", *(f"ccmsweep-{name}.1" for name in commands)}


def test_man_shows_an_installed_page(tree):
    if shutil.which("man") is None:
        pytest.skip("man is not installed")
    (folder,) = tree.rglob("share/man")
    shown = output("man", "-P", "cat", "-M", folder, "ccmsweep-run", env={"MANWIDTH": "80"})
    plain = re.sub(".\b", "", shown)
    assert "--stop-before=TIME" in plain.replace("\N{HYPHEN}", "-") and "EXIT STATUS" in plain


def test_completion_is_installed(tree):
    (script,) = tree.rglob("share/bash-completion/completions/ccmsweep")
    done = output("bash", "--norc", "-c", f"source {shlex.quote(str(script))}; complete -p ccmsweep")
    assert done == "complete -o default -F _ccmsweep ccmsweep\n"


def test_headers_compile_alone(tree):
    headers = sorted(tree.rglob("include/ccmsweep/*.h"))
    assert "trainer.h" in [header.name for header in headers]
    for header in headers:
        output(*CC, "-std=c17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only",
               *shlex.split(flags(tree, "--cflags")), header)


def test_library_needs_no_file_format(tree):
    (library,) = tree.rglob("libccmsweep.a")
    undefined = output("nm", "--undefined-only", "--format=posix", library)
    assert re.search(r"^fmin ", undefined, flags=re.MULTILINE)
    assert not re.findall(r"^(?:MPI_|H5|cblas_|yaml_|json_|nettle_)\w*", undefined, flags=re.MULTILINE)


def test_a_program_trains(tree, tmp_path):
    program = tmp_path / "train"
    output(*CC, HERE / "train.c", "-o", program, *shlex.split(flags(tree, "--cflags", "--libs")))
    match = re.fullmatch(r"censored after 12 episodes, last reward (\S+)\n", output(program))
    assert match and math.isfinite(float(match.group(1)))


def test_without_openblas_configuring_says_so(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "no-cmake.ini").write_text("[binaries]\ncmake = 'no-cmake'\n")
    environment = {**os.environ, "PKG_CONFIG_LIBDIR": str(tmp_path / "empty")}
    environment.pop("PKG_CONFIG_PATH", None)
    done = subprocess.run(["meson", "setup", "--native-file", tmp_path / "no-cmake.ini",
                           tmp_path / "build", os.environ["CCMSWEEP_SOURCE"]], env=environment,
                          capture_output=True, text=True)
    errors = [line for line in (done.stdout + done.stderr).splitlines() if "ERROR" in line]
    assert done.returncode == 1 and len(errors) == 1, done.stdout + done.stderr
    assert "OpenBLAS was not found: install it (" in errors[0]
