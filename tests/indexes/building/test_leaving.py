from __future__ import annotations

import os

import pytest

from retrieve.errors import BadInput
from retrieve.indexes.building.leaving import IGNORE, Leaving
from retrieve.indexes.building.walk import Unlisted, count, reaches, walk
from retrieve.indexes.catalog.paths import Found


def _make(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"12345")


def _taken(root, *roots, exclude=(), **options):
    leaving = Leaving(roots or [root], exclude)
    found = [item.path for item in walk(roots or [root], leaving=leaving, **options)]
    return [path.relative_to(root).as_posix() for path in found], dict(leaving.met)


@pytest.mark.parametrize(
    "folder",
    [
        *("@eaDir", "@EADIR", "#recycle", "#snapshot", "@__thumb", "@Recycle"),
        *("$RECYCLE.BIN/S-1-5-21", "$Recycle.Bin", "RECYCLER", "System Volume Information"),
        *("__MACOSX", "files_trashbin/files", "appdata_oc8x/preview/1"),
        *("My Previews.lrdata/0", "My Smart Previews.lrdata"),
        *("P.photoslibrary/resources/derivatives", "P.photoslibrary/database"),
        *("iPhoto Library/Thumbnails/2012", "iPhoto Library.photolibrary/Previews"),
        *("Old.aplibrary/Previews", "iPhoto Library/Data"),
    ],
)
def test_what_other_programs_made_or_threw_away_is_left_out_and_counted(tmp_path, folder):
    _make(tmp_path, f"a/{folder}/x.jpg", "a/b.jpg")
    names, met = _taken(tmp_path)
    assert names == ["a/b.jpg"]
    assert list(met.values()) == [1]
    assert count([tmp_path]).photos == 1
    assert not reaches(tmp_path, tmp_path / "a" / folder / "x.jpg", Leaving([tmp_path]))


def test_originals_and_peoples_own_folders_are_taken(tmp_path):
    own = ["P.photoslibrary/originals/A/1.jpg", "iPhoto Library/Masters/2012/1.jpg"]
    own += ["iPhoto Library/Modified/1.jpg", "Old.aplibrary/Masters/1.jpg"]
    own += ["Recycle/1.jpg", "resources/1.jpg", "Thumbnails/1.jpg", "lost+found/1.jpg"]
    _make(tmp_path, *own)
    names, met = _taken(tmp_path)
    assert sorted(names) == sorted(own)
    assert met == {}


def test_a_folder_that_was_named_is_entered_whatever_it_is_called(tmp_path):
    _make(tmp_path, "@eaDir/a.jpg", "@eaDir/@eaDir/b.jpg", ".hidden/c.jpg", "d.tmp.jpg")
    named = tmp_path / "@eaDir"
    assert _taken(tmp_path, named) == (["@eaDir/a.jpg"], {"@eaDir": 1})
    assert _taken(tmp_path, tmp_path / ".hidden")[0] == [".hidden/c.jpg"]
    names, met = _taken(tmp_path, tmp_path, named)
    assert (sorted(names), met) == (["@eaDir/a.jpg", "d.tmp.jpg"], {"@eaDir": 1})
    file = tmp_path / "d.tmp.jpg"
    assert _taken(tmp_path, file, exclude=["*.tmp.jpg"])[0] == ["d.tmp.jpg"]


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["*.png"], ["a.jpg", "in/c.jpg", "in/deep/e.jpg", "in/f.txt"]),
        (["in"], ["a.jpg", "b.png"]),
        (["/c.jpg"], ["a.jpg", "b.png", "in/c.jpg", "in/d.png", "in/deep/e.jpg", "in/f.txt"]),
        (["deep/"], ["a.jpg", "b.png", "in/c.jpg", "in/d.png", "in/f.txt"]),
        (["in/*.png", "in/*.txt"], ["a.jpg", "b.png", "in/c.jpg", "in/deep/e.jpg"]),
        (["**/e.jpg"], ["a.jpg", "b.png", "in/c.jpg", "in/d.png", "in/f.txt"]),
        (["*", "!a.jpg"], ["a.jpg"]),
        (["in/", "!in/c.jpg"], ["a.jpg", "b.png"]),  # nothing is taken back inside a folder
        (["*.jpg", "!c.jpg", "*.txt"], ["b.png", "in/c.jpg", "in/d.png"]),
    ],
)
@pytest.mark.parametrize("given", [True, False])
def test_patterns_are_those_of_gitignore(tmp_path, patterns, expected, given):
    _make(tmp_path, "a.jpg", "b.png", "in/c.jpg", "in/d.png", "in/deep/e.jpg", "in/f.txt")
    if not given:
        (tmp_path / IGNORE).write_text("\n".join(["# said", "", "!", *patterns]))
    names, met = _taken(tmp_path, exclude=patterns if given else ())
    assert sorted(names) == expected
    assert set(met) <= ({*patterns} if given else {IGNORE})
    assert sum(met.values()) > 0 or patterns == ["/c.jpg"]
    found = count([tmp_path], Leaving([tmp_path], patterns if given else ()))
    assert found.photos + found.texts == len(expected)


