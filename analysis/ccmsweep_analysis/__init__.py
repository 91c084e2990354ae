# SPDX-License-Identifier: MIT
"""Figures and reports of the file of a ccmsweep sweep: see README.md, "Figures and report"."""
