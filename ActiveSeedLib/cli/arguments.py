"""What each command takes."""

import argparse
from collections.abc import Callable

from ActiveSeedLib.cli import commands
from ActiveSeedLib.cli.inspect import inspect
from ActiveSeedLib.cli.view import VIEW_DEFAULTS, view
from ActiveSeedLib.version import __version__

Parser = argparse.ArgumentParser
Add = Callable[..., Parser]


def make_parser() -> Parser:
    """Return the parser of `activeseed`; each command's function is its default `run`."""
    parser = Parser(
        prog="activeseed",
        description="Which scans to label first, which next, and a model trained on the labels.",
    )
    parser.add_argument("--version", action="version", version=f"activeseed {__version__}")
    groups = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, run: Callable[[argparse.Namespace], None], text: str) -> Parser:
        command = groups.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        command.add_argument("--json", action="store_true", help="print the result for a machine")
        return command

    _add_project_commands(add)
    _add_loop_commands(add)
    _add_view(add)
    _add_other_commands(add)
    return parser


def _add_project_commands(add: Add) -> None:
    init = add("init", commands.init, "make a project from a folder of images")
    init.add_argument("project", help="a new or empty folder for the project")
    init.add_argument("--images", required=True, help="the folder of images; it is only read")
    init.add_argument("--labels", help="label maps that exist already")
    init.add_argument(
        "--segments",
        help="what the values of a label map mean: 1=liver,2=kidney (default: as the labels have)",
    )
    init.add_argument(
        "--test-fraction", type=float, default=0.0, help="share of the cases kept for testing"
    )
    _add_patients(init)
    init.add_argument("--seed", type=int, default=43, help="fixes the test split")
    _add_unit(init)

    rescan = add("rescan", commands.rescan, "look at the images folder again")
    rescan.add_argument("project")
    rescan.add_argument("--images", help="where the images folder has moved to")
    _add_patients(rescan, default="as at init")

    labels = add("import-labels", commands.import_labels, "take label maps into the project")
    labels.add_argument("project")
    labels.add_argument("labels", metavar="DIR", help="label maps, named as their images")
    labels.add_argument(
        "--overwrite", action="store_true", help="replace differing ones (a backup is kept)"
    )
    labels.add_argument(
        "--suggested", action="store_true", help="only those of the cases in the queue"
    )

    status = add("status", commands.status, "what the project holds, and what is next")
    status.add_argument("project")

    mend = add("repair", commands.repair, "check a project, and rebuild its database if need be")
    mend.add_argument("project")


def _add_loop_commands(add: Add) -> None:
    report = add("inspect", inspect, "whether to trust an encoder on this pool, before labelling")
    report.add_argument("project")
    report.add_argument("--budget", type=int, default=8, help="how many cases would be chosen")
    _add_encoder(report)

    suggest = add("suggest", commands.suggest, "which cases to label next, and why")
    suggest.add_argument("project")
    suggest.add_argument("--budget", type=int, required=True, help="how many cases")
    suggest.add_argument("--strategy", default="levy", help="see: activeseed strategies")
    _add_parameters(suggest, "--parameter", "strategy_parameters", "of the strategy: alpha=0.5")
    _add_encoder(suggest)
    suggest.add_argument("--device", default="auto", help="auto, cpu or cuda")

    train = add("train", commands.train, "train a model on the label maps, from scratch")
    train.add_argument("project")
    _add_training(train)

    predict = add("predict", commands.predict, "predict the cases without a label map")
    predict.add_argument("project")
    predict.add_argument("--device", default="auto", help="auto, cpu or cuda")

    folds = add("cross-validate", commands.cross_validate, "score the model without test cases")
    folds.add_argument("project")
    folds.add_argument("--folds", type=int, default=3, help="parts that the patients make")
    folds.add_argument("--device", help="auto, cpu or cuda (default: as trained)")

    hard = add("difficulty", commands.difficulty, "how hard each case is to reconstruct (CSCS)")
    hard.add_argument("project")
    hard.add_argument("--device", default="auto", help="auto, cpu or cuda")
    hard.add_argument("--seed", type=int, default=43, help="fixes everything by chance")
    _add_parameters(hard, "--set", "settings", "of the autoencoder: steps=3000")

    picture = add("map", commands.draw_map, "draw the pool and what was chosen")
    picture.add_argument("project")
    picture.add_argument("--out", required=True, help="the picture: map.png")
    _add_encoder(picture)


