# Asked of an interpreter: what it is, what it accepts, and where it keeps things. The answer is one line of JSON.
import glob
import json
import os
import platform
import re
import struct
import subprocess
import sys
import sysconfig


def libc():
    try:
        name, version = os.confstr("CS_GNU_LIBC_VERSION").rsplit(" ", 1)
        return [name, *(int(part) for part in version.split(".")[:2])]
    except (AttributeError, OSError, ValueError, TypeError):
        pass
    for loader in sorted(glob.glob("/lib/ld-musl-*.so.1")):
        said = subprocess.run([loader], stderr=subprocess.PIPE, check=False).stderr.decode("utf-8", "replace")
        found = re.search(r"Version (\d+)\.(\d+)", said)
        if "musl" in said and found:
            return ["musl", int(found.group(1)), int(found.group(2))]
    return None


def full(info):
    version = "%d.%d.%d" % info[:3]
    return version if info.releaselevel == "final" else version + info.releaselevel[0] + str(info.serial)


def marker(folder):
    path = os.path.join(folder or "", "EXTERNALLY-MANAGED")
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(4096)
    except OSError:
        return None


# Virtual environments have a layout of their own, whatever the interpreter they were made from does (Debian's differs).
is_virtual = sys.prefix != sys.base_prefix
scheme = sysconfig.get_default_scheme() if hasattr(sysconfig, "get_default_scheme") else sysconfig._get_default_scheme()
if is_virtual:
    wanted = "venv" if "venv" in sysconfig.get_scheme_names() else "nt" if os.name == "nt" else "posix_prefix"
    scheme = wanted if not sys.version_info < (3, 10) or os.name == "nt" else "posix_prefix"
paths = sysconfig.get_paths(scheme)
series = "python%d.%d" % sys.version_info[:2]
print(json.dumps({
    "executable": sys.executable,
    "base_executable": getattr(sys, "_base_executable", None) or sys.executable,
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
    "externally_managed": None if is_virtual else marker(sysconfig.get_path("stdlib")),
    "scheme": {
        "purelib": paths["purelib"],
        "platlib": paths["platlib"],
        "scripts": paths["scripts"],
        "data": paths["data"],
        "include": os.path.join(sys.prefix, "include", "site", series) if is_virtual else paths["include"],
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
        "python_version": "%d.%d" % sys.version_info[:2],
        "sys_platform": sys.platform,
    },
}))
