# SPDX-License-Identifier: MIT
"""The report as a user gets it: in a browser, in LaTeX, of files in every state."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest
import synthetic
from aggregate_case import GRID, SMALL
from program import PROGRAM, run
from sweep_case import SOURCE, environment
from synthetic import CENSORED, DIVERGED, FAILED, INTERRUPTED, QUARANTINED, RUNNING, STOPPED

sys.path.insert(0, str(SOURCE / "analysis"))

from ccmsweep_analysis.figures import FIGURES  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SPEC = SMALL % (300, 3, "  actor_lr: [0.1, 0.001]\n  critic_lr: [0.1, 0.001]\n  seed: 1-7\n")
SECTIONS = ["Provenance and completeness", "The grid", "Curves", "Comparisons", "Mechanism",
            "Returns", "Run times", "Commands"]


def analysis(*words, cwd=None, **more):
    return subprocess.run(
        [sys.executable, "-m", "ccmsweep_analysis", *map(str, words)], cwd=cwd, text=True,
        capture_output=True, timeout=300, check=False,
        env={**os.environ, "PYTHONPATH": str(SOURCE / "analysis"), **more})


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("a <b> & c")  # goes into the page as words
    (folder / "s.yaml").write_text(SPEC, encoding="utf-8")
    done = run("run", "s.yaml", "-o", "s_1.h5", "--progress", "none", cwd=folder,
               env=environment())
    assert done.returncode == 0, done.stderr
    return folder / "s_1.h5"


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


def text_of(page):
    words = re.sub(r"<[^>]*>", " ", re.sub(r"<style>.*?</style>", "", page, flags=re.S))
    return " ".join(words.replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&").split())


# What stands in it


def test_sections_in_order_and_whole(page):
    assert re.findall(r"<h2>\d\. (.*?)</h2>", page) == SECTIONS
    drawn = re.findall(r'<figure id="(\w+)">', page)
    left_out = text_of(page).count("Not drawn:")
    assert drawn == list(FIGURES) and left_out == 0
    for name in drawn:
        assert f"<code>{name}</code>" in page
    assert page.rstrip().endswith("</html>")


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
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
         "--disable-background-networking", "--disable-component-update", "--no-first-run",
         "--disable-sync", "--disable-default-apps", f"--user-data-dir={folder}/profile", *words],
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


@pytest.mark.parametrize("width", [1200, 390])
def test_every_figure_is_shown_and_the_page_fits(page, tmp_path, width):
    told = probed(page, tmp_path, width)
    assert len(told["images"]) == len(FIGURES)
    for natural, shown, colours in told["images"]:
        assert natural > 400 and shown >= 500 and colours > 20
    assert told["broken"] == []  # words in the headings of tables
    assert told["page"] <= width  # nothing makes the page itself scroll sideways


def requests_of(page, folder):
    """What a page asks a network for, that can be reached by no name: hosts and schemes of all
    requests but those that the browser makes for itself."""
    net = folder / "net.json"
    _, said = browse("--dump-dom", "--enable-logging=stderr", "--v=0", f"--log-net-log={net}",
                     "--net-log-capture-mode=Everything", "--virtual-time-budget=5000",
                     "--host-resolver-rules=MAP * ~NOTFOUND", page, folder=folder)
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


@pytest.mark.parametrize("width", [1200, 390])
def test_screenshots_are_not_blank(folder, page, tmp_path, width):
    """All of the page, figures and tables, from top to bottom."""
    import matplotlib.image
    height = min(probed(page, tmp_path, width)["height"], 16000)
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
        place = "/".join(f"{value:g}" for value in one["axes"].values())
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


def test_the_paper_of_one_seed(tmp_path):
    made = synthetic.make(tmp_path, SMALL % (400, 5, GRID.replace("1-8", "[1]")))
    synthetic.fill(made, [STOPPED, CENSORED] * 3)
    done = analysis("report", made, "-o", tmp_path / "r", "--latex")
    assert (done.returncode, done.stderr) == (0, "")
    text = (tmp_path / "r/paper/paper.tex").read_text("utf-8")
    assert r"with \sweep{seeds} seed each" in " ".join(text.split())
    assert "paired" not in text and "permutation tests" not in text and "With one seed" in text


def test_an_unknown_number_is_an_error(folder, tmp_path):
    if not shutil.which("pdflatex"):
        pytest.skip("no pdflatex")
    paper = shutil.copytree(folder / "paper", tmp_path / "paper")
    text = (paper / "paper.tex").read_text("utf-8")
    (paper / "paper.tex").write_text(text.replace(r"\sweep{runs}", r"\sweep{rums}", 1), "utf-8")
    done = pdflatex(paper, "paper.tex")
    assert done.returncode != 0 and "no number `rums' in numbers.tex" in done.stdout


# Files in other states


def test_gaps_and_unfinished_runs_are_told(tmp_path):
    made = synthetic.make(tmp_path, SMALL % (400, 5, GRID))
    kinds = [STOPPED] * 12 + [CENSORED] * 8 + [DIVERGED] * 3 + [FAILED, QUARANTINED, INTERRUPTED,
                                                               RUNNING, 0]
    synthetic.fill(made, np.random.default_rng(3).permutation([*kinds, *kinds[:20]]))
    done = analysis("report", made, "-o", tmp_path / "r", "--latex")
    assert (done.returncode, done.stderr) == (0, "")
    words = text_of((tmp_path / "r/report.html").read_text("utf-8"))
    warnings = json.loads(run("aggregate", made, "--format", "json").stdout)["warnings"]
    assert words.count("Not complete:") == 1 and len(warnings) >= 3
    for warning in warnings:
        assert " ".join(f"{warning[0].upper()}{warning[1:]}.".split()) in words
    assert len(re.findall(r"seed \d: (failed|quarantined) \(run \d+\)", words)) == 2
    assert "not complete" in (tmp_path / "r/paper/paper.tex").read_text("utf-8")


def test_a_sweep_that_is_not_begun(tmp_path):
    made = synthetic.make(tmp_path, SMALL % (400, 5, GRID))
    done = analysis("report", made, "-o", tmp_path / "r", "--latex")
    assert (done.returncode, done.stderr) == (0, "")
    words = text_of((tmp_path / "r/report.html").read_text("utf-8"))
    assert "Not complete: 0 of 48 runs had the event by episode 400; 48 pending." in words
    assert "Not drawn:" in words and "no run is finished" in words


def test_a_single_training(tmp_path):
    done = run("train", "--set", "environment.agents=3", "--set", "training.batch=8",
               "--episodes", "60", "--set", "tracking.log_every=100", "-o", "t.h5", cwd=tmp_path)
    assert done.returncode == 0
    done = analysis("report", "t.h5", "-o", "r", "--latex", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    words = text_of((tmp_path / "r/report.html").read_text("utf-8"))
    assert "no logs" in words and "no evaluation was asked for" in words
    assert "They want two" in words or "they want two configurations" in words


def test_a_sweep_that_runs(tmp_path):
    (tmp_path / "s.yaml").write_text(SMALL % (1500, 5, GRID), encoding="utf-8")
    job = subprocess.Popen([PROGRAM, "run", "s.yaml", "-o", "s.h5", "--progress", "none"],
                           cwd=tmp_path, env=environment(), stderr=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL)
    try:
        for _ in range(600):
            time.sleep(0.05)
            if (tmp_path / "s.h5").exists():
                seen = run("status", "s.h5", "--json", cwd=tmp_path)
                if seen.returncode == 0 and json.loads(seen.stdout)["states"]["done"] >= 2:
                    break
        assert job.poll() is None
        done = analysis("report", "s.h5", "-o", "r", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
    finally:
        job.send_signal(signal.SIGKILL)
        job.wait()
    words = text_of((tmp_path / "r/report.html").read_text("utf-8"))
    assert "Not complete:" in words and "being written" in words
    # And killed: what was done stays.
    done = analysis("list", "s.h5", cwd=tmp_path)
    assert done.returncode == 0 and "survival" in done.stdout


BAD = {
    "absent": (None, "cannot open"),
    "empty": (b"", "not an HDF5 file"),
    "junk": (b"actor_lr,critic_lr\n" * 100, "not an HDF5 file"),
    "foreign": ("foreign", "not one of ccmsweep"),
    "newer": ("newer", "newer version"),
}


@pytest.mark.parametrize("command", ["list", "report", "figures"])
@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_in_one_sentence(path, tmp_path, name, command):
    content, words = BAD[name]
    bad = tmp_path / "bad.h5"
    if content == "foreign":
        with h5py.File(bad, "w") as file:
            file["x"] = 1
    elif content == "newer":
        shutil.copy(path, bad)
        with h5py.File(bad, "r+") as file:
            file.attrs["schema_version"] = np.int32(99)
    elif content is not None:
        bad.write_bytes(content)
    output = [] if command == "list" else ["-o", "out"]
    done = analysis(command, "bad.h5", *output, cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == ""
    assert re.fullmatch(r"ccmsweep_analysis: .*bad\.h5.*\n", done.stderr) and words in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words, message", [
    (["report", "FILE", "-o", "out", "--event", "nonsense"], "'nonsense' is not as expected"),
    (["figures", "FILE", "-o", "out", "--only", "survival,nonsense"],
     "--only nonsense: unknown; expected some of rmst_map"),
    (["figures", "FILE", "-o", "out", "--only", ""], "--only: empty"),
    (["figures", "FILE", "-o", "out", "--format", "gif"],
     "--format gif: unknown; expected some of png, svg, pdf"),
    (["report", "FILE"], "-o/--output"),
    (["draw", "FILE"], "invalid choice: 'draw'"),
])
def test_bad_options_are_refused(path, tmp_path, words, message):
    done = analysis(*(str(path) if word == "FILE" else word for word in words), cwd=tmp_path)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made(path, tmp_path):
    (tmp_path / "out").write_text("in the way")
    done = analysis("report", path, "-o", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "ccmsweep_analysis: out: File exists; expected a folder to write to\n"
    assert (tmp_path / "out").read_text() == "in the way"


def test_a_python_without_what_it_takes(path, tmp_path):
    (tmp_path / "h5py.py").write_text("raise ModuleNotFoundError(name='h5py')")
    done = subprocess.run([sys.executable, "-m", "ccmsweep_analysis", "list", path], text=True,
                          capture_output=True, check=False, env={
                              **os.environ, "PYTHONPATH": f"{tmp_path}:{SOURCE / 'analysis'}"})
    assert done.returncode == 2 and " has no h5py; expected a Python with" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_script_finds_all_it_needs(path, tmp_path):
    shutil.copy(path, tmp_path / "s.h5")
    script = [SOURCE / "jobs/report.sh"]
    done = subprocess.run([*script, "s.h5"], cwd=tmp_path, capture_output=True, text=True,
                          check=False)
    assert (done.returncode, done.stderr) == (0, "Report: s.h5.report/report.html\n")
    done = subprocess.run([*script, "s.h5", "-o", "there", "--event", "gradient_zero"],
                          cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "Report: there/report.html\n")
    page = (tmp_path / "there/report.html").read_text("utf-8")
    assert "Event: gradient_zero of the last actor" in page
    for words in ([], ["absent.h5"], ["s.h5", "--event", "nonsense"]):
        done = subprocess.run([*script, *words], cwd=tmp_path, capture_output=True, text=True,
                              check=False)
        assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr


def test_figures_and_list(path, tmp_path):
    done = analysis("figures", path, "-o", tmp_path / "f", "--only", "survival,rmst_map",
                    "--format", "png")
    assert done.returncode == 0
    assert done.stdout.split() == [f"{tmp_path}/f/survival.png", f"{tmp_path}/f/rmst_map.png"]
    assert sorted(name.name for name in (tmp_path / "f").iterdir()) == ["rmst_map.png",
                                                                       "survival.png"]
    done = analysis("list", path)
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(FIGURES)
