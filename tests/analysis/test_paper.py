# SPDX-License-Identifier: MIT
"""A paper that the user goes on with: the next report renews what it makes, and loses nothing of
what the user has written."""
import errno
import hashlib
import os
import shutil
import subprocess
import sys

import pytest
from hostile_case import nothing_left, path, said_by
from sweep_case import SOURCE

sys.path.insert(0, str(SOURCE / "analysis"))

from ccmsweep_analysis import folder, paper  # noqa: E402
from ccmsweep_analysis.folder import LIST, put_folder  # noqa: E402

__all__ = ["path"]
needs_latex = pytest.mark.skipif(not shutil.which("pdflatex"), reason="no pdflatex")
TEXT = r"""\documentclass{article}\usepackage{graphicx}\begin{document}\input{numbers}
\cite{ours}\bibliographystyle{plain}\bibliography{references}\end{document}
"""
FIRST = {"paper.tex": TEXT, "references.bib": "@misc{ours, title={It}, author={We}, year={2000}}\n",
         "numbers.tex": "One\n", "figures/survival.pdf": "drawn\n"}
NEXT = {name: text.replace("One", "Two").replace("drawn", "drawn anew") for name, text in
        FIRST.items()} | {"paper.tex": TEXT + "% next\n", "references.bib": "@misc{ours}\n"}


class Report:
    """A folder with a paper, which is made again and again."""

    def __init__(self, folder):
        self.folder, self.paper, self.count = folder, folder / "paper", 0

    def make(self, files, compiled=False):
        """Returns the sentences that are said, without the name of the folder."""
        self.count += 1
        made = self.folder.with_name(f"made-{self.count}") / "paper"
        for name, text in files.items():
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            (made / name).write_text(text, "utf-8")
        said = paper.compile_paper(made, self.paper) if compiled else []
        said += put_folder(made, self.paper, paper.BY_HAND, paper.PRODUCTS)
        return [sentence.replace(f"{self.paper}/", "") for sentence in said]

    def files(self):
        return {name.relative_to(self.paper).as_posix(): name.read_text("utf-8", "replace")
                for name in self.paper.rglob("*") if name.is_file() and name.name != LIST}

    def edit(self, name):
        """Add a line of a user's, and return what then stands there."""
        with open(self.paper / name, "a", encoding="utf-8") as file:
            file.write("% mine\n")
        return (self.paper / name).read_text("utf-8")


@pytest.fixture
def report(tmp_path):
    (tmp_path / "r").mkdir()
    made = Report(tmp_path / "r")
    assert made.make(FIRST) == [] and made.files() == FIRST
    return made


# Files


def test_what_nobody_has_edited_is_made_anew(report):
    dates = {name: (report.paper / name).stat().st_mtime_ns for name in FIRST}
    assert report.make(FIRST) == []
    assert dates == {name: (report.paper / name).stat().st_mtime_ns for name in FIRST}
    assert report.make(NEXT) == [] and report.files() == NEXT


@pytest.mark.parametrize("name", ["paper.tex", "references.bib"])
def test_a_text_that_was_edited_stays(name, report):
    mine, beside = report.edit(name), name.replace(".", ".new.")
    stays = f"{name} has been edited and stays"
    # A new one that says the same as the last is of no use.
    assert report.make(FIRST) == [stays] and report.files() == FIRST | {name: mine}
    assert report.make(NEXT) == [f"{stays}; the new one is {beside}"]
    assert report.files() == NEXT | {name: mine, beside: NEXT[name]}
    assert report.make(NEXT) == [stays]
    assert report.files() == NEXT | {name: mine, beside: NEXT[name]}
    assert report.make(FIRST) == [f"{stays}; the new one is {beside}"]
    assert report.files() == FIRST | {name: mine, beside: FIRST[name]}
    # Taken over, it is one of ours again.
    (report.paper / beside).rename(report.paper / name)
    assert report.make(NEXT) == [] and report.files() == NEXT


def test_a_new_text_goes_when_nobody_waits_for_it(report):
    report.edit("paper.tex")
    report.make(NEXT)
    (report.paper / "paper.tex").unlink()
    assert report.make(NEXT) == [] and report.files() == NEXT


def test_a_new_text_that_was_edited_stays_too(report):
    report.edit("paper.tex")
    report.make(NEXT)
    mine = report.edit("paper.new.tex")
    assert report.make(FIRST) == ["paper.tex has been edited and stays; the new one is "
                                  "paper.new-2.tex"]
    assert report.files()["paper.new.tex"] == mine
    assert report.files()["paper.new-2.tex"] == FIRST["paper.tex"]


def no_links(*_):
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


