"""What the extra `video` brings, asked for when it is needed: PyAV, and OpenCV for optical flow."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from gramarye.errors import InputError


def load_av() -> Any:
    """PyAV; InputError, with what to do, where it is not installed."""
    try:
        return import_module("av")
    except ImportError as error:
        raise InputError(
            "clips are read and written by PyAV, which is not installed: run pip install "
            "'gramarye[video]', or give a folder of frames and name one for the result"
        ) from error


def load_cv2() -> Any:
    """OpenCV; InputError, with what to do, where it is not installed."""
    try:
        return import_module("cv2")
    except ImportError as error:
        raise InputError(
            "optical flow is OpenCV's, which is not installed: run pip install 'gramarye[video]', "
            "or choose --steady 0"
        ) from error


def has_flow() -> bool:
    """Whether optical flow can be had."""
    return find_spec("cv2") is not None
