"""retrieve search for words: every way of asking and of showing, in one indexed collection."""

from __future__ import annotations

import csv
import html
import io
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from rich.console import Console

from retrieve.cli.app import main
from retrieve.cli.showing import render
from retrieve.indexes.collection import open_collection
from retrieve.sample_data.archive import write_texts

HIT = {
    *("rank", "path", "gone", "kind", "said_in", "document", "title", "text", "place", "marks"),
    *("score", "bm25", "cosine", "taken_at", "persons", "passage_id"),
    *("group", "near", "labels", "box", "confidence"),
}
HOSTILE = (
    "La <script>alert(1)</script> [bold]farola[/bold] \x1b[31mroja\x1b]0;mal\x07 \u202egiro & fin"
)
RTL = "שלום עולם המגדלור"


@pytest.fixture(scope="module")
def place(indexed, tmp_path_factory):
    """A collection of the drawn album, the village archive and files of our own."""
    folder = tmp_path_factory.mktemp("words")
    texts = folder / "texts"
    write_texts(texts)
    (texts / "hostile.jsonl").write_text(json.dumps({"text": HOSTILE}), encoding="utf-8")
    (texts / "hebreo.txt").write_text(f"{RTL} Estambul", encoding="utf-8")
    (texts / "long.txt").write_text("otorrino" + "x" * 3000 + " ampolla", encoding="utf-8")
    (texts / "cosas.csv").write_text("id,text\n1,Un paraguas verde\n2,Una brújula rota\n")
    (texts / "2019 [b]marcas[\n.txt").write_text("Un astrolabio de latón.", encoding="utf-8")
    shutil.copytree(indexed, folder / "collection")
    with open_collection(folder / "collection") as collection:
        report = collection.index([texts])
    assert not [one for one in report.skipped if one.path.is_relative_to(texts)]
    return folder


@pytest.fixture
def run(place, monkeypatch, capsys):
    """Runs a command here, on a terminal of 80 columns; returns what it printed."""
    monkeypatch.setenv("RETRIEVE_COLLECTION", str(place / "collection"))
    monkeypatch.setattr(render, "_out", Console(highlight=False, width=80))

    def run(*arguments, code=0):
        monkeypatch.setattr(sys, "argv", ["retrieve", *map(str, arguments)])
        try:
            main()
        except SystemExit as stop:
            ended = stop.code or 0
        else:
            ended = 0
        printed = capsys.readouterr()
        assert ended == code, printed.err
        return printed

    return run


@pytest.fixture
def hits(run):
    """The hits that `retrieve search --json` prints."""
    return lambda *arguments: json.loads(run("search", *arguments, "--json").out)["hits"]


def _marked(hit):
    return [hit["text"][start:end] for start, end in hit["marks"]]


def test_hits_have_the_fields_that_are_documented(hits):
    every = hits("boda en Zaragoza")
    assert len(every) == 10
    assert [hit["rank"] for hit in every] == list(range(1, 11))
    assert all(set(hit) == HIT for hit in every)
    assert every[0]["kind"] == "text"
    assert Path(every[0]["path"]).is_absolute()


def test_words_of_several_arguments_are_one_query(hits, run):
    assert hits("boda", "en", "Zaragoza") == hits("boda en Zaragoza")
    assert json.loads(run("search", "boda", "x", "--json").out)["query"] == "boda x"


def test_marks_stand_on_the_words_that_met_without_accents_and_in_other_forms(hits):
    (best, *_) = hits("brujulas rotas", "-k", "1")
    assert _marked(best) == ["brújula", "rota"]
    (best, *_) = hits("ASTROLABIOS", "-k", "1")
    assert _marked(best) == ["astrolabio"]


def test_a_rare_name_is_found_first(hits):
    for name in ("Dionisia", "Emeterio", "Cochabamba"):
        assert name in hits(name)[0]["text"]
        assert name in hits(f"carta de {name} sobre la fiesta")[0]["text"]


