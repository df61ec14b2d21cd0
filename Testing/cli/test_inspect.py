"""`activeseed inspect` as a person types it."""

import json
from pathlib import Path

from ActiveSeedLib.demo.cohort import generate_cohort
from Testing.cli.test_cli import activeseed


def test_the_report_is_printed_in_words_or_for_a_machine(tmp_path: Path) -> None:
    images = generate_cohort(tmp_path / "cohort", cases=22, seed=3) / "images"
    project = str(tmp_path / "project")
    assert activeseed("init", project, "--images", str(images)).returncode == 0
    done = activeseed("inspect", project, "--budget", "4")
    assert done.returncode == 0, done.stderr
    first = done.stdout.splitlines()[0]
    assert first.startswith(("Worth trusting", "Not worth trusting"))
    assert "• Structure: " in done.stdout
    assert "• Outliers: " in done.stdout
    answer = json.loads(activeseed("inspect", project, "--budget", "4", "--json").stdout)
    assert answer["sentence"] == first
    assert f"• {answer['findings'][0]}" in done.stdout
    assert answer["cases"] == 22


def test_what_is_no_project_ends_with_two(tmp_path: Path) -> None:
    done = activeseed("inspect", "nowhere", cwd=tmp_path)
    assert done.returncode == 2
    assert "is not an ActiveSeed project" in done.stderr
