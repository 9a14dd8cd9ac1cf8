from __future__ import annotations

from containers import found, packed, reason

from retrieve.documents.read import read_document

DC = 'xmlns:dc="http://purl.org/dc/elements/1.1/"'
TYPE = '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" "http://www.w3.org/xhtml11.dtd">'


def _chapter(inner):
    head = f'<?xml version="1.0"?>{TYPE}<html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head>'
    return f"{head}<body>{inner}</body></html>"


def _item(name, kind="application/xhtml+xml", properties=""):
    return f'<item id="{name}" href="{name}" media-type="{kind}" properties="{properties}"/>'


def _book(tmp_path, spine=("dos.xhtml", "uno.xhtml", "tres%20y.xhtml"), **parts):
    items = [_item(name) for name in spine]
    items.append(_item("nav.xhtml", properties="nav"))
    package = (
        f'<package xmlns="http://www.idpf.org/2007/opf" {DC}><metadata>'
        f"<dc:title>El libro</dc:title><dc:date>1961-03-02</dc:date></metadata>"
        f"<manifest>{''.join(items)}</manifest><spine>"
        + "".join(f'<itemref idref="{name}"/>' for name in ("nav.xhtml", *spine))
        + "</spine></package>"
    )
    nav = '<nav><ol><li><a href="tres%20y.xhtml#a">El final</a></li></ol></nav>'
    content = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<container><rootfile full-path="OPS/libro.opf" '
        'media-type="application/oebps-package+xml"/></container>',
        "OPS/libro.opf": package,
        "OPS/nav.xhtml": _chapter(nav),
        "OPS/uno.xhtml": _chapter("<h1>Uno</h1><p>Llovió.&nbsp;Mucho.</p>"),
        "OPS/dos.xhtml": _chapter("<h1>Dos</h1><p>Salió el sol.</p>"),
        "OPS/tres y.xhtml": _chapter("<p>Fin.</p>"),
        **parts,
    }
    return packed(tmp_path / "a.epub", content)


def test_chapters_follow_the_spine_under_their_headings_or_entries(tmp_path):
    document = read_document(_book(tmp_path))
    assert (document.title, document.written_at) == ("El libro", "1961-03-02T00:00:00")
    assert found(document) == [
        ("Dos", "Salió el sol."),
        ("Uno", "Llovió. Mucho."),
        ("El final", "Fin."),
    ]
    assert document.warnings == ()


def test_damage_to_the_package_leaves_the_chapters(tmp_path):
    document = read_document(_book(tmp_path, **{"OPS/libro.opf": "<package"}))
    assert found(document) == [("Dos", "Salió el sol. El final Fin."), ("Uno", "Llovió. Mucho.")]
    assert document.warnings[0].startswith("the order of its chapters is not known: damaged XML")


def _encrypted(method):
    return {
        "META-INF/encryption.xml": '<encryption xmlns:e="http://www.w3.org/2001/04/xmlenc#">'
        f'<e:EncryptedData><e:EncryptionMethod Algorithm="{method}"/></e:EncryptedData>'
        "</encryption>"
    }


def test_a_protected_book_says_so_and_one_of_protected_fonts_is_read(tmp_path):
    locked = _book(tmp_path, **_encrypted("http://www.w3.org/2001/04/xmlenc#aes128-cbc"))
    assert reason(locked).startswith("protected by its seller (DRM)")
    fonts = _book(tmp_path, **_encrypted("http://www.idpf.org/2008/embedding"))
    assert len(read_document(fonts).passages) == 3
