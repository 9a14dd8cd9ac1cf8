"""The pictures of the documentation: drawn by code that agrees with the models, and all named."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image

from docs.draw import (
    detection,
    embedding,
    encoder,
    faces,
    field,
    found,
    gates,
    grouping,
    looking,
    people,
    protocol,
    robustness,
    things,
    triplets,
    words,
)
from docs.draw.every import PICTURES
from docs.draw.screens import KEPT, THEMES, svg
from retrieve.pictures.embedding.embed import open_picture_embedder
from retrieve.pictures.embedding.shown import likeliest
from retrieve.pictures.embedding.things import named
from retrieve.projection.methods import Method
from retrieve.text.encoders.encode import open_text_encoder
from retrieve.text.language.model import open_language

DOCS = Path(__file__).parents[2] / "docs"
LARGEST_BYTES = 150_000
FEW = tuple(  # two kinds at their weakest two strengths
    robustness.Kind(kind.name, kind.unit, kind.strengths[:2], kind.change)
    for kind in robustness.KINDS[:2]
)


@pytest.fixture(scope="module")
def small():
    return people.album(people=3, photos=5)


@pytest.fixture(scope="module")
def network():
    return field.open_network()


@pytest.fixture(scope="module")
def language():
    return open_language()


def _pages() -> list[Path]:
    return sorted(DOCS.rglob("*.md"))


def test_every_picture_that_a_page_names_is_there_and_every_picture_is_named():
    named = {
        name
        for page in _pages()
        for name in re.findall(r"\((?:\.\./)?pictures/([^)]+)\)", page.read_text("utf-8"))
    }
    assert named == {path.name for path in (DOCS / "pictures").iterdir()}


def test_every_picture_that_is_drawn_is_kept():
    kept = {path.name for path in (DOCS / "pictures").iterdir()}
    assert {f"{name}.png" for name in PICTURES} | {f"{name}.svg" for name in KEPT} <= kept


def test_pictures_are_small_pngs_but_screens_that_load_nothing():
    for path in (DOCS / "pictures").iterdir():
        assert path.stat().st_size < LARGEST_BYTES, path
        if path.suffix == ".svg":
            text = path.read_text("utf-8").replace("http://www.w3.org/", "")
            assert not re.search(r"https?:|url\((?!#)|<script", text)
            continue
        with Image.open(path) as picture:
            assert picture.format == "PNG"


def test_the_index_names_every_page():
    for index in DOCS.rglob("README.md"):
        named = set(re.findall(r"\(([\w-]+\.md)\)", index.read_text("utf-8")))
        assert {page.name for page in index.parent.glob("*.md")} - {"README.md"} <= named


def test_files_that_the_pages_name_are_there():
    for page in _pages():
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize(
    "draw",
    [
        lambda out, small: detection.pyramid(out, small.group),
        lambda out, small: detection.stages(out, small.group),
        lambda out, small: embedding.scale(out, small),
        lambda out, small: embedding.histogram(out, small),
        lambda out, small: embedding.errors(out, small),
        lambda out, small: triplets.zones(out, small),
        lambda out, small: field.fields(out, small.crops[:1]),
        lambda out, small: field.growth(out, small.crops[:1]),
        lambda out, small: found.hits(out, small),
        lambda out, small: grouping.passes(out, small),
        lambda out, small: robustness.curves(out, [small.group], FEW),
        lambda out, small: robustness.examples(out, small.group, FEW),
        lambda out, small: protocol.robust(out),
        lambda out, small: faces.by_pca(out, small),
        lambda out, small: looking.alone(out),
        lambda out, small: looking.together(out),
        lambda out, small: looking.masks(out, small),
        lambda out, small: words.analogies(out),
        lambda out, small: words.kinds(out, method=Method.PCA),
        lambda out, small: gates.heat(out, text="la casa"),
        lambda out, small: gates.surprise(out, text="la casa"),
        lambda out, small: encoder.weights(out, text="la casa"),
    ],
)
def test_each_picture_is_drawn(draw, small, tmp_path):
    out = tmp_path / "picture.png"
    draw(out, small)
    with Image.open(out) as picture:
        assert picture.width >= 600
        assert len(picture.getcolors()) > 8


def test_the_gates_lead_to_the_state_of_the_model(language):
    state = language.start()
    for i in language.pieces.encode(["La última resolución"])[0]:
        opened = gates.step(language, state, i)
        state = language.read(state, np.array([[i]]))
        assert_allclose(opened["h"], state.h[:, 0], atol=1e-5)
    assert all(opened[name].min() >= 0 and opened[name].max() <= 1 for name in gates.GATES)


def test_the_parts_of_a_sentence_add_up_to_its_embedding():
    found = encoder.parts(encoder.SENTENCE)
    (wanted,) = open_text_encoder("lstm").embed([encoder.SENTENCE])
    assert_allclose(found.embedding, wanted, atol=1e-5)


@pytest.fixture(scope="module")
def clock():
    return looking.look(things.scene([("clock", 0.35, 0.35, 0.14)]))


def test_the_map_of_a_class_adds_up_to_its_logit(clock):
    weights, bias = looking.last_layer()
    means = np.tensordot(weights, clock.maps, 1).mean(axis=(1, 2))
    assert_allclose(means + bias, clock.logits, atol=1e-4)
    for number in (0, 892, 999):
        found = clock.activation([number])
        assert found.shape == (7, 7)
        assert_allclose(found.mean() + bias[number], clock.logits[number], atol=1e-4)


def test_the_network_with_its_maps_is_the_one_that_ships(clock):
    shares = np.exp(clock.logits - clock.logits.max())
    assert_allclose(clock.probabilities, shares / shares.sum(), atol=1e-5)
    pixels = things.scene([("clock", 0.35, 0.35, 0.14)])
    (shown,) = open_picture_embedder().look([pixels])
    assert shown.classes == likeliest(clock.probabilities)


@pytest.mark.parametrize("name", things.NAMED)
def test_the_map_of_a_thing_is_brightest_in_the_corner_where_it_is(name):
    (thing,) = named(name)
    for x, y in ((0.33, 0.33), (0.67, 0.33), (0.33, 0.64), (0.67, 0.64)):
        found = looking.look(things.scene([(name, x, y, 0.12)]))
        bright = looking.enlarged(found.activation(thing.classes))
        row, column = np.unravel_index(bright.argmax(), bright.shape)
        middle = bright.shape[0] / 2
        assert (column > middle, row > middle) == (x > 0.5, y > 0.5), (name, x, y)


def test_the_map_of_a_word_lies_between_those_of_its_classes(clock):
    (thing,) = named("clock")
    every = np.stack([clock.activation([number]) for number in thing.classes])
    found = clock.activation(thing.classes)
    assert len(every) > 1
    assert (found >= every.min(axis=0) - 1e-4).all()
    assert (found <= every.max(axis=0) + 1e-4).all()


def test_no_unit_sees_beyond_its_theoretical_field(network, small):
    for one in field.measured(network, small.crops[:1]):
        ys, xs = np.nonzero(one.gradient)
        low, high = one.centre - one.theoretical / 2, one.centre + one.theoretical / 2
        assert min(xs.min(), ys.min()) >= low, one.name
        assert max(xs.max(), ys.max()) + 1 <= high, one.name
        assert one.effective <= min(one.theoretical, 150)


def test_a_unit_of_the_stem_sees_seven_pixels_all_of_them(network, small):
    stem = field.measured(network, small.crops[:1])[0]
    assert (stem.theoretical, stem.centre) == (7, 75.5)
    assert np.count_nonzero(stem.gradient) == 49


def test_a_photo_as_it_was_scores_one_with_itself(small):
    kind = robustness.Kind("same", "", (0.0, 1.0), lambda photo, _: photo)
    assert_allclose([one.score for one in robustness.look(small.group, kind)], 1, atol=1e-6)


def test_the_album_is_that_of_the_labels(small):
    assert len(set(small.names)) == 3
    assert len(small.names) == len(small.crops) == len(small.embeddings)
    genuine, impostor = small.pairs()
    assert len(genuine) + len(impostor) == len(small.names) * (len(small.names) - 1) / 2
    assert genuine.mean() > impostor.mean()


def test_a_screen_has_its_text_and_its_faces_where_they_are_drawn():
    face = "\x1bD\x1b[A\x1b7\x1b[1A\x1b[4D\x1b]1337;File=inline=1;width=4:QUJD\x07\x1b8"
    made = svg(f"Ana  \x1b[1mEva\x1b[0m\n 1      x\n      {face} y\nend\n", 20, THEMES["dark"])
    (image,) = re.findall(r"<image [^>]*>", made)
    assert 'x="24.4" y="25.9" width="48.8" height="42.8"' in image  # column 2, line 1, 4 x 2
    assert "base64,QUJD" in image
    words = re.findall(r"<text [^>]*>([^<]*)</text>", made)
    seen = [word.replace("&#160;", " ").strip() for word in words]
    assert [word for word in seen if word] == ["Ana", "Eva", "1      x", "y", "end"]
