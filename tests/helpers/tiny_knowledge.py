"""A folder in the layout of ../shared/text/knowledge, small enough to read in a test."""

from __future__ import annotations

import io
import json
import lzma
import tarfile
from pathlib import Path

SYNSETS = {
    "noun.animal": """
00000001-n: {ili: i1, members: [animal], partOfSpeech: n}
00000002-n: {ili: i2, members: [dog], hypernym: [00000001-n], partOfSpeech: n}
00000003-n: {ili: i3, members: [cat], hypernym: [00000001-n], partOfSpeech: n}
""",
    "noun.person": "00000004-n: {ili: i4, members: [nun], partOfSpeech: n}",
    "adj.all": """
00000005-a: {ili: i5, members: [good], partOfSpeech: a}
00000006-s: {ili: i6, members: [bad], partOfSpeech: s}
""",
    "frames": "via: Somebody ----s",
    "entries-a": """
good: {a: {sense: [{id: 'good%1', synset: 00000005-a, antonym: ['bad%1']}]}}
bad: {a: {sense: [{id: 'bad%1', synset: 00000006-s}]}}
""",
}
INDEX = "i1\t00000011-n\ni2\t00000012-n\ni3\t00000013-n\ni4\t00000014-n\ni5\t00000015-a\n"
INDEX += "i6\t00000016-s\n"
SENSES = """# test
00000011-n\tlemma\tanimal
00000012-n\tlemma\tperro
00000012-n\tlemma\tcan
00000013-n\tlemma\tgato
00000014-n\tlemma\tmonja
00000015-a\tlemma\tbueno
00000016-a\tlemma\tmalo
"""


def write(folder: Path) -> Path:
    """Write the folder and return it."""
    folder.mkdir(parents=True)
    (folder / "wn-data-spa.tab").write_text(SENSES, "utf-8")
    (folder / "wn-wikt-spa.tab").write_text("# w\n00000013-n\tspa:lemma\tMinino\n", "utf-8")
    (folder / "wn-cldr-spa.tab").write_text("# c\n", "utf-8")
    (folder / "mcr_glosas_es.txt").write_text("animal que ladra\n", "utf-8")
    (folder / "spa.derivations").write_text("claro\tclaramente\tADJ:ADV\t-mente\n", "utf-8")
    (folder / "countries.json").write_text(
        json.dumps([{"cca2": "FR", "currencies": {"EUR": {}}}]), "utf-8"
    )
    with lzma.open(folder / "ili-map-pwn30.tab.xz", "wt", encoding="utf-8") as file:
        file.write(INDEX)
    with tarfile.open(folder / "oewn.tar.xz", "w:xz") as tar:
        for name, text in SYNSETS.items():
            info = tarfile.TarInfo(f"oewn/{name}.yaml")
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    lists = folder / "todosloscorpus" / "data"
    for name, value in {
        "geography/countries_with_capitals": {
            "countries": [{"name": "Francia", "capital": "París"}]
        },
        "humans/familyRelations": {"familyRelations": [{"member": {"m": "abuelo", "f": "abuela"}}]},
        "animals/common": ["perro", "gato", "caballo"],
    }.items():
        path = lists / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value), "utf-8")
    return folder
