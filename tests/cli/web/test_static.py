"""Files of others that ship with the pages."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

from retrieve.cli.web.app import STATIC

LICENCES = Path(__file__).parents[3] / "LICENCES.md"


def test_htmx_is_the_file_that_its_package_has():
    (row,) = (line for line in LICENCES.read_text("utf-8").splitlines() if "htmx.min.js" in line)
    stated = re.findall(r"`([0-9a-f]{64})`", row)
    assert [sha256((STATIC / "htmx.min.js").read_bytes()).hexdigest()] == stated


def test_scripts_of_ours_and_of_others_are_served_to_anybody(stranger):
    answer = stranger.get("/static/htmx.min.js")
    assert answer.status_code == 200
    assert "javascript" in answer.headers["content-type"]
