"""Names of files and folders → words, without what cameras and programs number."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

from retrieve.text.tokens import plain

# What cameras, phones and programs begin a name with.
_PREFIXES = frozenset(
    """
    img imgp image imagen dsc dscn dscf dsci _dsc pict pic p pxl mvimg mov vid video gopr gh gx
    dji sam sdc cimg imag hpim kif mvc stp pdr dcp dc crw sn fb wa whatsapp signal burst cover
    pano photo foto fotografia picture bild jpeg jpg cam camera snapchat received collage effects
    resized scan escaneo screenshot captura pantalla
    """.split()  # noqa: SIM905
)
# How a file came about, not what it shows; MP is Google's motion photo.
_MAKING = frozenset(
    ("copy", "copia", "edited", "editado", "editada", "edit", "hdr", "raw", "thumb", "min", "mp")
)
# Folders that everybody has.
_FOLDERS = frozenset(
    """
    pictures picture photos photo images image imagenes fotos foto fotografias dcim camera camara
    downloads descargas desktop escritorio documents documentos home users data media mnt
    whatsapp screenshots instagram telegram
    """.split()  # noqa: SIM905
) | {"camera roll", "camera uploads", "whatsapp images", "capturas de pantalla"}
_CAMERA_FOLDER = re.compile(r"\d{3}[\w]{3,5}", re.ASCII)  # DCIM/100CANON
_YEAR = re.compile(r"(18|19|20)\d\d")
_DATE = re.compile(r"((?:18|19|20)\d\d)[-_. ]?(0\d|1[0-2])[-_. ]?([0-2]\d|3[01])(?!\d)")
_CODE = re.compile(r"(?=\w*\d)[0-9a-f-]{8,}|[a-z]{1,4}\d{3,}\w*|\d+(x\d+|px|k|mp)?", re.I | re.A)
# Flickr's number, key and size of a photo; identifiers of 32 hexadecimal digits.
_KEYS = re.compile(
    r"_\d{6,}(_[0-9a-f]{6,})?_[a-z]\d?\Z|[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.I
)
# Between words: signs, and the capitals of BodaDeAna.
_BETWEEN = re.compile(r"[\W_]+|(?<=[a-záéíóúüñ])(?=[A-ZÁÉÍÓÚÜÑ])")


def name_words(photo: Path, root: Path | None) -> str:
    """The words in a photo's name and in those of its folders up to the root, outermost first.

    root  of what is indexed, with its own name; None takes the name of the file alone

    Numbers, and what cameras and programs call their files, are left out. A year is kept
    where words stand in the same name: "Boda 2019", not "2019/07".
    """
    names = [photo.stem]
    if root is not None and photo.is_relative_to(root):
        folders = photo.relative_to(root).parts[:-1]
        names = [name for name in (root.name, *folders) if not _is_common(name)] + names
    parts = [_words(name) for name in names]
    return ", ".join(dict.fromkeys(part for part in parts if part))


def _is_common(name: str) -> bool:
    return plain(name.lower()) in _FOLDERS or _CAMERA_FOLDER.fullmatch(name) is not None


def _words(name: str) -> str:
    """The words of one name, as they are written."""
    name = _DATE.sub(r" \1 ", _KEYS.sub("", unquote(name)))
    words = [word for word in _BETWEEN.split(name) if word]
    kept = [word for word in words if _is_year(word) or not _CODE.fullmatch(word)]
    if len(kept) < len(words) or any(map(_is_year, kept)):
        # A camera's name has a number besides its prefix, and its year is the camera's.
        own = [word for word in kept if plain(word.lower()) not in _PREFIXES]
        kept = own if own == kept else [word for word in own if not _is_year(word)]
    kept = [word for word in kept if plain(word.lower()) not in _MAKING]
    telling = any(len(word) > 1 and not _is_year(word) for word in kept)
    return " ".join(kept) if telling else ""


def _is_year(word: str) -> bool:
    return _YEAR.fullmatch(word) is not None
