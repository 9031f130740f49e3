"""Forks, and ends of the interpreter. Each in a process of its own."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest


def run(code: str, *, seconds: float = 30) -> str:
    """Runs a program in development mode; what it printed. It has to end well, and in time."""
    text = textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "ignore::DeprecationWarning", "-c", text],
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Fatal Python error" not in done.stderr
    assert "panicked" not in done.stderr
    return done.stdout


def test_the_end_of_the_interpreter_waits_for_nothing_that_hangs() -> None:
    run(
        """
        import time, stratheal
        monitor = stratheal.Monitor()
        monitor.check("hangs", interval="1h", timeout="200ms")(lambda: time.sleep(3600))
        monitor.check("busy", interval="100ms", timeout="50ms")(lambda: sum(range(1000)))
        @monitor.check("loop", interval="100ms", timeout="50ms")
        async def on_loop():
            import asyncio
            await asyncio.sleep(0)
        monitor.start()
        time.sleep(0.5)
        """,
        seconds=15,
    )


def test_an_end_in_the_middle_of_everything_does_no_harm() -> None:
    for number in range(10):
        run(
            f"""
            import sys, time, threading, stratheal
            monitor = stratheal.Monitor()
            for number in range(50):
                monitor.check(f"c{{number}}", interval="100ms", timeout="50ms")(lambda: 1)
            monitor.start()
            time.sleep(0.02 * {number})
            sys.exit(0)
            """
        )


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="there is no fork here")
def test_a_fork_begins_anew_and_the_parent_goes_on() -> None:
    told = run(
        """
        import os, stratheal
        monitor = stratheal.Monitor()
        monitor.check("pid", interval="1h", timeout="5s")(lambda: os.getpid())
        @monitor.check("loop", interval="1h", timeout="5s")
        async def on_loop():
            return os.getpid()
        monitor.start()
        assert monitor.run("pid").summary == str(os.getpid())
        for _ in range(5):
            child = os.fork()
            if child == 0:
                assert not monitor.running
                try:
                    monitor.snapshot()
                except stratheal.NotRunningError:
                    pass
                else:
                    raise AssertionError("it is the parent's")
                monitor.start()
                assert monitor.run("pid").summary == str(os.getpid())
                assert monitor.run("loop").summary == str(os.getpid())
                monitor.stop()
                os._exit(0)
            _, status = os.waitpid(child, 0)
            assert status == 0, status
            assert monitor.run("pid").summary == str(os.getpid())
            assert monitor.run("loop").summary == str(os.getpid())
        print("well")
        """
    )
    assert told == "well\n"


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="there is no fork here")
def test_forks_while_everything_runs_end_well() -> None:
    run(
        """
        import os, time, stratheal
        monitor = stratheal.Monitor()
        for number in range(20):
            monitor.check(f"c{number}", interval="100ms", timeout="50ms")(lambda: 1)
        monitor.start()
        for _ in range(50):
            child = os.fork()
            if child == 0:
                import sys
                sys.exit(0)
            assert os.waitpid(child, 0)[1] == 0
        """,
        seconds=60,
    )


def test_a_check_that_forks_and_ends_there_harms_nobody() -> None:
    run(
        """
        import os, stratheal
        def forks():
            child = os.fork()
            if child == 0:
                os._exit(7)
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        monitor = stratheal.Monitor()
        monitor.check("forks", interval="1h", timeout="5s")(forks)
        with monitor:
            for _ in range(20):
                assert monitor.run("forks").summary == "7"
        """
    )


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_of_multiprocessing_have_their_own(method: str, tmp_path: Path) -> None:
    file = tmp_path / "workers.py"
    file.write_text(
        textwrap.dedent(
            f"""
            import multiprocessing, os, stratheal
            monitor = stratheal.Monitor()
            @monitor.check("pid", interval="1h", timeout="10s")
            def pid():
                return os.getpid()
            def work(number):
                monitor.start()
                return monitor.run("pid").summary == str(os.getpid())
            if __name__ == "__main__":
                monitor.start()
                with multiprocessing.get_context("{method}").Pool(3) as pool:
                    assert all(pool.map(work, range(12)))
                assert work(0)
            """
        )
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", str(file)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_what_the_library_logs_goes_to_logging_and_no_handler_holds_it_up() -> None:
    told = run(
        """
        import logging, sys, time, stratheal
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s", stream=sys.stdout)
        class Busy(logging.Handler):
            def emit(self, record):
                monitor.snapshot()
                time.sleep(0.5)
        logging.getLogger("stratheal").addHandler(Busy())
        monitor = stratheal.Monitor()
        monitor.check("hangs", interval="1h", timeout="50ms")(lambda: time.sleep(0.2))
        monitor.check("well", interval="1h")(lambda: None)
        with monitor:
            monitor.run("hangs")
            assert monitor.run("well").outcome == "done"
            time.sleep(0.2)
        """
    )
    assert (
        "WARNING stratheal.dispatch its function hangs: the thread is written off until it returns check=hangs" in told
    )


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="there is no fork here")
def test_a_child_that_comes_back_from_a_check_does_not_go_on_as_the_parent() -> None:
    run(
        """
        import os, stratheal
        def forks():
            child = os.fork()
            if child:
                os.waitpid(child, 0)
            return "in the child this is nonsense" if child == 0 else 1
        monitor = stratheal.Monitor()
        monitor.check("forks", interval="1h", timeout="5s")(forks)
        monitor.check("other", interval="1h", timeout="5s")(lambda: 2)
        with monitor:
            for _ in range(20):
                assert monitor.run("forks").summary == "1"
                assert monitor.run("other").summary == "2"
        """
    )


def test_text_is_made_of_exceptions_where_that_harms_nobody_at_the_end() -> None:
    for _ in range(5):
        run(
            """
            import time, stratheal
            class SlowError(Exception):
                def __str__(self):
                    time.sleep(0.3)
                    return "slow"
            class Number:
                def __float__(self):
                    time.sleep(0.3)
                    return 1.0
            def raises():
                raise SlowError
            monitor = stratheal.Monitor()
            monitor.check("raises", interval="100ms", timeout="90ms")(raises)
            monitor.check("number", interval="100ms", timeout="90ms")(Number)
            monitor.start()
            time.sleep(0.15)
            """
        )


def test_a_sub_interpreter_is_refused() -> None:
    told = run(
        """
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters
        import stratheal
        code = """
        + repr("try:\n import stratheal\nexcept ImportError as error:\n print(error)")
        + """
        interpreters.run_string(interpreters.create(), code)
        """
    )
    # Newer interpreters say it themselves.
    assert "sub-interpreter" in told or "subinterpreter" in told


def test_asyncio_is_imported_when_it_is_needed() -> None:
    told = run("import sys, stratheal; stratheal.Monitor(); print('asyncio' in sys.modules, 'inspect' in sys.modules)")
    assert told.split()[0] == "False"