@pytest.mark.parametrize("number", ["q1", "q5", "q28"])
def test_a_paraphrase_without_a_common_word_finds_its_passage(hits, number):
    folder = Path(sys.modules["retrieve.sample_data"].__file__).parent
    lines = {
        name: {
            one["_id"]: one
            for one in map(json.loads, (folder / name).read_text("utf-8").splitlines())
        }
        for name in ("paraphrases.queries.jsonl", "paraphrases.docs.jsonl")
    }
    query = lines["paraphrases.queries.jsonl"][number]
    wanted = lines["paraphrases.docs.jsonl"][query["doc"]]["text"]
    assert any(wanted in hit["text"] and not _marked(hit) for hit in hits(query["text"]))


def test_places_are_where_the_passage_begins(hits, run):
    assert hits("paraguas verde")[0]["place"] == {"line": 2, "record": 1}
    assert "cosas.csv, record 2\n" in run("search", "brújula", "-k", "1").out
    (best, *_) = hits("alergia a las ovejas, fragua del tío Nicanor")
    assert Path(best["path"]).suffix == ".srt"
    assert best["place"]["time_s"] == 4.0
    assert ", 0:00:04" in run("search", "alergia ovejas Nicanor", "-k", "1").out
    pages = [hit["place"] for hit in hits("pleito del agua") if hit["path"].endswith(".pdf")]
    assert pages
    assert all(set(one) == {"page"} for one in pages)


def test_words_alone_and_meaning_alone_order_by_their_own_score(hits):
    words = hits("boda Zaragoza", "--mode", "bm25")
    assert [hit["bm25"] for hit in words] == sorted((hit["bm25"] for hit in words), reverse=True)
    assert all(hit["bm25"] > 0 and hit["cosine"] == 0 for hit in words)
    meant = hits("boda Zaragoza", "--mode", "meaning")
    assert [hit["cosine"] for hit in meant] == sorted(
        (hit["cosine"] for hit in meant), reverse=True
    )


def test_a_photo_and_words_find_photos_that_satisfy_both(hits, probe):
    faces = hits(probe, "playa", "--threshold", "-1")
    assert faces
    for hit in faces:
        assert hit["kind"] == "photo"
        assert set(hit) == HIT | {"face"}
        assert hit["bm25"] > 0 or hit["cosine"] >= 0.4
        assert hit["face"]["face_id"] > 0
    assert any("playa" in hit["text"] for hit in faces)
    sure = hits(probe, "playa")
    assert {hit["path"] for hit in sure} <= {hit["path"] for hit in faces}
    assert all(hit["face"]["probability"] > 0.5 for hit in sure)


def test_a_file_of_an_image_is_a_face_and_with_text_its_name_is_words(run, probe, monkeypatch):
    monkeypatch.chdir(probe.parent)
    assert "probe" in json.loads(run("search", probe.name, "--json").out)
    assert json.loads(run("search", "--text", probe.name, "--json").out)["query"] == probe.name
    assert "no such photo: ana.jpg" in run("search", "ana.jpg", code=1).err
    assert run("search", "ana en la playa.jpg").out


def test_a_photo_without_a_face_finds_nothing_and_says_so(run, tmp_path):
    from PIL import Image

    Image.new("RGB", (200, 200), "navy").save(tmp_path / "sea.png")
    printed = run("search", tmp_path / "sea.png", "playa", code=1)
    assert printed.out == "playa: nothing found\n"
    assert "no face found in" in printed.err


def test_names_of_persons_among_the_words_count_as_persons(run, hits, place):
    with open_collection(place / "collection") as collection:
        query = (
            "SELECT faces.id, text FROM faces JOIN passages USING (content_id) "
            "WHERE passages.kind = 'caption' ORDER BY faces.id"
        )
        face_id, caption = collection.db.execute(query).fetchone()
        path = str(collection.catalog.faces([face_id])[face_id].path)
    word = re.search(r"en (?:el|la) (\w+)", caption)[1]
    run("name", "Zenobia Camprubí", "--face-id", face_id)
    try:
        found = hits("zenobia camprubi")  # all photos of her group
        assert {person for hit in found for person in hit["persons"]} == {"Zenobia Camprubí"}
        assert path in [hit["path"] for hit in found]
        both = hits("Zenobia Camprubí", word)[0]
        assert (both["path"], both["text"], _marked(both)) == (path, caption, [word])
        assert path in run("search", "Zenobia Camprubí", "--csv").out
        assert "Zenobia Camprubí" in run("search", "Zenobia Camprubí", "-k", "1").out
    finally:
        run("name", "--face-id", face_id, "--remove")


