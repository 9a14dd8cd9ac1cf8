from __future__ import annotations

import pytest

from retrieve.metadata.dates import When, chosen, iso


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2019:07:21 18:03:00", "2019-07-21T18:03:00"),
        ("2019:07:21 18:03:00.60", "2019-07-21T18:03:00"),
        ("2019:07:21 18:03:00+02:00", "2019-07-21T18:03:00"),
        ("2019:07:21 18:03:00Z", "2019-07-21T18:03:00"),
        ("2019: 7:21 18: 3: 0", "2019-07-21T18:03:00"),
        ("2019:07:21  8:03:00", "2019-07-21T08:03:00"),
        ("2019:07:21:18:03:00\0\0", "2019-07-21T18:03:00"),
        ("2019-07-21T18:03:00.123-05:00", "2019-07-21T18:03:00"),
        ("2019/07/21 6:03:00 PM", "2019-07-21T18:03:00"),
        ("2019:07:21 12:03 a.m.", "2019-07-21T00:03"),
        ("20190721T180300+0200", "2019-07-21T18:03:00"),
        (b"20190721T1803", "2019-07-21T18:03"),
        ("2019:07:21 18:03", "2019-07-21T18:03"),
        ("2019:07:21 18:03:60", "2019-07-21T18:03"),
        ("2019:07:21 24:00:00", "2019-07-21"),
        ("2019:07:21   :  :  ", "2019-07-21"),
        ("2019:07:21", "2019-07-21"),
        ("20190721", "2019-07-21"),
        ("1978:06:00 00:00:00", "1978-06"),
        ("1978-06", "1978-06"),
        ("19780000", "1978"),
        ("1978", "1978"),
        ("0000:00:00 00:00:00", None),
        ("0001:01:01 00:00:00", None),
        ("    :  :     :  :  ", None),
        ("2019:02:31 10:00:00", None),
        ("2019:13:01 10:00:00", None),
        ("21.07.2019", None),
        ("yesterday", None),
        ("12345", None),
        ("", None),
        (None, None),
    ],
)
def test_a_date_is_as_exact_as_it_is_written(written, expected):
    assert iso(written) == expected


def test_the_exposure_counts_first_and_the_scan_last():
    dates = [(when, f"20{when:02}-01-01") for when in reversed(When)]
    order = [When.EXIF_ORIGINAL, When.XMP_ORIGINAL, When.XMP_CREATED, When.IPTC_CREATED]
    order += [When.XMP_DIGITISED, When.IPTC_DIGITISED, When.JSON, When.EXIF_DIGITISED]
    for when in order:
        assert chosen(dates) == f"20{when:02}-01-01"
        dates = [date for date in dates if date[0] != when]
    assert chosen(dates) is None


def test_a_time_of_day_is_added_by_a_source_that_agrees_on_the_day():
    dates = [(When.XMP_CREATED, "2019-07-21"), (When.JSON, "2019-07-21T18:03:00")]
    assert chosen(dates) == "2019-07-21T18:03:00"
    assert chosen([*dates[:1], (When.JSON, "2019-07-22T18:03:00")]) == "2019-07-21"
