"""The same two pictures by different networks."""

from __future__ import annotations

from gramarye.studies.papers import GATYS_2016, PLAIN
from gramarye.studies.study import Study, setting_axis

ORDER = 10

STUDY = Study(
    name="networks",
    title="Whose eyes",
    question="What is content and what is style depends on the network that looks. Those whose "
    "weights are not on this machine are shown as missing: nothing is fetched by itself.",
    columns=setting_axis(
        "network", ["vgg19-lite", "vgg19", "vgg16", "alexnet", "googlenet", "squeezenet"]
    ),
    settings={**PLAIN, "init": "content"},
    papers="Gatys et al. chose VGG-19. Others have found that networks without its plain chain of "
    "small convolutions give flatter pictures.",
    sources=(GATYS_2016,),
    curves=False,
)