def test_conditions_choose_first(run, hits, place):
    folder = place / "texts" / "cartas"
    inside = hits("boda", "--folder", folder, "-k", "100")
    assert inside
    assert all(Path(hit["path"]).is_relative_to(folder) for hit in inside)
    later = hits("fiesta", "--since", "2016", "-k", "100")
    assert later
    assert all(hit["taken_at"] >= "2016" for hit in later)
    assert "nobody is called 'Nadie'" in run("search", "boda", "--person", "Nadie", code=1).err


def test_each_line_of_a_file_is_a_query_and_a_bad_one_says_why(run, tmp_path):
    file = tmp_path / "queries.txt"
    file.write_text("\ufeffboda en Zaragoza\r\n\n…?!\nfragua\n", encoding="utf-8")
    answers = [
        json.loads(line)
        for line in run("search", "--queries", file, "-k", "2").out.split("\n")[:-1]
    ]
    assert [one["query"] for one in answers] == ["boda en Zaragoza", "…?!", "fragua"]
    assert [len(one["hits"]) for one in answers] == [2, 0, 2]
    assert "wanted a query of words" in answers[1]["error"]
    assert (
        answers[0]["hits"]
        == json.loads(run("search", "boda en Zaragoza", "-k", "2", "--json").out)["hits"]
    )
    file.write_bytes(b"\xff\xfe")
    assert "wanted a file of UTF-8 text" in run("search", "--queries", file, code=1).err


def test_csv_has_a_hit_a_line(run):
    rows = list(csv.DictReader(io.StringIO(run("search", "brújula", "-k", "3", "--csv").out)))
    assert [row["rank"] for row in rows] == ["1", "2", "3"]
    assert rows[0]["text"] == "Una brújula rota"
    assert rows[0]["place"] == "record 2"


def test_the_terminal_obeys_nothing_that_a_text_says(run):
    printed = run("search", "farola roja", "-k", "1").out
    assert "[bold]farola[/bold]" in printed
    assert not set("\x1b\x07\u202e") & set(printed)
    assert "2019 [b]marcas[\\n.txt, line 1\n" in run("search", "astrolabio", "-k", "1").out


def test_people_see_the_best_of_each_document_and_programs_every_passage(run, hits):
    every = [hit for hit in hits("astrolabio boda", "-k", "40") if hit["near"]]
    groups = list(dict.fromkeys(hit["group"] for hit in every))
    assert len(every) > len(groups) > 1
    printed = run("search", "astrolabio boda", "-k", "40").out
    heads = re.findall(r"^ ?\d+\. ", printed, re.MULTILINE)
    assert len(heads) >= len(groups)
    more = sum(int(n) for n in re.findall(r"^ +(\d+) more in it", printed, re.MULTILINE))
    assert more == len(every) - len(groups)
    printed = run("search", "astrolabio boda", "-k", "40", "--ungrouped").out
    assert "more in it" not in printed


def test_what_nothing_is_near_is_not_found_unless_the_nearest_are_asked_for(run, hits):
    assert [hit["near"] for hit in hits("qwertyuiop", "-k", "3")] == [False] * 3
    printed = run("search", "qwertyuiop", "-k", "3")
    assert printed.out == "qwertyuiop: nothing found\n"
    assert "--nearest" in printed.err
    assert (
        len(re.findall(r"^ \d\. ", run("search", "qwertyuiop", "-k3", "--nearest").out, re.M)) == 3
    )


