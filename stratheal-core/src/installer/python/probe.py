"""Asked of an interpreter: what it is, what it accepts, and where it keeps things. The answer is one line of JSON.

Nothing newer than Python 3.8 is used, so that an interpreter that is too old can still say so.
"""

from __future__ import annotations

import json
import os
import platform
import re
import struct
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

# Virtual environments have a layout of their own, whatever the interpreter they were made from does (Debian's differs).
IS_VIRTUAL = sys.prefix != sys.base_prefix


def libc() -> list[str | int] | None:
    """Returns the C library's name and version, as far as wheels care."""
    try:
        name, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").rsplit(" ", 1)
        return [name, *(int(part) for part in version.split(".")[:2])]
    except (AttributeError, OSError, ValueError):
        pass
    for loader in sorted(Path("/lib").glob("ld-musl-*.so.1")):
        ran = subprocess.run([str(loader)], stderr=subprocess.PIPE, check=False)  # noqa: S603 (the system's own loader)
        said = ran.stderr.decode("utf-8", "replace")
        found = re.search(r"Version (\d+)\.(\d+)", said)
        if "musl" in said and found:
            return ["musl", int(found.group(1)), int(found.group(2))]
    return None


def full(info: Any) -> str:  # noqa: ANN401 (two kinds of version info)
    """Returns a version as `python_full_version` has it."""
    version = ".".join(str(part) for part in info[:3])
    return version if info.releaselevel == "final" else version + info.releaselevel[0] + str(info.serial)


def externally_managed(stdlib: str) -> str | None:
    """Returns what an EXTERNALLY-MANAGED file says (PEP 668)."""
    try:
        with (Path(stdlib) / "EXTERNALLY-MANAGED").open(encoding="utf-8", errors="replace") as file:
            return file.read(4096)
    except OSError:
        return None


def base_executable() -> str:
    """Returns the interpreter that this one was made from. CPython before 3.11 does not know that on Unix."""
    known = getattr(sys, "_base_executable", None) or sys.executable
    if not IS_VIRTUAL or os.name == "nt" or known != sys.executable:
        return str(known)
    folder = Path(sys.base_prefix) / "bin"
    names = ("python" + ".".join(str(part) for part in sys.version_info[:2]), "python3", "python")
    there = [str(folder / name) for name in names if (folder / name).is_file()]
    return there[0] if there else str(Path(sys.executable).resolve())


def scheme_name() -> str:
    """Returns the name of the installation scheme that wheels go by here."""
    if IS_VIRTUAL and os.name != "nt":
        return "venv" if "venv" in sysconfig.get_scheme_names() else "posix_prefix"
    if IS_VIRTUAL:
        return "venv" if "venv" in sysconfig.get_scheme_names() else "nt"
    default = getattr(sysconfig, "get_default_scheme", None) or getattr(sysconfig, "_get_default_scheme")  # noqa: B009
    return str(default())


def answer() -> dict[str, Any]:
    """Returns everything that is asked."""
    paths = sysconfig.get_paths(scheme_name())
    series = ".".join(str(part) for part in sys.version_info[:2])
    site_include = os.path.join(sys.prefix, "include", "site", "python" + series)  # noqa: PTH118 (Path would normalise)
    return {
        "executable": sys.executable,
        "base_executable": base_executable(),
        "version": list(sys.version_info[:3]),
        "prefix": sys.prefix,
        "base_prefix": sys.base_prefix,
        "platform": sysconfig.get_platform(),
        "platlibdir": getattr(sys, "platlibdir", "lib"),
        "pointer_bits": struct.calcsize("P") * 8,
        "libc": libc(),
        "is_debug": hasattr(sys, "gettotalrefcount"),
        "is_free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "extension_suffix": sysconfig.get_config_var("EXT_SUFFIX"),
        "cache_tag": sys.implementation.cache_tag,
        "stdlib": paths["stdlib"],
        "externally_managed": None if IS_VIRTUAL else externally_managed(sysconfig.get_path("stdlib")),
        "scheme": {
            "purelib": paths["purelib"],
            "platlib": paths["platlib"],
            "scripts": paths["scripts"],
            "data": paths["data"],
            "include": site_include if IS_VIRTUAL else paths["include"],
        },
        "markers": {
            "implementation_name": sys.implementation.name,
            "implementation_version": full(sys.implementation.version),
            "os_name": os.name,
            "platform_machine": platform.machine(),
            "platform_python_implementation": platform.python_implementation(),
            "platform_release": platform.release(),
            "platform_system": platform.system(),
            "platform_version": platform.version(),
            "python_full_version": full(sys.version_info),
            "python_version": series,
            "sys_platform": sys.platform,
        },
    }


print(json.dumps(answer()))
