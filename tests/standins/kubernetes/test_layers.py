from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile

import pytest

from standins.kubernetes.layers import Image, LayerCache, archive_of


@pytest.fixture
def cache(tmp_path):
    return LayerCache(tmp_path)


def filling(text):
    def fill(root):
        (root / "etc").mkdir()
        (root / "etc" / "file").write_text(text)

    return fill


def read(descriptor):
    with os.fdopen(os.dup(descriptor), "rb") as source:
        content = source.read()
    return tarfile.open(fileobj=io.BytesIO(content))


def test_a_layer_is_made_once_and_again_when_its_key_changes(cache):
    first, made = cache.layer("ours", "1", filling("one"))
    assert made
    assert cache.layer("ours", "1", filling("never")) == (first, False)
    assert hashlib.sha256(first.file.read_bytes()).hexdigest() == first.digest
    second, made = cache.layer("ours", "2", filling("two"))
    assert made
    assert second.digest != first.digest


def test_of_each_kind_only_the_newest_is_kept_and_others_are_left_alone(cache):
    other, _ = cache.layer("ours-too", "1", filling("other"))
    cache.layer("ours", "1", filling("one"))
    second, _ = cache.layer("ours", "2", filling("two"))
    assert {file for file in cache.folder.iterdir() if file.suffix == ".tar"} == {other.file, second.file}


def test_a_layer_whose_making_was_killed_is_made_anew(cache):
    def killed(root):
        (root / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.layer("ours", "1", killed)
    layer, made = cache.layer("ours", "1", filling("one"))
    assert made
    with tarfile.open(layer.file) as tar:
        assert "./half" not in tar.getnames()


def test_the_archive_has_each_layer_once_and_none_that_the_store_has(cache):
    base, top, other = (cache.layer(kind, "1", filling(kind))[0] for kind in ("base", "top", "other"))
    images = [Image("a:test", (base, top), {"User": "1"}), Image("b:test", (base, top, other), {})]
    with archive_of(images, {base.diff_id}) as descriptor, read(descriptor) as tar:
        names = tar.getnames()
        manifest = json.load(tar.extractfile("manifest.json"))
        config = tar.extractfile(manifest[0]["Config"]).read()
    assert [name for name in names if name.endswith(".tar")] == [f"{one.digest}/layer.tar" for one in (top, other)]
    assert [one["RepoTags"] for one in manifest] == [["a:test", images[0].pinned], ["b:test", images[1].pinned]]
    assert manifest[1]["Layers"] == [f"{one.digest}/layer.tar" for one in (base, top, other)]
    assert f"sha256:{hashlib.sha256(config).hexdigest()}" == images[0].id
    assert json.loads(config)["rootfs"]["diff_ids"] == [base.diff_id, top.diff_id]


def test_whoever_stops_reading_stops_the_writing(cache):
    layer, _ = cache.layer("base", "1", lambda root: (root / "large").write_bytes(bytes(1 << 20)))
    with archive_of([Image("a:test", (layer,), {})], ()) as descriptor:
        assert os.read(descriptor, 512)
