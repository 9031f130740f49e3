"""Nothing grows over many cycles. `STRATHEAL_CYCLES=10000` is the long run; `pytest -rP` tells what is held."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cycles import SUBJECTS
from held import FEW, Held

CYCLES = int(os.environ.get("STRATHEAL_CYCLES", "100"))
MIB = 1024 * 1024


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="what a process holds is read from /proc")
@pytest.mark.parametrize("subject", SUBJECTS)
def test_many_cycles_leave_nothing_behind(subject: str) -> None:
    program = Path(__file__).with_name("cycles.py")
    done = subprocess.run(
        [sys.executable, "-W", "error", program, subject, str(CYCLES)],
        # Arenas of the allocator, one for each of many threads, would hide what is lost in what is free.
        env={**os.environ, "MALLOC_ARENA_MAX": "1"},
        capture_output=True,
        text=True,
        timeout=60 + CYCLES,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    told = json.loads(done.stdout)
    before, after = Held(**told["before"]), Held(**told["after"])
    print(f"{CYCLES} cycles in {told['seconds']} s\n{before}\n{after}")
    # None of these bounds grows with the cycles: what leaks a little each time is found by the long run at the latest.
    assert after.descriptors == before.descriptors
    assert after.ours <= before.ours + 8
    assert after.objects <= before.objects + 64
    # The interpreter's cache of attributes keeps up to some thousand names.
    assert after.traced <= before.traced + MIB // 2
    assert after.threads <= FEW
    # Pages that are free are not all given back, and few cycles do not warm up a database.
    assert after.resident <= before.resident + 48 * MIB
