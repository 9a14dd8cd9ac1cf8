"""The pages in Chromium, by keys as people use them: `make test-web`."""

from __future__ import annotations

import base64
import shutil
from itertools import combinations
from threading import Thread

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="make test-web installs it")
axe_playwright = pytest.importorskip("axe_playwright_python.sync_playwright", reason="likewise")
uvicorn = pytest.importorskip("uvicorn")

from retrieve.cli.web import serving  # noqa: E402  what it needs may not be there
from retrieve.cli.web.access import Access  # noqa: E402
from retrieve.cli.web.app import create_app  # noqa: E402
from retrieve.indexes.catalog.database import writing  # noqa: E402
from retrieve.indexes.collection import open_collection  # noqa: E402
from retrieve.indexes.people import review  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
TOKEN = "a-token-of-these-tests"
LETTERS = 40  # more than one part of what is found
WAIT_MS = 300_000  # cores may be busy
PAGES = ("/", "/?q=boda", "/photos/1", "/people", "/people/1", "/people/1?view=audit")
OTHERS = ("/review", "/timeline", "/maps", "/collection", "/texts/13")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="apt-get install chromium")


@pytest.fixture(scope="module")
def served(indexed, tmp_path_factory):
    """The address of a server, and its collection: the drawn album and forty letters.

    Each test takes back what it says.
    """
    folder = tmp_path_factory.mktemp("served")
    shutil.copytree(indexed, folder / "collection")
    for number in range(LETTERS):
        text = f"Carta {number}: la boda de Ana fue en la iglesia del pueblo número {number}."
        (folder / f"carta-{number}.txt").write_text(text)
    with open_collection(folder / "collection") as collection:
        collection.index([folder], exclude=["collection"])
        at = serving.listening("127.0.0.1", 0)
        app = create_app(collection, Access(TOKEN))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        thread = Thread(target=server.run, kwargs={"sockets": [at]})
        thread.start()
        yield serving.address_of("127.0.0.1", at.getsockname()[1], None), collection
        server.should_exit = True
        thread.join()
        at.close()


@pytest.fixture(scope="module")
def browser():
    """One for all tests."""
    with playwright.sync_playwright() as run:
        started = run.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def opened(browser, served):
    """Opens a path as somebody who came in by the link; nothing may go wrong on the way."""
    address, _ = served
    wrong: list[str] = []
    contexts = []

    def open_page(path, **settings):
        context = browser.new_context(base_url=address, locale="en-GB", **settings)
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda one: wrong.append(one.text) if one.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda one: wrong.append(one.url) if address not in one.url else None)
        page.goto(f"/?token={TOKEN}")
        if path != "/":
            page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []  # the policy for content was kept, and no other host was asked


def _wait(page, selector, *, gone=False):
    """Until something is there, or no more, and the page listens to keys."""
    page.wait_for_selector(selector, state="detached" if gone else "visible")
    page.wait_for_load_state("load")


def test_the_token_goes_from_the_address_and_a_word_finds_letters_part_after_part(opened):
    page = opened("/")
    assert "token" not in page.url
    page.keyboard.type("boda")  # the box has the focus
    page.keyboard.press("Enter")
    page.wait_for_selector("mark")
    assert page.url.endswith("/?q=boda")
    assert page.locator(".passage").count() == 30
    page.keyboard.press("Escape")
    page.keyboard.press("End")
    playwright.expect(page.locator(".passage")).to_have_count(LETTERS, timeout=WAIT_MS)
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"


def test_a_photo_that_is_dropped_finds_its_face_and_then_one_with_words(opened, probe):
    page = opened("/")
    content = base64.b64encode(probe.read_bytes()).decode()
    page.evaluate(
        """content => {
            const given = new DataTransfer();
            const bytes = Uint8Array.from(atob(content), letter => letter.charCodeAt(0));
            given.items.add(new File([bytes], "probe.jpg", {type: "image/jpeg"}));
            document.dispatchEvent(new DragEvent("drop", {dataTransfer: given, bubbles: true}));
        }""",
        content,
    )
    page.wait_for_selector(".tile rect")
    found = page.locator(".tile").count()
    assert found >= 3
    assert "sent=" in page.url
    box = page.locator(".tile rect").first.bounding_box()
    photo = page.locator(".tile .frame").first.bounding_box()
    assert photo["x"] <= box["x"] <= box["x"] + box["width"] <= photo["x"] + photo["width"]
    page.fill("#q", "2015")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=2015**")
    assert "sent=" in page.url
    assert page.locator(".tile").count() < found


