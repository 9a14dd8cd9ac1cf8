"""Lists of photos with what each of them shows."""

from __future__ import annotations

import pytest
from PIL import Image

from retrieve.errors import BadInput
from retrieve.indexes.labelled.shown import looked_at
from retrieve.pictures.embedding.measured import truth_of


def _list(folder, text):
    (folder / "labels.csv").write_text(text, "utf-8")
    return folder / "labels.csv"


def test_every_photo_is_looked_at_and_a_bad_one_told(tmp_path):
    Image.effect_noise((60, 40), 50).convert("RGB").save(tmp_path / "a.png")
    (tmp_path / "b.png").write_text("no photo")
    file = _list(tmp_path, "file,label\na.png,perro\nb.png,gato\n")
    skipped = []
    (one,) = looked_at(file, on_skipped=lambda path, reason: skipped.append((path.name, reason)))
    assert one.truth == truth_of("perro")
    assert [name for name, _ in skipped] == ["b.png"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "wanted a CSV with the columns file and label .* got no row"),
        ("file,name\na.png,perro\n", "got file, name"),
        ("file,label\na.png,perro\nb.png,agosto\n", "line 3: 'agosto' is nothing"),
    ],
)
def test_a_list_that_is_none_says_what_it_wants(text, said, tmp_path):
    with pytest.raises(BadInput, match=said):
        list(looked_at(_list(tmp_path, text), on_skipped=print))
