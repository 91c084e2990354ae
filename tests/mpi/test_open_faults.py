# SPDX-License-Identifier: MIT
"""A rank that fails or hangs while the file is opened: the job ends with a sentence, not never."""
import os
import shlex
import subprocess

import h5py
import pytest
from contents import assert_same_results
from sweep_case import needs_faults, said, sweep, write_spec

# Four short cells: what is tried here comes before the first of them.
SPEC = """\
training: {batch: 8, episodes: 60}
networks: {critic_hidden1: 32, critic_hidden2: 16}
environment: {agents: 3}
grid: {seed: [1, 2, 3, 4]}
"""
QUIET = ["--progress", "none"]
RUN = ["s.yaml", "-o", "b.h5", *QUIET]
# Makes the n-th call on a file of the sweep fail on rank 1.
FAILING = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
static int fails(const char *call, const char *path) {
    static int count;
    const char *rank = getenv("PMIX_RANK"), *wanted = getenv("FAILING_CALL");
    if (rank == NULL || strcmp(rank, "1") != 0 || wanted == NULL || strcmp(wanted, call) != 0 ||
        strstr(path, "b.h5") == NULL || ++count != atoi(getenv("FAILING_AT")))
        return 0;
    errno = strcmp(call, "open") == 0 ? EMFILE : EIO;
    return 1;
}
static int read_fails(int fd) {
    char link[64], path[4096] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    return readlink(link, path, sizeof path - 1) > 0 && fails("read", path);
}
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define OPEN(name) int name(const char *path, int flags, ...) { \
    va_list args; va_start(args, flags); const int mode = va_arg(args, int); va_end(args); \
    return fails("open", path) ? -1 : REAL(name)(path, flags, mode); }
OPEN(open)
OPEN(open64)
ssize_t pread(int fd, void *to, size_t size, off_t at) {
    return read_fails(fd) ? -1 : REAL(pread)(fd, to, size, at); }
ssize_t pread64(int fd, void *to, size_t size, off64_t at) {
    return read_fails(fd) ? -1 : REAL(pread64)(fd, to, size, at); }
ssize_t preadv(int fd, const struct iovec *to, int count, off_t at) {
    return read_fails(fd) ? -1 : REAL(preadv)(fd, to, count, at); }
"""


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    folder = tmp_path_factory.mktemp("straight")
    write_spec(folder, SPEC)
    assert sweep(0, *RUN, cwd=folder).returncode == 0
    return folder / "b.h5"


@pytest.fixture(scope="module")
def failing(tmp_path_factory):
    """The library that makes calls fail."""
    folder = tmp_path_factory.mktemp("failing")
    (folder / "failing.c").write_text(FAILING, encoding="utf-8")
    done = subprocess.run([*shlex.split(os.environ.get("CC", "cc")), "-shared", "-fPIC", "-o",
                           "failing.so", "failing.c", "-ldl"], cwd=folder, check=False,
                          capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip("no library to be preloaded can be made: " + done.stderr)
    return folder / "failing.so"


def assert_told(done, *words):
    """Ended as a fault of the system, by one of the ranks' sentences."""
    sentences = [line for line in said(done) if line.startswith("ccmsweep: rank ")]
    assert done.returncode == 1, done.stderr
    assert any(all(word in line for word in words) for line in sentences), done.stderr


@pytest.mark.parametrize("call, at", [("read", 1), ("read", 2), ("read", 3), ("read", 8),
                                      ("open", 1), ("open", 2), ("open", 5)])
def test_a_rank_that_cannot_open(call, at, straight, failing, tmp_path, monkeypatch):
    """Whichever call fails: a sentence, the code of a fault, and the same command goes on."""
    needs_faults()
    write_spec(tmp_path, SPEC)
    for name, value in (("LD_PRELOAD", failing), ("FAILING_CALL", call), ("FAILING_AT", at)):
        monkeypatch.setenv(name, str(value))
    assert_told(sweep(3, *RUN, cwd=tmp_path, faults="patience:3", seconds=60), "b.h5")
    monkeypatch.undo()
    done = sweep(3, *RUN, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert_same_results(straight, tmp_path / "b.h5")


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_a_rank_that_hangs(rank, tmp_path):
    """Every rank says where it is: the one that hangs says another thing than the others."""
    needs_faults()
    write_spec(tmp_path, SPEC)
    done = sweep(3, *RUN, cwd=tmp_path, faults=f"open@{rank}=sleep:60000,patience:3", seconds=40)
    assert_told(done, f"rank {rank} on ", "with no other rank", "UTC", "after 3 s")
    assert_told(done, "together with all other ranks", "H5Fopen")


def test_a_rank_that_dies_while_it_opens(tmp_path):
    needs_faults()
    write_spec(tmp_path, SPEC)
    done = sweep(3, *RUN, cwd=tmp_path, faults="open@2=exit,patience:30", seconds=60)
    assert done.returncode not in (0, 2, 124), done.stderr


def test_rank_0_fails_when_all_have_opened(straight, tmp_path):
    """The others wait for it; it ends them, and what it says is the code."""
    write_spec(tmp_path, SPEC)
    with h5py.File(straight) as file, h5py.File(tmp_path / "old.h5", "w") as other:
        other.attrs.update(file.attrs)
    done = sweep(3, *RUN, "--reuse", "old.h5", cwd=tmp_path, seconds=60)
    assert done.returncode in (1, 2) and "old.h5" in done.stderr, done.stderr


@pytest.mark.parametrize("name", ["a:b.h5", "ufs:b.h5"])
@pytest.mark.parametrize("io", ["ompio", "romio321"])
def test_a_colon_in_the_name(io, name, straight, tmp_path):
    """ROMIO takes what stands before it for a kind of file system; here it is part of the name."""
    write_spec(tmp_path, SPEC)
    (tmp_path / "b.h5").write_text("of somebody else", encoding="utf-8")
    done = sweep(3, "s.yaml", "-o", name, *QUIET, cwd=tmp_path, extra={"OMPI_MCA_io": io})
    assert done.returncode == 0, done.stderr
    assert_same_results(straight, tmp_path / name)
    assert (tmp_path / "b.h5").read_text(encoding="utf-8") == "of somebody else"
