"""Aligned crops → embeddings, by one of several networks behind one Protocol.

To add an embedder: its weights into retrieve.networks.weights.TABLE, its module into
retrieval/models, and a Family here.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput, WeightsError
from retrieve.faces.embedding import facenet_crops, facenet_weights, sums
from retrieve.faces.embedding.embedder import Embedder, unit_rows
from retrieve.faces.embedding.facenet_crops import Window
from retrieve.faces.embedding.sums import AnyEmbedder, Sum
from retrieve.faces.embedding.trained import file as trained
from retrieve.faces.embedding.trained import graphs
from retrieve.faces.embedding.trained.headed import Headed
from retrieve.networks import weights
from retrieve.networks.filled import Arrays, filled
from retrieve.networks.runtime import (
    Network,
    NetworkSpec,
    OnnxNetwork,
    Precision,
    open_network,
)
from retrieve.types import Crops, Embeddings

if TYPE_CHECKING:
    from torch import nn

DEFAULT_EMBEDDER = "dlib-resnet+mobilefacenet"
SHIPPED = Path(__file__).parents[1] / "data"  # where the networks lie that ship converted

Template = tuple[tuple[float, float], ...]  # 5 x, y in crop pixels


@dataclass(frozen=True, slots=True)
class Family:
    """Embedders that share an architecture and differ in weights.

    build        weights file → module of (N, 3, side_px, side_px) RGB, 0 to 255
    templates    detector → where its landmarks lie in the crops of the training
    int8_ranges  see NetworkSpec; observed on the published weights, and used for these alone
    window       what of a crop the network sees; None is all of it, as it is
    parse        bytes of the published weights → what fills the graph that ships without them
    mirror       whether each crop's raw vector is averaged with its mirror image's by default
    batch_crops  at a time: float32 activations of 64 crops of 150 pixels cost 300 MB and save
                 nothing
    """

    name: str
    dim: int
    crop_px: int
    build: Callable[[Path], nn.Module]
    templates: Mapping[str, Template]
    int8_ranges: Path | None = None
    window: Window | None = None
    parse: Callable[[bytes], Arrays] | None = None
    mirror: bool = True
    batch_crops: int = 16

    @property
    def side_px(self) -> int:
        """Of what the network takes."""
        return self.crop_px if self.window is None else self.window.size_px

    def template(self, detector: str) -> NDArray[np.float32]:
        """(5, 2) x, y where that detector's landmarks belong, in crop pixels.

        raises  BadInput for a detector whose landmarks were not measured
        """
        if detector not in self.templates:
            raise BadInput(
                f"{self.name} has no landmark template for detector {detector!r}; "
                f"it has them for {', '.join(self.templates)}"
            )
        return np.array(self.templates[detector], np.float32)


def open_embedder(
    name_or_path: str = DEFAULT_EMBEDDER,
    *,
    device: str = "cpu",
    mirror: bool | None = None,
    precision: Precision | None = None,
    progress: weights.Progress | None = None,
    cache: Path | None = None,
) -> AnyEmbedder:
    """The embedder with that name, or with the weights in that file.

    name_or_path  dlib-resnet, mobilefacenet, facenet, facenet-vggface2, facenet-casia-webface;
                  or a file: .dat is dlib's network, .tflite MobileFaceNet, .pt FaceNet's. A
                  file with the name of a published one counts as that one, another is called
                  by its own name. Names with a + between them are a sum of networks (sums.py).
                  A name or a .safetensors file of `retrieve train faces` is the user's own
    device        "cpu" or "cuda"
    mirror        average each crop's raw vector with its mirror image's, for twice the time:
                  .2 to .8 points more accuracy on LFW with dlib-resnet, none with
                  mobilefacenet. None does it for all but mobilefacenet and facenet, and in no
                  sum
    precision     None takes int8 where there is one, which changes no decision: see
                  best_precision()
    progress      called with bytes so far and bytes in all while weights are downloaded or
                  converted
    cache         where downloads lie and networks that were made here; None is the
                  user's cache
    raises        BadInput, MissingExtra, WeightsError as weights.locate() and
                  runtime.open_network()
    """
    if names := sums.parted(name_or_path):
        families(name_or_path)  # before anything is fetched for a sum that cannot be
        return sums.Sum(
            [_open_one(one, device, bool(mirror), precision, progress, cache) for one in names]
        )
    if (path := _trained(name_or_path)) is not None:
        return _open_trained(path, device, mirror, precision, progress, cache)
    return _open_one(name_or_path, device, mirror, precision, progress, cache)


def _trained(name_or_path: str) -> Path | None:
    """The file of an embedder of the user's own; a name that ships is never one."""
    return None if name_or_path in _EMBEDDERS else trained.located(name_or_path)


