"""What a search for words asks of shards, and what it answers where one of them does not."""

from __future__ import annotations

import pickle

import pytest
import worded

from retrieve.errors import BadInput, CollectionError
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.filters import Filter
from retrieve.indexes.catalog.persons import add_person
from retrieve.indexes.cluster.cluster import open_cluster
from retrieve.indexes.cluster.engines.local import LocalServers, Lost
from retrieve.indexes.cluster.manifest import SHARDS, create_manifest
from retrieve.indexes.opening import open_collection
from retrieve.indexes.queries.views.one import OneView
from retrieve.sample_data import archive
from retrieve.types import Passage

NAMES = {1: "Ana", 2: "Luís Gil"}
QUERIES = (
    *("boda", "una boda en Zaragoza", "bodda", '"por la nieve" tren', "perro -gato", "Ana"),
    *("Ana boda", "the wedding of a dog", "de la", "zzzzzzzz"),
)

ARCHIVE = ("una boda en Zaragoza", "el pleito del agua", "guerra", "the school", "trigo -molino")


def _text(path, *said, title=""):
    return worded.Item(path, [Passage(one) for one in said], title)


def _photo(path, said, *persons, taken_at=None):
    said = [Passage(said, kind="caption")] if said else []
    return worded.Item(path, said, persons=persons, taken_at=taken_at)


def _items(letter):
    """Texts and photos of one shard."""
    return [
        _photo(f"/{letter}/1.jpg", "una boda en la iglesia", 1, taken_at="2019"),
        _photo(f"/{letter}/2.jpg", f"el tren {letter} por la nieve", 1, 2, taken_at="2021"),
        _text(f"/{letter}/3.txt", f"la boda {letter} de Ana en Zaragoza", "un perro y un gato"),
        _text(f"/{letter}/4.txt", "the wedding of a dog in the snow", "perro", title="Bodas"),
    ]


SHARED = {0: _items("a"), 1: _items("b"), 2: _items("c")}


@pytest.fixture
def folders(tmp_path):
    return worded.make(tmp_path, SHARED, NAMES, worded.Encoder())


@pytest.fixture
def cluster(folders):
    with open_cluster(folders[1], encoder=worded.Encoder()) as many:
        yield many


def _answers(collection, **options):
    return [
        [
            (hit.path, hit.passage.text, round(hit.score, 5), hit.near, hit.marks, hit.more)
            for hit in collection.search_texts(query, **options)
        ]
        for query in QUERIES
    ]


def _of_two(tmp_path, folder):
    """A collection of what the shards 0 and 2 hold."""
    collection = worded.opened(folder, worded.Encoder())
    worded.fill(collection, [*SHARED[0], *SHARED[2]], NAMES)
    return collection


def test_a_query_takes_three_rounds_once_the_shards_are_known(cluster):
    cluster.search_texts("una boda")
    asked, ask = [], cluster.ask
    cluster.ask = lambda question, *args, **how: (
        asked.append(question.__name__) or ask(question, *args, **how)
    )
    cluster.search_texts("un tren en la nieve")
    assert asked == ["numbers_here", "candidates_here", "read_here"]


def test_what_holds_a_phrase_is_looked_for_once_in_a_shard(cluster, monkeypatch):
    looked, holding = [], OneView._holding

    def counted(view, held):
        looked.append(view.path.name)
        return holding(view, held)

    monkeypatch.setattr(OneView, "_holding", counted)
    assert cluster.search_texts('"por la nieve" tren')
    assert sorted(looked) == ["0000", "0001", "0002"]


def test_without_a_shard_the_others_answer_as_if_there_were_no_other(cluster, folders, tmp_path):
    (folders[1] / SHARDS / "0001").rename(tmp_path / "away")
    with _of_two(tmp_path, tmp_path / "two") as two:
        assert _answers(cluster) == _answers(two)
        assert cluster.answered.told == "2 of 3 shards answered"
        assert _answers(cluster, grouped=True, mode="bm25") == _answers(
            two, grouped=True, mode="bm25"
        )
        assert cluster.corrected("bodda") == two.corrected("bodda")


def test_a_shard_that_stops_answering_midway_counts_in_nothing(cluster, tmp_path, monkeypatch):
    ask = LocalServers._ask

    def asked(self, number, question, *args):
        if number == 1 and question.__name__ != "numbers_here":
            raise Lost("its process ended")
        return ask(self, number, question, *args)

    monkeypatch.setattr(LocalServers, "_ask", asked)
    with _of_two(tmp_path, tmp_path / "two") as two:
        assert _answers(cluster) == _answers(two)
    assert cluster.answered.told == "2 of 3 shards answered"


def test_a_missing_shard_is_an_error_where_all_have_to_answer(folders, tmp_path):
    (folders[1] / SHARDS / "0001").rename(tmp_path / "away")
    encoder = worded.Encoder()
    told = r"2 of 3 shards answered; shard 1 did not: "
    with (
        open_cluster(folders[1], encoder=encoder, require_all=True) as cluster,
        pytest.raises(CollectionError, match=told),
    ):
        cluster.search_texts("boda")
    for shard in ("0000", "0002"):
        (folders[1] / SHARDS / shard).rename(tmp_path / f"away{shard}")
    with (
        open_cluster(folders[1], encoder=encoder) as cluster,
        pytest.raises(CollectionError, match="0 of 3 shards answered"),
    ):
        cluster.search_texts("boda")


