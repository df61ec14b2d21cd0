"""What each command does and prints."""

from argparse import Namespace
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, get_type_hints

from ActiveSeedLib.app.advice import advise
from ActiveSeedLib.app.next_step import NextStep, next_step
from ActiveSeedLib.cli.output import print_json, say_seconds, table, typed
from ActiveSeedLib.cli.running import runner
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.plain_text import visible
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.registry import Entry, in_words, read_assignments

SHOWN_TAGS = {
    "unit": "picks",
    "needs": "needs",
    "uses": "uses where known",
    "cost": "cost",
    "weights": "activeseed download",
}
SHOWN = 5  # of a list of problems; all of them are in the JSON output and in the project


def init(options: Namespace) -> None:
    """Make a project."""
    names = ("images", "labels", "segments", "test_fraction", "patients", "seed", "unit")
    params = {name: getattr(options, name) for name in names}
    with runner(options) as run:
        result = run.run("init", {"project": options.project, **params})
    if options.json:
        return print_json(result)
    print(
        f"{result['cases']} cases of {result['patients']} patients are in {result['project']}; "
        f"{result['test']} of them are kept for testing."
    )
    _print_some("could not be used", result["refused"], "reason")
    _print_some("are copies of other cases", result["duplicates"], "same_as")
    _print_some("are used, but odd", result["notes"], "note")
    if "labels" in result:
        _print_import(result["labels"])
    return print(f"Next: activeseed suggest {typed(options.project)} --budget 8")


def rescan(options: Namespace) -> None:
    """Look at the images folder again."""
    with runner(options) as run:
        params = {"images": options.images, "patients": options.patients}
        result = run.on_project("rescan", options.project, params)
    if options.json:
        return print_json(result)
    return print(
        f"{result['cases']} cases: {result['added']} new, {result['moved']} moved, "
        f"{result['missing']} missing."
    )


def import_labels(options: Namespace) -> None:
    """Take label maps into the project."""
    params: dict[str, Any] = {"labels": options.labels, "overwrite": options.overwrite}
    if options.suggested:
        with Project.open(Path(options.project), write=False) as project:
            params["cases"] = [item.record.case.key for item in project.queue()]
    with runner(options) as run:
        result = run.on_project("import-labels", options.project, params)
    if options.json:
        return print_json(result)
    return _print_import(result)


def status(options: Namespace) -> None:
    """Tell what the project holds and what is next."""
    with Project.open(Path(options.project), write=False) as project:
        summary = project.summary()
        queue = [
            {"case": item.record.case.name, "status": str(item.record.status), "why": item.reason}
            for item in project.queue()
        ]
        problems = [
            {"path": r.case.name, "reason": r.problem} for r in project.cases() if r.problem
        ]
        refused = [{"path": r.path, "reason": r.reason} for r in project.refused()]
        step = next_step(project)
        advice = advise(project)
    if options.json:
        lists = {"queue": queue, "problems": problems, "refused": refused}
        return print_json({**summary, **lists, "next": asdict(step), "advice": asdict(advice)})
    counts = summary["statuses"]
    print(", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count))
    if summary["minutes"]:
        print(f"Annotation time: {say_seconds(60 * summary['minutes'])}.")
    for model in summary["models"]:
        print(_say_model(model))
    if advice.scores:
        print(advice.sentence)
    _print_some("cannot be used", [*problems, *refused], "reason")
    if queue:
        print(f"\nTo label, in this order:\n{table(queue)}")
    return print(f"Next: {_say_next(step, options.project)}")


def repair(options: Namespace) -> None:
    """Rebuild the project's database, if need be, and say what was done."""
    from ActiveSeedLib.project.repair import repair as run

    done = run(Path(options.project))
    if options.json:
        return print_json(done.to_json())
    for sentence in done.said or ("Nothing was wrong, and nothing was changed.",):
        print(sentence)
    counts = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in done.counts.items())
    return print(f"The project has {counts}.")


def suggest(options: Namespace) -> None:
    """Choose cases and say why."""
    params = {
        "budget": options.budget,
        "strategy": options.strategy,
        "strategy_parameters": read_assignments(options.strategy_parameters),
        "device": options.device,
        **_encoding(options),
    }
    with runner(options) as run:
        result = run.on_project("suggest", options.project, params)
    if options.json:
        return print_json(result)
    rows = [
        {"": number, "case": pick["case"], "why": pick["reason"]}
        for number, pick in enumerate(result["picks"], 1)
    ]
    print(f"Round {result['round']}, by {result['strategy']}. Label these, in this order:\n")
    print(table(rows))
    return print(
        f"\nNext: label them, then: activeseed import-labels {typed(options.project)} DIR\n"
        f"and: activeseed train {typed(options.project)}"
    )


