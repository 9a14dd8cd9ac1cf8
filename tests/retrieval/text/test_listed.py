"""Models of texts say what they are and under which licence."""

from __future__ import annotations

import json

import pytest
import toy_language

from retrieve.errors import WeightsError
from retrieve.text import listed
from retrieve.text.language import model


def test_every_model_that_ships_states_its_licence():
    found = listed.text_models()
    shipped = [one for one in found if one.ships]
    assert {one.path.name for one in shipped} == {
        path.name for path in listed.DATA.iterdir() if path.suffix != ".md"
    }
    assert {one.licence for one in shipped} == {"CC BY-SA 4.0", "CC BY 4.0", "MIT"}
    assert all(one.size_bytes == one.path.stat().st_size for one in shipped)


def test_a_language_model_that_was_trained_here_is_listed(tmp_path, monkeypatch):
    monkeypatch.setattr(model, "models_dir", lambda: tmp_path)
    toy_language.write_random(tmp_path / "mine.safetensors")
    (own,) = [one for one in listed.text_models() if not one.ships]
    assert (own.name, own.licence, own.what) == ("mine", "unknown", "language model")


def test_a_file_that_says_nothing_is_told(tmp_path):
    path = tmp_path / "x.safetensors"
    header = json.dumps({"__metadata__": {}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(WeightsError, match=r"x\.safetensors is missing or damaged"):
        listed._stated(path)
