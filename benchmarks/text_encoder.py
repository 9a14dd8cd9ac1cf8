"""The shipped text encoders, cold and for each query; of `lstm` numpy beside ONNX Runtime.

    python -m benchmarks.text_encoder

Prints CPU seconds of a new process that embeds one query, and milliseconds of each further one;
then passages a second. ONNX Runtime gets the same weights, exported from torch in float32, and
the same vocabulary.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from retrieve.evaluation.retrieval import documents

QUERY = "¿Quién escribió la carta sobre la boda en Zaragoza de 1808?"
DOCS = Path(__file__).parents[1] / "sample_data" / "paraphrases.docs.jsonl"
WORDS = 110  # of a passage
TIMES = 7

NUMPY = """
import time
from retrieve.text.encoders.encode import open_text_encoder
encoder = open_text_encoder({encoder!r})
embed = encoder.embed
"""
ONNX = """
import os, time, numpy as np
from retrieve.text.encoders import file as encoder_file
from retrieve.text.encoders.encode import shipped
import onnxruntime as ort  # after retrieve, which switches its telemetry off
from retrieve.text.words.vocabulary import Vocabulary
file = encoder_file.read(shipped("encoder"))
vocabulary = Vocabulary(file.words, file.buckets)
options = ort.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = ort.InferenceSession({model!r}, options, ["CPUExecutionProvider"])
codes, scales, weights = (
    file.arrays[name] for name in ("embeddings", "embeddings.scales", "log_weights")
)
def embed(texts):
    out = []
    for text in texts:
        rows = np.array(vocabulary.rows(text))
        words = (codes[rows] * scales[rows][:, None])[None].astype(np.float32)
        out.append(session.run(None, {{"words": words, "weights": weights[rows][None]}})[0])
    return np.concatenate(out)
"""
QUERIES = """
embed([{query!r}])
began = time.process_time()
for _ in range(300): embed([{query!r}])
print((time.process_time() - began) / 300 * 1000)
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder, "encoder.onnx")
        _export(model)
        ways = {
            "words, numpy": NUMPY.format(encoder="words"),
            "static, numpy": NUMPY.format(encoder="static"),
            "lstm, numpy": NUMPY.format(encoder="lstm"),
            "lstm, ONNX Runtime": ONNX.format(model=str(model)),
        }
        for name, code in ways.items():
            first = min(cold(f"{code}\nembed([{QUERY!r}])") for _ in range(TIMES))
            then = min(printed(code + QUERIES.format(query=QUERY)) for _ in range(3))
            print(f"{name}: cold {first:.2f} CPU s, then {then:.2f} ms a query")
    for name in ("words", "lstm", "static"):
        _throughput(name)


def _export(path: Path) -> None:
    import warnings

    import torch

    from retrieve.models.text_encoder import TextEncoder
    from retrieve.text.encoders import file as encoder_file
    from retrieve.text.encoders.encode import shipped

    file = encoder_file.read(shipped("encoder"))
    rows, dim = file.arrays["embeddings"].shape
    model = TextEncoder(rows, dim, file.arrays["lstm.weight_hh_l0"].shape[1])
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.copy_(torch.from_numpy(file.decoded(name)))
    model.forward = model.pooled  # type: ignore[method-assign, assignment]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model.eval(),
            (torch.zeros(1, 12, dim), torch.zeros(1, 12)),
            path,
            dynamo=False,
            input_names=["words", "weights"],
            dynamic_axes={"words": {1: "t"}, "weights": {1: "t"}},
        )


def cold(code: str) -> float:
    """CPU seconds of a new process that runs it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def printed(code: str) -> float:
    """The number that it prints in a new process."""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return float(done.stdout)


def _throughput(name: str) -> None:
    from retrieve.text.encoders.encode import open_text_encoder

    encoder = open_text_encoder(name)
    texts = passages()
    encoder.embed(texts)
    began = time.process_time()
    for _ in range(TIMES):
        encoder.embed(texts)
    speed = TIMES * len(texts) / (time.process_time() - began)
    print(f"{name}: {speed:,.0f} passages of {WORDS} words a CPU second")


def passages() -> list[str]:
    """The sample archive, one text after the other, cut into passages of one length."""
    texts = [one.text for one in documents(DOCS.read_text("utf-8").splitlines())]
    words = " ".join(texts).split()
    return [" ".join(words[i : i + WORDS]) for i in range(0, len(words) - WORDS, WORDS)]


if __name__ == "__main__":
    main()
