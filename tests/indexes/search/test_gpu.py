"""Choosing the GPU, on a FAISS whose GPU part is played by its CPU part."""

from __future__ import annotations

from types import SimpleNamespace

import faiss
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from retrieve.errors import BadInput, MissingExtra
from retrieve.indexes.search import ann, fastscan
from retrieve.indexes.search.ann import nearest
from retrieve.indexes.search.gpu import MOST_CANDIDATES, GpuIndex, open_gpu


class FlatOnGpu:
    """faiss.GpuIndexFlatIP with a memory of `room` bytes."""

    room = 1 << 40

    def __init__(self, resources, dim, settings):
        assert isinstance(resources, Resources)
        self._index = faiss.IndexFlatIP(dim)
        self._bytes = dim * (2 if settings.useFloat16 else 4)
        self._half = settings.useFloat16

    @property
    def ntotal(self):
        return self._index.ntotal

    def add(self, rows):
        if (self.ntotal + len(rows)) * self._bytes > self.room:
            raise RuntimeError(
                "alloc fail type FlatData dev 0 (cudaMalloc error out of memory [2])"
            )
        self._index.add(rows.astype(np.float16).astype(np.float32) if self._half else rows)

    def search(self, probes, k):
        if k > 2048:
            raise RuntimeError("GPU index only supports min/max-K selection up to 2048")
        return self._index.search(probes, k)


class Resources:
    pass


@pytest.fixture
def faiss_gpu(monkeypatch):
    """faiss-gpu on a machine with one GPU."""

    def settings():
        return SimpleNamespace(useFloat16=False)

    monkeypatch.setattr(faiss, "StandardGpuResources", Resources, raising=False)
    monkeypatch.setattr(faiss, "GpuIndexFlatConfig", settings, raising=False)
    monkeypatch.setattr(faiss, "GpuIndexFlatIP", FlatOnGpu, raising=False)
    monkeypatch.setattr(
        faiss, "GpuIndexFlatL2", lambda _, dim, __: faiss.IndexFlatL2(dim), raising=False
    )
    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 1)


def unit_rows(n, dim, seed):
    rows = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_faiss_without_gpu_part_names_the_package(monkeypatch):
    monkeypatch.delattr(faiss, "StandardGpuResources", raising=False)
    with pytest.raises(MissingExtra, match="pip uninstall faiss-cpu && pip install faiss-gpu"):
        open_gpu()


def test_no_gpu_is_an_error_and_not_a_slow_search(faiss_gpu, monkeypatch):
    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 0)
    with pytest.raises(BadInput, match="faiss-gpu sees none"):
        GpuIndex(16)
    with pytest.raises(BadInput, match="faiss-gpu sees none"):
        fastscan.train(unit_rows(100, 16, 0), device="cuda")


def test_search_through_the_gpu_is_the_exact_search(faiss_gpu):
    gallery, probes = unit_rows(9000, 16, 1), unit_rows(4, 16, 2)
    index = GpuIndex(16)
    index.extend(gallery[:5000])
    index.extend(gallery[:8000])
    assert index.covered == 8000
    found = nearest(gallery, probes, 10, index=index)
    expected = nearest(gallery, probes, 10)
    assert_array_equal(found[1], expected[1])
    assert_array_equal(found[0], expected[0])


def test_more_candidates_than_a_gpu_selects_are_not_asked_for(faiss_gpu):
    gallery = unit_rows(3000, 16, 3)
    index = GpuIndex(16)
    index.extend(gallery)
    rows = index.candidates(gallery[:2], 2500)
    assert rows.shape == (2, 2500)
    assert (rows[:, :MOST_CANDIDATES] >= 0).all()
    assert (rows[:, MOST_CANDIDATES:] == -1).all()


def test_a_filter_that_wants_more_than_a_gpu_selects_is_still_exact(faiss_gpu):
    gallery, probes = unit_rows(40_000, 16, 4), unit_rows(2, 16, 5)
    keep = np.random.default_rng(6).random(40_000) < 0.15
    index = GpuIndex(16)
    index.extend(gallery)
    assert ann.CANDIDATES / 0.15 > MOST_CANDIDATES
    found = nearest(gallery, probes, 10, keep=keep, index=index)
    assert_array_equal(found[1], nearest(gallery, probes, 10, keep=keep)[1])


def test_rows_that_do_not_fit_are_held_in_half_the_bits(faiss_gpu, monkeypatch):
    gallery, probes = unit_rows(9000, 16, 7), unit_rows(4, 16, 8)
    monkeypatch.setattr(FlatOnGpu, "room", 9000 * 16 * 3)
    index = GpuIndex(16)
    index.extend(gallery[:4000])
    assert index.bytes_per_row == 64
    index.extend(gallery)
    assert index.bytes_per_row == 32
    assert index.covered == 9000
    found = nearest(gallery, probes, 10, index=index)
    assert_array_equal(found[1], nearest(gallery, probes, 10)[1])


def test_rows_that_do_not_fit_at_all_are_refused(faiss_gpu, monkeypatch):
    monkeypatch.setattr(FlatOnGpu, "room", 9000)
    with pytest.raises(BadInput, match="9000 embeddings of 16 dimensions do not fit"):
        GpuIndex(16).extend(unit_rows(9000, 16, 9))


def test_another_failure_of_the_gpu_is_not_taken_for_want_of_memory(faiss_gpu, monkeypatch):
    def broken(*_):
        raise RuntimeError("CUDA error 719 unspecified launch failure")

    monkeypatch.setattr(FlatOnGpu, "add", broken)
    with pytest.raises(RuntimeError, match="719"):
        GpuIndex(16).extend(unit_rows(90, 16, 10))


def test_training_asks_the_gpu_and_gives_the_same_codes(faiss_gpu):
    gallery = unit_rows(2000, 16, 11)
    asked, given = fastscan.train(gallery, device="cuda"), fastscan.train(gallery)
    assert asked.index.pq.assign_index is None
    probes = gallery[:20]
    assert_array_equal(asked.candidates(probes, 50), given.candidates(probes, 50))
