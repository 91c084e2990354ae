# SPDX-License-Identifier: MIT
"""Files that are written whole or not at all, whatever stands where they go.

All is made in a workshop, a hidden folder where it will stand. It has a name and a lock that no
folder of a user has by accident, and whoever works there holds the lock: so what a killed process
has left is known, and nothing else is ever removed."""
import contextlib
import errno
import fcntl
import os
import pathlib
import re
import shutil
import stat
import tempfile
import time

import h5py

from .signals import undisturbed
from .sweep import Unreadable
from .words import shown

PREFIX = ".ccmsweep-tmp-"
WORKSHOP = re.compile(re.escape(PREFIX) + "[a-z0-9_]{8}")  # as mkdtemp completes it
LOCK = ".ccmsweep-lock"  # in a workshop, beside the room where the work is done
ROOM = "room"
READER_WAIT = 10   # seconds for somebody to read a FIFO
OLD = 24 * 3600    # seconds, where a file system has no locks


@contextlib.contextmanager
def naming(path):
    """Errors of the system are of this file, whatever part of it was being made; the innermost name
    holds."""
    try:
        yield
    except OSError as error:
        if not hasattr(error, "named"):
            error.filename, error.filename2, error.named = os.fspath(path), None, True
        raise


def hold(descriptor):
    """Take the lock for as long as the descriptor is open; False: somebody has it; None: there are
    no locks here."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    except OSError:
        return None


def dismantle(path):
    """Remove a workshop, its lock last: one that has none and is not empty is not taken for ours."""
    for part in (path / ROOM, path):
        shutil.rmtree(part, ignore_errors=True)


def remove_left_over(path):
    """Remove a workshop in which nobody works any more; everything else stays."""
    found = os.lstat(path)
    if found.st_uid != os.geteuid() or not stat.S_ISDIR(found.st_mode):
        return
    try:
        lock = os.open(path / LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        os.rmdir(path)  # killed before there was a lock: it is empty, or not ours and stays
        return
    try:
        held = hold(lock)
        if held or held is None and time.time() - found.st_mtime > OLD:
            dismantle(path)
    finally:
        os.close(lock)


def clear(folder):
    """Remove what killed processes have left in a folder."""
    for path in sorted(pathlib.Path(folder).glob(PREFIX + "*")):
        if WORKSHOP.fullmatch(path.name):
            with contextlib.suppress(OSError):
                remove_left_over(path)


def make_workshop(folder):
    """Path and locked descriptor of a new workshop. Another start may take it for left over before
    it is locked: then again."""
    while True:
        path = pathlib.Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder))
        with contextlib.suppress(FileNotFoundError):
            lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
            if hold(lock) is not False and os.fstat(lock).st_nlink:
                return path, lock
            os.close(lock)


@contextlib.contextmanager
def workshop(folder):
    """A folder to work in, inside the one that things will stand in."""
    clear(folder)
    made = []
    try:
        with undisturbed():
            made.append(make_workshop(folder))
            os.mkdir(made[0][0] / ROOM, 0o700)
        yield made[0][0] / ROOM
    finally:
        with undisturbed():
            for path, lock in made:
                dismantle(path)
                os.close(lock)


def stream_of(found):
    """The standard stream that is this file, as /dev/stdout is; None: none."""
    for stream in (1, 2):
        with contextlib.suppress(OSError):
            here = os.fstat(stream)
            if (here.st_dev, here.st_ino) == (found.st_dev, found.st_ino):
                return stream
    return None


def refuse_own(path):
    """Refuse a name that a sweep beside it uses for itself, for its lock, checkpoints or jobs: it
    would be in the way of the next start."""
    for start in {os.path.abspath(path), os.path.realpath(path)}:
        sweep, end = os.path.splitext(start)
        if end in (".lock", ".ckpt", ".job") and os.path.isfile(sweep) \
                and h5py.is_hdf5(os.fsencode(sweep)):
            raise Unreadable(f"{shown(path)} belongs to the sweep {shown(sweep)}, expected another "
                             "name")


def write_whole(path, data):
    """Write bytes to a file: a regular one, also at the end of links, is replaced at once or not at
    all and keeps its mode; into a device, a FIFO or a standard stream they are written. A file of
    HDF5 is refused."""
    path = os.path.abspath(path)
    refuse_own(path)
    with naming(path):
        try:
            found = os.stat(path)
        except FileNotFoundError:
            found = None
        if found and (stat.S_ISDIR(found.st_mode) or stat.S_ISSOCK(found.st_mode)):
            kind = "folder" if stat.S_ISDIR(found.st_mode) else "socket"
            raise Unreadable(f"{shown(path)}: is a {kind}, expected a file or nothing there")
        if found and (stream_of(found) is not None or not stat.S_ISREG(found.st_mode)):
            return pour(path, data, found)
        target = os.path.realpath(path)
        if found and h5py.is_hdf5(os.fsencode(target)):
            raise Unreadable(f"{shown(path)}: is an HDF5 file, which is never replaced; expected "
                             "another folder to write to")
        return replace(target, data, found)


def pour(path, data, found):
    stream = stream_of(found)
    if stream is not None:
        descriptor = os.dup(stream)
    elif stat.S_ISFIFO(found.st_mode):
        descriptor = open_fifo(path)
    else:
        descriptor = os.open(path, os.O_WRONLY | os.O_NOCTTY)
    with open(descriptor, "wb", buffering=0) as file:
        left = memoryview(data)
        while left:
            left = left[file.write(left):]


def open_fifo(path):
    """A job does not hang for ever because nobody reads."""
    patience = time.monotonic() + READER_WAIT
    while True:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            os.set_blocking(descriptor, True)
            return descriptor
        except OSError as error:
            if error.errno != errno.ENXIO or time.monotonic() > patience:
                raise
            time.sleep(0.05)


def replace(target, data, found):
    with workshop(os.path.dirname(target)) as scratch:
        with open(scratch / "new", "xb") as file:
            os.fchmod(file.fileno(), stat.S_IMODE(found.st_mode) if found else 0o666 & ~UMASK)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch / "new", target)


def _umask():
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


UMASK = _umask()
