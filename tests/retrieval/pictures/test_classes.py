"""The classes that a photo may show, and which of them are kept."""

from __future__ import annotations

import numpy as np
import pytest

from retrieve.errors import WeightsError
from retrieve.pictures.embedding import classes
from retrieve.pictures.embedding.shown import Class, likeliest


def test_there_are_a_thousand_nouns_in_order():
    found = classes.synsets()
    assert len(found) == 1000
    assert list(found) == sorted(set(found))
    assert all(name[0] == "n" and len(name) == 9 and name[1:].isdigit() for name in found)
    assert (found[0], found[382], found[-1]) == ("n01440764", "n02494079", "n15075141")


def test_a_damaged_list_is_refused(monkeypatch, tmp_path):
    (tmp_path / "synsets.txt").write_text("n02084071\n")
    monkeypatch.setattr(classes, "SYNSETS", tmp_path / "synsets.txt")
    classes.synsets.cache_clear()
    with pytest.raises(WeightsError, match="wanted 1000 synsets"):
        classes.synsets()
    classes.synsets.cache_clear()


def test_what_is_unlikely_is_not_kept():
    found = likeliest(np.array([0.0099, 0.6, 0.01, 0.3, 0.0801], np.float32))
    assert found == (Class(1, 0.6), Class(3, 0.3), Class(4, 0.0801), Class(2, 0.01))
