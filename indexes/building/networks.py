"""The two networks behind a collection's faces, opened when they are first needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from retrieve.errors import CollectionError
from retrieve.indexes.vectors.foreign import check_ours
from retrieve.indexes.vectors.spaces import Space
from retrieve.types import Skipped

if TYPE_CHECKING:
    from retrieve.faces.detector import Detector
    from retrieve.faces.embed import Embedder
    from retrieve.faces.extract import PhotoFaces
    from retrieve.indexes.building.workers import Faces
    from retrieve.weights import Progress as OnDownload


class Networks:
    """A detector and an embedder by their names; a name that is None means the default.

    asked  whether somebody asked for one of them, so that it has to be opened
    """

    def __init__(
        self,
        collection: Path,
        detector: str | None,
        embedder: str | None,
        *,
        device: str,
        asked: bool = False,
        on_download: OnDownload | None = None,
    ) -> None:
        self.asked = asked
        self._collection = collection
        self._names = detector, embedder
        self._device = device
        self._on_download = on_download
        self._detector: Detector | None = None
        self._embedder: Embedder | None = None

    @property
    def detector(self) -> Detector:
        """The detector that finds the faces."""
        if self._detector is None:
            from retrieve.faces.detect import DEFAULT_DETECTOR, open_detector

            name = check_ours(self._names[0] or DEFAULT_DETECTOR, self._collection)
            self._detector = open_detector(name, device=self._device)
        return self._detector

    @property
    def embedder(self) -> Embedder:
        """The embedder that makes the vectors."""
        if self._embedder is None:
            from retrieve.faces.embed import DEFAULT_EMBEDDER, open_embedder

            name = check_ours(self._names[1] or DEFAULT_EMBEDDER, self._collection)
            self._embedder = open_embedder(name, device=self._device, progress=self._on_download)
        return self._embedder

    def use(self, detector: Detector, embedder: Embedder) -> None:
        """Take networks that are open already, whatever the names."""
        self._detector, self._embedder = detector, embedder

    def made_by(self) -> dict[str, str]:
        """What the catalog keeps of them: names and the SHA-256 of their weights."""
        return {
            "detector": self.detector.name,
            "detector_sha256": self.detector.weights_sha256,
            "embedder": self.embedder.name,
            "embedder_sha256": self.embedder.weights_sha256,
        }

    def check(self, space: Space) -> None:
        """Other networks give vectors that cannot be compared with the stored ones.

        raises  CollectionError that names both
        """
        asked, held = self.made_by(), space.made_by
        if asked != held:
            raise CollectionError(
                f"{self._collection} holds {space.dim}-d faces of {held['detector']} and "
                f"{held['embedder']} (weights {held['embedder_sha256'][:8]}); you asked with "
                f"{asked['detector']} and {asked['embedder']} ({self.embedder.dim}-d, weights "
                f"{asked['embedder_sha256'][:8]}). Leave --model and --detector out to use what "
                "made it, or choose another --collection"
            )

    def job(self) -> Faces:
        """What other processes have to do to find faces as these networks do."""
        from retrieve.indexes.building.workers import Faces

        name = self.detector.name
        return Faces(name, self._device, self.embedder.template(name), self.embedder.crop_px)

    def extract(self, path: Path) -> PhotoFaces | Skipped:
        """The faces of a photo, or why it cannot be used."""
        from retrieve.faces.extract import extract
        from retrieve.photos import BadPhoto

        template = self.embedder.template(self.detector.name)
        try:
            return extract(path, self.detector, template, self.embedder.crop_px)
        except BadPhoto as error:
            return Skipped(path, str(error))
