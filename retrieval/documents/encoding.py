"""Bytes → text: the encoding is detected, and what is no text is told apart."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable

from retrieve.documents.guessing import guess, is_latin, stands, western_letters
from retrieve.documents.terminals import without_controls
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
_OTHER = "cp1252"  # what lines among others in UTF-8 are in, if they are not
# Damaged UTF-8 is taken as such where it has this many good sequences for a broken one.
_GOOD_FOR_BROKEN = 4
_BROKEN = "\ufffd"
# Python knows more codecs (punycode, UTF-7, UTF-16) that no file of bytes can be declared in.
_DECLARABLE = re.compile(r"iso8859|iso2022|cp\d|koi8|mac|shift|euc|gb|big5|hz|johab|tis")
_SHIFTED = re.compile(rb"\x1b\$[@B]")  # Japanese in seven bits, of mails
# Well-formed UTF-8 beyond ASCII. Two bytes of another encoding can look like it: CAFÉ» does.
_SEQUENCE = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}"
    rb"|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}"
    rb"|\xf4[\x80-\x8f][\x80-\xbf]{2}"
)

# The same of signs, Latin letters and emoji, and nothing else of its kind around.
_ALONE = re.compile(
    rb"(?<![\x80-\xff])(?:\xc2[\xa0-\xbf]|[\xc3-\xc9][\x80-\xbf]|\xe2[\x80-\x84][\x80-\xbf]"
    rb"|\xf0[\x90-\xbf][\x80-\xbf]{2})+(?![\x80-\xff])"
)
# Or bytes of it that are no whole sequence: one that was cut, or another encoding.
_PART = re.compile(rb"[\xe0-\xef][\x80-\xbf]|[\xf0-\xf4][\x80-\xbf]{1,2}|[\x80-\xff]")


def decode(content: bytes, declared: str | None = None) -> tuple[str, str | None]:
    """The text of a file, and a remark where its encoding was guessed or is damaged.

    declared  the encoding that the file states itself, if it does; believed unless it
              cannot be
    raises    BadInput for what is no text

    Marks at the start and zero bytes tell UTF-16 and UTF-32, validity tells UTF-8; where
    some lines are in UTF-8 and others in an encoding of one byte, each is read as what it
    is. Else `guessing.guess` tells. Control sequences of terminals are taken out.
    """
    text, remark = _decoded(content, declared)
    text = without_controls(text)
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
    if _SHIFTED.search(content, 0, _SAMPLE_BYTES):
        try:
            return content.decode("iso2022_jp_2"), None
        except UnicodeError:
            pass
    try:
        return content.decode("utf-8"), None
    except UnicodeDecodeError:
        pass
    name = _real_name(declared) if declared else None
    if name and not is_latin(name):
        try:
            return content.decode(name), None
        except UnicodeError:
            name = None  # it is not in it
    if _is_damaged_utf8(content):
        return _repaired(content)
    sure = name is not None
    if name is None:
        sample = _telling(content)
        _refuse_binary(without_controls(sample.decode("latin-1")))
        rest = _ALONE.sub(b"o", sample)
        name, sure = guess(sample if rest.isascii() else rest)
    if name is None:
        raise BadInput("not a text file, or in an encoding that cannot be recognised")
    if is_latin(name):
        text, lines = _blended(content, name)
        if lines:
            return text, f"{lines} of its lines are in UTF-8, the others in {name}"
    else:
        text = content.decode(name, errors="replace")
    return text, None if sure else f"its encoding was guessed to be {name}"


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
    text = _telling(content).decode("utf-8", errors="replace")
    broken = text.count(_BROKEN)
    good = sum(map(len, re.findall(r"[^\x00-\x7f]+", text))) - broken
    return good > _GOOD_FOR_BROKEN * broken


def _repaired(content: bytes) -> tuple[str, str | None]:
    """UTF-8 in which some lines, or bytes of them, are in an encoding of one byte."""
    lines = content.split(b"\n")
    wrong = {at: line for at, line in enumerate(lines) if not _is_utf8(line)}
    letters = western_letters()
    mended = 0
    texts = []
    for at, line in enumerate(lines):
        if at not in wrong:
            texts.append(line.decode("utf-8"))
            continue
        text = _by_sequences(line, _OTHER, letters)
        mended += _BROKEN not in text
        texts.append(text)
    text = "\n".join(texts)
    broken = text.count(_BROKEN)
    remarks = [f"{mended} of its lines are in {_OTHER}, the others in UTF-8"] if mended else []
    if broken and _BROKEN.encode() not in content:
        remarks.append(f"{broken} characters are damaged: they are no UTF-8")
    return text, "; ".join(remarks) or None


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _by_sequences(line: bytes, encoding: str, letters: frozenset[str]) -> str:
    """A line whose good sequences are UTF-8; of the other bytes those that may stand there."""
    whole = line.decode(encoding, errors="replace")

    def other(found: re.Match[bytes]) -> str:
        at = range(*found.span())
        if len(at) > 1 and not whole[at.start - 1 : at.start].isalpha():
            return _BROKEN  # a sequence that was cut; café» goes on in the other encoding
        return whole[at.start : at.stop] if all(stands(whole, i, letters) for i in at) else _BROKEN

    parts = []
    begin = 0
    for found in _SEQUENCE.finditer(line):
        parts += [_mapped(line, begin, found.start(), other), found[0].decode("utf-8")]
        begin = found.end()
    parts.append(_mapped(line, begin, len(line), other))
    return "".join(parts)


def _mapped(line: bytes, begin: int, end: int, other: Callable[[re.Match[bytes]], str]) -> str:
    parts = []
    for found in _PART.finditer(line, begin, end):
        parts += [line[begin : found.start()].decode("ascii"), other(found)]
        begin = found.end()
    return "".join([*parts, line[begin:end].decode("ascii")])


def _blended(content: bytes, encoding: str) -> tuple[str, int]:
    """Text in an encoding of one byte a character, but for what is clearly UTF-8.

    returns  it, and how many of its lines hold such UTF-8
    """
    text = content.decode(encoding, errors="replace")
    letters = western_letters()
    clear = {
        found.start(): found.end()
        for found in _SEQUENCE.finditer(content)
        if _is_ours(found[0].decode("utf-8"))
        and not all(stands(text, at, letters) for at in range(*found.span()))
    }
    if not clear:
        return text, 0
    texts, lines, begin = [], 0, 0
    for line in content.split(b"\n"):
        end = begin + len(line)
        if line.isascii():
            texts.append(text[begin:end])
        else:
            whole = _is_utf8(line)  # what could be either follows its line
            parts: list[str] = []
            at = begin
            for found in _SEQUENCE.finditer(content, begin, end):
                character = found[0].decode("utf-8")
                if found.start() in clear or (whole and _is_ours(character)):
                    parts += [text[at : found.start()], character]
                    at = found.end()
            lines += at > begin
            texts.append("".join([*parts, text[at:end]]))
        begin = end + 1
    return "\n".join(texts), lines


def _is_ours(character: str) -> bool:
    """Whether a character is met in texts of Latin letters: no chance pair of other bytes."""
    return character < "\u0250" or "\u2010" <= character <= "\u2122" or character > "\uffff"


def _telling(content: bytes) -> bytes:
    """A sample that holds bytes beyond ASCII: from the first one on."""
    first = re.search(rb"[\x80-\xff]", content)
    start = max(0, first.start() - 200) if first else 0
    return content[start : start + _SAMPLE_BYTES]
