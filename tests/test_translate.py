"""`charrnn translate`: a line in, a line out, without torch; and all that is told of it."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest
from program import charrnn, python
from test_interactive import Person

from charrnn.commands import answering
from charrnn.runs.checkpoint import load, save
from charrnn.runs.translation_model import translation_model_of

LINES = sorted({"".join(np.random.default_rng(seed).choice(list("abcd"), seed % 5)) for seed in range(200)})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that turns lines round and makes them capitals: `abc` becomes `C B A`."""
    folder = tmp_path_factory.mktemp("translate")
    pairs = "".join(f"{line}\t{' '.join(line.upper()[::-1])}\n" for line in LINES) + "dddd\tA\n" * 3
    (folder / "pairs.tsv").write_text(pairs)
    options = ("--task", "translate", "--target-symbols", "spaces", "--validation", "0", "--hidden", "24")
    result = charrnn(
        "train",
        folder / "pairs.tsv",
        *options,
        "--steps",
        "200",
        "--batch-size",
        "16",
        "--run",
        folder / "run",
    )
    assert result.code == 0, result.err
    return folder / "run"


def test_each_line_has_its_target(run: Path) -> None:
    text = b"abc\nd\r\n\nab"
    result = charrnn("translate", "--checkpoint", run, standard_input=text)
    assert (result.code, result.err) == (0, "")
    assert result.out == "C B A\nD\n\nB A\n"
    lines = run.parent / "lines.txt"
    lines.write_bytes(text)
    assert charrnn("translate", lines, "--checkpoint", run, "--text", "ca").out == "A C\n" + result.out
    assert charrnn("translate", lines, "--checkpoint", run, "--beam", "1").out == result.out


def test_several_targets_with_their_probabilities(run: Path) -> None:
    lines = charrnn("translate", "--checkpoint", run, "--text", "abc", "--n-best", "3").out.splitlines()
    rows = [line.split("\t") for line in lines]
    assert [(source, rank) for source, rank, _, _ in rows] == [("abc", "1"), ("abc", "2"), ("abc", "3")]
    assert rows[0][3] == "C B A"
    logs = [float(row[2]) for row in rows]
    assert 0 > logs[0] > logs[1] > logs[2]
    command = ("translate", "--checkpoint", str(run), "--text", "abc", "--json")
    found = charrnn(*command, "--n-best", "3", "--beam", "9").json
    assert (found["source"], found["target"], found["attention"]) == ("abc", "C B A", None)
    assert found["log_probability"] == pytest.approx(logs[0], abs=1e-3)
    assert [other["target"] for other in found["alternatives"]] == [row[3] for row in rows[1:]]
    assert charrnn(*command).json["alternatives"] == []


def test_what_was_looked_at_is_shown(run: Path) -> None:
    found = charrnn("translate", "--checkpoint", run, "--text", "ab", "--json", "--attention").json[
        "attention"
    ]
    assert found["source"] == ["a", "b", "<end>"]
    assert found["target"] == ["B", "A", "<end>"]
    assert np.array(found["weights"]).shape == (3, 3)
    assert np.allclose(np.sum(found["weights"], 1), 1, atol=1e-3)
    shown = charrnn("translate", "--checkpoint", run, "--text", "ab", "--attention").out.splitlines()
    assert shown[0] == "B A"
    assert shown[1] == "    a  b  ⏎"
    assert [row[2] for row in shown[2:]] == ["B", "A", "⏎"]


def test_what_was_looked_at_is_shown_as_a_page(run: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    command = ("translate", "--checkpoint", run, "--html", page)
    first, _ = charrnn(*command, standard_input=b"ab\n<d>\n").out.splitlines()
    assert first == "B A"
    shown = page.read_text("utf-8")
    assert "<p>ab → B A</p>" in shown
    assert "<p>&lt;d&gt; → " in shown
    assert 'data-note="B ← b   ' in shown
    result = charrnn(*command, "--text", "ab")
    assert (result.code, result.out) == (2, "")
    assert "page.html exists; choose another --html" in result.err


def test_a_line_of_any_length_is_answered(run: Path) -> None:
    typed = f"{'abcd' * 5000}\nab\n".encode()
    result = charrnn("translate", "--checkpoint", run, "--max-length", "4", standard_input=typed)
    assert (result.code, len(result.out.splitlines())) == (0, 2)
    assert result.out.splitlines()[1] == "B A"


@pytest.mark.parametrize(
    ("options", "advice"),
    [((), "shorten it"), (("--attention",), "shorten it, or lower --max-length or --beam")],
)
def test_a_line_that_memory_is_too_small_for_is_refused(
    run: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], advice: str
) -> None:
    monkeypatch.setattr(answering, "UNCHECKED_BYTES", 0)
    monkeypatch.setattr(answering, "free_bytes", lambda: 20_000.0)
    assert charrnn("translate", "--checkpoint", run, "--text", "ab").out == "B A\n"
    result = charrnn("translate", "--checkpoint", run, "--text", "ab" * 50, *options)
    assert (result.code, result.out) == (5, "")
    assert "a line of 100 symbols takes about 0.0 GB of memory to answer" in result.err
    assert result.err.endswith(f"free; {advice}\n")