def _open_trained(
    path: Path,
    device: str,
    mirror: bool | None,
    precision: Precision | None,
    progress: weights.Progress | None,
    cache: Path | None,
) -> AnyEmbedder:
    about, arrays, sha256 = trained.read(path)
    if about.network == trained.HEAD:
        below = open_embedder(
            about.on,
            device=device,
            mirror=mirror,
            precision=precision,
            progress=progress,
            cache=cache,
        )
        if below.weights_sha256 != about.on_sha256:
            raise WeightsError(
                f"{path} is a head on {about.on} with other weights than the one here: SHA-256 "
                f"{about.on_sha256[:12]}…, here {below.weights_sha256[:12]}…. Train it again"
            )
        head = arrays.get(trained.HEAD)
        if len(arrays) != 1 or head is None or head.ndim != 2 or len(head) != below.dim:
            raise WeightsError(f"{path} holds no matrix of {below.dim} rows. Train it again")
        if isinstance(below, Sum | Headed):
            return Headed(path.stem, sha256, below.parts, below.embed, head)
        return Headed(path.stem, sha256, (below,), lambda crops: below.embed(crops[0]), head)
    family = _trainable(about, path)
    model = graphs.model(about.network, arrays)  # refuses arrays that are not its
    network: Network = OnnxNetwork(model)
    if device != "cpu" or precision not in (None, "float32"):
        spec = _trained_spec(path)
        network = open_network(spec, device=device, precision=precision or "float32", cache=cache)
    mirrored = family.mirror if mirror is None else mirror
    return _NetworkEmbedder(family, path.stem, sha256, network, mirrored)


def _trained_spec(path: Path) -> NetworkSpec:
    about, arrays, sha256 = trained.read(path)
    family = _trainable(about, path)

    def build() -> nn.Module:
        import torch

        from retrieve.models.mobilefacenet import MobileFaceNet
        from retrieve.models.small_face import SmallFaceNet, folded

        dropout = float(about.recipe.get("dropout", 0))
        module = MobileFaceNet() if family is MOBILEFACENET else folded(SmallFaceNet(dropout))
        return _loaded(module, {name: torch.from_numpy(one) for name, one in arrays.items()}, path)

    return NetworkSpec(
        name=f"trained-{family.name}",
        weights_sha256=sha256,
        build=build,
        input_shape=(3, family.side_px, family.side_px),
    )


def _trainable(about: trained.About, path: Path) -> Family:
    if about.network not in TRAINABLE:
        what = "a head on others" if about.network == trained.HEAD else f"{about.network!r}"
        raise WeightsError(f"{path} is {what}; a network here is {' or '.join(TRAINABLE)}")
    return TRAINABLE[about.network]


def _open_one(
    name_or_path: str,
    device: str,
    mirror: bool | None,
    precision: Precision | None,
    progress: weights.Progress | None,
    cache: Path | None,
) -> Embedder:
    family, name = _family_and_name(name_or_path)
    spec = network_spec(name_or_path, progress=progress, cache=cache)
    chosen = precision or best_precision(spec, device)
    network = open_network(spec, device=device, precision=chosen, cache=cache)
    mirrored = family.mirror if mirror is None else mirror
    return _NetworkEmbedder(family, name, spec.weights_sha256, network, mirrored)


