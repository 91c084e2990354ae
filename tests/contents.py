# SPDX-License-Identifier: MIT
"""What the tests share that look into the HDF5 file of a run."""
import shutil
import subprocess

import h5py


def datasets(file):
    """All datasets by name, those of /volatile included."""
    found = {}
    file.visititems(lambda name, item: found.__setitem__(name, item)
                    if isinstance(item, h5py.Dataset) else None)
    return found


def results(path):
    """The type, the shape and the raw bytes of every dataset outside /volatile."""
    with h5py.File(path) as file:
        return {name: (dataset.dtype.str, dataset.shape, dataset[()].tobytes())
                for name, dataset in datasets(file).items() if not name.startswith("volatile/")}


def outside_volatile(path):
    """All bytes of the file, those of the datasets in /volatile blanked."""
    content = bytearray(path.read_bytes())
    with h5py.File(path) as file:
        for dataset in file["volatile"].values():
            start, size = dataset.id.get_offset(), dataset.id.get_storage_size()
            content[start:start + size] = bytes(size)
    return bytes(content)


def assert_same_results(one, other):
    """Nothing outside /volatile differs: no dataset, no byte, and h5diff (if there) agrees."""
    expected, got = results(one), results(other)
    assert expected.keys() == got.keys() and "commit" in expected
    different = [name for name in expected if expected[name] != got[name]]
    assert not different, "not the same: " + ", ".join(different)
    same = outside_volatile(one) == outside_volatile(other)
    assert same, "the datasets are the same, but not the file around them"
    if shutil.which("h5diff"):
        done = subprocess.run(["h5diff", "--exclude-path", "/volatile", one, other],
                              capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "")
