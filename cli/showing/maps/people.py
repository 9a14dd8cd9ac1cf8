"""Who is seen with whom, as a table, a picture and a GraphML file."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from retrieve.cache import replacing
from retrieve.cli.showing import render
from retrieve.cli.showing.maps.groups import COLOURS, GREY
from retrieve.cli.showing.maps.picture import INK
from retrieve.cli.showing.maps.springs import circles, places
from retrieve.cli.showing.plotting import checked
from retrieve.indexes.people.together import Graph, Node
from retrieve.visible import visible

GRAPHML = "http://graphml.graphdrawing.org/xmlns"
FACE_POINTS = (18.0, 38.0)  # side of a face of few photos and of most, in typographic points
LINE_POINTS = (0.6, 5.0)  # likewise of a line
MANY = 10.0  # photos of two people whose line is thick, where no two have more
NAME_LETTERS = 20

Crop = Callable[[int], bytes]  # face id → its small JPEG


def shown(node: Node) -> str:
    """The name, or #id where nobody gave one."""
    return f"#{node.person_id}" if node.person is None else node.person


def table(graph: Graph, most: int) -> None:
    """The pairs with most photos."""
    if not graph.pairs:
        render.note("no photo shows two of them")
        return
    names = {node.person_id: shown(node) for node in graph.people}
    rows = [(names[one.one], names[one.other], str(one.photos)) for one in graph.pairs[:most]]
    render.table(("name", "with", "photos"), rows, right="photos")
    if len(graph.pairs) > most:
        render.note(f"{most} of {len(graph.pairs)} pairs; for all: -k {len(graph.pairs)}")


def as_json(graph: Graph) -> None:
    """One pair a line."""
    people = {node.person_id: node for node in graph.people}
    for pair in graph.pairs:
        both = [people[pair.one], people[pair.other]]
        render.as_json(
            {
                "people": [{"person_id": one.person_id, "person": one.person} for one in both],
                "photos": pair.photos,
            }
        )


def write_graphml(file: Path, graph: Graph, *, noted_in: Path | None = None) -> None:
    """For Gephi, yEd, Cytoscape, networkx: names, faces and photos of each, photos of each pair.

    noted_in  as cache.replacing() wants it

    Source: Brandes et al. 2002, "GraphML progress report"
    """
    from lxml import etree

    root = etree.Element(f"{{{GRAPHML}}}graphml", nsmap={None: GRAPHML})
    keys = [
        *(("node", "name", "string"), ("node", "faces", "int"), ("node", "photos", "int")),
        ("edge", "weight", "int"),
    ]
    for of, name, kind in keys:
        attributes = {"id": name, "for": of, "attr.name": name, "attr.type": kind}
        etree.SubElement(root, f"{{{GRAPHML}}}key", attributes)
    drawn = etree.SubElement(root, f"{{{GRAPHML}}}graph", {"edgedefault": "undirected"})

    def add(kind: str, attributes: dict[str, str], values: dict[str, str]) -> None:
        element = etree.SubElement(drawn, f"{{{GRAPHML}}}{kind}", attributes)
        for key, value in values.items():
            etree.SubElement(element, f"{{{GRAPHML}}}data", {"key": key}).text = value

    for node in graph.people:
        values = {"name": visible(shown(node)), "faces": str(node.faces)}
        add("node", {"id": f"p{node.person_id}"}, values | {"photos": str(node.photos)})
    for pair in graph.pairs:
        ends = {"source": f"p{pair.one}", "target": f"p{pair.other}"}
        add("edge", ends, {"weight": str(pair.photos)})
    content = etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)
    with replacing(file.absolute(), noted_in=noted_in) as part:
        part.write_bytes(content)


def write_picture(
    out: Path, graph: Graph, crop: Crop, *, most: int, seed: int = 0, noted_in: Path | None = None
) -> None:
    """Draw everybody's face, larger with more photos, and lines to whom they are seen with.

    Colours are circles of people who are mostly seen with one another.
    most      people to draw, those with most photos
    noted_in  as cache.replacing() wants it
    raises    BadInput for another kind of file; MissingExtra without matplotlib
    """
    checked(out)
    from matplotlib import pyplot

    people = graph.people[:most]
    number = {node.person_id: i for i, node in enumerate(people)}
    links = [
        (number[pair.one], number[pair.other], float(pair.photos))
        for pair in graph.pairs
        if pair.one in number and pair.other in number
    ]
    at = places(len(people), links, seed=seed)
    circle_of = circles(len(people), links)
    alone = set(range(len(people))) - {end for *ends, _ in links for end in ends}
    colours = [
        GREY if i in alone or circle >= len(COLOURS) else COLOURS[circle]
        for i, circle in enumerate(circle_of)
    ]
    figure, axes = pyplot.subplots(figsize=(9, 9), dpi=150, layout="constrained")
    heaviest = max([MANY, *(photos for *_, photos in links)])
    for one, other, photos in links:
        ends = at[[one, other]]
        same = circle_of[one] == circle_of[other]
        axes.plot(
            ends[:, 0],
            ends[:, 1],
            color=colours[one] if same else GREY,
            linewidth=_between(LINE_POINTS, photos, heaviest),
            alpha=0.6 if same else 0.35,
            solid_capstyle="round",
            zorder=1,
        )
    largest = max((node.photos for node in people), default=1)
    for i, node in enumerate(people):
        points = _between(FACE_POINTS, node.photos, largest)
        _face(axes, crop(node.face_id), at[i], points, colours[i], shown(node))
    of = "" if len(people) == len(graph.people) else f" of {len(graph.people)}"
    axes.set_title(f"{len(people)}{of} people and who is seen with whom", fontsize=11, color=INK)
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.08)
    axes.set_axis_off()
    if len(at):
        axes.update_datalim(at)
    figure.supxlabel(
        "a line: photos that show both; a face: all photos; a colour: people mostly seen together",
        fontsize=8,
        color=INK,
    )
    with replacing(out.absolute(), noted_in=noted_in) as temporary:
        figure.savefig(temporary, format=out.suffix[1:])
    pyplot.close(figure)


def _face(axes: object, jpeg: bytes, at: np.ndarray, points: float, colour: str, name: str) -> None:
    from matplotlib.axes import Axes
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage
    from matplotlib.patheffects import withStroke
    from PIL import Image

    assert isinstance(axes, Axes)
    picture = np.asarray(Image.open(io.BytesIO(jpeg), formats=["JPEG"]).convert("RGB"))
    place = (float(at[0]), float(at[1]))
    box = AnnotationBbox(
        OffsetImage(picture, zoom=points / max(picture.shape[:2])),
        place,
        pad=0,
        bboxprops={"edgecolor": colour, "linewidth": 1.8},
        box_alignment=(0.5, 0.5),
    )
    box.set_zorder(2)
    axes.add_artist(box)
    axes.annotate(
        _cut(name),
        place,
        (0, -points / 2 - 3),
        textcoords="offset points",
        ha="center",
        va="top",
        fontsize=8,
        zorder=3,
        path_effects=[withStroke(linewidth=2, foreground="white")],
    )


def _between(points: tuple[float, float], value: float, largest: float) -> float:
    """By the root: twice the photos are twice the area."""
    return points[0] + (points[1] - points[0]) * math.sqrt(value / largest)


def _cut(name: str) -> str:
    """A long name's beginning; $ begins no formula."""
    text = visible(name)
    short = text if len(text) <= NAME_LETTERS else text[: NAME_LETTERS - 1] + "…"
    return short.replace("$", r"\$")
