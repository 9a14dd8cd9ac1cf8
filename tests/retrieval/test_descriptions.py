from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import pytest
from PIL import ExifTags, Image, PngImagePlugin
from pillow_heif import register_heif_opener

from retrieve.descriptions import describe, sidecars
from retrieve.metadata.names import name_words

PHOTOS = Path(__file__).parents[3] / "shared" / "photos"
needs_photos = pytest.mark.skipif(not PHOTOS.is_dir(), reason="../shared/photos is not here")
register_heif_opener()

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
SPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
}


def _xmp(properties, attributes=""):
    spaces = " ".join(f'xmlns:{prefix}="{space}"' for prefix, space in SPACES.items())
    return (
        '<?xpacket begin="\ufeff"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<rdf:RDF xmlns:rdf="{RDF}"><rdf:Description {spaces} {attributes}>{properties}'
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def _bag(name, *values, kind="Bag"):
    items = "".join(f"<rdf:li>{value}</rdf:li>" for value in values)
    return f"<{name}><rdf:{kind}>{items}</rdf:{kind}></{name}>"


def _iptc(*fields):
    """An APP13 segment with (record, dataset, bytes) in Photoshop's resource 0x0404."""
    data = b"".join(b"\x1c" + bytes((r, d)) + struct.pack(">H", len(v)) + v for r, d, v in fields)
    block = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(data)) + data + b"\0" * (len(data) % 2)
    content = b"Photoshop 3.0\0" + block
    return b"\xff\xed" + struct.pack(">H", len(content) + 2) + content


def _photo(path, iptc=b"", **options):
    Image.new("RGB", (16, 16)).save(path, **options)
    if iptc:
        content = path.read_bytes()
        path.write_bytes(content[:2] + iptc + content[2:])
    return path


def _exif(**tags):
    exif = Image.Exif()
    for name, value in tags.items():
        tag = ExifTags.Base[name]
        if tag == ExifTags.Base.UserComment:
            exif.get_ifd(ExifTags.IFD.Exif)[tag] = value
        else:
            exif[tag] = value
    return exif


def _said(path, root=None):
    return [(p.kind, p.title, p.text) for p in describe(path, root).passages]


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff", "heic", "avif"])
def test_xmp_is_read_from_every_format(tmp_path, suffix):
    xmp = _xmp(
        _bag("dc:title", "La boda", kind="Alt")
        + _bag("dc:description", "Ana y Luis bailan.", "Ana and Luis dance.", kind="Alt")
        + _bag("dc:subject", "Ana Pérez", "fiesta")
        + _bag("lr:hierarchicalSubject", "Lugares|España|Zaragoza", "fiesta")
        + _bag("digiKam:TagsList", "Lugares/España/Teruel")
        + "<Iptc4xmpExt:LocationShown><rdf:Bag><rdf:li rdf:parseType='Resource'>"
        "<Iptc4xmpExt:City>Huesca</Iptc4xmpExt:City></rdf:li></rdf:Bag>"
        "</Iptc4xmpExt:LocationShown>"
        "<mwg-rs:Regions rdf:parseType='Resource'><mwg-rs:RegionList><rdf:Bag><rdf:li>"
        "<rdf:Description mwg-rs:Name='Luis Gil' mwg-rs:Type='Face'/></rdf:li></rdf:Bag>"
        "</mwg-rs:RegionList></mwg-rs:Regions>",
        attributes='photoshop:Country="España"',
    )
    options = {"xmp": xmp}
    if suffix == "png":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", xmp.decode())
        options = {"pnginfo": info}
    elif suffix == "tiff":
        options = {"tiffinfo": {700: xmp}}
    path = _photo(tmp_path / f"IMG_1234.{suffix}", **options)
    assert _said(path) == [
        ("caption", "La boda", "Ana y Luis bailan."),
        ("caption", "La boda", "Ana and Luis dance."),
        (
            "keywords",
            "",
            "España, Ana Pérez, fiesta, Lugares, Zaragoza, Teruel, Huesca, Luis Gil",
        ),
    ]


