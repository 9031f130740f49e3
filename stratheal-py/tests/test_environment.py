"""Environments: installed, verified, repaired, locked and taken back, from an index on loopback."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from index import Index, served

import stratheal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def index() -> Iterator[Index]:
    with served() as index:
        index.add("alpha", "1.0")
        index.add("alpha", "2.0", size=300_000)
        index.add("beta", "1.0", requires=["alpha>=1"])
        yield index


@pytest.fixture
def options(tmp_path: Path, index: Index, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Where everything of a test is; nothing of the user is touched."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "user-state"))
    monkeypatch.chdir(tmp_path)
    return {
        "base": sys.executable,
        "index": index.url,
        "cache_dir": tmp_path / "cache",
        "state_dir": tmp_path / "state",
    }


@pytest.fixture
def environment(tmp_path: Path, options: dict[str, Any]) -> stratheal.Environment:
    return stratheal.Environment(tmp_path / ".venv", **options)


def package(environment: stratheal.Environment, name: str) -> Path:
    return next(Path(environment.path).glob(f"lib/python3*/site-packages/{name}/__init__.py"))


def imported(environment: stratheal.Environment, name: str) -> str:
    program = f"import {name}; print({name}.VERSION)"
    command = [str(Path(environment.path) / "bin/python"), "-c", program]
    said: str = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return said.strip()


def test_an_environment_is_made_changed_and_left_alone(environment: stratheal.Environment, tmp_path: Path) -> None:
    made = environment.install("alpha==1.0")
    assert (made.changed, made.how, made.environment) == (True, "created", str(tmp_path / ".venv"))
    assert [tuple(change) for change in made.changes] == [("alpha", "install", None, "1.0")]
    assert imported(environment, "alpha") == "1.0"
    changed = environment.install("beta", "alpha==2.0")
    assert sorted(changed.changes) == [("alpha", "replace", "1.0", "2.0"), ("beta", "install", None, "1.0")]
    assert changed.how == "exchanged"
    again = environment.install("beta", "alpha==2.0")
    assert (again.changed, again.changes, again.how) == (False, [], None)
    gone = environment.uninstall("beta", "gamma")
    assert gone.changes == [("beta", "remove", "1.0", None)]
    assert gone.notes == ["gamma is not installed"]
    assert imported(environment, "alpha") == "2.0"


def test_a_plan_says_what_would_be_done_and_does_nothing(environment: stratheal.Environment) -> None:
    planned = environment.install("alpha==2.0", plan=True)
    assert planned.changes == [("alpha", "install", None, "2.0")]
    assert not planned.changed
    assert not Path(environment.path).exists()


def test_requirements_come_from_files_and_from_the_configuration(
    options: dict[str, Any], tmp_path: Path, index: Index
) -> None:
    (tmp_path / "requirements.txt").write_text("alpha==1.0\n")
    settings = f'[project]\nenvironment = ".venv"\nrequirements = ["requirements.txt"]\n[index]\nurl = "{index.url}"\n'
    (tmp_path / "stratheal.toml").write_text(settings)
    del options["index"]
    configured = stratheal.Environment(config=tmp_path / "stratheal.toml", **options)
    assert configured.path == str(tmp_path / ".venv")
    assert configured.install().changes == [("alpha", "install", None, "1.0")]
    (tmp_path / "more.txt").write_text("beta\n")
    assert configured.install(files=["more.txt"]).changes == [("beta", "install", None, "1.0")]
    assert configured.install(exact=True).changes == [("beta", "remove", "1.0", None)]


def test_what_is_installed_stays_where_it_will_do(environment: stratheal.Environment) -> None:
    environment.install("alpha==1.0")
    kept = environment.install("beta", engine="pip")
    assert (kept.changes, kept.resolved_by) == ([("beta", "install", None, "1.0")], "pip")
    moved = environment.install("beta", "alpha>1", engine="pip")
    assert moved.changes == [("alpha", "replace", "1.0", "2.0")]


def test_a_lock_is_written_and_installed(environment: stratheal.Environment, tmp_path: Path) -> None:
    locked = environment.lock("beta", output=tmp_path / "pylock.toml")
    assert locked.packages == {"alpha": "2.0", "beta": "1.0"}
    assert locked.path == str(tmp_path / "pylock.toml")
    assert "sha256" in (tmp_path / "pylock.toml").read_text()
    installed = environment.install(files=[tmp_path / "pylock.toml"])
    assert installed.resolved_by == "lock"
    assert len(installed.changes) == 2
    with pytest.raises(stratheal.ConfigurationError, match="locked already"):
        environment.lock(files=[tmp_path / "pylock.toml"])


def test_damage_is_found_and_mended(environment: stratheal.Environment) -> None:
    environment.install("alpha==1.0")
    assert environment.verify()
    file = package(environment, "alpha")
    file.unlink()
    found = environment.verify()
    assert not found
    (damage,) = [one for one in found.findings if one.severity == "damage"]
    assert (damage.kind, damage.project, Path(damage.path or "").name) == ("missing", "alpha", "__init__.py")
    assert environment.repair(plan=True).mended == []
    assert not file.exists()
    mended = environment.repair()
    assert mended
    assert [Path(path).name for path in mended.mended] == ["__init__.py"]
    assert environment.verify(full=True, imports=True).whole


def test_an_environment_goes_back(environment: stratheal.Environment) -> None:
    environment.install("alpha==1.0")
    named = environment.snapshot("before-two")
    assert environment.snapshot().number == named.number, "nothing has changed"
    assert (named.label, named.reason) == ("before-two", "asked")
    assert abs((datetime.now(timezone.utc) - named.created).total_seconds()) < 60
    environment.install("alpha==2.0")
    rows = environment.snapshots()
    assert [row.number for row in rows] == sorted((row.number for row in rows), reverse=True)
    back = environment.rollback("before-two")
    assert (back.changed, back.number) == (True, named.number)
    assert imported(environment, "alpha") == "1.0"
    assert back.before is not None
    environment.rollback(back.before)
    assert imported(environment, "alpha") == "2.0"
    with pytest.raises(stratheal.NoSuchPackageError, match="no snapshot"):
        environment.rollback(9999)


def test_all_of_it_works_in_coroutines(environment: stratheal.Environment, tmp_path: Path) -> None:
    async def work() -> None:
        beats = 0

        async def beat() -> None:
            nonlocal beats
            while True:
                await asyncio.sleep(0.01)
                beats += 1

        beating = asyncio.ensure_future(beat())
        told: list[stratheal.Progress] = []
        installed = await environment.install_async("alpha==1.0", progress=told.append)
        assert installed.changed
        assert {"fetching", "fetched", "changing"} <= {one.step for one in told}
        assert beats > 3, "the loop was held up"
        row = await environment.snapshot_async()
        assert (await environment.verify_async()).whole
        package(environment, "alpha").unlink()
        assert (await environment.repair_async()).whole
        assert (await environment.lock_async("beta", output=tmp_path / "lock.toml")).packages["beta"] == "1.0"
        await environment.uninstall_async("alpha")
        await environment.rollback_async(row.number)
        assert row.number in [one.number for one in await environment.snapshots_async()]
        beating.cancel()

    asyncio.run(work())
    assert imported(environment, "alpha") == "1.0"


def test_progress_is_told_on_the_thread_that_waits(environment: stratheal.Environment) -> None:
    told: list[stratheal.Progress] = []
    threads = set()

    def tell(progress: stratheal.Progress) -> None:
        told.append(progress)
        threads.add(threading.current_thread())

    environment.install("alpha==2.0", progress=tell)
    assert threads == {threading.main_thread()}
    steps = [one.step for one in told]
    assert steps.index("fetched") < steps.index("changing")
    (fetched,) = [one for one in told if one.step == "fetched"]
    assert fetched.what == "alpha-2.0-py3-none-any.whl"
    assert fetched.received == fetched.size
    assert fetched.size is not None


def test_what_progress_raises_ends_the_work(environment: stratheal.Environment) -> None:
    class EnoughError(Exception):
        pass

    def tell(_: stratheal.Progress) -> None:
        raise EnoughError

    with pytest.raises(EnoughError):
        environment.install("alpha==2.0", progress=tell)
    with pytest.raises(EnoughError):
        asyncio.run(environment.install_async("alpha==1.0", progress=tell))


def test_what_goes_wrong_has_a_class(environment: stratheal.Environment, index: Index, options: dict[str, Any]) -> None:
    with pytest.raises(stratheal.NoSuchPackageError, match="gamma") as nothing:
        environment.install("gamma==1.0")
    assert isinstance(nothing.value, LookupError)
    with pytest.raises(stratheal.ConfigurationError, match="nothing is wanted"):
        environment.install()
    with pytest.raises(stratheal.ConfigurationError):
        environment.install("alpha ==")
    with pytest.raises(TypeError, match="files is a list"):
        environment.install(files="requirements.txt")
    with pytest.raises(TypeError, match="mirrors is a list"):
        stratheal.Environment(mirrors="https://packages.example.com/simple/")
    with pytest.raises(stratheal.ConfigurationError, match="no time to wait"):
        stratheal.Environment(environment.path, deadline=-1).verify()
    with pytest.raises(TypeError, match="exactly"):
        environment.install("alpha", exactly=True)  # type: ignore[call-arg]
    index.corrupt = True
    with pytest.raises(stratheal.IntegrityError, match="sha256"):
        environment.install("alpha==1.0")
    index.corrupt = False
    offline = stratheal.Environment(environment.path, **{**options, "offline": True, "cache_dir": "empty"})
    with pytest.raises(stratheal.NoSuchPackageError):
        offline.install("alpha==1.0")
    assert not Path(environment.path).exists()


def test_an_index_that_is_down_says_when_to_try_again(index: Index, options: dict[str, Any], tmp_path: Path) -> None:
    environment = stratheal.Environment(tmp_path / ".venv", deadline="1s", **options)
    index.broken, index.retry_after = True, "77"
    with pytest.raises(stratheal.UnreachableError) as refused:
        environment.install("alpha==1.0")
    assert isinstance(refused.value, ConnectionError)
    assert refused.value.retry_after is not None
    assert 50 < refused.value.retry_after <= 60, "an index cannot send anybody away for longer than a minute"
    copied = pickle.loads(pickle.dumps(refused.value))
    assert (type(copied), copied.retry_after, str(copied)) == (
        stratheal.UnreachableError,
        refused.value.retry_after,
        str(refused.value),
    )


def test_no_message_shows_a_password(options: dict[str, Any], tmp_path: Path, index: Index) -> None:
    secret = index.url.replace("127.0.0.1", "user:hunter2@127.0.0.1")
    environment = stratheal.Environment(tmp_path / ".venv", **{**options, "index": secret})
    assert "hunter2" not in repr(environment)
    with pytest.raises(stratheal.NoSuchPackageError) as refused:
        environment.install("gamma==1.0")
    assert "hunter2" not in str(refused.value)


def test_a_cancelled_coroutine_leaves_the_environment_as_it_was(
    environment: stratheal.Environment, index: Index
) -> None:
    environment.install("alpha==1.0")
    index.hold.clear()

    async def work() -> None:
        installing = asyncio.ensure_future(environment.install_async("alpha==2.0"))
        while not index.held.is_set():
            await asyncio.sleep(0.01)
        installing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await installing

    asyncio.run(work())
    index.hold.set()
    assert imported(environment, "alpha") == "1.0"
    assert environment.verify().whole
    assert environment.install("alpha==2.0").changed


PROGRAM = """
import sys, stratheal
environment = stratheal.Environment(
    {path!r}, base=sys.executable, index={url!r}, cache_dir={cache!r}, state_dir={state!r}
)
try:
    environment.install("alpha==2.0")
