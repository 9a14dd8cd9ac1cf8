"""The commands on classifiers, in processes of their own, as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import toy_classes
from warm import retrieve

ROOT = Path(__file__).parents[2]
GROUPED = ("--group-column", "group")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A classifier of three subjects, trained by the command, and what that printed."""
    folder = tmp_path_factory.mktemp("classes")
    rows = toy_classes.jsonl(folder / "toy.jsonl", 40)
    out = folder / "toy.safetensors"
    picture = folder / "toy.png"
    done = retrieve("train", "classifier", rows, "--out", out, *GROUPED, "--picture", picture)
    return out, rows, picture, done


def test_training_prints_accuracy_with_its_interval_and_draws_the_confusions(model):
    _, _, picture, done = model
    assert "accuracy 1.000 (0.969 to 1.000; " in done.stdout
    assert "120 held-out texts of 120" in done.stdout
    assert [line.split()[0] for line in done.stdout.splitlines()[1:4]] == ["campo", "cocina", "mar"]
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_files_and_stdin_are_classified_and_a_bad_one_is_skipped(model, tmp_path):
    (tmp_path / "sea.txt").write_text("El barco de vela, con marea y ancla, muy de puerto.")
    (tmp_path / "empty.txt").touch()
    files = (tmp_path / "sea.txt", tmp_path / "empty.txt", tmp_path / "no.txt", "-")
    done = retrieve(
        "classify", *files, "--model", model[0], stdin="La harina, al horno, con aceite."
    )
    rows = [line.split()[:2] for line in done.stdout.splitlines()[1:]]
    assert rows == [[str(tmp_path / "sea.txt"), "mar"], ["-", "cocina"]]
    assert "empty.txt: the file is empty" in done.stderr
    assert "no.txt: cannot be read: no such file or directory" in done.stderr
    retrieve("classify", tmp_path / "empty.txt", "--model", model[0], code=1)


def test_json_has_the_documented_form(model):
    done = retrieve(
        "classify", "-", "--model", model[0], "--passages", "--json", "-k", "2",
        stdin="La oveja, el trigo y el arado.",
    )  # fmt: skip
    value = json.loads(done.stdout)
    assert value["class"] == "campo"
    assert [set(one) for one in value["ranked"]] == [{"class", "probability"}] * 2
    (passage,) = value["passages"]
    assert passage["text"] == "La oveja, el trigo y el arado."
    assert passage["ranked"] == value["ranked"]


def test_the_shipped_languages_are_the_default_and_strange_text_is_none():
    done = retrieve("classify", "-", stdin="Zer moduz zaude? Oso ondo nago, eskerrik asko.")
    assert done.stdout.splitlines()[1].startswith("-     none of these")
    done = retrieve("classify", "-", stdin="Os nenos xogaban no prado mentres non chovía.")
    assert done.stdout.splitlines()[1].split()[1] == "glg"


def test_a_stored_classifier_is_measured(model, tmp_path):
    out, rows, _, _ = model
    picture = tmp_path / "again.svg"
    done = retrieve("evaluate", "classifier", out, rows, *GROUPED, "--picture", picture, "--json")
    value = json.loads(done.stdout)
    assert (value["accuracy"], value["texts"]) == (1.0, 120)
    assert [sum(row) for row in value["confusion"]] == [40, 40, 40]
    assert "<svg" in picture.read_text("utf-8")


def test_texts_of_none_of_the_classes_are_counted(model, tmp_path):
    out, rows, _, _ = model
    strange = tmp_path / "strange.csv"
    strange.write_text("text,label\n" + "Wszyscy ludzie rodzą się wolni i równi!,x\n" * 3)
    done = retrieve("evaluate", "classifier", out, rows, "--none", strange, "--json")
    assert json.loads(done.stdout)["none"] == {"texts": 3, "auroc": 1.0, "rejected": 1.0}
    done = retrieve("evaluate", "classifier", out, rows, "--none", strange)
    assert "of 3 texts of none of the classes 100.0% are called none; AUROC 1.000" in done.stdout


def test_what_cannot_be_used_is_one_line(model, tmp_path):
    out, rows, _, _ = model
    done = retrieve("train", "classifier", rows, "--out", "x.bin", code=1)
    assert (
        done.stderr == "error: wanted a file name in .safetensors for the classifier; got x.bin\n"
    )
    done = retrieve("train", "classifier", rows, "--out", out, "--picture", "x.bmp", code=1)
    assert "wanted a picture in .png, .svg, .pdf; got x.bmp" in done.stderr
    (tmp_path / "other.csv").write_text("text,label\nhola,luna\nadiós,sol\n")
    done = retrieve("evaluate", "classifier", out, tmp_path / "other.csv", code=1)
    assert "has texts of luna, sol; the classifier knows campo, cocina, mar" in done.stderr
    done = retrieve("classify", "-", "--model", "klingon", stdin="x", code=1)
    assert "no classifier is called 'klingon'" in done.stderr


@pytest.mark.parametrize(
    "command", ["classify", "train classifier", "train languages", "evaluate classifier"]
)
def test_every_command_has_an_example_and_stands_in_the_documentation(command):
    assert f"Example: retrieve {command}" in retrieve(*command.split(), "--help").stdout
    assert f"### retrieve {command}\n" in (ROOT / "docs" / "commands.md").read_text(
        encoding="utf-8"
    )
