# SPDX-License-Identifier: MIT
"""Mutants of a sweep's folder (b.h5, its checkpoints, s.yaml), by number: the same number gives the
same mutant. Some are blind, some know HDF5, some know what the program believes: checksums are made
anew, so that what is behind them is reached. `python3 mutate.py FOLDER NUMBER` makes one by hand."""
import hashlib
import os
import random
import struct
import sys
from pathlib import Path

import h5py
import numpy as np
from contents import Sweep, datasets

NUMBERS = [-1, 0, 1, 99, -99, 10**6, 2**31 - 1, -2**31, 2**63 - 1, -2**63, 2**32, 7]
FLOATS = [*map(float, NUMBERS), float("nan"), float("inf"), -float("inf"), 1e308, 5e-324, -0.0]
TEXTS = [b"\x1b[2J\x1b]0;owned\x07", b"\xff\xfe\xe9", b"", b"A" * 5000, b"../../etc/passwd",
         "größe 实验 \u202e".encode(), b"%s%n%d\\\"'<script>&$(id)`id`", b"line\nline\r\tline"]
# Fields by which a reader finds others.
LEADING = ["outcome", "total_episodes", "stopping_episode", "run_cause", "cause", "first_still",
           "extent_actor", "extent_log", "extent_episode", "extent_evaluation", "extent_snapshot",
           "run", "seed", "actor_lr", "episode", "log", "actor", "identity", "commit",
           "gradient_zero", "critic_first_still", "detection_episode", "preactivation_histogram"]


# Bytes


def flip_bytes(draw, path):
    """Some bytes anywhere."""
    content = bytearray(path.read_bytes())
    for _ in range(draw.choice([1, 2, 8, 64])):
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)


def structure(path):
    """Places of bytes that are not 0 and in no dataset's values: of HDF5 itself."""
    content = np.frombuffer(path.read_bytes(), np.uint8).copy()
    with h5py.File(path) as file:
        for dataset in datasets(file).values():
            start = dataset.id.get_offset()
            if start is not None:
                content[start:start + dataset.id.get_storage_size()] = 0
    return np.flatnonzero(content)


def change_structure(draw, path):
    """Bytes or words of HDF5's own."""
    places, content = structure(path), bytearray(path.read_bytes())
    for _ in range(draw.choice([1, 1, 4])):
        at = int(draw.choice(places))
        if draw.random() < 0.5:
            content[at] = draw.choice([0, 1, 255, draw.randrange(256)])
        else:
            size = draw.choice([2, 4, 8])
            word = draw.choice(NUMBERS) % 256**size
            content[at:at + size] = word.to_bytes(size, "little")
    path.write_bytes(content)


