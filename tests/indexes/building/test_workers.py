from __future__ import annotations

import threading

import pretend

from retrieve.indexes.building import workers


def _outcomes(folder, files, **options):
    paths = []
    for name, text in files.items():
        (folder / name).write_text(text)
        paths.append((name, folder / name))
    return dict(workers.run(pretend.open_work, paths, **options))


def test_a_file_that_crashes_or_hangs_costs_only_itself(tmp_path):
    files = {f"good{i}": f"face{i}" for i in range(6)}
    files |= {"crashes": "crash", "hangs": "hang", "bad": "bad"}
    outcomes = _outcomes(tmp_path, files, time_limit_s=2)
    assert outcomes.keys() == files.keys()
    assert outcomes["crashes"] == "decoding crashed its process (SIGABRT)"
    assert outcomes["hangs"] == "decoding took longer than 2 s and was stopped"
    assert outcomes["bad"] == "is bad"
    for i in range(6):
        assert len(outcomes[f"good{i}"].faces) == 1


def test_paths_are_taken_only_as_fast_as_results(tmp_path):
    (tmp_path / "photo").write_text("face")
    taken = 0

    def paths():
        nonlocal taken
        for i in range(1000):
            taken += 1
            yield i, tmp_path / "photo"

    running = workers.run(pretend.open_work, paths(), workers=1)
    next(running)
    assert taken <= workers.AHEAD + 1
    running.close()


def test_closing_stops_the_workers(tmp_path):
    (tmp_path / "photo").write_text("hang")
    (tmp_path / "quick").write_text("face")
    paths = [("quick", tmp_path / "quick"), ("photo", tmp_path / "photo")]
    running = workers.run(pretend.open_work, paths, workers=1)
    assert next(running)[0] == "quick"
    closing = threading.Thread(target=running.close)
    closing.start()
    closing.join(timeout=20)
    assert not closing.is_alive()
