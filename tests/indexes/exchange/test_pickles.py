from __future__ import annotations

import builtins
import os
import pickle
import pickletools
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrieve.errors import BadInput
from retrieve.indexes.exchange import pickles


@pytest.fixture
def file(tmp_path):
    return tmp_path / "x.pkl"


_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=30,
)


@given(value=_PLAIN, protocol=st.integers(0, pickle.HIGHEST_PROTOCOL))
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_plain_data_of_every_protocol_is_what_it_was(file, value, protocol):
    file.write_bytes(pickle.dumps(value, protocol))
    assert pickles.load(file) == value


class _Calls:
    """Pickled as a call of a function."""

    def __init__(self, function, *arguments):
        self.called = function, arguments

    def __reduce__(self):
        return self.called


class _WithState:
    def __init__(self):
        self.x = 1


def _evil(mark):
    """Programs that leave a mark, or reach for something else than data."""
    touch = f"import pathlib; pathlib.Path({str(mark)!r}).touch()"
    yield "os.system", _Calls(os.system, f"touch {mark}")
    yield "builtins.eval", _Calls(builtins.eval, f"open({str(mark)!r}, 'w')")
    yield "builtins.exec", _Calls(builtins.exec, touch)
    yield "nested", [{"identity": "a", "embedding": [_Calls(os.mkdir, str(mark))]}]
    yield "key", {_Calls(os.mkdir, str(mark)): 1}
    yield "getattr", _Calls(getattr, _Calls(__import__, "os"), "system")
    yield "numpy array", np.zeros(3)
    yield "numpy number", [np.float32(1)]
    yield "object with state", _WithState()
    yield "class", Path
    yield "set", {1, 2}
    yield "frozenset", frozenset((1,))
    yield "bytes", b"x" * 9
    yield "bytearray", bytearray(b"x")
    yield "complex", 1j


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_more_than_plain_data_is_refused_and_nothing_runs(tmp_path, file, protocol):
    mark = tmp_path / "mark"
    for what, value in _evil(mark):
        file.write_bytes(pickle.dumps(value, protocol))
        with pytest.raises(BadInput, match=r"more than lists, dicts, texts and numbers"):
            pickles.load(file)
        assert not mark.exists(), what


@pytest.mark.parametrize(
    "program",
    [
        b"cos\nsystem\n(S'touch MARK'\ntR.",  # the classic
        b"(cos\nsystem\nS'touch MARK'\no.",  # OBJ
        b"(S'touch MARK'\nios\nsystem\n.",  # INST
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x01x\x85R.",  # STACK_GLOBAL
        b"\x80\x02\x82\x01.",  # an extension that copyreg knows
        b"Pid\n.",  # a persistent id
        b"\x8c\x01xQ.",
        b"}\x8c\x09__class__Nsb.",  # BUILD
        b"\x80\x05\x97.",  # a buffer from outside
    ],
)
def test_every_instruction_that_reaches_out_is_refused(tmp_path, file, program):
    file.write_bytes(program.replace(b"MARK", str(tmp_path / "mark").encode()))
    with pytest.raises(BadInput, match="is refused"):
        pickles.load(file)
    assert not (tmp_path / "mark").exists()


def test_only_instructions_of_plain_data_are_known():
    refused = {o.name for o in pickletools.opcodes} - pickles.INSTRUCTIONS
    assert {"GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD", "INST", "OBJ", "NEWOBJ"} <= refused
    assert {"NEWOBJ_EX", "EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID", "NEXT_BUFFER"} <= refused
    for opcode in pickletools.opcodes:
        known = pickles._Plain.dispatch[ord(opcode.code)].__name__ != "instruction"
        assert known == (opcode.name in pickles.INSTRUCTIONS)
    with pytest.raises(pickles._Refused):
        pickles._Plain.find_class(None, "os", "system")


def _long(code, number):
    return code + struct.pack("<Q" if code in b"\x8d\x95" else "<I", number)


@pytest.mark.parametrize(
    "program",
    [
        b"]" + _long(b"r", 2**31) + b".",  # a note at a far place
        _long(b"X", 2**32 - 1) + b"x.",  # a text that is longer than the file
        _long(b"\x8d", 2**62) + b"x.",
        b"\x80\x04" + _long(b"\x95", 2**62) + b".",  # a frame
        b"}" * 200_000 + b".",  # more dicts than a file of its size should have
        b"]" + b"\x94" * 200_000 + b".",
        b"(" * 200_000 + b".",
        b"N" + b"\x85" * 200_000 + b".",
        b"]" * 3 + b"a" * 2 + b"q\0h\0h\0aa",  # ends before its end
        b"",
        b".",
        b"h\x05.",  # a note that nobody made
        b"\x8b" + struct.pack("<i", -5) + b".",
        b"I" + b"9" * 10_000 + b"\n.",
        b"\xff\xff",
    ],
)
def test_bombs_and_nonsense_are_one_line_and_take_no_memory(file, program):
    file.write_bytes(program)
    tracemalloc.start()
    try:
        if program[:1] == b"]" and b"r" in program[:2]:
            assert pickles.load(file) == []  # the note costs one entry of a dict
        else:
            with pytest.raises(BadInput):
                pickles.load(file)
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()


def test_a_pickle_that_is_too_large_is_not_opened(file):
    with file.open("wb") as out:
        out.truncate(pickles.MAX_BYTES + 1)
    with pytest.raises(BadInput, match="read up to 512 MiB"):
        pickles.load(file)
