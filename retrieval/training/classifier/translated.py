"""Sentences of every day in nine languages, to train the classifier of languages on.

    python -m retrieve.training.classifier.translated CORPORA --out SOURCES/translated

Messages of programs have few words of novels, news and textbooks. CORPORA is the folder of Spanish
texts that the word vectors were trained on; sentences are drawn from it and translated by rule by
Apertium (Forcada et al. 2011, "Apertium: a free/open-source platform for rule-based machine
translation"), whose Debian packages the model card names. Near languages are told apart by what the
same sentence has otherwise. German, Dutch and Romanian are not among those that it translates to.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from retrieve.cache import replacing
from retrieve.errors import BadInput
from retrieve.training.words.corpus import lines

DRAWN = {  # sentences of each text, in this order
    "globalvoices_aym": 4000,
    "openstax_es": 5000,
    "spai": 6000,
    "eltec_spa": 4000,
    "presidencia_mx": 2000,
    "cfk": 2000,
}
SEED = 1
FEWEST_WORDS, MOST_WORDS = 8, 40  # of a sentence
MOST_DIGITS = 7
NOT_SAID = ("@", "http", "*", "[")  # of links and markup; Apertium writes a star itself
LANGUAGES = {
    "ast": "spa-ast", "glg": "es-gl", "oci": "es-oc", "por": "es-pt", "cat": "spa-cat",
    "ita": "spa-ita", "fra": "es-fr", "eng": "spa-eng",
}  # fmt: skip


def drawn(folder: Path) -> list[str]:
    """The Spanish sentences, in an order by chance.

    raises  BadInput if the folder lacks one of the texts
    """
    chance = random.Random(SEED)
    found: list[str] = []
    for name, count in DRAWN.items():
        path = folder / f"{name}.txt.xz"
        if not path.is_file():
            raise BadInput(f"wanted {path.name} among the texts; {folder} has no such file")
        fit = [*_sentences(line.strip() for line in lines(path))]
        found += chance.sample(fit, min(count, len(fit)))
    chance.shuffle(found)
    return found


def _sentences(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        said = not any(one in text for one in NOT_SAID)
        digits = sum(map(str.isdigit, text))
        if said and digits <= MOST_DIGITS and FEWEST_WORDS <= len(text.split()) <= MOST_WORDS:
            yield text


def translate(source: Path, out: Path, mode: str) -> None:
    """Write a translation of a file, line for line.

    raises  BadInput if Apertium is not installed, or cannot translate so
    """
    if shutil.which("apertium") is None:
        raise BadInput("wanted the command apertium; install its Debian packages (model card)")
    with replacing(out) as temporary:
        command = ["apertium", "-f", "line", mode, str(source), str(temporary)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BadInput(f"apertium {mode} failed: {done.stderr.strip()[-200:]}")


def main() -> None:
    """Draw, translate, write a file a language; a language that is there already is left."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("corpora", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    spanish = given.out / "spa.txt"
    if not spanish.exists():
        with replacing(spanish) as temporary:
            temporary.write_text("\n".join(drawn(given.corpora)) + "\n", "utf-8")
    for language, mode in LANGUAGES.items():
        out = given.out / f"{language}.txt"
        if not out.exists():
            translate(spanish, out, mode)


if __name__ == "__main__":
    main()