def is_embedder(name_or_path: str) -> bool:
    """Whether open_embedder() knows it: a name, a sum of names, a weights file that is there."""
    try:
        families(name_or_path)
    except BadInput:
        return False
    return True


def families(name_or_path: str) -> tuple[Family, ...]:
    """What is known of each network behind an embedder without opening it. Errors as
    open_embedder().
    """
    if (path := _trained(name_or_path)) is not None:
        about, _, _ = trained.read(path)
        if about.network == trained.HEAD:
            return families(about.on)
        return (_trainable(about, path),)
    names = sums.parted(name_or_path)
    if not names:
        return (_family_and_name(name_or_path)[0],)
    found = sorted(map(_family_and_name, names), key=lambda pair: pair[1])
    sums.check([name for _, name in found])
    return tuple(family for family, _ in found)


def head_of(name_or_path: str) -> tuple[str, NDArray[np.float32] | None]:
    """The embedder below a trained head, and the head (D, K); of any other itself, and None."""
    path = _trained(name_or_path)
    if path is None:
        return name_or_path, None
    about, arrays, _ = trained.read(path)
    if about.network != trained.HEAD:
        return name_or_path, None
    return about.on, arrays[trained.HEAD]


def network_spec(
    name_or_path: str, *, progress: weights.Progress | None = None, cache: Path | None = None
) -> NetworkSpec:
    """The network behind open_embedder(): (N, 3, side_px, side_px) RGB, 0 to 255 → raw
    vectors (N, D). Arguments and errors as there.
    """
    if (path := _trained(name_or_path)) is not None:
        return _trained_spec(path)
    family, _ = _family_and_name(name_or_path)
    sha256 = weights.sha256_of(name_or_path, progress=progress, cache=cache)
    published = family.name in weights.TABLE and sha256 == weights.TABLE[family.name].sha256

    def fill(graph: bytes) -> bytes:
        assert family.parse is not None
        data = weights.locate(name_or_path, cache=cache).read_bytes()
        return filled(graph, family.parse(data), progress)

    return NetworkSpec(
        name=family.name,
        weights_sha256=sha256,
        build=lambda: family.build(weights.locate(name_or_path, cache=cache)),
        input_shape=(3, family.side_px, family.side_px),
        int8_ranges=family.int8_ranges if published else None,
        shipped=SHIPPED,
        fill=fill if published and family.parse is not None else None,
    )


def best_precision(spec: NetworkSpec, device: str) -> Precision:
    """int8 on a CPU where the network has ranges for it, else float32.

    Of 1,490 news photos int8 vectors of dlib-resnet have a cosine of .9996 with float32's,
    .9989 at least. At the threshold of two faces .148 of the pairs of one person are missed,
    .145 in float32, and scores between the two precisions move by .0015. So a collection may mix
    them. Every processor computes the same (see quantize.py); one without VNNI takes 4.2 CPU ms
    a crop, 7.1 in float32. mobilefacenet is faster in float32: in 8 bits only OpenVINO gains
    (docs/runtimes.md).
    `python -m benchmarks.exports` and `python -m benchmarks.embedding` measure it.
    """
    return "int8" if device == "cpu" and spec.int8_ranges is not None else "float32"


class _NetworkEmbedder:
    def __init__(
        self, family: Family, name: str, weights_sha256: str, network: Network, mirror: bool
    ) -> None:
        self.name = name
        self.dim = family.dim
        self.crop_px = family.crop_px
        self.weights_sha256 = weights_sha256
        self._family = family
        self._network = network
        self._mirror = mirror

    def template(self, detector: str) -> NDArray[np.float32]:
        return self._family.template(detector)

    def embed(self, crops: Crops) -> Embeddings:
        side = self.crop_px
        if crops.dtype != np.uint8 or crops.shape[1:] != (side, side, 3):
            raise BadInput(
                f"{self.name} takes crops (N, {side}, {side}, 3) uint8; "
                f"got {crops.shape} {crops.dtype}"
            )
        raw = np.empty((len(crops), self.dim), np.float32)
        size = self._family.batch_crops
        for start in range(0, len(crops), size):
            part = slice(start, start + size)
            raw[part] = self._raw(crops[part])
        return unit_rows(raw)

    def _raw(self, crops: Crops) -> NDArray[np.float32]:
        """(N, D) vectors of any length."""
        if self._family.window is not None:
            crops = self._family.window.seen(crops)
        if not self._mirror:
            return self._network(_planes(crops))[0]
        both = self._network(_planes(np.concatenate([crops, crops[:, :, ::-1]])))[0]
        return both[: len(crops)] + both[len(crops) :]


