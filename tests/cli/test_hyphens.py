"""Which arguments are words and which options, asked of the real commands without running them."""

from __future__ import annotations

import pytest
import typer

from retrieve.cli.app import Commands
from retrieve.cli.commands.words.words import app as words_app


def _parsed(command, *arguments):
    made = Commands()[command]
    with made.make_context(f"retrieve {command}", list(arguments)) as context:
        return context.params


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-5 grados", "--mode", "bm25"], ["-5 grados"]),
        (["-5", "grados", "-k", "3"], ["-5", "grados"]),
        (["helada", "- una lista", "--text"], ["helada", "- una lista"]),
        (["-¿qué?"], ["-¿qué?"]),
        (["--no veo nada"], ["--no veo nada"]),
        (["-k3", "--", "-5", "-casa", "--json"], ["-5", "-casa", "--json"]),
        (["-k", "-5 grados"], None),
        (["uno", "--", "dos"], ["uno", "dos"]),
        (["-"], ["-"]),
    ],
)
def test_what_can_be_no_option_is_words(arguments, words):
    if words is None:
        with pytest.raises(typer.BadParameter):  # it is the value of -k
            _parsed("search", *arguments)
    else:
        assert list(_parsed("search", *arguments)["given"]) == words


def test_options_among_words_stay_options():
    found = _parsed("search", "-k", "3", "-1 grado", "--mode=bm25", "ayer", "-cX", "--json")
    assert (found["k"], found["mode"], found["as_json"]) == (3, "bm25", True)
    assert str(found["collection"]) == "X"
    assert list(found["given"]) == ["-1 grado", "ayer"]


@pytest.mark.parametrize("command", ["search", "neighbors", "predict", "generate", "similarity"])
def test_an_option_that_is_not_there_is_answered_with_the_way_to_ask_for_words(command):
    with pytest.raises(Exception, match=rf"No such option: -zeta\. .*{command} -- -zeta$"):
        _parsed(command, "-zeta")


def test_a_mistyped_option_is_no_word():
    with pytest.raises(Exception, match="No such option: --jsom"):
        _parsed("search", "x", "--jsom")


def test_a_minus_before_a_word_of_a_sum_is_no_option():
    found = _parsed("analogy", "rey", "-hombre", "+mujer", "-k", "2")
    assert (list(found["words"]), found["k"]) == (["rey", "-hombre", "+mujer"], 2)


def test_words_to_draw_may_begin_with_a_hyphen():
    plot = typer.main.get_group(words_app).commands["plot"]
    with plot.make_context("plot", ["-5 grados", "rey", "--out", "a.png"]) as context:
        assert list(context.params["words"]) == ["-5 grados", "rey"]
