"""What a plain installation weighs and does: python -m benchmarks.installation

Builds the wheel, makes an empty environment, installs the wheel there and nothing else, and runs
the daily commands outside the checkout, with an empty home and cache. Prints the size of the
wheel and of each package, the CPU time of the first index of ten photos and of the same again,
and whether torch came along. With --beside FOLDER the same ten photos are indexed by another
checkout, too, from a cold cache and by --beside-python (one that has its dependencies). MB of
what is installed are 2^20 bytes, as `du -m` counts them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks.watched import watched
from retrieve.sample_data.album import write_album, write_probe
from retrieve.sample_data.archive import write_texts

ROOT = Path(__file__).parents[1]
MOST_WHEEL_MB, AIM_MB = 95, 450
SMALL_MB = 2.0  # packages below it are shown together
TOOLS_AND_METADATA = "pip, setuptools, metadata"
TOOLS = {"pip", "setuptools", "pkg_resources", "_distutils_hack"}  # of every environment
# Shared libraries lie beside the packages that use them.
BESIDE = {"faiss_cpu": "faiss", "PIL": "pillow", "pillow": "pillow", "_pillow_heif": "pillow_heif"}


def megabytes(path: Path) -> float:
    """What a file or folder takes on the disk, as du counts it, links left out."""
    files = [path] if path.is_file() else [one for one in path.rglob("*") if not one.is_symlink()]
    return sum(one.lstat().st_blocks for one in files) * 512 / 2**20


def packages(folder: Path) -> Counter[str]:
    """Package → MB in a site-packages folder, with its shared libraries, without its metadata."""
    sizes: Counter[str] = Counter()
    for path in folder.iterdir():
        name = path.name.split("-")[0].split(".")[0]
        if path.suffix in (".dist-info", ".pth") or name in TOOLS or path.name == "__pycache__":
            name = TOOLS_AND_METADATA
        sizes[BESIDE.get(name, name)] += megabytes(path)  # type: ignore[assignment]
    return sizes


def timed(*command: str | Path, cwd: Path, **variables: str) -> tuple[float, float, str]:
    """CPU s and s of a command and all processes below it, and what it printed."""
    environment = {"PATH": os.environ["PATH"], **variables}
    began = time.perf_counter()
    # Workers end after the one that began them, so that the system adds them to nobody's time.
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, cwd=cwd, env=environment, stdout=said, stderr=subprocess.STDOUT
        )
        use = watched(process)
        took = time.perf_counter() - began
        said.seek(0)
        printed = said.read().decode()
    if process.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{printed}")
    return use.cpu_s, took, printed


def built_wheel(folder: Path) -> Path:
    """The wheel of this checkout, built from a copy of what git tracks."""
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    copy = folder / "source"
    for name in filter(None, tracked):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes((ROOT / name).read_bytes())
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps")
    subprocess.run([*pip, "-w", folder, copy], check=True)
    (wheel,) = folder.glob("retrieve-*.whl")
    return wheel


def weighed(environment: Path) -> None:
    """The table of sizes."""
    (site,) = environment.glob("lib/python3*/site-packages")
    sizes = packages(site)
    needed = sum(sizes.values()) - sizes[TOOLS_AND_METADATA]
    small = [name for name in sizes if sizes[name] < SMALL_MB]
    rest = sum(sizes.pop(name) for name in small)
    for name, mb in sizes.most_common():
        print(f"  {mb:6.1f} MB  {name}")
    print(f"  {rest:6.1f} MB  {len(small)} others")
    print(
        f"all packages {needed:.0f} MB, aim {AIM_MB}; the environment with pip "
        f"{megabytes(environment):.0f} MB"
    )
    absent = [name for name in ("torch", "onnx", "scipy", "matplotlib") if (site / name).exists()]
    assert not absent, absent


def ten_photos(python: Path | str, module: str, place: Path, name: str, **variables: str) -> None:
    """The first index of ten photos from a cold cache, and another with a warm one."""
    cold = {"HOME": str(place / f"home-{name}"), "RETRIEVE_CACHE": str(place / f"cache-{name}")}
    for said in ("first", "second"):
        run = f"if __name__ == '__main__': import {module}; {module}.main()"
        arguments = (python, "-c", run, "index", place / "ten", "--collection")
        cpu_s, took, _ = timed(*arguments, place / f"{said}-{name}", cwd=place, **cold, **variables)
        print(f"{name:12} {said} index of ten photos {cpu_s:6.2f} CPU s, {took:5.1f} s")


def commands(python: Path, place: Path) -> None:
    """The daily commands, each in a cold process, with what they print."""
    cold = {"HOME": str(place / "home"), "RETRIEVE_CACHE": str(place / "cache")}
    for arguments in (
        ("index", "album", "texts"),
        ("search", "probe.jpg", "-k", "3"),
        ("search", "carta sobre la boda en Zaragoza", "-k", "1"),
        ("search", "probe.jpg", "playa", "-k", "2"),
        ("search", "probe.jpg", "--html", "hits.html"),
        ("detect", "probe.jpg", "--detector", "centerface"),
        ("analogy", "rey", "hombre", "mujer", "-k", "3"),
        ("classify", "texts/cartas/1956-mayo-boda.txt"),
        ("predict", "la noche", "-k", "2"),
        ("models",),
    ):
        command = (python, "-m", "retrieve.cli", *arguments)
        cpu_s, took, said = timed(
            *command, cwd=place, **cold, RETRIEVE_COLLECTION=str(place / "collection")
        )
        print(f"\n$ retrieve {' '.join(arguments)}    [{cpu_s:.2f} CPU s, {took:.1f} s]")
        print("\n".join(said.splitlines()[:12]))
    left = [one.relative_to(place) for one in (place / "home").rglob("*")]
    cached = [one for one in (place / "cache").rglob("*") if one.is_file()]
    print(f"\nleft behind in the home: {left or 'nothing'}; in the cache: {cached or 'nothing'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable, help="makes the environment")
    parser.add_argument("--beside", type=Path, metavar="FOLDER", help="another checkout")
    parser.add_argument("--beside-python", default=sys.executable, metavar="FILE")
    parser.add_argument("--beside-main", default="cli.app", help="module whose main() it runs")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "place")
        for name in ("home", "home-this", "home-other"):
            (place / name).mkdir(parents=True)
        write_album(place / "album", people=8, photos=40, seed=1)
        write_album(place / "ten", people=4, photos=10, seed=2)
        write_probe(place / "probe.jpg", seed=1)
        write_texts(place / "texts")

        wheel = built_wheel(Path(folder))
        size_mb = wheel.stat().st_size / 1e6
        print(f"wheel {size_mb:.1f} MB, may have {MOST_WHEEL_MB}")
        assert size_mb < MOST_WHEEL_MB
        environment = Path(folder, "environment")
        python = environment / "bin" / "python"
        pip = ("install", "--quiet", "--no-cache-dir", "--disable-pip-version-check")
        began = time.perf_counter()
        subprocess.run([arguments.python, "-m", "venv", environment], check=True)
        pinned = ("-c", ROOT / "constraints.txt")
        subprocess.run([python, "-m", "pip", *pip, *pinned, wheel], check=True)
        print(f"made and installed in {time.perf_counter() - began:.0f} s; {_version(python)}")
        weighed(environment)
        commands(python, place)
        print()
        ten_photos(python, "retrieve.cli.app", place, "this")
        if arguments.beside is not None:
            ten_photos(
                arguments.beside_python,
                arguments.beside_main,
                place,
                "other",
                PYTHONPATH=str(arguments.beside.absolute()),
            )


def _version(python: Path) -> str:
    return subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
