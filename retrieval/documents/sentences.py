"""Where sentences end: marks, and the Spanish abbreviations and initials that are none.

Made for prose in Spanish; the rules hold for other languages of Europe, and full-width
marks end sentences without a blank. A missed end makes a longer sentence, a wrong end
tears one, so in doubt there is no end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_MARK = re.compile(r"[.!?…]+[»”’\"')\]]*(?= )|[。！？]+[」』”]*")
_OPENING = "¿¡«»“”„\"‘’'([{—–-*_ "  # what may stand before the first letter of a sentence
# What an abbreviation of letters looks like: J. / J.-P. / EE. / EE.UU. / S.A. / a. / d.C.
_INITIALS = re.compile(r"(?:(?:[^\W\d_]|([A-Z])\1)\.-?)+")
_NUMBER = re.compile(r"\d{1,3}\.")

# "etc." ends many sentences and "no." most of them: neither is here.
_ABBREVIATIONS = frozenset(
    """
    sr sra sres sras srta srtas srto d dn dña dra dr drs dras ud uds vd vds
    fr sor sto sta stos mons pbro rvdo rvda rdo hno hna hnos hnas p pp
    gral cnel cmdte cap capt tte sgto alf ing lic licda prof profa profs arq abg
    excmo excma ilmo ilma sermo dipl presid secr adj
    av avda avds ctra pza plza pl urb edif dpto dptos depto izq dcha apdo esq
    núm núms nro nros num art arts pág págs pag pags párr vol vols tít caps fig figs lám
    ed eds edic trad coord coords comp comps dir introd pról cf cfr vid vgr gr ej ejs
    aprox máx mín tel teléf tfno fax ext ref refs expte admón cía cia ltda
    p.ej v.gr q.e.p.d ca op cit ibíd ibid íd loc
    mr mrs ms st mt jr vs nos e.g i.e al bd chap sec mme mlle sig dott nr str bzw
    """.split()  # noqa: SIM905  a list would fill a page
)


def sentence_starts(text: str) -> Iterator[int]:
    """Where each sentence of a paragraph begins, 0 first.

    text  blanks are single ones, as `lines.clean` leaves them
    """
    start = 0
    if text:
        yield start
    for mark in _MARK.finditer(text):
        after = mark.end()
        if after < len(text) and _ends(text, start, mark):
            start = after + (text[after] == " ")
            if start < len(text):
                yield start


def _ends(text: str, start: int, mark: re.Match[str]) -> bool:
    if mark[0][0] in "。！？":
        return True
    # A letter in lower case goes on: "¡Ven! —dijo", "1.ª ed. revisada", "pero… no".
    following = text[mark.end() : mark.end() + 12].lstrip(_OPENING)[:1]
    if following.islower() or following in ",;:":
        return False
    return mark[0] != "." or not _is_abbreviation(text, start, mark.start())


def _is_abbreviation(text: str, start: int, dot: int) -> bool:
    """Whether the full stop at `dot` belongs to its word; the sentence begins at `start`."""
    begin = max(text.rfind(" ", start, dot) + 1, start)
    word = text[begin : dot + 1].lstrip(_OPENING)
    if word[:-1].lower() in _ABBREVIATIONS or _INITIALS.fullmatch(word):
        return True
    return begin == start and _NUMBER.fullmatch(word) is not None  # "3. Nombre y apellidos"
