# SPDX-License-Identifier: MIT
"""Reports where things are not as one would like: what lies in the user's folder, names of any bytes,
locales, damaged files, full disks, kills; and what is never written over."""
import os
import random
import re
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time

import h5py
import numpy as np
import pytest
from figure_case import SPEC
from program import run
from sweep_case import SOURCE, environment

sys.path.insert(0, str(SOURCE / "analysis"))

from ccmsweep_analysis import latex, output, words  # noqa: E402
from ccmsweep_analysis.figures import FIGURES  # noqa: E402
from ccmsweep_analysis.sweep import Unreadable  # noqa: E402

FEW = ["--bootstrap", "50", "--permutations", "99"]
KILLS = int(os.environ.get("CCMSWEEP_KILLS") or 6)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    spec = SPEC.replace("episodes: 400", "episodes: 120").replace("1-7", "1-2")
    (folder / "s.yaml").write_text(spec, encoding="utf-8")
    done = run("run", "s.yaml", "-o", "s.h5", "--progress", "none", cwd=folder, env=environment())
    assert done.returncode == 0, done.stderr
    return folder / "s.h5"


def analysis(*arguments, cwd, start=("-P", "-m", "ccmsweep_analysis"), code=0, **more):
    """Bytes that it says, on both streams."""
    done = subprocess.run(
        [sys.executable, *start, *map(os.fsencode, arguments)], cwd=cwd, capture_output=True,
        timeout=300, check=False,
        env={**os.environ, "PYTHONPATH": str(SOURCE / "analysis"), **more})
    assert done.returncode == code, done.stderr.decode(errors="replace")
    assert b"Traceback" not in done.stderr
    return done.stdout, done.stderr


def one_figure(path, cwd, *more, **how):
    return analysis("figures", path, "-o", "f", "--only", "survival", "--format", "svg", *more,
                    cwd=cwd, **how)


def nothing_left(folder):
    return not [name for _, folders, files in os.walk(folder) for name in [*folders, *files]
                if name.startswith((".ccmsweep", "report.html.new"))]


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
    done = subprocess.run(
        [SOURCE / "jobs/report.sh", "s.h5", *FEW], cwd=trap, capture_output=True, text=True,
        check=False, timeout=300, env={
            **os.environ, "PYTHONPATH": f":.:{trap}:/absent", "PYTHONHOME": "/absent",
            "PYTHONWARNINGS": "error", "PYTHONIOENCODING": "ascii", "MATPLOTLIBRC": str(trap),
            "MPLBACKEND": "nonsense", "HOME": "/absent", "MPLCONFIGDIR": "/absent"})
    assert (done.returncode, done.stderr) == (0, "Report: s.h5.report/report.html\n")
    assert not (trap / "hacked").exists() and nothing_left(trap)


@pytest.mark.parametrize("start", [("-P", "-m", "ccmsweep_analysis"), ("-m", "ccmsweep_analysis"),
                                   (str(SOURCE / "analysis/run.py"),)])
def test_figures_are_the_same_whatever_lies_there(path, trap, tmp_path, start):
    for cwd in (tmp_path, trap):
        if start[0] == "-m":  # Python itself looks there for what it runs modules with
            for name in ("contextlib", "typing"):
                (cwd / f"{name}.py").unlink(missing_ok=True)
        one_figure(path, cwd, *FEW, start=start, MATPLOTLIBRC=str(trap) if cwd == trap else "",
                   MPLBACKEND="TkAgg" if cwd == trap else "")
    assert not (trap / "hacked").exists()
    assert (trap / "f/survival.svg").read_bytes() == (tmp_path / "f/survival.svg").read_bytes()


# Names


@pytest.mark.parametrize("name, seen", [
    ("实验, größe α.h5", "实验, größe α.h5"),
    (b"gr\xf6\xdfe \x1b[31m$x_1$ {%}\n#&~^\\.h5",
     r"gr\xf6\xdfe \x1b[31m$x_1$ {%}\x0a#&amp;~^\.h5")])
def test_any_name(path, tmp_path, name, seen):
    name = os.fsdecode(name)
    shutil.copy(path, tmp_path / name)
    written, said = analysis("report", name, "-o", name + ".report", "--latex", *FEW, cwd=tmp_path,
                             LC_ALL="C", PYTHONIOENCODING="latin-1")
    page = (tmp_path / (name + ".report") / "report.html").read_text("utf-8")
    assert f"<title>Sweep {seen}</title>" in page and "\x1b" not in page
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
    written, said = analysis("report", name, "-o", name + b".report", *FEW, cwd=tmp_path, **more)
    assert (written, said) == (name + b".report/report.html\n", b"")
    page = (tmp_path / os.fsdecode(name + b".report") / "report.html").read_text("utf-8")
    assert f"<title>Sweep {seen}</title>" in page
    listed, _ = analysis("list", name, cwd=tmp_path, **more)
    assert len(listed.splitlines()) == len(FIGURES)


