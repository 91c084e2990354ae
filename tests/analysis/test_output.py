# SPDX-License-Identifier: MIT
"""Where reports and figures are written to: what is never written over, full disks, kills."""
import fcntl
import os
import random
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time

import pytest
from analysis_case import FEW_DRAWS, FEW_FIGURES
from hostile_case import nothing_left, one_figure, path, said_by
from sweep_case import SOURCE, wait_until

sys.path.insert(0, str(SOURCE / "analysis"))

from ccmsweep_analysis import output  # noqa: E402
from ccmsweep_analysis.sweep import Unreadable  # noqa: E402

__all__ = ["path"]
KILLS = int(os.environ.get("CCMSWEEP_KILLS") or 3)
FINDS_US = {**os.environ, "PYTHONPATH": str(SOURCE / "analysis")}


# Files that are not ours


def test_links_are_followed_and_other_files_kept(path, tmp_path):
    (tmp_path / "r").mkdir()
    (tmp_path / "scratch").mkdir()
    os.symlink("../scratch/page.html", tmp_path / "r/report.html")  # dangles
    said_by("report", path, "-o", "r", cwd=tmp_path)
    assert (tmp_path / "r/report.html").is_symlink()
    assert "</html>" in (tmp_path / "scratch/page.html").read_text("utf-8")
    os.chmod(tmp_path / "scratch/page.html", 0o640)
    said_by("report", path, "-o", "r", cwd=tmp_path)
    assert (tmp_path / "r/report.html").is_symlink()
    assert stat.S_IMODE(os.stat(tmp_path / "scratch/page.html").st_mode) == 0o640
    assert nothing_left(tmp_path)


def test_a_file_of_hdf5_is_never_replaced(path, tmp_path):
    shutil.copy(path, tmp_path / "other.h5")
    before = (tmp_path / "other.h5").read_bytes()
    (tmp_path / "f").mkdir()
    os.symlink("../other.h5", tmp_path / "f/survival.svg")
    _, said = one_figure(path, tmp_path, code=2)
    assert b"is an HDF5 file, which is never replaced" in said
    assert (tmp_path / "other.h5").read_bytes() == before and nothing_left(tmp_path)


@pytest.mark.parametrize("kind", ["lock", "ckpt", "job"])
@pytest.mark.parametrize("command", ["report", "figures"])
def test_nothing_takes_a_name_of_the_sweep(command, kind, path, tmp_path):
    shutil.copy(path, tmp_path / "s.h5")
    for name in (f"s.h5.{kind}", f"./s.h5.{kind}/"):
        _, said = said_by(command, tmp_path / "s.h5", "-o", name, cwd=tmp_path, code=2)
        assert b"belongs to the sweep " in said
    assert os.listdir(tmp_path) == ["s.h5"]


def test_no_name(path, tmp_path):
    for command in ("report", "figures"):
        _, said = said_by(command, path, "-o", "", cwd=tmp_path, code=2)
        assert b"-o: no name, expected a folder" in said
    assert nothing_left(tmp_path)


def test_a_folder_or_a_socket_where_a_file_goes(path, tmp_path):
    (tmp_path / "f/survival.svg").mkdir(parents=True)
    _, said = one_figure(path, tmp_path, code=2)
    assert b"survival.svg: is a folder, expected a file" in said
    (tmp_path / "f/survival.svg").rmdir()
    with socket.socket(socket.AF_UNIX) as there:
        here = os.getcwd()
        os.chdir(tmp_path / "f")  # its name may be too long
        there.bind("survival.svg")
        os.chdir(here)
    _, said = one_figure(path, tmp_path, code=2)
    assert b"survival.svg: is a socket, expected a file" in said
    (tmp_path / "r/report.html").mkdir(parents=True)
    _, said = said_by("report", path, "-o", "r", cwd=tmp_path, code=2)
    assert b"report.html: is a folder, expected a file" in said


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
    _, said = said_by("report", path, "-o", "r", cwd=tmp_path, code=1)
    assert said.decode() == (f"ccmsweep_analysis: {tmp_path}/r/report.html: No space left on "
                             "device\n")
    assert nothing_left(tmp_path)