def test_the_nearest_file_counts_then_those_above_and_given_patterns_first(tmp_path):
    _make(tmp_path, "a.jpg", "in/a.jpg", "in/b.jpg", "@eaDir/c.jpg", "in/@eaDir/c.jpg")
    (tmp_path / IGNORE).write_text("a.jpg\n!@eaDir/\n")
    (tmp_path / "in" / IGNORE).write_text("!a.jpg\n@eaDir\n")
    assert sorted(_taken(tmp_path)[0]) == ["@eaDir/c.jpg", "in/a.jpg", "in/b.jpg"]
    names, met = _taken(tmp_path, exclude=["in/a.jpg", "!in/@eaDir"])
    assert sorted(names) == ["@eaDir/c.jpg", "in/@eaDir/c.jpg", "in/b.jpg"]
    assert met == {"in/a.jpg": 1, IGNORE: 1}


def test_below_a_named_folder_its_ignoring_counts_for_what_has_changed_there(tmp_path):
    _make(tmp_path, "in/deep/a.jpg", "in/deep/b.png", "in/c.png")
    (tmp_path / "in" / IGNORE).write_text("*.png\n")
    leaving = Leaving([tmp_path])
    changed = [tmp_path / "in" / "deep", tmp_path / "in" / "c.png"]
    items = walk(changed, leaving=leaving)
    assert [item.path.name for item in items] == ["a.jpg"]
    assert reaches(tmp_path, tmp_path / "in" / "deep" / "a.jpg", leaving)
    assert not reaches(tmp_path, tmp_path / "in" / "deep" / "b.png", leaving)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read every file")
def test_a_folder_whose_ignoring_cannot_be_read_is_left_alone(tmp_path):
    _make(tmp_path, "private/a.jpg", "b.jpg")
    (tmp_path / "private" / IGNORE).write_text("*")
    (tmp_path / "private" / IGNORE).chmod(0)
    items = list(walk([tmp_path]))
    assert [item.path.name for item in items if isinstance(item, Found)] == ["b.jpg"]
    assert [item.path.name for item in items if isinstance(item, Unlisted)] == ["private"]


def test_a_pipe_and_names_that_are_not_utf8_are_borne(tmp_path):
    _make(tmp_path, os.fsdecode(b"ni\xf1o.jpg"), "in/a.jpg")
    (tmp_path / IGNORE).write_bytes(b"ni\xf1o.*\n")
    os.mkfifo(tmp_path / "in" / IGNORE)
    assert _taken(tmp_path) == (["in/a.jpg"], {IGNORE: 1})


def test_what_is_no_pattern_is_refused(tmp_path):
    with pytest.raises(BadInput, match=r"wanted a pattern as in \.gitignore; got '!'"):
        Leaving([tmp_path], ["*.jpg", "!"])
