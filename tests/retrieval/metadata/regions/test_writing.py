from __future__ import annotations

import drawn
import pytest

from retrieve.errors import BadInput
from retrieve.metadata.regions.areas import Region, upright
from retrieve.metadata.regions.writing import with_people
from retrieve.metadata.xmp import read_xmp

ANA, LUIS = Region('Ana <&> "Pérez"', (0.2, 0.4, 0.3, 0.6)), Region("Luis", (0.6, 0.4, 0.7, 0.6))
SIZE = (400, 300)


def _written(packet, people=(ANA, LUIS), **options):
    written = with_people(packet, people, size=SIZE, **options)
    assert written is not None
    return written


def _people(packet):
    """Names and areas of each standard, MWG first."""
    sets = sorted(read_xmp(packet).regions, key=lambda drawn: drawn.size is None)
    return [[(r.name, pytest.approx(r.area, abs=1e-5)) for r in one.regions] for one in sets]


def test_what_is_written_is_read_again_in_both_standards():
    written = _written(None)
    assert _people(written) == [[(ANA.name, ANA.area), (LUIS.name, LUIS.area)]] * 2
    assert read_xmp(written).regions[0].size == SIZE
    assert {ANA.name, "Luis", "People"} <= set(read_xmp(written).keywords)


def test_a_packet_that_says_all_is_left_as_it_is():
    assert with_people(_written(None), [ANA, LUIS], size=SIZE) is None


KEPT = (
    "<dc:subject><rdf:Seq><rdf:li>boda</rdf:li><rdf:li>Luis</rdf:li></rdf:Seq></dc:subject>"
    '<unknown:thing xmlns:unknown="urn:x" unknown:a="1">all &amp; sundry</unknown:thing>'
)


def test_all_else_in_a_packet_stays():
    before = b'<?xpacket begin="" id="W5"?><!-- mine -->' + drawn.packet(
        KEPT, 'xmp:Rating="4" dc:format="image/jpeg"'
    )
    written = _written(before + b'<?xpacket end="w"?>')
    for kept in (b"<!-- mine -->", b'xmp:Rating="4"', b'<?xpacket end="w"?>', b"all &amp; sundry"):
        assert kept in written
    assert b"<?xml" not in written
    assert read_xmp(written).keywords[:3] == ["boda", "Luis", ANA.name]
    assert written.count(b"<rdf:li>Luis</rdf:li>") == 2  # once more among persons alone


@pytest.mark.parametrize(
    ("subject", "attributes"),
    [("<dc:subject>boda</dc:subject>", ""), ("", 'dc:subject="boda"'), ("<dc:subject/>", "")],
)
def test_a_keyword_that_is_no_list_becomes_one(subject, attributes):
    keywords = read_xmp(_written(drawn.packet(subject, attributes))).keywords
    assert keywords.count("boda") == ("boda" in subject + attributes)
    assert "Luis" in keywords


def test_regions_of_others_stay_and_one_of_the_same_face_keeps_its_area():
    pet = (
        '<rdf:li rdf:parseType="Resource"><mwg-rs:Name>Ana</mwg-rs:Name><mwg-rs:Type>Pet'
        '</mwg-rs:Type><mwg-rs:Area stArea:x=".25" stArea:y=".5" stArea:w=".1" stArea:h=".2"/>'
        "</rdf:li>"
    )
    head, other = (0.25, 0.48, 0.15, 0.3), (0.9, 0.1, 0.1, 0.1)
    written = _written(drawn.packet(drawn.mwg(("", head), ("Eva", other), more=pet)))
    area = (0.175, 0.33, 0.325, 0.63)
    mwg, _ = _people(written)
    assert mwg == [(ANA.name, area), ("Eva", (0.85, 0.05, 0.95, 0.15)), (LUIS.name, LUIS.area)]
    assert b"<mwg-rs:Name>Ana</mwg-rs:Name>" in written


def test_a_name_that_was_changed_goes_from_the_lists_with_its_region():
    before = _written(None)
    eva = Region("Eva", LUIS.area)
    written = _written(before, [ANA, eva])
    assert b"Luis" not in written
    assert _people(written)[1] == [(ANA.name, ANA.area), ("Eva", LUIS.area)]
    twice = _written(None, [LUIS, Region("Luis", (0.1, 0.1, 0.2, 0.2))])  # a mirror
    assert b"People|Luis" in _written(twice, [eva])