def cut_short(draw, path):
    size = path.stat().st_size
    os.truncate(path, draw.choice([0, 1, 7, 8, 95, 96, size - 1, size // 2, draw.randrange(size)]))


def zero_block(draw, path):
    content = bytearray(path.read_bytes())
    size = draw.choice([8, 96, 512, 4096])
    at = draw.choice([0, draw.randrange(0, len(content), 512)])
    content[at:at + size] = bytes(len(content[at:at + size]))
    path.write_bytes(content)


def lengthen(draw, path):
    with path.open("ab") as file:
        file.write(draw.randbytes(draw.choice([1, 4096])))


# Values


def commit_anew(path):
    """Make the commit records of all runs, whatever stands in their rows, hold again."""
    sweep = Sweep(path)
    with h5py.File(path, "r+") as file:
        for run in range(sweep.runs):
            record = bytearray(sweep.values["commit"][run].tobytes())
            record[24:40] = sweep.hash(run)
            record[56:] = hashlib.sha256(record[:56]).digest()[:8]
            file["commit"][run] = np.frombuffer(record, np.uint8)


def change_value(draw, path):
    """Some values of a dataset of numbers."""
    with h5py.File(path, "r+") as file:
        found = {name: item for name, item in datasets(file).items()
                 if item.dtype.kind in "iuf" and item.size}
        name = draw.choice([draw.choice(sorted(found)), *[draw.choice(LEADING)] * 2,
                            draw.choice([one for one in sorted(found) if "volatile" in one])])
        dataset = found[name]
        values = dataset[...]
        flat = values.reshape(-1)
        wanted = draw.choice(FLOATS if values.dtype.kind == "f" else NUMBERS)
        if values.dtype.kind != "f":
            wanted = np.int64(wanted).astype(values.dtype)
        for _ in range(draw.choice([1, 1, 3, len(flat)])):
            flat[draw.randrange(len(flat))] = wanted
        dataset[...] = values
    return f"{name} = {wanted}"


def change_committed_value(draw, path):
    """The same, and the commit records vouch for it."""
    what = change_value(draw, path)
    commit_anew(path)
    return what


def change_text(draw, path):
    """What stands in a dataset of strings."""
    with h5py.File(path) as file:
        found = {name: item for name, item in datasets(file).items() if item.dtype.kind == "S"}
        name = draw.choice(sorted(found))
        dataset, text = found[name], draw.choice(TEXTS)
        size = dataset.dtype.itemsize
        text = draw.choice([text[:size], (text * size)[:size]])  # the latter has no NUL
        at, count = dataset.id.get_offset(), dataset.size
    with path.open("r+b") as file:
        file.seek(at)
        file.write(text.ljust(size, b"\0") * count)
    return f"{name} = {text[:20]!r}"


def change_settings(draw, path):
    """Numbers, words or lines of /settings, still YAML most of the time."""
    with h5py.File(path) as file:
        dataset = file["settings"]
        size = dataset.dtype.itemsize
        lines = dataset[()].decode().splitlines()
        line = draw.choice([number for number, text in enumerate(lines) if ":" in text])
        key = lines[line].partition(":")[0]
        value = draw.choice(["0", "-1", "1e999", "99999999999999999999", "nan", "[1, 2", "{a: b}",
                             "0.3", "7", "2000000000", "&a [*a, *a]", "\"\\e[2J\"", "~"])
        changed = draw.choice([[f"{key}: {value}"], [f"{key}: {value}"], [], [lines[line]] * 2])
        lines[line:line + 1] = changed
        text, at = "\n".join(lines).encode()[:size], dataset.id.get_offset()
    with path.open("r+b") as file:
        file.seek(at)
        file.write(text.ljust(size, b"\0"))
    return f"{key} -> {changed}"


# Objects


def replaced(file, name, make):
    """Delete a dataset and make another of that name; its attributes stay."""
    old = {key: value for key, value in file[name].attrs.items() if key not in (
        "DIMENSION_LIST", "REFERENCE_LIST", "CLASS", "NAME")}
    del file[name]
    make(name)
    for key, value in old.items():
        file[name].attrs[key] = value


def replace_dataset(draw, path):
    """Another shape, type or layout."""
    with h5py.File(path, "r+") as file:
        found = datasets(file)
        name = draw.choice([*sorted(found), *["settings", "spec", "commit", "identity"] * 8])
        shape, dtype, values = found[name].shape, found[name].dtype, found[name][...]
        huge = (2**40, *shape[1:])
        ways = {
            "scalar": lambda at: file.create_dataset(at, (), dtype, data=values.reshape(-1)[0]),
            "array": lambda at: file.create_dataset(at, (*shape, 3), dtype),
            "longer": lambda at: file.create_dataset(at, (100, *shape[1:]), dtype),
            "empty": lambda at: file.create_dataset(at, dtype=dtype, shape=(0, *shape[1:])),
            "null": lambda at: file.create_dataset(at, data=h5py.Empty(dtype)),
            "huge": lambda at: file.create_dataset(at, huge, dtype, chunks=(4, *shape[1:])),
            "huge contiguous": lambda at: file.create_dataset(at, (2**28, *shape[1:]), dtype),
            "flat": lambda at: file.create_dataset(at, data=values.reshape(-1)),
            "text": lambda at: file.create_dataset(at, shape, h5py.string_dtype()),
            "wider": lambda at: file.create_dataset(
                at, shape, "S1000000" if dtype.kind == "S" else ">f8"),
            "compound": lambda at: file.create_dataset(at, shape, [("a", "i4"), ("b", "f8")]),
            "opaque": lambda at: file.create_dataset(at, shape, "V3"),
            "external": lambda at: file.create_dataset(
                at, shape or (1,), dtype, external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)]),
            "group": file.create_group,
            "nothing": lambda at: file.create_dataset("stray", (1,)) if at else None,
        }
        if shape:
            ways["chunked"] = lambda at: file.create_dataset(
                at, data=values, chunks=True, maxshape=(None, *shape[1:]))
            ways["compressed"] = lambda at: file.create_dataset(
                at, data=values, chunks=True, compression="gzip")
        way = draw.choice(sorted(ways))
        if way == "nothing":
            del file[name]
        else:
            replaced(file, name, ways[way])
    return f"{name}: {way}"


def compress_all(draw, path):
    """As h5repack -f GZIP does, or some of the datasets alone."""
    with h5py.File(path, "r+") as file:
        names = [name for name, item in datasets(file).items() if item.shape and item.size]
        for name in names if draw.random() < 0.5 else draw.sample(names, 5):
            values = file[name][...]
            replaced(file, name, lambda at, values=values: file.create_dataset(
                at, data=values, chunks=True, compression="gzip"))


def change_attribute(draw, path):
    """Delete it, or give it another type, shape or value."""
    with h5py.File(path, "r+") as file:
        places = [file, *datasets(file).values()]
        place = draw.choice([file, draw.choice(places), draw.choice(places)])
        names = [name for name in place.attrs if name != "REFERENCE_LIST"]
        if not names:
            return "none"
        name = draw.choice(sorted(names))
        del place.attrs[name]
        ways = [None, draw.choice(NUMBERS[:-3]), draw.choice(TEXTS[:4]), np.arange(1000),
                np.arange(4.0).reshape(2, 2), h5py.Empty("i4"), "text", draw.choice(FLOATS),
                np.zeros((), [("a", "i4"), ("b", "S3")]), [b"a", b"b"]]
        way = draw.choice(ways)
        if way is not None:
            place.attrs[name] = way
    return f"{place}.{name} = {str(way)[:30]}"


def change_link(draw, path):
    """A dataset or a group becomes a link to something else, or to itself."""
    with h5py.File(path, "r+") as file:
        names = ["volatile", *sorted(datasets(file))]
        name = draw.choice([*names, *["volatile", "settings", "commit"] * 9])
        ways = {
            "itself": h5py.SoftLink(f"/{name}"), "another": h5py.SoftLink("/reward"),
            "nothing": h5py.SoftLink("/absent"), "the root": h5py.SoftLink("/"),
            "a device": h5py.ExternalLink("/dev/zero", "/x"),
            "a file": h5py.ExternalLink("absent.h5", "/x"),
            "this file": h5py.ExternalLink(path.name, f"/{name}"),
        }
        way = draw.choice(sorted(ways))
        del file[name]
        file[name] = ways[way]
        if draw.random() < 0.2:
            file["loop"] = file["/"]
    return f"{name} is a link to {way}"


def change_kind(draw, path):
    """Another thing of that name."""
    way = draw.choice(["fifo", "folder", "empty", "text", "noise", "other", "loop", "absent"])
    path.unlink()
    if way == "fifo":
        os.mkfifo(path)
    elif way == "folder":
        path.mkdir()
    elif way == "loop":
        path.symlink_to(path.name)
    elif way == "other":
        with h5py.File(path, "w") as file:
            file["x"] = 1
    elif way != "absent":
        path.write_bytes({"empty": b"", "text": b"# a text\n" * 100,
                          "noise": b"\x89HDF\r\n\x1a\n" + draw.randbytes(4096)}[way])
    return way


def change_lock(draw, path):
    """What stands beside the file."""
    lock = Path(f"{path}.lock")
    lock.unlink(missing_ok=True)
    way = draw.choice(["fifo", "link", "folder", "text"])
    if way == "fifo":
        os.mkfifo(lock)
    elif way == "link":
        lock.symlink_to("s.yaml")
    elif way == "folder":
        lock.mkdir()
    else:
        lock.write_bytes(draw.choice(TEXTS) * 200)
    return way


# Checkpoints


def checkpoint_of(path):
    return sorted(Path(f"{path}.ckpt").glob("*.ckpt"))[0]


def seal(content):
    """Make both checksums of a checkpoint hold, and its size."""
    content[24:32] = struct.pack("<Q", len(content) - 128)
    content[64:96] = hashlib.sha256(content[128:]).digest()
    content[96:128] = hashlib.sha256(content[:96]).digest()


def change_checkpoint(draw, path):
    """Bytes anywhere, a cut, or a header that names something else."""
    checkpoint = checkpoint_of(path)
    way = draw.choice([flip_bytes, cut_short, zero_block, lengthen, change_kind, "header"])
    if way != "header":
        way(draw, checkpoint)
        return way.__name__
    content = bytearray(checkpoint.read_bytes())
    at, size = draw.choice([(0, 8), (8, 4), (12, 4), (16, 8), (24, 8), (32, 8)])
    content[at:at + size] = (draw.choice(NUMBERS) % 256**size).to_bytes(size, "little")
    content[96:128] = hashlib.sha256(content[:96]).digest()
    checkpoint.write_bytes(content)
    return f"header at {at}"


def change_sealed_checkpoint(draw, path):
    """Words of its content, with checksums that hold."""
    checkpoint = checkpoint_of(path)
    content = bytearray(checkpoint.read_bytes())
    way = draw.choice(["small words", "words", "words", "cut", "longer"])
    if way == "cut":
        del content[draw.randrange(128, len(content)):]
    elif way == "longer":
        content += bytes(draw.choice([1, 8, 4096]))
    for _ in range(draw.choice([1, 4, 64]) if "words" in way else 0):
        size = draw.choice([4, 8])
        at = draw.randrange(128, min(len(content), 1128 if way == "small words" else 10**9) - size,
                            4)
        word = struct.pack("<d", draw.choice(FLOATS))[:size] if draw.random() < 0.3 else (
            draw.choice(NUMBERS) % 256**size).to_bytes(size, "little")
        content[at:at + size] = word
    seal(content)
    checkpoint.write_bytes(content)
    return way


# What programs of this kind have stumbled over: a value in all rows, with records that vouch for it.
KNOWN = [
    ("cause", 99), ("run_cause", 99), ("cause", -1), ("outcome", 99), ("total_episodes", 10**6),
    ("total_episodes", -1), ("first_still", 10**6), ("first_still", 0), ("extent_log", 2**31 - 1),
    ("extent_actor", -1), ("log", 10**6), ("detection_episode", 2**31 - 1), ("actor_lr", 0.3),
    ("preactivation_histogram", 2**31 - 1), ("volatile/start_log_number", 2**63 - 1),
    ("volatile/progress_episode", -2**31), ("volatile/start", float("nan")),
    ("volatile/wall_s", float("inf")), ("volatile/flight", 99), ("volatile/attempts", 2**31 - 1),
    ("volatile/start_log_time", 1e308), ("volatile/start_log_ranks", -2**31),
]


def set_known(number, path):
    name, value = KNOWN[number]
    with h5py.File(path, "r+") as file:
        file[name][...] = value
    commit_anew(path)
    return f"{name} = {value}"


# How often each is drawn.
WAYS = {
    flip_bytes: 2, change_structure: 6, cut_short: 1, zero_block: 2, lengthen: 1,
    change_value: 4, change_committed_value: 8, change_text: 3, change_settings: 4,
    replace_dataset: 6, compress_all: 1, change_attribute: 3, change_link: 3, change_kind: 1,
    change_lock: 1, change_checkpoint: 3, change_sealed_checkpoint: 6,
}
ORDER = random.Random("ways").sample(list(WAYS), len(WAYS))
CHECKPOINTS = (change_checkpoint, change_sealed_checkpoint)
# What looks true to the program, since all checksums hold.
FORGED = (change_committed_value, change_sealed_checkpoint, set_known)


def way_of(number):
    """The first numbers take each way once, and the next what is known."""
    if number < len(ORDER):
        return ORDER[number]
    if number < len(ORDER) + len(KNOWN):
        return set_known
    draw = random.Random(f"way {number}")
    return draw.choices(list(WAYS), list(WAYS.values()))[0]


def mutate(folder, number):
    """Make b.h5 of the folder, or what stands beside it, a mutant. Returns it in words."""
    draw, way = random.Random(f"mutant {number}"), way_of(number)
    what = way(number - len(ORDER) if way is set_known else draw, Path(folder) / "b.h5")
    return f"mutant {number}: {way.__name__}" + (f": {what}" if what else "")


if __name__ == "__main__":
    print(mutate(sys.argv[1], int(sys.argv[2])))