def _add_view(add: Add) -> None:
    show = add("view", view, "work on a project in a browser: queue, editor, map, training")
    show.add_argument("project")
    show.add_argument(
        "--host",
        default=VIEW_DEFAULTS["host"],
        help="address to listen on (default: this machine only)",
    )
    show.add_argument("--port", type=int, help="port to listen on (default: a free one)")
    show.add_argument("--open", action="store_true", help="open the link in a browser")


def _add_other_commands(add: Add) -> None:
    add("strategies", commands.list_strategies, "the ways to choose cases")
    add("encoders", commands.list_encoders, "the ways to turn an image into a vector")
    download = add("download", commands.download, "fetch an encoder's weights (uses the network)")
    download.add_argument("weights", help="a name shown by: activeseed encoders")
    add("check", commands.check, "whether this machine has what is needed")

    simulate = add("simulate", commands.simulate, "compare strategies, labels given")
    simulate.add_argument("--images", required=True)
    simulate.add_argument("--labels", required=True, help="label maps that play the annotator")
    simulate.add_argument("--strategies", type=_words, required=True, help="levy,random")
    simulate.add_argument("--budgets", type=_numbers, required=True, help="labelled a round: 8,16")
    simulate.add_argument("--seeds", type=int, default=3, help="repetitions")
    simulate.add_argument("--test-fraction", type=float, default=0.2)
    simulate.add_argument("--out", required=True, help="a folder for the results")
    simulate.add_argument("--parallel", type=_positive, default=1, help="runs side by side")
    _add_patients(simulate)
    _add_unit(simulate)
    _add_encoder(simulate, seed=False)
    _add_training(simulate, seed=False)

    compare = add("benchmark", commands.benchmark, "compare strategies as a configuration says")
    compare.add_argument("config", help="a TOML file, or the name of one that comes along")
    compare.add_argument("--data", help="where the data sets lie (default: beside the file)")
    compare.add_argument("--out", required=True, help="a folder for table and report")
    compare.add_argument("--seeds", type=_numbers, help="only these: 43,44 (default: as it says)")
    compare.add_argument("--parallel", type=_positive, default=1, help="runs side by side")
    compare.add_argument(
        "--merge", action="append", default=[], metavar="CSV", help="a table of another machine"
    )
    compare.add_argument("--report-only", action="store_true", help="run nothing")
    compare.add_argument("--show", metavar="STRATEGY,SEED,BUDGET", help="the run to draw")

    show = add("demo", commands.demo, "the whole loop on a generated cohort")
    show.add_argument("--out", default="activeseed-demo", help="a folder for the demo's project")
    show.add_argument(
        "--no-serve", dest="serve", action="store_false", help="do not show it in a browser at last"
    )


def _add_unit(parser: Parser) -> None:
    parser.add_argument(
        "--unit",
        choices=("case", "slice"),
        default="case",
        help="what is suggested and trained on: whole cases, or single slices of volumes",
    )


def _add_patients(parser: Parser, default: str = "from DICOM") -> None:
    parser.add_argument(
        "--patients",
        metavar="FILE|REGEX",
        help="who belongs together: a CSV or JSON with case and patient, or a regular expression "
        f"whose first group in the case's name is the patient (default: {default})",
    )


def _add_encoder(parser: Parser, seed: bool = True) -> None:
    from ActiveSeedLib.features import DEFAULT_ENCODER

    parser.add_argument("--encoder", default=DEFAULT_ENCODER, help="see: activeseed encoders")
    _add_parameters(
        parser, "--encoder-parameter", "encoder_parameters", "of the encoder: weights=FILE"
    )
    if seed:
        parser.add_argument("--map-method", default="tsne", choices=("tsne", "pca"))
        parser.add_argument("--seed", type=int, default=43, help="fixes everything by chance")


def _add_training(parser: Parser, seed: bool = True) -> None:
    parser.add_argument("--epochs", type=int, help="passes over the labelled cases")
    parser.add_argument("--network", help="auto, attention-unet-2d or unet-3d")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    if seed:
        parser.add_argument("--seed", type=int, default=43, help="fixes the training")
    _add_parameters(parser, "--set", "settings", "any training setting: learning_rate=0.0005")


def _add_parameters(parser: Parser, option: str, target: str, text: str) -> None:
    parser.add_argument(
        option, dest=target, action="append", default=[], metavar="NAME=VALUE", help=text
    )


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"write a whole number above 0, not {text!r}")
    return int(text)


def _numbers(text: str) -> list[int]:
    try:
        return [int(word) for word in _words(text)]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"write whole numbers, as 8,16, not {text!r}") from error
