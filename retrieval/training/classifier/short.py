"""Thresholds of short texts for the classifier of languages, on packages it was not trained on.

    python -m retrieve.training.classifier.short PACKAGES --out languages.safetensors [--start FILE]

PACKAGES is a folder of unpacked packages as `retrieve train languages` reads it. From their
messages examples are made as for a training, whole ones and pieces of a few words; the network, its
temperature and the threshold of longer texts stay as they are.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from retrieve.text.classifiers.classify import LANGUAGES, Classifier, familiarity, open_classifier
from retrieve.text.classifiers.file import Fitted, length_of, read, save
from retrieve.text.encoders.encode import shipped
from retrieve.training.classifier import fitted
from retrieve.training.classifier.catalogues import sentences
from retrieve.training.classifier.languages import examples

A_LANGUAGE = 200  # whole examples of each, and PIECES times as many of a few words
# Share of the messages of each length that is not called none: texts of another kind are less
# familiar than messages are to what was trained on messages.
PASSES = 0.995


def refitted(classifier: Classifier, texts: Sequence[str], passes: float) -> Fitted:
    """What was fitted to a classifier, with thresholds for texts of a few words.

    texts   of its classes, in about equal parts, that it was not trained on
    passes  share of those of each length that is not called none
    """
    kept = [text for text in texts if classifier.covers(text)]
    familiar = familiarity(classifier.network.logits(kept), classifier.about.fitted)
    lengths = np.array([length_of(text) for text in kept], np.int64)
    short = fitted.short_thresholds(familiar, passes, lengths)
    return replace(classifier.about.fitted, short=short)


def main() -> None:
    """Fit, and write a file with the same network."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("packages", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, default=shipped(LANGUAGES))
    given = parser.parse_args()
    found = examples(sentences(given.packages), most=A_LANGUAGE)
    classifier = open_classifier(given.start)
    about, arrays = read(given.start)
    after = refitted(classifier, found.texts, PASSES)
    save(given.out, replace(about, fitted=after), arrays)


if __name__ == "__main__":
    main()
