"""A Ray cluster on this machine for tests: the head, and nodes beside it that can be killed.

    with raylets.cluster() as nodes:
        nodes.kill(1)

Each node is in a network namespace of its own where that is permitted, else at an address of its
own of the loopback; the head, node 0, is where the tests are. All is begun by a process of its own,
which ends all when whoever asked for it is gone, in whatever way: its stdin is closed then.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent
MARK = "RETRIEVE_TEST_NODE"  # in the environment of all processes of a node
BEGIN_S = 600  # that a cluster may take to be there
STORE_BYTES = 80_000_000
LOOK_S = 0.25  # between two looks at what the processor was taken for
# A node that is gone is noticed in a second and not in a minute.
HEALTH = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "3",
}


@dataclass(frozen=True)
class Nodes:
    """The cluster, while it is there.

    environment  of who joins it
    separate     whether each node is in a network namespace of its own
    """

    environment: dict[str, str]
    separate: bool
    _keeper: subprocess.Popen[str]

    def kill(self, node: int) -> int:
        """SIGKILL every process of a node; returns how many there were."""
        return int(self._said("kill", node))

    def start(self, node: int) -> None:
        """Begin a node that was killed again."""
        self._said("start", node)

    def cpu_s(self, node: int) -> float:
        """What its processes have taken of the processor, with those that have ended by then."""
        return float(self._said("cpu_s", node))

    def _said(self, *what: Any) -> Any:
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        print(json.dumps(what), file=self._keeper.stdin, flush=True)
        line = self._keeper.stdout.readline()
        assert line, "the process that keeps the cluster has ended"
        return json.loads(line)


@contextmanager
def cluster(nodes: int = 1, cores: int = 1) -> Iterator[Nodes]:
    """A head and so many nodes, each of so many cores."""
    keeper = subprocess.Popen(
        [sys.executable, __file__, str(nodes), str(cores)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is no matter of its own
    )
    try:
        assert keeper.stdout is not None
        line = keeper.stdout.readline()
        assert line, "no Ray cluster could be begun"
        said = json.loads(line)
        yield Nodes(said["environment"], said["separate"], keeper)
    finally:
        assert keeper.stdin is not None
        keeper.stdin.close()
        keeper.wait()


class _Keeper:
    """Begins all, and ends all."""

    def __init__(self, nodes: int, cores: int) -> None:
        self.mark = f"{os.getpid()}-{secrets.token_hex(4)}"
        self.cores = cores
        self.folder = Path(tempfile.mkdtemp(prefix="rr", dir="/tmp"))  # short: sockets lie in it
        self.net = f"10.{os.getpid() % 200 + 20}.{secrets.randbelow(250)}"
        self.names = [f"rr{os.getpid()}-{node}" for node in range(1, nodes + 1)]
        self.separate = False
        self.token = secrets.token_hex(16)
        self.ticks: dict[int, dict[int, int]] = {}  # of the processor, by node and process

    def begin(self) -> dict[str, Any]:
        self.separate = self._namespaces()
        head = f"{self.net}.254" if self.separate else "127.0.0.2"
        port = free_port(head)
        paths = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]  # errands.py
        self.environment = {
            "RAY_ADDRESS": f"{head}:{port}",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": self.token,
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        }
        self._start(
            0,
            *("--head", "--port", str(port), "--node-ip-address", head),
            *("--include-dashboard", "false", "--temp-dir", str(self.folder)),
        )
        with ThreadPoolExecutor() as threads:
            list(threads.map(self.start, range(1, len(self.names) + 1)))
        said = {name: value for name, value in self.environment.items() if name != "PYTHONPATH"}
        return {"environment": said, "separate": self.separate}

    def start(self, node: int) -> None:
        address = f"{self.net}.{node}" if self.separate else f"127.0.0.{node + 2}"
        self._start(
            node,
            *("--address", self.environment["RAY_ADDRESS"], "--node-ip-address", address),
        )

    def kill(self, node: int) -> int:
        """Until none is left: one that dies may just have begun another."""
        killed: set[int] = set()
        while found := self._processes(node):
            for process in found:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            killed |= found
            time.sleep(0.01)
        return len(killed)

    def cpu_s(self, node: int) -> float:
        """Ray waits for none of its workers, so their time has to be read while they live."""
        if not self.ticks:
            threading.Thread(target=self._look_on, daemon=True).start()
        self._look()
        return sum(self.ticks[node].values()) / os.sysconf("SC_CLK_TCK")

    def _look_on(self) -> None:
        while True:
            time.sleep(LOOK_S)
            self._look()

    def _look(self) -> None:
        for node in range(len(self.names) + 1):
            ticks = self.ticks.setdefault(node, {})
            for process in self._processes(node):
                with suppress(OSError):
                    status = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
                    ticks[process] = int(status[11]) + int(status[12])

    def end(self) -> None:
        for node in range(len(self.names) + 1):
            self.kill(node)
        for name in self.names:
            _run("ip", "netns", "delete", name)
        _run("ip", "link", "delete", f"rr{os.getpid()}")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self, node: int, *options: str) -> None:
        within = ("ip", "netns", "exec", self.names[node - 1]) if node and self.separate else ()
        done = subprocess.run(
            [
                *within,
                *(str(BIN / "ray"), "start", *options, "--object-store-memory", str(STORE_BYTES)),
                *("--num-cpus", str(self.cores), "--include-log-monitor", "false"),
                *("--disable-usage-stats", "--no-monitor"),  # of logs, and for starting machines
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=BEGIN_S,
            env=os.environ | HEALTH | self.environment | {MARK: f"{self.mark}-{node}"},
        )
        if done.returncode:
            raise RuntimeError(done.stdout)

    def _namespaces(self) -> bool:
        """Whether a bridge and a namespace for each node could be made."""
        bridge = f"rr{os.getpid()}"
        steps = [
            ("ip", "link", "add", bridge, "type", "bridge"),
            ("ip", "addr", "add", f"{self.net}.254/24", "dev", bridge),
            ("ip", "link", "set", bridge, "up"),
        ]
        for node, name in enumerate(self.names, 1):
            end = ("type", "veth", "peer", "name", "eth0", "netns", name)
            steps += [
                ("ip", "netns", "add", name),
                ("ip", "link", "add", name, *end),
                ("ip", "link", "set", name, "master", bridge, "up"),
                ("ip", "-n", name, "addr", "add", f"{self.net}.{node}/24", "dev", "eth0"),
                ("ip", "-n", name, "link", "set", "eth0", "up"),
                ("ip", "-n", name, "link", "set", "lo", "up"),
            ]
        return all(_run(*step) for step in steps)

    def _processes(self, node: int) -> set[int]:
        """Those that have the mark, all that these began, who may have written over theirs to have
        another title, and all in the namespace.
        """
        sought = f"{MARK}={self.mark}-{node}".encode()
        found: set[int] = set()
        begun: dict[int, list[int]] = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                with suppress(OSError):
                    state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
                    begun.setdefault(int(parent), []).append(int(folder.name))
                    if state != "Z" and sought in (folder / "environ").read_bytes().split(b"\0"):
                        found.add(int(folder.name))
        more = list(found)
        while more:
            children = [one for one in begun.get(more.pop(), ()) if one not in found]
            found.update(children)
            more += children
        if node and self.separate:
            name = self.names[node - 1]
            within = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True)
            found.update(map(int, within.stdout.split()))
        return found


def _run(*command: str) -> bool:
    with suppress(OSError):
        return subprocess.run(command, capture_output=True).returncode == 0
    return False


def free_port(host: str) -> int:
    """One that nobody listens at."""
    with socket.socket() as taken:
        taken.bind((host, 0))
        return int(taken.getsockname()[1])


def wait_for(host: str, port: int) -> None:
    """Until somebody listens there."""
    until = time.monotonic() + BEGIN_S
    while True:
        try:
            socket.create_connection((host, port), 1).close()
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.05)
        else:
            return


def _tell(what: Any) -> None:
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


def main() -> None:
    """Keep a cluster until stdin is closed; a line there is what to do with a node."""
    keeper = _Keeper(int(sys.argv[1]), int(sys.argv[2]))
    try:
        _tell(keeper.begin())
        for line in sys.stdin:
            what, node = json.loads(line)
            _tell(getattr(keeper, what)(node))
    finally:
        keeper.end()


if __name__ == "__main__":
    main()
