"""`charrnn sample`: what reaches standard output, and what each option does."""

import json
from pathlib import Path

import pytest
from program import charrnn


def sample(run: Path, *options: str) -> str:
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
    assert sample(run_folder, "--typical", "0.1") != sample(run_folder)
    assert set(sample(run_folder, "--allow", "a-c")) <= set("abc")
    assert "e" not in sample(run_folder, "--deny", "e", "--length", "1000")
    assert sample(run_folder, "--repetition-penalty", "3") != sample(run_folder)
    wide = ("--repetition-penalty", "3", "--repetition-window")
    assert sample(run_folder, *wide, "1") != sample(run_folder, *wide, "100")


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
