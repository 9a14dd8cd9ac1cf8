"""A collection of photographs and texts: one directory that is opened, indexed and searched.

catalog.sqlite  what there is (indexes/catalog/)
faces.f32       the embeddings of faces, row after row (indexes/vectors/); passages.f32 of texts,
                pictures.f32 of whole photos
cache/          FAISS's index of them, made again at any time (indexes/search/)
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path
from traceback import walk_tb
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sqlite_utils import Database

from retrieve.errors import BadInput, CollectionError
from retrieve.faces.detection.recipe import without_recipe
from retrieve.indexes.building.leaving import Leaving
from retrieve.indexes.building.networks import Networks
from retrieve.indexes.building.walk import checked_roots, count
from retrieve.indexes.catalog import persons, sums
from retrieve.indexes.catalog.contents import Catalog
from retrieve.indexes.catalog.database import is_read_only, open_database, reading
from retrieve.indexes.catalog.filters import EVERYTHING, FACES, PASSAGES, PICTURES, Filter
from retrieve.indexes.opened import CATALOG, Connections, Opened, warn_of_others
from retrieve.indexes.people import statements
from retrieve.indexes.people.groups import settling
from retrieve.indexes.pictures.space import Pictures
from retrieve.indexes.queries import faces as face_queries
from retrieve.indexes.queries import texts as text_queries
from retrieve.indexes.queries.asked import checked_id
from retrieve.indexes.queries.modes import Mode
from retrieve.indexes.queries.probes import Probe
from retrieve.indexes.queries.views.one import OfOpened
from retrieve.indexes.search.engine import Engine, State
from retrieve.indexes.search.texts import Encoding, Texts
from retrieve.indexes.stored import Stored, StoredHere
from retrieve.indexes.vectors.spaces import Space, VectorSpace
from retrieve.indexes.whoswho import People, WhosWho
from retrieve.sources import given_path, reader_of
from retrieve.types import Embeddings, Hit, Shards, Skipped, TextHit
from retrieve.unfinished import remove_left_of

if TYPE_CHECKING:
    from retrieve.faces.detection.detector import Detector
    from retrieve.faces.embedding.embedder import Embedder
    from retrieve.faces.embedding.sums import AnyEmbedder
    from retrieve.indexes.building.build import Elsewhere, Extractor, Listed, OnProgress
    from retrieve.indexes.building.jobs import Job
    from retrieve.indexes.building.storing import Report
    from retrieve.indexes.duplicates.kinds import Duplicates, Kind
    from retrieve.indexes.duplicates.looking import OnProgress as OnRead
    from retrieve.indexes.duplicates.stored import Source
    from retrieve.indexes.info import Generation, Info
    from retrieve.indexes.queries.identification import Identification
    from retrieve.indexes.queries.pictures import PictureProbe
    from retrieve.indexes.queries.views.view import Searchable
    from retrieve.indexes.recognising.recognise import Recognised
    from retrieve.indexes.reembedding.faces import OnProgress as OnFaces
    from retrieve.indexes.reembedding.faces import Reembedded
    from retrieve.indexes.reembedding.pictures import Looked
    from retrieve.indexes.reembedding.texts import Moved
    from retrieve.networks.weights import Progress as OnDownload
    from retrieve.sources import PhotoLike
    from retrieve.text.encoders.encode import TextEncoder

MOST_FACES = 10_000  # hits of a face among which photos are sought by words, too


# What code raises that is given numbers in the place of texts, as by a page of the catalog that
# lies where another should: no list of what is read of such a page is ever complete.
STUMBLES = (TypeError, ValueError, LookupError, ArithmeticError, AttributeError, AssertionError)


class Collection:
    """An open collection; a context manager. `retrieve.open_collection` gives one.

        with retrieve.open_collection("photos.retrieve", create=True) as collection:
            collection.index(["~/Pictures", "~/Documents"])
            for hit in collection.search_faces("ana.jpg"):
                print(hit.path, hit.probability)
            for hit in collection.search_texts("una boda en Zaragoza"):
                print(hit.path, hit.passage.text)

    Any thread may use it: each has a connection of its own to the catalog, and all share the
    networks and the index in memory.

    networks  that find and embed faces
    """

    def __init__(self, path: Path, networks: Networks, connections: Connections) -> None:
        self.path = path
        self.networks = networks
        self._connections = connections

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it; what went wrong for want of a sound catalog is called by its name.

        raises  CollectionError in place of an error that nobody foresaw, if the catalog is damaged
        """
        try:
            stumbled = isinstance(error, STUMBLES) and _is_of_ours(trace)
            if stumbled and not self._connections.closed and sums.is_damaged(self.db):
                raise CollectionError(
                    f"the catalog is damaged, and was stumbled over ({type(error).__name__}). What "
                    "is damaged, and what can be done about it, is told by: retrieve check"
                ) from error
        finally:
            self.close()

    def __repr__(self) -> str:
        closed = ", closed" if self._connections.closed else ""
        return f"Collection({str(self.path)!r}{closed})"

    def close(self) -> None:
        """End the connections of all threads; the collection cannot be used any more."""
        self._connections.close()

    @property
    def opened(self) -> Opened:
        """The collection as this thread sees it; raises BadInput if it was closed."""
        return self._connections.here

    @property
    def db(self) -> Database:
        """Its SQLite file."""
        return self.opened.db

    @property
    def catalog(self) -> Catalog:
        """Photos, files, faces."""
        return self.opened.catalog

    @property
    def faces(self) -> VectorSpace:
        """The embeddings of faces."""
        return self.opened.faces

    @property
    def engine(self) -> Engine:
        """Search in them."""
        return self.opened.engine

    @property
    def texts(self) -> Texts:
        """Passages, their embeddings and the search in them."""
        return self.opened.texts

    @property
    def passages(self) -> Searchable:
        """What the texts, and what is said of photos, are to a search for words."""
        return OfOpened(self.opened)

    @property
    def pictures(self) -> Pictures:
        """Whole photos, their embeddings and the search in them."""
        return self.opened.pictures

    @property
    def stored(self) -> Stored:
        """Photos, faces and texts by id, and as lists."""
        return StoredHere(self.opened)

    @property
    def people(self) -> WhosWho:
        """Who is who, asked and said."""
        return People(self.opened)

    @property
    def detector(self) -> Detector:
        """The detector that finds this collection's faces, opened at first use."""
        return self.networks.detector

    @property
    def embedder(self) -> AnyEmbedder:
        """The embedder behind this collection's vectors, opened at first use."""
        return self.networks.embedder

    def prepare(self, roots: Iterable[str | Path], *, exclude: Sequence[str] = ()) -> None:
        """Open now, with the download that this may take, what indexing the roots needs.

        exclude as of index()
        raises  BadInput if a root does not exist
        """
        if self._wants_faces(given(roots), exclude):
            _ = self.detector, self.embedder

    def index(
        self,
        roots: Iterable[str | Path],
        *,
        processes: int | None = None,
        time_limit_s: float | None = None,
        column: str | None = None,
        retry_skipped: bool = False,
        reread: bool = True,
        exclude: Sequence[str] = (),
        pictures: bool = True,
        ocr: bool = False,
        on_progress: OnProgress | None = None,
        on_words: Callable[[int, int], None] | None = None,
    ) -> Report:
        """Bring the collection up to date with folders and files of photos and texts.

        roots          folders, searched with all that they hold, and files; ~ is your home
        processes      that read, decode, detect and align, each on one core; None is 2. A
                       detector of one's own that cannot be pickled runs in this process
        time_limit_s   of the processor, for one file; None is 60. A file may wait ten times as long
        column         of tables and JSON, to read alone
        retry_skipped  read again what was skipped in an earlier run
        reread         read again, but for its faces, what an older version of this software read
        exclude        patterns of what is left out below the roots, as in a .gitignore; what an
                       earlier run took is no longer found
        pictures       look at new photos as a whole, too: for what looks alike and what they show
        ocr            read what is written in all photos, and on pages of PDFs that are pictures,
                       once for each content: a second or two for one with words in it
        on_words       called meanwhile with how many pictures are read, of how many
        raises         BadInput if a root does not exist or a pattern is none, CollectionError
                       if the collection was made with other networks, MissingExtra where what
                       reads words is not installed
        """
        from retrieve.indexes.building import workers

        if ocr:
            from retrieve.pictures.written.networks import check_installed

            check_installed()
        absolute = checked_roots(given(roots))
        photos = self._wants_faces(absolute, exclude)
        extractor = partial(
            workers.run,
            self.job(absolute, photos=photos, column=column, pictures=pictures).open,
            workers=workers.WORKERS if processes is None else processes,
            time_limit_s=workers.TIME_LIMIT_S if time_limit_s is None else time_limit_s,
            here=photos and self.networks.stays,
        )
        report = self.update(
            absolute,
            extractor,
            photos=photos,
            retry_skipped=retry_skipped,
            reread=reread,
            exclude=exclude,
            ocr=ocr,
            on_progress=on_progress,
        )
        if ocr and not report.interrupted:
            self.recognise(
                absolute, processes=processes, time_limit_s=time_limit_s, on_progress=on_words
            ).enter(report)
        return report

    def recognise(
        self,
        roots: Iterable[str | Path],
        *,
        processes: int | None = None,
        time_limit_s: float | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Recognised:
        """Read the words in the pictures below the roots that are in the collection and were not
        read: index() with ocr does so behind all else.

        What an earlier run has done is gone on with.
        processes, time_limit_s
                   as of index()
        raises     MissingExtra where what reads them is not installed
        """
        from retrieve.indexes.building import workers
        from retrieve.indexes.recognising.recognise import recognise

        return recognise(
            self.opened,
            checked_roots(given(roots)),
            processes=workers.WORKERS if processes is None else processes,
            time_limit_s=workers.TIME_LIMIT_S if time_limit_s is None else time_limit_s,
            on_progress=on_progress,
        )

    def _wants_faces(self, roots: Iterable[Path], exclude: Sequence[str]) -> bool:
        """Whether there are photos, or somebody asked for networks by name."""
        absolute = checked_roots(roots)
        leaving = Leaving(absolute, exclude)
        return self.networks.asked or count(absolute, leaving).photos > 0

    def job(
        self,
        roots: Iterable[Path],
        *,
        photos: bool = True,
        column: str | None = None,
        pictures: bool = True,
    ) -> Job:
        """What processes have to do that read files below the roots for this collection.

        photos    False where there are none, so that no network is needed
        pictures  photos are looked at as a whole, too
        raises    CollectionError if the collection's were by another network than ours
        """
        from retrieve.indexes.building.jobs import Job

        space = self.faces.space()
        if space is not None:
            self.networks.follow(space.made_by)
        whole = photos and pictures
        if whole:
            from retrieve.pictures.embedding.embed import made_by

            self.pictures.check(made_by())
        faces = self.networks.job(whole=whole) if photos else None
        return Job(faces, tuple(checked_roots(roots)), column)

    def update(
        self,
        roots: Iterable[Path],
        extractor: Extractor,
        *,
        photos: bool = True,
        vanished: Iterable[Path] = (),
        below: Iterable[Path] | None = None,
        retry_skipped: bool = False,
        reread: bool = True,
        exclude: Sequence[str] = (),
        ocr: bool = False,
        on_progress: OnProgress | None = None,
        listed: Listed | None = None,
        elsewhere: Elsewhere | None = None,
        people: bool = True,
    ) -> Report:
        """index() with processes that are there.

        photos    False leaves photos alone: there are none
        vanished  files and folders that are known to be there no more
        below     folders that are kept up to date, where the roots are only what has changed
        ocr       recognise() comes behind it
        listed    what is under the roots, so that they are not walked
        elsewhere what other collections hold of which this one is a part
        people    False leaves new faces to nobody: the collection is a part, and who its people
                  are is seen over all
        """
        from retrieve.indexes.building.build import Build
        from retrieve.indexes.people import regions

        self.begin(photos=photos)
        opened, networks = self.opened, self.networks
        with opened.indexes_kept_up() as on_commit:
            report = Build(
                opened.catalog,
                opened.faces,
                opened.texts,
                lambda: networks.embedder,
                extractor,
                photos=photos,
                made_by=without_recipe(networks.made_by()) if photos else None,
                retry_skipped=retry_skipped,
                reread=reread,
                exclude=exclude,
                on_progress=on_progress,
                on_commit=on_commit,
                on_drawn=regions.say,
                pictures=opened.pictures,
                ocr=ocr,
                elsewhere=elsewhere,
            ).run(roots, vanished=vanished, below=below, listed=listed)
        statements.settle(self.db)
        if not report.interrupted:
            opened.make_indexes()
            if people:
                added = settling.settle_new(opened)
                report.attached, report.people = added.attached, added.persons
        return report

    def group(self) -> settling.Settled:
        """Group all faces into persons from nothing; what people said of them holds.

        Ids of persons survive by largest overlap.
        raises  CollectionError if no photo was indexed, BadInput if nobody measured how strangers
                score with the collection's networks
        """
        return settling.group_all(self.opened)

    def reembed(
        self,
        *,
        embedder: str | Embedder | None = None,
        detector: str | Detector | None = None,
        leave_out: bool = False,
        processes: int | None = None,
        time_limit_s: float | None = None,
        on_progress: OnFaces | None = None,
    ) -> Reembedded:
        """Move the faces to other networks: photos are read where they are, else stored pictures.

        Searches and indexing go on with the old networks until all faces are embedded; one
        transaction switches. What an earlier run has done is gone on with.
        embedder   name, weights file or an object; None goes on with what was begun, or takes
                   the product's default
        detector   by which photos are looked at anew: a face that it finds again keeps its id
                   and its name, one that it does not is kept if it has a name. None lets boxes
                   and landmarks be as they are
        leave_out  let faces go of which neither photo nor picture can be read; else the
                   collection stays as it is where there are such, and the report lists them
        processes, time_limit_s
                   as of index()
        raises     CollectionError if no photo was indexed
        """
        from retrieve.indexes.building import workers
        from retrieve.indexes.reembedding.faces import reembed

        report, self.networks = reembed(
            self.opened,
            self.networks,
            detector,
            embedder,
            leave_out=leave_out,
            processes=workers.WORKERS if processes is None else processes,
            time_limit_s=workers.TIME_LIMIT_S if time_limit_s is None else time_limit_s,
            on_progress=on_progress,
        )
        return report

    def reembed_pictures(
        self,
        *,
        processes: int | None = None,
        time_limit_s: float | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Looked:
        """Look at the photos as a whole that were indexed without: their files are read.

        What an earlier run has done is gone on with.
        processes, time_limit_s
                   as of index()
        """
        from retrieve.indexes.building import workers
        from retrieve.indexes.reembedding.pictures import reembed

        return reembed(
            self.opened,
            processes=workers.WORKERS if processes is None else processes,
            time_limit_s=workers.TIME_LIMIT_S if time_limit_s is None else time_limit_s,
            on_progress=on_progress,
        )

    def reembed_texts(
        self, encoder: str | TextEncoder, *, on_progress: Callable[[int, int], None] | None = None
    ) -> Moved:
        """Move the texts to another encoder: their stored passages are embedded, no file is read.

        Searches go on with the old encoder until all are embedded; one transaction switches. What
        an earlier run has done is gone on with.
        encoder  name, file or an object, as open_collection() takes it
        raises   CollectionError if no text was indexed
        """
        from retrieve.indexes.reembedding.texts import reembed

        return reembed(self.opened, encoder, on_progress=on_progress)

    def search_faces(
        self,
        photo: PhotoLike,
        *,
        k: int = 10,
        threshold: float | None = None,
        strangers: float | None = None,
        wanted: Filter = EVERYTHING,
        face: int | None = None,
        exact: bool = False,
    ) -> Probe:
        """The stored faces most like the faces in a photo.

        photo      path, bytes, image of Pillow, or array (H, W, 3) uint8 RGB
        k          hits for each of its faces, beside the face itself where the photo is stored
        threshold  lowest score of a hit; None lets it follow from strangers
        strangers  the chance that the best of as many strangers passes as are searched; None is .01
        wanted     what a hit has to satisfy
        face       search only this face of the photo, 1 for the first
        exact      score every stored face, whatever index there is
        returns    the hits of all its faces, best first; `faces` holds them by face
        raises     CollectionError if nothing was indexed or with other networks, BadInput for
                   a photo of no use, for both threshold and strangers, or where the embedder has
                   no calibration that one could follow from
        """
        return face_queries.search_photo(
            self.opened,
            self.networks,
            reader_of(photo),
            k=k,
            threshold=threshold,
            strangers=strangers,
            wanted=wanted,
            face=face,
            exact=exact,
        )

    def search_stored(
        self,
        face_id: int,
        *,
        k: int = 10,
        threshold: float | None = None,
        strangers: float | None = None,
        wanted: Filter = EVERYTHING,
        exact: bool = False,
    ) -> Probe:
        """The stored faces most like a stored one, itself left out; no network is needed.

        raises  BadInput if there is no such face
        """
        return face_queries.search_stored(
            self.opened,
            face_id,
            k=k,
            threshold=threshold,
            strangers=strangers,
            wanted=wanted,
            exact=exact,
        )

    def search_pictures(
        self,
        photo: PhotoLike,
        *,
        k: int = 10,
        threshold: float | None = None,
        strangers: float | None = None,
        wanted: Filter = EVERYTHING,
        exact: bool = False,
    ) -> PictureProbe:
        """The stored photos that look like a photo as a whole, whoever is on it.

            for hit in collection.search_pictures("beach.jpg", k=5): print(hit.path, hit.score)

        photo      path, bytes, image of Pillow, or array (H, W, 3) uint8 RGB
        k          hits, beside the photo itself where it is stored
        threshold  lowest score of a hit; None lets it follow from strangers
        strangers  the chance that the best of as many different photos passes as are searched;
                   None is .01
        wanted     what a hit has to satisfy
        exact      score every stored photo, whatever index there is
        raises     CollectionError if no photo was looked at as a whole, BadInput for a photo of
                   no use, or for both threshold and strangers
        """
        from retrieve.indexes.queries.pictures import search_pictures

        return search_pictures(
            self.opened,
            self.networks,
            reader_of(photo),
            k=k,
            threshold=threshold,
            strangers=strangers,
            wanted=wanted,
            exact=exact,
        )

    def search_stored_picture(
        self,
        photo_id: int,
        *,
        k: int = 10,
        threshold: float | None = None,
        strangers: float | None = None,
        wanted: Filter = EVERYTHING,
        exact: bool = False,
    ) -> PictureProbe:
        """The stored photos that look like a stored one, itself left out; no network is needed.

        raises  BadInput if there is no such photo, or nobody looked at it as a whole
        """
        from retrieve.indexes.queries.pictures import search_stored

        return search_stored(
            self.opened,
            photo_id,
            k=k,
            threshold=threshold,
            strangers=strangers,
            wanted=wanted,
            exact=exact,
        )

    def labels(
        self, wanted: Filter = EVERYTHING, *, language: str | None = None
    ) -> list[tuple[str, int]]:
        """What the photos show surely, as a network sees it: words with the number of photos.

            for word, photos in collection.labels(): print(word, photos)

        wanted    what a photo has to satisfy
        language  of the words, "es" or "en"; None is that of the texts
        returns   the commonest first
        raises    CollectionError if no photo was looked at as a whole
        """
        from retrieve.indexes.queries.listed import labels_of

        return self.opened.consistently(lambda: labels_of(self.opened, wanted, language))

    def duplicates(
        self,
        kinds: Iterable[Kind | str] = (),
        *,
        wanted: Filter = EVERYTHING,
        threshold: float | None = None,
        strangers: float | None = None,
        processes: int = 2,
        time_limit_s: float = 60.0,
        on_progress: OnRead | None = None,
    ) -> Duplicates:
        """The photos that are there more than once, in groups, the best one of each first.

            for group in collection.duplicates(["pixels", "edited"]):
                print(group.kind, group.best.path, [photo.path for photo in group.others])

        kinds      "pixels" the same pixels in several files, "edited" one picture changed,
                   "burst" alike and within seconds, "scene" alike; () for all. A group of a wider
                   kind has of each group of a closer one the best photo alone
        wanted     what a photo has to satisfy
        threshold  lowest score of two photos of one scene; None lets it follow from strangers
        strangers  the chance that the best of as many different photos passes as are searched;
                   None is .01
        processes, time_limit_s
                   that read photos, and how long each may take of the processor
        raises     CollectionError if no photo was looked at as a whole

        The files of photos that look alike are read; nothing is stored or deleted.
        """
        from retrieve.indexes.duplicates.find import duplicates
        from retrieve.indexes.duplicates.kinds import Kind

        return duplicates(
            self._stored_photos(),
            kinds=kinds or tuple(Kind),
            wanted=wanted,
            threshold=threshold,
            strangers=strangers,
            processes=processes,
            time_limit_s=time_limit_s,
            on_progress=on_progress,
        )

    def _stored_photos(self) -> Source:
        """Where duplicates are sought."""
        from retrieve.indexes.duplicates.stored import One

        return One(self.opened)

    def search_texts(
        self,
        query: str,
        *,
        k: int = 10,
        mode: Mode | str = Mode.HYBRID,
        wanted: Filter = EVERYTHING,
        faces: Iterable[Hit] | None = None,
        exact: bool = False,
        exact_words: bool = False,
        grouped: bool = False,
    ) -> list[TextHit]:
        """The stored passages that a query asks for, best first.

        k       hits
        mode    what the order goes by: "hybrid" (words and meaning), "bm25" (words), "meaning"
        wanted  what a hit has to satisfy
        faces   only photos that hold one of these, found by search_faces(), one hit a photo
        exact   score every stored embedding, whatever index there is
        exact_words
                take words that no passage has as they are; else as the nearest that passages
                have: corrected() says which
        grouped of each document only the best passage; `more` says of how many others
        raises  BadInput for a query without a word, CollectionError if no text was indexed, or
                with another encoder
        """
        if faces is not None:
            return text_queries.search_both(
                self.passages,
                faces,
                query,
                k=k,
                mode=mode,
                wanted=wanted,
                exact=exact,
                exact_words=exact_words,
            )
        return text_queries.search_texts(
            self.passages,
            query,
            k=k,
            mode=mode,
            wanted=wanted,
            exact=exact,
            exact_words=exact_words,
            grouped=grouped,
        )

    def photos_of(self, wanted: Filter, *, k: int = 10) -> list[TextHit]:
        """Photos with a face that satisfies the conditions, the newest first; nothing is compared.

            collection.photos_of(retrieve.Filter(persons=("Ana",)))

        returns  no more than k hits of score 0, each with the first thing that is said of its photo
        raises   CollectionError if no photo was indexed, BadInput for a person whom nobody named
        """
        return text_queries.photos_of(self.passages, wanted, k=k)

    def corrected(self, query: str) -> str | None:
        """A query with its misspelt words as the collection spells them; None if it has none.

        A word is taken for misspelt that no passage has and the language is not known to have.
        raises  BadInput for a query without a word
        """
        return text_queries.corrected_query(self.passages, query)

    def search_both(
        self,
        photo: PhotoLike,
        query: str,
        *,
        k: int = 10,
        threshold: float | None = None,
        strangers: float | None = None,
        mode: Mode | str = Mode.HYBRID,
        wanted: Filter = EVERYTHING,
        exact: bool = False,
    ) -> list[TextHit]:
        """Photos with a face like one in a photo that satisfy a query too, best first.

        raises  as search_faces() and search_texts(); BadInput for a photo without a face
        """
        hits = self.search_faces(
            photo,
            k=MOST_FACES,
            threshold=threshold,
            strangers=strangers,
            wanted=wanted,
            exact=exact,
        )
        if not hits.faces:
            raise BadInput(f"no face found in {hits.name}; give a photo in which a face shows")
        return self.search_texts(query, k=k, mode=mode, wanted=wanted, faces=hits, exact=exact)

    def search(
        self,
        probes: Sequence[Path],
        *,
        k: int = 10,
        threshold: float | None = None,
        wanted: Filter = EVERYTHING,
        face: int | None = None,
        exact: bool = False,
    ) -> list[Probe]:
        """search_faces() for several photos; goes with the next release."""
        warnings.warn(
            "Collection.search is now search_faces, for one photo", DeprecationWarning, stacklevel=2
        )
        from retrieve.photos import BadPhoto

        found = []
        for path in probes:
            try:
                found.append(
                    self.search_faces(
                        path, k=k, threshold=threshold, wanted=wanted, face=face, exact=exact
                    )
                )
            except BadPhoto as error:
                found.append(Probe(path, [], error.reason))
        return found

    def nearest(
        self,
        embeddings: Embeddings,
        *,
        k: int = 10,
        threshold: float = -1.0,
        wanted: Filter = EVERYTHING,
        exact: bool = False,
    ) -> list[list[Hit]]:
        """The stored faces nearest to each embedding, best first.

        embeddings  (Q, D) float32 unit rows of this collection's embedder
        returns     for each of the Q no more than k hits, none with a score below threshold
        """
        return face_queries.nearest(
            self.opened, embeddings, k=k, threshold=threshold, wanted=wanted, exact=exact
        )

    def identify(
        self,
        photo: PhotoLike,
        *,
        threshold: float | None = None,
        strangers: float | None = None,
        wanted: Filter = EVERYTHING,
        unnamed: bool = False,
    ) -> Identification:
        """Whose each face of a photo is: somebody who has a name here, or nobody known.

        threshold  lowest score that names somebody; None lets it follow from strangers
        strangers  the chance, at most, that somebody whom the collection does not know is named;
                   None is .01
        wanted     which stored faces are compared
        unnamed    persons whom nobody named are among those whom it may be
        raises     as search_faces(); BadInput if nobody has a name
        """
        from retrieve.indexes.queries.identification import identify

        return identify(
            self.opened,
            self.networks,
            reader_of(photo),
            threshold=threshold,
            strangers=strangers,
            wanted=wanted,
            unnamed=unnamed,
        )

    def default_threshold(
        self, *, strangers: float | None = None, wanted: Filter = EVERYTHING
    ) -> float:
        """The score that the best of as many strangers passes by a chance as are searched.

        strangers, wanted  as of search_faces()
        raises             BadInput if the embedder has no calibration that tells
        """
        return face_queries.least_score(self.opened, wanted, strangers=strangers).score

    def person_id(self, text: str) -> int:
        """The person of that name or number, as #7.

        raises  BadInput with the names there are if it is nobody's; SharedName, with what tells
                them apart, if it is the name of several
        """
        return persons.person_id(self.db, text)

    def is_person(self, text: str) -> bool:
        """Whether it is written as a person is: #id, or a name that somebody has."""
        return persons.is_numbered(text) or bool(persons.ids_called(self.db, text))

    @property
    def file(self) -> Path:
        """The file that makes the folder a collection."""
        return self.path / CATALOG

    @property
    def read_only(self) -> bool:
        """Whether it was opened to be read only."""
        return is_read_only(self.db)

    def reading(self) -> AbstractContextManager[None]:
        """One view of the catalog, whatever others commit meanwhile."""
        return reading(self.db)

    def generation(self) -> Generation:
        """What it holds, as numbers that change with it."""
        from retrieve.indexes.info import generation

        return generation(self.opened)

    def stamp(self) -> object:
        """Another one soon after each commit, whoever's; it costs no query (info.stamp)."""
        from retrieve.indexes.info import stamp

        return stamp(self.file)

    def notes(self) -> Path | None:
        """The folder that keeps notes of what is written of it elsewhere, until it is whole; None
        where nothing may be written into it.
        """
        return self.opened.notes()

    def space(self, name: str) -> Space | None:
        """What made its faces, passages or pictures; None before there are any."""
        opened = self.opened
        spaces = (opened.faces, opened.texts.vectors, opened.pictures.vectors)
        return {one.name: one for one in spaces}[name].space()

    @property
    def shards(self) -> Shards | None:
        """Of a cluster: how many answered this thread's last question; None of a collection."""
        return None

    @property
    def fewest_shards(self) -> Shards | None:
        """Of a cluster: how many answered that question of this thread, since ask_anew(), to which
        most did not; None of a collection.
        """
        return None

    def ask_anew(self) -> None:
        """Let `fewest_shards` be of what is asked from now on."""

    def sha256_of(self, content_id: int) -> str | None:
        """Of the bytes of a stored photo or text, hexadecimal; None if there is none."""
        query = "SELECT sha256 FROM contents WHERE id = ?"
        row = self.db.execute(query, [content_id]).fetchone()
        return None if row is None else str(row[0])

    def search_state(self, name: str) -> State:
        """How the last search in faces, passages or pictures went about it."""
        opened = self.opened
        engines = dict(zip((FACES, PASSAGES, PICTURES), opened.engines, strict=True))
        return engines[name].state

    def picture(self, face_id: int) -> bytes:
        """A stored face as a small JPEG; raises BadInput if there is none of that id."""
        return self.catalog.picture(checked_id(face_id))

    def skipped(self) -> list[Skipped]:
        """Files that are there and could not be used, with their reasons."""
        return self.catalog.skipped()

    def counts(self) -> dict[str, int]:
        """Photos, faces, pictures, texts, passages, files, skipped, gone, persons, dead."""
        return self.catalog.counts()

    def info(self) -> Info:
        """What the collection holds and what made it."""
        from retrieve.indexes.info import describe

        return describe(self.opened)

    def begin(self, *, photos: bool = True) -> None:
        """Make the space of faces if it is new, and finish what a writer that died left over.

        photos  False where no photo will be stored, and no network is needed
        raises  CollectionError if the collection was made with other networks
        """
        self.opened.begin(self.networks if photos else None)


def open_collection(
    path: str | Path,
    *,
    create: bool = False,
    detector: str | Detector | None = None,
    embedder: str | Embedder | None = None,
    encoder: str | TextEncoder | None = None,
    language: str | None = None,
    device: str = "cpu",
    turns: bool | None = None,
    read_only: bool = False,
    on_download: OnDownload | None = None,
    networks: Networks | None = None,
    encoding: Encoding | None = None,
) -> Collection:
    """The collection in a directory, which is no cluster: options as opening.open_collection().

    networks, encoding
              in place of those options: what several collections share
    raises    CollectionError if there is none, or it is damaged, newer or not ours
    """
    if create and read_only:
        raise BadInput("wanted create or read_only; a collection that is made is written")
    folder = given_path(path).absolute()  # whatever folder the program goes to
    encoding = encoding or Encoding(encoder, language)
    shared = networks is not None
    networks = networks or Networks(
        folder,
        detector,
        embedder,
        device=device,
        asked=detector is not None or embedder is not None or device != "cpu",
        turns=turns,
        on_download=on_download,
    )
    if create:
        try:
            is_there = folder.is_dir()
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not (folder / CATALOG).exists():
                remove_left_of(folder)  # of a restore that died here
                if is_there:
                    warn_of_others(folder)
        except OSError as error:
            raise CollectionError(
                f"cannot make a collection at {folder}: {error.strerror}"
            ) from error
    elif folder.is_file():
        raise CollectionError(f"wanted the folder of a collection; {folder} is a file")
    connect = partial(open_database, folder / CATALOG, read_only=read_only)
    first = open_database(folder / CATALOG, create=create, read_only=read_only)
    connections = Connections(folder, connect, encoding, device=device, first=first)
    if shared:
        return Collection(folder, networks, connections)
    with suppress(CollectionError):  # damage, for which a collection is opened to be repaired
        space = connections.here.faces.space()
        networks.held = space.made_by if space else {}
    return Collection(folder, networks, connections)


def _is_of_ours(trace: TracebackType | None) -> bool:
    """Whether an error came out of this package, and not of what a caller does beside it."""
    return any(
        str(frame.f_globals.get("__name__")).startswith("retrieve.") for frame, _ in walk_tb(trace)
    )


def given(roots: Iterable[str | Path]) -> list[Path]:
    """Folders and files as people write them; raises BadInput for a text in place of a list."""
    if isinstance(roots, str | bytes | Path) or not isinstance(roots, Iterable):
        raise BadInput(f"wanted a list of folders and files; got {roots!r}: put it in [ ]")
    return [given_path(root) for root in roots]
