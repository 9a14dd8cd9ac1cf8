"""What commands on a collection's life did, as tables and lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieve.cli.showing import render
from retrieve.shares import share

if TYPE_CHECKING:
    from retrieve.indexes.reembedding.faces import Reembedded
    from retrieve.indexes.reembedding.pictures import Looked
    from retrieve.indexes.reembedding.texts import Moved
    from retrieve.indexes.upkeep.check import Finding
    from retrieve.indexes.upkeep.compact import Compacted
    from retrieve.indexes.upkeep.forget import Forgotten, Mention
    from retrieve.indexes.upkeep.proof import Proof
    from retrieve.indexes.upkeep.recall import Recall
    from retrieve.indexes.upkeep.repair import Repaired
    from retrieve.types import Skipped

LISTED = 20
SAID = 120  # characters of a passage


def counted(number: int, one: str, many: str | None = None) -> str:
    """1 photo, 2 photos."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def forgotten(what: Forgotten, *, done: bool) -> None:
    """What was forgotten, or would be."""
    numbers = {
        "photo": what.photos,
        "text": what.texts,
        "face": what.faces,
        "passage": what.passages,
        "path": len(what.paths),
        "name": len(what.names),
    }
    parts = [counted(number, one) for one, number in numbers.items() if number]
    render.line(f"{'forgotten' if done else 'to be forgotten'}: {', '.join(parts)}")
    copies = set(what.copies)
    _listed(path for path in what.paths if path not in copies)
    if what.copies:
        render.line("and, because they hold the same photos or texts:")
        _listed(what.copies)
    if what.replaced:
        render.line(
            f"  and {counted(what.replaced, 'photo or text', 'photos or texts')} "
            "that files held before they were replaced"
        )
    for name in what.names:
        render.line(f"  the name {name}")


def after_forgetting(what: Forgotten, *, was_told: bool) -> None:
    """What was forgotten, and what was looked for afterwards.

    was_told  what would be forgotten was shown before
    """
    if was_told:
        render.line("forgotten")
    else:
        forgotten(what, done=True)
    if what.proof is not None:
        proof(what.proof)
        said(what.said)


def _listed(paths: Iterable[Path]) -> None:
    every = list(paths)
    for path in every[:LISTED]:
        render.line(f"  {render.shown(path)}")
    if len(every) > LISTED:
        render.line(f"  and {len(every) - LISTED:,} more")


def proof(proof: Proof) -> None:
    """What was looked for in the files' bytes, and each place at which it still is."""
    kinds = ", ".join(f"{count:,} of {kind}" for kind, count in sorted(proof.looked_for.items()))
    render.line(
        f"read {counted(proof.files, 'file')}, {proof.size_bytes:,} bytes; "
        f"looked for these byte sequences: {kinds}"
    )
    if proof.shared:
        render.line(f"  {proof.shared:,} more are part of what remains, too, and tell nothing")
    if proof.plain:
        render.line(f"  {proof.plain:,} more are too short or too uniform to tell anything")
    if not proof.traces:
        render.line("none of them was found")
    for trace in proof.traces[:LISTED]:
        render.error(
            f"{trace.kind} of {trace.what} is still in {trace.file} at byte {trace.offset:,}"
        )
    if len(proof.traces) > LISTED:
        render.error(f"and at {len(proof.traces) - LISTED:,} more places")


def said(mentions: Sequence[Mention]) -> None:
    """Where files that stay say a forgotten name themselves."""
    if not mentions:
        return
    names = ", ".join(dict.fromkeys(one.name for one in mentions))
    render.line(
        f"what your own files say stays, and {counted(len(mentions), 'passage')} of them "
        f"{'says' if len(mentions) == 1 else 'say'} {names}:"
    )
    for one in mentions[:LISTED]:
        text = one.text if len(one.text) <= SAID else one.text[: SAID - 1] + "…"
        render.line(f"  {render.shown(one.path)} ({one.kind}): {text}")
    if len(mentions) > LISTED:
        render.line(f"  and {len(mentions) - LISTED:,} more")
    render.note("to let them go too, change those files or forget them, then index again")


def compacted(done: Compacted) -> None:
    """What compacting has removed and how much smaller the collection is."""
    removed = [
        counted(done.photos, "photo"),
        counted(done.texts, "text"),
        counted(done.faces, "face"),
        counted(done.passages, "passage"),
        counted(done.paths, "path"),
        counted(done.rows, "dead row"),
    ]
    render.line(f"removed: {', '.join(removed)}")
    render.line(f"bytes: {done.before_bytes:,} before, {done.after_bytes:,} after")


def checked(findings: Sequence[Finding], recall: Recall | None, *, as_json: bool) -> None:
    """A line for each finding with what to do about it, or that there is none."""
    wrong = [finding for finding in findings if finding.wrong]
    if as_json:
        value: dict[str, Any] = {"whole": not wrong, "findings": [asdict(one) for one in findings]}
        if recall is not None:
            value["recall"] = asdict(recall) | {"value": recall.found / recall.of}
        render.as_json(value)
        return
    for finding in findings:
        if finding.wrong:
            render.line(f"wrong: {finding.what}. {finding.todo}")
        else:
            render.note(f"{finding.what}. {finding.todo}")
    if not wrong:
        render.line("nothing is wrong")
    if recall is not None:
        _recall(recall)


def _recall(recall: Recall) -> None:
    sample = f"{counted(recall.faces, 'stored face')} searched for"
    if not recall.indexed:
        render.line(f"there is no index: every search is exact ({sample})")
        return
    render.line(
        f"recall@{recall.k} of the index beside exact search: {share(recall.found / recall.of)} "
        f"({recall.found:,} of {recall.of:,}; 95 % interval {share(recall.low)} to "
        f"{share(recall.high)}; {sample})"
    )


