"""Training of classifiers: the parts beside oracles, the whole on texts that can be told apart."""

from __future__ import annotations

import gettext
import gzip
import io
import lzma
import zipfile
from collections import Counter
from dataclasses import replace

import msgpack
import numpy as np
import pytest
import scipy.sparse
import torch
import toy_classes
import toy_encoder
from numpy.testing import assert_allclose

from retrieve.errors import BadInput
from retrieve.evaluation.classification import calibration_error
from retrieve.models.text_classifier import TextClassifier
from retrieve.text.classifiers.classify import (
    Classifier,
    LinearNetwork,
    familiarity,
    open_classifier,
    open_encoder,
    probabilities,
)
from retrieve.text.classifiers.file import Fitted
from retrieve.text.classifiers.lstm import LstmNetwork
from retrieve.text.encoders.ngrams import Grams, NgramEncoder
from retrieve.text.language.pieces import open_pieces
from retrieve.training.classifier import (
    descent,
    fitted,
    frequent,
    languages,
    lstm,
    translated,
)
from retrieve.training.classifier.catalogues import others, sentences
from retrieve.training.classifier.examples import Columns, Examples, read
from retrieve.training.classifier.folds import folds
from retrieve.training.classifier.linear import LinearTrainer, Settings
from retrieve.training.classifier.recipe import Recipe, _measure, train
from retrieve.training.classifier.short import refitted

GROUPED = Columns(group="group")


def _examples(tmp_path, each: int = 20) -> Examples:
    return read(toy_classes.jsonl(tmp_path / "toy.jsonl", each), GROUPED)


# examples


def test_a_folder_of_documents_gives_passages_by_class_and_file(tmp_path):
    for label in ("uno", "dos"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "a.txt").write_text(f"Un texto de {label}.", "utf-8")
    (tmp_path / "uno" / "b.md").write_text("# Título\n\nOtro texto.", "utf-8")
    (tmp_path / "dos" / "b.txt").write_bytes(b"\0\1\2\3" * 50)
    found = read(tmp_path)
    assert sorted(zip(found.labels, found.groups, strict=True)) == [
        ("dos", "dos/a.txt"), ("uno", "uno/a.txt"), ("uno", "uno/b.md"),
    ]  # fmt: skip
    assert [one.path.name for one in found.skipped] == ["b.txt"]
    assert found.classes == ("dos", "uno")


def test_a_folder_of_text_files_gives_lines(tmp_path):
    (tmp_path / "spa.txt").write_text("hola\n\nadiós\u2028y más\n", "utf-8")
    (tmp_path / "eng.txt").write_text("hello\n", "utf-8")
    found = read(tmp_path)
    assert found.texts == ["hello", "hola", "adiós\u2028y más"]
    assert found.labels == ["eng", "spa", "spa"]
    assert len(set(found.groups)) == 3


