"""A sample of the damages of python -m benchmarks.damage: none may change an answer in silence."""

from __future__ import annotations

import random
import signal
import warnings
from itertools import islice

import damage
import pytest

from retrieve.faces.detection import detect
from retrieve.faces.embedding import embed
from retrieve.indexes.building import jobs, storing, workers
from retrieve.indexes.search import ann
from retrieve.text.encoders import encode

SEED = 14
MOST = dict.fromkeys(("cells", "content", "anywhere", "pages", "places"), 2)  # .2 s each
REPLACED = (  # by Ground, for good
    (detect, "open_detector"),
    (detect, "DETECTORS"),
    (embed, "open_embedder"),
    (embed, "is_embedder"),
    (encode, "open_text_encoder"),
    (encode, "is_encoder"),
    (storing, "BATCH_FILES"),
    (jobs, "Faces"),
    (workers, "run"),
    (ann, "EXACT_BYTES"),
    (warnings, "showwarning"),
)


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    with pytest.MonkeyPatch.context() as patch:
        for module, name in REPLACED:
            patch.setattr(module, name, getattr(module, name))
        yield damage.Ground(tmp_path_factory.mktemp("ground"), damage.READING)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def _trials(ground, kind, rng):
    every = {
        "cells": lambda: damage.bits_of_cells(ground, rng),
        "content": lambda: damage.bits_of_content(ground, rng),
        "anywhere": lambda: damage.bits_anywhere(ground, rng, 2),
        "pages": lambda: damage.pages(ground, rng),
        "places": lambda: damage.places(ground),
    }[kind]()
    drawn = list(every)
    rng.shuffle(drawn)
    for name, how in drawn:
        try:
            yield ground.trial(name, how, write=kind == "places")
        except damage.Impossible:
            continue


@pytest.mark.parametrize("kind", MOST)
def test_damage_is_told_or_changes_no_answer(ground, kind):
    made = list(islice(_trials(ground, kind, random.Random(f"{kind} {SEED}")), MOST[kind]))
    assert len(made) == MOST[kind]
    assert {trial.name: trial.failures for trial in made if trial.failures} == {}


def test_an_answer_that_differs_without_a_word_would_be_seen(ground, monkeypatch):
    monkeypatch.setitem(ground.answers, damage.READING[3], damage.Said(0, "another", ""))
    trial = ground.trial("nothing", lambda _: None)
    assert "answered otherwise without a word: people --all --json" in trial.failures
