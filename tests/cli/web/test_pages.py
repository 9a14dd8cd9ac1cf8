"""What the pages show, without a browser; tests/cli/web/browser/ has one."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

import pytest
import small
from babel.messages import mofile, pofile
from PIL import Image
from starlette.requests import Request
from web_client import client_of

from retrieve.cli.web import language, pages
from retrieve.cli.web.pages.maps import spots
from retrieve.cli.web.parts.asked import asked_of
from retrieve.cli.web.parts.sent import MOST_BYTES, Photos
from retrieve.cli.web.rendering import TEMPLATES, environment, marked, query_of
from retrieve.errors import BadInput
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.filters import Near, is_near
from retrieve.indexes.duplicates.kinds import Copy, Duplicates, Group, Kind
from retrieve.indexes.people import review, statements
from retrieve.indexes.queries.thresholds import Threshold
from retrieve.types import Skipped

OTHERS = ("/timeline", "/maps", "/collection", "/collection/check", "/duplicates", "/texts/4")
PAGE = {"accept": "text/html"}
PART = {"accept": "text/html", "hx-request": "true"}


@pytest.fixture
def changed(tmp_path):
    """A collection of two persons, of three and two faces, that a test may change."""
    with small.opened(tmp_path / "collection") as collection:
        for number in range(3):
            small.add(collection, tmp_path / f"{number}.jpg", "ana", taken_at=f"202{number}-01-01")
        for number in range(3, 5):
            small.add(collection, tmp_path / f"{number}.jpg", "eva")
        with writing(collection.db):
            statements.say_name(collection.db, "Ana", [1, 2, 3])
            statements.say_name(collection.db, "Eva", [4, 5])
        yield collection


def test_the_first_page_has_a_box_for_words_and_one_for_a_photo(client):
    page = client.get("/")
    assert page.status_code == 200
    assert 'type="search"' in page.text
    assert 'type="file"' in page.text


def test_words_find_passages_with_their_place_and_marked_words(client):
    page = client.get("/", params={"q": "boda"})
    assert "carta" in page.text
    assert "<mark>boda</mark>" in page.text
    assert "line 1" in page.text


def test_every_page_stands_alone_and_holds_no_script_of_its_own(client):
    for path in (
        "/",
        "/?q=boda",
        "/?face=1",
        "/photos/1",
        "/people",
        "/people/1",
        "/review",
        *OTHERS,
    ):
        page = client.get(path, headers=PAGE)
        assert page.status_code == 200, path
        assert page.text.startswith("<!doctype html>")
        assert not re.search(r"<script(?! src=)|<style|\sstyle=|\son\w+=", page.text), path


def test_names_of_files_and_persons_are_text_and_never_html(changed):
    with writing(changed.db):
        statements.rename(changed.db, 1, "<img src=x>")
    small.add(changed, "/photos/<script>alert(1)<!-- .jpg", "luis")
    client = client_of(changed)
    for path in ("/", "/people", "/people/1", "/?face=1", "/photos/1", "/photos/6", "/?since=2019"):
        page = client.get(path).text
        assert "<img src=x>" not in page, path
        assert "<script>" not in page, path
    assert "&lt;img src=x&gt;" in client.get("/people/1").text


def test_a_hidden_character_of_a_name_is_written_out(changed):
    small.add(changed, "/photos/\u202egpj.exe", "luis")
    assert "\\u202egpj.exe" in client_of(changed).get("/photos/6").text


def test_marked_words_are_escaped_around_their_marks():
    assert marked("<b>a</b> & c", ((3, 4),)) == "&lt;b&gt;<mark>a</mark>&lt;/b&gt; &amp; c"
    assert marked("", ()) == ""


def test_an_empty_collection_says_how_photos_come_in(tmp_path):
    with small.opened(tmp_path / "collection") as collection:
        client = client_of(collection)
        assert "retrieve index" in client.get("/").text
        assert "Nobody yet" in client.get("/people").text
        assert "Nothing to ask" in client.get("/review").text
        page = client.get("/", params={"q": "boda"})
        assert (page.status_code, 'role="alert"' in page.text) == (200, True)


def test_htmx_gets_the_part_alone_and_the_next_part_by_its_place(client):
    part = client.get("/", params={"q": "boda"}, headers=PART).text
    assert "<html" not in part
    assert 'id="ask"' in part
    behind = client.get("/", params={"q": "boda", "start": 30}, headers=PART).text
    assert 'id="ask"' not in behind


def test_many_faces_come_in_parts_without_one_twice(tmp_path):
    with small.opened(tmp_path / "collection") as collection:
        small.add(collection, tmp_path / "crowd.jpg", " ".join(f"ana{i}" for i in range(130)))
        with writing(collection.db):
            statements.say_name(collection.db, "Ana", list(range(1, 131)))
        client = client_of(collection)
        seen: list[str] = []
        address = "/people/1?view=faces"
        while address:
            text = client.get(address, headers=PART).text
            seen += re.findall(r'name="face" value="(\d+)"', text)
            behind = re.search(r'hx-get="([^"]+)"', text)
            address = behind[1].replace("&amp;", "&") if behind else ""
        assert sorted(map(int, seen)) == list(range(1, 131))
        audit = client.get("/people/1?view=audit").text
        assert len(re.findall(r'name="face"', audit)) == 100


def test_the_photo_page_has_every_face_with_its_person_and_what_is_said(client):
    page = client.get("/photos/1").text
    assert "Ana" in page
    assert page.count('class="face" id="face-') == 2
    assert "2019-07-09 18:30:00" in page
    assert page.count("<rect ") == 2
    assert "/?face=1" in page


def test_photos_around_one_in_time_are_before_and_after_it(changed):
    page = client_of(changed).get("/photos/2").text
    before, after = re.findall(r'class="button" href="/photos/(\d+)"', page)
    assert (before, after) == ("1", "3")


def test_conditions_stand_as_chips_that_take_them_away(client):
    page = client.get("/", params={"q": "boda", "person": "Ana", "since": "2019"}).text
    assert 'href="/?q=boda&amp;since=2019"' in page
    assert 'href="/?q=boda&amp;person=Ana"' in page


def test_what_cannot_be_asked_is_said_in_the_page(client):
    for asked, said in (
        ({"since": "soon"}, "wanted a date"),
        ({"person": "Nobody"}, "nobody is called"),
        ({"near": "here"}, "wanted LAT,LON,KM"),
        ({"face": "x"}, "wanted a number"),
        ({"sent": "gone"}, "not kept any more"),
        ({"q": "a" * 5000}, "characters of q at most"),
    ):
        page = client.get("/", params=asked)
        assert page.status_code == 200
        assert said in page.text, asked


def test_a_photo_that_is_sent_is_where_the_answer_leads(client):
    content = BytesIO()
    Image.new("RGB", (20, 20)).save(content, "PNG")
    files = {"photo": ("a.png", content.getvalue(), "image/png")}
    answer = client.post("/", files=files, data={"q": "playa", "since": ""})
    assert answer.status_code == 303
    assert re.fullmatch(r"/\?q=playa&sent=[\w-]+", answer.headers["location"])


def test_photos_that_were_sent_are_let_go_when_there_are_too_many():
    kept = Photos()
    first = kept.keep(b"x" * (MOST_BYTES // 2))
    second = kept.keep(b"y" * (MOST_BYTES // 2))
    assert kept.get(first).content[:1] == b"x"
    kept.keep(b"z" * 10)
    assert kept.get(first).content[:1] == b"x"  # it was asked for last
    with pytest.raises(Exception, match="not kept any more"):
        kept.get(second)


def test_a_name_given_on_a_page_holds_and_is_taken_back(changed):
    client = client_of(changed)
    answer = client.post("/say/name", data={"person": "1", "name": "Ana Luz", "next": "/people/1"})
    assert answer.status_code == 303
    assert "Ana Luz" in client.get("/people/1").text
    where, _, lines = answer.headers["location"].partition("?said=")
    assert where == "/people/1"
    assert "Take back" in client.get(answer.headers["location"]).text
    client.post("/say/undo", data={"lines": lines, "next": where})
    assert "Ana Luz" not in client.get("/people/1").text


def test_persons_who_are_chosen_become_one_and_two_again(changed):
    client = client_of(changed)
    answer = client.post("/say/merge", data={"person": ["1", "2"]})
    assert answer.headers["location"].startswith("/people/1?said=")
    assert "5 faces" in client.get("/people/1").text
    lines = answer.headers["location"].partition("?said=")[2]
    client.post("/say/undo", data={"lines": lines, "next": "/people"})
    assert "3 faces" in client.get("/people/1").text


def test_faces_thrown_out_are_somebody_of_their_own_and_come_back_together(changed):
    client = client_of(changed)
    form = {"person": "1", "face": ["1", "2"], "next": "/people/1?view=audit"}
    answer = client.post("/say/not-theirs", data=form)
    assert "1 face," in client.get("/people/1").text
    whose = dict(changed.db.execute("SELECT id, person_id FROM faces WHERE id < 4").fetchall())
    assert len(set(whose.values())) == 3
    where, _, lines = answer.headers["location"].partition("&said=")
    assert where == "/people/1?view=audit"
    client.post("/say/undo", data={"lines": lines, "next": where})
    assert "3 faces" in client.get("/people/1").text


def test_all_faces_of_somebody_are_not_thrown_out_and_nothing_is_half_done(changed):
    client = client_of(changed)
    answer = client.post("/say/not-theirs", data={"person": "1", "face": ["1", "2", "3"]})
    assert answer.status_code == 400
    assert "3 faces" in client.get("/people/1").text


def test_a_passage_that_was_found_is_there_however_deep_it_lies(tmp_path):
    with small.opened(tmp_path / "collection") as collection:
        folder = tmp_path / "texts"
        folder.mkdir()
        lines = "\n\n".join(f"Capítulo {n}. " + "Y entonces pasó algo. " * 40 for n in range(300))
        (folder / "libro.txt").write_text(lines + "\n\nAl final hubo una boda.")
        small.index_all(collection, folder)
        client = client_of(collection)
        page = client.get("/", params={"q": "boda"}).text
        (link,) = re.findall(r'href="(/texts/[^"]+)"', page)
        assert "una boda" not in client.get(link.partition("?")[0]).text
        found = client.get(link.partition("#")[0]).text
        assert f'id="{link.partition("#")[2]}"' in found
        assert "From the beginning" in found


def test_photos_of_one_place_are_one_dot_whose_search_finds_them_all(tmp_path):
    near = [(41.6561 + i * 1e-4, -0.8773) for i in range(3)]
    found = spots([*near, (40.4168, -3.7038)])
    assert [one.photos for one in found] == [3, 1]
    north, east, km = map(float, found[0].near.split(","))
    assert all(is_near(Near(north, east, km), *place) for place in near)
    assert found[0].x > found[1].x  # Zaragoza lies east of Madrid, and north
    assert found[0].y < found[1].y
    assert spots([]) == []
    assert len(spots([(0.0, 0.0)] * 5)) == 1


def test_the_map_of_faces_shows_each_with_a_link_to_those_like_it(changed):
    page = client_of(changed).get("/maps").text
    assert sorted(re.findall(r"/\?face=(\d)", page)) == list("12345")
    assert "Ana" in page


def test_more_like_a_photo_leaves_it_out_and_needs_no_file(changed, tmp_path):
    for path, word in (("0", "dog"), ("1", "dog"), ("2", "beach")):
        small.look(changed, tmp_path / f"{path}.jpg", word)
        (tmp_path / f"{path}.jpg").unlink(missing_ok=True)
    page = client_of(changed).get("/?like=1").text
    assert re.findall(r'href="/photos/(\d+)', page)[:1] == ["2"]
    assert 'href="/photos/1' not in page


def test_the_timeline_has_every_photo_once_the_newest_first(tmp_path):
    with small.opened(tmp_path / "collection") as collection:
        for day in range(1, 29):
            for number in range(5):
                path = tmp_path / f"{day}-{number}.jpg"
                small.add(collection, path, taken_at=f"2020-02-{day:02}T0{number}:00:00")
        small.add(collection, tmp_path / "undated.jpg")
        client = client_of(collection)
        seen: list[str] = []
        headings: list[str] = []
        address = "/timeline"
        while address:
            text = client.get(address, headers=PART).text
            seen += re.findall(r'href="/photos/(\d+)', text)
            headings += re.findall(r"<h2>([^<]+)</h2>", text)
            behind = re.search(r'hx-get="([^"]+)"', text)
            address = behind[1] if behind else ""
        assert list(map(int, seen)) == [*range(140, 0, -1), 141]
        assert headings == ["2020-02", "without a date"]


def test_the_collection_says_what_was_skipped_and_why(tmp_path):
    with small.opened(tmp_path / "collection") as collection:
        folder = tmp_path / "texts"
        folder.mkdir()
        (folder / "<i>.pdf").write_bytes(b"no pdf")
        small.index_all(collection, folder)
        page = client_of(collection).get("/collection").text
        assert "&lt;i&gt;.pdf" in page
        assert collection.skipped()[0].reason[:20] in page


def test_duplicates_are_looked_for_once_and_shown_with_the_best_first(changed, monkeypatch):
    paths = [Path("/photos/a.jpg"), Path("/photos/<b>.jpg")]
    copies = [
        Copy(id, (path,), (10, 20), 2_000_000, None, None, 1, 0.5, 1.0)
        for id, path in enumerate(paths, 1)
    ]
    left = [Skipped(Path("/photos/c.jpg"), "cut short")]
    asked = []

    def found(kinds):
        asked.append(kinds)
        groups = [Group(Kind.EDITED, tuple(copies))]
        return Duplicates(groups, 2, Threshold(0.8, 2.0, 0.01), 0, left)

    monkeypatch.setattr(changed, "duplicates", found)
    client = client_of(changed)
    assert "Look for them" in client.get("/duplicates").text
    assert asked == []
    for _ in range(2):
        page = client.get("/duplicates/edited", headers=PART).text
    assert asked == [[Kind.EDITED]]
    assert page.index("a.jpg") < page.index("&lt;b&gt;.jpg")
    assert page.count(">best<") == 1
    assert "2.0 MB beside the best ones" in page
    assert "1 file could not be read" in page


def test_a_page_leads_back_to_this_host_only(changed):
    client = client_of(changed)
    for evil in ("//evil.example/x", "https://evil.example/x", "/\\evil.example"):
        answer = client.post("/say/name", data={"person": "1", "name": "Ana", "next": evil})
        place = answer.headers["location"]
        assert place.startswith("/"), evil
        assert not place.startswith(("//", "/\\")), evil


def test_a_server_that_only_reads_shows_no_buttons_that_write_and_refuses(served):
    client = client_of(served, read_only=True)
    for path in ("/people", "/people/1", "/people/1?view=audit", "/photos/1", "/review"):
        assert "/say/name" not in client.get(path).text, path
    assert client.post("/say/merge", data={"person": ["1", "2"]}).status_code == 403


def test_a_question_is_answered_once_and_asked_again_when_taken_back(changed):
    with writing(changed.db):
        statements.rename(changed.db, 2, None)
        changed.db.execute(
            "INSERT INTO suggestions (person_id, other_id, score) VALUES (1, 2, 0.5)"
        )
    client = client_of(changed)
    page = client.get("/review").text
    (address,) = set(re.findall(r'action="(/review/[\w-]+)"', page))
    assert page.count('value="1-2"') == 2
    assert "Nothing to ask" in client.post(address, data={"said": "yes", "pair": "1-2"}).text
    again = client.post(address, data={"said": "yes", "pair": "1-2"}).text
    assert "not asked any more" in again
    assert 'value="1-2"' in client.post(address, data={"said": "undo"}).text
    assert "Nothing to ask" in client.post(address, data={"said": "skip", "pair": "1-2"}).text
    assert 'value="1-2"' in client.post(address, data={"said": "undo"}).text
    assert "nothing was answered yet" in client.post(address, data={"said": "undo"}).text


def test_people_stand_by_number_by_when_they_were_seen_and_by_name(changed):
    client = client_of(changed)
    for sort, first in (("number", "1"), ("seen", "1"), ("name", "1")):
        page = client.get("/people", params={"sort": sort}).text
        assert re.findall(r'<a href="/people/(\d+)"', page)[0] == first
    with writing(changed.db):
        statements.rename(changed.db, 1, "Zoe")
    page = client.get("/people", params={"sort": "name"}).text
    assert re.findall(r'<a href="/people/(\d+)"', page) == ["2", "1"]


@pytest.mark.parametrize(
    ("accepted", "spoken"),
    [
        ("", "en"),
        ("es-ES,es;q=0.9,en;q=0.8", "es"),
        ("en;q=0.5, es;q=0.6", "es"),
        ("fr, de", "en"),
        ("fr, es;q=0.1", "es"),
        ("es;q=0", "en"),
        ("es;q=x", "en"),
        ("*", "en"),
        ("\x00" * 9000, "en"),
    ],
)
def test_the_language_is_the_one_that_the_browser_likes_best(accepted, spoken):
    assert language.wanted(accepted) == spoken


def test_pages_speak_spanish(client):
    page = client.get("/people", headers={"accept-language": "es"})
    assert '<html lang="es">' in page.text
    assert "más caras" in page.text
    assert "Accept-Language" in page.headers["vary"]


def _of(message):
    return [*message.id]  # the letters of one text, or both texts of a number


def test_every_sentence_is_translated_and_the_file_that_is_read_is_made_of_it():
    folder = language.LOCALE / "es" / "LC_MESSAGES"
    with (folder / "pages.po").open("rb") as file:
        written = pofile.read_po(file)
    with (folder / "pages.mo").open("rb") as file:
        read = mofile.read_mo(file)
    assert [[*one.id, *one.string] for one in sorted(read, key=_of)[1:]] == [
        [*one.id, *one.string] for one in sorted(written, key=_of)[1:]
    ]
    wanted = set()
    for template in TEMPLATES.glob("*.html"):
        for _, call, found in environment().extract_translations(template.read_text("utf-8")):  # type: ignore[attr-defined]
            texts = [found] if isinstance(found, str) else [text for text in found if text]
            wanted.add(tuple(texts[:2]) if call == "ngettext" else texts[0])
    assert wanted == {tuple(one.id) if one.pluralizable else one.id for one in written if one.id}
    for one in written:
        if one.id:
            assert all(one.string), one.id
            assert not list(one.check()), one.id


def test_every_file_of_the_room_is_a_page():
    there = {path.stem for path in Path(pages.__file__).parent.glob("*.py")} - {"__init__"}
    assert there == {*pages.PAGES}


def test_an_address_leaves_out_what_is_empty():
    assert query_of({"q": "a b", "person": ("Ana", "Eva"), "near": ""}) == (
        "q=a+b&person=Ana&person=Eva"
    )
    assert query_of({"q": "a"}, q="") == ""


def test_the_faces_least_like_the_others_come_first_in_an_audit(tmp_path):
    with small.opened(tmp_path / "collection") as collection:
        small.add(collection, tmp_path / "all.jpg", "ana ana2 zzz ana3")
        with writing(collection.db):
            statements.say_name(collection.db, "Ana", [1, 2, 3, 4])
        found = review.doubted(collection.opened, 1, most=10)
        rows = collection.engine.embeddings([0, 1, 2, 3]).astype(float)
        means = [rows[[j for j in range(4) if j != i]].mean(axis=0) for i in range(4)]
        scores = {
            i + 1: float(row @ mean / (mean @ mean) ** 0.5)
            for i, (row, mean) in enumerate(zip(rows, means, strict=True))
        }
        assert [face for face, _ in found] == sorted(scores, key=scores.__getitem__)
        assert dict(found) == pytest.approx(scores, abs=1e-6)
        assert review.doubted(collection.opened, 1, most=2) == found[:2]


def test_more_of_one_condition_than_anybody_asks_for_is_refused():
    request = Request({"type": "http", "query_string": b"person=a&person=b&" * 51})
    assert asked_of(request).person == ("a", "b")
    many = "&".join(f"person={n}" for n in range(51)).encode()
    with pytest.raises(BadInput, match="person"):
        asked_of(Request({"type": "http", "query_string": many}))
