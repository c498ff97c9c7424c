"""The same two pictures by different networks."""

from __future__ import annotations

from gramarye.studies.papers import GATYS_2016, PLAIN
from gramarye.studies.study import Study, setting_axis

ORDER = 10

STUDY = Study(
    name="networks",
    title="Whose eyes",
    question="What is content and what is style depends on the network that looks. Each has layers "
    "of its own, so that losses cannot be compared between them.\n\nNothing is fetched by itself: "
    "where a network's weights are not on this machine, that is told in place of its picture.",
    columns=setting_axis(
        "network", ["vgg19-lite", "vgg19", "vgg16", "alexnet", "googlenet", "squeezenet"]
    ),
    settings={**PLAIN, "init": "content"},
    papers="Gatys et al. took VGG-19 and compared no others.",
    sources=(GATYS_2016,),
    curves=False,
)