@pytest.mark.parametrize(
    ("mark", "encoding"), [(b"\x1b%G", "utf-8"), (b"", "latin-1"), (b"", "utf-8")]
)
def test_iptc_is_read_in_its_character_set(tmp_path, mark, encoding):
    fields = [
        (2, 5, "La peña"),
        (2, 120, "Llovió en la montaña."),
        (2, 25, "niño"),
        (2, 25, "Ávila"),
        (2, 90, "Logroño"),
        (2, 101, "España"),
    ]
    coded = [(r, d, text.encode(encoding)) for r, d, text in fields]
    iptc = _iptc(*([(1, 90, mark)] if mark else []), *coded)
    assert _said(_photo(tmp_path / "IMG_1.jpg", iptc=iptc)) == [
        ("caption", "La peña", "Llovió en la montaña."),
        ("keywords", "", "niño, Ávila, Logroño, España"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
def test_exif_is_read_with_what_windows_adds(tmp_path, suffix, encoding):
    exif = _exif(
        ImageDescription="Mañana de sol".encode(encoding),
        XPTitle="La peña\0".encode("utf-16-le"),
        XPComment="Dormía.\0".encode("utf-16-le"),
        XPKeywords="niño;mar\0".encode("utf-16-le"),
    )
    assert _said(_photo(tmp_path / f"DSC0001.{suffix}", exif=exif)) == [
        ("caption", "La peña", "Mañana de sol"),
        ("caption", "La peña", "Dormía."),
        ("keywords", "", "niño, mar"),
    ]


@pytest.mark.parametrize(
    "comment",
    [
        b"ASCII\0\0\0" + "Otoño".encode(),
        b"ASCII\0\0\0" + "Otoño".encode("latin-1"),
        b"UNICODE\0" + "Otoño".encode("utf-16-le"),
        b"UNICODE\0" + "Otoño".encode("utf-16-be"),
        b"UNICODE\0" + "Otoño".encode("utf-16"),
        bytes(8) + "Otoño".encode() + bytes(50),
    ],
)
def test_a_user_comment_is_read_in_its_character_set(tmp_path, comment):
    path = _photo(tmp_path / "IMG_1.jpg", exif=_exif(UserComment=comment))
    assert _said(path) == [("caption", "", "Otoño")]


@pytest.mark.parametrize(
    "text",
    [
        *("OLYMPUS DIGITAL CAMERA         ", "SONY DSC", "oznor", "   ", "Exif_JPEG_PICTURE"),
        *("<SAMSUNG DIGITAL CAMERA>", "File written by Adobe Photoshop 4.0", "1234"),
        "DCIM\\100MEDIA\\A.JPG",
    ],
)
def test_what_a_camera_writes_is_no_caption(tmp_path, text):
    comment = b"ASCII\0\0\0" + text.encode()
    exif = _exif(ImageDescription=text, UserComment=comment)
    assert _said(_photo(tmp_path / "IMG_1.jpg", exif=exif)) == []


def test_text_chunks_of_a_png_are_read_after_its_pixels_too(tmp_path):
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "La peña")
    info.add_itxt("Description", "Llovió 雨", zip=True)
    info.add_text("Comment", "Y nevó.", zip=True)
    info.add_text("Software", "gimp")
    path = _photo(tmp_path / "IMG_1.png", pnginfo=info)
    content, body = path.read_bytes(), b"tEXtSubject\0Al final."
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    path.write_bytes(content[:-12] + chunk + content[-12:])
    assert _said(path) == [
        ("caption", "La peña", "Llovió 雨"),
        ("caption", "La peña", "Y nevó."),
        ("caption", "La peña", "Al final."),
    ]


@pytest.mark.parametrize("name", ["IMG_1.txt", "IMG_1.jpg.txt", "IMG_1.TXT"])
def test_a_text_beside_a_photo_is_its_caption(tmp_path, name):
    path = _photo(tmp_path / "IMG_1.jpg")
    (tmp_path / name).write_bytes("Llovió mañana.\n\nY nevó.".encode("latin-1"))
    found = describe(path)
    assert [(p.kind, p.text) for p in found.passages] == [
        ("caption", "Llovió mañana."),
        ("caption", "Y nevó."),
    ]
    status = (tmp_path / name).stat()
    assert found.sidecars == ((tmp_path / name, status.st_mtime_ns, status.st_size),)
    assert sidecars(path) == list(found.sidecars)


@pytest.mark.parametrize("name", ["IMG_1.xmp", "IMG_1.jpg.xmp"])
def test_an_xmp_beside_a_photo_is_read(tmp_path, name):
    path = _photo(tmp_path / "IMG_1.jpg")
    (tmp_path / name).write_bytes(_xmp(_bag("dc:subject", "niño")))
    assert _said(path) == [("keywords", "", "niño")]


LONG = "2019_07_09_una_noche_larga_en_Zaragoza_con_toda_la_familia.jpg"


@pytest.mark.parametrize(
    ("photo", "sidecar"),
    [
        ("IMG_1.jpg", "IMG_1.jpg.json"),
        ("IMG_1.jpg", "IMG_1.jpg.supplemental-metadata.json"),
        ("IMG_1(2).jpg", "IMG_1.jpg(2).json"),
        ("IMG_1(2).jpg", "IMG_1.jpg.supplemental-metadata(2).json"),
        ("IMG_20190709_120000_BURST.jpg", "IMG_20190709_120000_BURST.jpg.supplemental-met.json"),
        (LONG, LONG[:46] + ".json"),
    ],
)
def test_takeouts_json_is_found_under_its_names(tmp_path, photo, sidecar):
    path = _photo(tmp_path / photo)
    fields = {"title": photo, "description": "Llovió.", "people": [{"name": "Ana Pérez"}]}
    (tmp_path / sidecar).write_text(json.dumps(fields))
    assert _said(path)[:2] == [("caption", "", "Llovió."), ("keywords", "", "Ana Pérez")]


def test_the_same_words_are_said_once(tmp_path):
    description = "Ana y Luis bailan en la boda."
    xmp = _xmp(_bag("dc:title", "Ana y Luis") + _bag("dc:description", description, description))
    exif = _exif(ImageDescription="ana y luis bailan en la Boda")
    folder = tmp_path / "La boda"
    folder.mkdir()
    path = _photo(folder / "ana.jpg", xmp=xmp, exif=exif)
    (folder / "ana.txt").write_text("bailan en la boda")
    assert _said(path, folder) == [("caption", "", description)]


def test_a_title_alone_is_a_caption(tmp_path):
    path = _photo(tmp_path / "IMG_1.jpg", xmp=_xmp(_bag("dc:title", "La boda", kind="Alt")))
    assert _said(path) == [("caption", "", "La boda")]


def test_a_long_caption_is_several_passages(tmp_path):
    path = _photo(tmp_path / "IMG_1.jpg")
    (tmp_path / "IMG_1.txt").write_text("Ana baila en la plaza con sus primas. " * 30)
    found = describe(path).passages
    assert len(found) > 1
    assert {p.kind for p in found} == {"caption"}


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.xmp", b"<x", "a.xmp says nothing: damaged XML"),
        (
            "a.xmp",
            b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>',
            "a.xmp says nothing: its XML declares a document type",
        ),
        ("a.jpg.json", b"no", "a.jpg.json says nothing: no JSON"),
        ("a.txt", bytes(99), "a.txt says nothing: not a text file"),
        ("a.xmp", b" " * (1 << 20) + b"<x/>", "a.xmp says nothing: larger than 1 MiB"),
    ],
)
def test_a_bad_sidecar_is_a_warning(tmp_path, name, content, reason):
    path = _photo(tmp_path / "a.jpg")
    (tmp_path / name).write_bytes(content)
    found = describe(path)
    assert found.passages == ()
    (warning,) = found.warnings
    assert warning.startswith(reason)
    assert [sidecar.path.name for sidecar in found.sidecars] == [name]


