# SPDX-License-Identifier: MIT
"""A folder in which users go on with what was made: what they have changed there is never lost.

A list in it has the digests of what was made last, as sha256sum writes them. A file of a name of ours
that has none of these digests is not ours any more, or never was."""
import errno
import hashlib
import os
import pathlib
import re
import stat

from .output import UMASK, naming, write_whole
from .words import shown

LIST = ".made.sha256"
LINE = re.compile(r"([0-9a-f]{64})  ((?:\w[\w-]*/)?\w[\w.-]*)")
LONGEST = 1 << 20  # bytes of a list


def digest_of(path):
    """Of a regular file, also at the end of links; "" for one that may not be read; None: no such
    file is there."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return None
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        return ""


def read_list(folder):
    """Pairs of name and digest of what was made last."""
    path = pathlib.Path(folder) / LIST
    if not digest_of(path):
        return []
    with open(path, "rb") as file:
        text = file.read(LONGEST).decode("ascii", "replace")
    return [(line[2], line[1]) for line in map(LINE.fullmatch, text.splitlines()) if line]


def write_list(folder, pairs):
    text = "".join(f"{digest}  {name}\n" for name, digest in pairs)
    write_whole(pathlib.Path(folder) / LIST, text.encode())


def names_in(made):
    """Of all files, those in folders first."""
    names = [path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file()]
    return sorted(names, key=lambda name: ("/" not in name, name))


def edited(folder, names):
    """Those of the names that stand in the folder and were not made by us."""
    known = {digest for _, digest in read_list(folder)}
    found = ((name, digest_of(pathlib.Path(folder) / name)) for name in names)
    return [name for name, digest in found if digest is not None and digest not in known]


def remove_former(folder, made, part):
    """Remove what was made last in a part of the folder and is not made any more."""
    folder = pathlib.Path(folder)
    with naming(folder):
        for name, digest in read_list(folder):
            if name.startswith(f"{part}/") and not (pathlib.Path(made) / name).exists() \
                    and digest_of(folder / name) == digest:
                os.unlink(folder / name)


def free_name(path, word, known):
    """The first of NAME.WORD.EXT, NAME.WORD-2.EXT, … at which nothing of others stands."""
    number, end = 1, ""
    while True:
        place = path.with_name(f"{path.stem}.{word}{end}{path.suffix}")
        if not os.path.lexists(place) or digest_of(place) in known:
            return place
        number += 1
        end = f"-{number}"


def move_aside(path):
    """Give a file that others have written to another name. Its own stands for it until the next one
    replaces it, where there are hard links. Returns the new name."""
    place = free_name(path, "edited", ())
    try:
        os.link(os.path.realpath(path), place)
    except OSError:
        os.rename(path, place)
    return place.name


class Putting:
    """Files that were made aside on their way to a folder that is there already."""

    def __init__(self, made, folder):
        self.made, self.folder, self.said = pathlib.Path(made), pathlib.Path(folder), []
        self.new = {name: digest_of(self.made / name) for name in names_in(self.made)}
        # Of one that was killed, the list has several digests of a name, those of its last end last.
        self.former = read_list(folder)
        self.known = {*self.new.values(), *(digest for _, digest in self.former)}
        self.listed = dict(self.new)

    def write(self, name, place):
        """Only what changes: dates of files are of use to makers of papers."""
        if digest_of(place) != self.new[name]:
            write_whole(place, (self.made / name).read_bytes())

    def keep(self, name):
        """Leave an edited file, and put the new one beside it when it has changed since the last."""
        place = free_name(self.folder / name, "new", self.known)
        words = f"{shown(self.folder / name)} has been edited and stays"
        if self.new[name] != dict(self.former).get(name):
            self.write(name, place)
            words += f"; the new one is {place.name}"
        if digest_of(place) == self.new[name]:
            self.listed[place.relative_to(self.folder).as_posix()] = self.new[name]
        self.said.append(words)

    def put(self, name, by_hand, products):
        place = self.folder / name
        digest = digest_of(place)
        if digest is not None and digest not in self.known and name not in products:
            if name in by_hand:
                return self.keep(name)
            self.said.append(f"{shown(place)} had been edited: the edited one is now "
                             f"{move_aside(place)}")
        with naming(place.parent):
            os.makedirs(os.path.realpath(place.parent), exist_ok=True)
        return self.write(name, place)

    def put_all(self, by_hand, products):
        # Killed in between, both what was made last and what is made now are ours.
        write_list(self.folder, [*self.new.items(), *self.former])
        for name in self.new:
            self.put(name, by_hand, products)
        for name, digest in self.former:
            if name not in self.listed and digest_of(self.folder / name) == digest:
                if name in products:
                    self.listed[name] = digest
                elif "/" not in name:
                    os.unlink(self.folder / name)  # a new one that nobody waits for any more
        write_list(self.folder, self.listed.items())
        return self.said


def put_folder(made, folder, by_hand, products):
    """Let a folder stand where it belongs: at once if nothing is there, else file by file. Of files
    that others have changed, those that are written `by_hand` stay, `products` are replaced, and all
    others are moved aside. Returns sentences on what was changed."""
    made, folder = pathlib.Path(made), pathlib.Path(folder)
    if not os.path.lexists(folder):
        with naming(folder):
            write_list(made, [(name, digest_of(made / name)) for name in names_in(made)])
            made.chmod(0o777 & ~UMASK)
            try:
                os.rename(made, folder)
                return []
            except OSError as error:
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                    raise
                os.unlink(made / LIST)
    with naming(folder):
        os.makedirs(os.path.realpath(folder), exist_ok=True)
        return Putting(made, folder).put_all(by_hand, products)
