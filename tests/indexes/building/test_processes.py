"""Several processes at one collection: in the end it is what one of them would have made."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import numpy as np
import pretend
import pretend_cli
import pytest

from retrieve.indexes.collection import open_collection
from retrieve.indexes.upkeep.backup import backup
from retrieve.indexes.upkeep.check import check
from retrieve.indexes.upkeep.restore import restore

FOLDERS = {"one": 16, "two": 16, "both": 12}  # photos in each

INDEX = """
import sys
from pathlib import Path
import pretend_cli
pretend_cli.replace_networks()
from retrieve.indexes.collection import open_collection
print("ready", flush=True)
sys.stdin.readline()
with open_collection(Path(sys.argv[1]), create=True) as opened:
    report = opened.index([Path(path) for path in sys.argv[2:]], processes=1)
print(report.new, flush=True)
"""

# Looks at all that is there until its input ends, and says what was wrong and how often it looked.
SEARCH = """
import json, select, sys
from pathlib import Path
import numpy as np
import pretend
from retrieve.indexes.collection import open_collection
passes, most, wrong = 0, 0, []
print("ready", flush=True)
words = sys.argv[2].split()
probes = np.concatenate([pretend.embedding(word) for word in words])
while not wrong and (passes < 1 or not select.select([sys.stdin], [], [], 0)[0]):
    if not (Path(sys.argv[1]) / "catalog.sqlite").is_file():
        continue
    with open_collection(Path(sys.argv[1])) as opened:
        if opened.faces.space() is None:
            continue
        faces = opened.info().counts["faces"]
        wrong += [f"{most} faces became {faces}"] if faces < most else []
        most = faces
        for word, hits in zip(words, opened.nearest(probes, k=5)):
            for hit in hits:
                held = pretend.embedding(pretend.said(hit.picture()))[0]
                if abs(hit.score - float(pretend.embedding(word)[0] @ held)) > 1e-5:
                    wrong.append(f"{word}: {hit.path} has the score {hit.score}")
        passes += 1
print(json.dumps([passes, most, wrong]), flush=True)
"""


@pytest.fixture
def photos(tmp_path):
    for name, count in FOLDERS.items():
        (tmp_path / name).mkdir()
        for i in range(count):
            words = " ".join(f"{name}{i}-{j}" for j in range(i % 4))
            (tmp_path / name / f"{i:02}.jpg").write_text(words)
        (tmp_path / name / "bad.jpg").write_text("bad")
    return tmp_path


def _start(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=pretend_cli.environment(BATCH_FILES="4", OMP_NUM_THREADS="1"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _go(*processes):
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()


def _state(folder):
    """What a collection holds, but for ids, rows and times."""
    with open_collection(folder) as opened:
        gallery = opened.faces.gallery()
        assert [finding for finding in check(opened) if finding.wrong] == []
        paths = opened.db.execute(
            "SELECT path, sha256, reason, gone, live FROM paths "
            "LEFT JOIN contents ON contents.id = content_id ORDER BY path"
        ).fetchall()
        faces = [
            (sha256, number, jpeg, gallery[row].tobytes())
            for sha256, number, jpeg, row in opened.db.execute(
                "SELECT sha256, number, jpeg, row FROM faces "
                "JOIN contents ON contents.id = faces.content_id JOIN crops ON face_id = faces.id"
            )
        ]
        assert len(gallery) == len(faces)  # no row without a face
        return paths, sorted(faces)


def test_two_indexers_a_searcher_and_a_backup_at_once(photos):
    many, single = photos / "many", photos / "single"
    folders = [photos / name for name in FOLDERS]
    searcher = _start(SEARCH, many, "one3-1 two7-2 both2-0")
    indexers = [_start(INDEX, many, photos / name, photos / "both") for name in ("one", "two")]
    alone = _start(INDEX, single, *folders)
    try:
        assert searcher.stdout.readline() == "ready\n"
        _go(*indexers)
        backups = 0
        while any(indexer.poll() is None for indexer in indexers):
            if (many / "faces.f32").is_file():
                with open_collection(many) as opened:
                    backup(opened, photos / f"{backups}.tar")
                backups += 1
                time.sleep(0.1)  # the indexers too want to come on
        new = [int(indexer.communicate()[0]) for indexer in indexers]
        passes, most, wrong = json.loads(searcher.communicate("end\n")[0])
        _go(alone)
        assert int(alone.communicate()[0]) == sum(new)  # nothing was stored twice
    finally:
        for process in (searcher, alone, *indexers):
            process.kill()
            process.wait()
    assert [indexer.returncode for indexer in indexers] == [0, 0]
    assert wrong == []
    assert passes > 0
    state = _state(single)
    assert _state(many) == state
    assert most <= len(state[1])
    for i in range(backups):
        restore(photos / f"{i}.tar", photos / f"restored{i}")
        _, faces = _state(photos / f"restored{i}")
        assert set(faces) <= set(state[1])
        for _, _, word, embedding in faces:
            assert embedding == pretend.embedding(pretend.said(word))[0].tobytes()
    assert np.unique([word for _, _, word, _ in state[1]]).size == len(state[1])
