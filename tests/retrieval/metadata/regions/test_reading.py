from __future__ import annotations

import drawn
import pytest

from retrieve.metadata.regions.areas import Region, Regions
from retrieve.metadata.regions.picasa import read_picasa
from retrieve.metadata.xmp import read_xmp

ANA = Region("Ana Pérez", pytest.approx((0.2, 0.4, 0.3, 0.6)))


def _regions(properties):
    return read_xmp(drawn.packet(properties)).regions


def test_regions_are_read_as_lightroom_and_as_microsoft_write_them():
    place = ("Ana Pérez", (0.25, 0.5, 0.1, 0.2))
    assert _regions(drawn.mwg(place)) == [Regions((ANA,), (400, 300))]
    assert _regions(drawn.microsoft([("Ana Pérez", "0.2, 0.4, 0.1, 0.2")])) == [Regions((ANA,))]
    both = drawn.mwg(place) + drawn.microsoft([("Ana Pérez", "0.2,0.4,0.1,0.2")])
    assert len(_regions(both)) == 2


def test_their_names_are_keywords_too():
    said = read_xmp(drawn.packet(drawn.mwg(("Ana Pérez", (0.25, 0.5, 0.1, 0.2)))))
    assert said.keywords == ["Ana Pérez"]


def test_fields_may_be_elements_and_a_bag_a_sequence():
    """As exiftool writes them."""
    written = """<mwg-rs:Regions rdf:parseType='Resource'>
     <mwg-rs:RegionList><rdf:Seq><rdf:li rdf:parseType='Resource'>
      <mwg-rs:Extensions rdf:parseType='Resource'><mwg-rs:Name>Nobody</mwg-rs:Name>
       <dc:subject><rdf:Bag><rdf:li>x</rdf:li></rdf:Bag></dc:subject></mwg-rs:Extensions>
      <mwg-rs:Area rdf:parseType='Resource'><stArea:h>0,2</stArea:h><stArea:w>0.1</stArea:w>
       <stArea:x>2.5e-1</stArea:x><stArea:y>.5</stArea:y></mwg-rs:Area>
      <mwg-rs:Name>Ana
        Pérez</mwg-rs:Name></rdf:li></rdf:Seq></mwg-rs:RegionList>
     <mwg-rs:AppliedToDimensions rdf:parseType='Resource'><stDim:w>400</stDim:w>
      <stDim:h>300</stDim:h></mwg-rs:AppliedToDimensions></mwg-rs:Regions>"""
    assert _regions(written) == [Regions((ANA,), (400, 300))]


def _area(attributes, name="Ana Pérez", kind="Face"):
    values = " ".join(f'stArea:{key}="{value}"' for key, value in attributes.items())
    item = (
        f'<rdf:li rdf:parseType="Resource"><mwg-rs:Name>{name}</mwg-rs:Name><mwg-rs:Type>{kind}'
        f"</mwg-rs:Type><mwg-rs:Area {values}/></rdf:li>"
    )
    return drawn.mwg(more=item)


@pytest.mark.parametrize(
    ("attributes", "area"),
    [
        ({"x": 100, "y": 150, "w": 40, "h": 60, "unit": "pixel"}, (0.2, 0.4, 0.3, 0.6)),
        ({"x": 0.25, "y": 0.5, "d": 0.2}, (0.175, 0.4, 0.325, 0.6)),  # of the shorter side
        ({"x": 100, "y": 150, "d": 60, "unit": "pixels"}, (0.175, 0.4, 0.325, 0.6)),
        ({"x": 0.25, "y": 0.5}, (0.25, 0.5, 0.25, 0.5)),
        ({"x": 0.01, "y": 0.5, "w": 0.1, "h": 0.2}, (0.0, 0.4, 0.06, 0.6)),
    ],
)
def test_areas_are_in_shares_or_pixels_rectangles_circles_or_points(attributes, area):
    assert _regions(_area(attributes)) == [
        Regions((Region("Ana Pérez", pytest.approx(area)),), (400, 300))
    ]


@pytest.mark.parametrize(
    "written",
    [
        _area({"x": 0.5, "y": 0.5, "w": 0.1, "h": 0.1}, kind="Pet"),
        _area({"x": 0.5, "y": 0.5, "w": 0.1, "h": 0.1}, name=" "),
        _area({"x": 100, "y": 150, "w": 40, "h": 60}),  # no shares, though nothing else is said
        _area({"x": 0.5, "y": "left", "w": 0.1, "h": 0.1}),
        _area({"x": "nan", "y": 0.5, "w": 0.1, "h": 0.1}),
        _area({"x": 0.5, "y": 0.5, "w": -0.1, "h": 0.1}),
        drawn.microsoft([("Ana", "0.1, 0.2, 0.3")]),
        drawn.microsoft([("Ana", "")]),
        "<xmpMM:History>" + drawn.mwg(("Ana", (0.5, 0.5, 0.1, 0.1))) + "</xmpMM:History>",
    ],
)
def test_what_is_no_place_of_a_person_in_this_picture_draws_nothing(written):
    assert _regions(written) == []


def test_a_comma_may_stand_in_the_numbers_of_a_rectangle():
    written = drawn.microsoft([("Ana Pérez", "0,2, 0,4, 0,1, 0,2")])
    assert _regions(written) == [Regions((ANA,))]


PICASA = """[Picasa]
name=Boda
[b.jpg]
faces=rect64(33336666 4cccc9999)
[a.jpg]
faces=rect64(333366664ccc9999),b1d8a1a3fb5b8f3c;rect64(666633337fff6666),ffffffffffffffff
[Contacts2]
b1d8a1a3fb5b8f3c=Ana Pérez;;
[Contacts]
1=Luis,luis@example.org
[c.jpg]
star=yes
faces=rect64(4ccc6665),0000000000000001
"""


def test_picasa_draws_on_all_photos_of_a_folder(tmp_path):
    ini = tmp_path / ".picasa.ini"
    ini.write_text(PICASA, encoding="utf-8")
    ana = Region("Ana Pérez", pytest.approx((0.2, 0.4, 0.3, 0.6), abs=1e-4))
    said = read_picasa(ini, "a.jpg")
    assert said.regions == [Regions((ana,))]
    assert said.keywords == ["Ana Pérez"]
    (luis,) = read_picasa(ini, "c.jpg").regions[0].regions
    assert luis == Region("Luis", pytest.approx((0, 0, 0.3, 0.4), abs=1e-4))
    assert read_picasa(ini, "b.jpg").regions == read_picasa(ini, "d.jpg").regions == []
    ini.write_text(PICASA.replace("Ana Pérez", "Anita"), encoding="utf-8")
    assert read_picasa(ini, "a.jpg").regions[0].regions[0].name == "Anita"
