"""Things → vectors: photographs and texts become embeddings. No index, no printing."""

import os

# From 1.32 on, onnxruntime keeps a queue of events about the machine in the user's cache
# and sends it to its vendor, as soon as it is imported. It reads this once, at that
# import; every process of ours passes here before, the fork server's preload too.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