def test_a_table_and_json_lines_give_the_same(tmp_path):
    (tmp_path / "a.csv").write_text('c,t\nx,"uno, dos\ntres"\ny,cuatro\n', "utf-8")
    (tmp_path / "a.jsonl").write_text(
        '{"c": "x", "t": "uno, dos\\ntres"}\n\n{"c": "y", "t": "cuatro"}\n', "utf-8"
    )
    table, lines = (read(tmp_path / name, Columns("t", "c")) for name in ("a.csv", "a.jsonl"))
    assert table.texts == lines.texts == ["uno, dos\ntres", "cuatro"]
    assert table.labels == lines.labels == ["x", "y"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "text,kind\nhola,x\n", "record 1: no column 'label'; there are text, kind"),
        ("a.jsonl", '{"text": "a", "label": "x"}\nno\n', "line 2: wanted a JSON object; got 'no'"),
        ("a.csv", "text,label\nhola,x\n", "wanted texts of 2 classes at least"),
        ("a.xlsx", "", "wanted labelled texts: a folder, or a file in .csv"),
    ],
)
def test_labelled_texts_that_cannot_be_used_are_one_line(tmp_path, name, content, message):
    (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(BadInput, match=message):
        read(tmp_path / name)


# folds


def test_no_group_lies_in_two_folds_and_every_class_in_each():
    rows = toy_classes.texts(40)
    labels, groups = [row["label"] for row in rows], [row["group"] for row in rows]
    found = folds(labels, groups, 4, seed=1)
    assert all(len(set(found[np.array(groups) == group])) == 1 for group in groups)
    for fold in range(4):
        assert {labels[i] for i in np.flatnonzero(found == fold)} == set(labels)
    assert np.bincount(found).tolist() == [30] * 4


def test_a_class_of_one_group_is_refused():
    with pytest.raises(BadInput, match="these have fewer: b"):
        folds(["a", "a", "b", "b"], ["1", "2", "3", "3"], 2, seed=1)


# what is fitted after


def test_the_temperature_that_made_the_labels_is_found():
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 3, (20_000, 4)).astype(np.float32)
    odds = probabilities(logits, Fitted(2.5))
    truth = (odds.cumsum(axis=1) < generator.random((len(odds), 1))).sum(axis=1).clip(0, 3)
    found = fitted.fit(logits, truth, 0.9)
    assert found.temperature == pytest.approx(2.5, rel=0.05)
    assert (logits.max(axis=1) / found.temperature >= found.threshold).mean() == pytest.approx(
        0.9, abs=0.001
    )


def test_held_out_texts_that_are_all_right_leave_a_doubt():
    logits = np.eye(3, dtype=np.float32)[np.arange(48) % 3]
    found = fitted.fit(logits, np.arange(48) % 3, 0.9)
    assert probabilities(logits, found).max() == pytest.approx(1 - 1 / 50, abs=1e-3)


def test_a_part_is_calibrated_by_the_others_alone():
    generator = np.random.default_rng(1)
    logits = generator.normal(0, 3, (400, 3)).astype(np.float32)
    truth = generator.integers(0, 3, 400)
    parts = [np.arange(200), np.arange(200, 400)]
    before, _ = fitted.crossed(logits, truth, parts, 0.9, np.full(400, 20))
    truth[:200] = 0
    after, _ = fitted.crossed(logits, truth, parts, 0.9, np.full(400, 20))
    assert_allclose(before[:200], after[:200])
    assert np.abs(before[200:] - after[200:]).max() > 0.01


def test_a_temperature_that_makes_calibration_worse_is_left_at_one():
    """Texts of one half say the contrary of those of the other: what is fitted to one is farther
    from the truth in the other than nothing is."""
    generator = np.random.default_rng(3)
    logits = generator.normal(0, 1, (400, 3)).astype(np.float32)
    odds = probabilities(logits, Fitted())
    truth = (odds.cumsum(axis=1) < generator.random((400, 1))).sum(axis=1).clip(0, 2)
    sharp = np.arange(400) < 200
    truth[sharp] = logits[sharp].argmax(axis=1)  # surer than it says, in one half alone
    groups = [f"{'a' if one else 'b'}{i % 20}" for i, one in enumerate(sharp)]
    halves = [np.flatnonzero(sharp), np.flatnonzero(~sharp)]
    recipe = Recipe(folds=2, rounds=2)
    words = np.full(400, 20)
    report = _measure(("x", "y", "z"), truth, groups, logits, halves, words, recipe)
    crossed, _ = fitted.crossed(logits, truth, halves, recipe.passes, words)
    assert calibration_error(truth, crossed) > report.ece_before
    assert report.fitted.temperature == 1
    assert report.quality.ece == report.ece_before
    alike = [np.arange(0, 400, 2), np.arange(1, 400, 2)]
    better = _measure(("x", "y", "z"), truth, groups, 3 * logits, alike, words, recipe)
    assert better.fitted.temperature != 1
    assert better.quality.ece < better.ece_before


# linear


