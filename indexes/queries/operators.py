"""What a query says of itself: "quoted phrases" have to stand so, -words must not.

Quotation marks of any kind count in pairs. A minus excludes where it stands before a word, after
a blank or at the start, and another word is asked for: -5 is a number, «Canfranc - Pau» has a
dash between blanks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

QUOTED = re.compile('"([^"]+)"|“([^”]+)”|«([^»]+)»|„([^“”]+)[“”]')
MINUS = r"(?<!\S)-(?=[^\W\d_])"
EXCLUDED = re.compile(rf"{MINUS}([^\s\"“”«»„]+)")
BEFORE_A_QUOTE = re.compile(r"(?<!\S)-\Z")


@dataclass(frozen=True, slots=True)
class Asked:
    """A query taken apart.

    words    what is looked for, the words of phrases among them, without marks
    phrases  that a passage has to hold, word for word
    without  words and phrases that it must not hold
    """

    words: str
    phrases: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether no passage is left out."""
        return not (self.phrases or self.without)


def taken_apart(query: str) -> Asked:
    """A query's words, phrases and exclusions; what only excludes asks for its words."""
    phrases: list[str] = []
    without: list[str] = []
    words: list[str] = []
    at = 0
    for match in QUOTED.finditer(query):
        phrase = next(group for group in match.groups() if group is not None).strip()
        before, spoken = query[at : match.start()], any(map(str.isalnum, phrase))
        if spoken and BEFORE_A_QUOTE.search(before):
            before = BEFORE_A_QUOTE.sub("", before)
            without.append(phrase)
            phrase = ""
        elif spoken:
            phrases.append(phrase)
        words += [before, phrase]
        at = match.end()
    words.append(query[at:])
    for i, part in enumerate(words):
        if part not in phrases:
            without += EXCLUDED.findall(part)
            words[i] = EXCLUDED.sub("", part)
    said = " ".join(" ".join(words).split())
    if not any(map(str.isalnum, said)):
        return Asked(query)  # nothing is asked for beside it: an item pasted from a list
    return Asked(said, tuple(phrases), tuple(without)) if phrases or without else Asked(query)
