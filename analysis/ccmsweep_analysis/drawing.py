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


_study = None  # of a worker process, which makes its own: an open file cannot be shared


def _prepare(make_study):
    global _study
    _study = make_study()


def _draw_one(name, folder, endings):
    return draw_to_files(_study, name, folder, endings)


def draw_all(make_study, names, folder, endings):
    """Draw figures by name into files of a folder, one for each ending; in their order, with reasons
    for those that the file has nothing for. `make_study` is called in every worker."""
    workers = min(len(os.sched_getaffinity(0)), len(names))
    with concurrent.futures.ProcessPoolExecutor(
            workers, multiprocessing.get_context("fork"), _prepare, (make_study,)) as pool:
        # The longest take seconds: handed out one at a time.
        waiting = [pool.submit(_draw_one, name, str(folder), tuple(endings)) for name in names]
        return [one.result() for one in waiting]
