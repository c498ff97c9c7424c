"""Where the networks' files are kept, and whether they are the right ones. Needs no torch."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path

from gramarye.errors import SettingsError, WeightsError
from gramarye.files import check_readable, file_sha256, is_there, user_path
from gramarye.networks.catalog import NetworkInfo


def cache_home() -> Path:
    """The folder of all that is kept for other runs: GRAMARYE_HOME, or the platform's for caches.

    It need not be there yet. SettingsError where the user has no home.
    """
    home = os.environ.get("GRAMARYE_HOME")
    try:
        base = user_path(home) if home else user_cache_path("gramarye", appauthor=False)
    except RuntimeError as error:
        raise SettingsError(
            "this user has no home directory to keep networks in: set GRAMARYE_HOME to the full "
            "path of a folder"
        ) from error
    if home and base.parts[0].startswith("~") and not is_there(Path(base.parts[0])):
        raise SettingsError(
            f"GRAMARYE_HOME is '{home}', but that user has no home directory to keep networks in: "
            "set it to the full path of a folder"
        )
    return base


def cache_folder() -> Path:
    """Where downloaded weights are kept: in `networks` of the folder of all caches.

    It need not be there yet. SettingsError says why it cannot be looked into.
    """
    folder = cache_home() / "networks"
    try:
        (folder / "any").stat()
    except (FileNotFoundError, NotADirectoryError):
        pass  # it will be made, or the attempt says why not
    except OSError as error:
        name = str(folder) if len(str(folder)) <= 200 else f"{str(folder)[:100]}..."
        raise SettingsError(
            f"the folder for networks, '{name}', cannot be used ({error.strerror}): set "
            "GRAMARYE_HOME to another folder"
        ) from error
    return folder


def weights_path(info: NetworkInfo) -> Path:
    """Where a network's weights are, or will be once they are fetched."""
    folder = Path(__file__).parent if info.embedded else cache_folder()
    return folder / info.file


def check_sha256(info: NetworkInfo, path: Path) -> str:
    """The SHA-256 of the file; WeightsError if it is not the one the network's file should have."""
    advice = f"move it away, and get the file with: gramarye networks fetch {info.name}"
    check_readable(path, "weights file", advice, WeightsError)
    found = file_sha256(path)
    if not found.startswith(info.sha256):
        raise WeightsError(
            f"{path} is not the file of {info.name}: its SHA-256 begins {found[:16]}, it should "
            f"begin {info.sha256[:16]}; fetch it anew with: gramarye networks fetch "
            f"{info.name} --again, or name another file with --weights"
        )
    return found
