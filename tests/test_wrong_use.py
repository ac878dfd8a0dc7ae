"""Wrong use of tasks: one line that says what was found, the contract's exit code, and nothing written."""

from pathlib import Path

import pytest
from program import SMALL, charrnn

from charrnn.commands.answering import COMMANDS
from charrnn.errors import CorpusError, UsageError

GOLDEN = Path(__file__).parent / "golden"
MODELS = {
    "language": GOLDEN / "format-3.safetensors",
    "classify": GOLDEN / "format-3-classify.safetensors",
    "generate": GOLDEN / "format-3-generate.safetensors",
    "translate": GOLDEN / "format-3-translate.safetensors",
    "tag": GOLDEN / "format-3-tag.safetensors",
}
LABELLED = "".join(f"{text}\t{label}\n" for text, label in zip("abcdefgh", "ABABABAB", strict=True))
TAGGED = "ab\tB I\nba\tB B\n" * 9
MANY = "".join(f"a\tlabel {number}\n" for number in range(100_000))
USE, DATA = UsageError.exit_code, CorpusError.exit_code

TRAIN: dict[str, tuple[str, str, tuple[str, ...], int, str]] = {
    f"{what}, {task}": (name, text, ("--task", task, *options), code, said)
    for what, tasks, name, text, options, code, said in [
        (
            *("one column", "classify generate translate tag", "rows.tsv", LABELLED, ("--columns", "1")),
            *(USE, "--columns is '1'; expected two columns"),
        ),
        (
            *("plain text", "classify generate translate tag", "rows.tsv", "one\ntwo\n", ()),
            *(DATA, "rows.tsv, line 1: found 1 column ('one')"),
        ),
        (
            *("no text", "classify generate translate tag", "rows.tsv", "", ()),
            *(DATA, "rows.tsv"),
        ),
        (
            *("a row of one column", "classify generate translate tag", "rows.tsv", LABELLED + "x\n", ()),
            *(DATA, "rows.tsv, line 9: found 1 column ('x')"),
        ),
        (
            *("broken quotes", "classify generate translate tag", "rows.csv", '"a","A"\n"b,B\nc,A\n', ()),
            *(DATA, "rows.csv, line 2: not a row of CSV"),
        ),
        (
            *("a label with a tab", "classify generate", "rows.csv", 'a,A\nb,"x\ty"\n', ()),
            *(DATA, "rows.csv, line 2: found the label 'x\\ty'"),
        ),
        (
            *("one label", "classify generate", "rows.tsv", "a\tA\nb\tA\n", ()),
            *(DATA, "has the label 'A' alone"),
        ),
        (
            *("an empty label", "classify generate", "rows.tsv", "a\tA\nb\t\n", ()),
            *(DATA, "rows.tsv, line 2: found the label ''"),
        ),
        (
            *("100,000 labels", "classify", "rows.tsv", MANY, ()),
            *(DATA, "rows.tsv, line 50,001: found over 50,000 distinct labels"),
        ),
        (
            *("100,000 tags", "tag", "rows.tsv", MANY.replace("label ", "label-"), ()),
            *(DATA, "rows.tsv, line 4,097: found over 4,096 distinct tags"),
        ),
        (
            *("too few tags", "tag", "rows.tsv", TAGGED + "abb\tB I\n", ()),
            *(DATA, "rows.tsv, line 19: found 2 tags for the 3 characters of 'abb'"),
        ),
        (
            *("too many tags", "tag", "rows.tsv", TAGGED + "\tB\n", ()),
            *(DATA, "rows.tsv, line 19: found 1 tag for the 0 characters of ''"),
        ),
        (
            *("nothing to find", "translate", "rows.tsv", "a\t\nb\t\n", ()),
            *(DATA, "nothing but empty targets"),
        ),
        (
            *("no text of a label", "classify generate", "rows.txt", "a b\n", ("--format", "labels")),
            *(DATA, "rows.txt, line 1: found 'a b'; expected __label__x"),
        ),
        (
            *("columns of plain text", "tag", "rows.tsv", TAGGED, ("--restore", "case", "--columns", "1,2")),
            *(USE, "--restore is case, which reads plain text"),
        ),
        (
            *("another text mode", "classify generate translate tag", "rows.tsv", LABELLED),
            *(("--mode", "text"), USE, "--mode is text, but --task"),
        ),
        (
            *("balanced labels", "language generate translate tag", "rows.tsv", LABELLED),
            *(("--class-weights", "balanced"), USE, "--class-weights is for --task classify, but --task is"),
        ),
        (
            *("smoothed labels", "language generate translate tag", "rows.tsv", LABELLED),
            *(("--label-smoothing", "0.1"), USE, "--label-smoothing is for --task classify, but --task is"),
        ),
        (
            *("no attention", "language classify generate tag", "rows.tsv", LABELLED),
            *(("--no-attention",), USE, "--attention is for --task translate, but --task is"),
        ),
        (
            *("forward only", "language generate", "rows.tsv", LABELLED, ("--no-bidirectional",), USE),
            "--bidirectional is for --task classify or tag or translate, but --task is",
        ),
    ]
    for task in tasks.split()
}


