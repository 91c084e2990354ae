# SPDX-License-Identifier: MIT
"""What the tests of jobs begin with: the cluster, a folder with a spec, and the file to compare."""
import os
import shutil

import pytest
from cluster import SLURM_SPEC, Cluster, missing
from sweep_case import sweep, write_spec


@pytest.fixture(scope="module")
def cluster(request):
    if os.geteuid() != 0:
        pytest.skip("only root can start a cluster of its own")
    if shutil.which("apt-get") is None and missing():
        pytest.skip(f"there is no {', '.join(missing())}")
    assert not missing(), f"no {', '.join(missing())}: jobs/setup.sh test installs slurm-wlm"
    # The cluster's network is none for an mpirun that knows nothing of it.
    request.getfixturevalue("straight")
    with Cluster() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """The file as mpirun makes it."""
    folder = tmp_path_factory.mktemp("straight")
    write_spec(folder, SLURM_SPEC)
    done = sweep(3, "s.yaml", "-o", "b.h5", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "b.h5"


@pytest.fixture()
def folder(tmp_path):
    """With a blank in its name, as users have them."""
    path = tmp_path / "a sweep"
    path.mkdir()
    write_spec(path, SLURM_SPEC)
    return path
