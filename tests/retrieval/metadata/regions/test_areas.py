from __future__ import annotations

import math
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from retrieve.metadata.regions.areas import (
    Region,
    Regions,
    agreement,
    as_area,
    matched,
    paired,
    stored,
    turned_size,
    upright,
)


def _matched(drawn, faces, **options):
    return {face: region.name for face, region in matched(drawn, faces, **options).items()}


LEFT, RIGHT = (0.1, 0.2, 0.2, 0.4), (0.7, 0.3, 0.8, 0.5)
SIZE = (400.0, 300.0)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_area_turns_as_pillow_turns_the_picture(orientation):
    picture = Image.new("L", (40, 30))
    picture.paste(255, (4, 6, 8, 12))
    picture.getexif()[0x0112] = orientation
    shown = ImageOps.exif_transpose(picture)
    left, top, right, bottom = upright((0.1, 0.2, 0.2, 0.4), orientation)
    width, height = turned_size((40, 30), orientation)
    assert shown.size == (width, height)
    edges = (left * width, top * height, right * width, bottom * height)
    assert shown.getbbox() == tuple(round(edge) for edge in edges)
    assert stored((left, top, right, bottom), orientation) == pytest.approx((0.1, 0.2, 0.2, 0.4))


@pytest.mark.parametrize(
    ("edges", "area"),
    [
        ((-0.1, 0.2, 0.3, 0.4), (0.0, 0.2, 0.3, 0.4)),
        ((0.2, 0.2, 0.2, 0.2), (0.2, 0.2, 0.2, 0.2)),
        ((0.3, 0.2, 0.2, 0.4), None),
        ((1.2, 0.2, 1.4, 0.4), None),
        ((math.nan, 0, 1, 1), None),
        ((0, 0, math.inf, 1), None),
    ],
)
def test_what_lies_in_the_picture_is_an_area(edges, area):
    assert as_area(*edges) == area


def test_a_whole_head_is_the_face_in_it_and_a_neighbour_is_not():
    head = (0.06, 0.1, 0.24, 0.42)
    assert agreement(head, LEFT) > 0.25
    assert agreement(head, RIGHT) == 0
    touching = (0.15, 0.2, 0.25, 0.4)  # its middle is at the border of the other: IoU 1/3
    assert agreement(LEFT, touching) == pytest.approx(1 / 3)
    assert agreement(LEFT, (0.16, 0.2, 0.26, 0.4)) == 0
    assert agreement(LEFT, (0.0, 0.0, 1.0, 1.0)) == 0  # a picture is no face


def test_a_point_is_whose_face_it_lies_in():
    point = (0.15, 0.3, 0.15, 0.3)
    assert agreement(point, LEFT) == agreement(LEFT, point) > 0
    assert agreement(point, RIGHT) == agreement(RIGHT, point) == 0


def test_each_face_gets_one_region_the_best_first():
    near = (0.11, 0.2, 0.21, 0.4)
    assert {face: at for face, (at, _) in paired([LEFT, RIGHT], [near, LEFT]).items()} == {0: 1}
    assert paired([], [LEFT]) == paired([LEFT], []) == {}


@pytest.mark.parametrize("orientation", [1, 2, 3, 4, 5, 6, 7, 8])
@pytest.mark.parametrize("states_size", [True, False])
def test_areas_are_of_the_stored_picture(orientation, states_size):
    faces = [upright(LEFT, orientation), upright(RIGHT, orientation)]
    drawn = Regions((Region("Eva", RIGHT), Region("Ana", LEFT)), SIZE if states_size else None)
    size = turned_size(SIZE, orientation)
    found = _matched(drawn, faces, size=size, orientation=orientation)
    assert found == {0: "Ana", 1: "Eva"}


@pytest.mark.parametrize("size", [(400, 300), (800, 601), None])
def test_a_program_that_draws_on_the_shown_picture_is_told_by_its_size_or_the_faces(size):
    drawn = Regions((Region("Ana", LEFT), Region("Eva", RIGHT)), size)
    assert _matched(drawn, [LEFT, RIGHT], size=SIZE, orientation=6) == {0: "Ana", 1: "Eva"}


def test_two_people_side_by_side_keep_their_names_when_the_stored_photo_stands_on_its_head():
    one, other = (0.1, 0.4, 0.3, 0.6), (0.72, 0.4, 0.92, 0.6)
    # As stored the first stands on the right; read as shown, all would fit a little better.
    drawn = Regions((Region("Ana", other), Region("Eva", one)), SIZE)
    assert _matched(drawn, [one, other], size=SIZE, orientation=3) == {0: "Ana", 1: "Eva"}


def test_a_picture_that_was_cropped_since_says_nothing_of_where():
    drawn = Regions((Region("Ana", LEFT),), (400, 400))
    assert _matched(drawn, [LEFT], size=SIZE) == {}
    smaller = Regions((Region("Ana", LEFT),), (200, 150))
    assert _matched(smaller, [LEFT], size=SIZE) == {0: "Ana"}


def test_no_face_of_real_groups_takes_the_name_of_a_neighbour_that_was_not_found():
    """Solvay 1927: heads as other programs draw them, one face at a time missed."""
    from retrieve.faces.detection.detect import open_detector
    from retrieve.photos import read

    path = Path(__file__).parents[5] / "shared" / "photos" / "groups" / "solvay1927.jpg"
    if not path.is_file():
        pytest.skip("../shared/photos is not here")
    photo = read(path)
    (found,) = open_detector("centerface").detect([photo.pixels])
    height, width = photo.pixels.shape[:2]
    faces = [tuple((f.box / [width, height, width, height]).tolist()) for f in found]
    assert len(faces) > 20
    for grown in (1.0, 1.4, 1.8):
        heads = [_grown(face, grown) for face in faces]
        everybody = {i: str(i) for i in range(len(faces))}
        drawn = Regions(tuple(Region(str(i), head) for i, head in enumerate(heads)))
        assert _matched(drawn, faces, size=(width, height)) == everybody
        for missed in range(len(faces)):
            others = [face for i, face in enumerate(faces) if i != missed]
            names = _matched(drawn, others, size=(width, height)).values()
            assert str(missed) not in names


def _grown(area, by):
    x, y = (area[0] + area[2]) / 2, (area[1] + area[3]) / 2
    w, h = (area[2] - area[0]) * by / 2, (area[3] - area[1]) * by / 2
    return as_area(x - w, y - h, x + w, y + h)
