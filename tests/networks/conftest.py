"""Shared by the tests of the networks: random weights, and a file server that misbehaves."""

from __future__ import annotations

import hashlib
import http.server
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gramarye.networks import download
from gramarye.networks.catalog import NetworkInfo
from gramarye.networks.features import Step


@pytest.fixture
def random_state() -> Callable[[Sequence[Step], bool], dict[str, Tensor]]:
    """Random tensors for the steps, by torchvision's counted keys or by the layers' names."""

    def make(steps: Sequence[Step], counted: bool) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(0)
        state = {}
        for i, step in enumerate(steps):
            for key, tensor in step.module.state_dict().items():
                gain = (2 / tensor[0].numel()) ** 0.5 if tensor.ndim == 4 else 0.1
                value = gain * torch.randn(tensor.shape, generator=generator)
                value = value.abs() + 0.5 if key.endswith("running_var") else value
                state[f"features.{i}.{key}" if counted else f"{step.name}.{key}"] = value
        return state

    return make


@dataclass
class Server:
    """Serves `content` at every path; `script` says how it misbehaves, request by request."""

    content: bytes
    script: list[str] = field(default_factory=list)  # "503", "cut 1000", "no ranges", "length many"
    requests: list[tuple[str, str | None]] = field(default_factory=list)  # (path, Range)
    address: str = ""

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        asked = request.headers.get("Range")
        self.requests.append((request.path, asked))
        deed = self.script.pop(0) if self.script else "fine"
        if deed.isdigit():
            request.send_error(int(deed))
            return
        if deed.startswith("raw "):
            request.wfile.write(deed[4:].encode())
            return
        content = self.content[::-1] if deed == "other" else self.content
        found = re.fullmatch(r"bytes=(\d+)-", asked or "") if deed != "no ranges" else None
        start = int(found[1]) if found else 0
        if found and start >= len(content):
            request.send_error(416)
            return
        body = content[start:]
        request.send_response(206 if found else 200)
        length = deed[7:] if deed.startswith("length ") else str(len(body))
        request.send_header("Content-Length", length)
        if found:
            last = len(content) - 1
            request.send_header("Content-Range", f"bytes {start}-{last}/{last + 1}")
        request.end_headers()
        request.wfile.write(body[: int(deed[4:])] if deed.startswith("cut ") else body)


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on this machine, with 300 kB of content."""
    state = Server(hashlib.sha256(b"weights").digest() * 10_000)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.answer(self)

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        state.address = f"http://127.0.0.1:{running.server_port}"
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        running.shutdown()
        thread.join()


@pytest.fixture
def published(server: Server) -> NetworkInfo:
    """A network whose weights are the server's content."""
    sha256 = hashlib.sha256(server.content).hexdigest()
    return NetworkInfo(
        name="test",
        about="",
        file="test.pth",
        url=f"{server.address}/models/test.pth",
        sha256=sha256,
        megabytes=0.3,
        layers=("conv1", "relu1"),
        style_layers=("relu1",),
        content_layer="relu1",
    )


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, no mirrors, no proxy and no pauses for every test of this folder."""
    monkeypatch.setenv("GRAMARYE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.delenv("GRAMARYE_MIRROR", raising=False)
    monkeypatch.setattr(download, "WAITS", (0.0, 0.0, 0.0, 0.0))
    return tmp_path / "home" / "networks"