def _planes(crops: Crops) -> NDArray[np.float32]:
    """(N, 3, H, W) float32, 0 to 255."""
    return np.ascontiguousarray(crops.transpose(0, 3, 1, 2), np.float32)


def _family_and_name(name_or_path: str) -> tuple[Family, str]:
    if name_or_path in _EMBEDDERS:
        return _EMBEDDERS[name_or_path], name_or_path
    path = Path(name_or_path)
    if path.suffix not in _SUFFIXES or not path.is_file():
        raise BadInput(
            f"no embedder named {name_or_path!r} and no such "
            f"{', '.join([*_SUFFIXES, trained.SUFFIX])} file; "
            f"names are {', '.join([*_EMBEDDERS, *trained.names()])}"
        )
    published = {row.file_name: row.name for row in weights.TABLE.values()}
    name = published.get(path.name, path.stem)
    return _EMBEDDERS.get(name, _SUFFIXES[path.suffix]), name


def _build_dlib_resnet(path: Path) -> nn.Module:
    import torch

    from retrieve.faces.embedding.dlib_weights import parse
    from retrieve.models.dlib_resnet import DlibResNet

    parameters = {name: torch.from_numpy(a) for name, a in parse(path.read_bytes()).items()}
    return _loaded(DlibResNet(), parameters, path)


def _build_mobilefacenet(path: Path) -> nn.Module:
    import torch

    from retrieve.faces.embedding.mobilefacenet_weights import parse
    from retrieve.models.mobilefacenet import MobileFaceNet

    parameters = {name: torch.from_numpy(a) for name, a in parse(path.read_bytes()).items()}
    return _loaded(MobileFaceNet(), parameters, path)


def _without_weights(path: Path) -> nn.Module:
    raise BadInput(f"{path}: small-face has no published weights; retrieve train faces makes some")


def _build_facenet(path: Path) -> nn.Module:
    import torch
    from torch import nn

    from retrieve.models.inception_resnet_v1 import InceptionResnetV1, Standardize, folded

    if path.suffix == ".tflite":
        found = facenet_weights.parse(path.read_bytes())
        arrays = {name: torch.from_numpy(array) for name, array in found.items()}
        return _loaded(folded(InceptionResnetV1(classes=1)), arrays, path)
    try:
        parameters = torch.load(path, map_location="cpu", weights_only=True)
        classes = len(parameters["logits.weight"])
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError, KeyError, TypeError) as error:
        raise WeightsError(f"{path} is not a state dict of FaceNet: {error}") from error
    return nn.Sequential(Standardize(), _loaded(InceptionResnetV1(classes), parameters, path))


def _loaded(module: nn.Module, parameters: Mapping[str, object], path: Path) -> nn.Module:
    try:
        module.load_state_dict(parameters, strict=True)
    except RuntimeError as error:  # what torch raises for other names or shapes
        raise WeightsError(f"{path} does not fit {type(module).__name__}: {error}") from error
    return module


def _zoomed(template: Template, factor: float, crop_px: int) -> Template:
    """The template for crops that show less, seen from their middle."""
    middle = crop_px / 2
    return tuple(
        (middle + factor * (x - middle), middle + factor * (y - middle)) for x, y in template
    )


