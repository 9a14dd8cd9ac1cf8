"""retrieve evaluate faces"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrieve.cli.exits import BadUsage
from retrieve.cli.options import (
    DEFAULT_COLLECTION,
    CollectionOption,
    DetectorOption,
    Device,
    DeviceOption,
    JsonOption,
    ModelOption,
    Subject,
    to_write,
)
from retrieve.cli.showing import render
from retrieve.errors import BadInput

if TYPE_CHECKING:
    from retrieve.faces.embedding.gradients import Differentiable
    from retrieve.indexes.building.networks import Networks
    from retrieve.indexes.labelled.evaluating import Evaluation, Options


class Tta(StrEnum):
    """What the vectors of one face are averaged over."""

    MIRROR = "mirror"
    ZOOMS = "zooms"
    DROPOUT = "dropout"


def faces(
    folders: Annotated[
        Path | None,
        typer.Option(help="Photos, in one folder for each person.", exists=True, file_okay=False),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="CSV with the columns file and identity instead.", exists=True, dir_okay=False
        ),
    ] = None,
    pairs: Annotated[
        Path | None,
        typer.Option(
            help="Pairs instead: LFW's pairs.txt, or a CSV with the columns one, other, same and "
            "perhaps fold.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option(
            help="Folder that the files of --labels or --pairs lie below.",
            show_default="where the list lies",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    subject: Annotated[
        Subject,
        typer.Option(help="Which face of a photo is the person: nearest the middle, or largest."),
    ] = Subject.CENTRE,
    tta: Annotated[
        list[Tta] | None,
        typer.Option(
            help="Measure beside it what averaging several looks at a face brings. Repeatable."
        ),
    ] = None,
    robust: Annotated[
        bool,
        typer.Option(
            "--robust",
            help="Damage photos before faces are looked for in them: blur, noise, JPEG, dark, "
            "distance, sunglasses, mask; and attack the embedder by its own gradient.",
        ),
    ] = False,
    attack: Annotated[
        bool,
        typer.Option("--attack/--no-attack", help="With --robust; the attack needs [torch]."),
    ] = True,
    probes: Annotated[
        int, typer.Option(min=1, help="How many faces --robust damages; of more, a sample.")
    ] = 300,
    picture: Annotated[
        Path | None,
        typer.Option(
            help="Draw ROC and scores, and what damage costs, into this PNG, SVG or PDF.",
            dir_okay=False,
            callback=to_write,
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            help="Page to write, with the tables and pictures.", dir_okay=False, callback=to_write
        ),
    ] = None,
    collection: CollectionOption = DEFAULT_COLLECTION,
    model: ModelOption = None,
    detector: DetectorOption = None,
    device: DeviceOption = Device.CPU,
    processes: Annotated[
        int, typer.Option(min=1, help="Processes that read photos and find faces.")
    ] = 2,
    seed: Annotated[int, typer.Option(min=0, help="Of folds, galleries, intervals, noise.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Measure an embedder on labelled photos: verification, identification, grouping.

    A person counts once, however many photos there are; intervals hold the true figure at 95 %, by
    drawing people anew. What is not named by --model and --detector is that of the collection, if
    there is one. docs/evaluating.md says what each figure means.

    Example: retrieve evaluate faces --labels people.csv --robust --html report.html
    """
    import time

    from retrieve.cli.showing.evaluations import tables
    from retrieve.cli.showing.plotting import checked
    from retrieve.faces.embedding.averaging import Averaging
    from retrieve.indexes.labelled import labels as lists
    from retrieve.indexes.labelled.evaluating import Options, evaluate, evaluate_pairs

    given = [one for one in (folders, labels, pairs) if one is not None]
    if len(given) != 1:
        raise BadUsage("wanted one of --folders DIR, --labels FILE, --pairs FILE")
    if pairs is not None and robust:
        raise BadUsage("--robust damages one face of everybody; give it --folders or --labels")
    if picture is not None or html is not None:
        checked(picture or Path("page.png"))
    began = time.monotonic()
    networks = _networks(collection, detector, model, device)
    options = Options(
        averagings=tuple(Averaging(one) for one in dict.fromkeys(tta or ())),
        probes=probes if robust else 0,
        attacks=robust and attack,
        largest=subject is Subject.LARGEST,
        seed=seed,
        workers=processes,
    )
    network = _differentiable(networks, model, options)
    where = root or given[0].parent
    with render.counting("photos") as progress:
        if pairs is not None:
            asked = lists.from_pairs(pairs, where, seed=seed)
            found = evaluate_pairs(networks, asked, options, network, progress)
        else:
            people = (
                lists.from_csv(where, labels)
                if labels is not None
                else lists.from_folders(given[0])
            )
            if not people:
                raise BadInput(f"{given[0]} names no photo of anybody")
            found = evaluate(networks, people, options, network, progress)
    for one in found.skipped:
        render.skipped(one.path, one.reason)
    tables.show(found, as_json=as_json, spent_s=time.monotonic() - began)
    _draw(found, picture, html)


def _draw(found: Evaluation, picture: Path | None, html: Path | None) -> None:
    from retrieve.cli.showing.evaluations import page, plots

    if picture is not None:
        plots.draw(found, picture)
        render.note(f"wrote {render.shown(picture)}")
    if html is not None:
        page.write_page(found, html)
        render.note(f"wrote {render.shown(html)}")


def _networks(
    collection: Path, detector: str | None, model: str | None, device: Device
) -> Networks:
    """Those of the collection, if there is one, unless they are named."""
    from retrieve.indexes.building.networks import Networks
    from retrieve.indexes.opened import CATALOG
    from retrieve.indexes.opening import open_collection

    held = {}
    is_asked = detector is None or model is None
    if is_asked and (collection / CATALOG).is_file():
        with open_collection(collection, read_only=True) as opened:
            held = dict(opened.networks.held)
    with render.download() as on_download:
        networks = Networks(
            collection, detector, model, device=device.value, on_download=on_download
        )
        networks.held = held
        assert networks.embedder.name  # opened now, while a download can be shown
    return networks


def _differentiable(
    networks: Networks, model: str | None, options: Options
) -> Differentiable | None:
    """The embedder with gradients, where something asks for them."""
    from retrieve.faces.embedding.averaging import Averaging

    if not options.attacks and Averaging.DROPOUT not in options.averagings:
        return None
    from retrieve.faces.embedding.gradients import open_differentiable

    name = model or networks.embedder.name
    network = open_differentiable(name)
    if Averaging.DROPOUT in options.averagings and not network.drops:
        raise BadInput(f"{name} has no dropout layer; leave out --tta dropout")
    return network
