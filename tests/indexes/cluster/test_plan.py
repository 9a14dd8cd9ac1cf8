"""A plan says what its figures say, and these what docs/figures.md says."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieve.errors import BadInput
from retrieve.indexes.cluster.plan import FIGURES, Asked, plan

STATED = (Path(__file__).parents[3] / "docs" / "figures.md").read_text().splitlines()


@pytest.mark.parametrize("figure", FIGURES, ids=lambda one: one.what)
def test_every_figure_of_a_plan_stands_in_the_page_of_figures(figure):
    (line,) = [one for one in STATED if figure.text in one and figure.command in one]
    assert f"| {figure.day} |" in line
    scale = 1000 if figure.unit == "CPU s" and "CPU ms" in figure.text else 1
    numbers = figure.text.replace(",", "").split()
    assert f"{round(figure.value * scale, 1):g}" in numbers


def test_ten_million_photos_are_reckoned_by_hand():
    made = plan(Asked(10_000_000, nodes=2, cores=4, memory_gb=16, copies=2))
    hours = 10_000_000 * 0.1895 / 3600
    assert made.value("cpu_hours") == pytest.approx(hours)
    assert made.value("hours") == pytest.approx(hours / 8)
    assert made.value("shards") == 10
    assert made.value("segment") == 1_000_000
    assert made.value("codes_gb") == pytest.approx(10_000_000 * 32 * 2 / 1e9)
    assert made.value("memory_gb") == pytest.approx(0.32 + 0.161 + 4 * 0.584)
    one_copy = 10_000_000 * (2327 + 5212 + 32) / 1e9
    assert made.value("copy_gb") == pytest.approx(one_copy)
    assert made.value("disk_gb") == pytest.approx(one_copy * 2 + 10_000_000 * 137 / 1e9)
    assert made.value("query_cpu_ms") == pytest.approx(31)
    assert plan(Asked(1000, nodes=3, cores=4)).value("shards") == 12  # a task for each core
    assert made.value("query_ms") == pytest.approx(2 * 3.1)


def test_nodes_are_as_many_as_index_in_time_hold_the_indexes_and_the_copies():
    hours = 1e9 * 0.1895 / 3600
    by_time = plan(Asked(1_000_000_000, cores=16, memory_gb=64))
    assert by_time.value("nodes") == -(-hours // (7 * 24 * 16))
    by_memory = plan(Asked(1_000_000_000, cores=1, memory_gb=2, days=10_000))
    assert by_memory.value("nodes") == -(-32 // (2 - 0.745))
    assert plan(Asked(1000, copies=3)).value("nodes") == 3


def test_texts_have_their_own_figures():
    made = plan(Asked(0, 1_000_000, passages_per_text=3))
    assert made.value("cpu_hours") == pytest.approx(3_000_000 / 920 / 3600)
    assert made.value("copy_gb") == pytest.approx(3_000_000 * 2927 / 1e9)
    assert made.value("shards") == 8


def test_a_node_without_the_memory_is_told():
    notes = plan(Asked(1_000_000_000, nodes=1, memory_gb=16)).notes
    assert "needs 36.8 GB of memory and has 16" in notes[0]


def test_what_is_no_plan_is_one_line():
    for asked, told in (
        (Asked(0), "wanted photos or texts"),
        (Asked(-1), "wanted photos from 0"),
        (Asked(1, nodes=0), "wanted nodes from 1"),
        (Asked(10**15), "wanted photos"),
        (Asked(1, memory_gb=0), "GB of memory"),
    ):
        with pytest.raises(BadInput, match=told):
            plan(asked)


@pytest.mark.parametrize("photos", [10**6, 10**8, 10**9])
def test_the_table_of_the_page_is_what_the_command_says(photos):
    page = (Path(__file__).parents[3] / "docs" / "cluster.md").read_text()
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| ")]
    column = {10**6: 2, 10**8: 3, 10**9: 4}[photos]
    stated = {row[1].strip(): row[column].strip() for row in rows}
    made = plan(Asked(photos, copies=2))
    shown = {one.name: one.shown for one in made.lines}
    assert stated["indexing, of one core"] == shown["cpu_hours"]
    assert stated["machines"].split(",")[0] == shown["nodes"]
    assert (
        stated["shards; files a segment (`index --segment`)"]
        == f"{shown['shards']}; {shown['segment']}"
    )
    assert stated["queries a second, at most"] == shown["queries_per_s"]
