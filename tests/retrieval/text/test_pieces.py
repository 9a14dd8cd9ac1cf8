import hashlib

import pytest

from retrieve.errors import WeightsError
from retrieve.text.language import pieces
from retrieve.text.language.pieces import open_pieces


@pytest.fixture(scope="module")
def shipped():
    return open_pieces()


def test_the_shipped_model_is_the_one_of_the_checksum():
    assert hashlib.sha256(pieces.SHIPPED.read_bytes()).hexdigest() == pieces.SHIPPED_SHA256


def test_it_has_16000_pieces_with_start_and_end(shipped):
    assert len(shipped) == len(shipped.strings) == 16_000
    assert [shipped.piece(shipped.start), shipped.piece(shipped.end)] == ["<SOS>", "<EOS>"]


@pytest.mark.parametrize(
    "text", ["la última resolución de las Naciones", "¿1999? —Sí, señor…", "漢字 😀 ŷ", ""]
)
def test_any_text_comes_back_in_its_nfkc_form(shipped, text):
    (ids,) = shipped.encode([text])
    assert shipped.decode(ids) == text.replace("…", "...")


def test_start_and_end_have_no_text(shipped):
    (ids,) = shipped.encode(["una casa"])
    assert shipped.decode([shipped.start, *ids, shipped.end]) == "una casa"


def test_a_character_without_a_piece_is_spelt_in_bytes(shipped):
    (ids,) = shipped.encode(["🜚"])
    spelt = [piece for piece in map(shipped.piece, ids) if piece != pieces.SPACE]
    assert spelt == ["<0xF0>", "<0x9F>", "<0x9C>", "<0x9A>"]


def test_words_begin_where_a_space_stands(shipped):
    (ids,) = shipped.encode(["tres tristes tigres"])
    assert sum(shipped.begins_word[i] for i in ids) == 3


def test_a_damaged_or_missing_model_is_an_error(tmp_path):
    broken = tmp_path / "broken.model"
    broken.write_bytes(pieces.SHIPPED.read_bytes()[:1000])
    with pytest.raises(WeightsError, match="does not hold a sentencepiece model"):
        open_pieces(broken)
    with pytest.raises(WeightsError, match="cannot read the pieces"):
        open_pieces(tmp_path / "none.model")
