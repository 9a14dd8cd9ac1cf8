"""What a request passes before anything is done for it: a test for each line of the list."""

from __future__ import annotations

import hashlib
import io
import os

import pytest
import small
from web_client import ADDRESS, TOKEN, client_of

from retrieve.cli.web import access, security
from retrieve.cli.web.access import Access
from retrieve.errors import BadInput
from retrieve.indexes.catalog.contents import NewPhoto
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.paths import Found

SEARCH = "/api/v1/search"
WORDS = {"query": "boda"}


def _form(photo=b"\xff\xd8\xff"):
    return {"photo": ("photo.jpg", io.BytesIO(photo), "image/jpeg")}


# The door


@pytest.mark.parametrize(
    "path", ["/", "/api/v1/photos", "/api/v1/openapi.json", "/api/v1/faces/1/image"]
)
def test_without_a_token_nothing_is_shown(stranger, path):
    answer = stranger.get(path)
    assert answer.status_code == 401
    assert answer.json()["status"] == 401
    assert "Ana" not in answer.text


@pytest.mark.parametrize(
    "header", ["Bearer wrong", "Bearer ", "Basic YTpi", "bearer\t" + TOKEN[:-1]]
)
def test_another_token_opens_nothing(stranger, header):
    assert stranger.get("/", headers={"authorization": header}).status_code == 401
    assert stranger.get("/?token=wrong").status_code == 401


def test_the_token_becomes_a_cookie_and_leaves_the_address(stranger):
    answer = stranger.get(f"/?q=boda&token={TOKEN}")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/?q=boda"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert "Secure" not in cookie
    assert TOKEN not in cookie
    assert stranger.get("/").status_code == 200  # it has the cookie now


def test_an_old_link_does_no_harm_to_whoever_is_inside(client):
    assert client.get("/?token=of-an-earlier-start").status_code == 200


def test_over_tls_the_cookie_goes_over_tls_alone(served):
    client = client_of(served, token=None)
    client.base_url = "https://localhost:8321"
    assert "Secure" in client.get(f"/?token={TOKEN}").headers["set-cookie"]


@pytest.mark.parametrize(
    "path", ["//evil.example/", "/%5Cevil.example/", "/%2F/evil.example", "/a%3Fb", "/a%23b"]
)
def test_no_link_with_a_token_leads_elsewhere(stranger, path):
    answer = stranger.get(f"{ADDRESS}{path}?token={TOKEN}")
    assert answer.status_code == 303
    location = answer.headers["location"]
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\"))
    assert TOKEN not in location


@pytest.mark.parametrize("path", ["/login-list", "/loginx", "/static", "/login/"])
def test_no_other_page_is_open_for_beginning_like_one_that_is(stranger, path):
    assert stranger.get(path).status_code == 401


def test_a_browser_is_given_a_token_that_works_once(served):
    opened = Access(TOKEN)
    client, other = (client_of(served, token=None, access=opened) for _ in range(2))
    link = f"/?token={opened.once()}"
    assert client.get(link).status_code == 303
    assert other.get(link).status_code == 401


def test_a_password_opens_pages_and_wrong_ones_take_time(served, monkeypatch):
    waited = []

    async def sleep(seconds):
        waited.append(seconds)

    monkeypatch.setattr("retrieve.cli.web.pages.login.sleep", sleep)
    client = client_of(served, token=None, access=Access(TOKEN, "open, sesame"))
    page = {"accept": "text/html"}
    assert client.get("/", headers=page).headers["location"] == "/login"
    assert client.get("/api/v1/photos").status_code == 401
    assert client.post("/login", data={"password": "wrong"}).status_code == 401
    assert waited == [1.0]
    assert client.post("/login", data={"password": "open, sesame"}).status_code == 303
    assert client.get("/", headers=page).status_code == 200


def test_without_a_password_none_opens(stranger):
    assert stranger.post("/login", data={"password": ""}).status_code == 401


