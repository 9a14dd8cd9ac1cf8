from __future__ import annotations

import sys

import pytest

from retrieve.errors import MissingExtra
from retrieve.extras import EXTRAS, optional


@pytest.mark.parametrize(("package", "extra"), EXTRAS.items())
def test_a_missing_package_is_told_with_its_install_line(monkeypatch, package, extra):
    monkeypatch.setitem(sys.modules, package, None)
    line = f"this needs {package}, which is not installed: pip install 'retrieve[{extra}]'"
    with pytest.raises(MissingExtra) as raised, optional("this"):
        __import__(f"{package}.of_it")
    assert str(raised.value) == line


def test_a_package_that_no_extra_brings_is_a_bug():
    with pytest.raises(ModuleNotFoundError), optional("this"):
        __import__("no_such_package")


def test_what_is_there_is_imported():
    with optional("this"):
        import json
    assert json.loads("1") == 1