except KeyboardInterrupt:
    print("interrupted", environment.verify().whole)
"""


def test_ctrl_c_ends_it(environment: stratheal.Environment, index: Index, tmp_path: Path) -> None:
    environment.install("alpha==1.0")
    index.hold.clear()
    program = PROGRAM.format(
        path=environment.path, url=index.url, cache=str(tmp_path / "cache"), state=str(tmp_path / "state")
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as child:
        assert index.held.wait(30)
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=30)
    assert out == "interrupted True\n"
    assert imported(environment, "alpha") == "1.0"


def test_two_at_once_take_turns(environment: stratheal.Environment) -> None:
    async def work() -> None:
        await asyncio.gather(environment.install_async("alpha==2.0"), environment.install_async("beta"))

    asyncio.run(work())
    assert imported(environment, "beta") == "1.0"
    assert environment.verify().whole


OWN = """
import stratheal, sys
environment = stratheal.Environment(sys.prefix, index={url!r}, cache_dir={cache!r}, state_dir={state!r})
print(environment.verify().whole, len(environment.install("alpha==2.0", plan=True).changes))
environment.snapshot()
try:
    print(environment.install("alpha==2.0").changes)
    print(environment.uninstall("alpha").changes)
    environment.install("gamma==1.0")
except stratheal.InstallError as error:
    print(type(error).__name__, str(error).replace(chr(10), " "))
