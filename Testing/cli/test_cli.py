"""The command `activeseed` as a person types it: real processes, real images."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ActiveSeedLib.cli.arguments import make_parser
from ActiveSeedLib.cli.executor import set_executor
from ActiveSeedLib.demo.cohort import generate_cohort
from ActiveSeedLib.executor.settings import VARIABLE, executor_settings

PROJECT = Path(__file__).resolve().parents[2]


def activeseed(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "ActiveSeedLib.cli", *words],
        capture_output=True,
        text=True,
        cwd=cwd or PROJECT,
        timeout=300,
        encoding="utf-8",
    )


def answer(*words: str) -> Any:
    """Run the command with --json and return what it answers."""
    done = activeseed(*words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate_cohort(tmp_path_factory.mktemp("cohort"), cases=10, seed=2)


def test_the_loop_from_the_command_line(cohort: Path, tmp_path: Path) -> None:
    project = str(tmp_path / "project")
    made = activeseed(
        "init", project, "--images", str(cohort / "images"), "--labels", str(cohort / "labels")
    )
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("10 cases of ")
    assert "10 label maps imported" in made.stdout
    trained = answer("train", project, "--epochs", "1", "--set", "channels=[8,16]")
    assert trained["labelled"] == 10
    scored = activeseed("cross-validate", project, "--folds", "2")
    assert "cross-validated on 10 label maps in 2 folds: Dice 0." in scored.stdout, scored.stderr
    shown = activeseed("status", project)
    assert shown.stdout.splitlines()[0] == "10 labelled"
    assert "(finished): cross-validated Dice 0." in shown.stdout
    assert "Too early to tell whether going on pays" in shown.stdout
    assert f"Model {trained['model']} (finished)" in shown.stdout
    assert "Next: no case is left to choose" in shown.stdout


def test_the_difficulty_of_a_pool(cohort: Path, tmp_path: Path) -> None:
    project = str(tmp_path / "project")
    answer("init", project, "--images", str(cohort / "images"))
    small = ("--set", "steps=2", "--set", "channels=[8]", "--set", "side_3d=16")
    done = activeseed("difficulty", project, *small)
    assert done.returncode == 0, done.stderr
    assert "10 cases are measured; the 5 hardest:" in done.stdout
    again = answer("difficulty", project)
    assert len(again["cases"]) == 10
    assert again["cases"][0]["case"] in done.stdout
    wrong = activeseed("difficulty", project, "--set", "steps=0")
    assert wrong.returncode == 2


def test_suggest_says_what_to_do_next(cohort: Path, tmp_path: Path) -> None:
    project = str(tmp_path / "project")
    assert answer("init", project, "--images", str(cohort / "images"))["cases"] == 10
    done = activeseed("suggest", project, "--budget", "3", "--seed", "44")
    assert done.returncode == 0, done.stderr
    assert "Round 1, by auto. Label these, in this order:" in done.stdout
    assert f"Next: label them, then: activeseed import-labels {project} DIR" in done.stdout
    shown = answer("status", project)
    assert shown["statuses"]["suggested"] == 3
    assert [row["case"] for row in shown["queue"]] == [
        line.split()[1] for line in done.stdout.splitlines() if line.strip()[:1] in "123" and line
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("status", "nowhere"), "is not an ActiveSeed project"),
        (("init", "p", "--images", "nowhere"), "nowhere"),
        (("suggest", "nowhere", "--budget", "3"), "is not an ActiveSeed project"),
        (
            ("simulate", "--images=x", "--labels=x", "--strategies=levi", "--budgets=2", "--out=o"),
            "did you mean 'levy'",
        ),
        (("train", "nowhere", "--set", "epochs"), "name=value"),
        (("train", "nowhere", "--set", "learning_rate=fast"), "learning_rate"),
        (("download", "nothing"), "nothing"),
    ],
)
def test_bad_input_ends_with_two_and_one_sentence(
    words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    done = activeseed(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_check_tells_what_is_here() -> None:
    found = {line["what"]: line for line in answer("check")["lines"]}
    assert found["torch"]["ok"]
    assert {"Python", "GPU", "Memory", "Disk", "Encoder weights"} <= set(found)


def test_every_method_is_listed_with_its_source() -> None:
    for command in ("strategies", "encoders"):
        for entry in answer(command):
            assert entry["summary"]
            assert entry["citation"]
            assert all(p["help"] for p in entry["parameters"].values()), entry["name"]


def test_every_strategy_is_listed_with_its_cost() -> None:
    costs = [entry["cost"] for entry in answer("strategies")]
    said = activeseed("strategies").stdout.splitlines()
    assert [line.split("cost: ")[1] for line in said if "    cost: " in line] == costs


def test_what_a_parameter_takes_is_listed() -> None:
    takes = {one["name"]: one["parameters"] for one in answer("strategies")}
    assert takes["typiclust"]["distance"]["takes"] == "one of: euclidean, squared"
    said = activeseed("strategies").stdout
    assert "    alpha = 0.3 (a number): Weight of diversity" in said
    assert "    batches = None (a whole number or null): Batches drawn at random" in said


def test_the_version_is_told() -> None:
    assert activeseed("--version").stdout.startswith("activeseed 0.")


def test_a_project_without_its_database_is_repaired(cohort: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    folders = ("--images", str(cohort / "images"), "--labels", str(cohort / "labels"))
    activeseed("init", str(project), *folders)
    healthy = activeseed("repair", str(project))
    assert healthy.stdout == (
        "Nothing was wrong, and nothing was changed.\n"
        "The project has 10 cases, 10 label maps, 0 rounds, 0 models.\n"
    )
    (project / "project.sqlite").write_bytes(b"")
    for command in ("status", "train"):
        refused = activeseed(command, str(project))
        assert refused.returncode == 2
        assert "is damaged (it holds no tables)" in refused.stderr
        assert f'no label map (`activeseed repair "{project}"`)' in (refused.stderr)
        assert len(refused.stderr.strip().splitlines()) == 1
    found = answer("repair", str(project))
    assert found["rebuilt"]
    assert found["counts"] == {"cases": 10, "label_maps": 10, "rounds": 0, "models": 0}
    assert activeseed("status", str(project)).stdout.startswith("10 labelled")


def test_a_name_with_a_space_can_be_typed_again(cohort: Path, tmp_path: Path) -> None:
    project = str(tmp_path / "mein Projekt ä 😀")
    made = activeseed("init", project, "--images", str(cohort / "images"))
    assert f'Next: activeseed suggest "{project}" --budget 8' in made.stdout


def test_numbers_are_asked_for_in_words() -> None:
    words = ("--images=x", "--labels=x", "--strategies=levy", "--out=o")
    done = activeseed("simulate", *words, "--budgets=8,many")
    assert done.returncode == 2
    assert "write whole numbers, as 8,16, not '8,many'" in done.stderr


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    listing = subprocess.Popen(
        [sys.executable, "-m", "ActiveSeedLib.cli", "strategies"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=PROJECT,
    )
    assert listing.stdout is not None
    assert listing.stderr is not None
    listing.stdout.close()
    assert listing.stderr.read() == b""
    assert listing.wait(60) == 1
    listing.stderr.close()


def test_the_viewers_jobs_get_the_executor_of_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "poll=0.5 partition=old")
    asked = ["--executor", "slurm", "--partition", "big gpu", "--slurm", "account=lab"]
    set_executor(make_parser().parse_args(["view", "project", *asked]))
    chosen = executor_settings()
    assert (chosen.executor, chosen.partition, chosen.poll) == ("slurm", "big gpu", 0.5)
    assert chosen.slurm == {"account": "lab"}


def test_a_wrong_executor_is_said_before_anything_is_done(tmp_path: Path) -> None:
    done = activeseed("predict", str(tmp_path), "--time", "0")
    assert done.returncode == 2
    assert done.stderr == "The executor's time must be at least 1, not 0.\n"
