# SPDX-License-Identifier: MIT
"""What the tests of reports share: a small sweep in a folder with a hard name, and the words of a
page."""
import re

import pytest
from aggregate_case import SMALL
from program import run
from sweep_case import environment

SPEC = SMALL % (300, 3, "  actor_lr: [0.1, 0.001]\n  critic_lr: [0.1, 0.001]\n  seed: 1-7\n")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("a <b> & c")  # goes into the page as words
    (folder / "s.yaml").write_text(SPEC, encoding="utf-8")
    done = run("run", "s.yaml", "-o", "s_1.h5", "--progress", "none", cwd=folder,
               env=environment())
    assert done.returncode == 0, done.stderr
    return folder / "s_1.h5"


def text_of(page):
    words = re.sub(r"<[^>]*>", " ", re.sub(r"<style>.*?</style>", "", page, flags=re.S))
    return " ".join(words.replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&").split())