def test_a_layer_on_dense_embeddings_is_the_optimum_that_torch_finds(tmp_path):
    examples = _examples(tmp_path)
    encoder = open_encoder(str(toy_encoder.write(tmp_path / "six.safetensors")))
    settings = Settings(penalty=1e-2, iterations=500)
    truth = np.array([examples.classes.index(label) for label in examples.labels])
    layer = LinearTrainer(encoder, examples.texts, settings).fit(np.arange(60), truth, 3, "x")
    factor = encoder.dim**0.5
    rows = torch.from_numpy(encoder.embed(examples.texts)).double() * factor
    W, bias = (torch.zeros(n, 3, dtype=torch.double, requires_grad=True) for n in (encoder.dim, 1))
    optimizer = torch.optim.LBFGS([W, bias], max_iter=500, line_search_fn="strong_wolfe")

    def loss():
        optimizer.zero_grad()
        logits = rows @ W + bias
        value = torch.nn.functional.cross_entropy(logits, torch.from_numpy(truth))
        value = value + 0.5e-2 * (W * W).sum()
        value.backward()
        return value

    optimizer.step(loss)
    wanted = (rows @ W + bias).detach().numpy()
    assert_allclose(layer.logits(np.arange(60)), wanted, atol=0.05)  # 8 bits


def test_a_fit_that_starts_on_a_fifth_of_the_texts_ends_at_the_same_layer_sooner(tmp_path):
    examples = _examples(tmp_path)
    encoder = NgramEncoder(Grams(longest=3, words=1, bits=12))
    truth = np.array([examples.classes.index(label) for label in examples.labels])

    def logits(**settings):
        trainer = LinearTrainer(encoder, examples.texts, Settings(penalty=1e-3, **settings))
        return trainer.fit(np.arange(60), truth, 3, "x").logits(np.arange(60))

    whole = logits(iterations=500)
    assert_allclose(logits(iterations=500, first=20), whole, atol=0.2)
    few, started = logits(iterations=2), logits(iterations=2, first=20)
    assert np.abs(started - whole).mean() < 0.7 * np.abs(few - whole).mean()


@pytest.mark.parametrize("none", [False, True])
def test_a_pass_of_adagrad_is_that_of_the_paper(none):
    generator = np.random.default_rng(1)
    N, D, K = 30, 7, 3
    rows = generator.normal(size=(N, D)).astype(np.float32)
    rows[rows < 0.5] = 0
    truth = generator.integers(0, K + none, N)
    shares = generator.uniform(0.5, 1.5, N).astype(np.float32)
    found = descent.descend(scipy.sparse.csr_array(rows), truth, shares, K, 2)
    assert found.shape == (D + 1, K)

    # The same in numpy: of a text of none the logit is 0, one more column that is never moved.
    weights = np.zeros((D + 1, K))
    squares = np.full_like(weights, descent.BEGUN)
    squares[-1] = descent.BEGUN_BIAS
    orders = np.random.default_rng(1)
    for i in np.concatenate([orders.permutation(N), orders.permutation(N)]):
        row = np.append(rows[i], 1.0)
        logits = np.append(row @ weights, 0.0 if none else -np.inf)
        errors = np.exp(logits - logits.max())
        errors = (errors / errors.sum() - np.eye(K + 1)[truth[i]])[:K] * shares[i]
        gradient = np.outer(row, errors)
        squares += gradient**2
        weights -= descent.RATE * gradient / np.sqrt(squares)
    assert_allclose(found, weights, atol=1e-5)