def test_a_secret_is_its_owners_and_not_short(tmp_path):
    file = tmp_path / "token"
    file.write_text("0123456789abcdef\n")
    file.chmod(0o644)
    with pytest.raises(BadInput, match="others may read the token"):
        access.secret_from(file, "token", access.SHORTEST_TOKEN)
    file.chmod(0o600)
    assert access.secret_from(file, "token", access.SHORTEST_TOKEN) == "0123456789abcdef"
    file.write_text("short\n")
    with pytest.raises(BadInput, match=r"16 characters or more .* got 5"):
        access.secret_from(file, "token", access.SHORTEST_TOKEN)


@pytest.mark.parametrize("secret", ["contraseña-de-la-casa", "one with several words"])
def test_a_token_that_no_header_holds_is_refused_where_it_is_read(tmp_path, secret):
    file = tmp_path / "token"
    file.touch(0o600)
    file.write_text(secret, "utf-8")
    with pytest.raises(BadInput, match="wanted a token of ASCII"):
        access.token_from(file)
    assert access.secret_from(file, "password", access.SHORTEST_PASSWORD) == secret


# Names of the host


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example:8321",
        "",
        "192.168.1.5",
        "evil@localhost",
        "localhost/x",
        "localhost:80@evil.example",
        "localhost, evil.example",
        "[::1",
        "2130706433",
        "[::ffff:127.0.0.1]",
    ],
)
def test_a_name_that_was_rebound_to_this_machine_is_refused(client, host):
    answer = client.get("/", headers={"host": host})
    assert answer.status_code == 403
    assert "--allow-host" in answer.json()["error"]


def test_two_names_are_none(client):
    both = [*client.headers.multi_items(), ("host", "localhost"), ("host", "evil.example")]
    assert client.get("/", headers=both).status_code == 403


def test_no_name_is_allowed_by_an_empty_one(served):
    assert client_of(served, hosts=[""]).get("/", headers={"host": ""}).status_code == 403


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1:8321", "[::1]:8321", "LOCALHOST:1", "localhost.:8321"]
)
def test_names_of_this_machine_are_its(client, host):
    assert client.get("/", headers={"host": host}).status_code == 200


def test_where_others_come_in_numbers_do_and_names_are_listed(served):
    client = client_of(served, hosts=["photos.home"], numbers=True)
    for host, status in (("192.168.1.5:8321", 200), ("photos.home", 200), ("evil.example", 403)):
        assert client.get("/", headers={"host": host}).status_code == status


# Other sites


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},  # another port of this machine
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:3000"},
        {"origin": "null"},
        {
            "sec-fetch-site": "cross-site",
            "sec-fetch-mode": "navigate",
            "sec-fetch-dest": "document",
        },
    ],
)
def test_a_page_of_another_site_writes_nothing(client, headers):
    answer = client.post(SEARCH, json=WORDS, headers=headers)
    assert answer.status_code == 403
    assert "another site" in answer.json()["error"]


def test_a_page_of_another_site_reads_nothing_but_may_link_here(client):
    embedded = {
        "sec-fetch-site": "same-site",
        "sec-fetch-mode": "no-cors",
        "sec-fetch-dest": "image",
    }
    assert client.get("/api/v1/faces/1/image", headers=embedded).status_code == 403
    followed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert client.get("/", headers=followed | {"sec-fetch-dest": "document"}).status_code == 200
    assert client.get("/", headers=followed | {"sec-fetch-dest": "iframe"}).status_code == 403


def test_our_own_pages_write(client):
    ours = {"sec-fetch-site": "same-origin", "origin": ADDRESS}
    assert client.post(SEARCH, json=WORDS, headers=ours).status_code == 200


# What a browser may do with an answer


def test_every_answer_forbids_scripts_from_elsewhere_and_in_the_page(client, stranger):
    for answer in (
        client.get("/"),
        client.get("/nothing"),
        stranger.get("/"),
        client.get("/static/style.css"),
    ):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/", "/api/v1/photos", "/api/v1/faces/1/image", "/api/v1/persons"]
)
def test_what_shows_faces_or_names_is_kept_by_nobody(client, path):
    assert client.get(path).headers["cache-control"] == "no-store"