def test_a_passage_is_wrapped_and_no_line_ends_in_blanks(run):
    for query in ("boda en Zaragoza", "otorrino ampolla", RTL):
        lines = run("search", query, "--ungrouped", "--nearest").out.splitlines()
        heads = [line for line in lines if re.match(r"\s?\d+\. ", line)]
        assert len(heads) == 10
        for line in lines:
            assert line == line.rstrip()
            assert line in heads or len(line) <= 80


def test_the_page_escapes_what_texts_say_and_marks_words(run, tmp_path):
    page = tmp_path / "hits.html"
    run("search", "farola <b>", "--html", page, "-k", "2")
    text = page.read_text("utf-8")
    assert "<script>" not in text
    assert html.escape("La <script>alert(1)</script> [bold]") in text
    assert "<mark>farola</mark>" in text
    assert "<title>farola &lt;b&gt;</title>" in text
    assert "/texts/hostile.jsonl" in text


def test_the_page_shows_the_photos(run, probe, tmp_path):
    page = tmp_path / "hits.html"
    run("search", probe, "playa", "--threshold", "-1", "--html", page)
    text = page.read_text("utf-8")
    assert "data:image/jpeg;base64," in text
    assert re.search(r"face \d \((&[lg]t;)?\d+\.\d%\)", text)


def test_a_page_that_cannot_be_written_is_one_line(run, probe):
    for query in ("boda", probe):
        assert (
            "cannot write /proc/x.html: "
            in run("search", query, "--html", "/proc/x.html", code=1).err
        )


def test_what_opens_is_the_page_or_the_best_file(run, place, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr("typer.launch", opened.append)
    run("search", "brújula rota", "--open")
    run("search", "brújula rota", "--open", "--html", tmp_path / "hits.html")
    assert opened == [str(place / "texts" / "cosas.csv"), str(tmp_path / "hits.html")]


def test_hits_without_a_word_of_the_query_are_said_to_be_of_its_meaning(run):
    assert "nearest in meaning" in run("search", "qwertyuiop", "--nearest").err
    assert "nearest in meaning" not in run("search", "boda").err
    assert run("search", "qwertyuiop", "--mode", "bm25").out == "qwertyuiop: nothing found\n"


REFUSED = ("no such", "wanted a query")  # what a command line asks for, and cannot be had


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "got none of them"),
        (["boda", "--face-id", "1"], "got more than one of them"),
        (["boda", "--face", "2"], "--face 2 chooses a face of a photo; got no photo"),
        (["--face", "0", "boda"], "wanted the number of one face"),
        (["--face", "1", "--face", "2", "boda"], "wanted the number of one face"),
        (["--face", "²"], "no such photo: ²"),
        (["--face", "a" * 5000], "no such photo"),
        (["boda", "--json", "--csv"], "wanted --json or --csv; got both"),
        (["--queries", __file__, "--csv"], "--queries prints JSON"),
        (["boda", "--queries", __file__], "got more than one of them"),
        (["..."], "wanted a query of words; got '...'"),
        (["boda", "--since", "julio"], "wanted a date as 2019"),
    ],
)
def test_what_cannot_be_asked_is_one_line(run, arguments, line):
    printed = run("search", *arguments, code=1 if line.startswith(REFUSED) else 2)
    assert line in printed.err
    assert printed.out == ""


@pytest.mark.parametrize(
    "query",
    [
        '"',
        "NOT",
        "a* OR",
        "NEAR(boda casa)",
        "title: boda",
        "boda" * 3000,
        "el la de",
        "a\udcffb",
        "x\ty",
    ],
)
def test_no_query_is_taken_for_a_language_of_queries(run, query):
    wordless = not any(letter.isalnum() for letter in query)
    printed = run("search", query, "-k", "1", "--json", code=int(wordless))
    assert wordless or json.loads(printed.out)["hits"]