@pytest.mark.parametrize("suffix", ["webp", "png"])  # of a JPEG Pillow drops it
def test_exif_that_is_no_tiff_is_a_warning_that_says_so(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    Image.new("RGB", (8, 8)).save(path, exif=b"Exif\0\0KK*\0\x08\0\0\0" + bytes(20))
    found = describe(path)
    assert [text.partition(" (")[0][:37] for text in found.warnings] == [
        "its EXIF says nothing: damaged: not a"
    ]


def test_damaged_xmp_is_a_warning_and_the_rest_is_read(tmp_path):
    exif = _exif(ImageDescription="Mañana".encode())
    found = describe(_photo(tmp_path / "IMG_1.jpg", xmp=b"<x:xmpmeta", exif=exif))
    assert [p.text for p in found.passages] == ["Mañana"]
    assert found.warnings[0].startswith("its XMP says nothing: damaged XML")


def test_a_json_of_another_make_says_nothing(tmp_path):
    path = _photo(tmp_path / "IMG_1.jpg")
    for content in ('["description"]', '{"description": 3, "people": "Ana"}', "null"):
        (tmp_path / "IMG_1.jpg.json").write_text(content)
        assert describe(path).passages == ()
        assert describe(path).warnings == ()


def test_what_is_no_photo_has_its_name(tmp_path):
    (tmp_path / "Ana.jpg").write_bytes(b"rubbish")
    assert _said(tmp_path / "Ana.jpg") == [("name", "", "Ana")]
    assert _said(tmp_path / "Luis.jpg") == [("name", "", "Luis")]


def test_no_pixel_is_decoded(tmp_path, monkeypatch):
    paths = [
        _photo(tmp_path / f"Ana.{suffix}") for suffix in ("jpg", "png", "webp", "tiff", "heic")
    ]
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("decoded"))
    for path in paths:
        assert _said(path) == [("name", "", "Ana")]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Viajes/2019/Boda de Ana/IMG_1234.jpg", "Viajes, Boda de Ana"),
        ("2019-07-09 Zaragoza/DSC00012.jpg", "2019 Zaragoza"),
        ("Boda 2019/ana_y_luis-02.jpg", "Boda 2019, ana y luis"),
        ("2019/07/IMG_20190709_120000.jpg", ""),
        ("DCIM/100CANON/P1010001.JPG", ""),
        ("WhatsApp Images/IMG-20190709-WA0003.jpg", ""),
        ("BodaDeAna/PXL_20210101_101010123.MP.jpg", "Boda De Ana"),
        ("Fotos/foto 12.jpg", ""),
        ("una foto de Ana.jpg", "una foto de Ana"),
        ("la%20playa (1).jpg", "la playa"),
        ("5f3c9a7e-11d2-4b6f-9c3d-0a1b2c3d4e5f.jpg", ""),
        ("launch-of-the-shuttle_48537462412_o.jpg", "launch of the shuttle"),
        ("Ana/Ana/Ana.jpg", "Ana"),
        ("Cumpleaños/Íñigo 1024x768 copia.jpg", "Cumpleaños, Íñigo"),
        ("x.jpg", ""),
    ],
)
def test_names_become_words_without_the_numbers_of_cameras(path, expected):
    root = Path("/home/Pictures")
    assert name_words(root / path, root) == expected