# Medians over 2,483 faces aligned by dlib, as the network was trained.
_DLIB_MTCNN = ((48.6, 46.6), (102.4, 46.6), (75.3, 78.9), (51.9, 105.6), (98.9, 105.7))
_DLIB_CENTERFACE = ((47.8, 47.4), (102.4, 46.4), (74.7, 79.1), (51.3, 104.1), (97.2, 103.2))
# A little tighter tells people better apart. On the congress portraits, nine years and many
# hairstyles apart, with the shipped detector, zoom 1, 1.04, 1.06, 1.08, 1.10, 1.12, 1.14
# gives d' 4.87, 4.95, 4.98, 4.95, 4.94, 4.95, 4.92, and 154, then from 1.06 on 155 of 155
# people at rank 1.
_DLIB_ZOOM = 1.06

DLIB_RESNET = Family(
    name="dlib-resnet",
    dim=128,
    crop_px=150,
    build=_build_dlib_resnet,
    templates={
        "mtcnn": _zoomed(_DLIB_MTCNN, _DLIB_ZOOM, 150),
        "centerface": _zoomed(_DLIB_CENTERFACE, _DLIB_ZOOM, 150),
    },
    int8_ranges=SHIPPED / "dlib-resnet.int8.json",
)
# As published with ArcFace (Deng et al. 2019), to which the training's photos were aligned. Medians
# of a detector's landmarks in such crops are no better: of the pairs of 1,490 news photos, at a
# false-match rate of 2 in 10,000, are missed with the published ones .0314 (mtcnn) and .0338
# (centerface), with medians .0318 and .0351. `python -m benchmarks.templates` measures both.
_ARCFACE = (
    (38.2946, 51.6963),
    (73.5318, 51.5014),
    (56.0252, 71.7366),
    (41.5493, 92.3655),
    (70.7299, 92.2041),
)

MOBILEFACENET = Family(
    name="mobilefacenet",
    dim=192,
    crop_px=112,
    build=_build_mobilefacenet,
    templates={"mtcnn": _ARCFACE, "centerface": _ARCFACE},
    mirror=False,
    batch_crops=4,  # what fits a processor's caches: up to a tenth faster than 16
)
SMALL_FACE = Family(
    name="small-face",
    dim=128,
    crop_px=64,
    build=_without_weights,
    templates=dict.fromkeys(
        ("mtcnn", "centerface"), tuple((x * 64 / 112, y * 64 / 112) for x, y in _ARCFACE)
    ),
    mirror=False,
)
FACENET = Family(
    name="facenet",
    dim=512,
    crop_px=160,
    build=_build_facenet,
    # FaceNet saw MTCNN's boxes with a margin of 14 pixels in 160, stretched to a square.
    # mtcnn: medians in such crops of 449 portraits, made symmetric. centerface: moved by
    # what lies between the two detectors in dlib's crops, times 1.03, the ratio of scales.
    templates={
        "mtcnn": ((46.8, 64.9), (113.2, 64.9), (80.0, 94.9), (46.7, 113.7), (113.3, 113.7)),
        "centerface": ((46.0, 65.7), (113.2, 64.7), (79.4, 95.1), (46.1, 112.1), (111.5, 111.1)),
    },
)
FACENET_PACKAGED = replace(
    FACENET,
    crop_px=facenet_crops.CROP_PX,
    templates=facenet_crops.TEMPLATES,
    window=facenet_crops.WINDOW,
    parse=facenet_weights.parse,
    mirror=False,  # which would take twice the time of the slowest network here
    batch_crops=4,
)
_EMBEDDERS = {
    "dlib-resnet": DLIB_RESNET,
    "mobilefacenet": MOBILEFACENET,
    "facenet": FACENET_PACKAGED,
    "facenet-vggface2": FACENET,
    "facenet-casia-webface": FACENET,
}
TRAINABLE = {one.name: one for one in (SMALL_FACE, MOBILEFACENET)}  # what users fill themselves
SHIPPED_NAMES = tuple(_EMBEDDERS)
_SUFFIXES = {".dat": DLIB_RESNET, ".tflite": MOBILEFACENET, ".pt": FACENET}