def test_a_keyword_that_nobody_gave_to_a_person_stays_when_a_region_is_renamed():
    town = "<dc:subject><rdf:Bag><rdf:li>Luis</rdf:li></rdf:Bag></dc:subject>"
    packet = drawn.packet(town + drawn.mwg(("Luis", (0.65, 0.5, 0.1, 0.2))))
    assert "Luis" in read_xmp(_written(packet, [Region("Eva", LUIS.area)])).keywords


def test_a_name_with_a_stroke_is_no_path_of_tags():
    written = _written(None, [Region("Ana/Eva|Luis", ANA.area)])
    assert b"People" not in written
    assert _people(written)[0][0][0] == "Ana/Eva|Luis"


@pytest.mark.parametrize("orientation", [3, 6])
def test_a_program_that_draws_on_the_shown_picture_gets_areas_of_that(orientation):
    """Its region shows it: as stored it would be of nobody."""
    x1, y1, x2, y2 = upright(ANA.area, orientation)
    place = ((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1)
    size = (300, 400) if orientation == 6 else SIZE
    packet = drawn.packet(drawn.mwg((ANA.name, place), size=size))
    mwg, _ = _people(_written(packet, orientation=orientation))
    assert mwg == [(ANA.name, (x1, y1, x2, y2)), ("Luis", upright(LUIS.area, orientation))]


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (b"", "damaged XML"),
        (b"<x:xmpmeta", "damaged XML"),
        (b"<a/>", "no rdf:RDF"),
        (b'<!DOCTYPE x [<!ENTITY a "aa">]><x>&a;</x>', "document type"),
        (drawn.packet(drawn.mwg(("Ana", (0.5, 0.5, 0.1, 0.1)), size=(300, 300))), "was cropped"),
    ],
)
def test_what_cannot_be_kept_is_refused(packet, reason):
    with pytest.raises(BadInput, match=reason):
        with_people(packet, [ANA], size=SIZE)


def test_letters_that_no_xml_can_hold_are_left_out():
    assert _people(_written(None, [Region("A\ufffena\x01", ANA.area)]))[0][0][0] == "Ana"


def test_names_are_text_and_never_markup():
    name = "]]><rdf:li>x</rdf:li>&amp;<!--"
    assert _people(_written(None, [Region(name, ANA.area)]))[0][0][0] == name


def test_what_is_only_guessed_is_marked_and_changes_no_name_that_somebody_gave():
    guess = Region("Luis", LUIS.area, guessed=True)
    written = _written(None, [ANA, guess])
    assert [[r.guessed for r in one.regions] for one in read_xmp(written).regions] == [
        [False, True]
    ] * 2
    other = Region("Eva", LUIS.area, guessed=True)
    eva = _written(written, [ANA, other])  # a guess takes the place of a guess
    assert b"Luis" not in eva
    assert with_people(_written(None), [ANA, other], size=SIZE) is None
    assert with_people(_written(None), [ANA, guess], size=SIZE) is None
    confirmed = _written(written)
    assert not any(r.guessed for one in read_xmp(confirmed).regions for r in one.regions)


def test_a_region_in_attributes_alone_stays_one():
    """A structure is short, or has elements: no reader takes both."""
    area = 'MPReg:Rectangle="0.6, 0.4, 0.1, 0.2"'
    item = f"<rdf:li {area}/>"
    packet = drawn.packet(
        "<MP:RegionInfo rdf:parseType='Resource'><MPRI:Regions><rdf:Bag>"
        f"{item}</rdf:Bag></MPRI:Regions></MP:RegionInfo>"
    )
    written = _written(packet, [Region("Luis", LUIS.area, guessed=True)])
    assert b"PersonDisplayName>" not in written.split(b"MP:RegionInfo")[1]
    (found,) = [one for one in read_xmp(written).regions if one.size is None]
    assert found.regions == (Region("Luis", pytest.approx(LUIS.area), guessed=True),)
