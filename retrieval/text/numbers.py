"""Numbers, dates, accounts and telephones in one form, whatever way they were written.

05 is 5; 1.000, 1,000 and 1 000 are 1000; 9,90 is 9.90; 5/3/1957, 05.03.1957, 1957-03-05 and
5 de marzo de 1957 are one day; an IBAN or a telephone number in groups is that in one piece.
Sources: ISO 8601 (dates), ISO 13616 (IBAN), ITU-T E.123 (telephone numbers).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from retrieve.text.tokens import plain

# 1.000 but not the end of 192.168.1.100, nor 0.125.
THOUSANDS = r"(?<!\d)(?<!\d[.,])[1-9]\d{0,2}(?:(?:\.\d{3})+(?!\.?\d)|(?:,\d{3})+(?!,?\d))"
JOINED_DIGITS = 9  # from so many on, numbers in groups are one in pieces, whatever joins them
NATIONAL_DIGITS = 9  # of a telephone number without the country's, in Spain
MOST_DIGITS = 34  # of an IBAN

# Names of months by language, January to December; as they are typed without accents.
_MONTHS = (
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "gener febrer marc abril maig juny juliol agost setembre octubre novembre desembre",
    "xaneiro febreiro marzo abril maio xuno xullo agosto setembro outubro novembro decembro",
    "january february march april may june july august september october november december",
    "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre",
    "januar februar marz april mai juni juli august september oktober november dezember",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro",
)
MONTHS = {name: n for names in _MONTHS for n, name in enumerate(names.split(), 1)}
MONTHS |= {"setiembre": 9, "ene": 1, "feb": 2, "mar": 3, "abr": 4, "may": 5, "jun": 6, "jul": 7}
MONTHS |= {"ago": 8, "sep": 9, "sept": 9, "oct": 10, "nov": 11, "dic": 12, "jan": 1, "apr": 4}
MONTHS |= {"aug": 8, "dec": 12}
_NAME = r"[^\W\d_]{3,10}"
_OF = r"(?:\s+(?:(?:de|del|of|do|di)\s+|d['’])?)"
# These begin with a class, which re looks for faster than for what stands before it.
YEAR = re.compile(r"\d{4}(?<!\w....)(?!\w)")
BEFORE_A_YEAR = 40  # characters: as long as day and month are
DAY_FIRST = re.compile(
    rf"(?<![\w.,/-])(\d{{1,2}})(?:\.?o|\.|st|nd|rd|th)?{_OF}({_NAME})\.?,?{_OF}\Z"
)
MONTH_FIRST = re.compile(rf"(?<!\w)({_NAME})\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+\Z")
_BLANK = "[ \u00a0\u2009\u202f]"
MOST_GROUPS = 12
# Digits in groups, a blank, hyphen or point between two, the code of a country before them.
GROUPED = re.compile(
    rf"[+(\d](?<![\w.,-].)\d{{0,14}}\)?"
    rf"(?:(?:[-.]{_BLANK}?|{_BLANK})\(?\d{{2,}}\)?){{0,{MOST_GROUPS}}}(?!\w|[.,-]\d)"
)
COUNTRY = re.compile(r"(?<!\w)[A-Za-z]{2}\Z")
AFTER_A_COUNTRY = re.compile(rf"[0-9]{{2}}(?:{_BLANK}?[A-Za-z0-9])+")
# Characters of an IBAN by country.
_IBANS = {
    15: "NO", 16: "BE", 18: "DK FI FO GL NL", 19: "MK SI", 20: "AT BA EE KZ LT LU XK",
    21: "CH CR HR LI LV", 22: "BG BH DE GB GE IE ME RS VA", 23: "AE GI IL IQ TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "PT ST", 26: "IS TR", 27: "FR GR IT MC MR SM",
    28: "AL AZ BY CY DO GT HU LB PL SV", 29: "BR EG PS QA UA", 30: "JO KW MU", 31: "MT SC",
}  # fmt: skip
IBAN_CHARACTERS = {one: n for n, countries in _IBANS.items() for one in countries.split()}
SPACED_THOUSANDS = re.compile(rf"[1-9]\d{{0,2}}(?:{_BLANK}\d{{3}})+")
DIGIT, NO_DIGIT = re.compile(r"\d"), re.compile(r"\D")


def whole_number(text: str) -> str:
    """Digits as they stand, in those of ASCII."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(digit, digit)) for digit in text)