def test_passes_of_adagrad_tell_texts_apart_and_are_for_ngrams_alone(tmp_path):
    examples = _examples(tmp_path)
    truth = np.array([examples.classes.index(label) for label in examples.labels])
    settings = Settings(passes=3, balanced=True)
    encoder = NgramEncoder(Grams(longest=3, words=1, bits=12))
    chosen, others = np.arange(0, 60, 2), np.arange(1, 60, 2)
    trainer = LinearTrainer(encoder, examples.texts, settings)
    layer = trainer.fit(chosen, truth[chosen], 3, "x")
    assert (layer.logits(others).argmax(axis=1) == truth[others]).mean() > 0.9
    dense = open_encoder(str(toy_encoder.write(tmp_path / "six.safetensors")))
    with pytest.raises(BadInput, match="AdaGrad fits layers on ngrams; the encoder is"):
        LinearTrainer(dense, examples.texts, settings)


def test_a_layer_gives_in_training_what_it_gives_from_its_arrays(tmp_path):
    examples = _examples(tmp_path)
    encoder = NgramEncoder(Grams(bits=14))
    truth = np.array([examples.classes.index(label) for label in examples.labels])
    chosen = np.arange(0, 60, 2)
    layer = LinearTrainer(encoder, examples.texts, Settings()).fit(chosen, truth[chosen], 3, "x")
    others = np.arange(1, 60, 2)
    network = LinearNetwork(encoder, layer.arrays)
    found = network.logits([examples.texts[i] for i in others])
    assert_allclose(found, layer.logits(others), atol=1e-4)
    assert (found.argmax(axis=1) == truth[others]).mean() > 0.9


# LSTM


def _trainer(examples, work, **changes):
    settings = lstm.Settings(
        **({"dim": 8, "hidden": 4, "epochs": 2, "batch": 8, "fewest": 1} | changes)
    )
    return lstm.LstmTrainer(open_pieces(), examples.texts, settings, work)


def test_the_network_in_numpy_agrees_with_torch(tmp_path):
    examples = _examples(tmp_path)
    pieces = open_pieces()
    torch.manual_seed(3)
    model = TextClassifier(51, 8, 4, 3).eval()
    rows = np.arange(len(pieces)) % 51
    network = LstmNetwork(lstm._arrays(model, rows, pieces))
    texts = [*examples.texts[:5], "a", "barco " * 30]
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if value.ndim == 2:  # what 8 bits keep of it
                scale = value.abs().amax(1, keepdim=True) / 127
                model.state_dict()[name].copy_((value / scale).round() * scale)
        ids = [torch.from_numpy(rows[one]) for one in pieces.encode(texts)]
        padded = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True)
        wanted = model(padded, torch.tensor([len(one) for one in ids])).numpy()
    assert_allclose(network.logits(texts), wanted, atol=1e-5)


def test_a_run_that_was_cut_off_ends_as_one_that_was_not(tmp_path, monkeypatch):
    examples = _examples(tmp_path)
    truth = np.array([examples.classes.index(label) for label in examples.labels])
    every = np.arange(60)
    whole = _trainer(examples, tmp_path / "whole").fit(every, truth, 3, "run")
    monkeypatch.setattr(lstm, "CHECKPOINT_S", -1.0)  # at every step

    def cut(name, at, of):
        if at == 48:
            raise KeyboardInterrupt

    trainer = _trainer(examples, tmp_path / "cut")
    trainer._progress = cut
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(every, truth, 3, "run")
    seen = []
    trainer._progress = lambda name, at, of: seen.append(at)
    rest = trainer.fit(every, truth, 3, "run")
    assert seen[0] == 48  # the step that was not kept is taken again
    for name, array in whole.arrays.items():
        assert_allclose(array, rest.arrays[name], err_msg=name)


def test_other_settings_do_not_go_on_from_a_checkpoint(tmp_path):
    examples = _examples(tmp_path)
    truth = np.array([examples.classes.index(label) for label in examples.labels])
    _trainer(examples, tmp_path).fit(np.arange(60), truth, 3, "run")
    other = _trainer(examples, tmp_path, rate=1e-4)
    seen = []
    other._progress = lambda name, at, of: seen.append(at)
    other.fit(np.arange(60), truth, 3, "run")
    assert len(seen) == 16


# the whole


