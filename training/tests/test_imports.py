"""Imports of the training package run one way, and are written one way."""

import ast
from collections.abc import Iterator
from pathlib import Path

TRAINING = Path(__file__).parents[1]

# From the ground up: each may import what stands on its line or above it.
FLOORS = (
    "native distributed voice",
    "headmodel",
    "sample",
    "synth character",
    "samples data registration",
    "models",
    "losses",
    "rasterizer",
    "held_out",
    "refine",
    "export",
    "facenets image_stage",
    "bust classes",
    "train",
    "evaluate",
    "average camera one_batch",
    "__main__",
)

# Imports that run upwards, and why they may. One that is gone must leave this list. Both wait for a package of
# their own for the nets that find faces in real photos (evaluate/observers.py, real_photos.py), below refine.
UPWARDS = {
    ("refine.portraits", "evaluate"): "real portraits are found by the nets that measure",
    ("classes.labels", "evaluate"): "real portraits are found by the nets that measure",
}


def modules() -> Iterator[tuple[str, Path]]:
    """Every module that is no test, by its name in the package: "models.driver", "train"; a package by its folder."""
    for path in sorted(TRAINING.rglob("*.py")):
        parts = path.relative_to(TRAINING).with_suffix("").parts
        if parts[0] not in ("tests", "cache") and parts != ("__init__",):
            yield ".".join(p for p in parts if p != "__init__"), path


def imported(path: Path) -> Iterator[tuple[ast.ImportFrom | ast.Import, list[str]]]:
    """Import statements wherever they stand, with the modules of the package that they name."""
    package = path.relative_to(TRAINING).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield (
                node,
                [alias.name.removeprefix("training.") for alias in node.names if alias.name.startswith("training.")],
            )
        elif isinstance(node, ast.ImportFrom):
            module = (node.module or "").split(".") if node.module else []
            if node.level == 0:
                if module[:1] != ["training"]:
                    continue
                whole = module[1:]
            else:
                whole = [*package[: len(package) - node.level + 1], *module]
            yield node, [".".join(whole)] if whole else [alias.name for alias in node.names]


def upward() -> dict[tuple[str, str], str]:
    """(module, package) of each import that runs upwards, with its line."""
    floor = {name: height for height, names in enumerate(FLOORS) for name in names.split()}
    found = {}
    for name, path in modules():
        own = name.split(".")[0]
        for node, targets in imported(path):
            for target in targets:
                other = target.split(".")[0]
                if floor[other] > floor[own]:
                    found[name, other] = f"{path.relative_to(TRAINING)}:{node.lineno}"
    return found


def test_every_package_has_a_floor():
    assert sorted(" ".join(FLOORS).split()) == sorted({name.split(".")[0] for name, _ in modules()})


def test_imports_run_one_way():
    found = upward()
    assert {key: line for key, line in found.items() if key not in UPWARDS} == {}
    assert [key for key in UPWARDS if key not in found] == []


def test_modules_of_a_floor_do_not_import_each_others_packages():
    neighbours = {name: names.split() for names in FLOORS for name in names.split()}
    across = [
        (name, target)
        for name, path in modules()
        for _, targets in imported(path)
        for target in targets
        if target.split(".")[0] != (own := name.split(".")[0]) and target.split(".")[0] in neighbours[own]
    ]
    assert across == []


def test_the_package_names_itself_relatively_and_tests_name_it():
    def absolute(path: Path) -> list[str]:
        return [
            f"{path.relative_to(TRAINING)}:{node.lineno}"
            for node, targets in imported(path)
            if targets and not (isinstance(node, ast.ImportFrom) and node.level > 0)
        ]

    assert [line for _, path in modules() for line in absolute(path)] == []
    tests = sorted((TRAINING / "tests").glob("*.py"))
    relative = [
        path.name for path in tests for node in ast.walk(ast.parse(path.read_text())) if getattr(node, "level", 0)
    ]
    assert relative == []
    assert sum(len(absolute(path)) for path in tests) > 100
