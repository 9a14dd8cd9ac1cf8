from __future__ import annotations

import pytest

from retrieve.errors import BadInput
from retrieve.indexes.exchange.checks import _date


@pytest.mark.parametrize("date", ["1978", "1978-06", "1978-06-24", "1978-06-24T18:03", None])
def test_a_date_stays_as_exact_as_it_was_exported(date):
    assert _date({"taken_at": date}) == date


def test_other_forms_of_a_date_become_ours_and_no_date_is_refused():
    assert _date({"taken_at": "2019-07-21T18:03:00.5+02:00"}) == "2019-07-21T18:03:00"
    for text in ("yesterday", "1978:06:24", ""):
        with pytest.raises(BadInput, match="taken_at is"):
            _date({"taken_at": text})
