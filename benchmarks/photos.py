"""The photographs that benchmarks run on."""

from __future__ import annotations

from pathlib import Path

from retrieval import photos

SHARED = Path(__file__).parents[2] / "shared" / "photos"
FOLDERS = ("nasa", "compreface", "groups", "immich", "dlib_faces", "exif_orientation")


def real_photos(root: Path = SHARED) -> list[Path]:
    """Ordinary photographs of some size with and without faces; drawn ones if there are none."""
    if not root.is_dir():
        return drawn_photos(60)
    found = []
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix.lower() in photos.SUFFIXES and path.stat().st_size > 30_000:
                found.append(path)
    return found


def drawn_photos(n: int) -> list[Path]:
    """Photos of an album drawn once into the cache."""
    from retrieval.cache import cache_dir
    from sample_data.album import write_album

    folder = cache_dir() / "benchmarks" / f"drawn-{n}"
    if not folder.is_dir():
        write_album(folder, people=12, photos=n, seed=1)
    return sorted(p for p in folder.rglob("IMG_*") if p.suffix != ".txt")
