"""Pages that are there."""

from __future__ import annotations


def test_the_first_page_has_a_box_for_words(client):
    page = client.get("/")
    assert page.status_code == 200
    assert 'type="search"' in page.text


def test_words_find_passages(client):
    page = client.get("/", params={"q": "boda"})
    assert "carta.txt" in page.text
    assert "Zaragoza" in page.text
