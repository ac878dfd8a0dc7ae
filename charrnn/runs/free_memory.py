"""How much memory this program may still take, on its machine, in its container, under its limits.

Knows nothing of what for.
"""

import math
import os
import re
from pathlib import Path


def free_bytes() -> float:
    """The memory that this program may still take; where there is no telling, the allocation itself fails."""
    return min(_free_of_machine(), _free_of_group(), _free_of_process())


def _free_of_machine() -> float:
    """What the system can give: on Linux it says so, elsewhere at most all that there is."""
    try:
        said = Path("/proc/meminfo").read_text(encoding="ascii")
        return 1024.0 * int(re.findall(r"^MemAvailable: +([0-9]+) kB", said, re.MULTILINE)[0])
    except (OSError, IndexError):
        return (
            os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else math.inf
        )


def _free_of_group() -> float:
    """What the control groups leave that the process is in, as containers have them; of both versions."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return math.inf
    free = math.inf
    for line in lines:
        _, kinds, inside = line.split(":", 2)
        version = _GROUPS.get(kinds)
        if version is not None:
            root, limit, used = version
            place = root / inside.lstrip("/")
            folders = [folder for folder in (place, *place.parents) if folder.is_relative_to(root)]
            free = min([free, *(_left(folder / limit, folder / used) for folder in folders)])
    return free


_GROUPS = {
    "": (Path("/sys/fs/cgroup"), "memory.max", "memory.current"),
    "memory": (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.usage_in_bytes"),
}


def _left(limit: Path, used: Path) -> float:
    """What a control group has left: all it may have, but for what its programs hold and cannot give back."""
    try:
        most = int(limit.read_text(encoding="ascii"))
        taken = int(used.read_text(encoding="ascii"))
        stat = used.with_name("memory.stat").read_text(encoding="ascii")
        cached = re.findall("^(?:total_)?inactive_file ([0-9]+)$", stat, re.MULTILINE)
        return most - taken + int(cached[-1] if cached else 0)
    except (OSError, ValueError):  # no limit is the word max
        return math.inf


def _free_of_process() -> float:
    """What the limit of its address space (`ulimit -v`) leaves."""
    try:
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (ImportError, OSError):
        return math.inf
    return math.inf if limit == resource.RLIM_INFINITY else limit - pages * resource.getpagesize()