def test_names_of_files_and_people_are_text_on_every_page(client):
    page = client.get("/", params={"q": "<script>alert(1)</script> boda"}).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_an_answer_to_a_fault_of_ours_is_headed_like_every_other(served, monkeypatch):
    def fails(*_):
        raise AssertionError

    client = client_of(served, raise_server_exceptions=False)
    monkeypatch.setattr("retrieve.indexes.browsing.photo", fails)
    answer = client.get("/api/v1/photos/1")
    assert answer.status_code == 500
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"


def test_what_is_no_http_is_not_let_in(client):
    from starlette.testclient import WebSocketDisconnect

    for path in ("/", "/static/style.css"):
        with pytest.raises(WebSocketDisconnect), client.websocket_connect(path):
            pass


# Photos and files by id


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2f..%2fapp.py",
        "/static//etc/passwd",
        "/api/v1/photos/..%2f..%2fetc%2fpasswd/original",
        "/api/v1/photos/%2Fetc%2Fpasswd/image",
    ],
)
def test_no_path_leads_out(client, path):
    answer = client.get(f"{ADDRESS}{path}")
    assert answer.status_code in (404, 422)
    assert "import" not in answer.text


def found_at(file):
    """A file as an index run sees it."""
    now = file.stat()
    return Found(file, now.st_size, now.st_mtime_ns, now.st_ctime_ns)


def _in_place_of(file, other):
    """A link to another file, with the length and the date of the one that was there."""
    was = file.stat()
    assert other.stat().st_size == was.st_size
    os.utime(other, ns=(was.st_atime_ns, was.st_mtime_ns))
    file.unlink()
    file.symlink_to(other)


def test_a_file_that_looks_like_what_was_there_is_not_given_away(tmp_path):
    from PIL import Image

    album = tmp_path / "album"
    album.mkdir()
    photo, secret = album / "photo.bmp", tmp_path / "secret.bmp"
    for file, colour in ((photo, "red"), (secret, "blue")):
        Image.new("RGB", (64, 48), colour).save(file)
    with small.opened(tmp_path / "collection") as collection:
        with writing(collection.db):
            digest = hashlib.sha256(photo.read_bytes()).hexdigest()
            new = NewPhoto(digest, photo.stat().st_size, (48, 64), None, ())
            content_id = collection.catalog.add_photo(new)
            collection.catalog.put_path(found_at(photo), content_id=content_id, reason=None)
        client = client_of(collection)
        addresses = [f"/api/v1/photos/1/{what}" for what in ("image", "original")]
        assert [client.get(address).status_code for address in addresses] == [200, 200]
        _in_place_of(photo, secret)
        assert [client.get(address).status_code for address in addresses] == [410, 410]