def test_without_a_root_only_the_file_has_a_name():
    assert name_words(Path("/home/eva/Boda/ana.jpg"), None) == "ana"
    assert name_words(Path("/home/eva/Boda/ana.jpg"), Path("/home/eva/Boda")) == "Boda, ana"


def test_a_long_text_beside_a_photo_is_its_own(tmp_path):
    path = _photo(tmp_path / "ana.jpg")
    (tmp_path / "ana.txt").write_bytes(b"Hola " * 300_000)
    assert sidecars(path) == []
    assert _said(path) == [("name", "", "ana")]


@needs_photos
def test_real_photographs_say_who_and_what():
    folder = PHOTOS / "immich"
    faces = describe(folder / "metadata" / "faces" / "portrait.jpg")
    assert ("keywords", "People, Marie Curie, Pierre Curie") in [
        (p.kind, p.text) for p in faces.passages
    ]
    kinds = [kind for kind, _, _ in _said(folder / "albums" / "nature" / "prairie_falcon.jpg")]
    assert kinds == ["caption", "caption", "keywords"]  # they hold every word of its name
    assert _said(folder / "albums" / "nature" / "el_torcal_rocks.jpg") == [
        ("name", "", "el torcal rocks")  # its description is SONY DSC
    ]


@needs_photos
def test_bad_files_are_survived_and_say_their_name():
    for path in sorted((PHOTOS / "odd").iterdir()):
        *_, name = describe(path, PHOTOS).passages
        assert name.text.startswith("odd")
