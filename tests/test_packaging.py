"""What `make` sets up, in which order, and that a clone beside which Python is started hides nothing."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def planned(target: str, tmp_path: Path) -> list[str]:
    """What `make` would do for a target in a clone without an environment."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    command = ["make", "--no-print-directory", "--dry-run", f"VENV={tmp_path / 'venv'}", target]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()


def test_the_demo_installs_what_runs_and_nothing_else(tmp_path: Path) -> None:
    installs = [line for line in planned("demo", tmp_path) if "pip install" in line]
    assert [line.split()[-1] for line in installs] == ["."]
    assert "--quiet" not in installs[0]


@pytest.mark.parametrize("target", ["test", "check"])
def test_tests_and_checks_add_what_they_need(target: str, tmp_path: Path) -> None:
    installs = [line for line in planned(target, tmp_path) if "pip install" in line]
    assert [line.split()[-1] for line in installs] == [".", "'.[dev]'"]


def test_all_tests_run_on_all_cores_and_those_of_a_file_in_one_process(tmp_path: Path) -> None:
    assert "OMP_NUM_THREADS=1" in planned("test", tmp_path)[-1]
    assert "pytest --numprocesses auto" in planned("test", tmp_path)[-1]
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "numprocesses" not in settings["tool"]["pytest"]["ini_options"]["addopts"]


def test_the_size_is_said_before_pip_begins(tmp_path: Path) -> None:
    lines = planned("demo", tmp_path)
    (install,) = [number for number, line in enumerate(lines) if "pip install" in line]
    assert any(re.search(r"echo .*\bGB\b", line) for line in lines[:install])


def test_the_demo_ends_with_commands_to_try_and_their_path(tmp_path: Path) -> None:
    lines = planned("demo", tmp_path)
    last = [line for line in lines if line.startswith("echo")][-5:]
    assert "bin/activate" in last[0]
    commands = [re.search(rf"{tmp_path}/venv/bin/charrnn (\w+)", line) for line in last[1:]]
    assert [found and found[1] for found in commands] == ["sample", "train", "plot", "export"]
    assert "export page.html" in last[-1]
    assert "in a browser" in last[-1]


def test_the_demo_writes_500_characters_and_one_beginning_at_three_temperatures(tmp_path: Path) -> None:
    recipe = "\n".join(planned("demo", tmp_path))
    assert "train builtin:docs --max-time 2m" in recipe
    assert "sample --prompt 'The function ' --length 500" in recipe
    assert "for temperature in 0.3 0.7 1.1; do" in recipe
    assert "--prompt 'The function ' --length 150 --temperature $temperature" in recipe


def test_a_wheel_is_built_without_installing_anything(tmp_path: Path) -> None:
    lines = planned("dist", tmp_path)
    assert any("pip wheel" in line and "--no-deps" in line for line in lines)
    assert not any("pip install" in line for line in lines)


def test_an_editable_install_puts_the_folder_on_the_path() -> None:
    """By setuptools' rule for layouts that it may simply add to the path."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert settings["tool"]["setuptools"]["package-dir"] == {"": "."}


def test_a_wheel_has_every_file_that_is_no_module() -> None:
    """By the patterns of the package's data; a page is exported from such files."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    package = ROOT / "charrnn"
    named = {
        path
        for pattern in settings["tool"]["setuptools"]["package-data"]["charrnn"]
        for path in package.glob(pattern)
    }
    others = {path for path in package.rglob("*") if path.is_file() and path.suffix not in {".py", ".pyc"}}
    assert package / "export" / "page" / "page.js" in others
    assert named == others


def test_a_clone_called_charrnn_does_not_hide_the_package(tmp_path: Path) -> None:
    """As installed: from the parent of a clone, where the clone itself looks like a package without code."""
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=False, symlinks=True)
    python = environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    ask = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    (Path(packages) / "charrnn.pth").write_text(str(ROOT))
    (tmp_path / "charrnn").mkdir()
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ask = [str(python), "-c", "import charrnn; print(charrnn.__version__, charrnn.__file__)"]
    found = subprocess.run(ask, cwd=tmp_path, env=clean, capture_output=True, text=True, check=True).stdout
    assert str(ROOT / "charrnn" / "__init__.py") in found
