# SPDX-License-Identifier: MIT
"""The report of a sweep that runs, drawn again when runs were committed: by a process of its own,
into a temporary folder, with a low priority and pauses, so that training is hardly slowed down."""
import contextlib
import dataclasses
import os
import pathlib
import resource
import subprocess
import sys
import time

from . import live
from .signals import undisturbed
from .study import ending
from .sweep import Fault

# Pause after a drawing, in times of what it took of all cores: at most a fifth of them is for drawing.
REST = 4
AFTER_FAILURE = 60  # seconds
NICER = 5           # with 19 a figure would hardly ever be drawn while all cores train
PACKAGE = pathlib.Path(__file__).parent
START = ("-P", "-m", PACKAGE.name)  # how Python is started to draw


def work_of_children():
    """Seconds of this machine, with all its cores, that children have taken which have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) / len(os.sched_getaffinity(0))


@dataclasses.dataclass(frozen=True)
class Shown:
    """What the page shows: sentences on the report, each with its class; which one; the report."""
    words: tuple
    version: str
    report: str


class Redrawing:
    """The last report, and the process that draws the next one. One thread calls step() and stop();
    `shown` is for all."""

    def __init__(self, path, options, folder):
        self.folder = pathlib.Path(folder)
        self.command = [sys.executable, *START, "report", f"--output={folder}", *options, "--",
                        os.fspath(path)]
        self.process = None
        self.look = None         # with which the last drawing began
        self.began = self.worked = self.not_before = 0.0
        self.failure = self.note = ""
        self.version, self.report = "0", live.as_part("<body></body>", "0")
        self.shown = Shown((), self.version, self.report)

    def step(self, look):
        """Take over a drawing that has ended, and begin the next one when it is due."""
        if self.process is not None and self.process.poll() is not None:
            self.collect(self.process.returncode)
        changed = look.told is not None and (self.look is None or look.state != self.look.state)
        if self.process is None and (changed or self.failure) and self.may_begin(look):
            self.begin(look)
        self.shown = Shown((*self.failures(), ("left-out", self.progress(changed))), self.version,
                           self.report)

    def may_begin(self, look):
        """Where nothing is trained, nothing is slowed down."""
        rested = time.monotonic() >= self.not_before
        return look.told is not None and (rested or not self.failure and not look.told["locked"])

    def begin(self, look):
        self.look, self.began, self.worked = look, time.monotonic(), work_of_children()
        found = filter(None, [str(PACKAGE.parent), os.environ.get("PYTHONPATH")])
        with undisturbed(), self.failing(), open(self.folder / "said", "wb") as said:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said,
                start_new_session=True, env=os.environ | {"PYTHONPATH": ":".join(found)})
            if look.told["locked"]:
                nice = os.getpriority(os.PRIO_PROCESS, 0) + NICER
                os.setpriority(os.PRIO_PROCESS, self.process.pid, nice)

    def collect(self, code):
        """With code 3 the report says itself what is wrong."""
        self.process, self.failure = None, ""
        now = time.monotonic()
        self.not_before = now + REST * (work_of_children() - self.worked)
        with self.failing():
            if code not in (0, 3):
                said = (self.folder / "said").read_text("utf-8", "replace").splitlines()
                raise Fault(said[-1].removeprefix("ccmsweep_analysis: ") if said else ending(code))
            page = (self.folder / "report.html").read_text("utf-8")
            self.version = str(time.time_ns())
            self.report = live.as_part(page, self.version)
            done = self.look.told["states"]["done"]
            self.note = (f"Figures and estimates: of {live.clock(self.look.time)}, when {done} "
                         f"cell{' was' if done == 1 else 's were'} done; drawn in "
                         f"{live.duration(now - self.began)}.")

    @contextlib.contextmanager
    def failing(self):
        """A drawing that fails, for example because the disk is full, is tried again later."""
        try:
            yield
        except (Fault, OSError) as error:
            self.failure = getattr(error, "strerror", None) or str(error)
            self.not_before = time.monotonic() + AFTER_FAILURE

    def failures(self):
        if self.failure:
            yield "open", f"The figures could not be drawn: {self.failure}. This is tried again."

    def progress(self, changed):
        """What becomes of the figures, in words."""
        wait = self.not_before - time.monotonic()
        if self.process is not None:
            return (f"{self.note} New ones are being drawn." if self.note else
                    "Figures and estimates are being drawn for the first time.")
        if not self.note:
            return "Figures and estimates are drawn as soon as the file can be read."
        if changed and wait > 0:
            return (f"{self.note} Runs have been committed since: the next ones are drawn in "
                    f"{live.duration(wait)}, as training comes first.")
        return f"{self.note} They are drawn again when runs are committed."

    def stop(self):
        """End a drawing that is under way."""
        with undisturbed():
            if self.process is None:
                return
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