def train(options: Namespace) -> None:
    """Train a model."""
    with runner(options) as run:
        result = run.on_project("train", options.project, {"settings": training(options)})
    if options.json:
        return print_json(result)
    left_out = result["labelled"] - result["used"]
    besides = f" ({left_out} could not be used)" if left_out else ""
    print(f"Model {result['model']} was trained on {result['used_words']}{besides}.")
    for sentence in result["plan"]:
        print(f"  {sentence}")
    if result["test"]:
        test = result["test"]
        print(
            f"On {test['cases']} test cases: Dice {test['dice']:.3f}, HD95 {test['hd95']:.2f} mm."
        )
    return print(f"Next: activeseed suggest {typed(options.project)} --budget 8")


def predict(options: Namespace) -> None:
    """Predict the cases without a label map."""
    with runner(options) as run:
        result = run.on_project("predict", options.project, {"device": options.device})
    if options.json:
        return print_json(result)
    print(f"{result['predicted']} cases predicted by model {result['model']}.")
    most = sorted(result["cases"], key=lambda c: -c["mean_entropy"])[:SHOWN]
    rows = [{"case": c["case"], "mean entropy": c["mean_entropy"]} for c in most]
    return print(f"Most uncertain:\n{table(rows)}")


def cross_validate(options: Namespace) -> None:
    """Score the latest model's settings on its own label maps."""
    params = {"folds": options.folds, "device": options.device}
    with runner(options) as run:
        result = run.on_project("cross-validate", options.project, params)
    if options.json:
        return print_json(result)
    found = result["cross-validation"]
    if found is None:
        return print(f"Model {result['model']} could not be cross-validated.")
    return print(
        f"Model {result['model']}, cross-validated on {found['cases']} label maps in "
        f"{found['folds']} folds: Dice {found['dice']:.3f}, HD95 {found['hd95']:.2f} mm."
    )


def difficulty(options: Namespace) -> None:
    """Measure how hard each case of the pool is to reconstruct."""
    params = {"device": options.device, "seed": options.seed}
    if options.settings:
        params["settings"] = read_assignments(options.settings)
    with runner(options) as run:
        result = run.on_project("difficulty", options.project, params)
    if options.json:
        return print_json(result)
    cases = result["cases"]
    print(f"{len(cases)} cases are measured; the {min(SHOWN, len(cases))} hardest:")
    print(table([{"case": c["case"], "difficulty": c["difficulty"]} for c in cases[:SHOWN]]))
    left = [{"path": name, "reason": "it cannot be read"} for name in result["left_out"]]
    return _print_some("could not be measured", left, "reason")


def draw_map(options: Namespace) -> None:
    """Draw the map."""
    params = {"out": str(Path(options.out).absolute()), **_encoding(options)}
    with runner(options) as run:
        result = run.on_project("map", options.project, params)
    if options.json:
        return print_json(result)
    counts = ", ".join(f"{count} {name}" for name, count in result["counts"].items())
    return print(f"{options.out}: {counts}.")


def list_strategies(options: Namespace) -> None:
    """List the ways to choose cases."""
    from ActiveSeedLib.selection.strategy import strategies

    _print_entries(options, strategies.entries())


def list_encoders(options: Namespace) -> None:
    """List the ways to turn an image into a vector."""
    from ActiveSeedLib.features.encoder import encoders

    _print_entries(options, encoders.entries())


def download(options: Namespace) -> None:
    """Fetch an encoder's weights."""
    from ActiveSeedLib.cli.output import ProgressBar
    from ActiveSeedLib.features.weights import download as fetch
    from ActiveSeedLib.progress import Progress

    bar = ProgressBar(quiet=options.json)
    progress = Progress(
        lambda kind, values: (
            bar.show(values["fraction"], values["step"])
            if kind == "progress"
            else bar.note(values.get("text", ""))
        )
    )
    path = fetch(options.weights, progress=progress)
    bar.clear()
    print_json({"path": str(path)}) if options.json else print(f"Kept as {path}.")


