from __future__ import annotations

import sqlite3

import numpy as np

from retrieve.evaluation.in_memory import InMemory
from retrieve.evaluation.retrieval import DEPTH, NOTHING, Document
from retrieve.text.stemming import stems

TEXTS = (
    ("Boda", "La boda fue en Zaragoza, y la boda siguió en casa."),
    ("", "El presidente habló de la guerra y de las guerras de antes."),
    ("Guerra", "Un perro ladra en la casa."),
    ("", "Llueve."),
    ("", "La casa de la guerra."),
)
DOCUMENTS = [Document(f"a#{i}", title, text) for i, (title, text) in enumerate(TEXTS)]


def test_bm25_is_that_of_sqlite():
    index = InMemory(DOCUMENTS)
    db = sqlite3.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE words USING fts5(title, body, tokenize='ascii')")
    rows = [(" ".join(stems(one.title)), " ".join(stems(one.text))) for one in DOCUMENTS]
    db.executemany("INSERT INTO words VALUES (?, ?)", rows)
    for query in ("boda en Zaragoza", "guerra", "las casas", "perro lluvia presidente", "nada"):
        wanted = np.zeros(len(DOCUMENTS))
        match = " OR ".join(f'"{stem}"' for stem in stems(query))
        found = db.execute("SELECT rowid, -bm25(words) FROM words WHERE words MATCH ?", [match])
        for rowid, score in found:
            wanted[rowid - 1] = score
        np.testing.assert_allclose(index.bm25(query), wanted, rtol=1e-6, atol=1e-9)


def test_a_query_without_a_hit_has_a_row_of_nothing():
    ranked = InMemory(DOCUMENTS).by_words()(["nada", "presidente"])
    assert ranked.shape == (2, DEPTH)
    assert (ranked[0] == NOTHING).all()
    assert ranked[1].tolist() == [1] + [NOTHING] * (DEPTH - 1)


def test_candidates_say_which_document_they_are_part_of():
    index = InMemory(DOCUMENTS)
    numbers, found = index.candidates("casa", np.zeros(len(DOCUMENTS), np.float32))
    assert numbers.tolist() == [0, 2, 4]
    assert [one.document for one in found] == ["a"] * 3
    assert index.statistics.holders(["cas", "guerr"]) == [3, 3]
