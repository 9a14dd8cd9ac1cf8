"""The command line: parse, call one function, render one result."""

import os

# Threads of BLAS cost .1 CPU s to start and gain nothing: no command multiplies large
# matrices. Has to stand here, before anything imports numpy.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Typer's pydantic would read the metadata of every installed package, .02 CPU s, for plugins.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
