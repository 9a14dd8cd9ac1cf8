"""SRT and WebVTT → text: cues in sequence, with their times.

Both are a few rules of lines, and the common libraries lose what stands here: the line of a
cue, and that automatic captions repeat every line as the one above the next.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from retrieve.documents.lines import Line, Source, clean, numbered

PAUSE_S = 5.0  # of silence: what follows begins a paragraph
_TIME = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})"
_TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<\d[\d:.]*>|\{\\[^{}]*\}")
_NOTES = re.compile(r"(?:NOTE|STYLE|REGION)(?:\s|\Z)|WEBVTT")


@dataclass
class _Cue:
    begin_s: float
    end_s: float
    texts: list[tuple[int, str]] = field(default_factory=list)  # (line of the file, text)


def read_subtitles(text: str) -> Source:
    """The spoken text, with the time of each cue; tags, notes and numbers are dropped."""
    return Source(_lines(text))


def _lines(text: str) -> Iterator[Line]:
    end_s, above = float("-inf"), ""
    for cue in _cues(text):
        begins = cue.begin_s - end_s > PAUSE_S
        for number, spoken in cue.texts:
            if spoken != above:
                yield Line(spoken, begins=begins, line=number, time_s=cue.begin_s)
                begins = False
            above = spoken
        end_s = max(end_s, cue.end_s)


def _cues(text: str) -> Iterator[_Cue]:
    cue: _Cue | None = None
    after_blank, after_name, in_note = True, False, False
    for number, line in numbered(text):
        times = _TIMES.match(line)
        if times:
            if cue is not None:
                last = cue.texts[-1][1] if cue.texts and not after_blank else ""
                if last and (after_name or last.isdecimal()):
                    cue.texts.pop()  # the number or name of the cue that begins here
                yield cue
            cue = _Cue(_seconds(times.groups()[:4]), _seconds(times.groups()[4:]))
            after_blank = in_note = after_name = False
        elif not line.strip():
            after_blank, in_note, after_name = True, False, False
        elif in_note or (after_blank and _NOTES.match(line)):
            in_note = True
        else:
            after_name = after_blank  # alone between a blank line and times, it is a name
            after_blank = False
            spoken = clean(html.unescape(_TAG.sub("", line)))
            if cue is not None and spoken:
                cue.texts.append((number, spoken))
    if cue is not None:
        yield cue


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, fraction = (part or "0" for part in parts)
    return int(hours) * 3600 + int(minutes) * 60 + float(f"{seconds}.{fraction}")