def test_a_linear_classifier_is_trained_measured_and_used(tmp_path):
    examples = _examples(tmp_path, 40)
    out = tmp_path / "toy.safetensors"
    grams = Grams(longest=3, words=1, bits=12)
    recipe = Recipe(grams=grams, folds=4, rounds=4, unknown=True)
    report = train(examples, out, recipe=recipe, name="toy", work=tmp_path)
    assert report.quality.accuracy.trials == report.held_out == 120
    assert report.quality.accuracy.value > 0.95
    assert report.unknown.auroc > 0.9
    assert abs(report.passed - 0.95) < 0.05
    opened = open_classifier(out)
    assert opened.about.figures["accuracy"] == round(report.quality.accuracy.value, 4)
    assert opened.classify(["un barco de vela en el puerto"])[0].ranked[0].label == "mar"
    again = tmp_path / "again.safetensors"
    train(examples, again, recipe=recipe, name="toy", work=tmp_path / "another")
    assert again.read_bytes() == out.read_bytes()


def test_texts_of_none_of_the_classes_are_less_familiar_than_nothing(tmp_path):
    examples = _examples(tmp_path, 40)
    recipe = Recipe(grams=Grams(longest=3, words=1, bits=12), folds=4, rounds=4, none="mar")
    report = train(
        examples, tmp_path / "x.safetensors", recipe=recipe, name="x", work=tmp_path / "work"
    )
    assert (report.held_out, report.examples) == (80, 120)  # those of none are no examples of it
    opened = open_classifier(tmp_path / "x.safetensors")
    assert opened.classes == ("campo", "cocina")
    known, none = (
        [text for text, label in zip(examples.texts, examples.labels, strict=True) if test(label)]
        for test in ("mar".__ne__, "mar".__eq__)
    )
    assert (familiarity(opened.network.logits(known), opened.about.fitted) > 0).all()
    assert (familiarity(opened.network.logits(none), opened.about.fitted) < 0).all()
    with pytest.raises(BadInput, match="an LSTM learns no texts of none"):
        train(examples, tmp_path / "x", recipe=Recipe(model="lstm", none="mar"), name="x",
              work=tmp_path)  # fmt: skip


def test_a_run_that_was_cut_off_fits_only_the_layers_that_are_left(tmp_path, monkeypatch):
    examples = _examples(tmp_path)
    made = LinearTrainer._fitted
    fits = []

    def counted(self, chosen, truth, classes):
        fits.append(len(chosen))
        if len(fits) == 3:
            raise KeyboardInterrupt
        return made(self, chosen, truth, classes)

    monkeypatch.setattr(LinearTrainer, "_fitted", counted)
    recipe = Recipe(grams=Grams(longest=2, words=1, bits=10), folds=2, rounds=2)
    out = tmp_path / "x.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train(examples, out, recipe=recipe, name="x", work=tmp_path / "work")
    train(examples, out, recipe=recipe, name="x", work=tmp_path / "work")
    assert fits == [30, 30, 60, 60]
    other = replace(recipe, linear=Settings(penalty=1e-3))
    train(examples, out, recipe=other, name="x", work=tmp_path / "work")
    assert len(fits) == 7


def test_folds_may_be_given(tmp_path):
    examples = _examples(tmp_path)
    dealt = {group: int(group.endswith("0")) for group in examples.groups}
    recipe = Recipe(grams=Grams(longest=2, words=1, bits=10), folds=2, rounds=1)
    report = train(
        examples, tmp_path / "x.safetensors", recipe=recipe, name="x", work=tmp_path, dealt=dealt
    )
    assert report.held_out == sum(fold == 0 for fold in map(dealt.get, examples.groups)) == 45