@pytest.mark.parametrize("words", [["--help"], ["list"], ["figures", "--only", "survival"],
                                   ["report"]], ids=" ".join)
def test_a_full_disk_under_standard_output(words, path, tmp_path):
    more = [] if words == ["--help"] else [path] if words == ["list"] else [path, "-o", "f"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sys.executable, *FEW_FIGURES, *words, *more], cwd=tmp_path,
                              stdout=full, stderr=subprocess.PIPE, text=True, check=False,
                              env=FINDS_US)
    assert done.returncode == 1
    assert done.stderr == "ccmsweep_analysis: standard output: No space left on device\n"


def test_a_file_too_large_for_the_limit(path, tmp_path):
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 8; exec "$@"', "-", sys.executable, SOURCE / "analysis/run.py",
         "figures", path, "-o", "f", "--only", "survival", *FEW_DRAWS],
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


# In place of LaTeX, which takes longer than all the rest: as many files, some of them whole late.
LATEX = """\
#!/bin/sh
printf '%%PDF-1.5\n' >paper.pdf
sleep 0.1
printf '%%%%EOF\n' >>paper.pdf
echo '\\bibdata{x}' | tee paper.aux paper.out paper.log >paper.bbl
cp paper.bbl paper.blg
"""


@pytest.fixture
def quick_latex(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("bin")
    for name in ("pdflatex", "bibtex"):
        (folder / name).write_text(LATEX if name == "pdflatex" else "#!/bin/sh\n")
        (folder / name).chmod(0o755)
    monkeypatch.setitem(FINDS_US, "PATH", f"{folder}:{os.environ['PATH']}")


def test_killed_at_any_instant(path, quick_latex, tmp_path):
    """Whole files of before or of now, and the next start removes what was left."""
    rng = random.Random(15)
    words = [sys.executable, *FEW_FIGURES, "report", path, "-o", tmp_path / "r", "--latex"]
    begun = time.monotonic()
    assert subprocess.run(words, capture_output=True, check=False, env=FINDS_US).returncode == 0
    took = time.monotonic() - begun
    names = sorted(name.relative_to(tmp_path) for name in tmp_path.rglob("*"))
    for kill in range(KILLS):
        if kill == KILLS // 2:
            shutil.rmtree(tmp_path / "r")  # from nothing as well
        job = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env=FINDS_US)
        try:
            job.wait(took * rng.uniform(0.1, 1.0))
        except subprocess.TimeoutExpired:
            job.send_signal(signal.SIGKILL)
            job.wait()
        whole(tmp_path)
        if (tmp_path / "r/paper").exists():
            assert {name.relative_to(tmp_path) for name in (tmp_path / "r/paper").rglob("*")} == {
                name for name in names if "paper" in name.parts[1:2] and len(name.parts) > 2}
    assert subprocess.run(words, capture_output=True, check=False, env=FINDS_US).returncode == 0
    whole(tmp_path)
    assert sorted(name.relative_to(tmp_path) for name in tmp_path.rglob("*")) == names
    assert nothing_left(tmp_path)


@pytest.mark.parametrize("when", ["it draws", "it writes"])
def test_an_interrupt_leaves_nothing(when, path, tmp_path):
    """It cannot end before: what it writes goes into a pipe that is too small for it."""
    (tmp_path / "f").mkdir()
    fifo = tmp_path / "f/survival.svg"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
    job = subprocess.Popen(
        [sys.executable, *FEW_FIGURES, "figures", path, "-o", tmp_path / "f", "--only", "survival",
         "--format", "svg"], stderr=subprocess.PIPE, text=True, env=FINDS_US)
    wait_until((lambda: list(tmp_path.glob("f/.ccmsweep-*"))) if when == "it draws" else
               (lambda: select.select([reader], [], [], 0)[0]), "it did not begin", seconds=120)
    job.send_signal(signal.SIGTERM)
    _, said = job.communicate(timeout=120)
    os.close(reader)
    assert job.returncode == 128 + signal.SIGTERM and said == ""
    assert list(tmp_path.glob("f/*")) == [fifo] and nothing_left(tmp_path)


