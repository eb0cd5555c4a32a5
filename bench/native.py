"""Compiles the C programs of the benchmark, once per source and compiler, into build/bench."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
from pathlib import Path

SOURCES = Path(__file__).resolve().parent
CACHE = SOURCES.parent / "build" / "bench"
FLAGS = ("-O2", "-std=c11", "-Wall", "-Wextra")


class NoCompiler(Exception):
    """There is no C compiler, or it refuses the source; the message says what to do."""


def compiler() -> list[str]:
    """The command of the C compiler: $CC, else cc, gcc or clang. Raises NoCompiler."""
    named = shlex.split(os.environ.get("CC", ""))
    candidates = [named] if named else [["cc"], ["gcc"], ["clang"]]
    for command in candidates:
        if shutil.which(command[0]):
            return command
    tried = ", ".join(command[0] for command in candidates)
    raise NoCompiler(f"the load generator is written in C and no compiler was found (tried: {tried}); "
                     "install gcc or clang, or set CC")


def program(name: str) -> Path:
    """The compiled `name`.c, compiling it first when it is new or changed. Raises NoCompiler."""
    command = [*compiler(), *FLAGS]
    source = SOURCES / f"{name}.c"
    key = hashlib.sha256(source.read_bytes() + "\0".join(command).encode()).hexdigest()[:12]
    binary = CACHE / f"{name}-{key}"
    if binary.exists():
        return binary
    CACHE.mkdir(parents=True, exist_ok=True)
    partial = binary.with_suffix(f".{os.getpid()}")    # renamed when complete: two runs may compile at once
    done = subprocess.run([*command, "-o", str(partial), str(source)], capture_output=True, text=True)
    if done.returncode != 0:
        raise NoCompiler(f"{command[0]} could not compile {source.name}:\n{done.stderr.strip()}")
    partial.replace(binary)
    return binary
