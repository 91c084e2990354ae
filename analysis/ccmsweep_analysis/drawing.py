# SPDX-License-Identifier: MIT
"""Draw figures into files, on all cores."""
import concurrent.futures
import ctypes
import dataclasses
import multiprocessing
import os
import pathlib
import signal
import warnings

from .canvas import STYLE, Canvas, NothingToDraw, matplotlib
from .figures import FIGURES, caption_of, title_of
from .output import naming
from .signals import undisturbed
from .study import Study
from .sweep import Fault, Unreadable, why

PR_SET_PDEATHSIG = 1


@dataclasses.dataclass
class Drawn:
    """A figure that was drawn, or why it was not."""
    name: str
    title: str
    caption: str
    files: dict       # by ending; empty: not drawn
    reason: str = ""
    failed: bool = False  # not drawn though the file should have what it shows


def draw(study, name):
    """The canvas of a figure; NothingToDraw when the file does not have what it shows."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        canvas = Canvas()
        FIGURES[name](study, canvas)
        return canvas


def draw_to_files(study, name, folder, endings):
    title, caption = title_of(FIGURES[name]), caption_of(FIGURES[name])
    files = {}
    try:
        canvas = draw(study, name)
        for ending in endings:
            files[ending] = pathlib.Path(folder) / f"{name}.{ending}"
            save(canvas, files[ending])
    except NothingToDraw as reason:
        return Drawn(name, title, caption, {}, str(reason))
    except (Fault, Unreadable) as reason:
        return Drawn(name, title, caption, {}, str(reason), True)
    except (DiskFails, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 (one figure is no reason to have none)
        return Drawn(name, title, caption, {}, f"{type(error).__name__}: {why(error)}", True)
    return Drawn(name, title, " ".join([caption, *canvas.notes]), files)


class DiskFails(OSError):
    """The disk fails while a figure is saved. Errors of reading the sweep's file are others."""


def save(canvas, path):
    with warnings.catch_warnings():
        # A letter that the font does not have is drawn as a box.
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        try:
            with naming(path):
                canvas.save(path)
        except OSError as error:
            raise DiskFails(error.errno, error.strerror, error.filename) from error


_studies = {}  # of a worker process: an open file cannot be shared


def _draw_one(snapshot, name, folder, endings):
    if not _studies:
        _studies[snapshot.path] = Study(snapshot)
    return draw_to_files(_studies[snapshot.path], name, folder, endings)


def die_with_parent():
    """Let the kernel end this process when its parent dies; the parent handles interrupts."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _begin():
    die_with_parent()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def draw_all(snapshot, names, folder, endings):
    """Draw figures of a sweep's file into files of a folder, one for each ending. Returns them in
    the order of the names, with a reason for each that was not drawn. No HDF5 file may be open when
    it is called, because it forks processes."""
    workers = min(len(os.sched_getaffinity(0)), len(names))
    pool = concurrent.futures.ProcessPoolExecutor(
        workers, multiprocessing.get_context("fork"), _begin)
    try:
        with undisturbed():
            waiting = [pool.submit(_draw_one, snapshot, name, str(folder), tuple(endings))
                       for name in names]
        return [one.result() for one in waiting]
    except concurrent.futures.process.BrokenProcessPool as error:
        raise Fault("a process that draws figures was killed, for example because memory was "
                    "exhausted") from error
    finally:
        with undisturbed():
            pool.shutdown(cancel_futures=True)