"""


def own(environment: stratheal.Environment, index: Index, tmp_path: Path, path: str) -> str:
    """What a program says that runs from the environment, with this PATH."""
    program = OWN.format(url=index.url, cache=str(tmp_path / "cache"), state=str(tmp_path / "state"))
    # The package under test lies elsewhere.
    folder = Path(stratheal.__file__).parent.parent
    variables = {**os.environ, "PATH": path, "PYTHONPATH": str(folder)}
    command = [str(Path(environment.path) / "bin/python"), "-c", program]
    ended = subprocess.run(command, capture_output=True, text=True, env=variables, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_a_process_does_not_replace_what_it_runs_from(
    environment: stratheal.Environment, index: Index, tmp_path: Path
) -> None:
    environment.install("alpha==1.0")
    said = own(environment, index, tmp_path, "/nowhere").splitlines()
    assert said[0] == "True 1"
    assert said[1].startswith("OwnEnvironmentError this process runs from")
    assert "stratheal[cli]" in said[1]
    assert imported(environment, "alpha") == "1.0"


def test_the_program_replaces_it_instead(environment: stratheal.Environment, index: Index, tmp_path: Path) -> None:
    program = shutil.which("stratheal")
    if program is None:
        pytest.skip("the program `stratheal` is not in PATH")
    environment.install("alpha==1.0")
    said = own(environment, index, tmp_path, str(Path(program).parent)).splitlines()
    assert said[0] == "True 1"
    assert said[1:3] == [
        "[Change(project='alpha', action='replace', old='1.0', new='2.0')]",
        "[Change(project='alpha', action='remove', old='2.0', new=None)]",
    ]
    assert said[3].startswith("NoSuchPackageError")
    assert "gamma" in said[3]


def test_the_program_obeys_no_configuration_that_it_finds(
    environment: stratheal.Environment, index: Index, tmp_path: Path
) -> None:
    program = shutil.which("stratheal")
    if program is None:
        pytest.skip("the program `stratheal` is not in PATH")
    environment.install("alpha==1.0")
    # It would refuse it.
    (tmp_path / "stratheal.toml").write_text("nonsense")
    assert own(environment, index, tmp_path, str(Path(program).parent)).startswith("True 1")


def until(holds: Callable[[], object], what: str) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.02)


def waits(incidents: list[dict[str, Any]]) -> bool:
    """Whether something was tried, and is to be tried again later."""
    return [(one["attempts"], one["state"]) for one in incidents] == [(1, "open")]


def test_what_failed_because_of_it_is_tried_again_at_once(environment: stratheal.Environment) -> None:
    monitor, tried = stratheal.Monitor(), []
    monitor.check("broken", interval="100ms", fail_after=1)(lambda: False)
    monitor.remedy("mend", risk="local")(lambda: tried.append(1))
    monitor.heal_by("broken", "mend", tries=2, verify_timeout="300ms", first_pause="1h")
    with monitor:
        until(lambda: waits(monitor.healing()["incidents"]), "it waits for its next attempt")
        assert len(tried) == 1
        environment.install("alpha==1.0")
        until(lambda: len(tried) == 2, "it is tried again")


def test_a_monitor_that_runs_beside_hears_of_it(environment: stratheal.Environment, tmp_path: Path) -> None:
    program = shutil.which("stratheal")
    if program is None:
        pytest.skip("the program `stratheal` is not in PATH")
    tried = tmp_path / "tried"
    (tmp_path / "stratheal.toml").write_text(f"""
        [project]
        state_dir = "state"
        [checks.broken]
        command = ["sh", "-c", "exit 2"]
        interval = "100ms"
        fail_after = 1
        [remedies.mend]
        run = ["{sys.executable}", "-c", "open({str(tried)!r}, 'a').write('x')"]
        [heal.broken]
        ladder = ["mend"]
        tries = 2
        verify_timeout = "300ms"
        first_pause = "1h"
        """)
    command = [program, "up", "--listen=127.0.0.1:0"]
    beside = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def incidents() -> list[dict[str, Any]]:
        command = [program, "incidents", "list", "--format=json"]
        told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        found: list[dict[str, Any]] = json.loads(told) if told else []
        return found

    try:
        until(lambda: waits(incidents()), "it waits for its next attempt")
        assert tried.read_text() == "x"
        environment.install("alpha==1.0")
        until(lambda: tried.read_text() == "xx", "it is tried again")
    finally:
        beside.terminate()
        assert beside.wait(20) == 0


def test_results_and_errors_can_be_shown(environment: stratheal.Environment) -> None:
    assert repr(environment) == f"<Environment {environment.path}>"
    assert "alpha" in repr(environment.install("alpha==1.0"))
    began = time.monotonic()
    assert "whole=True" in repr(environment.verify())
    assert time.monotonic() - began < 60
    assert dir(stratheal).count("Environment") == 1
    with pytest.raises(AttributeError, match="no attribute 'Enviroment'"):
        _ = stratheal.Enviroment  # type: ignore[attr-defined]
