# SPDX-License-Identifier: MIT
"""The Python package where it is installed: by `meson install` and by pip without a network."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(os.environ["CCMSWEEP_SOURCE"])
VERSION = ("import ccmsweep_analysis as one, pathlib; print(one.__version__, one.__file__);"
           "one.figure_names(); print(*sorted(p.name for p in pathlib.Path(one.__file__)"
           ".parent.rglob('*') if p.is_file() and p.suffix != '.pyc'))")
CLEAN = {name: value for name, value in os.environ.items()
         if name not in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE") and not name.startswith("PIP_")}


def output(*command, cwd, **more):
    done = subprocess.run([str(word) for word in command], cwd=cwd, env={**CLEAN, **more},
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files_of_the_package():
    return sorted(path.name for path in (SOURCE / "analysis/ccmsweep_analysis").rglob("*")
                  if path.is_file() and path.suffix != ".pyc")


def version():
    return next(line.split("'")[1] for line in (SOURCE / "meson.build").read_text().splitlines()
                if line.startswith("  version: "))


# By meson


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The files of an installed package, below a path with a blank in it."""
    folder = tmp_path_factory.mktemp("an install")
    output("meson", "install", "-C", os.environ["CCMSWEEP_BUILD"], "--no-rebuild", "--quiet",
           "--destdir", folder, cwd="/")
    return folder


def test_meson_installs_the_whole_package(tree):
    (package,) = tree.rglob("ccmsweep_analysis")
    said, names = output(sys.executable, "-c", VERSION, cwd="/", PYTHONPATH=str(package.parent)
                         ).splitlines()
    assert said == f"{version()} {package}/__init__.py"
    assert names.split() == files_of_the_package()


def test_meson_installs_where_python_looks(tree):
    """The prefix of the build is the usual one, in which Debian's Python has a folder."""
    (package,) = tree.rglob("ccmsweep_analysis")
    (command,) = tree.rglob("bin/ccmsweep-analysis")
    python = command.read_text().splitlines()[0].removeprefix("#!")
    folder = "/" + str(package.parent.relative_to(tree))
    sites = output(python, "-I", "-c", "import site; print(*site.getsitepackages(), sep='\\n')",
                   cwd="/").splitlines()
    prefix = "/" + str(command.parent.parent.relative_to(tree))
    assert folder in sites or not any(site.startswith(prefix + "/") for site in sites)


def test_the_installed_command_and_program_find_each_other(tree, tmp_path):
    """Without anything on PATH or in the environment; moved as a whole they do as well."""
    (command,) = tree.rglob("bin/ccmsweep-analysis")
    (tmp_path / "random.py").write_text("raise SystemExit(9)\n")
    (tmp_path / "no sweep.h5").write_text("x")
    help_text = output(command, "--help", cwd=tmp_path, PATH="/usr/bin:/bin")
    assert help_text.startswith("usage: ccmsweep-analysis [-h] list|figures|report")
    done = subprocess.run([command, "list", "no sweep.h5"], cwd=tmp_path, capture_output=True,
                          text=True, check=False,
                          env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "ccmsweep_analysis: no sweep.h5 is not an HDF5 file\n"


# By pip


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """The part of the project that pip sees, under git, in a folder with a blank in its name."""
    folder = tmp_path_factory.mktemp("a clone")
    shutil.copytree(SOURCE / "analysis", folder / "analysis", ignore=shutil.ignore_patterns(
        "__pycache__", "build", "*.egg-info"))
    shutil.copy(SOURCE / ".gitignore", folder)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    output(*git, "init", "-q", ".", cwd=folder)
    output(*git, "add", "-A", cwd=folder)
    output(*git, "commit", "-q", "-m", "x", cwd=folder)
    return folder


def test_pip_installs_the_whole_package_without_a_network(clone, tmp_path):
    for module in ("pip", "setuptools", "wheel"):
        if subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True,
                          check=False).returncode != 0:
            pytest.skip(f"no {module}")
    output(sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-build-isolation",
           "--no-deps", "--target", tmp_path / "v", "./analysis", cwd=clone)
    said, names = output(sys.executable, "-P", "-c", VERSION, cwd="/",
                         PYTHONPATH=str(tmp_path / "v")).splitlines()
    assert said.startswith(f"{version()} {tmp_path}/v/")
    assert names.split() == files_of_the_package()
    assert output(tmp_path / "v/bin/ccmsweep-analysis", "--help", cwd="/",
                  PYTHONPATH=str(tmp_path / "v")).startswith("usage: ccmsweep-analysis ")
    assert output("git", "status", "--porcelain", cwd=clone) == ""
