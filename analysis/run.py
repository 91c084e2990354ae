# SPDX-License-Identifier: MIT
"""python3 run.py list|figures|report …: as python3 -P -m ccmsweep_analysis. A script looks for
modules in its own folder, not in the one that it is called from, with any version of Python."""
import os
import runpy
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
runpy.run_module("ccmsweep_analysis", run_name="__main__", alter_sys=True)
