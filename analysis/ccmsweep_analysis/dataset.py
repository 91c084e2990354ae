# SPDX-License-Identifier: MIT
"""The runs of a file as an xarray Dataset. Rows are read when their values are asked for."""
import os
import warnings

import h5py
import numpy as np
import xarray
from xarray.backends import BackendArray, CachingFileManager
from xarray.backends.locks import SerializableLock
from xarray.core import indexing

from .study import damaged_runs
from .sweep import WORDED, Damaged, Sweep, Unreadable, labels_of, reading, stretches, text_of
from .words import shown

# What says how rows were committed, and bytes of sets of actors, which actor_moving has unpacked.
BOOKKEEPING = ("commit", "identity", "commit_byte", "identity_byte", "actor_byte")
LOCK = SerializableLock()  # HDF5 is not made for threads


def open(path: str | os.PathLike, *, unfinished: bool = False, damaged: bool = False,
         verify: bool = False) -> xarray.Dataset:
    """The runs of the sweep in `path` as a Dataset. Nothing but one value for each run and actor is
    read before its values are asked for: select first (`.isel`, `.sel`, `.where(…, drop=True)`).

    Dimensions: run; episode, log, snapshot, evaluation (coordinates: the episode, from 1); actor
    (from 0), layer, hidden, action, input, detection (words), bin. Variables have the names of the
    schema in src/store/README.md, with `units` and `long_name` as attributes; those of an episode
    are (run, episode), those of an actor (run, actor), of a log (run, log, …).

    Coordinates of `run`: its number in the plan; all axes of the sweep (`label`, `actor_lr`,
    `critic_lr`, `seed`, …), lists and labels as words, a setting that is none as missing;
    `finished` and `damaged`, whether it is.

    Missing is NaN. It stands for what never happened or was not seen (-1 in the file), for what is
    beyond the extents of a run, and for all rows of a run that is not finished. So whole numbers
    that can be missing, such as `first_still`, are float64, exact to 2^53. A `first_still` that is
    missing is censored at `total_episodes`: it must not be left out of a mean, which aggregate() is
    for. Numbers that mean words (`outcome`, `cause`, `run_cause`) are these words. `actor_moving`
    is (run, episode, actor), `critic_moving` (run, episode): 1, 0, or missing.

    unfinished: also runs that are pending, being trained, interrupted, failed or quarantined.
    damaged: also runs that are damaged, with what is there. Otherwise these are left out, with a
      warning Damaged for each of the first ten.
    verify: compare all rows with their checksums, as `ccmsweep aggregate --verify` does, which
      reads the whole file; otherwise a run is damaged when its events, extents, causes or outcome
      are numbers that no training writes.

    Raises Unreadable, when the file is none of a sweep, or its words are not those that the program
    wrote (labels are compared with `settings`), and Fault, when the system fails."""
    path = os.fspath(path)
    told = damaged_runs(path) if verify else ()
    sweep = Sweep(path, told=told, fate="is left out")
    with sweep.file:
        for name in WORDED:
            if name != "label" or name in sweep.file or labels_of(sweep.text("settings")):
                sweep.words(name)
        bad = sweep.committed & ~sweep.done
        kept = np.flatnonzero((sweep.done | (bad & damaged)) |
                              (~sweep.committed & unfinished))
        manager = CachingFileManager(h5py.File, path, mode="r")
        with reading(path, "what it holds"):
            data = dataset_of(sweep, Rows(manager, kept, sweep))
        if not damaged:
            for sentence in sweep.failures:
                warnings.warn(f"{shown(path)}: {sentence}", Damaged, stacklevel=2)
        data.coords["finished"] = ("run", sweep.committed[kept],
                                   {"long_name": "whether the run was trained to its end"})
        data.coords["damaged"] = ("run", bad[kept],
                                  {"long_name": "whether the run has what no training writes"})
    data.encoding["source"] = path
    data.set_close(manager.close)
    return data


