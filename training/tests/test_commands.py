"""Every command has one name, in one place."""

import subprocess
import sys
from pathlib import Path

from training.__main__ import COMMANDS, table

TRAINING = Path(__file__).parents[1]
WORKERS = {"evaluate.workers.track"}  # started by another command, in an environment of its own


def test_every_program_of_the_package_is_a_command():
    runs = {
        ".".join(path.relative_to(TRAINING).with_suffix("").parts)
        for path in TRAINING.rglob("*.py")
        if path.parts[len(TRAINING.parts)] not in ("tests", "cache", "runs")
        and 'if __name__ == "__main__"' in path.read_text()
    }
    named = [module for verbs in COMMANDS.values() for module, _ in verbs.values()]
    assert sorted(named) == sorted(runs - WORKERS - {"__main__"})


def test_a_verb_runs_its_module_and_an_unknown_one_lists_them_all():
    run = lambda *words: subprocess.run(
        [sys.executable, "-m", "training", *words], cwd=TRAINING.parent, capture_output=True, text=True
    )
    help_ = run("contact-sheet", "--help")
    assert help_.returncode == 0 and "usage: python -m training contact-sheet" in help_.stdout
    unknown = run("tarin")
    assert unknown.returncode == 2 and table() in unknown.stdout
