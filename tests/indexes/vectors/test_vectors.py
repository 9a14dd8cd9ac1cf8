"""The vector file: what was written comes back, and only what was committed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from retrieve.errors import BadInput, CollectionError
from retrieve.indexes.vectors.file import VectorFile

ROWS = np.eye(8, dtype=np.float32)


def test_rows_come_back_as_written_and_a_torn_tail_is_overwritten(tmp_path: Path):
    file = VectorFile(tmp_path / "faces.f32", 8)
    file.write(0, ROWS[:4])
    file.write(4, ROWS[4:6])  # never committed: its writer died
    file.write(4, ROWS[6:])
    assert_array_equal(file.read(6), ROWS[[0, 1, 2, 3, 6, 7]])
    assert_array_equal(file.read(4), ROWS[:4])


def test_a_truncated_file_is_an_error_that_names_both_sizes(tmp_path: Path):
    file = VectorFile(tmp_path / "faces.f32", 8)
    file.write(0, ROWS)
    with file.path.open("r+b") as stream:
        stream.truncate(100)
    with pytest.raises(CollectionError, match=r"8 embeddings \(256 bytes\).* 100 bytes"):
        file.read(8)


@pytest.mark.parametrize(
    "rows",
    [ROWS * 2, ROWS * np.nan, ROWS[:, :7], ROWS.astype(np.float64), ROWS[0]],
    ids=["long", "nan", "narrow", "float64", "flat"],
)
def test_the_gate_refuses_what_is_not_unit_float32_and_writes_nothing(
    tmp_path: Path, rows: np.ndarray
):
    file = VectorFile(tmp_path / "faces.f32", 8)
    with pytest.raises(BadInput, match="wanted"):
        file.write(0, rows)
    assert not file.path.exists()
