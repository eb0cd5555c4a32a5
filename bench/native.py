"""Compiles the C programs of the benchmark, once per source and compiler, into build/bench."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
from pathlib import Path

SOURCES = Path(__file__).resolve().parent / "c"
CACHE = SOURCES.parent.parent / "build" / "bench"
FLAGS = ("-O2", "-std=c11", "-Wall", "-Wextra")
OPENSSL = ("-lssl", "-lcrypto")
WIRED = ("load", "echo", "visits")                 # each exists bare, and as NAME_tls
PLAIN = ("crowd", "datagrams", "datagram_echo", "downloads", "send_file", "children", "store")

MORE = {"load": ("dialect.c",)}                     # sources that a program has beside its own

LIBRARIES = {"steady_clock": ("-shared", "-fPIC")}   # what is no program, and its flags

RECIPES: dict[str, tuple[str, ...]] = {            # program: its sources, then libraries
    **{name: (f"{name}.c", "measure.c") for name in PLAIN},
    **{name: (f"{name}.c", *MORE.get(name, ()), "measure.c", "wire_plain.c") for name in WIRED},
    **{f"{name}_tls": (f"{name}.c", *MORE.get(name, ()), "measure.c", "wire_tls.c", *OPENSSL) for name in WIRED},
    **{name: (f"{name}.c",) for name in LIBRARIES},
}


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


def _key(command: list[str], recipe: tuple[str, ...]) -> str:
    """Another one for each change of the sources, headers or flags."""
    files = sorted(SOURCES / part for part in recipe if part.endswith(".c")) + sorted(SOURCES.glob("*.h"))
    content = b"\0".join(path.read_bytes() for path in files)
    return hashlib.sha256(content + "\0".join([*command, *recipe]).encode()).hexdigest()[:12]


def _complaint(command: list[str], name: str, recipe: tuple[str, ...], output: str) -> str:
    if recipe[-len(OPENSSL):] == OPENSSL and ("openssl/" in output or OPENSSL[0] in output):
        return "needs OpenSSL's library with its headers (Debian: libssl-dev, Fedora: openssl-devel)"
    return f"{command[0]} could not compile {name}:\n{output.strip()}"


def program(name: str) -> Path:
    """The program or library called `name` in RECIPES, compiled first when it is new or changed. Raises NoCompiler."""
    recipe = RECIPES[name]
    command = [*compiler(), *FLAGS, *LIBRARIES.get(name, ())]
    binary = CACHE / f"{name}-{_key(command, recipe)}"
    if binary.exists():
        return binary
    CACHE.mkdir(parents=True, exist_ok=True)
    partial = binary.with_suffix(f".{os.getpid()}")    # renamed when complete: two runs may compile at once
    done = subprocess.run([*command, "-o", str(partial), *recipe], cwd=SOURCES, capture_output=True, text=True)
    if done.returncode != 0:
        raise NoCompiler(_complaint(command, name, recipe, done.stderr))
    partial.replace(binary)
    return binary