def test_what_is_drawn_depends_on_the_seed_and_the_line_alone(run: Path) -> None:
    def drawn(lines: bytes, *options: str) -> list[str]:
        command = ("translate", "--checkpoint", str(run), "--temperature", "3", "--max-length", "5", *options)
        return charrnn(*command, standard_input=lines).out.splitlines()

    ten = drawn(b"abc\n" * 10)
    assert ten == drawn(b"abc\n" * 10)
    assert len(set(ten)) > 3
    assert ten[:4] == drawn(b"abc\nabc\nabc\nabc")
    assert ten != drawn(b"abc\n" * 10, "--seed", "2")
    assert charrnn("translate", "--checkpoint", run, "--temperature", "0", "--text", "abc").out == "C B A\n"


def test_targets_that_are_broken_off_are_told(run: Path) -> None:
    result = charrnn("translate", "--checkpoint", run, "--max-length", "2", standard_input=b"abc\na\ndcb\n")
    assert result.out == "C B\nA\nB C\n"
    assert result.err == "charrnn: 2 targets were broken off at --max-length 2\n"
    found = charrnn("translate", "--checkpoint", run, "--max-length", "2", "--text", "abc", "--json").json
    assert found["capped"] is True


def test_sources_of_training_are_remembered(run: Path) -> None:
    command = ("translate", "--checkpoint", str(run), "--memory")
    assert charrnn(*command, standard_input=b"dddd\nabc\n").out == "A\nC B A\n"
    found = charrnn(*command, "--text", "dddd", "--json").json
    assert (found["target"], found["log_probability"]) == ("A", None)
    alone = run.parent / "alone.safetensors"
    alone.write_bytes((run / "best.safetensors").read_bytes())
    result = charrnn("translate", "--checkpoint", alone, "--memory", "--text", "a")
    assert (result.code, result.out) == (2, "")
    assert "--memory needs the pairs of the run" in result.err


def test_characters_that_the_model_does_not_know_are_one_symbol(run: Path) -> None:
    result = charrnn("translate", "--checkpoint", run, standard_input="日\né\n".encode())
    first, second = result.out.splitlines()
    assert first == second


def test_a_line_in_is_a_line_out_without_torch(run: Path) -> None:
    command = [sys.executable, "-m", "charrnn", "translate", "--checkpoint", str(run)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for text, target in ((b"ab\n", b"B A\n"), (b"cd\n", b"D C\n")):
            process.stdin.write(text)
            process.stdin.flush()
            assert process.stdout.readline() == target
        process.stdin.close()
        assert process.wait(60) == 0
    program = "import sys; from charrnn.cli import run_command; run_command(sys.argv[1:])"
    code = f"{program}; print('torch' in sys.modules)"
    found = python(code, arguments=("translate", "--checkpoint", str(run), "--text", "ab", "--attention"))
    assert found.splitlines()[0] == "B A"
    assert found.splitlines()[-1] == "False"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--temperature", "1", "--n-best", "2"), "--temperature 1 draws one target, and --n-best 2"),
        (("--interactive", "--json"), "--interactive does not go with --json"),
        (("--interactive",), "--interactive needs a terminal"),
        (("--beam", "0"), "--beam is 0"),
        (("--max-length", "0"), "--max-length is 0"),
    ],
)
def test_wrong_use_is_one_line(run: Path, options: tuple[str, ...], message: str) -> None:
    result = charrnn("translate", "--checkpoint", run, *options)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert result.err.count("\n") == 1


