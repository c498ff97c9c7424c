from __future__ import annotations

import dataclasses
import errno
import shutil
import socket
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gramarye.errors import OutputError, WeightsError
from gramarye.networks import download
from gramarye.networks.cache import check_sha256, weights_path
from gramarye.networks.catalog import NETWORKS, NetworkInfo
from gramarye.networks.download import addresses, fetch

if TYPE_CHECKING:
    from conftest import Server
else:
    Server = Any


def test_a_fetched_file_lies_in_the_cache_under_its_name(
    server: Server, published: NetworkInfo, cache: Path
) -> None:
    path = fetch(published)
    assert path == cache / "test.pth" == weights_path(published)
    assert path.read_bytes() == server.content
    assert not list(cache.glob("*.part"))
    assert check_sha256(published, path) == published.sha256


def test_what_is_there_is_not_fetched_again_unless_asked(
    server: Server, published: NetworkInfo
) -> None:
    fetch(published)
    fetch(published)
    assert len(server.requests) == 1
    fetch(published, again=True)
    assert len(server.requests) == 2


def test_two_at_once_download_it_once(server: Server, published: NetworkInfo) -> None:
    with ThreadPoolExecutor(4) as threads:
        paths = list(threads.map(lambda _: fetch(published), range(4)))
    assert len(server.requests) == 1
    assert {path.read_bytes() for path in paths} == {server.content}


def test_progress_ends_at_the_total(server: Server, published: NetworkInfo) -> None:
    states = list(download.download(published))
    assert states[0].received == 0
    assert states[-1].received == states[-1].total == len(server.content)


def test_a_busy_server_is_asked_again(server: Server, published: NetworkInfo) -> None:
    server.script = ["503", "429", "fine"]
    assert fetch(published).read_bytes() == server.content


def test_a_file_that_is_not_there_is_asked_for_once(server: Server, published: NetworkInfo) -> None:
    server.script = ["404"] * 9
    with pytest.raises(WeightsError, match="HTTP 404"):
        fetch(published)
    assert len(server.requests) == 1


def test_pauses_grow_and_attempts_end(
    server: Server, published: NetworkInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "WAITS", (1.0, 2.0, 4.0))
    pauses: list[float] = []
    monkeypatch.setattr(download.time, "sleep", pauses.append)
    server.script = ["503"] * 9
    with pytest.raises(WeightsError, match="HTTP 503"):
        fetch(published)
    assert pauses == [1.0, 2.0, 4.0]


def test_a_broken_connection_is_resumed_where_it_broke(
    server: Server, published: NetworkInfo
) -> None:
    server.script = ["cut 100000", "cut 50000", "fine"]
    assert fetch(published).read_bytes() == server.content
    assert [asked for _, asked in server.requests] == [None, "bytes=100000-", "bytes=150000-"]


def test_connections_that_break_often_get_there_if_each_brings_something(
    server: Server, published: NetworkInfo
) -> None:
    server.script = ["cut 20000"] * 14  # more than the pauses allow in a row without progress
    assert fetch(published).read_bytes() == server.content


def test_an_interrupted_download_is_resumed_by_the_next(
    server: Server, published: NetworkInfo
) -> None:
    weights_path(published).parent.mkdir(parents=True)
    part = weights_path(published).with_name("test.pth.part")
    part.write_bytes(server.content[:70_000])
    assert fetch(published).read_bytes() == server.content
    assert server.requests == [("/models/test.pth", "bytes=70000-")]


def test_a_part_that_is_already_whole_is_only_checked(
    server: Server, published: NetworkInfo
) -> None:
    weights_path(published).parent.mkdir(parents=True)
    weights_path(published).with_name("test.pth.part").write_bytes(server.content)
    assert fetch(published).read_bytes() == server.content


def test_a_server_without_ranges_starts_over(server: Server, published: NetworkInfo) -> None:
    server.script = ["cut 100000", "no ranges"]
    assert fetch(published).read_bytes() == server.content


def test_a_part_of_another_file_is_thrown_away(server: Server, published: NetworkInfo) -> None:
    weights_path(published).parent.mkdir(parents=True)
    weights_path(published).with_name("test.pth.part").write_bytes(b"x" * 70_000)
    assert fetch(published).read_bytes() == server.content
    assert [asked for _, asked in server.requests] == ["bytes=70000-", None]


def test_a_wrong_file_never_gets_the_name(
    server: Server, published: NetworkInfo, cache: Path
) -> None:
    server.script = ["other"]
    with pytest.raises(WeightsError, match="SHA-256 begins"):
        fetch(published)
    assert not list(cache.glob("test.pth*.part")) and not weights_path(published).exists()