def test_an_lstm_is_trained_measured_and_used(tmp_path):
    examples = _examples(tmp_path, 40)
    shape = {"dim": 16, "hidden": 8, "epochs": 8, "batch": 8, "rate": 2e-2}
    recipe = Recipe(model="lstm", lstm=shape, folds=4, rounds=1)
    out = tmp_path / "toy.safetensors"
    report = train(examples, out, recipe=recipe, name="toy", work=tmp_path / "work")
    assert report.held_out == 30
    assert report.quality.accuracy.value > 0.9
    found = open_classifier(out).classify(["aceite y sal en la sartén, al horno"])
    assert found[0].ranked[0].label == "cocina"


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (Recipe(model="tree"), "no model is called 'tree'; there are: linear, lstm"),
        (Recipe(folds=3, rounds=4), "one to all of them held out; got 3 and 4"),
        (Recipe(encoder="bert"), "no text encoder is called 'bert'"),
    ],
)
def test_recipes_that_cannot_be_are_refused(tmp_path, recipe, message):
    with pytest.raises(BadInput, match=message):
        train(_examples(tmp_path), tmp_path / "x", recipe=recipe, name="x", work=tmp_path)


# languages


def _compiled(messages: dict[str, str]) -> bytes:
    """A .mo file as msgfmt writes it."""
    keys = sorted(messages)
    sources = [key.encode() + b"\0" for key in keys]
    targets = [messages[key].encode() + b"\0" for key in keys]
    table, strings = io.BytesIO(), b""
    start = 28 + 16 * len(keys)
    for texts in (sources, targets):
        for text in texts:
            table.write(np.array([len(text) - 1, start + len(strings)], "<u4").tobytes())
            strings += text
    head = np.array([0x950412DE, 0, len(keys), 28, 28 + 8 * len(keys), 0, 0], "<u4")
    return head.tobytes() + table.getvalue() + strings


def test_catalogues_give_clean_sentences_by_language_and_source(tmp_path):
    folder = tmp_path / "libreoffice" / "resource" / "ast" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    messages = {
        "": "Content-Type: text/plain; charset=UTF-8\n",
        "Save the file": "Guardar'l _ficheru actual",
        "Do not translate": "Do not translate",
        "ctx\x04Open": "Abrir <b>%1</b> &amp; zarrar más sero",
    }
    (folder / "sw.mo").write_bytes(_compiled(messages))
    assert len(gettext.GNUTranslations(io.BytesIO((folder / "sw.mo").read_bytes()))._catalog) == 4
    with zipfile.ZipFile(tmp_path / "langpack-gl@firefox.xpi", "w") as archive:
        archive.writestr(
            "a.ftl",
            "# comentario\nk = Gardar a páxina { $name } agora\n"
            "m =\n    .label = Abrir unha\n    .accesskey = Abrir unha tecla\n"
            "n = Unha liña longa\n    que segue embaixo\n",
        )
    (tmp_path / "declaration").mkdir()
    (tmp_path / "declaration" / "cat.html").write_text(
        "<p>Tots els éssers humans</p><p>Article 1</p>"
    )
    (tmp_path / "declaration" / "pol.html").write_text("<p>Wszyscy ludzie rodzą się wolni</p>")
    found = sentences(tmp_path)
    assert set(found) == {"ast", "cat", "glg"}
    assert found["ast"]["libreoffice"] == ["Guardar'l ficheru actual", "Abrir & zarrar más sero"]
    assert found["glg"]["firefox"] == [
        "Gardar a páxina agora", "Unha liña longa que segue embaixo",
    ]  # fmt: skip
    assert found["cat"]["rights"] == ["Tots els éssers humans"]