@pytest.mark.parametrize("link", [os.link, no_links])
@pytest.mark.parametrize("name", ["numbers.tex", "figures/survival.pdf"])
def test_what_is_made_is_renewed_and_an_edited_one_moved(name, link, report, monkeypatch):
    monkeypatch.setattr(os, "link", link)
    expected = dict(NEXT)
    for word in ("edited", "edited-2"):
        beside = name.replace(".", f".{word}.")
        expected[beside] = report.edit(name)
        assert report.make(NEXT) == [f"{name} had been edited: the edited one is now "
                                     f"{os.path.basename(beside)}"]
        assert report.files() == expected
    assert report.make(NEXT) == [] and report.files() == expected


def test_a_link_stays_and_what_it_shows_is_not_lost(report, tmp_path):
    for name in ("numbers.tex", "paper.tex"):
        (tmp_path / name).write_text("mine")
        (report.paper / name).unlink()
        (report.paper / name).symlink_to(tmp_path / name)
    report.make(NEXT)
    assert (report.paper / "paper.tex").is_symlink() and (tmp_path / "paper.tex").read_text() == "mine"
    assert report.files()["numbers.edited.tex"] == "mine"
    assert report.files()["numbers.tex"] == NEXT["numbers.tex"]


def test_a_paper_of_somebody_else(tmp_path):
    """That happens to stand where ours would go."""
    theirs = Report(tmp_path / "r")
    for name in [*FIRST, "notes.txt"]:
        (theirs.paper / name).parent.mkdir(parents=True, exist_ok=True)
        (theirs.paper / name).write_text(f"mine: {name}")
    before = theirs.files()
    assert len(theirs.make(FIRST)) == 4
    after = theirs.files()
    assert set(before.values()) | set(FIRST.values()) == set(after.values())
    for name in ("paper.tex", "references.bib", "notes.txt"):
        assert after[name] == before[name]


def test_figures_that_are_not_drawn_any_more_go(report):
    """Those of ours: the list may name what is not, and files elsewhere."""
    for place in ("figures/mine.pdf", "figures/ours.pdf", "notes.tex", "../ours.pdf"):
        (report.paper / place).write_text("mine" if "mine" in place else "ours")
        with open(report.paper / LIST, "a", encoding="ascii") as listed:
            listed.write(f"{hashlib.sha256(b'ours').hexdigest()}  {place}\n")
    paper.remove_former(report.paper, report.paper.parent / "none", "figures")
    assert set(report.files()) == {*FIRST, "figures/mine.pdf", "notes.tex"} - {
        "figures/survival.pdf"}
    assert (report.folder / "ours.pdf").exists()


def test_the_list_is_one_of_sha256sum(report):
    def checked():
        return subprocess.run(["sha256sum", "--check", "--quiet", LIST], cwd=report.paper, text=True,
                              capture_output=True, check=False).stdout.splitlines()
    report.make(NEXT)
    assert checked() == []
    report.edit("paper.tex")
    assert checked() == ["paper.tex: FAILED"]


@pytest.mark.parametrize("damage", [None, b"", b"\xff\0" * 1000, b"0" * 64 + b"  ../x\n"])
def test_without_its_list_nothing_is_lost(damage, report):
    if damage is None:
        (report.paper / LIST).unlink()
    else:
        (report.paper / LIST).write_bytes(damage)
    report.make(NEXT)
    assert report.files()["paper.tex"] == FIRST["paper.tex"]
    assert set(FIRST.values()) | set(NEXT.values()) == set(report.files().values())
    assert report.make(FIRST)[:-1] == [] and report.files()["numbers.tex"] == FIRST["numbers.tex"]


@pytest.mark.parametrize("put", range(7))
def test_stopped_between_two_files(put, report, monkeypatch):
    """What was made last and what is made now are both known as ours: the next one says nothing."""
    written, kept = [], folder.write_whole

    def stop(place, data):
        if len(written) == put:
            raise KeyboardInterrupt
        written.append(place)
        return kept(place, data)

    monkeypatch.setattr(folder, "write_whole", stop)
    if put < 6:
        with pytest.raises(KeyboardInterrupt):
            report.make(NEXT)
    monkeypatch.setattr(folder, "write_whole", kept)
    later = {name: text + "% later\n" for name, text in NEXT.items()}
    assert report.make(later) == [] and report.files() == later


# Compiling


