"""The sample pictures shipped with the package. They are painted by tools/paint_samples."""

from pathlib import Path

CONTENTS: tuple[str, ...] = ("canal", "fox", "landscape")
STYLES: tuple[str, ...] = ("facets", "impasto", "ink", "mosaic", "pointillism", "woodblock")


def sample_path(name: str) -> Path:
    """The packaged JPEG of a sample; `name` is one of CONTENTS or STYLES."""
    names = CONTENTS + STYLES
    if name in names:
        return Path(__file__).parent / f"{name}.jpg"
    from gramarye.errors import InputError, did_you_mean

    hint = did_you_mean(name, names)
    raise InputError(f"unknown sample {name!r}: there are {', '.join(names)}{hint}")
