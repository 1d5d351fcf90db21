"""The other supervisors in a virtual environment of their own, kept in the user's cache between runs.

supervisord's package has the name of ours, so they never share an environment, nor a folder to start in.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

PINS = ("supervisor==4.3.0", "circus==0.19.0", "psutil==7.2.2", "pyzmq==27.3.0", "tornado==6.6.1")


class PeersError(Exception):
    """They cannot be installed; says why in one line."""


def version(name: str) -> str:
    """Give the pinned version of a package."""
    return next(pin.partition("==")[2] for pin in PINS if pin.startswith(f"{name}=="))


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Give the folder for what may be kept from run to run."""
    base = environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(base) / "notifier-bench"


def environment_of(cache: Path, python: str, pins: Sequence[str] = PINS) -> Path:
    """Give the folder of the environment that has these pins: another for other pins, or another Python."""
    mark = hashlib.sha256("\n".join((python, *pins)).encode()).hexdigest()[:12]
    return cache / f"peers-{mark}"


def python_of_peers(environ: Mapping[str, str] = os.environ) -> Path:
    """Give the interpreter that has the peers, installing them at the first call. Raises PeersError."""
    home = environment_of(cache_folder(environ), f"{sys.executable} {platform.python_version()}")
    if not home.exists():
        try:
            _install(home)
        except OSError as error:
            raise PeersError(f"{home}: {error.strerror}") from None
    return home / "bin" / "python"


def _install(home: Path) -> None:
    """Make the environment aside and put it in its place whole: half an installation is never found."""
    print("bench: installing " + " ".join(PINS[:2]), file=sys.stderr)  # noqa: T201 – it may take a minute
    home.parent.mkdir(parents=True, exist_ok=True)
    aside = home.with_name(f".{home.name}.{os.getpid()}")
    try:
        _command([sys.executable, "-m", "venv", str(aside)])
        pip = [str(aside / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _command([*pip, "--retries", "1", "--timeout", "20", *PINS])
        aside.rename(home)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _command(argv: list[str]) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603 – venv and pip, pinned
    if done.returncode:
        raise PeersError(reason_of(done.stderr or done.stdout, done.returncode))


def reason_of(said: str, code: int) -> str:
    """Give pip's last word on what was wrong, in one line."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")] or lines
    return errors[-1] if errors else f"exit {code}"
