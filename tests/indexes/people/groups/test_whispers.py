import numpy as np

from retrieve.indexes.people.groups.graph import Edges
from retrieve.indexes.people.groups.whispers import whispers

NONE = np.empty((0, 2), np.int64)


def graph(*pairs, weight=0.9):
    a, b = np.array(sorted(tuple(sorted(pair)) for pair in pairs), np.int64).T
    return Edges(a, b, np.full(len(a), weight, np.float32))


def clique(*nodes):
    return [(a, b) for a in nodes for b in nodes if a < b]


def same(labels, *nodes):
    return len(set(labels[list(nodes)].tolist())) == 1


def test_two_cliques_with_one_edge_between_are_two():
    edges = graph(*clique(0, 1, 2, 3), *clique(4, 5, 6, 7), (3, 4))
    labels = whispers(9, edges, NONE)
    assert same(labels, 0, 1, 2, 3)
    assert same(labels, 4, 5, 6, 7)
    assert len(set(labels.tolist())) == 3  # 8 is alone


def test_a_pair_is_one():
    labels = whispers(3, graph((0, 2)), NONE)
    assert same(labels, 0, 2)
    assert not same(labels, 0, 1)


def test_nodes_that_are_kept_apart_never_have_one_label():
    rng = np.random.default_rng(0)
    edges = graph(*clique(*range(40)))
    for _ in range(5):
        apart = np.unique(np.sort(rng.integers(0, 40, (25, 2)), axis=1), axis=0)
        apart = apart[apart[:, 0] != apart[:, 1]]
        labels = whispers(40, edges, apart)
        assert (labels[apart[:, 0]] != labels[apart[:, 1]]).all()


def test_each_of_two_that_are_apart_stays_with_its_own():
    edges = graph(*clique(0, 1, 2, 3), *clique(4, 5, 6, 7), (0, 4), (1, 5), (2, 6))
    labels = whispers(8, edges, np.array([[0, 4]]))
    assert not same(labels, 0, 4)


def test_equal_input_has_equal_labels():
    rng = np.random.default_rng(1)
    edges = graph(
        *{
            tuple(sorted(pair))
            for pair in rng.integers(0, 300, (2000, 2)).tolist()
            if pair[0] != pair[1]
        }
    )
    assert np.array_equal(whispers(300, edges, NONE), whispers(300, edges, NONE))


def test_no_edges_leave_everybody_alone():
    none = Edges(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    assert whispers(3, none, NONE).tolist() == [0, 1, 2]
