"""The two networks behind a collection's faces, opened when they are first needed."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from retrieve.errors import BadInput, CollectionError
from retrieve.faces.detection.detector import landmarks_of
from retrieve.faces.detection.recipe import DEFAULT, KEY, Recipe, read_recipe, without_recipe
from retrieve.indexes.building.processes import can_travel
from retrieve.indexes.vectors.foreign import check_ours
from retrieve.indexes.vectors.spaces import Space
from retrieve.networks.own import checked_network, weights_of

if TYPE_CHECKING:
    from retrieve.faces.detection.detector import Detector
    from retrieve.faces.embedding.embedder import Embedder
    from retrieve.faces.embedding.sums import AnyEmbedder
    from retrieve.faces.embedding.views import View
    from retrieve.faces.extract import PhotoFaces
    from retrieve.indexes.building.jobs import Faces
    from retrieve.indexes.building.reading import Reading
    from retrieve.networks.weights import Progress as OnDownload
    from retrieve.pictures.embedding.embed import PictureEmbedder
    from retrieve.sources import Reader


class Networks:
    """A detector and an embedder by name, or objects of one's own; None means the default.

    Threads share them: both are used as they are, never changed.

    held   those that the collection was made with, which stand for None, and its recipe
    asked  whether somebody asked for one of them, so that it has to be opened
    turns  whether photos without an upright face are searched turned; None as the recipe does
    """

    def __init__(
        self,
        collection: Path,
        detector: str | Detector | None,
        embedder: str | Embedder | None,
        *,
        device: str,
        asked: bool = False,
        turns: bool | None = None,
        on_download: OnDownload | None = None,
    ) -> None:
        self.asked = asked
        self._turns = turns
        self._collection = collection
        self.held: Mapping[str, str] = {}
        self._device = device
        self._on_download = on_download
        self._lock = threading.RLock()
        self._named = [one if isinstance(one, str) else None for one in (detector, embedder)]
        self._reading: Reading | None = None
        self._pictures: PictureEmbedder | None = None
        self._own = None if isinstance(detector, str) else detector
        self._detector = self._own
        self._embedder: AnyEmbedder | None = None if isinstance(embedder, str) else embedder
        self._given = self._detector is not None or self._embedder is not None
        if self._detector is not None:
            from retrieve.faces.detection.detector import OF_A_DETECTOR

            checked_network(self._detector, "a detector", OF_A_DETECTOR)
        if self._embedder is not None:
            from retrieve.faces.embedding.embedder import OF_AN_EMBEDDER

            checked_network(self._embedder, "an embedder", OF_AN_EMBEDDER)

    @property
    def detector(self) -> Detector:
        """The detector that finds the faces."""
        with self._lock:
            if self._detector is None:
                from retrieve.faces.detection.detect import (
                    DEFAULT_DETECTOR,
                    DETECTORS,
                    open_detector,
                )

                name = self._named[0] or self.held.get("detector", DEFAULT_DETECTOR)
                self._check_ours("detector", name, name in DETECTORS)
                edition = self.recipe.edition
                self._detector = open_detector(name, device=self._device, edition=edition)
            return self._detector

    @property
    def recipe(self) -> Recipe:
        """How photos are searched: as the collection does, in a new one as is best today."""
        made_with = read_recipe(self.held.get(KEY)) if self.held else DEFAULT
        return made_with if self._turns is None else made_with.turning(self._turns)

    @property
    def embedder(self) -> AnyEmbedder:
        """The embedder that makes the vectors."""
        with self._lock:
            if self._embedder is None:
                from retrieve.faces.embedding.embed import (
                    DEFAULT_EMBEDDER,
                    is_embedder,
                    open_embedder,
                )

                name = self._named[1] or self.held.get("embedder", DEFAULT_EMBEDDER)
                self._check_ours("embedder", name, is_embedder(name))
                self._embedder = open_embedder(
                    name, device=self._device, progress=self._on_download
                )
            return self._embedder

    @property
    def stays(self) -> bool:
        """Whether the detector is one of the caller's own that no other process can be given."""
        return self._own is not None and not can_travel(self._own)

    def _check_ours(self, kind: str, name: str, known: bool) -> None:
        """Say whose network it is that the collection was made with and nobody handed over."""
        check_ours(name, self._collection)
        if not known and name == self.held.get(kind):
            raise CollectionError(
                f"{self._collection} was made with the {kind} {name!r}, which is not one of ours. "
                f"Hand it over: retrieve.open_collection(…, {kind}=…)"
            )

    def use(self, detector: Detector, embedder: AnyEmbedder) -> None:
        """Take networks that are open already, whatever the names."""
        self._own = self._detector = detector
        self._embedder, self._given = embedder, True

    def others(self, detector: str | Detector | None, embedder: str | Embedder | None) -> Networks:
        """Networks for the same collection; None means the product's default embedder, and a
        detector of the caller's own that he has handed over.
        """
        return Networks(
            self._collection,
            self._own if detector is None else detector,
            embedder,
            device=self._device,
            asked=self.asked,
            turns=self._turns,
            on_download=self._on_download,
        )

    def follow(self, made_by: Mapping[str, str]) -> None:
        """Go with a collection that was moved to other networks since it was opened, unless
        the caller has named those that he wants.
        """
        with self._lock:
            named = self._named != [None, None] or self._given
            if not named and self.held and dict(self.held) != dict(made_by):
                self.held = dict(made_by)
                self._detector = self._embedder = None

    def made_by(self) -> dict[str, str]:
        """What the catalog keeps of them: names, the SHA-256 of their weights, the recipe."""
        return {
            "detector": self.detector.name,
            "detector_sha256": weights_of(self.detector),
            **self.embedder_made_by(),
            KEY: str(self.recipe),
        }

    def embedder_made_by(self) -> dict[str, str]:
        """The same of the embedder alone."""
        return {
            "embedder": self.embedder.name,
            "embedder_sha256": weights_of(self.embedder),
        }

    def check(self, space: Space) -> None:
        """Other networks give vectors that cannot be compared with the stored ones.

        raises  CollectionError that names both
        """
        asked, held = self.made_by(), space.made_by
        # Another recipe finds other faces, and the same face has the same vector.
        if without_recipe(asked) == without_recipe(held):
            self.held = held
        else:
            raise CollectionError(
                f"{self._collection} holds {space.dim}-d faces of {held['detector']} and "
                f"{held['embedder']} (weights {held['embedder_sha256'][:8]}); you asked with "
                f"{asked['detector']} and {asked['embedder']} ({self.embedder.dim}-d, weights "
                f"{asked['embedder_sha256'][:8]}). Leave --model and --detector out to use what "
                f"made it, move it over with {_moving(held, asked)}, or choose another "
                "--collection"
            )

    def job(self, *, whole: bool = False) -> Faces:
        """What other processes have to do to find faces as these networks do.

        whole  they look at each photo as a whole, too
        """
        from retrieve.faces.embedding.views import views

        name = self.detector.name
        wanted = views(self.embedder, landmarks_of(self.detector))
        return self._faces(self._own or name, wanted, whole=whole)

    def landmarks_of(self, made_by: Mapping[str, str]) -> str:
        """The detector whose landmarks the faces of a collection have."""
        from retrieve.faces.detection.detect import DETECTORS, open_detector

        name = made_by["detector"]
        if self._own is not None and self._own.name == name:
            return landmarks_of(self._own)
        if name not in DETECTORS:
            return name
        edition = read_recipe(made_by.get(KEY)).edition
        return landmarks_of(open_detector(name, device=self._device, edition=edition))

    def faces_of(self, landmarks: str, *, instead: bool = False) -> Faces:
        """What they have to do with faces that are known.

        landmarks  the detector whose landmarks they have
        instead    take landmarks that the embedder does not know for those of the own detector
        raises     BadInput for a detector whose landmarks the embedder does not know
        """
        from retrieve.faces.embedding.views import views

        try:
            wanted = views(self.embedder, landmarks)
        except BadInput as error:
            if not instead:
                raise BadInput(f"{error}. Let photos be looked at anew, with --detector") from error
            wanted = views(self.embedder, landmarks_of(self.detector))
        return self._faces(landmarks, wanted)

    def _faces(
        self, detector: str | Detector, wanted: tuple[View, ...], *, whole: bool = False
    ) -> Faces:
        from retrieve.indexes.building.jobs import Faces

        return Faces(detector, self._device, wanted, self.recipe, whole)

    @property
    def pictures(self) -> PictureEmbedder:
        """What looks at whole photos, opened at first use."""
        from retrieve.pictures.embedding.embed import open_picture_embedder

        with self._lock:
            if self._pictures is None:
                self._pictures = open_picture_embedder()
            return self._pictures

    @property
    def reading(self) -> Reading:
        """What decodes photos that are searched for."""
        from retrieve.indexes.building.reading import Reading

        with self._lock:
            if self._reading is None:
                self._reading = Reading()
            return self._reading

    def extract(self, read: Reader) -> PhotoFaces:
        """The faces of a photo; raises BadPhoto if it cannot be used."""
        from retrieve.faces.embedding.views import views
        from retrieve.faces.extract import extract

        wanted = views(self.embedder, landmarks_of(self.detector))
        return extract(self.reading.of(read), self.detector, wanted, self.recipe)


def _moving(held: Mapping[str, str], asked: Mapping[str, str]) -> str:
    """The command that moves a collection from some networks to others."""
    command = f"retrieve reembed --model {asked['embedder']}"
    if asked["detector"] != held["detector"] or asked["detector_sha256"] != held["detector_sha256"]:
        command += f" --detector {asked['detector']}"
    return command
