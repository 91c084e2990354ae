# SPDX-License-Identifier: MIT
"""Draw figures into files, on all cores."""
import concurrent.futures
import dataclasses
import multiprocessing
import os
import pathlib

import matplotlib

from .canvas import STYLE, Canvas, NothingToDraw
from .figures import FIGURES, caption_of, title_of
from .study import Study


@dataclasses.dataclass
class Drawn:
    """A figure that was drawn, or why it was not."""
    name: str
    title: str
    caption: str
    files: dict       # by ending; empty: not drawn
    reason: str = ""


def draw(study, name):
    """The canvas of a figure; NothingToDraw when the file has not what it shows."""
    with matplotlib.rc_context(STYLE):
        canvas = Canvas()
        FIGURES[name](study, canvas)
        return canvas


def draw_to_files(study, name, folder, endings):
    title, caption = title_of(FIGURES[name]), caption_of(FIGURES[name])
    try:
        canvas = draw(study, name)
    except NothingToDraw as reason:
        return Drawn(name, title, caption, {}, str(reason))
    files = {}
    for ending in endings:
        files[ending] = pathlib.Path(folder) / f"{name}.{ending}"
        canvas.save(files[ending])
    return Drawn(name, title, " ".join([caption, *canvas.notes]), files)


_studies = {}  # of a worker process: an open file cannot be shared


def _draw_one(snapshot, name, folder, endings):
    if not _studies:
        _studies[snapshot.path] = Study(snapshot)
    return draw_to_files(_studies[snapshot.path], name, folder, endings)


def draw_all(snapshot, names, folder, endings):
    """Draw figures of a sweep's file into files of a folder, one for each ending; in the order of
    the names, with reasons for those that the file has nothing for. Call it with no file of HDF5
    open: processes are forked."""
    workers = min(len(os.sched_getaffinity(0)), len(names))
    with concurrent.futures.ProcessPoolExecutor(
            workers, multiprocessing.get_context("fork")) as pool:
        waiting = [pool.submit(_draw_one, snapshot, name, str(folder), tuple(endings))
                   for name in names]
        try:
            return [one.result() for one in waiting]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