def test_eight_digits_of_a_hash_are_checked_too(server: Server, published: NetworkInfo) -> None:
    short = dataclasses.replace(published, sha256=published.sha256[:8])
    assert fetch(short).exists()
    wrong = dataclasses.replace(published, sha256="0" * 8)
    with pytest.raises(WeightsError, match="should begin 00000000"):
        check_sha256(wrong, weights_path(published))


def test_mirrors_come_first_and_the_home_address_last(
    server: Server, published: NetworkInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAMARYE_MIRROR", f"{server.address}/a/, {server.address}/b")
    server.script = ["404", "fine"]
    fetch(published)
    assert [path for path, _ in server.requests] == ["/a/test.pth", "/b/test.pth"]
    assert addresses(published)[-1] == published.url


def test_a_folder_can_be_a_mirror(
    server: Server, published: NetworkInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "test.pth").write_bytes(server.content)
    monkeypatch.setenv("GRAMARYE_MIRROR", str(tmp_path))
    assert fetch(published).read_bytes() == server.content
    assert server.requests == []


def test_without_a_network_the_error_says_what_to_do(
    published: NetworkInfo, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown_host(*args: object, **keywords: object) -> None:
        raise urllib.error.URLError(socket.gaierror(-2, "Name or service not known"))

    monkeypatch.setattr(urllib.request, "urlopen", unknown_host)
    with pytest.raises(WeightsError) as error:
        fetch(published)
    for part in (published.url, "Name or service not known", str(cache), "vgg19-lite", "--weights"):
        assert part in str(error.value)


def test_a_port_nobody_listens_on_is_given_up_at_once(
    published: NetworkInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    away = dataclasses.replace(published, url=f"http://127.0.0.1:{port}/test.pth")
    monkeypatch.setattr(download.time, "sleep", lambda _: pytest.fail("waited"))
    with pytest.raises(WeightsError, match=f"127.0.0.1:{port}"):
        fetch(away)


def test_a_disk_too_small_is_noticed_before_the_download(
    published: NetworkInfo, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(cache.parent.parent)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OutputError, match="GRAMARYE_HOME"):
        fetch(published)
    assert not weights_path(published).exists()


def test_a_disk_that_fills_up_keeps_the_part(
    server: Server, published: NetworkInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Path.open
    part = weights_path(published).with_name("test.pth.part")

    class Full:
        def __init__(self, file: Any) -> None:
            self.file = file

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *args: object) -> None:
            self.file.close()

        def write(self, chunk: bytes) -> None:
            self.file.write(chunk[:70_000])
            raise OSError(errno.ENOSPC, "No space left on device")

    def open_full(self: Path, mode: str = "r", *args: Any) -> Any:
        file = opened(self, mode, *args)
        return Full(file) if self == part and "b" in mode and mode != "rb" else file

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", open_full)
        with pytest.raises(OutputError, match="No space left"):
            fetch(published)
    assert part.stat().st_size == 70_000
    assert fetch(published).read_bytes() == server.content
    assert server.requests[-1][1] == "bytes=70000-"


def test_a_folder_that_cannot_be_made_is_an_output_error(
    published: NetworkInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GRAMARYE_HOME", str(tmp_path / "file"))
    with pytest.raises(OutputError, match="GRAMARYE_HOME"):
        fetch(published)


def test_the_embedded_network_needs_no_download() -> None:
    lite = NETWORKS["vgg19-lite"]
    assert list(download.download(lite)) == []
    assert weights_path(lite).parent == Path(download.__file__).parent


@pytest.mark.parametrize("length", ["many", "", "-5", "²"])
def test_a_server_that_says_no_length_is_believed_by_the_hash(
    server: Server, published: NetworkInfo, length: str
) -> None:
    server.script = [f"length {length}"]
    assert fetch(published).read_bytes() == server.content


@pytest.mark.parametrize("url", ["http://[bad/x", "what", "ftp:///x", "http://127.0.0.1:x/"])
def test_an_address_that_is_none_is_a_sentence(published: NetworkInfo, url: str) -> None:
    with pytest.raises(WeightsError, match="could not be downloaded"):
        fetch(dataclasses.replace(published, url=url))


def test_what_a_server_says_is_not_printed_as_it_is(server: Server, published: NetworkInfo) -> None:
    server.script = ["raw HTTP/9 \x1b[31mred\r\n\r\n"] * 5
    with pytest.raises(WeightsError) as error:
        fetch(published)
    assert str(error.value).isprintable()