class Rows:
    """Which runs of a file a Dataset has, and how their rows are read."""

    def __init__(self, manager: CachingFileManager, kept: np.ndarray, sweep: Sweep):
        self.manager, self.kept = manager, kept
        self.path, self.counts = sweep.path, sweep.committed
        self.damaged = sweep.committed & ~sweep.done
        self.total = sweep.column("total_episodes")
        self.actors = sweep.column("extent_actor")


class Field(BackendArray):
    """A dataset of the file, of the runs that are kept; -1 is missing, numbers are words."""

    def __init__(self, rows: Rows, dataset: h5py.Dataset, words: list[str]):
        self.rows, self.name = rows, dataset.name
        self.words = dict(enumerate(words))
        self.fill = int(dataset.fillvalue) if dataset.dtype.kind == "i" else 0
        self.shape = (len(rows.kept), *dataset.shape[1:])
        self.dtype = (np.dtype(object) if self.words else np.dtype(np.float64)
                      if self.fill < 0 else dataset.dtype)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> np.ndarray:
        # The adapter of xarray 2023.1 takes other places for a slice with a negative step.
        if not isinstance(key, indexing.VectorizedIndexer):
            return self.read(key.tuple)
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self.read)

    def read(self, key: tuple) -> np.ndarray:
        """Values at a key, each part of which is a number, a slice, or a list of numbers."""
        places = [np.arange(size)[part] for size, part in zip(self.shape, key)]
        lists = [np.atleast_1d(place) for place in places]
        if 0 in [len(one) for one in lists]:
            values = np.empty([len(one) for one in lists], self.dtype)
        else:
            rows, order = np.unique(self.rows.kept[lists[0]], return_inverse=True)
            low = [int(one.min()) for one in lists[1:]]
            box = [slice(least, int(one.max()) + 1) for least, one in zip(low, lists[1:])]
            with LOCK, reading(self.rows.path, self.name.lstrip("/")):
                dataset = self.rows.manager.acquire()[self.name]
                block = np.concatenate([self.part(dataset, part, box) for part in stretches(rows)])
            inner = [one - least for least, one in zip(low, lists[1:])]
            values = self.decoded(block[np.ix_(order, *inner)], rows[order], lists[1:])
        return values.reshape([size for place in places for size in place.shape])

    def part(self, dataset: h5py.Dataset, runs: slice, box: list[slice]) -> np.ndarray:
        return dataset[(runs, *box)]

    def decoded(self, values: np.ndarray, runs: np.ndarray, _places: list[np.ndarray]
                ) -> np.ndarray:
        """Values as a Dataset has them, of these runs of the file and places along the other
        dimensions. What is no result yet is missing: rows may be half written for a moment."""
        if self.words:
            self.refuse_strange(values, runs)
            values = np.array([self.words.get(value, np.nan) for value in values.ravel().tolist()],
                              object).reshape(values.shape)
        elif self.fill < 0:
            values = np.where(values == self.fill, np.nan, values.astype(np.float64))
        if values.dtype.kind in ("f", "O") and self.name != "/outcome":
            values[~self.rows.counts[runs]] = np.nan
        return values


    def refuse_strange(self, values: np.ndarray, runs: np.ndarray) -> None:
        """Refuse a number that is no word, in a run that was not damaged when open() looked."""
        looked = ~self.rows.damaged[runs]
        if self.name != "/outcome":
            looked &= self.rows.counts[runs]
        strange = ~np.isin(values, list(self.words)) & (values != self.fill)
        for place in np.argwhere((strange.T & looked).T)[:1]:
            raise Unreadable(f"{shown(self.rows.path)}: {self.name.lstrip('/')} is "
                             f"{values[tuple(place)]} in run {runs[place[0]]}; expected a number "
                             f"from 0 to {len(self.words) - 1}, which its flag_meanings name")