@needs_latex
def test_an_edited_paper_is_compiled_with_what_it_uses(report):
    """What LaTeX reads is found where it is, and what LaTeX writes goes elsewhere."""
    (report.paper / "parts").mkdir()
    (report.paper / "parts/one.tex").write_text(r"\section{Mine}\cite{mine}\input{parts/two}")
    (report.paper / "parts/two.tex").write_text("Words.")
    (report.paper / "parts/one.aux").write_text(r"\undefined")  # of a run that was killed
    (report.paper / "paper.aux").write_text(r"\undefined")
    (report.paper / "works.bib").write_text("@misc{mine, author={Me}, title={Its}, year={2000}}\n")
    mine = TEXT.replace("{references}", "{references,works}").replace(
        r"\end{document}", "\\include{parts/one}\n\\end{document}")
    (report.paper / "paper.tex").write_text(mine)
    before = report.files()
    assert report.make(NEXT | {"references.bib": FIRST["references.bib"]}, True) == [
        "paper.tex has been edited and stays; the new one is paper.new.tex"]
    after = report.files()
    assert (report.paper / "paper.pdf").read_bytes()[:4] == b"%PDF"
    assert "undefined" not in after["paper.log"] and "undefined" not in after["paper.aux"]
    assert r"\bibitem{mine}" in after["paper.bbl"] and r"\bibitem{ours}" in after["paper.bbl"]
    for name in ("paper.tex", "works.bib", "parts/one.tex", "parts/one.aux"):
        assert after[name] == before[name]


@needs_latex
def test_works_that_an_edited_paper_lists_itself(report):
    (report.paper / "paper.tex").write_text(TEXT.replace(
        r"\bibliographystyle{plain}\bibliography{references}",
        r"\begin{thebibliography}{1}\bibitem{ours} It\end{thebibliography}"))
    assert report.make(FIRST, True) == ["paper.tex has been edited and stays"]
    assert (report.paper / "paper.pdf").exists()


@needs_latex
def test_a_paper_that_does_not_compile_leaves_the_old_pdf(report):
    assert report.make(FIRST, True) == []
    before = report.files()
    mine = TEXT.replace(r"\cite", r"\unknown\cite")
    (report.paper / "paper.tex").write_text(mine)
    assert report.make(NEXT, True) == [
        "paper.tex does not compile: pdflatex fails, see paper.log; paper.pdf is of an earlier run",
        "paper.tex has been edited and stays; the new one is paper.new.tex"]
    after = report.files()
    assert after["paper.tex"] == mine and r"\unknown" in after["paper.log"]
    for ending in ("pdf", "aux", "bbl"):
        assert after[f"paper.{ending}"] == before[f"paper.{ending}"]
    # Repaired, it is a success again, and says nothing of the PDF.
    (report.paper / "paper.tex").write_text(TEXT)
    assert not [said for said in report.make(FIRST, True) if "paper.pdf" in said]
    assert report.files()["paper.pdf"] != before["paper.pdf"]


def failing(folder, monkeypatch):
    """A pdflatex that writes half of a PDF and fails."""
    (folder / "bin").mkdir()
    tool = folder / "bin/pdflatex"
    tool.write_text("#!/bin/sh\necho half >paper.pdf\necho why >paper.log\nexit 1\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")


def test_half_of_a_first_pdf_is_not_written(tmp_path, monkeypatch):
    failing(tmp_path, monkeypatch)
    report = Report(tmp_path / "r")
    report.folder.mkdir()
    assert report.make(FIRST, True) == ["paper.tex does not compile: pdflatex fails, see paper.log"]
    assert report.files() == FIRST | {"paper.log": "why\n"}


def test_a_report_that_is_made_anew(path, tmp_path, monkeypatch):
    """The whole: numbers of today, the text and the works of the user, and the PDF that there is."""
    made = ["report", path, "-o", "r", "--latex"]
    said_by(*made, "--endpoint", "half", cwd=tmp_path)
    report = Report(tmp_path / "r")
    mine = {name: report.edit(name) for name in ("paper.tex", "references.bib", "tables.tex")}
    (report.paper / "paper.pdf").write_text("of an earlier run")
    before = report.files()
    failing(tmp_path, monkeypatch)
    said = said_by(*made, cwd=tmp_path, code=3)[1].decode().splitlines()
    assert said == [f"ccmsweep_analysis: r/paper/{words}" for words in (
        "paper.tex has been edited and stays; the new one is paper.new.tex",
        "references.bib has been edited and stays",
        "tables.tex had been edited: the edited one is now tables.edited.tex",
        "paper.tex does not compile: pdflatex fails, see r/paper/paper.log; r/paper/paper.pdf is of "
        "an earlier run")]
    after = report.files()
    assert mine == {"paper.tex": after["paper.tex"], "references.bib": after["references.bib"],
                    "tables.tex": after["tables.edited.tex"]}
    assert after["numbers.tex"] != before["numbers.tex"] and after["paper.pdf"] == before["paper.pdf"]
    assert nothing_left(tmp_path)
