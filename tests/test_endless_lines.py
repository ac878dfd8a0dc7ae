"""Models of lines that never end one: each text is cut far beyond the corpus's longest line; that is said."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from forging import change, in_format_2, with_arrays
from hypothesis import given
from hypothesis import strategies as st
from program import charrnn

from charrnn.config.settings import Request, SampleSettings
from charrnn.decoding.conversation import STRETCH, Conversation
from charrnn.decoding.ensemble import Ensemble
from charrnn.decoding.length import SHORTEST_BOUND, UNKNOWN_BOUND, bound_of, length_of
from charrnn.runs.checkpoint import load
from charrnn.runs.language_model import language_model_of
from charrnn.text.codes import END
from charrnn.text.statistics import CodeCounter

LONGEST = len("delemir")


@pytest.fixture(scope="module")
def endless(lines_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose end mark is as good as impossible."""
    path = tmp_path_factory.mktemp("endless") / "model.safetensors"
    shutil.copy(lines_run / "best.safetensors", path)
    end = load(path).vocabulary.end

    def never_end(arrays: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]) -> None:
        arrays["model.output.bias"][end] = -1e4

    with_arrays(path, never_end)
    return path


def longer(path: Path, folder: Path, longest: int | None) -> Path:
    """The model of a corpus whose longest line has so many symbols; None: made before that was kept."""
    copy = folder / f"{longest}.safetensors"
    shutil.copy(path, copy)
    change(copy, lambda entry: entry["corpus"].pop("longest_record"))
    if longest is None:
        in_format_2(copy)
    else:
        change(copy, lambda entry: entry["corpus"].update(longest_record=longest))
    return copy


def test_a_run_keeps_how_long_its_longest_line_is(lines_run: Path, run_folder: Path) -> None:
    assert load(lines_run / "best.safetensors").corpus.longest_record == LONGEST
    assert load(run_folder / "best.safetensors").corpus.longest_record == 0


@given(records=st.lists(st.integers(0, 9), min_size=1, max_size=12), cut=st.integers(1, 7))
def test_the_longest_record_is_found_across_pieces(records: list[int], cut: int) -> None:
    codes = np.array([code for length in records for code in [*[97] * length, END]], np.uint32)
    counter = CodeCounter(is_lines=True)
    for begin in range(0, len(codes), cut):
        counter.add(codes[begin : begin + cut])
    assert counter.longest_record == max(records)


@pytest.mark.parametrize("options", [(), ("--temperature", "0"), ("--seed", "5", "--stop", "never")])
def test_a_text_without_an_end_is_cut_and_that_is_said(endless: Path, options: tuple[str, ...]) -> None:
    result = charrnn("sample", "--checkpoint", endless, *options)
    assert (result.code, len(result.out)) == (0, SHORTEST_BOUND + 1)
    assert result.err == (
        "charrnn: 1 text was cut at 100 characters, where the model had written no end mark; the longest "
        "that it learnt from has 7; --length N cuts at another length, --length 0 never\n"
    )


@pytest.mark.parametrize("options", [("--count", "300"), ("--count", "3", "--best-of", "2")])
def test_however_many_are_cut_it_is_said_once(endless: Path, options: tuple[str, ...]) -> None:
    result = charrnn("sample", "--checkpoint", endless, *options)
    assert {len(line) for line in result.out.splitlines()} == {SHORTEST_BOUND}
    assert result.err.startswith(f"charrnn: {options[1]} texts were cut at 100 characters")
    assert result.err.count("\n") == 1


def test_json_and_files_say_it_too(endless: Path, tmp_path: Path) -> None:
    found = charrnn("sample", "--checkpoint", endless, "--json", "--count", "2", "--prompt", "be")
    assert [len(text["text"]) for text in found.json["texts"]] == [SHORTEST_BOUND] * 2
    assert "2 texts were cut" in found.err
    written = charrnn("sample", "--checkpoint", endless, "--output", tmp_path / "names.txt")
    assert "1 text was cut" in written.err
    assert len((tmp_path / "names.txt").read_text(encoding="utf-8")) == SHORTEST_BOUND + 1


def test_the_bound_grows_with_the_longest_line(endless: Path, tmp_path: Path) -> None:
    result = charrnn("sample", "--checkpoint", longer(endless, tmp_path, 25))
    assert len(result.out) == 251
    assert "cut at 250 characters" in result.err


def test_a_file_that_does_not_know_its_longest_line_is_bounded_all_the_same(
    endless: Path, tmp_path: Path
) -> None:
    result = charrnn("sample", "--checkpoint", longer(endless, tmp_path, None))
    assert (result.code, len(result.out)) == (0, UNKNOWN_BOUND + 1)
    assert "cut at 10,000 characters, where the model had written no end mark; --length N" in result.err


def test_a_length_that_was_asked_for_is_no_cut(endless: Path, lines_run: Path) -> None:
    result = charrnn("sample", "--checkpoint", endless, "--length", "300", "--temperature", "0.5:1.2")
    assert (len(result.out), result.err) == (301, "")
    result = charrnn("sample", "--checkpoint", lines_run, "--count", "50")
    assert (result.out.count("\n"), result.err) == (50, "")


def test_the_bound_is_no_length(endless: Path) -> None:
    result = charrnn("sample", "--checkpoint", endless, "--temperature", "0.5:1.2")
    assert result.code == 2
    assert "this one has no end; give --length" in result.err


def test_where_nobody_waits_for_an_end_mark_there_is_no_bound(endless: Path) -> None:
    model = language_model_of(load(endless))
    assert [bound_of(model, Request(length=length)) for length in (0, 9, None)] == [0, 0, SHORTEST_BOUND]
    assert bound_of(model, Request(until_line=2)) == 0
    assert length_of(model, Request()) == 0
    assert bound_of(language_model_of(load(endless)), Request(stop=("x",))) == SHORTEST_BOUND


def test_of_several_models_the_longest_line_counts(endless: Path, tmp_path: Path) -> None:
    authors = [language_model_of(load(endless)), language_model_of(load(longer(endless, tmp_path, 25)))]
    assert bound_of(Ensemble.of(authors), Request()) == 250


def test_a_conversation_lets_it_write_a_stretch_at_a_time(endless: Path) -> None:
    talk = Conversation(language_model_of(load(endless)), Request(), SampleSettings())
    assert len("".join(talk.run(STRETCH))) == STRETCH
    assert len("".join(talk.run(300))) == 300
    assert not talk.is_ended


def test_text_mode_is_as_it_was(run_folder: Path) -> None:
    """There the default length ends a text, and nothing says so."""
    result = charrnn("sample", "--checkpoint", run_folder)
    assert (len(result.out), result.err) == (500, "")
