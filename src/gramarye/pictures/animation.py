"""Several pictures as one that moves: an animated WebP or GIF."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from gramarye.errors import OutputError
from gramarye.files import atomic_file, check_target
from gramarye.pictures.picture import load_picture

ANIMATED = (".webp", ".gif")


def check_animation(path: Path, inputs: Sequence[Path] = ()) -> None:
    """Raise OutputError for a name that is of no animation, and what writing it would raise."""
    if path.suffix.lower() not in ANIMATED:
        raise OutputError(
            f"'{path}' is no name of an animation: let it end in {' or '.join(ANIMATED)}"
        )
    check_target(path, inputs)


def save_animation(
    frames: Sequence[Path], path: Path, seconds: float, *, back: bool = True, quality: int = 85
) -> Path:
    """Write the pictures one after the other, `seconds` each, over and over; all or nothing.

    With `back` they are shown forward and then backward, so that no jump is seen. They are read one
    by one; transparency is laid over white, and GIF shows 256 colors of each.
    """
    check_animation(path, frames)
    order = [*frames, *(list(frames[-2:0:-1]) if back else [])]
    first, *others = order
    options: dict[str, Any] = {"duration": max(1, round(1000 * seconds)), "loop": 0}
    if path.suffix.lower() == ".webp":
        options |= {"quality": quality, "method": 4}
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as file:
        opaque(first).save(
            file,
            path.suffix[1:].upper(),
            save_all=True,
            append_images=shown(others),
            **options,
        )
    return path


def shown(paths: Sequence[Path]) -> Iterator[Image.Image]:
    return map(opaque, paths)


def opaque(path: Path) -> Image.Image:
    """An 8-bit picture, over white where it is transparent."""
    image = load_picture(path).to_pil()
    if image.mode != "RGBA":
        return image
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")