def files() -> dict[Path, int]:
    """What lies here, and when it was written."""
    return {path: path.stat().st_mtime_ns for path in Path().rglob("*")}


pytestmark = pytest.mark.usefixtures("in_empty_folder")


def check_refused(code: int, said: str, *command: str | Path) -> None:
    before = files()
    result = charrnn(*command)
    assert (result.code, result.out, said in result.err) == (code, "", True), result.err
    assert (result.err.count("\n"), result.err.startswith("charrnn: ")) == (1, True), result.err
    assert files() == before


@pytest.mark.parametrize("case", TRAIN)
def test_what_nothing_can_be_learnt_from(case: str) -> None:
    name, text, options, code, said = TRAIN[case]
    Path(name).write_text(text, encoding="utf-8")
    check_refused(code, said, "train", name, *options, "--run", "run", *SMALL)


@pytest.mark.parametrize(
    ("task", "rows", "validation", "said"),
    [
        ("classify", LABELLED, "a\tC\n", "line 1: found the label 'C', which is not in the training part"),
        ("generate", LABELLED, "a\tC\n", "line 1: found the label 'C', which is not in the training part"),
        ("tag", TAGGED, "a\tX\n", "line 1: found the tag 'X', which is not in the training part"),
    ],
)
def test_answers_that_stand_in_the_validation_alone(task: str, rows: str, validation: str, said: str) -> None:
    Path("rows.tsv").write_text(rows)
    Path("held.tsv").write_text(validation)
    options = ("--task", task, "--validation", "held.tsv", "--run", "run", *SMALL)
    check_refused(DATA, f"held.tsv, {said}", "train", "rows.tsv", *options)


@pytest.mark.parametrize(
    ("command", "task"),
    [
        (command, task)
        for command in sorted(set(COMMANDS.values()))
        for task in MODELS
        if COMMANDS[task] != command
    ],
)
def test_a_checkpoint_of_another_task(command: str, task: str) -> None:
    text = () if command == "sample" else ("--text", "a")
    said = f"charrnn {COMMANDS[task]} --checkpoint {MODELS[task]}"
    check_refused(USE, said, command, "--checkpoint", MODELS[task], *text)


@pytest.mark.parametrize(
    ("task", "options", "code", "said"),
    [
        ("generate", ("sample", "--label", "Z"), USE, "--label is 'Z'"),
        ("generate", ("sample", "--label", "A\tB"), USE, "--label is"),
        ("generate", ("sample",), USE, "--label"),
        ("language", ("sample", "--label", "A"), USE, "--label"),
        ("classify", ("evaluate", "strange.tsv"), DATA, "strange.tsv, line 1: found the label 'Z'"),
        ("generate", ("evaluate", "strange.tsv"), DATA, "strange.tsv, line 1: found the label 'Z'"),
        ("tag", ("evaluate", "strange.tsv"), DATA, "strange.tsv, line 1: found the tag 'Z'"),
        ("tag", ("evaluate", "count.tsv"), DATA, "count.tsv, line 1: found 1 tag for the 2 characters"),
        ("classify", ("evaluate", "plain.txt"), DATA, "plain.txt, line 1: found 1 column"),
        ("tag", ("evaluate", "plain.txt"), DATA, "plain.txt, line 1: found 1 column"),
    ],
)
def test_what_a_model_cannot_be_asked(task: str, options: tuple[str, ...], code: int, said: str) -> None:
    Path("strange.tsv").write_text("a\tZ\n")
    Path("count.tsv").write_text("ab\tB\n")
    Path("plain.txt").write_text("ab\n")
    check_refused(code, said, *options, "--checkpoint", MODELS[task])
