"""Texts without those that others contain, in time that grows with their length alone.

Source: Aho and Corasick 1975, "Efficient string matching: an aid to bibliographic search",
with words for letters.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from retrieve.text.tokens import words


def distinct(texts: Iterable[str]) -> list[str]:
    """Texts in order, without those whose words another one has in the same order.

    Of texts with the same words the first stays; texts without a word are left out.
    """
    unique: dict[tuple[str, ...], str] = {}
    for text in texts:
        unique.setdefault(tuple(words(text)), text)
    unique.pop((), None)
    held = _contained(list(unique))
    return [text for at, text in enumerate(unique.values()) if at not in held]


def _contained(patterns: list[tuple[str, ...]]) -> set[int]:
    """Which of some different patterns, none of them empty, stand inside another one.

    Every node of the tree of patterns knows the longest other node that its end spells
    (`fallback`), and the longest of these at which a pattern ends (`inner`).
    """
    if len(patterns) < 2:
        return set()
    children: list[dict[str, int]] = [{}]
    ends: list[int | None] = [None]
    paths: list[list[int]] = []  # the nodes of each pattern, word by word
    for number, pattern in enumerate(patterns):
        node, path = 0, []
        for word in pattern:
            following = children[node].get(word)
            if following is None:
                following = children[node][word] = len(children)
                children.append({})
                ends.append(None)
            node = following
            path.append(node)
        ends[node] = number
        paths.append(path)
    fallback, inner = [0] * len(children), [0] * len(children)
    waiting = deque(children[0].values())
    while waiting:
        node = waiting.popleft()
        for word, child in children[node].items():
            above = fallback[node]
            while above and word not in children[above]:
                above = fallback[above]
            fallback[child] = children[above].get(word, 0)
            waiting.append(child)
        above = fallback[node]
        inner[node] = above if ends[above] is not None else inner[above]
    found: set[int] = set()
    for number, path in enumerate(paths):
        for node in path:
            # A node of the pattern's own path is a pattern that it begins with; the others end
            # there too. Behind one that was found all were.
            at = inner[node] if ends[node] in (None, number) else node
            while at and (end := ends[at]) is not None and end not in found:
                found.add(end)
                at = inner[at]
    return found
