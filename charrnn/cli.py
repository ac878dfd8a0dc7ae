"""The commands: thin wrappers around the functions in `charrnn.commands`, and the single error handler.

Only what the help needs is imported here; numpy and torch are imported by the commands that use them. Until
these are loaded, a signal ends the program at once; later it is an exception, so everything is cleaned up.
"""

import os
import secrets
import sys
from typing import Annotated, Any

import typer

from charrnn import __version__
from charrnn.config.declaration import build
from charrnn.config.options import with_settings
from charrnn.config.settings import (
    CORPUS_HELP,
    ON_INVALID_BYTES,
    ClassifySettings,
    EvaluateSettings,
    ExportSettings,
    InspectSettings,
    PlotSettings,
    ReadingSettings,
    Request,
    SampleSettings,
    SeeingSettings,
    TagSettings,
    TrainSettings,
    TranslateSettings,
    VocabularySettings,
)
from charrnn.display.standard_error import loading, tell
from charrnn.errors import UsageError
from charrnn.runs.signals import Stops
from charrnn.training.launcher import Place, follows, launch, place

HELP_OPTIONS = ["--help", "-h"]

app = typer.Typer(
    name="charrnn",
    help="Train character-level recurrent networks on your own text, and sample new text from them.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": HELP_OPTIONS},
)

A_MODEL = "a run folder, the name of a run in runs/, or a checkpoint file"
NEWEST = "the newest run in runs/"


def _checkpoint(text: str, default: str | bool = NEWEST) -> Any:  # noqa: ANN401 - as typer has it
    return typer.Option("--checkpoint", metavar="PATH", help=text, show_default=default)


CorpusArgument = Annotated[
    list[str] | None, typer.Argument(metavar="CORPUS", help=CORPUS_HELP, show_default=False)
]
LinesArgument = Annotated[
    list[str] | None, typer.Argument(metavar="TEXT", help=CORPUS_HELP, show_default="standard input")
]
TypedOption = Annotated[
    list[str] | None,
    typer.Option(
        "--text",
        metavar="TEXT",
        help="a text from the command line; may be given several times",
        show_default=False,
    ),
]
JsonLinesOption = Annotated[bool, typer.Option("--json", help="print one JSON object for each line")]
JsonOption = Annotated[bool, typer.Option("--json", help="print one JSON object instead of text")]
WORTH_THREADS = 64
"""So many texts side by side keep two processor threads busy."""


def with_seed_drawn(given: dict[str, Any]) -> dict[str, Any]:
    """The settings with a number for `--seed random`; it is said, so that the same can be done again."""
    if given.get("seed") != "random":
        return given
    seed = secrets.randbelow(2**32)
    sys.stderr.write(f"charrnn: --seed {seed}\n")
    return given | {"seed": seed}


def with_file_of_errors(given: dict[str, Any]) -> dict[str, Any]:
    """The settings with `--wrong FILE` for `--errors FILE`, which else says what to do with invalid bytes."""
    errors = given.get("errors")
    if errors is None or errors in ON_INVALID_BYTES:
        return given
    if "wrong" in given:
        raise UsageError(f"--errors {errors} and --wrong name a file for the same; leave one out")
    return {name: value for name, value in given.items() if name != "errors"} | {"wrong": errors}


def _compute_on_one_thread() -> None:
    """Let numpy, which reads it when it is imported, use one thread, unless a user says otherwise.

    Threads that wait for one another at every character cost more than they bring.
    """
    os.environ.setdefault("OMP_NUM_THREADS", os.environ.get("OPENBLAS_NUM_THREADS", "1"))


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"charrnn {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option("--version", help="show the version and exit", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    pass


