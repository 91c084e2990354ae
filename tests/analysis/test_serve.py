# SPDX-License-Identifier: MIT
"""The live page: in a browser while a sweep runs, and what its server answers, refuses and leaves."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import h5py
import pytest
import synthetic
from aggregate_case import GRID, SMALL
from analysis_case import analysis
from browser import Browser
from program import listing, run
from report_case import text_of
from serve_case import SCRIPT, Serving
from sweep_case import SOURCE, Job, wait_until
from synthetic import CENSORED, PENDING, STOPPED

sys.path.insert(0, str(SOURCE / "analysis"))

from ccmsweep_analysis import live, redrawing, server  # noqa: E402

DONE = "document.querySelector('#live progress')?.value"
VERSION = "document.getElementById('report').dataset.report"


def of_seeds(seeds):
    return SMALL % (400, 3, GRID.replace("1-8", seeds))


# In a browser


def test_a_sweep_that_runs(tmp_path):
    """Counts grow in a page that is never loaded again, figures come and are drawn again, and what is
    read stays where it is. The sweep is killed and continued meanwhile."""
    (tmp_path / "s.yaml").write_text(SMALL % (6000, 5, GRID), encoding="utf-8")
    words = ("run", "s.yaml", "-o", "s.h5", "--progress", "none")
    with Serving("s.h5", cwd=tmp_path) as page, Browser(tmp_path) as browser:
        browser.go(page.address)
        browser.wait_for("document.body.innerText.includes('There is no such file')")
        with Job(0, *words, cwd=tmp_path):
            seen = [browser.wait_for(f"{DONE} > {least} && {DONE}") for least in (0, 1, 3)]
            assert browser.value("document.title") == f"({browser.value(DONE)}/48) Sweep s.h5"
            assert browser.value("document.body.innerText.includes('ETA')")
        browser.wait_for("document.body.innerText.includes('No process works on it')")
        first = browser.wait_for(f"{VERSION} !== '0' && {VERSION}")
        assert browser.value("[...document.images].every(image => image.naturalWidth > 400)")
        browser.value("document.getElementById('survival').scrollIntoView()")
        seen.append(browser.value(DONE))
        with Job(0, *words, cwd=tmp_path):
            seen.append(browser.wait_for(f"{DONE} > {seen[-1]} && {DONE}"))
        browser.wait_for(f"{VERSION} !== '{first}'")
        assert abs(browser.value("document.getElementById('survival')"
                                 ".getBoundingClientRect().top")) < 2
        asked = {url for url in browser.requests if not url.startswith(("data:", "about:"))}
        assert asked == {f"{page.address}{name}" for name in ("", "live", "report")}
        assert browser.requests.count(page.address) == 1 and browser.console == []
        assert seen == sorted(seen) and seen[2] > seen[0]
        page.stop()
        browser.wait_for("document.getElementById('lost').innerText.includes('does not answer')")
        assert browser.value("document.images.length") > 0


# What it answers


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A sweep with runs in every state."""
    path = synthetic.make(tmp_path_factory.mktemp("served"), SMALL % (400, 5, GRID), "s <b>.h5")
    synthetic.fill_with_every_state(path)
    return path


@pytest.fixture(scope="module")
def page(file):
    with Serving(file.name, cwd=file.parent) as serving:
        yield serving


def test_the_page_needs_no_script(page, file):
    """What `status` says is in it at once, and the report when it is drawn."""
    told = json.loads(run("status", file, "--json").stdout)
    code, _, text = page.ask()
    words = text_of(re.sub("<script>.*?</script>", "", text, flags=re.S))
    states = told["states"]
    assert code == 200 and "<b>" not in text and '<noscript><meta http-equiv="refresh"' in text
    assert f"{states['done']} of 48 cells are done, {states['running']} running" in words
    assert f"{states['pending']} pending" in words and "No process works on it" in words
    assert f"{told['outcomes']['quarantined']} quarantined" in words
    row = next(row for row in told["grid"] if row["first"] and row["median"])
    assert f" {row['first']} {row['median']} " in words
    first = words.partition("Attention")[2]
    assert "failed: " in first[:200] or "quarantined: " in first[:200]
    page.wait_for("Figures and estimates: of ")
    whole = page.ask()[2]
    assert '<figure id="survival">' in whole and whole.count("<h1>") == whole.count("<main>") == 1
    assert "<figure" not in page.ask("/live")[2]
    assert page.ask("/report")[2] in whole