class Moving(Field):
    """Bytes that say what moved in an episode: 1, 0, or missing beyond the extents of the run."""

    def __init__(self, rows: Rows, dataset: h5py.Dataset, actors: int):
        super().__init__(rows, dataset, [])
        if dataset.ndim == 3:
            self.shape = (*self.shape[:2], actors)
        self.dtype = np.dtype(np.float32)

    def part(self, dataset: h5py.Dataset, runs: slice, box: list[slice]) -> np.ndarray:
        if len(box) == 1:
            return super().part(dataset, runs, box)
        return np.unpackbits(dataset[runs, box[0]], axis=-1, bitorder="little")[..., box[1]]

    def decoded(self, values: np.ndarray, runs: np.ndarray, places: list[np.ndarray]) -> np.ndarray:
        values = values.astype(np.float32)
        values[np.less.outer(self.rows.total[runs], places[0] + 1)] = np.nan
        if len(places) == 2:
            none = np.less_equal.outer(self.rows.actors[runs], places[1])
            values[np.broadcast_to(none[:, None], values.shape)] = np.nan
        return super().decoded(values, runs, places)


def attributes_of(item: h5py.Dataset | h5py.File) -> dict[str, object]:
    """What the file says of itself or of a dataset, but for what is HDF5's own."""
    hidden = ("DIMENSION_LIST", "REFERENCE_LIST", "CLASS", "NAME", "flag_values", "coordinates")
    return {name: text_of(value) if isinstance(value, bytes) else
            value.item() if isinstance(value, np.generic) else value
            for name, value in item.attrs.items() if name not in hidden}


def dimensions_of(dataset: h5py.Dataset) -> tuple[str, ...]:
    """Names of its dimensions, from the attribute: HDF5's own call crashes on a damaged one."""
    scales = [dataset.file[one[0]] for one in dataset.attrs["DIMENSION_LIST"]]
    if [len(scale) for scale in scales] != list(dataset.shape):
        raise ValueError("its dimensions are not as long as their scales")
    return tuple(scale.name.lstrip("/") for scale in scales)


def is_scale(dataset: h5py.Dataset) -> bool:
    return dataset.ndim == 1 and dataset.attrs.get("CLASS") == b"DIMENSION_SCALE"


def column_of(sweep: Sweep, name: str, kept: np.ndarray) -> np.ndarray:
    """Values of an axis; a whole number that is none has -1 in the file, and is missing here."""
    values = sweep.column(name)[kept]
    if values.dtype.kind == "i" and (values == -1).any():
        values = np.where(values == -1, np.nan, values.astype(np.float64))
    return values


def dataset_of(sweep: Sweep, rows: Rows) -> xarray.Dataset:
    """The Dataset of all that is in the file, but for bookkeeping."""
    coordinates, variables = {}, {}
    along_runs = text_of(sweep.file.attrs.get("coordinates", b"")).split()
    for name, dataset in sweep.file.items():
        if not isinstance(dataset, h5py.Dataset) or name in BOOKKEEPING:
            continue
        with reading(sweep.path, name):
            about = attributes_of(dataset)
            if dataset.ndim == 0:
                variables[name] = ((), sweep.text(name), about)
            elif is_scale(dataset) and name != "run":
                coordinates[name] = ((name,), sweep.column(name), about)
            elif name == "run" or name in along_runs or "setting" in dataset.attrs:
                coordinates[name] = (("run",), column_of(sweep, name, rows.kept), about)
            else:
                variables[name] = field_of(rows, sweep, dataset, about)
    return xarray.Dataset(variables, coordinates, attributes_of(sweep.file))


def field_of(rows: Rows, sweep: Sweep, dataset: h5py.Dataset, about: dict) -> xarray.Variable:
    dimensions = dimensions_of(dataset)
    if dataset.dtype == np.uint8:
        field = Moving(rows, dataset, sweep.size_of("extent_actor"))
        dimensions = tuple(name.replace("actor_byte", "actor") for name in dimensions)
    else:
        field = Field(rows, dataset, sweep.words(dataset.name.lstrip("/")))
    if field.dtype != dataset.dtype and not field.words:
        about = {**about, "comment": "missing where the file has -1" if field.fill < 0 else
                 "1 or 0; missing beyond the extents of the run"}
    return xarray.Variable(dimensions, indexing.LazilyIndexedArray(field), about)
