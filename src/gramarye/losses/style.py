"""The style term: distances between the statistics of the image's and the styles' features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, final

from pydantic import Field, ValidationInfo, field_validator

from gramarye.errors import SettingsError
from gramarye.inputs.kinds import form_of
from gramarye.losses.kind import MaskMode, Needs, Term, TermKind, added_up, shares
from gramarye.losses.style_losses import STYLE_LOSSES, parse_mix
from gramarye.networks.layers import split_layer
from gramarye.settings import LARGEST_WEIGHT, LayerWeights, Part, Weight, WrittenAs
from gramarye.units import counted, is_or_are
from gramarye.validation import not_allowed

if TYPE_CHECKING:
    from gramarye.losses.targets import Targets

# Large forms are seen in the image at half and a quarter of its size, by layers that see them as
# sharply as strokes. Not by relu5_1, which the papers use: its features are so rare that a few
# spots of the picture can satisfy it, as eyes in the sky or parts of the style's figure
# (docs/quality.md). No layer beyond relu3_1 looks at the whole image, which pays for the others.
STYLE_LAYERS = {
    "relu1_1": 8.0,
    "relu2_1": 4.0,
    "relu3_1": 2.0,
    "relu3_1/2": 1.0,
    "relu4_1/2": 1.0,
    "relu4_1/4": 1.0,
}


Role = Literal["all", "strokes", "forms"]


@final
class StyleSettings(Part):
    """The pull towards the style."""

    title: ClassVar[str] = "the losses"

    strength: float = Field(
        0.5, ge=0, le=1, description="how much the style shows: 0 hardly, 0.5 balanced, 1 wild"
    )
    layers: LayerWeights = Field(
        STYLE_LAYERS,
        alias="style_layers",
        description="layers of the style loss, with their weights",
    )
    distance: Annotated[str, WrittenAs("LOSS=WEIGHT@LAYER+LAYER,...")] = Field(
        "covariance",
        alias="style_loss",
        description=f"what of image and style is compared: {', '.join(STYLE_LOSSES)}; or a mix "
        "with weights and layers of their own, such as covariance=1,swd=0.5@relu3_1+relu4_1",
    )
    gain: float = Field(
        1.0,
        gt=0,
        le=100,
        alias="style_gain",
        description="the style's features count as so many times themselves: more is more contrast",
    )
    unit: Literal["relative", "absolute"] = Field(
        "relative",
        alias="balance",
        description="unit of the style weight: the style loss of the content itself, or 1 (the "
        "paper's)",
    )
    weight: float = Field(
        60.0, ge=0, le=LARGEST_WEIGHT, alias="style_weight", description="pull towards the style"
    )
    mix: tuple[Weight, ...] = Field(
        (),
        alias="style_weights",
        description="how much each of several styles counts, in their order (default: the same)",
    )
    mixing: Literal["pooled", "between"] = Field(
        "pooled",
        alias="style_mixing",
        description="what several styles make: pooled, some of each beside the other, or between, "
        "one style whose means and covariances lie between theirs",
    )
    roles: tuple[Role, ...] = Field(
        (),
        alias="style_roles",
        description="what each of several styles gives, in their order: all, strokes (and colors: "
        "what layers see in the whole image) or forms (what they see in it at a part of its size) "
        "(default: all)",
    )
    mask_mode: MaskMode = Field(
        "simple",
        description="which places belong to a mask or region: simple, those under it, or inside, "
        "those alone that see nothing beyond it, so that nothing bleeds over its edge",
    )

    @field_validator("distance")
    @classmethod
    def a_mix(cls, text: str, info: ValidationInfo) -> str:
        """The mix as it was written; ValueError says what is wrong with it."""
        weights: dict[str, float] = info.data.get("layers", {})
        for part in parse_mix(text):
            layers = [k for k in part.layers or weights if weights.get(k, 1.0) > 0]
            least = STYLE_LOSSES[part.name].least
            if 0 < len(layers) < least:  # without any layer there is no style, by wish
                raise not_allowed(f"{least} layers or more to {part.name}, which compares them")
        return text

    @field_validator("mix")
    @classmethod
    def positive(cls, mix: tuple[float, ...]) -> tuple[float, ...]:
        if mix and not sum(mix):
            raise not_allowed("at least one style a weight above 0")
        return mix

    @property
    def color_mix(self) -> tuple[float, ...]:
        """How much each of several styles counts for colors; empty where nobody has said.

        A style that gives forms alone has no part in them.
        """
        mix = self.mix or (1.0,) * len(self.roles)
        colors = tuple(
            0.0 if role == "forms" else weight
            for weight, role in zip(mix, self.roles, strict=False)
        )
        return colors if any(colors) and len(colors) == len(mix) else self.mix

    def parts(self) -> dict[str, dict[str, float]]:
        """The weight of each layer of each loss that counts, before the unit.

        Weights of losses and of layers are shares where the unit is relative. A loss with layers of
        its own takes their weights from `layers`; one that is not there has 1. Of these `layers`,
        some losses have usual ones.
        """
        relative = self.unit == "relative"
        scale = self.weight * strength_factor(self.strength)
        losses = parse_mix(self.distance)
        of_losses = {part.name: part.weight for part in losses}
        if relative:
            of_losses = {
                name: share * STYLE_LOSSES[name].balance
                for name, share in shares(of_losses).items()
            }
        found = {}
        for part in losses:
            deep = STYLE_LOSSES[part.name].layers
            usual = [layer for layer in self.layers if split_layer(layer)[0] in deep]
            chosen = part.layers or usual or self.layers
            layers = {layer: self.layers.get(layer, 1.0) for layer in chosen}
            layers = shares(layers) if relative else layers
            factor = scale * of_losses[part.name]
            weights = {layer: factor * w for layer, w in layers.items() if factor * w > 0}
            if weights:
                found[part.name] = weights
        return found


def has_role(role: Role, layer: str) -> bool:
    """Whether a style of that role is looked at by a layer.

    Coarse forms from one picture and fine strokes from another are Gatys et al.'s (2017, section
    6), who first paint the one picture in the other's style. Here each gives the statistics of the
    layers that see forms of that size, and there is nothing to paint before.
    """
    return role in ("all", "strokes" if split_layer(layer)[1] == 1 else "forms")


def check_forms(settings: StyleSettings) -> None:
    """Raise ValueError unless forms may have another size than strokes (`form_scale`)."""
    parts = settings.parts()
    if not any(has_role("forms", layer) for weights in parts.values() for layer in weights):
        raise ValueError(
            "form_scale is for style layers that look at a part of the size, such as relu4_1/2, "
            "and there is none: name one among --style-layers, or leave it out"
        )
    for name in parts:
        if STYLE_LOSSES[name].together:
            raise ValueError(
                f"forms cannot be told from strokes by {name}, which compares all layers at once: "
                "choose another --style-loss, or leave out --form-scale"
            )


def strength_factor(strength: float) -> float:
    """What a strength multiplies the style weight by: 1/10 at 0, 1 at 0.5, 10 at 1."""
    return float(10 ** (2 * strength - 1))


def needs(settings: StyleSettings) -> Needs:
    parts = settings.parts()
    layers = frozenset(layer for weights in parts.values() for layer in weights)
    copies: dict[str, float] = {}
    for name, weights in parts.items():
        copies = added_up(copies, dict.fromkeys(weights, STYLE_LOSSES[name].copies))
    return Needs(
        inputs=frozenset({"style"} if layers else ()),
        layers=layers,
        copies={layer: times for layer, times in copies.items() if times},
        whole=frozenset(
            f"the style loss {name}" for name in parts if STYLE_LOSSES[name].of == "maps"
        ),
        neighbors=frozenset(
            f"the style loss {name}" for name in parts if STYLE_LOSSES[name].neighbors
        ),
    )


def check_counts(settings: StyleSettings, styles: Sequence[str]) -> None:
    """Raise SettingsError unless there are as many weights and roles as styles, if any."""
    for name, given in (("style_weights", settings.mix), ("style_roles", settings.roles)):
        if given and len(given) != len(styles):
            what = "number" if name == "style_weights" else "role"
            raise SettingsError(
                f"{name} has {counted(len(given), what)}, and there "
                f"{is_or_are(len(styles), 'style')}: give one {what} for each style",
                setting=name,
            )


def prepare(settings: StyleSettings, targets: Targets) -> Callable[[], list[Term]]:
    from gramarye.losses.style_look import Look, Share, parts_of
    from gramarye.losses.style_terms import style_terms

    styles = targets.names("style")
    check_counts(settings, styles)
    parts = settings.parts()
    between = settings.mixing == "between" and len(styles) > 1
    if between and (others := [name for name in parts if STYLE_LOSSES[name].of != "moments"]):
        raise SettingsError(
            f"nothing lies between two styles for the style loss {others[0]}, which is no function "
            "of means and covariances: choose --style-mixing pooled, or a loss such as covariance"
        )
    divided = any(role != "all" for role in settings.roles)
    if divided and (others := [name for name in parts if STYLE_LOSSES[name].together]):
        raise SettingsError(
            f"strokes of one style and forms of another cannot be told apart by {others[0]}, which "
            "compares all layers at once: choose another --style-loss, or leave out --style-roles",
            setting="style_roles",
        )
    layers = {layer for weights in parts.values() for layer in weights}
    weights = settings.mix or [1.0] * len(styles)
    roles: Sequence[Role] = settings.roles or ["all"] * len(styles)
    mix = {}
    for name, weight, role in zip(styles, weights, roles, strict=True):
        own = frozenset(layer for layer in layers if has_role(role, layer))
        forms = frozenset(layer for layer in own if has_role("forms", layer))
        if form_of(name) in targets.seen and forms:  # they are wanted in another size
            mix[form_of(name)] = Share(weight, forms)
            own -= forms
        if own:
            mix[name] = Share(weight, own)
    for layer in sorted(layers):
        if not any(share.weight and layer in share.layers for share in mix.values()):
            role = "strokes" if has_role("strokes", layer) else "forms"
            raise SettingsError(
                f"no style that counts gives {role}, which {layer} looks at: let one of "
                f"style_roles be {role} or all",
                setting="style_roles",
            )
    seen = parts_of(targets, mix, layers, settings.mask_mode, settings.strength) if layers else ()
    look = Look(targets, seen, settings.gain, settings.unit == "relative", between)
    makers = [style_terms(look, name, weights) for name, weights in parts.items()]

    def terms() -> list[Term]:
        made = [make() for make in makers]
        if len(made) == 1:
            return made[0]
        return [
            replace(term, name=f"style/{name}{term.name.removeprefix('style')}")
            for name, terms in zip(parts, made, strict=True)
            for term in terms
        ]

    return terms


STYLE = TermKind("style", StyleSettings, needs, prepare)
