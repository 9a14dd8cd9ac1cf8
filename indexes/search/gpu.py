"""Candidates from a GPU: all embeddings in its memory, by faiss-gpu.

faiss-gpu takes the place of faiss-cpu and has all of it, so what is there is asked at run
time (Johnson et al. 2017, "Billion-scale similarity search with GPUs").
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput, MissingExtra
from retrieve.types import Embeddings

MOST_CANDIDATES = 2048  # that FAISS selects on a GPU


def open_gpu() -> Any:
    """FAISS's scratch memory and streams on the first GPU.

    raises  MissingExtra if the installed FAISS has no GPU part, BadInput if there is no GPU
    """
    import faiss

    api: Any = faiss  # the GPU part is not in the type stubs
    if not hasattr(api, "StandardGpuResources"):
        raise MissingExtra(
            "--device cuda searches with faiss-gpu, and faiss-cpu is installed: "
            "pip uninstall faiss-cpu && pip install faiss-gpu"
        )
    if api.get_num_gpus() == 0:
        raise BadInput(
            "--device cuda wants a GPU, and faiss-gpu sees none: look at nvidia-smi, or leave "
            "--device out"
        )
    return api.StandardGpuResources()


class GpuIndex:
    """The rows of a gallery in GPU memory; 16-bit floats where 32-bit ones do not fit.

    dim     D
    raises  as open_gpu()
    """

    def __init__(self, dim: int) -> None:
        self._resources = open_gpu()
        self._dim = dim
        self._half = False
        self._index = self._empty()

    @property
    def covered(self) -> int:
        """Rows [0, covered) of the gallery are in it."""
        return int(self._index.ntotal)

    @property
    def bytes_per_row(self) -> int:
        """Of GPU memory."""
        return self._dim * (2 if self._half else 4)

    def candidates(self, probes: Embeddings, n: int) -> NDArray[np.int64]:
        """Rows (Q, n) that score highest for (Q, D) probes, -1 behind the 2048th."""
        asked = np.ascontiguousarray(probes, np.float32)
        found: NDArray[np.int64] = self._index.search(asked, min(n, MOST_CANDIDATES))[1]
        return np.pad(found, ((0, 0), (0, n - found.shape[1])), constant_values=-1)

    def extend(self, gallery: Embeddings) -> None:
        """Take in rows [covered, len(gallery)).

        raises  BadInput if they do not fit in the GPU's memory
        """
        if len(gallery) == self.covered:
            return
        try:
            self._take(gallery)
        except RuntimeError as error:
            _only_for_memory(error)
            self._half = True
            self._index = None  # gives its memory back before the next one asks
            self._index = self._empty()
            try:
                self._take(gallery)
            except RuntimeError as again:
                _only_for_memory(again)
                raise BadInput(
                    f"{len(gallery)} embeddings of {self._dim} dimensions do not fit in the GPU's "
                    f"memory, not even in 16 bits ({len(gallery) * self._dim * 2 / 1e9:.1f} GB): "
                    "leave --device out"
                ) from again

    def _take(self, gallery: Embeddings) -> None:
        # In one call: FAISS sets the memory for it aside at once and copies from the mapped file.
        self._index.add(np.ascontiguousarray(gallery[self.covered :], np.float32))

    def _empty(self) -> Any:
        import faiss

        api: Any = faiss
        settings = api.GpuIndexFlatConfig()
        settings.useFloat16 = self._half
        return api.GpuIndexFlatIP(self._resources, self._dim, settings)


def assigner(dim: int) -> tuple[Any, Any]:
    """What a product quantizer's training asks for nearest centroids, and the memory behind it.

    dim     of a sub-vector
    raises  as open_gpu()
    """
    import faiss

    resources = open_gpu()
    api: Any = faiss
    return api.GpuIndexFlatL2(resources, dim, api.GpuIndexFlatConfig()), resources


def _only_for_memory(error: RuntimeError) -> None:
    if "memory" not in str(error).lower():
        raise error
