"""Any one setting, or any two."""

from __future__ import annotations

from gramarye.studies.study import Study, setting_axis

ORDER = 15

STUDY = Study(
    name="hyperparameters",
    title="One setting, or two",
    question="What does a setting do? Here the style's weight against the smoothness; give "
    "--columns SETTING=VALUE,VALUE and --rows SETTING=VALUE,VALUE for any others, by their "
    "options' names.",
    columns=setting_axis("style_weight", [10, 60, 300]),
    rows=setting_axis("tv_weight", [0, 1]),
    settings={"size": 192, "steps": 40, "finer_steps": 40},
)
