"""The networks that read: where text stands, which way up it is, and what it says.

PP-OCRv6 small with the angle classifier of PP-OCRv2, as the package rapidocr brings them (Apache
2.0): differentiable binarization (Liao et al. 2020) and a recogniser of whole lines with CTC
(Graves et al. 2006). They lie in its wheel and are named to it one by one: it downloads none.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import WeightsError
from retrieve.extras import needed, optional
from retrieve.types import Pixels

WHAT = "reading words in pictures"  # as a message of what is missing begins
# The files in the wheel, and the SHA-256 of those that were measured.
MODELS = {
    "Det": (
        "PP-OCRv6_det_small.onnx",
        "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    ),
    "Cls": (
        "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
        "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c",
    ),
    "Rec": (
        "PP-OCRv6_rec_small.onnx",
        "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
    ),
}
TURNED_FROM = 1.5  # times as high as wide: a piece of text that stands on its side
FLIPPED = "180"  # the classifier's name of upside down
TOLD_BY = 4  # heights of a line: it looks at no more, and squeezes what is longer


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a line says.

    confidences  of each character, 0 to 1
    """

    text: str
    confidences: tuple[float, ...]


def check_installed() -> None:
    """Raise MissingExtra where the networks' package is not installed; nothing is imported."""
    needed(WHAT, "rapidocr", "cv2")


class Networks:
    """All three, open, each on one thread; not for use by several threads.

    raises  MissingExtra without the package, WeightsError if its files are others than those
            that were measured
    """

    def __init__(self) -> None:
        folder = _folder()
        one_thread = "EngineConfig.onnxruntime.{}_op_num_threads"
        params: dict[str, Any] = {one_thread.format(one): 1 for one in ("intra", "inter")}
        # Its own scaling makes sides multiples of 32 before boxes are cut: we scale.
        params |= {"Global.use_preprocess_img": False, "Global.log_level": "critical"}
        params |= {"Det.limit_side_len": 32, "Global.return_word_box": True}
        for task, (name, sha256) in MODELS.items():
            params[f"{task}.model_path"] = str(_checked(folder / name, sha256))
        with optional(WHAT):
            import cv2
            from rapidocr import RapidOCR
            from rapidocr.utils.process_img import get_rotate_crop_image
        cv2.setNumThreads(1)
        self._cv2, self._cut = cv2, get_rotate_crop_image
        self._read: Any = RapidOCR(params=params)

    def detect(self, pixels: Pixels) -> NDArray[np.float32]:
        """Where lines of text stand: (N, 4, 2) corners x, y in pixels, from the upper left one
        clockwise.
        """
        found = self._read(_bgr(pixels), use_det=True, use_cls=False, use_rec=False)
        if found.boxes is None:
            return np.empty((0, 4, 2), np.float32)
        return np.asarray(found.boxes, np.float32)

    def cut(self, pixels: Pixels, corners: NDArray[np.float32]) -> Pixels:
        """A line, (H, W, 3); one that stands on its side as it is read downward."""
        return np.ascontiguousarray(self._cut(pixels, corners.copy()))

    def upside_down(self, line: Pixels) -> float:
        """How sure it is that a line stands on its head, 0 to 1."""
        most = TOLD_BY * line.shape[0]
        start = max(0, line.shape[1] - most) // 2
        part = _bgr(line[:, start : start + most])
        found = self._read(part, use_det=False, use_cls=True, use_rec=False)
        label, score = found.cls_res[0]
        return float(score if label == FLIPPED else 1 - score)

    def recognise(self, line: Pixels) -> Recognised:
        """What one upright line says."""
        found = self._read(_bgr(line), use_det=False, use_cls=False, use_rec=True)
        text = found.txts[0]
        confidences = tuple(found.word_results[0].confs) if text else ()
        if len(confidences) != len(text):  # a sign of several code points
            confidences = (float(found.scores[0]),) * len(text)
        return Recognised(text, confidences)

    def scaled(self, pixels: Pixels, side_px: int) -> Pixels:
        """A picture whose long side has so many pixels."""
        height, width = pixels.shape[:2]
        scale = side_px / max(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        how = self._cv2.INTER_AREA if scale < 1 else self._cv2.INTER_CUBIC
        return np.asarray(self._cv2.resize(pixels, size, interpolation=how))


def _bgr(pixels: Pixels) -> Pixels:
    """As the networks were trained; the photo's own order is RGB."""
    return np.ascontiguousarray(pixels[:, :, ::-1])


def _folder() -> Path:
    """Where the package has its networks."""
    check_installed()
    found = find_spec("rapidocr")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "models"


def _checked(path: Path, sha256: str) -> Path:
    wanted = f"{path.name} of rapidocr 3.10, which was measured"
    again = "pip install --force-reinstall 'retrieve[ocr]'"
    try:
        held = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise WeightsError(f"wanted {wanted}; it cannot be read: {again}") from error
    if held != sha256:
        raise WeightsError(f"wanted {wanted}; its SHA-256 is another ({held[:8]}): {again}")
    return path
