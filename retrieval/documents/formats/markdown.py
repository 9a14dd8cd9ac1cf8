"""Markdown: headings become titles, marks go, front matter gives title, date and tags.

markdown-it-py parses CommonMark with tables; it is what the terminal output needs anyway.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, pairwise
from typing import TYPE_CHECKING

from retrieve.documents.dates import iso
from retrieve.documents.divided import join_divided
from retrieve.documents.formats.frontmatter import front_matter
from retrieve.documents.formats.markup import strip_tags
from retrieve.documents.lines import Line, Source, clean

if TYPE_CHECKING:
    from markdown_it.token import Token


def read_markdown(text: str) -> Source:
    """The text of a Markdown file; its title is the front matter's, else its first heading's.

    What the front matter says in tags, aliases and descriptions stands before the text.
    """
    from markdown_it import MarkdownIt

    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    front = front_matter(text)
    body = join_divided(text[front.end :])
    tokens = MarkdownIt("commonmark").enable("table").parse(body)
    title = front.title or _first_heading(tokens)
    said = (Line(words, line=number) for number, words in front.said)
    lines = chain(said, _lines(tokens, front.lines))
    return Source(lines, clean(title), iso(front.date))


def _first_heading(tokens: list[Token]) -> str:
    """The text of a heading of the first level, if it is the first heading."""
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            return " ".join(_inline(inline)) if opening.tag == "h1" else ""
    return ""


def _lines(tokens: list[Token], first: int) -> Iterator[Line]:
    """Text of the tokens; `first` lines of front matter stand before them.

    A row of a table is one paragraph.
    """
    heading = False
    number, cell = first + 1, 0
    for token in tokens:
        if token.map:
            number = first + token.map[0] + 1
        if token.type in ("heading_open", "heading_close"):
            heading = token.type == "heading_open"
        elif token.type in ("tr_open", "tr_close"):
            cell = 0
        elif token.type in ("td_open", "th_open"):
            cell += 1
        elif token.type == "inline" and heading:
            yield Line(" ".join(_inline(token)), heading=True, line=number)
        else:
            begins = cell <= 1
            for offset, text in enumerate(_contents(token)):
                yield Line(text, begins=begins, line=number + offset)
                begins = False


def _contents(token: Token) -> list[str]:
    """The text of a block, line by line."""
    if token.type == "inline":
        return _inline(token)
    if token.type == "fence":
        return ["", *token.content.split("\n")]  # its first line holds only the fence
    if token.type == "code_block":
        return token.content.split("\n")
    if token.type == "html_block":
        return strip_tags(token.content).split("\n")
    return []


def _inline(token: Token) -> list[str]:
    """What a reader sees of a paragraph, line by line: no marks, no addresses of links."""
    lines = [""]
    for child in token.children or []:
        if child.type in ("softbreak", "hardbreak"):
            lines.append("")
        elif child.type in ("text", "text_special", "code_inline", "image"):
            lines[-1] += child.content
    return lines
