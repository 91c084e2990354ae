# SPDX-License-Identifier: MIT
"""The report as a user gets it: in a browser and in LaTeX."""
import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from analysis_case import analysis
from browser import CHROMIUM, QUIET
from program import run
from report_case import path, text_of
from sweep_case import SOURCE, environment

sys.path.insert(0, str(SOURCE / "analysis"))

from ccmsweep_analysis.figures import FIGURES, SECTIONS as GROUPS  # noqa: E402
from ccmsweep_analysis.words import number  # noqa: E402

__all__ = ["path"]
# Without labels there is nothing to compare them with, and no section of it.
DRAWN = [name for name, draw in FIGURES.items() if draw not in GROUPS["interventions"]]
SECTIONS = ["Provenance and completeness", "The grid", "Curves", "Comparisons", "Mechanism",
            "Returns", "Run times", "Commands"]


@pytest.fixture(scope="module")
def told(path):
    return json.loads(run("aggregate", path, "--format", "json").stdout)


@pytest.fixture(scope="module")
def folder(path, tmp_path_factory):
    made = tmp_path_factory.mktemp("report")
    done = analysis("report", path, "-o", made, "--latex")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == str(made / "report.html")
    assert sorted(name.name for name in made.iterdir()) == ["paper", "report.html"]
    return made


@pytest.fixture(scope="module")
def page(folder):
    return (folder / "report.html").read_text(encoding="utf-8")


# What stands in it


def test_sections_in_order_and_whole(page):
    assert re.findall(r"<h2>\d\. (.*?)</h2>", page) == SECTIONS
    drawn = re.findall(r'<figure id="(\w+)">', page)
    left_out = text_of(page).count("Not drawn:")
    assert drawn == DRAWN and left_out == 0
    for name in drawn:
        assert f"<code>{name}</code>" in page
    assert page.rstrip().endswith("</html>")


def test_it_begins_with_the_findings(page, told):
    """In the words of aggregate, before warnings, contents and all sections; and nowhere else."""
    top, rest = page.split('<ul class="findings" aria-label="Findings">')[1].split("</ul>", 1)
    items = [text_of(item) for item in re.findall(r"<li>(.*?)</li>", top)]
    assert items == [f"{one['sentence'][0].upper()}{one['sentence'][1:]}."
                     for one in told["findings"]] and items
    assert "<nav>" in rest and not any(item in text_of(rest) for item in items)
    assert 'class="open"' not in page.split('<ul class="findings"')[0].split("<header>")[1]


def test_nothing_is_fetched(page):
    outside = re.sub(r'src="data:image/svg\+xml;base64,[A-Za-z0-9+/=]*"', "", page)
    assert not re.search(r'(src|href)="(?!#|data:,")', outside)
    assert "url(" not in outside and "@import" not in outside and "<script" not in outside
    assert "default-src 'none'" in outside


def test_numbers_are_those_of_aggregate(page, told):
    words = text_of(page)
    fates = told["fates"]
    assert (f"Complete: {fates['events']} of 28 runs had the event by episode 300; "
            f"{fates['censored']} censored.") in words
    for one in told["configurations"]:
        rmst = one["rmst"]
        if rmst["lower"] is not None:
            assert f"{rmst['value']:.1f} [{rmst['lower']:.1f}, {rmst['upper']:.1f}]" in words
    for one in told["comparisons"]:
        if one["lower"] is not None:
            assert (f"{one['difference']:.1f} [{one['lower']:.1f}, {one['upper']:.1f}]") in words
    for one in told["tests"]:
        assert f"{one['chi2']:.2f}" in words
    assert "not estimable" in words


def test_names_are_escaped(page):
    assert "a &lt;b&gt; &amp; c" in page and "<b>" not in page


def test_commands_give_the_numbers_again(page, path, told, tmp_path):
    command = re.search(r"ccmsweep aggregate [^<]*", page)[0].split()
    done = run(*command[1:], "--format", "json", cwd=path.parent)
    assert done.returncode == 0, done.stderr
    again = json.loads(done.stdout)
    assert [one["rmst"] for one in again["configurations"]] == [
        one["rmst"] for one in told["configurations"]]
    settings = re.search(r"<pre>(.*?)</pre>", page, re.S)[1]
    (tmp_path / "again.yaml").write_text(settings, encoding="utf-8")
    shutil.copy(path, tmp_path / "s.h5")
    done = run("run", "again.yaml", "-o", "s.h5", cwd=tmp_path, env=environment())
    assert done.returncode == 0 and "all 28 cells are done" in done.stderr


def test_it_is_the_same_again(path, folder, tmp_path):
    assert analysis("report", path, "-o", tmp_path).returncode == 0
    first, second = ((where / "report.html").read_text("utf-8") for where in (folder, tmp_path))

    def without_now(text):
        return re.sub(r"on \d{4}-\d\d-\d\d \d\d:\d\d UTC</dd>", "", text)
    assert without_now(first) == without_now(second)


# In a browser

