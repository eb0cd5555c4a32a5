"""Under ``python -m tulipa`` the processes that multiprocessing makes run on tulipa too, however they are started.

A forked child has the modules of its parent. One that is started anew ("spawn", "forkserver") gets its Process object
by pickle, and in it the settings that pass from parent to child: unpickling ours installs tulipa. That is
after the main module was imported there, and before the process's function is called.
"""

from multiprocessing import process

import tulipa

_NAME = "tulipa"


class Installer:
    """A setting that installs tulipa where it is unpickled, and passes on from there."""

    def __reduce__(self):
        return _install_here, ()


def install() -> None:
    """`tulipa.install()` for this process and for those that multiprocessing makes from now on."""
    tulipa.install()
    settings = getattr(process.current_process(), "_config", None)
    if isinstance(settings, dict):
        settings[_NAME] = Installer()


def _install_here():
    tulipa.install()
    return Installer()
