"""python -m retrieve.cli: the `retrieve` command."""

from retrieve.cli.app import main

main()