def test_what_a_file_says_is_quoted(path, tmp_path):
    shutil.copy(path, tmp_path / "s.h5")
    with h5py.File(tmp_path / "s.h5", "r+") as file:
        file.attrs["revision"] = np.bytes_(b"\x1b]0;x\x07<b>\xff")
        hosts = file["volatile/host"]
        hosts[:] = np.full(hosts.shape, b"$no^math_{\x1b[2J\xe4", hosts.dtype)
    analysis("report", "s.h5", "-o", "r", "--latex", *FEW, cwd=tmp_path)
    page = (tmp_path / "r/report.html").read_text("utf-8")
    assert r"\x1b]0;x\x07&lt;b&gt;\xff" in page and r"$no^math_{\x1b[2J\xe4" in page
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", page) and "<b>" not in page


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
    _, said = analysis("report", bad, "-o", "r", *FEW, cwd=tmp_path, code=3)
    said = said.decode()
    assert sentence in said
    assert all(line.startswith("ccmsweep_analysis: ") for line in said.splitlines())
    page = (tmp_path / "r/report.html").read_text("utf-8")
    assert sentence[1:] in page.replace("&#39;", "'")
    lost = re.findall("the figure (\\w+)", said)
    assert page.count("<figure id=") >= len(FIGURES) - len(lost) - 3  # some have nothing to show


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
    assert len(sweep.troubles) == 1 and sweep.troubles[0].startswith("run 2 is damaged")
    assert name in sweep.troubles[0]
    assert Sweep(path).done.all() and Sweep(path).troubles == []
    done = subprocess.run([sys.executable, str(SOURCE / "analysis/run.py"), "figures", bad, "-o",
                           tmp_path / "f", "--only", "survival", "--format", "svg", *FEW],
                          capture_output=True, text=True, check=False)
    assert done.returncode in (1, 2, 3) and "Traceback" not in done.stderr
    assert done.stderr.startswith("ccmsweep_analysis: ")


# Files that are not ours


def test_links_are_followed_and_other_files_kept(path, tmp_path):
    (tmp_path / "r").mkdir()
    (tmp_path / "scratch").mkdir()
    os.symlink("../scratch/page.html", tmp_path / "r/report.html")  # dangles
    analysis("report", path, "-o", "r", *FEW, cwd=tmp_path)
    assert (tmp_path / "r/report.html").is_symlink()
    assert "</html>" in (tmp_path / "scratch/page.html").read_text("utf-8")
    os.chmod(tmp_path / "scratch/page.html", 0o640)
    analysis("report", path, "-o", "r", *FEW, cwd=tmp_path)
    assert (tmp_path / "r/report.html").is_symlink()
    assert stat.S_IMODE(os.stat(tmp_path / "scratch/page.html").st_mode) == 0o640
    assert nothing_left(tmp_path)


def test_a_file_of_hdf5_is_never_replaced(path, tmp_path):
    shutil.copy(path, tmp_path / "other.h5")
    before = (tmp_path / "other.h5").read_bytes()
    (tmp_path / "f").mkdir()
    os.symlink("../other.h5", tmp_path / "f/survival.svg")
    _, said = one_figure(path, tmp_path, *FEW, code=2)
    assert b"is an HDF5 file, which is never replaced" in said
    assert (tmp_path / "other.h5").read_bytes() == before and nothing_left(tmp_path)


def test_a_fifo_and_a_stream_are_written_to(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    got = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "fifo").read_bytes()))
    reader.start()
    output.write_whole(tmp_path / "fifo", b"x" * 200000)
    reader.join()
    assert got == [b"x" * 200000] and stat.S_ISFIFO(os.stat(tmp_path / "fifo").st_mode)
    code = "from ccmsweep_analysis.output import write_whole; write_whole('/dev/stdout', b'whole')"
    with open(tmp_path / "out", "wb") as out:
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True,
                       env={**os.environ, "PYTHONPATH": str(SOURCE / "analysis")})
    assert (tmp_path / "out").read_bytes() == b"whole"
    output.write_whole("/dev/null", b"whole")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_nobody_reads_a_fifo(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "fifo")
    monkeypatch.setattr(output, "READER_WAIT", 0.2)
    with pytest.raises(OSError, match="fifo"):
        output.write_whole(tmp_path / "fifo", b"x")


