"""Text ⇄ pieces: the sentencepiece unigram model that the networks on text share.

The text is brought to NFKC; a space shows as ▁ at the start of a piece; a character without
a piece of its own is spelt in bytes, so that every text can be encoded.
Source: Kudo & Richardson 2018, "SentencePiece".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from retrieve.errors import WeightsError

if TYPE_CHECKING:
    from sentencepiece import SentencePieceProcessor

START, END = "<SOS>", "<EOS>"
SPACE = "▁"
BYTE = re.compile("<0x([0-9A-F]{2})>")
SHIPPED = Path(__file__).parents[1] / "data" / "es.pieces.model"
SHIPPED_SHA256 = "77acf3a440d36ae3862516bd931ecc08e393d3efa0461d4d6ee02bb70829358c"


class Pieces:
    """A model of N pieces; ids are 0 to N - 1."""

    def __init__(self, model: bytes) -> None:
        from sentencepiece import SentencePieceProcessor

        self.model = model
        self.sha256 = hashlib.sha256(model).hexdigest()
        self._processor: SentencePieceProcessor = SentencePieceProcessor(model_proto=model)

    def __len__(self) -> int:
        return int(self._processor.vocab_size())

    @property
    def start(self) -> int:
        """The id of <SOS>."""
        return int(self._processor.bos_id())

    @property
    def end(self) -> int:
        """The id of <EOS>."""
        return int(self._processor.eos_id())

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text, without <SOS> and <EOS>; [] for an empty text."""
        found: list[list[int]] = self._processor.encode(list(texts), num_threads=1)
        return found

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids; <SOS> and <EOS> have none, broken bytes become U+FFFD."""
        return str(self._processor.decode([int(i) for i in ids]))

    def piece(self, i: int) -> str:
        """How a piece is written: `▁casa`, `ción`, `<0xF0>`, `<EOS>`."""
        return self.strings[i]

    @cached_property
    def strings(self) -> list[str]:
        """All pieces in the order of their ids."""
        return [str(self._processor.id_to_piece(i)) for i in range(len(self))]

    @cached_property
    def bytes(self) -> dict[int, int]:
        """The ids of the pieces that are one byte, and which."""
        found = ((i, BYTE.fullmatch(piece)) for i, piece in enumerate(self.strings))
        return {i: int(byte[1], 16) for i, byte in found if byte is not None}

    @cached_property
    def begins_word(self) -> list[bool]:
        """For each id whether a space stands before it."""
        return [piece.startswith(SPACE) for piece in self.strings]


def open_pieces(path: Path | None = None) -> Pieces:
    """Read a sentencepiece model; None is the shipped one, whose checksum is verified.

    raises  WeightsError if the file is missing, damaged or no such model
    """
    where = path or SHIPPED
    try:
        model = where.read_bytes()
    except OSError as error:
        raise WeightsError(f"cannot read the pieces: {error}") from error
    found = hashlib.sha256(model).hexdigest()
    if path is None and found != SHIPPED_SHA256:
        raise WeightsError(
            f"{where} is damaged: SHA-256 {found[:12]}…, wanted {SHIPPED_SHA256[:12]}…. "
            "Install the package again"
        )
    try:
        return Pieces(model)
    except RuntimeError as error:
        raise WeightsError(f"{where} does not hold a sentencepiece model: {error}") from error