def number(text: str) -> str:
    """A number alone: marks between thousands go, and zeros before it."""
    digits = NO_DIGIT.sub("", whole_number(text))
    return digits.lstrip("0") or "0"


def numerals(parts: Sequence[str], joints: Sequence[str]) -> Iterator[str]:
    """What numbers are together that marks join: a decimal, a version, a date, a long number.

    parts   two or more, as they stand
    joints  between them; "" where two follow each other
    """
    digits = [NO_DIGIT.sub("", whole_number(part)) for part in parts]
    marks = set(joints)
    if marks <= {".", ","} and (len(parts) == 2 or marks == {"."}):
        yield ".".join([number(parts[0]), *digits[1:]])
    elif len(parts) == 2 and marks == {":"}:
        yield f"{number(parts[0])}:{digits[1]}"
    else:
        yield "-".join(map(number, parts))
    if len(parts) == 3 and len(marks) == 1 and marks <= set("-./‐‑"):
        yield from _date(digits)
    joined = "".join(digits)
    if JOINED_DIGITS <= len(joined) <= MOST_DIGITS:
        yield joined


def _date(digits: Sequence[str]) -> Iterator[str]:
    """Of three numbers: day, month, year, or year, month, day; where they can be one."""
    if len(digits[0]) == 4:
        year, month, day = digits
    else:
        day, month, year = digits
        if int(month) > 12 >= int(day):
            day, month = month, day
    if len(year) in (2, 4) and len(day) < 3 and len(month) < 3:
        yield from days(int(day), int(month), year)


def days(day: int, month: int, year: str) -> Iterator[str]:
    """A day as ISO 8601 writes it, and without its century, as people do."""
    if 1 <= month <= 12 and 1 <= day <= 31:
        if len(year) == 4:
            yield f"{year}-{month:02}-{day:02}"
        yield f"'{year[-2:]}-{month:02}-{day:02}"


def in_groups(text: str) -> Iterator[tuple[str, int, int]]:
    """What a readable text says in numbers across blanks: terms, and where each begins and ends."""
    if not DIGIT.search(text):
        return
    for match in YEAR.finditer(text):
        yield from _date_in_words(text, match)
    for match in AFTER_A_COUNTRY.finditer(text):
        if country := COUNTRY.search(text[max(0, match.start() - 3) : match.start()]):
            yield from _account(country[0], match)
    for match in GROUPED.finditer(text):
        yield from ((term, *match.span()) for term in _in_one_piece(match[0]))


def _date_in_words(text: str, year: re.Match[str]) -> Iterator[tuple[str, int, int]]:
    first = max(0, year.start() - BEFORE_A_YEAR)
    before = text[first : year.start()]
    for pattern, day, month in ((DAY_FIRST, 1, 2), (MONTH_FIRST, 2, 1)):
        match = pattern.search(before)
        if match and (named := MONTHS.get(plain(match[month].lower()))) is not None:
            for term in days(int(match[day]), named, whole_number(year[0])):
                yield term, first + match.start(), year.end()


def _account(country: str, match: re.Match[str]) -> Iterator[tuple[str, int, int]]:
    """An IBAN in one piece, and the bank's own number in it, as it was before there were IBANs."""
    wanted = IBAN_CHARACTERS.get(country.upper(), len(country)) - len(country)
    places = [at for at, one in enumerate(match[0]) if one.isalnum()]
    if not 0 < wanted <= len(places):
        return
    end = places[wanted - 1] + 1
    if match[0][end : end + 1].isalnum():
        return
    digits = re.sub(r"\W", "", match[0][:end]).lower()
    for term in (country.lower() + digits, digits[2:]):
        yield term, match.start() - len(country), match.start() + end


def _in_one_piece(written: str) -> Iterator[str]:
    """A number that stands in groups or with the code of a country: a telephone, a card."""
    digits = NO_DIGIT.sub("", whole_number(written))
    abroad = written.startswith(("+", "00"))
    if SPACED_THOUSANDS.fullmatch(written):
        yield digits
    elif JOINED_DIGITS <= len(digits) <= MOST_DIGITS and (abroad or len(digits) < len(written)):
        if abroad:
            digits = digits.removeprefix("00")
        yield digits
        if abroad and len(digits) > NATIONAL_DIGITS:
            yield digits[-NATIONAL_DIGITS:]
