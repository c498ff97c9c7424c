"""What a user may not expect of a run, in sentences: of its inputs, and of its picture."""

from __future__ import annotations

from torch import Tensor

from gramarye.config import StylizeConfig
from gramarye.inputs.inputs import Inputs
from gramarye.inputs.kinds import alike, names_of
from gramarye.inputs.regions import unpainted
from gramarye.losses.terms import needs_of
from gramarye.plan import Plan
from gramarye.scales.resizing import resize
from gramarye.scales.sizes import style_size
from gramarye.units import show_size

UNCHANGED = 0.5 / 255  # mean difference from the content: what rounding to 8 bits hides


def hardly_painted(image: Tensor, inputs: Inputs, config: StylizeConfig) -> tuple[str, ...]:
    """A note where the picture is the content again; none where that is not in memory."""
    content = inputs["content"].pixels if inputs.has_content else None
    if not isinstance(content, Tensor):
        return ()
    recolored = inputs.colored(config.picture, config.color_mix)["content"].pixels
    shown = {"as it was": content, "in the style's colors, and no more": recolored}
    for how, picture in shown.items():
        same = resize(picture, *image.shape[-2:]).clamp(0, 1).to(image.device)
        if float((image - same).abs().mean()) < UNCHANGED:
            return (
                f"the picture is the content {how}: raise --strength, --style-weight or --steps, "
                "or give a style that differs from the content",
            )
    return ()


def input_notes(inputs: Inputs, plan: Plan) -> tuple[str, ...]:
    """What was done to the inputs that a user may not expect.

    A style scale may ask for strokes beyond the picture's pixels, and a first image of another
    shape is stretched.
    """
    wanted = plan.config.picture.style_scale
    longest = max(plan.size)
    notes = [*inputs.notes]
    if inputs.regions is not None:
        notes += unpainted(inputs.regions, plan.config.value("style_weights"))
    asked_for = plan.left_out - needs_of(StylizeConfig().terms).all_layers
    if asked_for:
        notes.append(
            f"the pictures have no room for {', '.join(sorted(asked_for))}: choose a larger --size "
            "or a larger style for layers that look at a part of the size"
        )
    sizes = inputs.sizes
    if "init" in sizes and not alike(sizes["init"], plan.sizes["content"]):
        (height, width), (h, w) = sizes["init"], sizes.get("content", plan.size)
        shape = "content" if "content" in sizes else "texture"
        notes.append(
            f"the first image is {show_size(width, height)} pixels and the {shape} "
            f"{show_size(w, h)}: it is stretched to the {shape}'s shape"
        )
    for name in names_of("style", sizes) if wanted != 1 else ():
        side = max(style_size(*sizes[name], longest, wanted))
        asked = longest * wanted
        if side < asked - 1:
            why = "a picture is not enlarged, since that gives no strokes"
        elif side > asked + 1:
            why = "which is the least"
        else:
            continue
        notes.append(
            f"the style scale {wanted:g} asks for {asked:.0f} pixels of {name}, which is worked on "
            f"at {side}: {why}"
        )
    return tuple(notes)
