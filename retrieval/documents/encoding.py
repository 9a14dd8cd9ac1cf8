"""Bytes → text: the encoding is detected, and what is no text is told apart."""

from __future__ import annotations

import codecs
import re

from retrieve.errors import BadInput

_MARKS = (  # UTF-32 first: its mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE_BYTES = 1 << 16  # of a file, to judge its encoding
# Control characters among all: text has next to none, bytes at random one in ten.
_BINARY_FROM = 0.005
_CONTROL = re.compile("[\0-\x08\x0e-\x19\x1c-\x1f]")
# Damaged UTF-8 is taken as such where it has this many good sequences for a broken one.
_GOOD_FOR_BROKEN = 4
_BROKEN = "\ufffd"
# 8-bit encodings of western Europe: Windows (and Latin-1), old Macintosh, DOS.
_WESTERN = ("cp1252", "mac_roman", "cp850")
# Python knows more codecs (punycode, UTF-7, UTF-16) that no file of bytes can be declared in.
_DECLARABLE = re.compile(r"iso8859|iso2022|cp\d|koi8|mac|shift|euc|gb|big5|hz|johab|tis")
_PLAUSIBLE = 0.9  # share of characters beyond ASCII that stand where they may
_LETTERS = frozenset("áéíóúüñçàèìòùïâêîôûäöëãõåæøœßýÿÁÉÍÓÚÜÑÇÀÈÌÒÙÏÂÊÎÔÛÄÖËÃÕÅÆØŒ")
_SIGNS = frozenset("¿¡«»ºª°·–—“”‘’„…€£§©®•½¼¾²³´±×\xa0\xad")


def decode(content: bytes, declared: str | None = None) -> tuple[str, str | None]:
    """The text of a file, and a remark where its encoding was guessed or is damaged.

    declared  the encoding that the file states itself, if it does; believed unless it
              cannot be
    raises    BadInput for what is no text

    Marks at the start and zero bytes tell UTF-16 and UTF-32, validity tells UTF-8. Of the
    8-bit encodings of western Europe that one is taken in which letters stand beside
    letters; where none fits, charset-normalizer guesses.
    """
    text, remark = _decoded(content, declared)
    _refuse_binary(text[:_SAMPLE_BYTES])
    return text, remark


def _refuse_binary(sample: str) -> None:
    if len(_CONTROL.findall(sample)) > _BINARY_FROM * len(sample):
        raise BadInput("not a text file: it holds binary data")


def _decoded(content: bytes, declared: str | None) -> tuple[str, str | None]:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _forgiving(content, encoding)
    wide = _wide(content)
    if wide:
        return _forgiving(content, wide)
    try:
        return content.decode("utf-8"), None
    except UnicodeDecodeError:
        pass
    name = _real_name(declared) if declared else None
    if name:
        try:
            return content.decode(name), None
        except UnicodeError:
            pass  # it is not in it
    if _is_damaged_utf8(content):
        return _forgiving(content, "utf-8")
    return _guessed(content)


def _forgiving(content: bytes, encoding: str) -> tuple[str, str | None]:
    text = content.decode(encoding, errors="replace")
    broken = text.count(_BROKEN)
    if not broken or _BROKEN.encode(encoding.removesuffix("-sig")) in content:
        return text, None
    name = encoding.removesuffix("-sig").upper()
    return text, f"{broken} characters are damaged: they are no {name}"


def _wide(content: bytes) -> str | None:
    """UTF-16 without a mark: every other byte is zero in text of western letters."""
    sample = content[: _SAMPLE_BYTES - _SAMPLE_BYTES % 2]
    if len(sample) < 4 or len(content) % 2:
        return None
    half = len(sample) // 2
    zeros_even, zeros_odd = sample[::2].count(0), sample[1::2].count(0)
    if zeros_odd > 0.6 * half and zeros_even < 0.05 * half:
        return "utf-16-le"
    if zeros_even > 0.6 * half and zeros_odd < 0.05 * half:
        return "utf-16-be"
    return None


def _real_name(declared: str) -> str | None:
    """The codec of a declared 8-bit or multibyte encoding, None for what is no such one.

    What calls itself Latin-1 or ASCII is Windows' cp1252.
    """
    try:
        name = codecs.lookup(declared.strip()).name
    except LookupError:
        return None
    if name in ("iso8859-1", "ascii"):
        return "cp1252"
    return name if _DECLARABLE.match(name) else None


def _is_damaged_utf8(content: bytes) -> bool:
    text = content[:_SAMPLE_BYTES].decode("utf-8", errors="replace")
    broken = text.count(_BROKEN)
    good = sum(map(len, re.findall(r"[^\x00-\x7f]+", text))) - broken
    return good > _GOOD_FOR_BROKEN * broken


def _guessed(content: bytes) -> tuple[str, str | None]:
    sample = _telling(content)
    _refuse_binary(sample.decode("latin-1"))
    scores = {name: _plausibility(sample, name) for name in _WESTERN}
    best = max(scores, key=lambda name: scores[name])
    if scores[best] >= _PLAUSIBLE:
        return content.decode(best, errors="replace"), None
    from charset_normalizer import from_bytes

    match = from_bytes(sample).best()
    if match is None:
        raise BadInput("not a text file, or in an encoding that cannot be recognised")
    text = content.decode(match.encoding, errors="replace")
    return text, f"its encoding was guessed to be {match.encoding}"


def _telling(content: bytes) -> bytes:
    """A sample that holds bytes beyond ASCII: from the first one on."""
    first = re.search(rb"[\x80-\xff]", content)
    start = max(0, first.start() - 200) if first else 0
    return content[start : start + _SAMPLE_BYTES]


def _plausibility(sample: bytes, encoding: str) -> float:
    """Share of the characters beyond ASCII that are western and stand where they may."""
    text = sample.decode(encoding, errors="replace")
    letters = sum(map(str.isalpha, text))
    if letters > 2 * len(re.findall(r"[A-Za-z]", text)):
        return 0.0  # another script: its letters are no accents
    total = likely = 0
    for found in re.finditer(r"[^\x00-\x7f]", text):
        character, at = found[0], found.start()
        before = text[at - 1 : at].isalpha()
        after = text[at + 1 : at + 2].isalpha()
        total += 1
        if character in _LETTERS:
            # A capital hardly follows a small letter: mañana, never maÑana.
            likely += not (character.isupper() and text[at - 1 : at].islower())
        elif character in _SIGNS:
            likely += not (before and after) or character in "’·—–…\xad"
    return likely / total if total else 0.0
