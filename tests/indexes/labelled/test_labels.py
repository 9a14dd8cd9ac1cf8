"""Who is in which photo, as folders, tables and lists of pairs say it."""

from __future__ import annotations

import pytest

from retrieve.errors import BadInput
from retrieve.indexes.labelled.labels import from_folders, from_pairs


def _pairs(tmp_path, text, name="pairs.txt"):
    file = tmp_path / name
    file.write_text(text, "utf-8")
    return from_pairs(file, tmp_path)


def test_folders_are_people(tmp_path):
    for name in ("ana/1.jpg", "ana/2015/2.jpg", "blas/1.png", "ana/notes.txt", "loose.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = {path.relative_to(tmp_path).as_posix(): who for path, who in from_folders(
        tmp_path).items()}  # fmt: skip
    assert found == {"ana/1.jpg": "ana", "ana/2015/2.jpg": "ana", "blas/1.png": "blas"}


def test_pairs_of_lfw_are_read_with_their_folds(tmp_path):
    (tmp_path / "Ana_B").mkdir()
    (tmp_path / "Ana_B" / "Ana_B_0002.png").touch()
    asked = _pairs(tmp_path, "2\t1\nAna_B\t1\t2\nAna_B\t1\tCe\t12\nCe\t3\t4\nCe\t3\tDi\t1\n")
    assert asked.same.tolist() == [True, False, True, False]
    assert asked.fold.tolist() == [0, 0, 1, 1]
    assert asked.one[0] == tmp_path / "Ana_B" / "Ana_B_0001.jpg"
    assert asked.other[0] == tmp_path / "Ana_B" / "Ana_B_0002.png"  # what is there
    assert asked.other[1] == tmp_path / "Ce" / "Ce_0012.jpg"
    assert asked.people.tolist() == [[0, 0], [0, 1], [1, 1], [1, 2]]


def test_without_folds_pairs_are_drawn_into_ten_as_equal_as_can_be(tmp_path):
    asked = _pairs(tmp_path, "".join(f"Ana\t1\t{n}\n" for n in range(2, 27)))
    assert sorted(map(asked.fold.tolist().count, range(10))) == [2] * 5 + [3] * 5


def test_a_table_of_pairs_says_who_is_who_by_what_is_the_same(tmp_path):
    asked = _pairs(
        tmp_path,
        "one,other,same,fold\na.jpg,b.jpg,1,x\nb.jpg,c.jpg,yes,y\nc.jpg,d.jpg,0,x\na.jpg,e.jpg,no,y\n",
        "pairs.csv",
    )
    assert asked.same.tolist() == [True, True, False, False]
    assert asked.fold.tolist() == [0, 1, 0, 1]
    assert asked.people.tolist() == [[0, 0], [0, 0], [0, 1], [0, 2]]
    assert asked.one[0] == tmp_path / "a.jpg"


@pytest.mark.parametrize(
    ("text", "name", "told"),
    [
        ("2\t1\nAna\t1\t2\n", "pairs.txt", "announces 2 folds"),
        ("Ana\t1\tBlas\n", "pairs.txt", "line 1: wanted NAME N M"),
        ("10\t300\nAna one two\n", "pairs.txt", "line 2: wanted NAME N M"),
        ("", "pairs.txt", "holds no pair"),
        ("one,other\na,b\n", "pairs.csv", "needs the columns one, other and same"),
        ("one,other,same\na,b,perhaps\n", "pairs.csv", "line 2: wanted two files"),
        ("one,other,same\na,b\n", "pairs.csv", "line 2: wanted two files"),
    ],
)
def test_what_is_no_list_of_pairs_is_refused(tmp_path, text, name, told):
    with pytest.raises(BadInput, match=told):
        _pairs(tmp_path, text, name)
