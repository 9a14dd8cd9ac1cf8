"""Commands under strace in a network of their own: sockets, and files opened for writing."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

# A question mark before a call that not every architecture has.
_MAKING = (
    "?open,?creat,openat,?openat2,?mkdir,mkdirat,?mknod,mknodat,?symlink,symlinkat,"
    "?link,linkat,?rename,?renameat,?renameat2"
)
# A file a process, so that no line is cut in two; -y names the folder that a path is relative to.
_NAMESPACE = ["unshare", "--map-root-user", "--net"]
_STRACE = ["strace", "-ff", "-y", "-qq", "-s4096", "--seccomp-bpf", f"--trace=network,{_MAKING}"]
_CALL = re.compile(r"(?P<name>\w+)\((?P<arguments>.*)\)\s+= (?P<result>-?\d+|0x[0-9a-f]+)")
# A path as an argument, after its folder if the call has one.
_PATH = re.compile(r'(?:\w+<(?P<folder>[^>]*)>, )?"(?P<path>[^"]*)"')
_FAMILY = re.compile(r"socket\((AF_\w+)")
_REACHING = re.compile(r"(?:bind|connect|sendto|sendmsg|sendmmsg)\(.*AF_INET")
_PROBE = re.compile(r'bind\(.*htons\(0\).*"::1"')


@cache
def why_not() -> str | None:
    """Why nothing can be traced on this machine, or None."""
    if missing := [tool for tool in ("unshare", "strace") if shutil.which(tool) is None]:
        return f"needs {' and '.join(missing)}"
    with TemporaryDirectory() as folder:
        command = traced(["true"], Path(folder, "trace"))
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"not permitted here: {done.stderr.strip()}"


def traced(command: list[str], trace: Path) -> list[str]:
    """What to run for `command` to have no network, and files `trace`.PID that say what it did."""
    return [*_NAMESPACE, *_STRACE, "-o", str(trace), *command]


def families(trace: Path) -> set[str]:
    """The families of all sockets that were asked for, had or not: AF_UNIX, AF_INET."""
    return {match[1] for line in _lines(trace) if (match := _FAMILY.match(line))}


def reached(trace: Path) -> set[str]:
    """The calls that give an internet socket an address, near or far, but for a port of this very
    machine that is taken to see whether it has IPv6: urllib3 does so when it is imported.
    """
    lines = _lines(trace)
    return {line for line in lines if _REACHING.match(line) and not _PROBE.match(line)}


def made(trace: Path, cwd: Path) -> set[Path]:
    """The files and folders that were opened for writing, made, linked or renamed.

    cwd  where the command ran; its processes stay there
    """
    found: set[Path] = set()
    for line in _lines(trace):
        call = _CALL.match(line)
        if call is None or call["result"] == "-1" or not _makes(call["name"], call["arguments"]):
            continue
        new = list(_PATH.finditer(call["arguments"]))[-1]  # what is linked or renamed comes before
        found.add(Path(cwd, new["folder"] or "", new["path"]))
    return found


def _makes(name: str, arguments: str) -> bool:
    if name in {"open", "openat", "openat2"}:
        return bool(re.search(r"\bO_(WRONLY|RDWR|CREAT|TRUNC)\b", arguments))
    return name in {part.strip("?") for part in _MAKING.split(",")}


def _lines(trace: Path) -> list[str]:
    files = sorted(trace.parent.glob(f"{trace.name}.*"))
    return [line for file in files for line in file.read_text("utf-8", "replace").splitlines()]
