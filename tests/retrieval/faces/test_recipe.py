from __future__ import annotations

import pytest

from retrieve.errors import CollectionError
from retrieve.faces.detection.recipe import DEFAULT, FIRST, Recipe, read_recipe


def test_a_recipe_is_read_as_it_was_recorded():
    for recipe in (DEFAULT, FIRST, DEFAULT.turning(False), Recipe(800, 512, 50, 256, 2)):
        assert read_recipe(str(recipe)) == recipe


def test_a_collection_without_a_recipe_has_the_first_one():
    assert read_recipe(None) == FIRST
    assert (FIRST.photo_px, FIRST.tile_px, FIRST.turn_px, FIRST.edition) == (1024, 0, 0, 1)


def test_turns_can_be_had_and_left_out():
    assert DEFAULT.turning(True) == DEFAULT
    assert DEFAULT.turning(False).turn_px == 0
    assert FIRST.turning(True).turn_px == DEFAULT.turn_px


@pytest.mark.parametrize(
    "text", ["photo_px=1024 mirrors=2", f"edition={DEFAULT.edition + 1}", "photo_px=many", "?"]
)
def test_a_recipe_of_a_newer_version_is_not_guessed_at(text):
    with pytest.raises(CollectionError, match="Upgrade"):
        read_recipe(text)