@app.command()
@with_settings(TrainSettings)
def train(
    context: typer.Context,
    corpus: CorpusArgument = None,
    config: Annotated[
        str | None,
        typer.Option(
            "--config",
            metavar="FILE.toml",
            help="read settings from a file; options on the command line override it",
        ),
    ] = None,
    **given: Any,  # noqa: ANN401 - the options of TrainSettings
) -> None:
    """Train a model on text; creates a run folder.

    \b
    charrnn train novel.txt --max-time 10m
    charrnn train names.txt --mode lines
    charrnn train builtin:python --cell gru --layers 2 --hidden 256 --epochs 3
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        # Read when torch is imported: how often a thread looks for the others before it sleeps. A tenth of
        # the usual costs nothing, but where another program has a core, waiting takes a tenth of the time.
        os.environ.setdefault("GOMP_SPINCOUNT", "30000")
    from charrnn.commands.checks import checked
    from charrnn.commands.processes import with_processes
    from charrnn.runs.folder import read_config

    here, typed = place(), given.pop("prompt", None)
    if here is not None and here.rank:
        raise typer.Exit(_follow(here, is_wanted=not given.get("dry_run")))
    values = (read_config(config) if config else {}) | with_seed_drawn(given)
    if corpus:
        values["corpus"] = tuple(corpus)
    values = with_processes(values, here, is_typed="processes" in given)
    if not values.get("resume"):
        checked(values)  # what is wrong is told before torch is loaded, which takes seconds
    elif values.get("dry_run"):
        raise UsageError("--dry-run shows what a new run would be; leave it out to go on, or --resume")
    if here is None and values["processes"] > 1 and not values.get("dry_run"):
        seed = ["--seed", str(values["seed"])] if given.get("seed") == "random" else []
        raise typer.Exit(launch(values["processes"], [*context.find_root().obj, *seed]))
    _train(values, typed, here)


def _train(values: dict[str, Any], prompt: str | None, here: Place | None) -> None:
    """Train alone, or as the one of several processes that leads."""
    with loading("PyTorch", quiet=bool(values.get("quiet"))):
        from charrnn.commands.caller import Caller
        from charrnn.commands.dry_run import dry_run
        from charrnn.commands.resume import resume
        from charrnn.commands.train import train as begin

    run = resume if values.get("resume") else dry_run if values.get("dry_run") else begin
    with Stops() as stops:
        if here is None or here.size == 1 or run is dry_run:
            run(values, Caller(stops), prompt)
            return
        from charrnn.training.distributed import joined

        with joined(here, stops) as world:
            run(values, Caller(stops, started=here.started, world=world), prompt)


def _follow(here: Place, *, is_wanted: bool) -> int:
    """Train as one process of several, which another one leads; the exit code."""
    if not is_wanted:
        return 0
    from charrnn.commands.follow import follow

    return follow(here)


@app.command()
@with_settings(Request, SampleSettings, SeeingSettings)
def sample(
    checkpoint: Annotated[
        list[str] | None, _checkpoint(f"{A_MODEL}; several write one text together, see --mix")
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="print control characters as they are, on a terminal too")
    ] = False,
    json: JsonOption = False,
    **given: Any,  # noqa: ANN401
) -> None:
    """Write text, character by character.

    \b
    charrnn sample --prompt "Once upon a time" --length 1000
    charrnn sample --temperature 0.6 --seed 7
    charrnn sample --checkpoint runs/names --count 20
    """
    given = with_seed_drawn(given)
    request = build(Request, given)
    if request.count * request.best_of < WORTH_THREADS:
        _compute_on_one_thread()
    from charrnn.commands.sample import sample as run

    seeing = build(SeeingSettings, given)
    with Stops(interruptible=seeing.interactive):
        run(
            tuple(checkpoint or ()),
            request,
            build(SampleSettings, given),
            seeing,
            raw=raw,
            json_wanted=json,
        )


@app.command()
@with_settings(ClassifySettings)
def classify(
    text: LinesArgument = None,
    typed: TypedOption = None,
    checkpoint: Annotated[str | None, _checkpoint(A_MODEL)] = None,
    json: JsonLinesOption = False,
    **given: Any,  # noqa: ANN401
) -> None:
    """Print the label of each line, of a model trained with --task classify.

    \b
    charrnn classify lines.txt
    charrnn classify --text "Nguyen" --top 3
    cat lines.txt | charrnn classify --min-probability 0.9 --json
    """
    _compute_on_one_thread()
    from charrnn.commands.classify import classify as run

    settings = build(ClassifySettings, given)
    with Stops():
        run(tuple(text or ()), tuple(typed or ()), checkpoint, settings, json_wanted=json)


@app.command()
@with_settings(TranslateSettings)
def translate(
    text: LinesArgument = None,
    typed: TypedOption = None,
    checkpoint: Annotated[str | None, _checkpoint(A_MODEL)] = None,
    json: JsonLinesOption = False,
    **given: Any,  # noqa: ANN401
) -> None:
    """Print what each line becomes, of a model trained with --task translate.

    \b
    charrnn translate words.txt
    charrnn translate --text "abszolút" --n-best 3
    cat words.txt | charrnn translate --json --attention
    """
    _compute_on_one_thread()
    from charrnn.commands.translate import translate as run

    settings = build(TranslateSettings, with_seed_drawn(given))
    with Stops(interruptible=settings.interactive):
        run(tuple(text or ()), tuple(typed or ()), checkpoint, settings, json_wanted=json)


@app.command()
@with_settings(TagSettings)
def tag(
    text: LinesArgument = None,
    typed: TypedOption = None,
    checkpoint: Annotated[str | None, _checkpoint(A_MODEL)] = None,
    json: JsonLinesOption = False,
    **given: Any,  # noqa: ANN401
) -> None:
    """Print each line cut by its tags, or its tags, of a model trained with --task tag.

    \b
    charrnn tag words.txt
    charrnn tag --text "absolvovat" --separator "-"
    cat words.txt | charrnn tag --output conll
    """
    _compute_on_one_thread()
    from charrnn.commands.tag import tag as run

    settings = build(TagSettings, given)
    with Stops():
        run(tuple(text or ()), tuple(typed or ()), checkpoint, settings, json_wanted=json)


@app.command()
@with_settings(ReadingSettings, VocabularySettings, without=frozenset({"vocabulary", "task"}))
def vocab(
    corpus: CorpusArgument = None,
    checkpoint: Annotated[
        str | None,
        _checkpoint("show the characters of a model; with CORPUS, those that the model does not know", False),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            metavar="FILE",
            help="write the vocabulary as JSON to a new file, for train --vocabulary",
        ),
    ] = None,
    json: JsonOption = False,
    **given: Any,  # noqa: ANN401
) -> None:
    """Count the characters of a text, or list those of a model.

    \b
    charrnn vocab novel.txt
    charrnn vocab novel.txt --output vocabulary.json
    charrnn vocab other.txt --checkpoint runs/novel
    """
    from charrnn.commands.vocab import vocab as run

    with Stops():
        run(tuple(corpus or ()), checkpoint, output, given, json_wanted=json)


@app.command()
@with_settings(EvaluateSettings, ReadingSettings, without=frozenset({"task"}))
def evaluate(
    text: Annotated[
        list[str] | None, typer.Argument(metavar="TEXT", help=CORPUS_HELP, show_default=False)
    ] = None,
    checkpoint: Annotated[list[str] | None, _checkpoint(A_MODEL)] = None,
    json: JsonOption = False,
    **given: Any,  # noqa: ANN401
) -> None:
    """Score a text with a model, in bits per character.

    \b
    charrnn evaluate --part validation --baselines
    charrnn evaluate other.txt --checkpoint runs/novel --window 256
    charrnn evaluate other.txt --show
    """
    from charrnn.commands.evaluate import evaluate as run
    from charrnn.commands.scoring import Question

    given = with_file_of_errors(given)
    settings = build(EvaluateSettings, given)
    with Stops():
        run(Question(tuple(text or ()), tuple(checkpoint or ()), given, settings, json_wanted=json))


@app.command()
@with_settings(ExportSettings)
def export(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="where to: FILE.html is a web page, FILE.onnx a graph, FOLDER/ a folder for a model hub",
            show_default=False,
        ),
    ],
    checkpoint: Annotated[str | None, _checkpoint(A_MODEL)] = None,
    json: JsonOption = False,
    **given: Any,  # noqa: ANN401
) -> None:
    """Write a model for others: a web page that writes text, ONNX for programs, or a folder for a model hub.

    \b
    charrnn export page.html --checkpoint runs/novel --prompt "Once "
    charrnn export model.onnx --weights int8
    charrnn export novel/ --license cc-by-4.0
    """
    from charrnn.commands.export import export as run

    settings = build(ExportSettings, given)
    with Stops():
        run(file, checkpoint, settings, json_wanted=json)


@app.command()
@with_settings(InspectSettings)
def inspect(
    text: Annotated[
        list[str] | None,
        typer.Argument(metavar="TEXT", help=CORPUS_HELP, show_default="what the run held out"),
    ] = None,
    checkpoint: Annotated[str | None, _checkpoint(A_MODEL)] = None,
    json: JsonOption = False,
    **given: Any,  # noqa: ANN401
) -> None:
    """Find the cells that follow a property of the text, such as quotes, brackets or indentation.

    \b
    charrnn inspect
    charrnn inspect other.txt --checkpoint runs/novel
    charrnn inspect --cell 1:37 --property "year=1\\d\\d\\d"
    """
    from charrnn.commands.inspect import inspect as run

    settings = build(InspectSettings, given)
    with Stops():
        run(tuple(text or ()), checkpoint, settings, json_wanted=json)


@app.command()
def info(checkpoint: Annotated[str | None, _checkpoint(A_MODEL)] = None, json: JsonOption = False) -> None:
    """Show the model, the settings and the progress in a checkpoint.

    \b
    charrnn info
    charrnn info --checkpoint runs/novel --json
    """
    from charrnn.commands.info import info as run

    with Stops():
        run(checkpoint, json_wanted=json)


@app.command()
@with_settings(PlotSettings)
def plot(
    run: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN",
            help="run folders, or names of runs in runs/",
            show_default=NEWEST,
        ),
    ] = None,
    json: JsonOption = False,
    **given: Any,  # noqa: ANN401
) -> None:
    """Plot the losses, learning rate and speed of one or several runs.

    \b
    charrnn plot
    charrnn plot runs/novel runs/novel-2 --by seconds
    charrnn plot runs/novel --output curves.svg
    """
    from charrnn.commands.plot import plot as draw

    settings = build(PlotSettings, given)
    with Stops():
        draw(tuple(run or ()), settings, json_wanted=json)


@app.command()
def runs(
    folder: Annotated[
        list[str] | None,
        typer.Argument(metavar="FOLDER", help="run folders, or folders of runs", show_default="runs/"),
    ] = None,
    json: JsonOption = False,
) -> None:
    """List runs, grouped by text, the best first: model, time, bits per character, disk space.

    \b
    charrnn runs
    charrnn runs experiments/ runs/novel --json
    """
    from charrnn.commands.runs import runs as list_runs

    with Stops():
        list_runs(tuple(folder or ()), json_wanted=json)


def _without_odd_types(command: Any) -> None:  # noqa: ANN401 - typer's own kind
    """Let the help show no type beside flags and arguments, where typer has `<bool>` and `<list[str]>`."""
    for each in (command, *command.commands.values()):
        for parameter in each.get_params(typer.Context(each, help_option_names=HELP_OPTIONS)):
            if getattr(parameter, "is_flag", False) or parameter.param_type_name == "argument":
                parameter.display_type_rich = lambda ctx: ""  # noqa: ARG005 - as typer calls it


def run_command(arguments: list[str] | None = None) -> int:
    """Run a command and return the exit code; whatever goes wrong is one line on standard error."""
    try:
        given = sys.argv[1:] if arguments is None else [str(argument) for argument in arguments]
        command = typer.main.get_command(app)
        _without_odd_types(command)
        result = command.main(args=given, obj=given, prog_name="charrnn", standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:  # the one place where every error ends
        if os.environ.get("CHARRNN_DEBUG") == "1":
            raise
        if follows() and hasattr(error, "format_message"):  # the option parser's errors are those of all
            return 2
        return tell(error)
    return result if isinstance(result, int) else 0