# A window is at least 500 wide, whatever it is asked for: a phone is a frame in it.
FRAME = """\
<!doctype html><body style="margin: 0">
<script>
addEventListener("message", told => { document.body.textContent = "PROBE" + told.data + "END"; });
</script>
<iframe src="%s" style="border: 0; width: %dpx; height: %dpx"></iframe>
"""

PROBE = """\
<script>
addEventListener("load", () => {
  const found = [...document.images].map(image => {
    const paper = document.createElement("canvas");
    paper.width = 120; paper.height = 90;
    const context = paper.getContext("2d");
    context.drawImage(image, 0, 0, 120, 90);
    const colours = new Set();
    const data = context.getImageData(0, 0, 120, 90).data;
    for (let i = 0; i < data.length; i += 4)
      colours.add(data[i] + "," + data[i + 1] + "," + data[i + 2] + "," + data[i + 3]);
    const box = image.getBoundingClientRect();
    return [image.naturalWidth, box.width, colours.size];
  });
  const broken = [...document.querySelectorAll("th")].flatMap(cell => {
    const text = cell.firstChild;
    return [...(text?.data ?? "").matchAll(/\\S+/g)].filter(word => {
      const range = document.createRange();
      range.setStart(text, word.index);
      range.setEnd(text, word.index + word[0].length);
      return range.getClientRects().length > 1;
    }).map(word => word[0]);
  });
  const size = document.documentElement;
  parent.postMessage(JSON.stringify({
    images: found, broken, page: size.scrollWidth, height: size.scrollHeight,
    window: innerWidth}), "*");
});
</script>
"""


