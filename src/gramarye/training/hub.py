"""A trained network in the layout of the Hugging Face Hub: weights, config, model card."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gramarye
from gramarye.files import write_atomically
from gramarye.training.settings import Settings, Way
from gramarye.units import show_seconds

WAYS: Mapping[Way, str] = {
    "minute": "trained on for a minute from the painter that comes with gramarye",
    "warm": "trained on from the painter that comes with gramarye",
    "small": "a small image transformation network like Johnson et al.'s, trained from nothing",
    "video": "a small image transformation network for clips, trained from nothing to be steady",
    "paper": "Johnson et al.'s image transformation network (2016), trained from nothing",
}


def write_hub(
    folder: Path,
    weights: bytes,
    network: Mapping[str, Any],
    styles: Sequence[str],
    settings: Settings,
    figures: Mapping[str, Any],
) -> None:
    """Write `model.safetensors`, `config.json` and `README.md`; OutputError if it cannot be."""
    config = {
        "library_name": "gramarye",
        "gramarye_version": gramarye.__version__,
        **network,
        "styles": list(styles),
        "training": {"way": settings.way, **settings.training.model_dump(mode="json"), **figures},
    }
    if settings.from_nothing:
        losses = settings.losses.model_dump(mode="json", exclude={"weights", "device"})
        config["losses"] = losses
    write_atomically(folder / "model.safetensors", weights)
    write_atomically(folder / "config.json", (json.dumps(config, indent=2) + "\n").encode())
    text = card(styles, settings, figures)
    write_atomically(folder / "README.md", text.encode("utf-8", "replace"))


def card(styles: Sequence[str], settings: Settings, figures: Mapping[str, Any]) -> str:
    """The model card: what it is, how it was made, what was measured, what it cannot do."""
    own = settings.from_nothing
    use = "gramarye instant photo.jpg model.safetensors"
    if not own:
        use = "gramarye instant photo.jpg STYLE --painter model.safetensors"
    held_out = figures.get("held_out") or {}
    rows = "\n".join(f"| {name} | {value:.4g} |" for name, value in held_out.items())
    measured = f"| held-out loss | value |\n|---|---:|\n{rows}" if rows else "Nothing was measured."
    training = settings.training.model_dump(mode="json")
    listed = "\n".join(f"| {name} | {value} |" for name, value in training.items())
    names = ", ".join(f"`{plain(name)}`" for name in styles)
    what = "The style is in the file." if own else "`STYLE` is the picture it was trained with."
    return f"""---
library_name: gramarye
pipeline_tag: image-to-image
tags:
- style-transfer
- neural-style-transfer
---

# A network that paints in a style: {names}

{WAYS[settings.way][0].upper() + WAYS[settings.way][1:]}, by `gramarye train`.

```bash
{use}
```

{what} Any size; see `gramarye instant --help`.

## How it was made

{figures.get("steps", 0)} steps in {show_seconds(float(figures.get("seconds", 0.0)))} on
{figures.get("photographs", 0)} photographs.

| setting | value |
|---|---|
{listed}

## What was measured

{measured}

On photographs that were held out. Figures are no pictures: look at some before you rely on it.

## What it is not

It knows the styles named above; photographs unlike those it was trained with may come out worse.
Neither photographs nor paintings are part of it. Before you publish it, say here whose paintings
and photographs these were, and under which license the network is given.
"""


def plain(name: str) -> str:
    """A file's name as Markdown may hold it."""
    return "".join(c if c.isprintable() and c not in "`|<>" else "_" for c in name)[:100]