def test_a_table_does_not_replace_a_sweep(path, tmp_path):
    shutil.copy(path, tmp_path / "s.h5")
    with pytest.raises(Unreadable, match="never replaced"):
        output.write_whole(tmp_path / "s.h5", b"x")


# Disks and kills


def test_a_full_disk_names_what_was_written(path, tmp_path):
    (tmp_path / "r").mkdir()
    os.symlink("/dev/full", tmp_path / "r/report.html")
    _, said = analysis("report", path, "-o", "r", *FEW, cwd=tmp_path, code=1)
    assert said.decode() == (f"ccmsweep_analysis: {tmp_path}/r/report.html: No space left on "
                             "device\n")
    assert nothing_left(tmp_path)


def test_a_file_too_large_for_the_limit(path, tmp_path):
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 8; exec "$@"', "-", sys.executable, SOURCE / "analysis/run.py",
         "figures", path, "-o", "f", "--only", "survival", *FEW],
        cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "ccmsweep_analysis: f: File too large\n")
    assert nothing_left(tmp_path)


def whole(folder):
    """All files that stand in a folder are whole, whenever they were made."""
    for name in folder.rglob("*"):
        aside = any(part.startswith(".ccmsweep-") for part in name.relative_to(folder).parts)
        if name.is_dir() or aside:
            continue
        data = name.read_bytes()
        if name.suffix == ".pdf":
            assert data.startswith(b"%PDF") and data.rstrip().endswith(b"%%EOF"), name
        elif name.suffix in (".html", ".tex"):
            end = {"report.html": b"</html>", "paper.tex": rb"\end{document}"}.get(name.name, b"")
            assert data and data.rstrip().endswith(end), name


def test_killed_at_any_instant(path, tmp_path):
    """Whole files of before or of now, and the next start removes what was left."""
    rng = random.Random(15)
    words = [sys.executable, SOURCE / "analysis/run.py", "report", path, "-o", tmp_path / "r",
             "--latex", *FEW]
    begun = time.monotonic()
    assert subprocess.run(words, capture_output=True, check=False).returncode == 0
    took = time.monotonic() - begun
    names = sorted(name.relative_to(tmp_path) for name in tmp_path.rglob("*"))
    for kill in range(KILLS):
        if kill == KILLS // 2:
            shutil.rmtree(tmp_path / "r")  # from nothing as well
        job = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            job.wait(took * rng.uniform(0.1, 1.0))
        except subprocess.TimeoutExpired:
            job.send_signal(signal.SIGKILL)
            job.wait()
        whole(tmp_path)
        if (tmp_path / "r/paper").exists():
            assert {name.relative_to(tmp_path) for name in (tmp_path / "r/paper").rglob("*")} == {
                name for name in names if "paper" in name.parts[1:2] and len(name.parts) > 2}
    assert subprocess.run(words, capture_output=True, check=False).returncode == 0
    whole(tmp_path)
    assert sorted(name.relative_to(tmp_path) for name in tmp_path.rglob("*")) == names
    assert nothing_left(tmp_path)


def test_an_interrupt_leaves_nothing(path, tmp_path):
    job = subprocess.Popen([sys.executable, SOURCE / "analysis/run.py", "figures", path, "-o",
                            tmp_path / "f", *FEW], stderr=subprocess.PIPE, text=True)
    while not list(tmp_path.glob("f/.ccmsweep-*")) and job.poll() is None:
        time.sleep(0.01)
    job.send_signal(signal.SIGTERM)
    _, said = job.communicate(timeout=120)
    assert job.returncode == 128 + signal.SIGTERM and said == ""
    assert list(tmp_path.glob("f/*")) == [] and nothing_left(tmp_path)


def test_what_others_work_in_is_kept(tmp_path):
    with output.workshop(tmp_path) as mine:
        (mine / "x").write_text("x")
        with output.workshop(tmp_path) as other:
            assert other != mine and (mine / "x").exists()
        assert (mine / "x").exists()
        (tmp_path / ".ccmsweep-left").mkdir()
        os.symlink(mine, tmp_path / ".ccmsweep-link")
        output.clear(tmp_path)
        assert not (tmp_path / ".ccmsweep-left").exists() and (mine / "x").exists()
        assert os.path.islink(tmp_path / ".ccmsweep-link")
