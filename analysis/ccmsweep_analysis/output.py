# SPDX-License-Identifier: MIT
"""Files and folders that are written whole or not at all, whatever stands where they go.

All is made in a workshop, a hidden folder where it will stand, or in a hidden file beside its
target. Whoever works there holds a lock on it, so that what a killed process has left is known."""
import contextlib
import errno
import fcntl
import os
import pathlib
import shutil
import stat
import tempfile
import time

import h5py

from .sweep import Unreadable
from .words import shown

PREFIX = ".ccmsweep-"
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


def is_left_over(path):
    """Whether nobody works there any more."""
    found = os.lstat(path)
    if found.st_uid != os.geteuid() or stat.S_ISLNK(found.st_mode):
        return False
    lock = path / "lock" if stat.S_ISDIR(found.st_mode) else path
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return True  # killed before it was locked; who only has not come to that makes another
    try:
        held = hold(descriptor)
    finally:
        os.close(descriptor)
    return held if held is not None else time.time() - found.st_mtime > OLD


def clear(folder):
    """Remove what killed processes have left in a folder."""
    for path in sorted(pathlib.Path(folder).glob(PREFIX + "*")):
        with contextlib.suppress(OSError):
            if is_left_over(path):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def locked(make):
    """Path and locked descriptor of what `make` has made, which another start may have taken for
    left over before it was locked: then again."""
    while True:
        path, lock = make()
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
            if hold(descriptor) is not False and os.fstat(descriptor).st_nlink:
                return path, descriptor
            os.close(descriptor)


@contextlib.contextmanager
def workshop(folder):
    """A folder to work in, inside the one (made if need be) that things will stand in."""
    def make():
        path = pathlib.Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder))
        return path, path / "lock"
    os.makedirs(folder, exist_ok=True)
    clear(folder)
    path, descriptor = locked(make)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(descriptor)


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
    head = os.path.dirname(target)

    def make():
        descriptor, name = tempfile.mkstemp(prefix=PREFIX, dir=head)
        os.close(descriptor)
        return name, name
    clear(head)
    new, descriptor = locked(make)
    try:
        with open(descriptor, "wb") as file:
            os.fchmod(descriptor, stat.S_IMODE(found.st_mode) if found else 0o666 & ~UMASK)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
            os.replace(new, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(new)
        raise


def put_folder(made, folder):
    """Let a folder stand where it belongs: at once if nothing is there, else file by file, since
    others may have put theirs beside ours."""
    made, folder = pathlib.Path(made), pathlib.Path(folder)
    if not os.path.lexists(folder):
        made.chmod(0o777 & ~UMASK)
        with naming(folder), contextlib.suppress(FileExistsError):
            os.rename(made, folder)
            return
    with naming(folder):
        os.makedirs(os.path.realpath(folder), exist_ok=True)
    for path in sorted(made.iterdir(), key=lambda one: (one.is_file(), one.name)):
        if path.is_dir():
            put_folder(path, folder / path.name)
        else:
            write_whole(folder / path.name, path.read_bytes())


def _umask():
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


UMASK = _umask()
