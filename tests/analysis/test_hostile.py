# SPDX-License-Identifier: MIT
"""Reports where things are not as one would like: what lies in the user's folder, names of any
bytes, locales, damaged files."""
import os
import re
import shutil
import subprocess
import sys

import h5py
import numpy as np
import pytest
from analysis_case import FEW_COUNT, FEW_DRAWS, FEW_FIGURES, FEW_PLAIN, WHOLE, analysis
from hostile_case import nothing_left, one_figure, path, said_by
from program import run
from sweep_case import SOURCE

sys.path.insert(0, str(SOURCE / "analysis"))

from ccmsweep_analysis import latex, words  # noqa: E402

__all__ = ["path"]


# What lies in the folder


@pytest.fixture
def trap(path, tmp_path):
    """A folder with modules that must not be run, and a matplotlibrc that must not be followed."""
    folder = tmp_path / "trap"
    folder.mkdir()
    for name in ("random", "h5py", "numpy", "contextlib", "typing", "report"):
        (folder / f"{name}.py").write_text("open('hacked', 'w').close()\nraise SystemExit(9)\n")
    (folder / "matplotlibrc").write_text("text.usetex: True\nlines.linewidth: 30\n")
    shutil.copy(path, folder / "s.h5")
    return folder


def test_the_script_runs_nothing_of_the_users(trap):
    # Of a short training that has no logs some figures are drawn, in little time.
    assert run("train", "-o", "t.h5", "--episodes", "60", "--set", "environment.agents=3", "--set",
               "training.batch=8", "--set", "tracking.log_every=100", cwd=trap).returncode == 0
    done = subprocess.run(
        [SOURCE / "jobs/report.sh", "t.h5", "--event", "gradient_zero", *FEW_DRAWS], cwd=trap,
        capture_output=True, text=True, check=False, timeout=300, env={
            **os.environ, "PYTHONPATH": f":.:{trap}:/absent", "PYTHONHOME": "/absent",
            "PYTHONWARNINGS": "error", "PYTHONIOENCODING": "ascii", "MATPLOTLIBRC": str(trap),
            "MPLBACKEND": "nonsense", "HOME": "/absent", "MPLCONFIGDIR": "/absent"})
    assert (done.returncode, done.stderr) == (0, "Report: t.h5.report/report.html\n")
    assert not (trap / "hacked").exists() and nothing_left(trap)
    page = (trap / "t.h5.report/report.html").read_text("utf-8")
    assert "Event: gradient_zero of the last actor" in page and page.count('src="data:image/svg') >= 5


@pytest.fixture(scope="module")
def undisturbed(path, tmp_path_factory):
    """The figure as it is drawn where nothing else lies."""
    folder = tmp_path_factory.mktemp("undisturbed")
    one_figure(path, folder)
    return (folder / "f/survival.svg").read_bytes()


@pytest.mark.parametrize("start", [WHOLE, ("-m", "ccmsweep_analysis"),
                                   (str(SOURCE / "analysis/run.py"),)])
def test_figures_are_the_same_whatever_lies_there(path, undisturbed, trap, start):
    if start[0] == "-m":  # Python itself looks there for what it runs modules with
        for name in ("contextlib", "typing"):
            (trap / f"{name}.py").unlink()
    one_figure(path, trap, start=start, MATPLOTLIBRC=str(trap), MPLBACKEND="TkAgg")
    assert not (trap / "hacked").exists()
    assert (trap / "f/survival.svg").read_bytes() == undisturbed


# Names


def copy_with_words(path, copy):
    """A file that says such things itself, too."""
    shutil.copy(path, copy)
    with h5py.File(os.fsencode(copy), "r+") as file:
        file.attrs["revision"] = np.bytes_(b"\x1b]0;x\x07<b>\xff")
        hosts = file["volatile/host"]
        hosts[:] = np.full(hosts.shape, b"$no^math_{\x1b[2J\xe4", hosts.dtype)


@pytest.mark.parametrize("name, seen", [
    ("实验, größe α.h5", "实验, größe α.h5"),
    (b"gr\xf6\xdfe \x1b[31m$x_1$ {%}\n#&~^\\.h5",
     r"gr\xf6\xdfe \x1b[31m$x_1$ {%}\x0a#&amp;~^\.h5")])
def test_any_name(path, tmp_path, name, seen):
    name = os.fsdecode(name)
    copy_with_words(path, tmp_path / name)
    written, said = said_by("report", name, "-o", name + ".report", "--latex", cwd=tmp_path,
                            LC_ALL="C", PYTHONIOENCODING="latin-1")
    page = (tmp_path / (name + ".report") / "report.html").read_text("utf-8")
    assert f"<title>Sweep {seen}</title>" in page and "<b>" not in page
    assert r"\x1b]0;x\x07&lt;b&gt;\xff" in page and r"$no^math_{\x1b[2J\xe4" in page
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", page)
    assert written.startswith(os.fsencode(name)) and said == b"" and nothing_left(tmp_path)
    if shutil.which("pdflatex"):
        assert (tmp_path / (name + ".report") / "paper/paper.pdf").read_bytes()[:4] == b"%PDF"


@pytest.fixture(scope="module")
def german(tmp_path_factory):
    """Folder of a locale whose letters are those of ISO 8859-1."""
    folder = tmp_path_factory.mktemp("locale")
    if not shutil.which("localedef") or subprocess.run(
            ["localedef", "-i", "de_DE", "-f", "ISO-8859-1", folder / "de_DE"],
            capture_output=True, check=False).returncode > 1:
        pytest.skip("no localedef, or not the locale de_DE")
    return folder