def browse(*words, folder):
    if not CHROMIUM:
        pytest.skip("no chromium")
    done = subprocess.run(
        [CHROMIUM, *QUIET, f"--user-data-dir={folder}/profile", *words],
        capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.decode(), done.stderr.decode()


def framed(page, folder, width, height):
    """A page of its own that shows this one as wide as a phone, say."""
    frame = folder / f"frame{width}.html"
    frame.write_text(FRAME % (page, width, height), "utf-8")
    return f"file://{frame}"


def probed(page, folder, width):
    """What a script finds in the page at a width: the report itself forbids scripts."""
    made = folder / "probed.html"
    made.write_text(re.sub(r"<meta http-equiv[^>]*>", "", page).replace("</body>",
                                                                    PROBE + "</body>"), "utf-8")
    seen, _ = browse("--dump-dom", "--window-size=1300,900", "--virtual-time-budget=20000",
                     framed("probed.html", folder, width, 900), folder=folder)
    told = json.loads(re.search(r"PROBE(\{.*?\})END", seen)[1])
    assert told["window"] == width
    return told


@pytest.fixture(scope="module", params=[1200, 390])
def seen(page, tmp_path_factory, request):
    return probed(page, tmp_path_factory.mktemp("probed"), request.param)


def test_every_figure_is_shown_and_the_page_fits(seen):
    assert len(seen["images"]) == len(DRAWN)
    for natural, shown, colours in seen["images"]:
        assert natural > 400 and shown >= 500 and colours > 20
    assert seen["broken"] == []  # words in the headings of tables
    assert seen["page"] <= seen["window"]  # nothing makes the page itself scroll sideways


def requests_of(page, folder):
    """What a page asks a network for, that can be reached by no name: hosts and schemes of all
    requests but those that the browser makes for itself."""
    net = folder / "net.json"
    _, said = browse("--dump-dom", "--enable-logging=stderr", "--v=0", f"--log-net-log={net}",
                     "--net-log-capture-mode=Everything", "--virtual-time-budget=5000", page,
                     folder=folder)
    logged = json.loads(net.read_text("utf-8"))
    started = logged["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    asked = [event["params"] for event in logged["events"]
             if event["type"] == started and "url" in event.get("params", {})]
    # Those of the browser come from no page: neither from a file nor from an opaque origin.
    return {one["url"] for one in asked
            if not one["url"].startswith(("data:", "file:")) and
            one.get("initiator", "not an origin") != "not an origin"}, said


def test_console_and_network_are_silent(folder, tmp_path):
    asked, said = requests_of(f"file://{folder}/report.html", tmp_path)
    assert "CONSOLE" not in said and not asked
    # Both are heard: a page with a script that is forbidden, and one with an image from elsewhere.
    loud = tmp_path / "loud.html"
    loud.write_text("<meta http-equiv='Content-Security-Policy' content=\"script-src 'none'\">"
                    "<script>1</script><img src='https://www.google.com/x.png'>", "utf-8")
    asked, said = requests_of(f"file://{loud}", tmp_path)
    assert "CONSOLE" in said and asked == {"https://www.google.com/x.png"}


def test_it_prints(folder, tmp_path):
    browse(f"--print-to-pdf={tmp_path}/print.pdf", f"file://{folder}/report.html", folder=tmp_path)
    pages = len(re.findall(rb"/Type\s*/Page\b", (tmp_path / "print.pdf").read_bytes()))
    assert 8 <= pages <= 60


def test_screenshots_are_not_blank(folder, seen, tmp_path):
    """All of the page, figures and tables, from top to bottom."""
    import matplotlib.image
    width, height = seen["window"], min(seen["height"], 16000)
    browse(f"--screenshot={tmp_path}/page.png", f"--window-size=1300,{height}",
           framed(f"file://{folder}/report.html", tmp_path, width, height), folder=tmp_path)
    pixels = matplotlib.image.imread(tmp_path / "page.png")[:, :width, :3]
    assert pixels.shape[:2] == (height, width) and height > 5000
    assert all(part.std() > 0.01 for part in np.array_split(pixels, height // 800))


# In LaTeX


def pdflatex(folder, *words):
    return subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", *words],
                          cwd=folder, capture_output=True, text=True, errors="replace",
                          check=False)


def test_the_paper_compiles(folder):
    if not shutil.which("pdflatex"):
        pytest.skip("no pdflatex")
    paper = folder / "paper"
    assert (paper / "paper.pdf").read_bytes()[:4] == b"%PDF"
    log = (paper / "paper.log").read_text(errors="replace")
    assert not re.search("undefined|multiply defined|Missing character", log)
    drawn = re.findall(r"includegraphics\[[^]]*\]\{figures/(\w+)\.pdf\}",
                       (paper / "paper.tex").read_text("utf-8"))
    assert len(drawn) >= 8
    assert sorted(drawn) == sorted(name.stem for name in (paper / "figures").iterdir())


def test_the_numbers_of_the_paper(folder, told):
    numbers = dict(re.findall(r"\\sweepnumber\{(.*?)\}\{(.*)\}",
                              (folder / "paper/numbers.tex").read_text("utf-8")))
    assert numbers["runs"] == "28" and numbers["limit"] == "300" and numbers["seeds"] == "7"
    for one in told["configurations"]:
        place = "/".join(number(value) for value in one["axes"].values())
        assert numbers[f"events/{place}"] == str(one["fates"]["events"])
        if one["fates"]["events"]:
            assert numbers[f"rmst/{place}"].startswith(f"{one['rmst']['value']:.1f}")
        else:
            assert numbers[f"rmst/{place}"] == "300, no event"
    paired = [one for one in told["comparisons"] if one["p_holm"] is not None]
    assert paired and sum(name.startswith("p-holm/") for name in numbers) == len(paired)
    lines = (folder / "paper/paper.tex").read_text("utf-8").splitlines()
    assert not re.search(r"--\w", "\n".join(lines)), "an option would have a dash"
    wanted = [name for line in lines if not line.startswith(("%", r"\newcommand"))
              for name in re.findall(r"\\sweep\{([^#}]*)\}", line)]
    assert len(wanted) > 20 and set(wanted) <= set(numbers)


def test_the_paper_is_what_a_researcher_starts_from(folder, told):
    """All sections, gaps that are marked, settings, references and figures that are referred to."""
    text = (folder / "paper/paper.tex").read_text("utf-8")
    assert re.findall(r"\\section\{(.*?)\}", text) == [
        "Introduction", "Related work", "Method", "Results", "Discussion", "Conclusion", "Tables",
        "How these numbers were made"]
    assert r"\begin{abstract}" in text and r"\author{\towrite{" in text
    assert text.count(r"\towrite{") >= 10
    drawn = re.findall(r"\\label\{(fig:\w+)\}", text)
    assert len(drawn) >= 8 and set(re.findall(r"\\ref\{(fig:\w+)\}", text)) == set(drawn)
    assert "figure}[p]" not in text and "1 seeds" not in text
    cited = set(re.findall(r"\\cite\{([\w:]+)\}", text))
    known = (folder / "paper/references.bib").read_text("utf-8")
    assert cited == set(re.findall(r"^@\w+\{(.*),$", known, re.M)) and len(cited) == 3
    citation = (SOURCE / "CITATION.cff").read_text("utf-8")
    for key in ("doi", "volume", "year"):
        assert re.search(rf"^    {key}: (.*)$", citation, re.M)[1] in known
    settings = (folder / "paper/settings.tex").read_text("utf-8")
    for key in ("agents", "critic\\_hidden1", "gamma", "capacity", "training.seed"):
        assert rf"\texttt{{{key}}} & " in settings
    assert r"\texttt{episodes} & 300 \\" in settings
    assert r"\texttt{first\_still} is the first episode in whose training step" in text
    if shutil.which("bibtex"):
        assert (folder / "paper/paper.bbl").read_text("utf-8").count(r"\bibitem") == 3


def test_an_unknown_number_is_an_error(folder, tmp_path):
    if not shutil.which("pdflatex"):
        pytest.skip("no pdflatex")
    paper = shutil.copytree(folder / "paper", tmp_path / "paper")
    text = (paper / "paper.tex").read_text("utf-8")
    (paper / "paper.tex").write_text(text.replace(r"\sweep{runs}", r"\sweep{rums}", 1), "utf-8")
    done = pdflatex(paper, "paper.tex")
    assert done.returncode != 0 and "no number `rums' in numbers.tex" in done.stdout