def test_nothing_else_is_answered(page):
    assert page.ask("/", method="HEAD")[2] == "" and page.ask("/", method="HEAD")[0] == 200
    for path in ("/s%20%3Cb%3E.h5", "/../s.yaml", "//etc/passwd", "/report/../../s.yaml", "/x",
                 "/?x", "http://127.0.0.1/", "/live%00"):
        assert page.ask(path)[0] in (400, 404), path
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        assert page.ask("/", method=method)[0] == 405
    assert page.ask("/", method="TRACE")[0] == 501
    for host in ("evil.example", f"evil.example:{page.port}", "127.0.0.1.evil.example:80", "", "[::2]"):
        code, _, text = page.ask("/", Host=host)
        assert code == 403 and "cells" not in text, host
    for host in ("localhost:9999", "LocalHost", "127.0.0.1", f"[::1]:{page.port}"):
        assert page.ask("/", Host=host)[0] == 200
    with socket.create_connection(("127.0.0.1", page.port)) as twice:
        twice.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")
        assert twice.recv(64).split()[1] == b"400"


def test_headers_forbid_all_that_the_page_does_not_need(page):
    _, headers, text = page.ask()
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ") and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy.replace("style-src 'unsafe-inline'", "")
    assert not re.search(r'(src|href)="(?!#|data:)', text) and "Python" not in headers["Server"]


def test_it_listens_to_this_machine_alone(page):
    listens = [line.split()[1] for line in open("/proc/net/tcp", encoding="ascii")
               if f":{page.port:04X} " in line and " 0A " in line]
    assert listens == [f"0100007F:{page.port:04X}"]


def test_other_users_are_refused(page):
    """They share the address on a login node."""
    script = ("import http.client as c; h = c.HTTPConnection('127.0.0.1', %d); h.request('GET', '/');"
              "r = h.getresponse(); print(r.status, r.read().decode())" % page.port)
    words = [sys.executable, "-c", script]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout[:4] == "200 "
    if os.geteuid() != 0:
        pytest.skip("needs root, to be another user")
    done = subprocess.run(words, capture_output=True, text=True, check=True, user=65534)
    assert done.stdout == "403 This page answers only to the user who has started it.\n"


def test_whose_connection_it_is():
    for family in (socket.AF_INET, socket.AF_INET6):
        with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket(family) as client:
            port = listener.getsockname()[1]
            client.connect(("127.0.0.1" if family == socket.AF_INET else "::ffff:127.0.0.1", port))
            connection, near = listener.accept()
            connection.close()
            assert server.owner_of(near[:2], port) == os.geteuid()
    assert server.owner_of(("127.0.0.1", 1), 2) is None


def test_a_browser_that_is_closed(page):
    """In the middle of a request, or of an answer."""
    for words in (b"", b"GET / HT", b"GET /report HTTP/1.0\r\nHost: localhost\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", page.port)) as client:
            client.sendall(words)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    # One that says nothing keeps nobody waiting.
    with socket.create_connection(("127.0.0.1", page.port)):
        assert page.ask()[0] == 200
    assert page.process.poll() is None


# What becomes of the file, and of the server