def check(options: Namespace) -> None:
    """Tell whether this machine has what is needed."""
    with runner(options) as run:
        result = run.run("check", {})
    if options.json:
        print_json(result)
    else:
        rows = [
            {"": "ok" if line["ok"] else "LACKS", "what": line["what"], "found": line["found"]}
            for line in result["lines"]
        ]
        print(table(rows))
    if not result["ok"]:
        raise InputError("Something is missing: see the lines marked LACKS.")


def simulate(options: Namespace) -> None:
    """Compare strategies on one data set; see `cli.benchmark`."""
    from ActiveSeedLib.cli.benchmark import simulate as run

    run(options)


def benchmark(options: Namespace) -> None:
    """Compare strategies as a configuration says; see `cli.benchmark`."""
    from ActiveSeedLib.cli.benchmark import benchmark as run

    run(options)


def demo(options: Namespace) -> None:
    """Run the whole loop on a generated cohort; see `cli.demo`."""
    from ActiveSeedLib.cli.demo import demo as run

    run(options)


def training(options: Namespace) -> dict[str, Any]:
    """Return the training settings that the options name, checked before PyTorch is loaded."""
    from ActiveSeedLib.segmentation.settings import TrainSettings

    settings = {
        name: getattr(options, name)
        for name in ("epochs", "network", "device", "seed")
        if getattr(options, name, None) is not None
    }
    settings |= read_assignments(options.settings)
    TrainSettings.from_json(settings)
    return settings


def _encoding(options: Namespace) -> dict[str, Any]:
    return {
        "encoder": options.encoder,
        "encoder_parameters": read_assignments(options.encoder_parameters),
        "map_method": options.map_method,
        "seed": options.seed,
    }


def _print_entries(options: Namespace, entries: list[Entry[Any]]) -> None:
    described: list[dict[str, Any]] = [
        {
            "name": entry.name,
            "summary": entry.summary,
            "citation": entry.citation,
            "parameters": {
                f.name: {
                    "default": None if f.default is f.default_factory else f.default,
                    "takes": in_words(get_type_hints(entry.parameters)[f.name]),
                    "help": f.metadata.get("help", ""),
                }
                for f in fields(entry.parameters)
            },
            **entry.tags,
        }
        for entry in entries
    ]
    if options.json:
        return print_json(described)
    for one in described:
        print(f"{one['name']}\n    {one['summary']}\n    {one['citation']}")
        for name, facts in one["parameters"].items():
            print(f"    {name} = {facts['default']} ({facts['takes']}): {facts['help']}")
        for tag, shown in SHOWN_TAGS.items():
            if tag in one:
                print(f"    {shown}: {one[tag]}")
    return None


def _print_import(report: dict[str, Any]) -> None:
    imported, unchanged = len(report["imported"]), len(report["unchanged"])
    print(f"{imported} label maps imported; {unchanged} were there already.")
    _print_some("were refused", report["refused"], "reason")
    if report["without_image"]:
        print(f"{len(report['without_image'])} label maps belong to no case of the project.")


def _print_some(what: str, items: list[dict[str, Any]], why: str) -> None:
    if items:
        print(f"{len(items)} {what}:")
        for item in items[:SHOWN]:
            print(visible(f"  {item['path']}: {item[why]}"))
        if len(items) > SHOWN:
            print(f"  … and {len(items) - SHOWN} more (--json lists all)")


def _say_model(model: dict[str, Any]) -> str:
    text = f"Model {model['id']} ({model['state']})"
    scores = [
        f"{'test' if split == 'test' else 'cross-validated'} Dice {means['dice']:.3f}, "
        f"HD95 {means['hd95']:.2f} mm"
        for split, means in model["scores"].items()
    ]
    return f"{text}: {'; '.join(scores)}" if scores else text


def _say_next(step: NextStep, project: str) -> str:
    """Return the next step as a person reads it, with the command that takes it."""
    commands = {
        "suggest": f"activeseed suggest {typed(project)} --budget 8",
        "label": f"activeseed import-labels {typed(project)} DIR",
        "retrain": f"activeseed train {typed(project)}",
        "rescan": f"activeseed rescan {typed(project)} [--images FOLDER]",
    }
    sentence = step.sentence[:1].lower() + step.sentence[1:].rstrip(".")
    return f"{sentence}: {commands[step.action]}"
