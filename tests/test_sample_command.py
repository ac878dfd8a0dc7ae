"""`charrnn sample`: what reaches standard output, and what each option does."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from program import SMALL, TEXT, charrnn


def sample(run: Path, *options: str | Path) -> str:
    """What is written: decoded, not stripped."""
    result = charrnn("sample", "--checkpoint", run, *options)
    assert result.code == 0, result.err
    return result.out


def test_the_text_is_all_that_is_written(run_folder: Path) -> None:
    assert len(sample(run_folder, "--length", "2000")) == 2000
    assert len(sample(run_folder)) == 500
    with_prompt = sample(run_folder, "--length", "100", "--prompt", "One ")
    assert with_prompt.startswith("One ")
    assert len(with_prompt) == 104


def test_korean_prompt_and_sample(korean_run: Path) -> None:
    text = sample(korean_run, "--prompt", "안녕", "--length", "200", "--temperature", "0.5")
    assert text.startswith("안녕")
    assert len(text) == 202
    assert any("가" <= character <= "힣" for character in text[2:])


def test_seeds(run_folder: Path) -> None:
    assert sample(run_folder, "--seed", "3") == sample(run_folder, "--seed", "3")
    assert sample(run_folder, "--seed", "3") != sample(run_folder, "--seed", "4")


def test_temperature_zero_is_the_likeliest_whatever_the_seed(run_folder: Path) -> None:
    texts = {sample(run_folder, "--temperature", "0", "--prompt", "One", "--seed", seed) for seed in "123"}
    assert len(texts) == 1


def test_temperature_makes_bolder(run_folder: Path) -> None:
    cold, hot = (sample(run_folder, "--temperature", t, "--length", "2000") for t in ("0.2", "5"))
    assert len(set(cold.split())) < len(set(hot.split()))


def test_count_ends_each_text_in_a_newline(run_folder: Path) -> None:
    texts = sample(run_folder, "--count", "3", "--length", "20", "--deny", r"\n")
    assert [len(text) for text in texts.split("\n")] == [20, 20, 20, 0]
    one = sample(run_folder, "--count", "1", "--length", "20", "--deny", r"\n")
    assert texts.startswith(one + "\n"), "the first text does not depend on how many are written"


def test_lines_end_by_themselves(lines_run: Path) -> None:
    lines = sample(lines_run, "--count", "40").split("\n")
    assert len(lines) == 41
    assert lines[-1] == ""
    assert all(lines[:-1])
    assert len({len(line) for line in lines[:-1]}) > 1


def test_prompts_from_a_file_and_from_standard_input(run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "prompt.txt").write_text("One flew")
    assert sample(run_folder, "--prompt", f"@{tmp_path / 'prompt.txt'}").startswith("One flew")
    piped = charrnn("sample", "--checkpoint", run_folder, "--prompt", "-", standard_input=b"birds")
    assert piped.out.startswith("birds")


def test_unknown_characters_of_a_prompt(run_folder: Path) -> None:
    skipped = charrnn("sample", "--checkpoint", run_folder, "--prompt", "O漢ne", "--on-unknown", "skip")
    assert skipped.out.startswith("One")
    assert "U+6F22" in skipped.err
    nearest = charrnn("sample", "--checkpoint", run_folder, "--prompt", "Óne", "--on-unknown", "nearest")
    assert nearest.out.startswith("One")


def test_filters_have_their_effect(run_folder: Path) -> None:
    greedy = sample(run_folder, "--temperature", "0", "--prompt", "One")
    for options in (("--top-k", "1"), ("--top-p", "0.000001"), ("--min-p", "1")):
        assert sample(run_folder, "--prompt", "One", *options) == greedy
    typical = {sample(run_folder, "--typical", "0.000001", "--seed", seed) for seed in "123"}
    assert len(typical) == 1, "one character is left at each place"
    assert not typical & {sample(run_folder), sample(run_folder, "--temperature", "0")}
    assert set(sample(run_folder, "--allow", "a-c")) <= set("abc")
    assert "e" not in sample(run_folder, "--deny", "e", "--length", "1000")


def test_a_penalty_makes_repetitions_rare_within_its_window(tmp_path: Path) -> None:
    """Of a model that has not learnt enough to be sure of what comes."""
    (tmp_path / "text.txt").write_text(TEXT)
    assert charrnn("train", tmp_path / "text.txt", "--run", tmp_path / "run", *SMALL).code == 0

    def repetitions(*options: str) -> int:
        """How many characters stand among the twelve before them."""
        text = sample(tmp_path / "run", "--length", "500", *options)
        return sum(character in text[max(0, at - 12) : at] for at, character in enumerate(text))

    penalty = ("--repetition-penalty", "100", "--repetition-window")
    assert repetitions(*penalty, "12") == 0
    assert repetitions(*penalty, "2") > 100


def test_stop_is_not_written(run_folder: Path) -> None:
    whole = sample(run_folder, "--length", "400", "--temperature", "0.5")
    stop = whole[50:54]
    assert (
        sample(run_folder, "--length", "400", "--temperature", "0.5", "--stop", stop)
        == whole[: whole.index(stop)]
    )


def test_length_zero_goes_with_count_where_texts_end(run_folder: Path, lines_run: Path) -> None:
    assert sample(lines_run, "--length", "0", "--count", "3") == sample(lines_run, "--count", "3")
    texts = sample(run_folder, "--length", "0", "--count", "3", "--stop", "!", "--prompt", "One ")
    assert texts.count("One ") >= 3
    assert texts.endswith("\n")
    assert "!" not in texts


def test_an_endless_text_is_no_json(run_folder: Path) -> None:
    result = charrnn("sample", "--checkpoint", run_folder, "--length", "0", "--json")
    assert result.code == 2
    assert "--json would never print" in result.err


def test_json(run_folder: Path) -> None:
    found = json.loads(sample(run_folder, "--json", "--count", "2", "--length", "10", "--prompt", "On"))
    assert found["seed"] == 1
    assert [text["prompt"] for text in found["texts"]] == ["On", "On"]
    assert [len(text["text"]) for text in found["texts"]] == [10, 10]


@pytest.mark.parametrize("option", ["--raw"])
def test_a_pipe_gets_exact_text_with_and_without_raw(run_folder: Path, option: str) -> None:
    assert sample(run_folder, option) == sample(run_folder)


def test_last_and_best_and_a_file_can_be_sampled(run_folder: Path) -> None:
    for name in ("best", "last"):
        assert len(sample(run_folder / f"{name}.safetensors", "--length", "5")) == 5


def test_until_line_writes_so_many_whole_lines(run_folder: Path) -> None:
    text = sample(run_folder, "--until-line", "20", "--prompt", "One ")
    assert text.count("\n") == 20
    assert text.endswith("\n")
    texts = sample(run_folder, "--until-line", "2", "--count", "5", "--prompt", "One ")
    assert texts.count("\n") == 10
    assert texts.split("\n")[:2] == text.split("\n")[:2]
    found = json.loads(sample(run_folder, "--until-line", "2", "--json"))["texts"][0]["text"]
    assert found.count("\n") == 1


def test_the_temperature_walks(run_folder: Path) -> None:
    greedy = sample(run_folder, "--temperature", "0", "--prompt", "One", "--length", "200")
    walk = sample(run_folder, "--temperature", "0:3", "--prompt", "One", "--length", "200")
    assert walk[:5] == greedy[:5]
    assert walk != greedy


def test_the_best_of_several_is_likelier(run_folder: Path, tmp_path: Path) -> None:
    def bits(*options: str) -> float:
        written = sample(run_folder, "--prompt", "One ", "--length", "300", "--temperature", "1.5", *options)
        (tmp_path / "text.txt").write_text(written)
        scored = charrnn("evaluate", tmp_path / "text.txt", "--checkpoint", run_folder, "--json")
        return float(scored.json["bits_per_character"])

    seeds = [("--seed", str(seed)) for seed in range(2, 6)]  # one text may be the best of its twenty
    best, plain = [bits("--best-of", "20", *seed) for seed in seeds], [bits(*seed) for seed in seeds]
    assert all(of_twenty <= one for of_twenty, one in zip(best, plain, strict=True))
    assert sum(best) < sum(plain)
    three = sample(run_folder, "--best-of", "4", "--count", "3", "--length", "20", "--deny", r"\n")
    assert [len(text) for text in three.split("\n")] == [20, 20, 20, 0]


def test_two_models_are_mixed(run_folder: Path, korean_run: Path) -> None:
    both = ("--checkpoint", korean_run, "--length", "400", "--prompt", "One ")
    assert sample(run_folder, *both, "--mix", "1") == sample(
        run_folder, "--length", "400", "--prompt", "One "
    )
    mixed = sample(run_folder, *both, "--mix", "0.5")
    assert mixed == sample(run_folder, *both)
    assert any("가" <= character <= "힣" for character in mixed)
    assert any("a" <= character <= "z" for character in mixed[4:])


def test_a_mix_needs_two_models_that_read_alike(run_folder: Path, lines_run: Path) -> None:
    one = charrnn("sample", "--checkpoint", run_folder, "--mix", "0.7")
    assert one.code == 2
    assert "--mix 0.7 mixes models, and there is one" in one.err
    unlike = charrnn("sample", "--checkpoint", run_folder, "--checkpoint", lines_run)
    assert unlike.code == 2
    assert "one with --mode text" in unlike.err
    assert "another with --mode lines" in unlike.err
    assert charrnn("sample", "--checkpoint", run_folder, "--checkpoint", "missing").code == 3


def test_a_file_gets_what_standard_output_would(run_folder: Path, tmp_path: Path) -> None:
    for name, options in {
        "one": ("--length", "300"),
        "many": ("--count", "300", "--length", "20"),
        "json": ("--count", "2", "--json"),
    }.items():
        written = charrnn("sample", "--checkpoint", run_folder, *options, "--output", tmp_path / name)
        assert (written.code, written.out) == (0, "")
        assert (tmp_path / name).read_text() == sample(run_folder, *options)
        assert f"{name}: " in written.err
    assert (
        "300 of 300 texts in 0:0"
        in charrnn(
            "sample",
            "--checkpoint",
            run_folder,
            "--count",
            "300",
            "--length",
            "2",
            "--output",
            tmp_path / "more",
        ).err
    )


def test_a_file_holds_the_exact_bytes(tmp_path: Path) -> None:
    (tmp_path / "data.bin").write_bytes(bytes(range(256)) * 4)
    run, texts = tmp_path / "run", ("--count", "20", "--length", "50")
    assert charrnn("train", tmp_path / "data.bin", "--level", "byte", "--run", run, *SMALL).code == 0
    piped = charrnn("sample", "--checkpoint", run, *texts).out_bytes
    assert charrnn("sample", "--checkpoint", run, *texts, "--output", tmp_path / "out").code == 0
    assert (tmp_path / "out").read_bytes() == piped


def test_a_file_that_exists_is_never_overwritten(run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    for place in (tmp_path / "mine.txt", tmp_path):
        refused = charrnn("sample", "--checkpoint", run_folder, "--output", place)
        assert refused.code == 2
        assert f"{place} exists; choose another --output" in refused.err
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize(
    "options",
    [
        ("--prompt", "漢"),
        ("--allow", "漢"),
        ("--length", "0", "--count", "2"),
        ("--length", "0", "--temperature", "0:1"),
        ("--until-line", "2", "--deny", r"\n"),
        ("--mix", "0.5"),
    ],
)
def test_wrong_use_makes_no_file(run_folder: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    result = charrnn("sample", "--checkpoint", run_folder, "--output", tmp_path / "out", *options)
    assert result.code == 2
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_missing_is_said(run_folder: Path, tmp_path: Path) -> None:
    result = charrnn("sample", "--checkpoint", run_folder, "--output", tmp_path / "no" / "out")
    assert result.code == 2
    assert f"but there is no folder {tmp_path / 'no'}; make it first" in result.err


@pytest.mark.skipif(sys.platform == "win32", reason="no signals to send")
def test_a_signal_leaves_what_is_written(run_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    options = ("--checkpoint", str(run_folder), "--length", "0", "--output", str(out))
    command = [sys.executable, "-m", "charrnn", "sample", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        while not (out.exists() and out.stat().st_size):
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        said = process.stderr.read().decode()
        assert process.wait(timeout=30) == 143
    assert f"out.txt: {len(out.read_text()):,} characters in " in said
    assert said.endswith("stopped by SIGTERM\n")


@pytest.mark.slow
def test_a_hundred_thousand_names(lines_run: Path, tmp_path: Path) -> None:
    options = ("--count", "100000", "--output", str(tmp_path / "names.txt"))
    assert charrnn("sample", "--checkpoint", lines_run, *options).code == 0
    names = (tmp_path / "names.txt").read_text().split("\n")
    assert len(names) == 100_001
    assert names[:50] == sample(lines_run, "--count", "50").split("\n")[:50]
