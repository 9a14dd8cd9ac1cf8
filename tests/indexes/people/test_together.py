from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import small
from lxml import etree

from retrieve.cli.showing.maps import people as showing
from retrieve.cli.showing.maps.springs import circles, places
from retrieve.errors import BadInput
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.filters import Filter
from retrieve.indexes.people import statements
from retrieve.indexes.people.together import graph, photos_with


@pytest.fixture
def collection(tmp_path):
    """Ana and Luis in two photos, with Eva in one of them; Zoe alone; somebody without a name."""
    with small.opened(tmp_path / "c") as opened:
        late = small.add(opened, "/p/late.jpg", "ana luis x", taken_at="2020-01-01")
        early = small.add(opened, "/p/early.jpg", "luis2 eva ana2", taken_at="2019-07")
        undated = small.add(opened, "/p/a.jpg", "ana3 luis3")
        gone = small.add(opened, "/p/gone.jpg", "ana4 luis4", gone=True)
        zoe = small.add(opened, "/p/zoe.jpg", "zoe")
        names = {
            "Ana": [late[0], early[2], undated[0], gone[0]],
            "Luis": [late[1], early[0], undated[1], gone[1]],
            "Eva": [early[1]],
            "Zoe": zoe,
        }
        with writing(opened.db):
            statements.say_names(opened.db, names)
            somebody = statements.persons.add_person(opened.db)
            opened.db.execute(
                "UPDATE faces SET person_id = ?, by = 'group' WHERE id = ?", [somebody, late[2]]
            )
        yield opened


def _ids(collection, *names):
    return [statements.persons.person_id(collection.db, name) for name in names]


def test_photos_show_all_of_them_in_order_of_time(collection):
    found = photos_with(collection.db, _ids(collection, "Luis", "Ana"))
    assert [photo.path.name for photo in found] == ["early.jpg", "late.jpg", "a.jpg"]
    assert [(seen.person, seen.number) for seen in found[0].faces] == [("Luis", 1), ("Ana", 3)]
    found = photos_with(collection.db, _ids(collection, "Ana", "Eva", "Luis", "Ana"))
    assert [photo.path for photo in found] == [Path("/p/early.jpg")]
    assert photos_with(collection.db, _ids(collection, "Zoe", "Ana")) == []
    with pytest.raises(BadInput, match="got none"):
        photos_with(collection.db, [])


def test_somebody_twice_in_a_photo_is_one_person_there(collection):
    with writing(collection.db):
        statements.say_same(collection.db, *_ids(collection, "Ana", "Eva"))
    (found, *_) = photos_with(collection.db, _ids(collection, "Ana"))
    assert [seen.number for seen in found.faces] == [2, 3]
    assert photos_with(collection.db, _ids(collection, "Ana", "Zoe")) == []


def _pairs(found):
    called = {node.person_id: showing.shown(node) for node in found.people}
    return {frozenset((called[one.one], called[one.other])): one.photos for one in found.pairs}


def test_the_graph_counts_photos_that_are_there(collection):
    found = graph(collection.db)
    assert [(one.person, one.faces, one.photos) for one in found.people] == [
        ("Ana", 3, 3), ("Luis", 3, 3), ("Eva", 1, 1), ("Zoe", 1, 1)
    ]  # fmt: skip
    assert _pairs(found) == {
        frozenset(("Ana", "Luis")): 3,
        frozenset(("Ana", "Eva")): 1,
        frozenset(("Eva", "Luis")): 1,
    }
    assert found.pairs[0].photos == 3


def test_everybody_is_in_it_on_request_but_those_nobody_asks_about(collection):
    (somebody,) = [one for one in graph(collection.db, every=True).people if one.person is None]
    assert (
        _pairs(graph(collection.db, every=True))[frozenset(("Ana", f"#{somebody.person_id}"))] == 1
    )
    with writing(collection.db):
        statements.say_ignore(collection.db, person_ids=[somebody.person_id])
    assert graph(collection.db, every=True) == graph(collection.db)


def test_a_person_is_shown_by_the_best_face(collection):
    with writing(collection.db):
        collection.db.execute("UPDATE faces SET quality = .9 WHERE id = 6")
    (ana, *_) = graph(collection.db).people
    assert (ana.person, ana.face_id) == ("Ana", 6)


def test_graphml_says_who_and_how_often(collection, tmp_path):
    with writing(collection.db):
        statements.rename(collection.db, *_ids(collection, "Zoe"), 'Zoé <&" $x$')
    file = tmp_path / "people.graphml"
    found = graph(collection.db)
    showing.write_graphml(file, found)
    root = etree.parse(file).getroot()
    space = {"g": "http://graphml.graphdrawing.org/xmlns"}
    keys = {key.get("id"): key.get("attr.name") for key in root.findall("g:key", space)}
    nodes = {
        node.get("id"): {keys[one.get("key")]: one.text for one in node}
        for node in root.iterfind(".//g:node", space)
    }
    assert {one["name"]: one["photos"] for one in nodes.values()} == {
        "Ana": "3", "Luis": "3", "Eva": "1", 'Zoé <&" $x$': "1"
    }  # fmt: skip
    edges = [
        ({nodes[one.get(end)]["name"] for end in ("source", "target")}, one[0].text)
        for one in root.iterfind(".//g:edge", space)
    ]
    assert ({"Ana", "Luis"}, "3") in edges
    assert len(edges) == 3


def test_a_picture_is_drawn(collection, tmp_path):
    pytest.importorskip("matplotlib")
    out = tmp_path / "people.svg"
    with writing(collection.db):
        statements.rename(collection.db, *_ids(collection, "Zoe"), "Zoé $x$")
    showing.write_picture(out, graph(collection.db), lambda _: small.JPEG, most=3)
    assert out.read_text().count("<image") == 3


def test_those_who_are_often_together_lie_near_and_nobody_hides_another():
    links = [(0, 1, 20.0), (1, 2, 20.0), (0, 2, 20.0), (3, 4, 20.0), (2, 3, 1.0)]
    at = places(7, links)  # two are seen with nobody
    distance = np.linalg.norm(at[:, None] - at[None], axis=2) + np.eye(7)
    assert distance.min() > 0.05
    assert distance[0, 1] < distance[0, 3]
    assert distance[3, 4] < distance[1, 4]
    np.testing.assert_array_equal(at, places(7, links))
    assert places(0, []).shape == (0, 2)
    assert circles(7, links) == [0, 0, 0, 1, 1, 2, 3]


def test_conditions_choose_among_the_photos(collection):
    ana, luis, eva = (
        statements.persons.person_id(collection.db, name) for name in ("Ana", "Luis", "Eva")
    )

    def seen(**conditions):
        found = photos_with(collection.db, [ana, luis], Filter(**conditions))
        return [one.path.name for one in found]

    assert seen() == ["early.jpg", "late.jpg", "a.jpg"]
    assert seen(since="2020") == ["late.jpg"]
    assert seen(until="2019") == ["early.jpg"]
    assert seen(persons=("Eva",)) == ["early.jpg"]
    assert seen(folders=("/q",)) == []
    found = graph(collection.db, wanted=Filter(persons=("Eva",)))
    assert {(pair.one, pair.other, pair.photos) for pair in found.pairs} == {
        (*sorted(pair), 1) for pair in ((ana, luis), (ana, eva), (luis, eva))
    }
    assert [one.person for one in graph(collection.db, wanted=Filter(since="2020")).people] == [
        "Ana", "Luis",
    ]  # fmt: skip
    assert graph(collection.db, wanted=Filter(min_quality=0.9)).people == ()
