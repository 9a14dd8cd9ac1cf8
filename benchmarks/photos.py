"""The photographs that benchmarks run on."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from retrieve import photos

SHARED = Path(__file__).parents[2] / "shared" / "photos"
MIN_PIXELS = 700_000  # thumbnails are not what anybody indexes
FOLDERS = ("nasa", "compreface", "groups", "immich", "dlib_faces", "exif_orientation")


def real_photos(root: Path = SHARED) -> list[Path]:
    """Photographs as cameras make them, with and without faces; drawn ones if there are none."""
    if not root.is_dir():
        return drawn_photos(60)
    found = []
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix.lower() in photos.SUFFIXES and _pixels(path) >= MIN_PIXELS:
                found.append(path)
    return found


def _pixels(path: Path) -> int:
    """Of a file that Pillow alone can read; 0 otherwise, as for HEIC, which no peer reads."""
    try:
        image = Image.open(path)
        image.load()
    except OSError:
        return 0
    return image.width * image.height


def drawn_photos(n: int) -> list[Path]:
    """Photos of an album drawn once into the cache."""
    from retrieve.cache import cache_dir
    from retrieve.sample_data.album import write_album

    folder = cache_dir() / "benchmarks" / f"drawn-{n}"
    if not folder.is_dir():
        write_album(folder, people=12, photos=n, seed=1)
    return sorted(p for p in folder.rglob("IMG_*") if p.suffix != ".txt")
