"""A mailbox in one file (mbox, RFC 4155) → text, mail by mail.

The mailbox module of Python wants a file to seek in and takes every line that begins with
"From " for the start of a mail, so that a sentence that does cuts one in two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from retrieve.documents.formats.mail.message import mail_lines, parsed
from retrieve.documents.lines import MAX_TEXT_CHARACTERS, Line, ReadInner, Source
from retrieve.errors import BadInput

MAX_NAMED = 5  # mails of which a remark says what is left out
# Every program writes the time into the line that begins a mail, and a blank line before it.
_BEGIN = re.compile(rb"(?:\A|(?<=\n\n)|(?<=\n\r\n))From [^\n]{0,300}\d:\d\d[^\n]{0,300}\n")
_ESCAPED = re.compile(rb"^>(?=>*From )", re.MULTILINE)


def read_mailbox(content: bytes, remarks: list[str], read_inner: ReadInner) -> Source:
    """The mails of a mailbox with their numbers as records.

    remarks     gets a line about what is left out of the first mails that lose something
    read_inner  reads an attached file
    raises      BadInput if no mail begins in it
    """
    begins = [(found.start(), found.end()) for found in _BEGIN.finditer(content)]
    if not begins:
        raise BadInput("not a mailbox: no line of it begins a mail (From …)")
    return Source(_lines(content, begins, remarks, read_inner))


def _lines(
    content: bytes, begins: list[tuple[int, int]], remarks: list[str], read_inner: ReadInner
) -> Iterator[Line]:
    ends = [*(start for start, _ in begins[1:]), len(content)]
    left, damaged = MAX_TEXT_CHARACTERS, 0
    for number, ((_, start), end) in enumerate(zip(begins, ends, strict=True), start=1):
        own: list[str] = []
        message = parsed(_ESCAPED.sub(b"", content[start:end]), own)
        for line in mail_lines(message, number, own, read_inner):
            left -= len(line.text)
            if left < 0:
                remarks.append(
                    f"its mails are read up to number {number}: it holds more than "
                    f"{MAX_TEXT_CHARACTERS >> 20} million characters"
                )
                return
            yield line
        damaged += bool(own)
        if own and damaged <= MAX_NAMED:
            remarks.append(f"mail {number}: {'; '.join(own)}")
    if damaged > MAX_NAMED:
        remarks.append(f"of {damaged - MAX_NAMED} more mails something is left out")
