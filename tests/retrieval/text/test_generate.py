"""Drawing text, and the tree of what may come next."""

from __future__ import annotations

import numpy as np
import pytest
import toy_language
from numpy.testing import assert_allclose

from retrieve.errors import BadInput
from retrieve.text.language.generate import draw, generate, likely
from retrieve.text.language.model import open_language


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("language") / "toy.safetensors"
    toy_language.write_random(path)
    return open_language(str(path))


def _after(model, ids):
    return model.next_pieces(model.read(model.start(), np.array(ids).reshape(-1, 1)))[0]


def _ways(model, piece):
    """The ids of a piece, and of the bytes of a character."""
    strings = model.pieces.strings
    found = [[strings.index(piece)]] if piece in strings else []
    if len(piece) == 1:
        found.append([strings.index(f"<0x{byte:02X}>") for byte in piece.encode()])
    return found


def _chance(model, ids, spelt):
    """That these ids come next, one after the other."""
    return np.prod([_after(model, [*ids, *spelt[:at]])[id] for at, id in enumerate(spelt)])


def test_the_tree_holds_what_reading_each_branch_gives(model):
    (ids,) = model.pieces.encode(["el perro"])
    branches = likely(model, "el perro", k=40, depth=2)
    chances = [branch.probability for branch in branches]
    assert chances == sorted(chances, reverse=True)
    lengths = set()
    for branch in branches:
        ways = _ways(model, branch.piece)
        chances = [_chance(model, ids, way) for way in ways]
        at = int(np.argmin(np.abs(np.array(chances) - branch.probability)))
        assert_allclose(branch.probability, chances[at], rtol=1e-4)
        lengths.add(len(ways[at]))
        if ways[at] == [model.pieces.end]:
            assert branch.after == ()
            continue
        second = branch.after[0]
        wanted = [_chance(model, [*ids, *ways[at]], way) for way in _ways(model, second.piece)]
        assert min(abs(one / second.probability - 1) for one in wanted) < 1e-3
    assert max(lengths) > 1


def test_what_comes_next_is_letters_and_no_bytes(model):
    pieces = {branch.piece for branch in likely(model, "", k=200, depth=1)}
    assert not [piece for piece in pieces if piece.startswith("<0x")]
    assert all("\N{REPLACEMENT CHARACTER}" not in piece for piece in pieces)


def test_depth_one_has_no_second_level(model):
    assert all(branch.after == () for branch in likely(model, "", k=4, depth=1))


def test_temperature_zero_takes_the_likeliest():
    generator = np.random.default_rng(1)
    assert draw(np.array([0.2, 0.5, 0.3], np.float32), 0, 1.0, generator) == 1


def test_top_p_keeps_the_piece_that_crosses_it_and_no_more():
    generator = np.random.default_rng(1)
    probabilities = np.array([0.1, 0.5, 0.3, 0.1], np.float32)
    drawn = {draw(probabilities, 1.0, 0.6, generator) for _ in range(300)}
    assert drawn == {1, 2}


@pytest.mark.parametrize(("temperature", "power"), [(1.0, 1.0), (0.5, 2.0), (2.0, 0.5)])
def test_pieces_are_drawn_by_their_probability_to_the_power_of_the_temperature(temperature, power):
    generator = np.random.default_rng(1)
    probabilities = np.array([0.6, 0.3, 0.1, 0.0], np.float32)
    drawn = [draw(probabilities, temperature, 1.0, generator) for _ in range(20_000)]
    want = probabilities**power / (probabilities**power).sum()
    assert_allclose(np.bincount(drawn, minlength=4) / 20_000, want, atol=0.012)


def test_the_same_seed_draws_the_same_text_and_another_seed_another(model):
    texts = [
        [one.piece for one in generate(model, "el", length=30, seed=s, lines=9)] for s in (1, 1, 2)
    ]
    assert texts[0] == texts[1] != texts[2]


def test_it_stops_at_the_length_or_at_the_end_of_the_last_line(model):
    drawn = list(generate(model, "", length=400, lines=2, seed=3))
    ends = [number for number, one in enumerate(drawn) if one.piece == "<EOS>"]
    assert len(drawn) <= 400
    assert len(ends) <= 2
    assert len(ends) < 2 or ends[-1] == len(drawn) - 1
    assert len(list(generate(model, "", length=5, lines=9, seed=3))) == 5


def test_streamed_parts_make_the_decoded_text(model):
    drawn = list(generate(model, "el perro", length=60, seed=5, lines=99))
    line = drawn[: next((i for i, one in enumerate(drawn) if one.piece == "<EOS>"), 60)]
    (ids,) = model.pieces.encode(["el perro"])
    ids = [*ids, *(model.pieces.strings.index(one.piece) for one in line)]
    text = "el perro" + "".join(one.text for one in line)
    assert model.pieces.decode(ids).startswith(text.rstrip("�"))
    assert not {"<unk>", "<SOS>"} & {one.piece for one in drawn}


@pytest.mark.parametrize(
    "wrong", [{"temperature": -1}, {"top_p": 0}, {"top_p": 1.1}, {"length": -1}, {"lines": 0}]
)
def test_numbers_out_of_range_are_refused(model, wrong):
    with pytest.raises(BadInput, match="wanted temperature"):
        generate(model, "", **wrong)
