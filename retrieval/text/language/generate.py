"""What a language model says next: the tree of likely pieces, and text drawn from it.

Source: Holtzman et al. 2020, "The curious case of neural text degeneration" (top-p).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.text.language.model import LanguageModel, State

LONGEST = 4  # bytes of a character in UTF-8
CONTINUING = (0x80, 0xBF)  # the bytes behind the first
SECOND = {0xE0: (0xA0, 0xBF), 0xED: (0x80, 0x9F), 0xF0: (0x90, 0xBF), 0xF4: (0x80, 0x8F)}
BROKEN = "\N{REPLACEMENT CHARACTER}"  # a character of which not all bytes are there yet


@dataclass(frozen=True, slots=True)
class Branch:
    """A piece that may come next, and what may come after it.

    piece        as it is read; a character that is spelt in bytes is one piece here
    probability  given all that stands before it, 0 to 1
    """

    piece: str
    probability: float
    after: tuple[Branch, ...] = ()


@dataclass(frozen=True, slots=True)
class Drawn:
    """One piece of a generated text.

    text         what it adds to the text; "" for <EOS> and for a part of a character
    probability  that the model gave it, before temperature and top-p
    """

    piece: str
    text: str
    probability: float


def likely(model: LanguageModel, text: str, *, k: int = 5, depth: int = 2) -> tuple[Branch, ...]:
    """The k most probable next pieces, each with the k that follow it, `depth` levels deep.

    Of a character that begins with one byte the most probable other bytes are taken.
    """
    return _likely(model, _read(model, text)[1], k, depth)[0]


def _likely(model: LanguageModel, state: State, k: int, depth: int) -> list[tuple[Branch, ...]]:
    probabilities = model.next_pieces(state)  # (B, N)
    probabilities[:, _beginning_nothing(model)] = 0
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]  # (B, k)
    B, k = best.shape
    chances = np.take_along_axis(probabilities, best, axis=1).ravel()  # (B k)
    texts = [model.pieces.piece(piece) for piece in best.ravel().tolist()]
    spelt = [at for at, piece in enumerate(best.ravel().tolist()) if piece in model.pieces.bytes]
    after: list[tuple[Branch, ...]] = [()] * (B * k)
    if depth > 1 or spelt:
        parents = np.repeat(np.arange(B), k)
        read = model.read(state.rows(parents.tolist()), best.reshape(1, -1))
        for at in spelt:
            texts[at], chance, whole = _whole(model, read.rows([at]), int(best.flat[at]))
            chances[at] *= chance
            read = read.with_row(at, whole)
        if depth > 1:
            after = _likely(model, read, k, depth - 1)
    end = model.pieces.end
    branches = [
        Branch(texts[at], float(chances[at]), () if piece == end else after[at])
        for at, piece in enumerate(best.ravel().tolist())
    ]
    rows = (branches[row * k : (row + 1) * k] for row in range(B))
    return [tuple(sorted(row, key=lambda one: -one.probability)) for row in rows]


def _beginning_nothing(model: LanguageModel) -> list[int]:
    """The ids of bytes with which no character begins."""
    return [i for i, byte in model.pieces.bytes.items() if not (byte < 0x80 or 0xC2 <= byte < 0xF5)]


def _whole(model: LanguageModel, state: State, piece: int) -> tuple[str, float, State]:
    """The character that most probably begins with a byte, how probable its other bytes are, and
    the state behind it.

    state  of one text, which ends with that byte
    """
    ids, chance = [piece], 1.0
    lowest, highest = SECOND.get(model.pieces.bytes[piece], CONTINUING)
    while (text := model.pieces.decode(ids)).endswith(BROKEN) and len(ids) < LONGEST:
        further = [i for i, byte in model.pieces.bytes.items() if lowest <= byte <= highest]
        lowest, highest = CONTINUING
        probabilities = model.next_pieces(state)[0, further]
        ids.append(further[int(probabilities.argmax())])
        chance *= float(probabilities.max())
        state = model.read(state, np.array([ids[-1:]]))
    return text, chance, state


def generate(
    model: LanguageModel,
    text: str,
    *,
    length: int = 100,
    temperature: float = 1.0,
    top_p: float = 1.0,
    seed: int = 1,
    lines: int = 1,
) -> Iterator[Drawn]:
    """Draw the pieces that go on from a text, one by one.

    text         the beginning; "" begins at <SOS>
    length       most pieces
    temperature  0 takes the most probable piece; below 1 the likely ones gain, above 1 the rare
    top_p        draws among the fewest pieces that have this probability together
    seed         the same seed and machine give the same text
    lines        ends at the <EOS> of so many lines
    raises       BadInput for a number out of its range
    """
    if not (temperature >= 0 and 0 < top_p <= 1 and length >= 0 and lines >= 1):
        raise BadInput(
            "wanted temperature ≥ 0, 0 < top-p ≤ 1, length ≥ 0 and lines ≥ 1; got "
            f"{temperature}, {top_p}, {length}, {lines}"
        )
    return _generate(model, text, length, temperature, top_p, seed, lines)


def _generate(
    model: LanguageModel,
    text: str,
    length: int,
    temperature: float,
    top_p: float,
    seed: int,
    lines: int,
) -> Iterator[Drawn]:
    generator = np.random.default_rng(seed)
    pieces = model.pieces
    ids, state = _read(model, text)
    said = len(pieces.decode(ids))
    for _ in range(length):
        probabilities = model.next_pieces(state)[0]
        drawn = draw(_sayable(model, probabilities), temperature, top_p, generator)
        state = model.read(state, np.array([[drawn]]))
        probability = float(probabilities[drawn])
        if drawn == pieces.end:
            ids, said = [], 0
            yield Drawn(pieces.piece(drawn), "", probability)
            lines -= 1
            if lines == 0:
                return
            continue
        ids.append(drawn)
        now = pieces.decode(ids)
        new = "" if now.endswith(BROKEN) else now[said:]
        said += len(new)
        yield Drawn(pieces.piece(drawn), new, probability)


def draw(
    probabilities: NDArray[np.float32],
    temperature: float,
    top_p: float,
    generator: np.random.Generator,
) -> int:
    """One of N pieces by chance, after temperature and top-p.

    probabilities  (N,), any positive sum
    """
    if temperature == 0:
        return int(probabilities.argmax())
    with np.errstate(divide="ignore"):
        logits = np.log(probabilities.astype(np.float64)) / temperature
    weights = np.exp(logits - logits.max())
    order = np.argsort(-weights, kind="stable")
    sums = np.cumsum(weights[order])
    among = int(np.searchsorted(sums, top_p * sums[-1])) + 1  # the piece that crosses top_p is in
    among = min(among, len(order))
    at = int(np.searchsorted(sums[:among], generator.random() * sums[among - 1], side="right"))
    return int(order[min(at, among - 1)])


def _sayable(model: LanguageModel, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """The probabilities without <unk> and <SOS>, which are no text."""
    left = probabilities.copy()
    left[[0, model.pieces.start]] = 0
    return left


def _read(model: LanguageModel, text: str) -> tuple[list[int], State]:
    (ids,) = model.pieces.encode([text.strip()])
    return ids, model.read(model.start(), np.array(ids, np.int64).reshape(-1, 1))
