"""The tensors of a weights file, whoever wrote it: safetensors, or `torch.save` in either format.

A file is judged by its first bytes, not by its extension. Nothing in it is run: pickles are read
with `weights_only=True`.
"""

from __future__ import annotations

import pickle
import re
import struct
import zipfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, final

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from gramarye.errors import WeightsError
from gramarye.files import check_readable
from gramarye.warned import own_warnings

# What the readers raise about damaged bytes: they trust what the file says of itself.
DAMAGE = (
    OSError, EOFError, RuntimeError, ValueError, TypeError, LookupError, AttributeError,
    AssertionError, ArithmeticError, MemoryError, SafetensorError, pickle.UnpicklingError,
    struct.error, zipfile.BadZipFile,
)  # fmt: skip

# What people take for a weights file: its first bytes, what it is, what to do about it.
STRANGERS = (
    (rb"\s*<", "it is a web page", "download the file itself"),
    (rb"version https://git-lfs", "it is a pointer of Git LFS", "fetch the file it points to"),
    (rb"\x89HDF\r\n", "it is an HDF5 file", "name a file of torch.save or safetensors"),
    (rb"GGUF", "it is a GGUF file", "name a file of torch.save or safetensors"),
    (rb"\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf", "it is compressed", "unpack it first"),
    (rb"$", "it is empty", "download it anew"),
)

# Where the names begin by which weights are known, behind a wrapper's prefix such as "module.".
KNOWN_NAME = re.compile(r"(?:^|(?<=\.))(?:features\.\d+|conv\d+(?:_\d+)?|inception\d[a-e])\.")


