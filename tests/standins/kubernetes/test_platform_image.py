from __future__ import annotations

from pathlib import Path

import pytest

from standins.kubernetes.layers import Image, Layer
from standins.kubernetes.platform_image import PlatformImages, configuration, there_already
from standins.platform.layout import REPOSITORY


def image(name: str, layers: str) -> Image:
    return Image(name, tuple(Layer(Path(one), one) for one in layers), {})


def chain(layers: str) -> list[str]:
    return [f"sha256:{one}" for one in layers]


@pytest.mark.parametrize(
    ("wanted", "stored", "known"),
    [
        (["bdo", "bdspoc"], [], ""),
        (["bdo"], ["bdo"], "bdo"),
        (["bdO", "bdspOC"], ["bdo", "bdspoc"], "bdsp"),  # our code changed
        (["bDo", "bDspoc"], ["bdo", "bdspoc"], "b"),  # the lock changed: the same layers on top of others are others
        (["bdo", "bdspoc"], ["bdo"], "bd"),  # the second image needs `o` on top of what is not there
    ],
)
def test_layers_are_left_out_if_the_store_has_them_on_top_of_the_same_ones(wanted, stored, known):
    images = [image(str(number), layers) for number, layers in enumerate(wanted)]
    assert there_already(images, [chain(one) for one in (*stored, "")]) == set(chain(known))


def test_the_image_is_configured_as_the_dockerfile_says(layout):
    found = configuration(PlatformImages(layout, sources=REPOSITORY).stages["airflow"])
    assert (found["User"], found["WorkingDir"], found["Entrypoint"]) == ("50000:0", "/opt/airflow", ["tini", "--"])
    environment = dict(one.split("=", 1) for one in found["Env"])
    assert environment["PATH"].startswith("/opt/venv/bin:/usr/local/sbin:")
    assert environment["AIRFLOW_HOME"] == "/opt/airflow"
