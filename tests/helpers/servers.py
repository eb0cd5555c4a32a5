"""A real PostgreSQL or Redis for the tests, where one is installed: on a UNIX socket, with data that nobody keeps."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

PATIENCE = 60  # seconds; only ever used up by a server that does not start


def find_postgres():
    """The directory of the newest PostgreSQL's programs, or None."""
    found = shutil.which("initdb")
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    places += [Path(found).parent] if found else []
    return next((place for place in reversed(places) if (place / "initdb").exists()), None)


@contextlib.contextmanager
def postgres(directory):
    """A PostgreSQL with its data in the directory; gives the directory of its socket. None where it can't be."""
    programs = find_postgres()
    account = _account()
    if programs is None or account is None:
        yield None
        return
    data = directory / "data"
    if account:
        shutil.chown(directory, account["user"])
    initdb = [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
    subprocess.run(initdb, check=True, capture_output=True, cwd=directory, **account)
    serve = [programs / "postgres", "-D", data, "-k", directory, "-c", "listen_addresses=", "-F"]
    # SIGINT has it end its sessions and stop at once, SIGTERM would wait for them.
    with _running(serve, directory / ".s.PGSQL.5432", signal.SIGINT, directory, account):
        yield directory


@contextlib.contextmanager
def redis(directory):
    """A Redis (or Valkey); gives the path of its socket. None where there is none."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        yield None
        return
    path = directory / "socket"
    serve = [program, "--port", "0", "--unixsocket", path, "--save", "", "--dir", directory]
    with _running(serve, path, signal.SIGTERM, directory, {}):
        yield path


def _account():
    """As whom PostgreSQL runs, which refuses to run as root: arguments for subprocess, or None."""
    if os.getuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": []}
    return None


@contextlib.contextmanager
def _running(serve, path, stop, directory, account):
    with open(directory / "log", "wb") as log:
        # A session of its own: Ctrl-C is for the tests, which then stop the server.
        server = subprocess.Popen(
            serve, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=directory, start_new_session=True, **account
        )
    try:
        _wait_for(path, server, directory / "log")
        yield
    finally:
        server.send_signal(stop)
        server.wait(PATIENCE)


def _wait_for(path, server, log):
    """Until it takes connections."""
    deadline = time.monotonic() + PATIENCE
    while True:
        with socket.socket(socket.AF_UNIX) as client:
            if client.connect_ex(str(path)) == 0:
                return
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{server.args[0]} does not start: {log.read_text(errors='replace')}")
        time.sleep(0.02)