def test_strings_in_other_languages_are_those_of_firefox_in_none_of_the_twelve(tmp_path):
    strings = {"fi": "Avaa uusi ikkuna", "es-MX": "Abrir otra ventana", "sco": "Open a new windae"}
    for locale, text in strings.items():
        with zipfile.ZipFile(tmp_path / f"langpack-{locale}@firefox.xpi", "w") as archive:
            archive.writestr("a.ftl", f"k = {text}\nl = Mozilla Firefox {{ $version }}\n")
    (tmp_path / "declaration").mkdir()
    (tmp_path / "declaration" / "pol.html").write_text("<p>Wszyscy ludzie rodzą się wolni</p>")
    assert others(tmp_path) == {"fi": ["Avaa uusi ikkuna"], "sco": ["Open a new windae"]}
    spanish = {"spa": {"firefox": ["Abrir otra ventana"] * 30}}
    found = languages.examples(spanish, {"fi": ["Avaa uusi ikkuna"] * 30})
    assert {(label, group) for label, group in zip(found.labels, found.groups, strict=True)} == {
        ("spa", "firefox"), (languages.NONE, languages.OTHERS),
    }  # fmt: skip


def test_what_is_mostly_english_is_a_message_of_no_other_language(tmp_path):
    english = "Open the settings of the page\nOpen the page in a new tab\n"
    asturian = "Open the páxina in a new tab\nAbrir la páxina nuna llingüeta nueva\n"
    for locale, text in {"en-GB": english, "ast": asturian, "sco": asturian}.items():
        with zipfile.ZipFile(tmp_path / f"langpack-{locale}@firefox.xpi", "w") as archive:
            values = [f"k{i} = {line}" for i, line in enumerate(text.splitlines())]
            archive.writestr("a.ftl", "\n".join(values))
    assert sentences(tmp_path)["ast"]["firefox"] == ["Abrir la páxina nuna llingüeta nueva"]
    assert others(tmp_path) == {"sco": ["Abrir la páxina nuna llingüeta nueva"]}


def test_a_translated_sentence_is_cut_where_a_word_was_not_translated(tmp_path):
    (tmp_path / "translated").mkdir()
    text = "Lo castèl foguèt bastit aquí *azarosa dins lo sègle passat\n"
    (tmp_path / "translated" / "oci.txt").write_text(text)
    assert sentences(tmp_path)["oci"]["translated"] == [
        "Lo castèl foguèt bastit aquí", "dins lo sègle passat",
    ]  # fmt: skip


def _lists(folder, code, *bins):
    """A list as wordfreq packs it: words of each hundredth of a power of ten."""
    header = {"format": "cB", "version": 1}
    packed = gzip.compress(msgpack.packb([header, *bins]))
    (folder / f"large_{code}.msgpack.gz").write_bytes(packed)


def test_words_of_a_list_have_the_frequency_of_their_bin(tmp_path):
    _lists(tmp_path, "ca", ["de"], [], *[[]] * 98, ["l'avi", "http://x", "7"])
    assert frequent.listed(tmp_path, "ca") == {"de": 1e6, "l'avi": pytest.approx(1e5)}
    with pytest.raises(BadInput, match="has no list of 'ro'"):
        frequent.listed(tmp_path, "ro")
    (tmp_path / "large_ro.msgpack.gz").write_bytes(gzip.compress(msgpack.packb([{"format": "x"}])))
    with pytest.raises(BadInput, match="wanted a list cB 1 of wordfreq"):
        frequent.listed(tmp_path, "ro")
    (tmp_path / "large_ro.msgpack.gz").write_bytes(b"none")
    with pytest.raises(BadInput, match="cannot read"):
        frequent.listed(tmp_path, "ro")


def test_a_neighbour_has_the_translations_and_of_what_is_unknown_the_names():
    spanish = {"la": 9.0, "niña": 3.0, "muchacha": 2.0, "mubarak": 1.0, "ibamos": 1.0}
    translations = ["a", "Nena", "nena", "*mubarak", "*ibamos"]
    others = [{"mubarak": 1.0}] * 3 + [{"la": 1.0}]
    found = frequent.carried(spanish, translations, others)
    assert found == {"a": 9.0, "nena": 5.0, "mubarak": 1.0}


