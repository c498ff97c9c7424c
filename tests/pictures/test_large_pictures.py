"""Large pictures on full disks and in bounded memory."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gramarye import files as writing
from gramarye.errors import OutputError
from gramarye.pictures.picture import load_picture
from tests.pictures.making import noise


@pytest.mark.parametrize("extension", [".png", ".tif", ".jpg", ".webp", ".avif"])
def test_a_file_the_system_cuts_short_leaves_nothing(tmp_path, extension: str) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / f"a{extension}"
    path.write_bytes(b"old")
    picture = load_picture(noise(120, 120))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
        with pytest.raises(OutputError, match="more than one file may hold"):
            picture.save(path, quality=100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_full_disk_while_bands_are_written_leaves_nothing(tmp_path, monkeypatch) -> None:
    def full(*_: object) -> bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("gramarye.pictures.tiff._deflated_strip", full)
    with pytest.raises(OutputError, match="no space left"):
        load_picture(noise(9, 9)).save(tmp_path / "a.tif")
    assert list(tmp_path.iterdir()) == []


def test_an_error_inside_the_block_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), writing.atomic_file(tmp_path / "a") as file:
        file.write(b"half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


_MEASURE = """
import json, os, sys
import torch
from gramarye.pictures.picture import Picture, load_image

def kilobytes(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field))

def peak(action):
    before = kilobytes("VmRSS:")
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak begins anew
    action()
    return (kilobytes("VmHWM:") - before) * 1024 / (12 * height * width)

os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])  # a band of memory for each thread
folder, height, width = sys.argv[1], 3000, 4000
names = {"a.png": 8, "a.jpg": 8, "deep.tif": 16}
tiny = Picture(torch.zeros(1, 3, 9, 9))
for name, depth in names.items():  # so that everything is imported
    load_image(tiny.save(f"{folder}/{name}", bit_depth=depth).path)
y, x = torch.linspace(0, 1, height)[:, None], torch.linspace(0, 1, width)
picture = Picture((x * 0.7 + y * 0.3).expand(1, 3, -1, -1).contiguous())
found = {}
for name, depth in names.items():
    found["write " + name] = peak(lambda: picture.save(f"{folder}/{name}", bit_depth=depth))
picture = None
for name in names:
    found["read " + name] = peak(lambda: load_image(f"{folder}/{name}"))
print(json.dumps(found))
"""


# In multiples of the picture in float32; what lies above 0 or 1 is bands and slack. Of a JPEG that
# is written, Pillow holds 4 bytes per pixel, a third of that.
_MOST = {
    "write a.png": 0.25,
    "write deep.tif": 0.25,
    "write a.jpg": 1 / 3 + 0.25,
    "read a.png": 1 + 0.2,
    "read a.jpg": 1 + 0.2,
    "read deep.tif": 1 + 0.2,
}


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="measured on Linux")
def test_12_megapixels_take_no_more_memory_than_said(tmp_path) -> None:
    command = [sys.executable, "-c", _MEASURE, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found.keys() == _MOST.keys()
    assert {name: value for name, value in found.items() if value > _MOST[name]} == {}
