"""A cluster of many small segments holds what one collection of the same files does.

EXAMPLES=60 .venv/bin/python -m pytest tests/indexes/cluster/indexing/test_equality.py
"""

from __future__ import annotations

import os
import random
import shutil

import clustered
import pretend_ocr
import pytest
import segmented

from retrieve.indexes.recognising import recognise as recognising
from retrieve.pictures.written import networks

FOLDERS = ("a", "b b", "b", "c/d", "ñ")
WORDS = ("ana", "eva", "luis", "mar", "pau", "zoe")


@pytest.fixture
def both(tmp_path, monkeypatch):
    """A folder of photos, and what indexes it into both and compares them."""
    segmented.pretended(monkeypatch)
    photos = tmp_path / "photos"
    photos.mkdir()
    with (
        segmented.opened(tmp_path / "cluster") as cluster,
        segmented.alone(tmp_path / "alone") as alone,
    ):

        def run(*roots, segment=3, **options):
            roots = roots or (photos,)
            segmented.READ.clear()
            one = segmented.index_alone(alone, *roots, **options)
            read = set(segmented.READ)
            segmented.READ.clear()
            many = cluster.index(roots, segment=segment, **options)
            assert many == one
            assert set(segmented.READ) <= read
            assert segmented.held_by_all(cluster) == segmented.held(alone)
            return many

        run.photos, run.cluster = photos, cluster
        yield run


def _fill(photos, count):
    for i in range(count):
        path = photos / FOLDERS[i % len(FOLDERS)] / f"{i}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{WORDS[i % len(WORDS)]} face{i}")
        (path.parent / f"about {i}.txt").write_text(f"Texto número {i} de una boda.")


def _change(photos, chance, done):
    """Do one thing to the files that people do, to none twice between two runs: where a file went
    whose name another has by now, a run tells by the order in which it comes by them.
    """
    files = sorted({path for path in photos.rglob("*") if path.is_file()} - done)
    path = chance.choice(files)
    other = photos / chance.choice(FOLDERS) / f"{chance.randrange(1000)}{path.suffix}"
    if other in done | set(files):
        return
    done |= {path, other}
    other.parent.mkdir(parents=True, exist_ok=True)
    match chance.choice(("add", "change", "same", "remove", "move", "copy", "folder", "caption")):
        case "add":
            other.write_text(f"{chance.choice(WORDS)} {chance.random()}")
        case "change":
            path.write_text(f"{path.read_text()} {chance.random()}")
        case "same":  # becomes what another one is already
            path.write_bytes(chance.choice(files).read_bytes())
        case "remove" if len(files) > 1:
            path.unlink()
        case "move":
            path.rename(other)
        case "copy":
            shutil.copy(path, other)
        case "folder" if len(done) == 2 and not (photos / "moved").exists():
            done |= set(path.parent.iterdir())
            path.parent.rename(photos / "moved")
        case "caption":
            (path.parent / f"{path.name}.json").write_text('{"description": "La playa de Bolonia"}')


@pytest.mark.parametrize("seed", range(int(os.environ.get("EXAMPLES", "2"))))
def test_whatever_is_done_to_the_files(both, seed):
    chance = random.Random(seed)
    _fill(both.photos, 10)
    both()
    assert len(both.cluster.manifest.shards()) == 7
    for _ in range(6):
        done = set()
        for _ in range(chance.randrange(1, 5)):
            _change(both.photos, chance, done)
        both(segment=chance.choice((1, 3, 8)))
        if seed % 2:
            clustered.merged(both.cluster, chance)
    both()


def test_a_column_of_tables_is_read_in_all_segments(both):
    for i in range(6):
        rows = "".join(f"{i}{k},Carta {i}{k} sobre una boda,Luisa\n" for k in range(3))
        (both.photos / f"{i}.csv").write_text(f"n,texto,autor\n{rows}")
        (both.photos / f"{i}.jsonl").write_text(f'{{"texto": "La vaca {i}", "autor": "Pilar"}}\n')
    (both.photos / "other.csv").write_text("n,autor\n1,Rosario\n")
    skipped = both(column="texto").skipped
    assert [one.path.name for one in skipped] == ["other.csv"]
    assert len(both.cluster.manifest.shards()) == 5
    (both.photos / "2.csv").write_text("n,texto\n1,El molino quedó bajo el agua\n")
    (both.photos / "3.jsonl").unlink()
    shutil.copy(both.photos / "4.csv", both.photos / "z.csv")
    both(column="texto")
    assert both(column="texto").unchanged == 12
    both(column="autor")  # those that are known stay as they were read
    both(retry_skipped=True, column="autor")


def test_what_lies_beside_photos_is_read_in_all_segments(both):
    _fill(both.photos, 6)
    both()
    told = '<x xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description>{}</dc:description></x>'
    some = sorted(both.photos.rglob("*.jpg"))
    for photo in some[:4]:
        photo.with_suffix(".xmp").write_text(told.format(f"Romería {photo.name}"))
    some[4].with_name(f"{some[4].name}.json").write_text('{"description": "La playa"}')
    assert both().passages
    some[0].with_suffix(".xmp").write_text(told.format("Otra cosa"))
    some[1].with_suffix(".xmp").unlink()
    some[2].rename(both.photos / "moved.jpg")
    both()
    both()


def test_words_in_pictures_are_read_once_in_all_segments(both, monkeypatch):
    monkeypatch.setattr(recognising, "Reading", pretend_ocr.Reading)
    monkeypatch.setattr(recognising.workers, "run", pretend_ocr.here)
    monkeypatch.setattr(networks, "check_installed", lambda: None)
    monkeypatch.setattr(recognising, "check_installed", lambda: None)
    _fill(both.photos, 6)
    both()
    assert both(ocr=True).read == 6
    (both.photos / "new.jpg").write_text("farmacia")
    shutil.copy(both.photos / "new.jpg", both.photos / "a" / "copy.jpg")
    assert both(ocr=True).read == 1
    assert both(ocr=True).read == 0