def test_a_file_that_is_another_one_now_is_not_given_away(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    letters = tmp_path / "letters"
    letters.mkdir()
    letter = letters / "letter.txt"
    letter.write_text("Querida Ana: llegué bien.\n")
    with small.opened(tmp_path / "collection") as collection:
        small.index_all(collection, letters)
        client = client_of(collection)
        address = "/api/v1/texts/1/original"
        answer = client.get(address)
        assert answer.content == letter.read_bytes()
        assert answer.headers["content-type"] == "application/octet-stream"
        assert "attachment" in answer.headers["content-disposition"]
        assert "sandbox" in answer.headers["content-security-policy"]
        letter.unlink()
        letter.symlink_to(secret)
        answer = client.get(address)
        assert answer.status_code == 410
        assert "secret" not in answer.text


# What is sent


def test_more_than_25_mb_is_refused_before_it_is_read(client):
    too_long = str(security.LARGEST_UPLOAD + security.AROUND + 1)
    headers = {"content-length": too_long, "content-type": "multipart/form-data; boundary=x"}
    answer = client.post(SEARCH, content=b"", headers=headers)
    assert answer.status_code == 413
    assert answer.json()["error"] == "wanted 25 MB at most; got more"


def test_a_stream_that_does_not_tell_its_length_is_counted(client):
    sent = 0

    def endless():
        nonlocal sent
        yield b'--x\r\ncontent-disposition: form-data; name="photo"; filename="a"\r\n\r\n'
        while sent < 2 * security.LARGEST_UPLOAD:
            sent += 1_000_000
            yield bytes(1_000_000)

    headers = {"content-type": "multipart/form-data; boundary=x"}
    answer = client.post(SEARCH, content=endless(), headers=headers)
    assert answer.status_code == 413


def test_who_has_no_token_sends_less_than_a_photo(served):
    """Starlette would keep it in a file of all users' tmp."""
    client = client_of(served, token=None, access=Access(TOKEN, "open, sesame"))
    answer = client.post("/login", files={"password": bytes(20_000)})
    assert answer.status_code == 413
    assert answer.json()["error"] == "wanted 10 kB at most; got more"


@pytest.mark.parametrize(("length", "status"), [("9" * 5000, 413), ("-1", 400), ("+5", 400)])
def test_a_length_that_is_none_is_a_line(client, length, status):
    headers = {"content-type": "application/json", "content-length": length}
    assert client.post(SEARCH, content=b"{}", headers=headers).status_code == status


def test_whoever_leaves_in_the_middle_of_a_photo_takes_no_place_for_ever(served, monkeypatch):
    import anyio

    monkeypatch.setattr(security, "PATIENCE_S", 0.01)
    app = client_of(served).app
    headers = {
        "host": "localhost",
        "authorization": f"Bearer {TOKEN}",
        "content-type": "multipart/form-data; boundary=x",
    }
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/v1/detect",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    begun = iter([{"type": "http.request", "body": b"--x\r\n", "more_body": True}])
    answered = []

    async def receive():
        message = next(begun, None)
        if message is None:
            await anyio.sleep_forever()
        return message

    async def send(message):
        answered.append(message)

    anyio.run(app, scope, receive, send)
    assert answered[0]["status"] == 408
    assert b"nothing came" in answered[1]["body"]


def test_other_bodies_are_a_megabyte_at_most(client):
    answer = client.post(SEARCH, json={"query": "x" * 1_100_000})
    assert answer.status_code == 413


def test_a_picture_that_unpacks_to_more_than_fits_is_one_line(client):
    """A PNG of 40,000 × 40,000 pixels in 2 MB, which no decoder of ours unpacks."""
    import struct
    import zlib

    def chunk(kind, content):
        crc = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)

    side = 40_000
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(20_000_000), 9))
        + chunk(b"IEND", b"")
    )
    answer = client.post("/api/v1/detect", files=_form(bomb))
    assert answer.status_code == 400
    assert "\n" not in answer.json()["error"]


def test_what_is_no_photo_is_one_line(client):
    answer = client.post("/api/v1/detect", files=_form(b"%PDF-1.7"))
    assert answer.status_code == 400


def test_an_address_is_no_photo(client):
    for given in (
        {"data": {"photo": "http://169.254.169.254/"}},
        {"data": {"photo": "/etc/passwd"}},
    ):
        answer = client.post("/api/v1/detect", files={"other": b"x"}, **given)
        assert answer.status_code == 422
        assert "as a file" in answer.json()["error"]


def test_a_server_that_only_reads_writes_nothing(served):
    client = client_of(served, read_only=True)
    answer = client.post("/api/v1/statements", json={"kind": "undo"})
    assert answer.status_code == 403
    assert "--read-only" in answer.json()["error"]
    assert client.get("/api/v1/statements").json()["statements"][0]["taken_back"] is False


def test_nothing_is_asked_of_any_other_host():
    """No page, style or script of ours names one."""
    from retrieve.cli.web.app import STATIC
    from retrieve.cli.web.rendering import TEMPLATES

    for file in [*TEMPLATES.rglob("*.html"), *STATIC.glob("*.css"), *STATIC.glob("*.js")]:
        text = file.read_text("utf-8")
        if file.name == "htmx.min.js":
            continue
        assert "//" not in text.replace("://localhost", "").replace(
            "http://www.w3.org/2000/svg", ""
        ).replace("// ", ""), file
        for inline in ("<style", " style=", "<script>", " onclick", " onload", "javascript:"):
            assert inline not in text, file
