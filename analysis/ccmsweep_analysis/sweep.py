# SPDX-License-Identifier: MIT
"""The file of a sweep. Only what is asked for is read, also while ranks write it."""
import contextlib
import errno
import hashlib
import os
import re
import stat

# HDF5's own locks are not part of the sweep's protocol, and fail on some network file systems.
os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")

import h5py  # noqa: E402
import numpy as np  # noqa: E402

from .words import number, printable, shown  # noqa: E402

SCHEMA_VERSION = 3
STOPPED, CENSORED, DIVERGED = 1, 2, 3
EXTENTS = ("extent_actor", "extent_episode", "extent_log", "extent_snapshot", "extent_evaluation")
# Why there is no file of that name: the user's matter, not the system's.
NO_FILE = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.ELOOP, errno.ENAMETOOLONG)
NAMED = 10  # damaged runs that are named; the others are counted
# Datasets whose numbers are always words; how many there are when the file does not say it.
WORDED = {"label": 0, "outcome": 7, "cause": 6, "run_cause": 6}
ENDS = {STOPPED: "stopped", CENSORED: "censored", DIVERGED: "diverged"}
WORD = re.compile(r"[A-Za-z0-9._+-]+")  # a list has its items joined by +
LABEL = re.compile(r"[A-Za-z0-9._-]{1,64}")
EVENTS = ("hard_saturation", "gradient_zero_first", "gradient_zero", "first_still", "last_change")


class Unreadable(Exception):
    """One sentence for the user: what is wrong with the input, and what was expected."""


class Fault(Exception):
    """One sentence for the user: what the system, or another program, could not do."""


class Damaged(UserWarning):
    """One sentence for the user: which run is damaged, and why."""


def text_of(value):
    """Text of the file, which can be any bytes."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def why(error):
    """What HDF5 says, in one line, without its addresses."""
    said = " ".join(str(error.args[0] if error.args else error).split())
    said = re.sub(r"(, (flags|o_flags|buf|errno|total|bytes|offset|size)\b[^,)]*)+", "", said)
    return printable(said[:200] + ("…" if said[200:] else "")) or type(error).__name__


def cause_of(error):
    """The words of HDF5, which say what it did not find or could not do. Those of Python are about
    this package's code, and say nothing to a user."""
    said = why(error)
    if isinstance(error, KeyError) or said.startswith(("Unable to", "Can't", "Unspecified error")):
        return said
    return "its type or shape is not the one that the program writes"