def test_a_file_that_comes_changes_and_goes(tmp_path):
    """The file of a sweep can be made later, be replaced by a wider one, by another program's, and
    be removed; the last figures stay."""
    first = synthetic.make(tmp_path, of_seeds("[1]"), "first.h5")
    synthetic.fill(first, [STOPPED, CENSORED] * 3)
    second = synthetic.make(tmp_path, of_seeds("[1, 2]"), "second.h5")
    synthetic.fill(second, [STOPPED, CENSORED] * 4 + [PENDING] * 4)
    with Serving("s.h5", cwd=tmp_path) as page:
        page.wait_for("There is no such file (yet)")
        os.rename(first, tmp_path / "s.h5")
        page.wait_for("6 of 6 cells are done.")
        page.wait_for("<figure", "/report")
        os.rename(second, tmp_path / "s.h5")
        page.wait_for("8 of 12 cells are done, 0 running, 4 pending.")
        shown = page.wait_for("4 pending", "/report")
        (tmp_path / "s.h5").write_text("of another program")
        page.wait_for("is not an HDF5 file.")
        (tmp_path / "s.h5").unlink()
        page.wait_for("There is no such file (yet)")
        assert page.ask("/report")[2] == shown
        code, _, said = page.stop()
    assert code == 0 and "s.h5: there is no such file yet; the page waits for it\n" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("number, script", [(signal.SIGTERM, True), (signal.SIGINT, False)])
def test_it_ends_with_nothing_left(number, script, file, tmp_path):
    """By a signal, to the script as well, in the midst of a drawing: no process, no file, no change
    of the sweep and its folder."""
    shutil.copytree(file.parent, tmp_path / "sweep", ignore=shutil.ignore_patterns("temporary"))
    before = {name: (tmp_path / "sweep" / name).stat().st_mtime_ns for name in
              listing(tmp_path / "sweep")}
    content = (tmp_path / "sweep" / file.name).read_bytes()
    with Serving(f"sweep/{file.name}", cwd=tmp_path, script=script) as page:
        page.wait_for("are being drawn")
        wait_until(lambda: list(page.folder.glob(".ccmsweep-tmp-*/room/*/.ccmsweep-lock")),
                   "nothing is drawn")
        code, out, said = page.stop(number)
    assert (code, out) == (0, "") and said.count("\n") == 1
    assert f"ssh -L {page.port}:127.0.0.1:{page.port} " in said
    assert listing(page.folder) == []
    assert {name: (tmp_path / "sweep" / name).stat().st_mtime_ns for name in
            listing(tmp_path / "sweep")} == before
    assert (tmp_path / "sweep" / file.name).read_bytes() == content
    assert not [pid for pid in os.listdir("/proc") if pid.isdigit() and works_in(pid, page.folder)]


def works_in(pid, folder):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as words:
            return os.fsencode(folder) in words.read()
    except OSError:
        return False


# What is refused


@pytest.mark.parametrize("words, message", [
    (["--port", "65536"], "port '65536', expected a whole number up to 65535; 0 takes any"),
    (["--port", "-1"], "port '-1', expected a whole number"),
    (["--port", ""], "port '', expected a whole number"),
    (["--event", "nonsense"], "'nonsense' is unknown, expected one of"),
])
def test_bad_options_are_refused(file, words, message):
    done = analysis("serve", file, *words)
    assert (done.returncode, done.stdout) == (2, "") and message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_port_in_use_is_refused(file, page):
    done = analysis("serve", file, "--port", page.port)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (f"ccmsweep_analysis: port {page.port} of 127.0.0.1: Address already in "
                           "use, expected a free one; 0 takes any\n")


def test_bad_files_are_refused(tmp_path):
    (tmp_path / "junk.h5").write_text("junk")
    with h5py.File(tmp_path / "foreign.h5", "w") as other:
        other["x"] = 1
    for name, words in (("junk.h5", "not an HDF5 file"), ("foreign.h5", "not one of ccmsweep"),
                        (".", "."), ("absent/s.h5", "No such file")):
        done = analysis("serve", name, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "") and words in done.stderr
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("words, message", [
    (["--serve", "abc"], "port 'abc', expected a whole number up to 65535; 0 takes any"),
    (["--serve", "-o", "x"], "-o and --serve, which writes no files; expected one of the two"),
    (["--latex", "--serve=9"], "--latex and --serve, which writes no files")])
