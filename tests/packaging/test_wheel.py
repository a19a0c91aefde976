"""The wheel, as people install it: in an environment of its own, away from the repository."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from rlhf_tui import __version__

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the files that git knows of."""
    source = tmp_path_factory.mktemp("source")
    for name in tracked_files():
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_symlink():
            target.symlink_to((ROOT / name).readlink())
        else:
            shutil.copyfile(ROOT / name, target)
    out = tmp_path_factory.mktemp("wheel")
    build = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    run([sys.executable, "-c", build, str(out)], cwd=source)
    [made] = out.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def clean(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`bin` of a new environment that holds the wheel; what it depends on is borrowed by path."""
    place = tmp_path_factory.mktemp("clean")
    venv.create(place, symlinks=True)
    python = place / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    run([*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)], cwd=place)
    site = run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], cwd=place)
    borrowed = Path(site.strip()) / "borrowed.pth"
    # A path that a .pth adds is searched last, and .pth files inside of it do not count: the
    # editable install that these tests run from stays out.
    borrowed.write_text(f"{sysconfig.get_path('purelib')}\n")
    return python.parent


def tracked_files() -> list[str]:
    listed = run(["git", "ls-files", "-z"], cwd=ROOT)
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def run(command: Iterable[str | Path], cwd: Path) -> str:
    """What the command printed; fails the test with what it complained of."""
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_one_name_of_ours(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in names(wheel)}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"rlhf_tui"}


def test_every_tracked_module_style_and_sample_file_is_in_the_wheel(wheel: Path) -> None:
    expected = set()
    for name in tracked_files():
        top = name.split("/")[0]
        if top in ("screens", "sample_data"):
            expected.add(f"rlhf_tui/{name}")
        elif top == "rlhf_tui" and not (ROOT / name).is_symlink():
            expected.add(name)
    missing = expected - names(wheel)
    assert not missing, "packages or package-data of pyproject.toml leave these out"
    assert any(name.startswith("rlhf_tui/sample_data/model/") for name in expected)
    assert any(name.endswith(".tcss") for name in expected)
    assert "rlhf_tui/py.typed" in expected


def test_screens_and_sample_data_import_from_the_wheel(clean: Path) -> None:
    code = (
        "import sys, pathlib\n"
        "import rlhf_tui.app, rlhf_tui.screens.rank, rlhf_tui.sample_data\n"
        "assert 'screens' not in sys.modules and 'sample_data' not in sys.modules\n"
        "print(rlhf_tui.screens.rank.__file__)\n"
    )
    where = run([clean / "python", "-W", "error", "-c", code], cwd=clean)
    assert Path(where.strip()).is_relative_to(clean.parent)


def test_the_installed_program_makes_a_workspace(clean: Path, tmp_path: Path) -> None:
    out = run([clean / "rlhf-tui", "init", "w"], cwd=tmp_path)
    assert "Made the workspace" in out
    assert (tmp_path / "w" / "rlhf.toml").is_file()


def test_the_version_is_told(clean: Path) -> None:
    code = "from importlib.metadata import version; print(version('rlhf-tui'))"
    told = run([clean / "python", "-c", code], cwd=clean)
    assert run([clean / "rlhf-tui", "--version"], cwd=clean) == f"rlhf-tui {told}"
    assert told.strip() == __version__


def test_constraints_pin_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in lines if "==" in line}
    assert {name_of(requirement) for requirement in wanted} <= pinned


def name_of(requirement: str) -> str:
    for sign in "<>=!~[; ":
        requirement = requirement.split(sign)[0]
    return requirement.lower().replace("_", "-")
