"""What a cluster costs beside one collection: python -m benchmarks.cluster PART ..."""

from __future__ import annotations

import argparse

from benchmarks.cluster import fanout, load, people, replicas, texts, throughput

PARTS = {
    "fanout": fanout,
    "load": load,
    "people": people,
    "replicas": replicas,
    "throughput": throughput,
    "texts": texts,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parts = parser.add_subparsers(dest="part", required=True)
    for name, part in PARTS.items():
        part.options(parts.add_parser(name, help=str(part.__doc__).splitlines()[0]))
    options = parser.parse_args()
    PARTS[options.part].run(options)


if __name__ == "__main__":
    main()
