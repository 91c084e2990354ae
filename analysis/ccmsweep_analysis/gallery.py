# SPDX-License-Identifier: MIT
"""A figure as an object of Matplotlib: what a notebook asks for. The figures are those of the
report."""
import os
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from .drawing import draw
from .figures import FIGURES, caption_of, title_of
from .study import Study
from .sweep import Unreadable

if TYPE_CHECKING:
    from .estimates import Estimates


def figure_names() -> list[str]:
    """Names of all figures, in the order of the report; what they show is in analysis/README.md."""
    return list(FIGURES)


def figure(name: str, of: "str | os.PathLike | Estimates", **options: Any) -> Figure:
    """The figure of this name (see figure_names()) as a Matplotlib Figure, 7.2 inches wide.

    of: the file of a sweep, with the options of aggregate() as further arguments; or what
    aggregate() has returned, of which several figures can be drawn without asking the program anew.

    Title and caption are its label: `.get_label()`. It starts from Matplotlib's own defaults, so it
    looks as in the report; what Matplotlib reads when it saves (`savefig.dpi`, …) is the user's.
    It does not belong to pyplot: a notebook shows it as the value of a cell, once
    matplotlib.pyplot is imported, and nothing has to be closed.

    Raises NothingToDraw, which says why, when the file does not have what it shows; TypeError for
    options beside estimates; Unreadable for an unknown name; and what aggregate() raises."""
    if name not in FIGURES:
        raise Unreadable(f"figure {name}: unknown; expected one of {', '.join(FIGURES)}")
    if isinstance(of, (str, bytes, os.PathLike)):
        from .estimates import aggregate
        of = aggregate(of, **options)
    elif options:
        raise TypeError(f"figure: {', '.join(options)} beside estimates, which have their options")
    study = Study(of.snapshot)
    try:
        canvas = draw(study, name)
    finally:
        study.sweep.file.close()
    drawn = canvas.figure
    drawn.set_label("\n\n".join([title_of(FIGURES[name]),
                                 " ".join([caption_of(FIGURES[name]), *canvas.notes])]))
    return drawn
