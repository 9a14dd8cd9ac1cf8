from __future__ import annotations

import pytest

from retrieve.documents.formats.subtitles import read_subtitles
from retrieve.documents.passages import split


def _lines(text):
    return [(line.time_s, line.line, line.text) for line in read_subtitles(text).lines]


SRT = """1
00:00:01,500 --> 00:00:03,000
<i>¿Dónde</i> está

2
00:00:03,100 --> 00:00:05,000
{\\an8}mi caballo?

3
01:02:20,000 --> 01:02:22,000
Aquí.
1999
"""


def test_srt_gives_text_with_times():
    assert _lines(SRT) == [
        (1.5, 3, "¿Dónde está"),
        (3.1, 7, "mi caballo?"),
        (3740.0, 11, "Aquí."),
        (3740.0, 12, "1999"),
    ]


def test_cues_are_joined_to_passages_at_the_time_of_the_first():
    first = next(split(read_subtitles(SRT).lines))
    assert first.text.startswith("¿Dónde está mi caballo? Aquí.")
    assert (first.time_s, first.line) == (1.5, 3)


def test_a_pause_ends_a_paragraph():
    assert [line.begins for line in read_subtitles(SRT).lines] == [True, False, True, False]


def test_vtt_is_read_without_its_notes_styles_names_and_tags():
    text = (
        "WEBVTT - Prueba\nKind: captions\n\nSTYLE\n::cue {color: red}\n\nNOTE\nno --\nse lee\n\n"
        "escena uno\n00:01.000 --> 00:02.000 align:start\n<v Ana>Hola, <00:01.500><c>mar</c> &amp;"
        " sol.\n\nNOTE fin\n\n2\n01:00:00.250 --> 01:00:01.000\n2 < 3 > 1\n"
    )
    assert _lines(text) == [(1.0, 13, "Hola, mar & sol."), (3600.25, 19, "2 < 3 > 1")]


def test_captions_that_roll_are_read_once():
    text = (
        "WEBVTT\n\n00:01.000 --> 00:03.000\nera una noche\n\n00:03.000 --> 00:05.000\n"
        "era una noche\noscura y fría\n\n00:05.000 --> 00:07.000\noscura y fría\nde enero\n"
    )
    assert [text for _, _, text in _lines(text)] == ["era una noche", "oscura y fría", "de enero"]


@pytest.mark.parametrize(
    "text",
    [
        "1\n00:00:01,0 --> 00:00:02,0\nHola\n2\n00:00:02,0 --> 00:00:03,0\nadiós",
        "00:00:01.000 --> 00:00:02.000\nHola\n\n\nadiós\n",
        "1\r00:00:01,000 --> 00:00:02,000\rHola\r\r2\r00:00:02,000 --> 00:00:03,000\radiós\r",
    ],
)
def test_files_that_break_the_rules_are_read_too(text):
    assert [text for _, _, text in _lines(text)] == ["Hola", "adiós"]


def test_a_cue_of_a_number_is_no_name():
    text = "00:01.000 --> 00:02.000\n1999\n\n00:02.000 --> 00:03.000\n2000\n"
    assert [text for _, _, text in _lines("WEBVTT\n\n" + text)] == ["1999", "2000"]


def test_text_without_times_is_no_subtitle():
    assert _lines("Hola\n\nadiós\n") == []