@contextlib.contextmanager
def reading(path, what):
    """Turn errors of reading into sentences: Unreadable when something in the file is missing or
    damaged, Fault with the words of the system when a call of the system failed."""
    try:
        yield
    except (KeyError, AttributeError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise Unreadable(f"{shown(path)}: {what} is missing or damaged "
                         f"({cause_of(error)})") from error
    except (OSError, RuntimeError) as error:
        number = re.search(r"errno = (\d+)", str(error))
        if number or getattr(error, "errno", None):
            number = int(number[1]) if number else error.errno
            raise Fault(f"{shown(path)}: cannot read {what}: {os.strerror(number)}") from error
        raise Unreadable(f"{shown(path)}: {what} is damaged ({why(error)})") from error


def open_file(path):
    """The open file, which aggregate has found to be one of a sweep."""
    with reading(path, "the file"):
        try:
            if not stat.S_ISREG(os.stat(path).st_mode) and not os.path.isdir(path):
                raise Unreadable(f"{shown(path)}: no plain file, expected the file of a sweep")
            file = h5py.File(os.fsencode(path), "r")
        except OSError as error:
            number = error.errno or int((re.findall(r"errno = (\d+)", str(error)) or [0])[0])
            if number in NO_FILE:
                raise Unreadable(f"{shown(path)}: {os.strerror(number)}, expected the file of a "
                                 "sweep") from error
            raise
    with reading(path, "the attribute schema_version"):
        version = int(file.attrs["schema_version"])
    if version != SCHEMA_VERSION:
        raise Unreadable(f"{shown(path)}: version {version} of the file's form; expected "
                         f"{SCHEMA_VERSION}, which these figures are made for")
    return file


def stretches(numbers):
    """Rising numbers as slices, one for each stretch of consecutive numbers."""
    numbers = np.asarray(numbers)
    breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
    return [slice(int(part[0]), int(part[-1]) + 1)
            for part in np.split(numbers, breaks) if len(part)]


def counts(record):
    """Whether a commit record of 64 bytes is valid; aggregate compares the rows with it."""
    data = record.tobytes()
    return data[:4] == b"CCMC" and hashlib.sha256(data[:56]).digest()[:8] == data[56:]


# With networks.actor_norm output the study's figures are of numbers in front of the normalisation,
# which no squash sees; these are of what is behind it.
BEHIND = {"saturation": "squash_input_saturation", "preactivation_max": "squash_input_max",
          "preactivation_min": "squash_input_min"}


def labels_of(settings):
    """Labels of the blocks of the grid, in their order, from the text of `settings`. The program
    writes each in a line of its own, in quotes where it begins with a mark."""
    grid = f"\n{settings}".partition("\ngrid:\n")[2]
    return [text for _, text in re.findall(r"^  (?:- )?label: ('?)(.+)\1$", grid, re.M)]


class Sweep:
    """Rows of runs by their name in the file. What a run has not reached is NaN, -1 or 0."""

    def __init__(self, path, done=None, told=(), fate="is in no figure"):
        """`done`: which runs are finished, when that was read before. More of them can have
        finished since then, if the sweep is running. `told`: the damaged runs that aggregate found,
        which compares all rows with their checksums. `fate`: what becomes of damaged ones."""
        self.path, self.fate = path, fate
        self.failures = []  # sentences on what is damaged or missing, and was left out
        self.known_words = {}  # by dataset; see words()
        self.file = open_file(path)
        with reading(path, "the tables of runs"):
            self.runs = self.file["run"].shape[0]
            self.limit = self.file["episode"].shape[0]
            commits = self.file["commit"][:]
            if done is None:
                outcome = self.file["outcome"][:]
                trained = (outcome >= STOPPED) & (outcome <= DIVERGED)
                done = np.array([bool(known) and counts(record)
                                 for known, record in zip(trained, commits)], bool)
                done |= self.strange("outcome", outcome)  # each is a damaged run
                self.committed = done.copy()  # the damaged ones among them
                done &= ~self.damaged(done)
                self.leave_out([one for one in told if done[one["run"]]], done)
            self.done = done
            self.fingerprint = hashlib.sha256(
                np.where(self.done[:, None], commits, 0).tobytes()).hexdigest()

    def damaged(self, done):
        """Which of the finished runs have numbers that no training writes. Each is one of the
        failures."""
        total = self.column("total_episodes")
        actors = self.column("extent_actor")
        own = np.arange(self.size_of("extent_actor")) < actors[:, None]
        wrong = {"total_episodes": (total < 1) | (total > self.limit)}
        for name in EXTENTS:
            if name in self.file:
                values = self.column(name)
                wrong[name] = (values < 0) | (values > self.size_of(name))
        for name in EVENTS:
            at = self.column(name)
            # Episodes count from 1, and -1 is for what was not seen.
            wrong[name] = (own & ((at < -1) | (at == 0) | (at > total[:, None]))).any(axis=1)
        wrong["outcome"] = self.strange("outcome", self.file["outcome"][:])
        causes = self.file["cause"][:]
        wrong["cause"] = (self.strange("cause", causes) & (own | (causes != -1))).any(axis=1)
        if "run_cause" in self.file:
            causes = self.file["run_cause"][:]
            wrong["run_cause"] = self.strange("run_cause", causes) & (causes != -1)
        found = done & np.any(list(wrong.values()), axis=0)
        for run in np.flatnonzero(found).tolist():
            names = ", ".join(name for name, which in wrong.items() if which[run])
            self.failures.append(f"run {run} is damaged and {self.fate}: its {names} cannot be")
        return found

    def leave_out(self, told, done):
        """Leave out damaged runs. Each of the first is one of the failures, as aggregate names
        them."""
        for one in told[:NAMED]:
            self.failures.append(f"run {one['run']} is damaged and {self.fate}: {one['why']}")
        if told[NAMED:]:
            self.failures.append(f"{len(told) - NAMED} more damaged runs "
                                 f"{self.fate.replace('is ', 'are ', 1)}")
        done[[one["run"] for one in told]] = False

    def size_of(self, extent):
        name = extent.removeprefix("extent_")
        return self.file[name].shape[0] if name in self.file else 0

    def has(self, name):
        return name in self.file and 0 not in self.file[name].shape

    def column(self, name):
        """One value for each run: numbers, or the names that the numbers mean."""
        with reading(self.path, name):
            dataset = self.file[name]
            values = dataset[:]
            if words := self.words(name):
                where = dict(enumerate(words))
                found = np.array([where.get(value, "?") for value in values.ravel().tolist()])
                # An unfamiliar outcome or cause is the damage of a run, an axis is that of all.
                if name not in WORDED or name == "label":
                    for place in np.flatnonzero(found == "?")[:1].tolist():
                        self.refuse(name, f"has {number(values.ravel()[place].item())} for run "
                                    f"{place}", f"a number from 0 to {len(words) - 1}, "
                                    "each of which is a word of its flag_meanings")
                return found.reshape(values.shape)
            if values.dtype.kind == "S":
                return np.char.decode(values, "utf-8", "surrogateescape")
            return values

    def strange(self, name, values):
        """Which numbers of a dataset of words are none of its words."""
        given = self.file[name].attrs
        known = given["flag_values"] if "flag_values" in given else range(WORDED[name])
        return ~np.isin(values, known)

    def refuse(self, name, what, expected):
        raise Unreadable(f"{shown(self.path)}: {name} {what}; expected {expected}")

    def words(self, name):
        """The words that the numbers 0, 1, … of a dataset mean; none: its numbers are numbers. They
        are refused where they cannot be those that the program wrote."""
        if name not in self.known_words:
            with reading(self.path, name):
                self.known_words[name] = self.read_words(name)
        return self.known_words[name]

    def read_words(self, name):
        dataset = self.file[name]
        given, numbers = (dataset.attrs.get(one) for one in ("flag_meanings", "flag_values"))
        if given is None and numbers is None and name not in WORDED and not self.has_words(dataset):
            return []
        if not isinstance(given, bytes):
            self.refuse(name, f"has {'no' if given is None else 'odd'} flag_meanings",
                        "the words that its numbers mean, as one text of fixed length")
        words, form = text_of(given).split(" "), LABEL if name == "label" else WORD
        for word in words:
            if not form.fullmatch(word):
                letters = "letters, digits, '.', '-' and '_'" + (", '+'" if form is WORD else "")
                self.refuse(name, f"has the word '{printable(word[:80])}' in its flag_meanings",
                            f"words of {'1 to 64 ' if form is LABEL else ''}{letters}")
        if len(set(words)) < len(words):
            twice = next(word for word in words if words.count(word) > 1)
            self.refuse(name, f"has the word {twice} twice in its flag_meanings", "different words")
        whole = isinstance(numbers, np.ndarray) and numbers.dtype.kind in "iu"
        if not whole or numbers.tolist() != list(range(len(words))):
            self.refuse(name, f"has flag_values that are not those of its {len(words)} "
                        "flag_meanings", f"the numbers from 0 to {len(words) - 1}")
        if dataset.dtype.kind not in "iu":
            self.refuse(name, f"has values of the type {dataset.dtype}", "whole numbers")
        self.compare_words(name, words)
        return words

    def compare_words(self, name, words):
        """Refuse words that are not those that are known from elsewhere."""
        if name == "label":
            labels = labels_of(self.text("settings"))
            if words != labels:
                self.refuse(name, "has flag_meanings that are not the labels in the file's "
                            f"settings ({printable(' '.join(words))[:200]})",
                            printable(" ".join(labels))[:200] or "none, as no block has a label")
        if name == "outcome":
            for at, word in ENDS.items():
                if words[at:at + 1] != [word]:
                    self.refuse(name, f"has {words[at] if at < len(words) else 'no word'} for {at} "
                                "in its flag_meanings", word)

    def has_words(self, dataset):
        """Whether the grid in the file's settings has words for the values of an axis of whole
        numbers: these are numbers of words."""
        key = text_of(dataset.attrs.get("setting", b""))
        if dataset.dtype.kind != "i" or not key:
            return False
        lists = re.findall(rf"^ +(?:- )?{re.escape(key)}: \[(.*)\]$", self.text("settings"), re.M)
        return any(re.match("[A-Za-z]", value) and value not in ("none", "inf")
                   for values in lists for value in values.split(", "))

    def rows(self, name, runs):
        """Rows of these runs, whose numbers must rise; the first dimension has their order. Figures
        of the actors' outputs (BEHIND) are those of the outputs that they have."""
        dataset = self.file[name]
        if len(runs) == 0:
            return np.empty((0, *dataset.shape[1:]), dataset.dtype)
        return np.concatenate([self.part(name, part) for part in stretches(runs)])

    def part(self, name, where):
        values = self.file[name][where]
        behind = BEHIND.get(name)
        if behind is None or not self.has(behind):
            return values
        own = self.file[behind][where]
        return np.where(np.isfinite(own), own, values)

    def mean_over_actors(self, name, runs):
        """Mean over the actors of a run, of a dataset [run, log, actor, …], run by run, so that the
        dataset is never in memory as a whole."""
        return self.reduced(name, runs, lambda row: row.astype(float).mean(axis=1))

    def rms_over_actors(self, name, runs):
        """Root of the mean square over the actors of a run, as mean_over_actors()."""
        return self.reduced(name, runs,
                            lambda row: np.sqrt((row.astype(float) ** 2).mean(axis=1)))

    def reduced(self, name, runs, reduce):
        dataset, actors = self.file[name], self.file["extent_actor"]
        return np.stack([reduce(dataset[int(run), :, :int(actors[run])]) for run in runs])

    def last_logs(self, name, runs):
        """The row of the last log that each of the runs has; runs without one are left out."""
        total = self.file["total_episodes"]
        log, extent = self.file["log"][:], self.file["extent_log"]
        found = []
        for run in runs:
            place = int(np.searchsorted(log[:int(extent[run])], int(total[run]), "right")) - 1
            if place >= 0:
                found.append(self.part(name, (int(run), place)))
        return np.array(found)

    def endpoint_times(self, event, endpoint, limit, runs):
        """For each run the episode by which all, half or the first of its actors had an event; inf:
        not by the limit."""
        found = np.full(len(runs), np.inf)
        actors = self.rows("extent_actor", runs)
        for place, row in enumerate(self.rows(event, runs)):
            known = np.sort(row[(row >= 0) & (row <= limit)])
            wanted = {"all": actors[place], "half": (actors[place] + 1) // 2, "first": 1}[endpoint]
            if len(known) >= wanted:
                found[place] = known[wanted - 1]
        return found

    def event_times(self, event, endpoint, limit, runs):
        """For each run the episode of its event, or without an event the last episode that was
        evaluated; and whether it had the event by the limit."""
        times = self.endpoint_times(event, endpoint, limit, runs)
        seen = np.isfinite(times)
        return np.where(seen, times, np.minimum(self.rows("total_episodes", runs), limit)), seen

    def text(self, name):
        with reading(self.path, name):
            return self.file[name][()].decode("utf-8", "surrogateescape")

    def setting(self, key, run, usual):
        """The value of a setting in a run: that of the axis of this name, or of the settings that
        all runs share, some of them in the grid, which do not have what is at its default and was
        added later."""
        axis = key.removeprefix("training.").replace(".", "_")
        if axis in self.file and self.file[axis].attrs.get("setting") == key.encode():
            value = self.column(axis)[run]
            return "none" if value != value else number(value)
        section, name = key.split(".")
        found = re.search(rf"^{section}:\n(?:  .*\n)*?  {name}: (.*)$|"
                          rf"^ +(?:- )?{re.escape(key)}: \[(.*)\]$", self.text("settings"), re.M)
        return (found[1] or found[2]) if found else usual

    def attribute(self, name):
        """An attribute of the file; "unknown", and one more failure, when there is none."""
        try:
            value = self.file.attrs[name]
        except (KeyError, OSError, RuntimeError):
            self.note_failure(f"the file has no attribute {name}")
            return "unknown"
        return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value

    def note_failure(self, sentence):
        """Keep a sentence on what could not be read or drawn, each only once."""
        if sentence not in self.failures:
            self.failures.append(sentence)