def test_a_face_is_named_by_keys_and_the_name_taken_back(opened):
    page = opened("/photos/1")
    page.keyboard.press("n")
    page.keyboard.type("Rosario")
    page.keyboard.press("Enter")
    _wait(page, ".said")
    assert page.locator("li.face a bdi").first.inner_text() == "Rosario"
    page.keyboard.press("u")
    _wait(page, ".said", gone=True)
    assert page.locator("li.face a bdi").first.inner_text() != "Rosario"


def test_persons_are_merged_by_keys_and_parted_again(opened):
    page = opened("/people")
    before = page.locator(".people li").count()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("x")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("x")
    page.keyboard.press("g")
    page.wait_for_url("**/people/*said=*")
    page.keyboard.press("3")
    page.wait_for_url("**/people")
    assert page.locator(".people li").count() == before - 1
    page.go_back()
    page.keyboard.press("u")
    _wait(page, ".said", gone=True)
    page.goto("/people")
    assert page.locator(".people li").count() == before


def test_an_audit_throws_out_a_range_by_keys_and_undoes_it(opened):
    page = opened("/people/1?view=audit")
    before = page.locator(".crops li").count()
    assert before >= 4
    page.keyboard.press("ArrowDown")
    page.keyboard.press("x")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+X")
    assert page.locator(".crops :checked").count() == 3
    page.keyboard.press("t")
    _wait(page, ".said")
    assert page.locator(".crops li").count() == before - 3
    page.keyboard.press("u")
    _wait(page, ".said", gone=True)
    assert page.locator(".crops li").count() == before


def test_questions_are_answered_skipped_and_taken_back_by_keys_alone(opened, served):
    _, collection = served
    people = [id for (id,) in collection.db.execute("SELECT id FROM persons ORDER BY id")]
    with writing(collection.db):
        collection.db.execute("DELETE FROM suggestions")
    for pair in combinations(people, 2):
        with writing(collection.db):
            query = "INSERT INTO suggestions (person_id, other_id, score) VALUES (?, ?, .5)"
            collection.db.execute(query, pair)
        if review.questions(collection.opened, most=1):
            break  # those who are in one photo are two, and not asked about
    page = opened("/review")
    for key in ("y", "n", "s", "i"):
        _wait(page, ".question")
        page.keyboard.press(key)
        _wait(page, ".question", gone=True)
        page.keyboard.press("u")
    _wait(page, ".question")
    page.keyboard.press("c")
    page.keyboard.type("Blas")
    page.keyboard.press("Enter")
    _wait(page, ".question", gone=True)
    page.keyboard.press("u")
    _wait(page, ".question")
    assert "Blas" not in page.content()


def test_a_question_mark_lists_the_keys_of_the_page(opened):
    page = opened("/people/1?view=audit")
    page.keyboard.press("?")
    listed = page.locator("dialog[open] dl").inner_text()
    assert "Not theirs" in listed
    assert "choose, with Shift a range" in listed
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0


def test_axe_finds_nothing_in_light_nor_dark_and_no_page_is_wider_than_a_phone(opened):
    found = {}
    for scheme in ("light", "dark"):
        page = opened("/", color_scheme=scheme, viewport={"width": 390, "height": 780})
        for path in (*PAGES, *OTHERS):
            page.goto(path)
            for one in axe_playwright.Axe().run(page).response["violations"]:
                where = [node["target"] for node in one["nodes"]][:3]
                found[f"{scheme} {path} {one['id']}"] = (one["impact"], where)
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > 390:
                found[f"{scheme} {path}"] = f"{wide} pixels wide"
    assert found == {}