def test_collections_without_texts_or_faces_say_what_is_missing(run, tmp_path, monkeypatch, probe):
    monkeypatch.setenv("RETRIEVE_COLLECTION", str(tmp_path / "none"))
    assert "no collection at" in run("search", "boda", code=1).err
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "a.txt").write_text("Una boda.")
    monkeypatch.setenv("RETRIEVE_COLLECTION", str(tmp_path / "texts"))
    run("index", notes)
    assert "Una boda." in run("search", "bodas").out
    assert "no photo was indexed" in run("search", probe, code=1).err
    assert "1 passage," in run("forget", notes / "a.txt", "--yes").out
    assert run("search", "boda").out == "boda: nothing found\n"
    info = json.loads(run("info", "--json").out)
    assert (info["texts"], info["passages"], info["encoder"]) == (0, 0, "static")
    with open_collection(tmp_path / "empty", create=True):
        pass
    monkeypatch.setenv("RETRIEVE_COLLECTION", str(tmp_path / "empty"))
    assert "no text was indexed" in run("search", "boda", code=1).err


def test_texts_of_the_older_default_stay_with_it_and_say_how_to_move(run, tmp_path, monkeypatch):
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "a.txt").write_text("Una boda.")
    monkeypatch.setenv("RETRIEVE_COLLECTION", str(tmp_path / "old"))
    run("index", notes, "--encoder", "lstm")
    (notes / "b.txt").write_text("Un avión.")
    run("index", notes)
    assert "Una boda." in run("search", "casamiento", "--mode", "meaning", "-k", "1").out
    said = "retrieve reembed --texts --encoder static"
    assert said in run("info").err
    assert said in run("index", notes, "--encoder", "static", code=1).err
    run("reembed", "--texts")
    printed = run("info")
    assert "static" in printed.out
    assert said not in printed.err
    assert "Un avión." in run("search", "avion", "--mode", "meaning", "-k", "1").out


def test_a_search_for_words_imports_neither_torch_nor_networks(place):
    code = (
        "import sys\n"
        f"sys.argv = ['retrieve', 'search', 'boda', '-c', {str(place / 'collection')!r}]\n"
        "from retrieve.cli.app import app\n"
        "try: app()\n"
        "except SystemExit as stop: assert not stop.code\n"
        "heavy = {'torch', 'onnxruntime', 'faiss', 'PIL', 'scipy', 'numpy.ma'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("query", ["folder", "./folder", "letter.txt", "sub/letter.txt"])
def test_a_folder_or_a_text_is_no_query(run, tmp_path, monkeypatch, query):
    monkeypatch.chdir(tmp_path)
    for name in ("folder", "sub"):
        (tmp_path / name).mkdir()
    for name in ("letter.txt", "sub/letter.txt"):
        (tmp_path / name).write_text("Querida Rosario")
    said = run("search", query, code=1).err
    assert "--folder" in said
    assert "--text" in said
    assert said.count("\n") == 1
    assert run("search", query, "--text", "-k", 1).out


def test_a_folder_among_words_is_a_word_and_that_is_told(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "boda").mkdir()
    printed = run("search", "la", "boda", "en", "Zaragoza", "-k", 1)
    assert "boda" in printed.out
    assert "taken for a word: boda" in printed.err


def test_what_is_no_file_is_said_to_be_so(run):
    assert "is an address on the web" in run("search", "https://example.com/a.jpg", code=1).err
    assert run("search", "https://example.com/a.jpg", "--text", "-k", 1).out
    assert "no file that a photo" in run("search", "/dev/null", code=1).err


def _piped(monkeypatch, content):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_a_photo_comes_through_a_pipe(run, probe, tmp_path, monkeypatch):
    _piped(monkeypatch, probe.read_bytes())
    piped = json.loads(run("search", "-", "-k", 2, "--json").out)
    assert piped.pop("probe") == "-"
    filed = json.loads(run("search", probe, "-k", 2, "--json").out)
    assert piped["faces"] == filed["faces"]
    _piped(monkeypatch, b"")
    assert "nothing came" in run("search", "-", code=1).err
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=[probe.read_bytes()])
    writer.start()
    assert json.loads(run("search", pipe, "-k", 2, "--json").out)["faces"] == filed["faces"]
    writer.join()
