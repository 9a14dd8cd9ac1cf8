"""python -m docs.draw [NAME...]: draw all pictures of the documentation anew, or some of them.

What `retrieve --help` prints is drawn by its names only: screen-help-60-dark, …; and so are the
pages of `retrieve serve`, which take a browser: pages-search, …
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch

from docs.draw.every import PICTURES
from docs.draw.pages import PAGES
from docs.draw.screens import KEPT, SCREENS

EVERY = PICTURES | SCREENS | PAGES
FOLDER = Path(__file__).parents[1] / "pictures"

parser = argparse.ArgumentParser(prog="python -m docs.draw", description=__doc__)
parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(EVERY)}")
parser.add_argument("--out", type=Path, default=FOLDER, help="folder to draw into")
arguments = parser.parse_args()
if unknown := set(arguments.names) - set(EVERY):
    parser.error(f"no picture is called {', '.join(sorted(unknown))}")
torch.set_num_threads(1)
for name in arguments.names or [*PICTURES, *KEPT]:
    start = time.process_time()
    out = arguments.out / f"{name}.{'svg' if name in SCREENS else 'png'}"
    EVERY[name](out)
    size_kb, spent_s = out.stat().st_size / 1000, time.process_time() - start
    print(f"{out.name}: {size_kb:.0f} KB, {spent_s:.1f} CPU s")
