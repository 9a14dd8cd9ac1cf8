"""retrieve serve as a process: what it prints, who reaches it, how it ends, what a kill leaves."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import warm

from retrieve.client import Client, Stale
from retrieve.errors import BadInput, CollectionError, RetrievalError
from retrieve.indexes.collection import open_collection
from retrieve.indexes.people import statements

PAGE = Path(__file__).parents[3] / "docs" / "api.md"
PATIENCE_S = 600  # for what takes a second on an idle machine


@contextmanager
def serving(collection, *options):
    """A server of its own; gives what it prints with --json, and its process."""
    command = [sys.executable, "-m", "retrieve.cli", "serve", "--port", "0", "--json"]
    process = subprocess.Popen(
        [*command, "--collection", str(collection), *map(str, options)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        yield json.loads(line), process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def own(indexed, tmp_path_factory):
    """A folder with a collection of drawn photos and a letter, which tests may change."""
    folder = tmp_path_factory.mktemp("serving")
    shutil.copytree(indexed, folder / "collection")
    (folder / "carta.txt").write_text("Querida Ana: la boda fue en Zaragoza en 1956.\n")
    with open_collection(folder / "collection") as collection:
        collection.index([folder / "carta.txt"])
    return folder


@pytest.fixture(scope="module")
def server(own):
    with serving(own / "collection") as (told, _):
        yield told


@pytest.fixture
def client(server):
    with Client(server["address"], token=server["token"]) as opened:
        yield opened


def test_every_line_of_curl_on_the_page_runs(server, own, probe):
    if shutil.which("curl") is None:
        pytest.skip("no curl here")
    shutil.copy(probe, own / "probe.jpg")
    lines = re.findall(r"^    (curl .+)$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert len(lines) > 20
    environment = os.environ | {"AT": f"{server['address']}/api/v1", "TOKEN": server["token"]}
    done = subprocess.run(
        ["bash", "-ec", "\necho; echo ---\n".join(lines)],
        cwd=own,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-500:] + done.stderr
    parts = [part.strip() for part in done.stdout.split("---\n")]
    for line, part in zip(lines, parts, strict=True):
        assert (part == "") is (" -o " in line), line
        if part:
            assert "error" not in json.loads(part), line
    for name in ("photo.jpg", "face.jpg"):
        assert (own / name).read_bytes().startswith(b"\xff\xd8")


def test_the_python_of_the_page_runs(server, own, probe, monkeypatch, capsys):
    shutil.copy(probe, own / "probe.jpg")
    monkeypatch.chdir(own)
    (code,) = re.findall(r"```python\n(.+?)```", PAGE.read_text("utf-8"), re.DOTALL)
    given = code.replace("http://127.0.0.1:8321", server["address"])
    exec(compile(given, str(PAGE), "exec"), {"TOKEN": server["token"]})
    assert "came along" in capsys.readouterr().out


def test_a_client_has_the_names_of_the_facade_and_its_errors(client, probe):
    first = client.search_faces(probe, k=2)
    assert len(first["faces"][0]["hits"]) == 2
    assert client.more(first)["faces"][0]["hits"][0]["rank"] == 3
    assert client.search_pictures(probe.read_bytes(), k=1)[0]["photo_id"]
    assert client.search_both(probe, "fiesta", k=1)[0]["face"]
    assert client.search_stored(1, k=1)["faces"][0]["hits"]
    looking = client.search_stored_picture(1, k=1, threshold=-1)
    assert [hit["rank"] for hit in looking] == [1]
    assert looking[0]["photo_id"] != 1
    assert client.verify(probe, probe)["verdict"] == "same"
    assert len(client.embed_faces(probe)[0]) == 128
    assert client.picture(1).startswith(b"\xff\xd8")
    assert client.info()["photos"] == 12
    assert [one["photo_id"] for one in client.photos(most=5)]
    with pytest.raises(BadInput, match="there is no stored face with the id 999"):
        client.face(999)
    with pytest.raises(BadInput, match="cannot read"):
        client.detect("/nothing.jpg")


def test_a_client_says_nothing_of_what_has_changed(client, server):
    list(client.people())
    with Client(server["address"], token=server["token"]) as other:
        other.say("name", name="Eva", face_ids=[2])
    with pytest.raises(Stale):
        client.say("name", name="Ana", face_ids=[1], unless_changed=True)
    assert issubclass(Stale, CollectionError)
    client.say("undo")
    list(client.people())
    client.say("name", name="Ana", face_ids=[1], unless_changed=True)
    client.say("undo", unless_changed=True)  # what it said itself makes nothing stale
    with (
        Client(server["address"], token=server["token"]) as new,
        pytest.raises(BadInput, match="wanted something read before"),
    ):
        new.say("name", name="Ana", face_ids=[1], unless_changed=True)


def test_a_client_asks_no_proxy(server, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with Client(server["address"], token=server["token"]) as client:
        assert client.info()


def test_a_client_without_a_server_or_a_token_is_told_so():
    with pytest.raises(BadInput, match="wanted the token"):
        Client("http://127.0.0.1:1")
    with (
        Client("http://127.0.0.1:1/?token=x") as nobody,
        pytest.raises(RetrievalError, match="Is it running"),
    ):
        nobody.info()


def test_what_was_answered_outlasts_a_kill(own):
    answered = []
    with serving(own / "collection") as (told, process):
        with Client(told["address"], token=told["token"]) as client:
            for i in range(25):
                answered += client.say("name", name=f"Somebody {i}", face_ids=[1 + i % 3])["lines"]
            process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE_S)
    with open_collection(own / "collection") as collection:
        assert set(answered) <= {line.id for line, *_ in statements.history(collection.db)}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_it_is_told_to(own, number):
    with serving(own / "collection") as (told, process):
        with Client(told["address"], token=told["token"]) as client:
            assert client.info()
        process.send_signal(number)
        assert process.wait(PATIENCE_S) == 128 + number
        assert "Traceback" not in process.stderr.read()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--host", "0.0.0.0"), "wanted --token-file or --password-file"),
        (("--tls-cert", __file__), "--tls-cert and --tls-key together"),
        (("--allow-host", "http://photos.home"), "wanted names of hosts"),
        (("--allow-host", ""), "wanted names of hosts"),
    ],
)
def test_what_would_let_others_in_by_mistake_is_refused(own, options, said):
    done = warm.retrieve("serve", "--collection", own / "collection", *options, code=2)
    assert said in done.stderr


def test_a_secret_of_a_file_is_not_printed_and_a_warning_says_what_is_missing(own):
    file = own / "token"
    file.write_text("a-token-from-a-file\n")
    file.chmod(0o600)
    options = ("--host", "0.0.0.0", "--token-file", file)
    with serving(own / "collection", *options) as (told, process):
        assert told["token"] is None
        port = told["address"].rpartition(":")[2]
        with Client(f"http://127.0.0.1:{port}", token="a-token-from-a-file") as client:
            assert client.info()["photos"] == 12
        process.send_signal(signal.SIGTERM)
        assert "--tls-cert" in process.stderr.read()


def test_what_is_no_certificate_is_one_line_before_anything_is_printed(own, probe):
    options = ("--tls-cert", probe, "--tls-key", probe, "--port", 0)
    done = warm.retrieve("serve", "--collection", own / "collection", *options, code=1)
    assert done.stdout == ""
    assert "wanted a certificate and its key" in done.stderr


def test_a_port_that_is_taken_is_one_line(server, own):
    port = server["address"].rpartition(":")[2]
    options = ("--collection", own / "collection", "--port", port)
    done = warm.retrieve("serve", *options, code=1)
    assert "address already in use" in done.stderr
