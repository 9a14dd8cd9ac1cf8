from __future__ import annotations

import pytest

from retrieve.documents.encoding import decode
from retrieve.documents.terminals import without_controls


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("\x1b[32m2024\x1b[0m \x1b[1;31mconexión\x1b[0m", "2024 conexión"),
        ("\x1b[38;5;196mrojo\x1b[m\x1b[K", "rojo"),
        ("uno\x1b[10Cdos\x1b[2;5Htres", "uno dos tres"),
        ("\x1b]0;título de ventana\x07texto", "texto"),
        ("\x1b]8;;http://a.es\x1b\\enlace\x1b]8;;\x1b\\", "enlace"),
        ("\x1b(B\x1b[?25lhola\x1b=", "hola"),
        ("N\bNE\bEG\bG \u00e9\b\u00e9", "NEG é"),
        ("_\bT_\bi u\b_n\b_", "Ti un"),
        ("n\bn\bn\bn", "n"),
        ("holla\b\b\b   \b\b\bna", "hona "),
        ("sin fin \x1b]0;y ya", "sin fin 0;y ya"),
    ],
)
def test_a_text_is_what_stood_on_the_screen(written, read):
    assert without_controls(written) == read


def test_of_a_bar_of_progress_the_last_state_is_kept_and_lines_are_as_many():
    bar = "".join(f"bajando [{'#' * n}{' ' * (9 - n)}] {n * 11}%\r" for n in range(9))
    text = f"Inicio\n{bar}bajando [#########] 99%\nFin\n"
    read = without_controls(text)
    assert read.split() == ["Inicio", "bajando", "[#########]", "99%", "Fin"]
    assert read.count("\r") + read.count("\n") == text.count("\r") + text.count("\n")


def test_lines_of_old_macintoshes_are_no_states_of_one():
    assert without_controls("1\r2\r3\r") == "1\r2\r3\r"
    assert without_controls("uno\rdos\ntres") == "uno\rdos\ntres"


def test_an_overstruck_manual_is_no_binary_file():
    manual = "".join(f"{letter}\b{letter}" for letter in "NOMBRE") + "\n"
    assert decode(manual.encode() * 50)[0] == "NOMBRE\n" * 50