def test_the_script_refuses(file, words, message):
    done = subprocess.run([SCRIPT, file, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "") and message in done.stderr
    assert done.stderr.count("\n") == 1 and not (file.parent / f"{file.name}.report").exists()


# When figures are drawn


def looked(done, locked=True, told=True):
    outcomes = dict.fromkeys(live.OUTCOMES, 0) | {"stopped": done}
    return live.Look(1e9, {"outcomes": outcomes, "states": {"done": done}, "locked": locked}
                     if told else None)


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """Drawings by a program that notes its niceness; with a file `broken` beside it, it fails."""
    (tmp_path / "fake.py").write_text(
        "import os, pathlib, sys\n"
        "here = pathlib.Path(__file__).parent\n"
        "folder = pathlib.Path(sys.argv[2].partition('=')[2])\n"
        "if (here / 'broken').exists():\n    sys.exit('ccmsweep_analysis: it is broken')\n"
        "with open(here / 'nice', 'a') as file:\n    file.write(f'{os.nice(0)} ')\n"
        "(folder / 'report.html').write_text('<body><h1>x</h1>drawn</body>')\n", encoding="utf-8")
    monkeypatch.setattr(redrawing, "START", (str(tmp_path / "fake.py"),))
    made = redrawing.Redrawing("s.h5", ["--event=x"], tmp_path)
    yield made
    made.stop()


def draw(drawn, look):
    """Step once, and wait for the drawing that this begins; whether there was one."""
    drawn.step(look)
    process = drawn.process
    if process is not None:
        process.wait()
        drawn.step(look)
    return process is not None


def test_it_is_drawn_when_runs_are_committed(drawn, tmp_path, monkeypatch):
    """One at a time, with pauses while the sweep runs, which has the cores first."""
    assert not draw(drawn, looked(0, told=False)) and "as soon as" in drawn.shown.words[0][1]
    drawn.step(looked(1))
    first = drawn.process
    drawn.step(looked(2))
    assert drawn.process is first and "being drawn" in drawn.shown.words[0][1]
    first.wait()
    monkeypatch.setattr(redrawing, "REST", 1e6)
    drawn.step(looked(1))
    assert "when 1 cell was done" in drawn.shown.words[0][1] and ">drawn<" in drawn.shown.report
    version = drawn.shown.version
    assert version in drawn.shown.report and version != "0"
    # Nothing is new; something is new, but it is paused.
    assert not draw(drawn, looked(1)) and "when runs are committed" in drawn.shown.words[0][1]
    assert not draw(drawn, looked(2)) and "as training comes first" in drawn.shown.words[0][1]
    # The sweep ends: at once, and not nicer than others. Then nothing more.
    assert draw(drawn, looked(2, locked=False)) and not draw(drawn, looked(2, locked=False))
    assert drawn.shown.version != version
    mine = os.getpriority(os.PRIO_PROCESS, 0)
    nice = [int(number) for number in (tmp_path / "nice").read_text().split()]
    assert nice == [min(19, mine + redrawing.NICER), mine]


def test_a_drawing_that_fails_is_tried_again(drawn, tmp_path):
    (tmp_path / "broken").touch()
    assert draw(drawn, looked(1, locked=False))
    assert drawn.shown.words[0] == ("open", "The figures could not be drawn: it is broken. This is "
                                            "tried again.")
    assert not draw(drawn, looked(1, locked=False))  # a minute later
    (tmp_path / "broken").unlink()
    assert drawn.not_before > time.monotonic() + 30
    drawn.not_before = 0
    assert draw(drawn, looked(1, locked=False)) and len(drawn.shown.words) == 1


# Words


def test_durations_are_those_of_status():
    for seconds, words in ((0.04, "0.04 s"), (9.6, "9.6 s"), (60, "1:00"), (3599.7, "1:00:00"),
                           (86400 * 3 + 61, "72:01:01"), (None, "?"), (float("inf"), "?")):
        assert live.duration(seconds) == words


def test_the_end_of_a_sweep_in_words():
    told = {"cells": 4, "states": {"done": 4}, "outcomes": dict.fromkeys(live.OUTCOMES, 0)}
    assert live.headlines(told) == [("complete", "4 of 4 cells are done.")]
    told["outcomes"] |= {"failed": 1, "quarantined": 2}
    assert live.headlines(told) == [("open",
                                     "4 of 4 cells are done; 3 failed or are quarantined.")]
