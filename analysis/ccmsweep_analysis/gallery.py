# SPDX-License-Identifier: MIT
"""A figure as an object of Matplotlib: what a notebook asks for."""
from .figures import FIGURES


def figure_names() -> list[str]:
    """Names of all figures, in the order of the report."""
    return list(FIGURES)