def test_examples_of_words_are_drawn_by_how_often_they_are_said(tmp_path):
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "spa.tsv").write_text("de\t9000\nazulejo\t1000\n")
    words = frequent.read(tmp_path)
    assert words == {"spa": {"de": 9000.0, "azulejo": 1000.0}}
    found = languages.examples({"spa": {}}, None, words)
    assert set(found.groups) == {frequent.WORDS}
    assert len(found) == languages.DRAWN
    drawn = Counter(word for text in found.texts for word in text.split())
    assert drawn["de"] / drawn.total() == pytest.approx(0.9, abs=0.01)
    assert {len(text.split()) for text in found.texts} == {1, 2, 3}
    (tmp_path / "words" / "spa.tsv").write_text("de 9000\n")
    with pytest.raises(BadInput, match="wanted lines of a word, a tab and a number"):
        frequent.read(tmp_path)


def test_sentences_to_translate_are_those_of_every_text_without_links_and_numbers(tmp_path):
    good = "una frase que tiene diez palabras y ninguna otra cosa {}"
    for name in translated.DRAWN:
        with lzma.open(tmp_path / f"{name}.txt.xz", "wt") as file:
            file.write(f"{good.format(name)}\ncorta\nvéase http://x.es {good}\n")
    found = translated.drawn(tmp_path)
    assert sorted(found) == sorted(good.format(name) for name in translated.DRAWN)
    assert translated.drawn(tmp_path) == found
    (tmp_path / "cfk.txt.xz").unlink()
    with pytest.raises(BadInput, match=r"wanted cfk\.txt\.xz among the texts"):
        translated.drawn(tmp_path)


def test_a_folder_without_catalogues_is_refused(tmp_path):
    with pytest.raises(BadInput, match="wanted unpacked packages with translated messages"):
        sentences(tmp_path)


def test_examples_of_a_language_are_joined_inside_of_a_source_and_no_more_than_asked():
    some = {
        language: {source: [f"{language} {source} {i}" for i in range(100)]}
        for language in ("ast", "spa")
        for source in ("gnome",)
    }
    some["ast"]["rights"] = [f"ast rights {i}" for i in range(100)]
    found = languages.examples(some, most=12)
    made = list(zip(found.texts, found.labels, found.groups, strict=True))
    whole = [one for one in made if len(one[0].split()) > languages.MOST_WORDS]
    assert [one[1] for one in whole].count("ast") <= 12
    assert 12 < found.labels.count("spa") <= 12 * (1 + languages.PIECES)
    for text, label, group in made:
        assert {word for word in text.split() if word.isalpha()} <= {label, group}
    for text, label, group in whole:
        assert f"{label} {group}" in text
    assert languages.examples(some, most=12) == found


def test_a_piece_of_a_few_words_is_judged_by_the_threshold_of_its_length():
    generator = np.random.default_rng(1)
    lengths = np.repeat([7, 120], 1000)
    truth = generator.integers(0, 3, 2000)
    logits = generator.normal(0, 1, (2000, 3)).astype(np.float32)
    logits[np.arange(2000), truth] += np.where(lengths == 7, 3, 12)
    found = fitted.fit(logits, truth, 0.98, lengths)
    assert [most for most, _ in found.short] == [8]
    assert found.threshold_of(8) < found.threshold_of(9) == found.threshold
    scored = familiarity(logits, found)
    least = np.array([found.threshold_of(int(length)) for length in lengths])
    assert (scored >= least)[lengths == 7].mean() == pytest.approx(0.98, abs=0.005)


def test_thresholds_of_short_texts_are_fitted_to_each_length():
    classifier = open_classifier("languages")
    texts = ["no sé qué", "je ne sais", "ich weiß es"] * 100
    after = refitted(classifier, [*texts, *(f"{text} {text}" for text in texts)], 1.0)
    assert [most for most, _ in after.short] == [14, 28]
    verdicts = Classifier(replace(classifier.about, fitted=after), classifier.network).classify(
        texts
    )
    assert all(verdict.label for verdict in verdicts)  # the least familiar of them passes
    assert after.threshold == classifier.about.fitted.threshold