def test_a_locale_without_utf_8(path, german, tmp_path):
    """A name is the same bytes and looks the same as everywhere."""
    name, seen = os.fsencode("größe α ") + b"\xf6\xdf.h5", r"größe α \xf6\xdf.h5"
    shutil.copy(path, os.path.join(os.fsencode(tmp_path), name))
    more = {"LOCPATH": str(german), "LC_ALL": "de_DE"}
    written, said = said_by("report", name, "-o", name + b".report", cwd=tmp_path, **more)
    assert (written, said) == (name + b".report/report.html\n", b"")
    page = (tmp_path / os.fsdecode(name + b".report") / "report.html").read_text("utf-8")
    assert f"<title>Sweep {seen}</title>" in page
    listed, _ = said_by("list", name, cwd=tmp_path, **more)
    assert len(listed.splitlines()) == FEW_COUNT


def test_letters():
    assert words.printable("a\udce4\x1b\u202eß") == r"a\xe4\x1b\u202eß"
    assert latex.escape("u\u0308_ω實\x07") == "ü\\_$\\omega$\\texttt{U+5BE6}\\textbackslash{}x07"
    for letter in map(chr, [*range(32, 0x600), 0x1F600, 0x5B9E]):
        said = latex.escape(letter)
        assert all(one < "\x7f" or one in latex.LATIN for one in said)


# Damage


def damaged(path, folder, change):
    shutil.copy(path, folder / "s.h5")
    with h5py.File(folder / "s.h5", "r+") as file:
        change(file)
    return folder / "s.h5"


def without(name):
    def change(file):
        del file.attrs[name]
    return change


def no_codes(file):
    del file["outcome"].attrs["flag_values"]


@pytest.mark.parametrize("change, sentence", [
    (without("libraries"), "the file has no attribute libraries"),
    (no_codes, "the figure timeline could not be drawn")])
def test_what_is_missing_is_one_sentence(path, tmp_path, change, sentence):
    bad = damaged(path, tmp_path, change)
    _, said = said_by("report", bad, "-o", "r", cwd=tmp_path, code=3)
    said = said.decode()
    assert sentence in said
    assert all(line.startswith("ccmsweep_analysis: ") for line in said.splitlines())
    page = (tmp_path / "r/report.html").read_text("utf-8")
    assert sentence[1:] in page.replace("&#39;", "'")
    lost = re.findall("the figure (\\w+)", said)
    assert page.count("<figure id=") >= FEW_PLAIN - len(lost) - 1  # one has nothing to show


def put(name, run, value):
    def change(file):
        rows = file[name]
        rows[run] = np.full(rows.shape[1:], value, rows.dtype)
    return change


@pytest.mark.parametrize("name, value", [("cause", 99), ("total_episodes", 10 ** 6),
                                         ("extent_actor", 10 ** 6), ("extent_log", -1),
                                         ("first_still", 119119), ("gradient_zero", 0),
                                         ("last_change", -7)])
def test_a_damaged_run_is_left_out(path, tmp_path, name, value):
    """Python's own part, whatever aggregate does with such a file."""
    from ccmsweep_analysis.sweep import Sweep
    bad = damaged(path, tmp_path, put(name, 2, value))
    sweep = Sweep(bad)
    assert sweep.done.tolist() == [run != 2 for run in range(8)]
    assert len(sweep.failures) == 1 and sweep.failures[0].startswith("run 2 is damaged")
    assert name in sweep.failures[0]
    assert Sweep(path).done.all() and Sweep(path).failures == []


@pytest.mark.parametrize("name, value", [("cause", 99), ("extent_log", -1), ("gradient_zero", 0)])
def test_a_damaged_run_is_told(path, tmp_path, name, value):
    bad = damaged(path, tmp_path, put(name, 2, value))
    done = analysis("figures", bad, "-o", tmp_path / "f", "--only", "survival", "--format", "svg",
                    start=FEW_FIGURES)
    assert done.returncode in (1, 2, 3) and "Traceback" not in done.stderr
    assert done.stderr.startswith("ccmsweep_analysis: ")


@pytest.mark.parametrize("name, place, value", [
    ("reward", (2, 5), 1e300), ("first_still", (2, 1), 7), ("tanh_slope_mean", (2, 1, 0), 0.5),
    ("critic_update", (2, 0), 0.0)])
def test_a_changed_value_is_in_no_figure(path, tmp_path, name, place, value):
    """Only the checksum tells, which aggregate compares: both leave out the same runs."""
    from ccmsweep_analysis.study import Study, take_snapshot

    def change(file):
        assert file[name][place] != value
        file[name][place] = value
    bad = damaged(path, tmp_path, change)
    said = "run 2 is damaged and is in no figure: its rows are not those that were committed"
    study = Study(take_snapshot(bad))
    assert study.sweep.done.tolist() == [run != 2 for run in range(8)]
    assert study.sweep.failures == [said]
    assert sum(one.told["done"] for one in study.configurations) == 7
    assert not any(2 in one.done for one in study.configurations)
    _, words = said_by("report", bad, "-o", "r", cwd=tmp_path, code=3)
    assert f"ccmsweep_analysis: {said}" in words.decode().splitlines()
    assert f"{said[1:]}." in (tmp_path / "r/report.html").read_text("utf-8")