def test_jamo_come_out_as_syllables(tmp_path: Path) -> None:
    """Targets are normalised as sources are, and composed for people."""
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("안녕\t네\n하나\t둘\n" * 20)
    options = ("--task", "translate", "--normalize", "nfd", "--validation", "0", "--hidden", "16")
    run = tmp_path / "run"
    result = charrnn("train", pairs, *options, "--steps", "60", "--batch-size", "8", "--quiet", "--run", run)
    assert result.code == 0, result.err
    assert charrnn("translate", "--checkpoint", run, "--text", "하나", "--json").json["target"] == "둘"
    assert "하나 → 둘" in (run / "samples.txt").read_text()
    found = charrnn("evaluate", pairs, "--checkpoint", run, "--json").json
    translator = translation_model_of(load(run / "best.safetensors"))
    assert translator.characters(translator.target_vocabulary.encode(normalize("NFD", "둘둘x"))) == 3
    assert 0 < found["bits_per_character"] < found["bits_per_character_shuffled"]


def test_a_model_is_scored(run: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.tsv"
    right, wrong = [line for line in LINES if 0 < len(line) < 4][:2], LINES[-2:]
    pairs = [*((line, " ".join(line.upper()[::-1])) for line in right), *((line, "Q") for line in wrong)]
    rows.write_text("".join(f"{source}\t{target}\n" for source, target in [*pairs, ("xyz日", "A B C D A B")]))
    command = ("evaluate", rows, "--checkpoint", run)
    found = charrnn(*command, "--json", "--n-best", "4", "--baselines").json
    assert (found["task"], found["lines"], found["unseen_lines"]) == ("translate", 5, 1)
    assert found["exact"] == 0.4
    assert found["exact"] <= found["oracle_exact"]
    assert found["symbol_error_rate"] > 0.5
    assert found["unseen"]["exact"] == 0.0
    assert 0 < found["bits_per_symbol"] < found["bits_per_symbol_shuffled"]
    assert found["copied_from_training"] == 1.0
    assert found["unseen"]["bits_per_symbol_shuffled"] is None  # there is no other
    copy, memory = found["baselines"]
    assert (copy["name"], copy["exact"]) == ("copy", 0.0)
    assert (memory["name"], memory["exact"]) == ("memorise, else copy", 0.4)
    shown = charrnn(*command, "--baselines", "--wrong", tmp_path / "wrong.tsv").out
    assert [line.split("\t")[:2] for line in (tmp_path / "wrong.tsv").read_text().splitlines()] == [
        *([line, "\ufffd"] for line in wrong),
        ["\ufffd" * 4, "A B C D A B"],
    ]
    assert f"exact                  {found['exact']:.4f}; " in shown
    told, shuffled = found["bits_per_symbol"], found["bits_per_symbol_shuffled"]
    assert f"bits per symbol        {told:.4f}; {shuffled:.4f} with the sources shuffled" in shown
    assert "1.0000 of what it wrote is a target of training" in shown
    assert "oracle_exact" not in charrnn(*command, "--json").json
    result = charrnn(*command, "--window", "5", "--per-line")
    assert (result.code, result.out) == (2, "")
    result = charrnn("evaluate", "--part", "validation", "--checkpoint", run)
    assert result.code == 2
    assert "the run held out nothing" in result.err


@pytest.mark.parametrize(
    ("symbols", "reason"),
    [
        (("A", "C", "B", "D"), "target symbols in ascending order"),
        (("A", "A", "B", "D"), "target symbols in ascending order"),
        (("", "A", "B", "D"), "target symbols of 1 to 1,000 characters"),
        (("A", "B", "C"), "3 target_vocabulary in its list, 5 in the network"),
    ],
)
def test_target_symbols_of_a_file_are_checked(
    run: Path, tmp_path: Path, symbols: tuple[str, ...], reason: str
) -> None:
    forged = tmp_path / "forged.safetensors"
    save(forged, replace(load(run / "best.safetensors"), answers=symbols))
    result = charrnn("translate", "--checkpoint", forged, "--text", "a")
    assert (result.code, result.out) == (3, "")
    assert reason in result.err


def test_another_command_is_named_that_the_model_is_for(run: Path) -> None:
    result = charrnn("sample", "--checkpoint", run)
    assert result.code == 2
    assert f"charrnn translate --checkpoint {run}" in result.err


def test_a_conversation_on_a_terminal(run: Path) -> None:
    with Person("translate", "--checkpoint", run, "--interactive") as person:
        person.waits_for("> ")
        person.types("abc\r")
        assert "C B A" in person.waits_for("C B A\r\n> ")
        person.types("d\r")
        person.waits_for("D\r\n> ")
        person.types("\x04")
        assert person.leaves() == 0
        assert "Traceback" not in person.shown
