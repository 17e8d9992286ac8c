"""environment.yml and pyproject.toml name the same packages."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
CONDA_NAMES = {"torch": "pytorch"}  # where conda-forge uses another name
IMPORT_NAMES = {"scikit-learn": "sklearn", "ipython": "IPython"}  # where Python does
BY_NAME = {"pytorch", "torchvision", "jupyterlab", "matplotlib", "torchinfo", "nbval", "papermill"}


def split(requirement):
    name, version = re.fullmatch(r"([\w-]+)(\S*)", requirement).groups()
    return CONDA_NAMES.get(name, name), version


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def conda():
    return yaml.safe_load((ROOT / "environment.yml").read_text())


def conda_packages():
    return dict(split(entry) for entry in conda()["dependencies"] if isinstance(entry, str))


def test_every_package_of_pyproject_is_in_the_environment_with_its_version_and_no_other():
    declared = project()
    wanted = dict(map(split, [*declared["dependencies"], *declared["optional-dependencies"]["test"]]))
    wanted |= {"python": declared["requires-python"], "pip": ""}
    assert conda_packages() == wanted


def test_the_packages_that_the_course_names_are_there_by_name():
    assert BY_NAME <= conda_packages().keys()


def test_everything_comes_from_conda_forge_but_the_workbook_itself():
    assert conda()["channels"] == ["conda-forge"]
    assert [entry for entry in conda()["dependencies"] if not isinstance(entry, str)] == [{"pip": ["-e ."]}]


def test_every_package_that_the_helpers_import_is_declared():
    names = (re.match(r"[\w-]+", entry)[0] for entry in project()["dependencies"])
    declared = {IMPORT_NAMES.get(name, name) for name in names}
    imported = set()
    for path in (ROOT / "helpers").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module.partition(".")[0])
    assert imported - sys.stdlib_module_names - {"helpers"} <= declared


def test_an_installed_copy_holds_every_room_and_the_source_of_the_kernels():
    """Catches a room without `__init__.py`, which is left out of a package, and kernels that stay behind."""
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {path.parent for path in (ROOT / "helpers").rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []
    assert tool["packages"] == {"find": {"include": ["helpers*"]}}
    shipped = {
        path
        for package, patterns in tool["package-data"].items()
        for pattern in patterns
        for path in (ROOT / package.replace(".", "/")).glob(pattern)
    }
    other = {path for path in (ROOT / "helpers").rglob("*") if path.suffix not in (".py", ".pyc", "")}
    assert shipped == other != set()