def test_what_was_stored_since_the_last_query_is_found_and_counted(cluster, folders):
    with worded.opened(folders[0], worded.Encoder()) as one:
        assert _answers(cluster) == _answers(one)
        new = [_text("/d/1.txt", "una boda más, en el tren", "le train de la neige arrive ici")]
        number = {0: folders[0], 1: folders[1] / SHARDS / "0002"}
        for folder in number.values():
            with worded.opened(folder, worded.Encoder()) as collection:
                worded.fill(collection, new, {})
        assert _answers(cluster) == _answers(one)
        assert "/d/1.txt" in {str(hit.path) for hit in cluster.search_texts("boda", k=99)}


def test_a_change_that_another_thread_has_heard_of_first_is_one_to_this_query_too(cluster, folders):
    """Else it would go by the number of passages then, and by what is in how many of them now."""
    new = [_text("/d/1.txt", "una boda más, en el tren")]
    looks = []

    def look(view):
        looks.append((view.totals()[0], view.frequencies(["bod"])))
        if len(looks) == 1:
            with worded.opened(folders[1] / SHARDS / "0002", worded.Encoder()) as collection:
                worded.fill(collection, new, {})
            cluster.search_texts("tren")
        return view.frequencies(["tren"])

    cluster._passages.consistently(look)
    assert [many for many, _ in looks] == [looks[0][0], looks[0][0] + 1]


def test_who_is_known_in_one_shard_alone_is_a_condition_for_all(cluster, folders):
    shard = folders[1] / SHARDS / "0001"
    for folder in (folders[0], shard):
        with worded.opened(folder, worded.Encoder()) as collection, writing(collection.db):
            add_person(collection.db, "Blas", id=9)
            query = "SELECT content_id FROM paths WHERE path = '/b/1.jpg'"
            (content_id,) = collection.db.execute(query).fetchone()
            query = "UPDATE faces SET person_id = 9 WHERE content_id = ?"
            collection.db.execute(query, [content_id])
    blas = Filter(persons=("blas",))
    with worded.opened(folders[0], worded.Encoder()) as one:
        for query in ("boda", "Blas", "Blas boda", "tren"):
            for wanted in (blas, Filter(persons=("Blas", "Ana")), Filter()):
                ours, theirs = (
                    [
                        (hit.path, hit.persons, hit.near)
                        for hit in some.search_texts(query, wanted=wanted)
                    ]
                    for some in (one, cluster)
                )
                assert theirs == ours, (query, wanted)
        with pytest.raises(BadInput, match="nobody is called 'Eva'; there are: Ana, Blas, Luís"):
            cluster.search_texts("boda", wanted=Filter(persons=("Eva",)))


def test_questions_and_answers_go_between_processes(cluster, monkeypatch):
    ask = LocalServers._ask

    def asked(self, number, question, *args):
        question, args = pickle.loads(pickle.dumps((question, args)))
        return pickle.loads(pickle.dumps(ask(self, number, question, *args)))

    before = _answers(cluster)
    monkeypatch.setattr(LocalServers, "_ask", asked)
    assert _answers(cluster) == before


def test_a_hit_leads_to_the_content_it_is_of(cluster, folders):
    with worded.opened(folders[0], worded.Encoder()) as one:
        for ours, theirs in zip(
            one.search_texts("boda"), cluster.search_texts("boda"), strict=True
        ):
            assert cluster.sha256_of(theirs.group) == one.sha256_of(ours.group) is not None
    assert cluster.sha256_of(99 << 32) is None
    assert cluster.answered.told == "3 of 3 shards answered"


def test_another_encoder_than_that_of_the_shards_is_refused(folders):
    other = worded.Encoder()
    other.weights_sha256 = "55" * 32
    with (
        open_cluster(folders[1], encoder=other) as cluster,
        pytest.raises(CollectionError, match="you asked with bag"),
    ):
        cluster.search_texts("boda")


def test_a_cluster_without_a_text_says_so(tmp_path):
    worded.make(tmp_path, {0: []}, {}, worded.Encoder())
    with open_cluster(tmp_path / "many") as cluster:
        with pytest.raises(CollectionError, match="no text was indexed"):
            cluster.search_texts("boda")
        assert cluster.corrected("boda") is None


def test_the_sample_archive_is_searched_as_in_one_collection(tmp_path):
    texts = archive.TEXTS
    one, many = tmp_path / "one", tmp_path / "many"
    with open_collection(one, create=True) as collection:
        collection.index([texts], processes=1)
        ours = {query: collection.search_texts(query, k=20) for query in ARCHIVE}
    many.mkdir()
    create_manifest(many).close()
    with open_collection(many) as cluster:
        files = sum(path.is_file() for path in texts.rglob("*"))
        cluster.index([texts], segment=-(-files // 3), tasks=1)
        for query, hits in ours.items():
            theirs = cluster.search_texts(query, k=20)
            assert [hit.path for hit in theirs] == [hit.path for hit in hits], query
            assert [hit.passage for hit in theirs] == [hit.passage for hit in hits]
            assert [hit.marks for hit in theirs] == [hit.marks for hit in hits]
            assert [hit.score for hit in theirs] == pytest.approx([hit.score for hit in hits])