def repaired(done: Repaired) -> None:
    """What was repaired, and every photo whose faces could not be embedded again."""
    segments = counted(done.segments, "segment")
    indexes = counted(done.indexes, "index", "indexes")
    words = f", the words of {counted(done.words, 'passage')} entered again" if done.words else ""
    render.line(
        f"repaired: {segments} of embeddings ({counted(done.faces, 'face')} and "
        f"{counted(done.passages, 'passage')} embedded again), {indexes} made again{words}"
    )
    if done.pictures:
        render.line(f"  and {counted(done.pictures, 'photo')} looked at as a whole again")
    if done.rows:
        render.line(f"  and {counted(done.rows, 'row')} of the catalog")
    if done.staged:
        render.line(
            f"  and {counted(done.staged, 'segment')} of the networks that the collection moves "
            "to taken out: the next retrieve reembed embeds them again"
        )
    for item in done.left:
        render.line(f"  not repaired: {render.shown(item.path)}: {item.reason}")
    for lost in done.lost:
        render.line(f"  not repaired: {lost.what}: {lost.todo}")
    if done.lost:
        rows = counted(len(done.lost), "row")
        render.error(
            f"{rows} of the catalog cannot be mended. Do what is said of each, or restore the "
            "collection from a backup"
        )
    if done.damaged:
        stay = "1 segment stays" if done.damaged == 1 else f"{done.damaged:,} segments stay"
        render.error(
            f"{stay} damaged. Bring those files back and run again, or restore the collection "
            "from a backup, or give those photos up: retrieve forget PATH, then retrieve repair"
        )


def reembedded(done: Reembedded, *, as_json: bool) -> None:
    """What became of the faces, and what could not be read, with reasons."""
    if as_json:
        value = asdict(done)
        for name in ("unread", "left"):
            value[name] = [
                {"path": render.shown(item.path), "reason": item.reason}
                for item in getattr(done, name)
            ]
        render.as_json(value)
        return
    before, after = (
        f"{one['embedder']} and {one['detector']}" for one in (done.before, done.after)
    )
    if done.started_over is not None:
        render.line(f"what was begun with {_named(done.started_over)} was let go")
    if done.already:
        render.line(f"the collection is of {after}: nothing is to be done")
    elif done.switched is not None:
        _switched(done, before, after)
    _unread("photos that could not be read", done.unread)
    _unread("faces that cannot be embedded", done.left)
    if done.interrupted:
        render.line(f"interrupted; {before} is searched. To go on: retrieve reembed")
    elif not done.done:
        faces = "1 face has" if len(done.left) == 1 else f"{len(done.left):,} faces have"
        render.error(
            f"{faces} neither a photo nor a picture to be embedded from, and the collection stays "
            f"with {before}. Bring those files back and run again, which goes on; or let those "
            "faces go: retrieve reembed --leave-out"
        )


def moved_texts(done: Moved, *, as_json: bool) -> None:
    """What became of the passages."""
    if as_json:
        render.as_json(asdict(done))
        return
    before, after = done.before["encoder"], done.after["encoder"]
    if done.already:
        render.line(f"the texts are of the encoder {after}: nothing is to be done")
    elif done.interrupted:
        render.line(
            f"interrupted; {before} is searched. To go on: retrieve reembed --texts "
            f"--encoder {after}"
        )
    else:
        render.line(f"moved {counted(done.passages, 'passage')} from {before} to {after}")
        if done.resumed:
            render.line(f"  {done.resumed:,} had been embedded by an earlier run")
        if done.left_out:
            render.line(f"  {done.left_out:,} left out: {after} knows nothing of them")


def looked(done: Looked, *, as_json: bool) -> None:
    """What became of photos that were to be looked at as a whole."""
    if as_json:
        render.as_json(render.fields_of(done))
        return
    if done.begun_anew:
        render.line("another network had looked at them before: begun anew")
    if done.interrupted:
        render.line(
            "interrupted; what was looked at is kept. To go on: retrieve reembed --pictures"
        )
    if not done.photos and not done.left and not done.interrupted:
        render.line("all photos were looked at before: nothing is to be done")
    else:
        render.line(f"looked at {counted(done.photos, 'photo')} as a whole")
    if done.already and done.photos:
        render.line(f"  {done.already:,} had been looked at before")
    for item in done.left:
        render.skipped(item.path, item.reason)


def _named(made_by: Mapping[str, str]) -> str:
    return f"{made_by['embedder']} and {made_by['detector']}"


def _switched(done: Reembedded, before: str, after: str) -> None:
    what = done.switched
    assert what is not None
    render.line(f"moved {counted(what.faces, 'face')} from {before} to {after}")
    render.line(f"  {what.from_photos:,} embedded from photos")
    if what.from_pictures:
        render.line(
            f"  {what.from_pictures:,} from their stored pictures, of which {what.filled:,} end "
            "inside what the network looks at: it sees black around them"
        )
    if done.resumed:
        render.line(f"  {done.resumed:,} had been embedded by an earlier run")
    if what.found or what.new or what.kept or what.gone:
        render.line(f"  {what.found:,} found again, {what.new:,} for the first time")
        render.line(
            f"  {what.kept + what.gone:,} not found again: {what.kept:,} kept for their names, "
            f"{what.gone:,} without a name gone"
        )
    if what.left_out:
        render.line(f"  {what.left_out:,} left out")


def _unread(title: str, items: Sequence[Skipped]) -> None:
    if render.listed(f"{len(items):,} {title}", items):
        render.note("all of them: --json")