@final
class WeightsFile(Mapping[str, Tensor]):
    """A file's tensors by key, each read when it is asked for; metadata is that of safetensors."""

    def __init__(
        self,
        path: Path,
        keys: Collection[str],
        read: Callable[[str], Tensor],
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        self.path, self.read, self.metadata = path, read, dict(metadata or {})
        self.size = path.stat().st_size
        self.names = plain_names(keys)

    def __getitem__(self, key: str) -> Tensor:
        try:
            return self.read(self.names[key])
        except DAMAGE as error:
            if key not in self.names:
                raise
            raise damaged(self.path) from error

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def floats(self, key: str) -> Tensor:
        """A copy of the tensor in float32; WeightsError if it holds anything but finite numbers.

        A copy, so that neither a mapped file nor a larger tensor stays behind it.
        """
        tensor = self[key].detach()
        plain = tensor.layout == torch.strided and tensor.device.type == "cpu"
        if not plain or tensor.is_quantized or not tensor.is_floating_point():
            kind = str(tensor.dtype).removeprefix("torch.")
            raise WeightsError(
                f"{self.path} holds {shown(key)} as {kind}: weights are floating-point numbers, "
                "float32, float16 or bfloat16; save them so, or name another file"
            )
        if tensor.numel() > self.size:  # one number repeated: the copy would fill the memory
            raise damaged(self.path)
        try:
            copy = tensor.to(torch.float32, copy=True).contiguous()
        except DAMAGE as error:
            raise damaged(self.path) from error
        if not copy.isfinite().all():
            raise WeightsError(
                f"{self.path} holds numbers that are not finite in {shown(key)}: it is damaged, or "
                "its training has failed; name another file"
            )
        return copy


def state_of(
    file: WeightsFile, module: nn.Module, refused: Callable[[str], WeightsError]
) -> dict[str, Tensor]:
    """A module's tensors from a file, in float32; `refused` makes an error of what is wrong."""
    found = {}
    for name, wanted in module.state_dict().items():
        if name not in file:
            raise refused(f"it has no {name}")
        tensor = file.floats(name)
        if tensor.shape != wanted.shape:
            raise refused(f"{name} has shape {tuple(tensor.shape)}, not {tuple(wanted.shape)}")
        found[name] = tensor
    return found


def open_weights(path: Path) -> WeightsFile:
    """The weights in a file; WeightsError if it holds none that can be read."""
    check_path(path)
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise damaged(path) from error
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 32:
        return open_safetensors(path)
    if head.startswith((b"PK\x03\x04", b"\x80")):
        return open_torch(path)
    if path.suffix.lower() == ".onnx":  # whose files begin in many ways
        instead = "name the .safetensors file that it was exported from"
        raise unreadable(path, "it is an ONNX graph, for other programs", instead)
    for first, reason, instead in STRANGERS:
        if re.match(first, head):
            raise unreadable(path, reason, instead)
    raise unreadable(path, "neither torch.save nor safetensors wrote it", "name another file")


def check_path(path: Path) -> None:
    """Raise WeightsError if there is no file that can be read."""
    advice = "name a .pth or .safetensors file that exists"
    check_readable(path, "weights file", advice, WeightsError)


def open_safetensors(path: Path) -> WeightsFile:
    try:
        file: Any = safe_open(path, framework="pt")
        return WeightsFile(path, file.keys(), file.get_tensor, file.metadata())
    except DAMAGE as error:
        raise damaged(path) from error


def open_torch(path: Path) -> WeightsFile:
    tensors = largest_state(read_torch(path))
    if not tensors:
        raise WeightsError(
            f"{path} holds no state dict (layer name -> tensor): save the network's state_dict(), "
            "or name another file"
        )
    return WeightsFile(path, tensors, tensors.__getitem__)


def read_torch(path: Path, *, mapped: bool = True) -> object:
    """What `torch.save` wrote, if it is tensors, numbers and texts in dicts and lists.

    `mapped` tensors are read where they are used, if the format allows it.
    """
    try:
        mapped = can_be_mapped(path) and mapped
        with path.open("rb") as file, own_warnings():  # advice to programmers
            source = path if mapped else file
            return torch.load(source, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        # PyTorch's own text advises to switch its protection off.
        named = re.search(r"GLOBAL ([\w.]+) was not an allowed", str(error))
        if not named:
            raise damaged(path) from error
        raise unreadable(
            path,
            f"it holds {named[1]} besides tensors, which could run any code",
            "save its state_dict() alone, or as safetensors",
        ) from error
    except DAMAGE as error:
        raise damaged(path) from error


def can_be_mapped(path: Path) -> bool:
    """Whether tensors can be read where they are used; WeightsError if it is another kind of ZIP.

    torch's format before 1.6 is no ZIP, what is compressed must be unpacked first, and a path of
    this extension is read by torch.load as safetensors, whatever it holds.
    """
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        names = {name.partition("/")[2] for name in archive.namelist()}
        if "constants.pkl" in names:
            raise unreadable(path, "it is a TorchScript program", "save its state_dict() instead")
        if "data.pkl" not in names:
            raise unreadable(path, "it is a ZIP archive of something else", "unpack it first")
        stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())
        return stored and not str(path).endswith(".safetensors")


def largest_state(content: object, depth: int = 4) -> dict[str, Tensor]:
    """The tensors by key of the largest dict of tensors in there, the first of equals.

    Training programs wrap it: {"state_dict": ...}, {"model": ..., "optimizer": ..., "epoch": 3}.
    """
    if not isinstance(content, Mapping) or depth == 0:
        return {}
    own = {k: v for k, v in content.items() if isinstance(k, str) and isinstance(v, Tensor)}
    inner = (largest_state(value, depth - 1) for value in content.values())
    return max((own, *inner), key=len)


def plain_names(keys: Collection[str]) -> dict[str, str]:
    """The file's keys by what is left of them without a wrapper's prefix, `module.` or the like."""
    if all(re.fullmatch(r"\d+\.\w+", key) for key in keys):  # of `features` alone
        return {f"features.{key}": key for key in keys}
    found = [(key, KNOWN_NAME.search(key)) for key in keys]
    prefixes = Counter(key[: match.start()] for key, match in found if match)
    prefix = "" if "" in prefixes or not prefixes else prefixes.most_common(1)[0][0]
    return {key.removeprefix(prefix): key for key in keys}


def shown(key: str) -> str:
    """A key as a message may hold it: a file can call its tensors anything."""
    return key if key.isprintable() and len(key) <= 60 else repr(key[:60])


def unreadable(path: Path, reason: str, advice: str) -> WeightsError:
    return WeightsError(f"{path} cannot be read as weights ({reason}): {advice}")


def damaged(path: Path) -> WeightsError:
    return unreadable(path, "it is damaged or cut short", "download it anew")
