"""Passages chosen by weights of stems that are given."""

from __future__ import annotations

import numpy as np
import pytest
import small
from numpy.testing import assert_allclose

from retrieve.indexes.catalog.passages import choosers, rarity
from retrieve.indexes.search.places import chosen
from retrieve.text.stemming import stems

WORDS = ["casa", "boda", "fragua", "campana", "nieve", "tren", "vino", "lobo"]
LONG = " ".join(["pozo"] * 300)  # more stems than a byte counts


@pytest.fixture
def collection(tmp_path):
    """Two hundred passages of a few words, the first ones the commonest."""
    rng = np.random.default_rng(0)
    share = 1 / np.arange(1, len(WORDS) + 1)
    folder = tmp_path / "texts"
    folder.mkdir()
    for n in range(200):
        said = rng.choice(WORDS, rng.integers(3, 9), p=share / share.sum())
        (folder / f"t{n:03}.txt").write_text(" ".join(said))
    (folder / "long.txt").write_text(f"boda {LONG}")
    with small.opened(tmp_path / "c") as made:
        small.index(made, folder)
        yield made


@pytest.mark.parametrize("query", ["boda", "boda lobo nieve", "casa boda casa", "nada"])
def test_by_the_numbers_of_its_own_table_they_are_those_of_fts5(collection, query):
    passages, db = collection.texts.passages, collection.db
    count, title_stems, body_stems = passages.totals()
    asked = stems(query)
    held = passages.frequencies(asked)
    choosing = {stem: rarity(count, held[stem]) for stem in choosers(held, asked)[0]}
    mean = (title_stems + body_stems) / count
    found = chosen(db, choosing, mean, 30, None)
    expected = db.execute(
        "SELECT id, row, -bm25(stems) FROM stems JOIN passages ON id = stems.rowid "
        "WHERE stems MATCH ? ORDER BY bm25(stems), id LIMIT 30",
        [" OR ".join(choosing) or "nada"],
    ).fetchall()
    assert [one[:2] for one in found] == [one[:2] for one in expected]
    assert_allclose([one[2] for one in found], [one[2] for one in expected], rtol=1e-12)


def test_only_what_may_be_found_is_chosen(collection):
    rows = collection.texts.vectors.required().rows
    keep = np.zeros(rows, bool)
    keep[::40] = True
    every = chosen(collection.db, {"bod": 1.0, "cas": 0.5}, 8.0, rows, None)
    some = chosen(collection.db, {"bod": 1.0, "cas": 0.5}, 8.0, rows, keep)
    assert some == [one for one in every if keep[one[1]]]
    assert some