class Stopped(Exception):
    pass


@pytest.mark.parametrize("step", ["tempfile.mkdtemp", "os.mkdir", "shutil.rmtree"])
def test_an_interrupt_between_two_steps(step, tmp_path, monkeypatch):
    """Just when a folder was made, and before anybody could have noted it; and while it goes."""
    def stop(*_):
        raise Stopped

    module, name = step.split(".")
    does = getattr(sys.modules[module], name)
    told = []

    def do_and_interrupt(*words, **named):
        done = does(*words, **named)
        if not told:
            told.append(step)
            os.kill(os.getpid(), signal.SIGTERM)
        return done

    before = signal.signal(signal.SIGTERM, stop)
    try:
        monkeypatch.setattr(f"{step}", do_and_interrupt)
        with pytest.raises(Stopped), output.workshop(tmp_path):
            pass
    finally:
        signal.signal(signal.SIGTERM, before)
    assert told and not list(tmp_path.iterdir())


def test_stopped_while_its_processes_begin(path, tmp_path):
    """It ends at whichever instant it is told to: a pool of processes that is interrupted while it
    begins waited for itself for ever."""
    rng = random.Random(1)
    for _ in range(4):
        folder = tmp_path / "f"
        with subprocess.Popen(
                [sys.executable, *FEW_FIGURES, "figures", path, "-o", folder, "--only", "survival",
                 "--format", "svg"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                env=FINDS_US) as job:
            wait_until(folder.exists, "it did not begin", seconds=120)
            time.sleep(rng.uniform(0, 0.08))
            job.send_signal(signal.SIGTERM)
            _, said = job.communicate(timeout=120)
        assert (job.returncode, said) == (128 + signal.SIGTERM, "")
        assert nothing_left(tmp_path)
        shutil.rmtree(folder)


def test_what_others_work_in_is_kept(tmp_path):
    with output.workshop(tmp_path) as mine:
        (mine / "x").write_text("x")
        with output.workshop(tmp_path) as other:
            assert other != mine and (mine / "x").exists()
        assert (mine / "x").exists()
        os.symlink(mine, tmp_path / ".ccmsweep-tmp-abcdefgh")
        output.clear(tmp_path)
        assert (mine / "x").exists() and os.path.islink(tmp_path / ".ccmsweep-tmp-abcdefgh")


@pytest.mark.parametrize("left", [(), (output.LOCK,), (output.LOCK, "room/", "room/x")])
def test_what_a_killed_one_has_left_goes(left, tmp_path):
    folder = tmp_path / ".ccmsweep-tmp-k1ll_d00"
    folder.mkdir()
    for name in left:
        (folder / name).mkdir() if name.endswith("/") else (folder / name).write_text("half")
    output.write_whole(tmp_path / "table", b"x")
    assert os.listdir(tmp_path) == ["table"]


@pytest.mark.parametrize("command", ["figures", "report"])
def test_what_is_not_ours_stays(command, path, tmp_path):
    """Whatever a user calls it: a folder is removed when it has our name and our lock, a file
    never."""
    kept = {".ccmsweep-notes/thesis": "mine", ".ccmsweep-notes/lock": "", ".ccmsweep-list": "mine",
            ".ccmsweep-tmp-abcdefgh/thesis": "mine", ".ccmsweep-tmp-abcdefgh/lock": "mine",
            ".ccmsweep-tmp-thesis01": "mine", ".ccmsweep-tmp-thesis/x": "mine",
            f".ccmsweep-notes-2/{output.LOCK}": ""}
    for name, text in kept.items():
        (tmp_path / "o" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "o" / name).write_text(text)
    said_by(command, path, "-o", "o", cwd=tmp_path)
    assert {name: (tmp_path / "o" / name).read_text() for name in kept} == kept
