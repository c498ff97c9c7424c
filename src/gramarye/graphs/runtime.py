"""ONNX Runtime, where it is installed: graphs that are run on the processor."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, final

from gramarye.errors import SettingsError, WeightsError
from gramarye.graphs.writing import Array
from gramarye.threads import core_count

MISSING = "ONNX Runtime is not installed: pip install 'gramarye[onnx]'"


def is_installed() -> bool:
    return find_spec("onnxruntime") is not None


def onnxruntime() -> Any:
    """The package; SettingsError where it is not installed."""
    try:
        import onnxruntime  # optional: the [onnx] extra
    except ImportError as error:
        raise SettingsError(MISSING) from error
    return onnxruntime


def version() -> str:
    return str(onnxruntime().__version__)


def thread_count() -> int:
    """As many as there are cores for this process, or as OMP_NUM_THREADS says."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    if given.isdigit() and int(given):
        return int(given)
    return core_count()


@cache
def share_memory() -> None:
    """Let all sessions of this process take their memory from one place, and no more than needed.

    Each would keep what it has once taken, and a picture goes through several in turn.
    """
    package = onnxruntime()
    kind, memory = package.OrtAllocatorType.ORT_ARENA_ALLOCATOR, package.OrtMemType.DEFAULT
    as_asked = package.OrtArenaCfg({"arena_extend_strategy": 1})  # not twice as much every time
    with suppress(RuntimeError):  # where the program around us has done so, ours take it from there
        place = package.OrtMemoryInfo("Cpu", kind, 0, memory)
        package.create_and_register_allocator(place, as_asked)


@final
class Session:
    """A graph that runs; made of a file's path, or of its content."""

    def __init__(self, source: Path | bytes, threads: int | None = None) -> None:
        package = onnxruntime()
        options = package.SessionOptions()
        options.intra_op_num_threads = threads or thread_count()
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # what it prints is for programmers
        # Threads that wait spin, which starves whatever else runs: `threads.py`.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        share_memory()
        options.add_session_config_entry("session.use_env_allocators", "1")
        given = str(source) if isinstance(source, Path) else source
        try:
            self.session = package.InferenceSession(
                given, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its errors have no common kind
            name = f"'{source}'" if isinstance(source, Path) else "the graph"
            raise WeightsError(
                f"{name} is no ONNX file that can be run here: it is damaged, cut short, or made "
                "for another program; export it again with 'gramarye export'"
            ) from error
        self.outputs = [value.name for value in self.session.get_outputs()]

    @property
    def metadata(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self.session.get_modelmeta().custom_metadata_map
        return found

    def __call__(self, **inputs: Array) -> dict[str, Array]:
        found = self.session.run(None, inputs)
        return dict(zip(self.outputs, found, strict=True))
