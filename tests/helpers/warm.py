"""The `retrieve` command in processes of its own that begin with the libraries imported.

    done = warm.retrieve("info", "--collection", folder)

A server without threads imports all commands, runs none, and forks for each. So a command finds no
state of an earlier one and has its own environment, streams and exit code, for a fifth of the
time. What a command imports, and how it begins, is tested without it.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
# What commands import when they run, beside what their modules do. Not onnxruntime: its threads
# would not be there after a fork.
LATER = (
    *("charset_normalizer", "faiss", "jinja2", "lxml.etree", "PIL.Image"),
    *("pillow_heif", "rapidfuzz.fuzz", "sentencepiece", "sqlite_utils", "Stemmer", "watchfiles"),
    *("numpy.ma", "retrieve.cli.commands.search.query", "retrieve.cli.showing.texthits"),
    *("retrieve.documents.read", "retrieve.documents.formats.plain", "retrieve.indexes.collection"),
    *("retrieve.indexes.building.build", "retrieve.indexes.building.jobs"),
    *("retrieve.indexes.info", "retrieve.indexes.queries.texts", "retrieve.indexes.upkeep.check"),
    *("retrieve.text.classifiers.classify", "retrieve.text.encoders.encode"),
    *("retrieve.text.encoders.lstm", "retrieve.text.language.generate", "safetensors.numpy"),
    *("pydantic.plugin._loader", "rich._emoji_codes", "typer._adapters", "typer.rich_utils"),
)
# Only when the first command comes that trains with torch. The second is what optimisers import.
TRAINED = {"faces", "language-model", "text-encoder"}
FOR_TRAINING = ("torch", "torch._dynamo")
_LENGTH_BYTES = 8


def retrieve(
    *arguments: object, code: int | None = 0, stdin: str = "", **environment: object
) -> subprocess.CompletedProcess[str]:
    """The command with these arguments, on a terminal of 200 columns, which ends as it should.

    code         its exit code; None is any
    environment  what is added to this process' own
    """
    added = {name: str(value) for name, value in environment.items()}
    done = run(*arguments, environment={"COLUMNS": "200"} | added, stdin=stdin)
    assert code is None or done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def run(
    *arguments: object,
    environment: Mapping[str, str] | None = None,
    stdin: str = "",
    server: Server | None = None,
) -> subprocess.CompletedProcess[str]:
    """The command with these arguments, to its end.

    environment  what is added to that of the server
    server       None is one in this process' own environment
    """
    server = server or _server()
    words = ["retrieve", *map(str, arguments)]
    with (
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as error,
    ):
        given.write(stdin.encode())
        given.seek(0)
        request = {
            "arguments": [os.fsencode(word).decode("latin-1") for word in words],
            "environment": server.environment() | dict(environment or {}),
            "cwd": str(Path.cwd()),
        }
        code = server.ask(request, [given.fileno(), out.fileno(), error.fileno()])
        return subprocess.CompletedProcess(words, code, _said(out), _said(error))


def _said(file: Any) -> str:
    file.seek(0)
    return str(file.read().decode("utf-8").replace("\r\n", "\n"))


class Server:
    """The process that forks, from this process' side.

    environment  all of it; None is this process' own, as it is when a command is run
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = environment
        ours, theirs = socket.socketpair()
        self._socket = ours
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=self.environment() | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        theirs.close()
        atexit.register(self.close)

    def environment(self) -> dict[str, str]:
        return dict(os.environ if self._environment is None else self._environment)

    def ask(self, request: dict[str, Any], streams: list[int]) -> int:
        """Have a command run; returns its exit code, negative for the signal that ended it."""
        content = json.dumps(request).encode()
        socket.send_fds(self._socket, [len(content).to_bytes(_LENGTH_BYTES)], streams)
        self._socket.sendall(content)
        answer = self._socket.recv(_LENGTH_BYTES)
        assert answer, "the server has ended"
        return int.from_bytes(answer, signed=True)

    def close(self) -> None:
        self._socket.close()
        self._process.wait(timeout=120)


@cache
def _server() -> Server:
    return Server()


def _serve(connection: socket.socket) -> bool:
    """Fork for every request; False at the end of them, True in a process that is to work."""
    before = dict(os.environ)
    from retrieve.cli.app import Commands

    list(Commands().values())
    _import(LATER)
    said = {name: value for name, value in os.environ.items() if name not in before}
    while True:
        length, streams, _, _ = socket.recv_fds(connection, _LENGTH_BYTES, 3)
        if not length:
            return False
        content = b""
        while len(content) < int.from_bytes(length):
            content += connection.recv(int.from_bytes(length) - len(content))
        request = json.loads(content)
        words = request["arguments"]
        if words[1:2] == ["train"] and TRAINED & set(words[2:3]) and "--help" not in words:
            with contextlib.suppress(ModuleNotFoundError):  # for the command to tell
                _import(FOR_TRAINING)
        pid = os.fork()
        if pid == 0:
            connection.close()
            _become(request, streams, said)
            return True
        for stream in streams:
            os.close(stream)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        connection.sendall(code.to_bytes(_LENGTH_BYTES, signed=True))


def _import(names: tuple[str, ...]) -> None:
    for name in names:
        importlib.import_module(name)
    gc.freeze()  # a child's collections leave alone what is here
    threads = len(list(Path("/proc/self/task").iterdir()))
    assert threads == 1, f"{threads} threads: a fork would copy the locks they hold"


def _become(request: dict[str, Any], streams: list[int], said: dict[str, str]) -> None:
    """The command's process: its streams, folder, environment and arguments.

    said  what our modules let the environment say when they are imported
    """
    from retrieve.cli.showing import render

    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(said | request["environment"])
    sys.argv = [os.fsdecode(word.encode("latin-1")) for word in request["arguments"]]
    importlib.reload(render)  # whose consoles know their streams' widths
    signal.signal(signal.SIGINT, signal.default_int_handler)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        if _serve(socket.socket(fileno=int(sys.argv[1]))):
            from retrieve.cli.app import main

            main()
