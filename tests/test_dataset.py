"""Encoded text on disk: the parts hold what they say, whatever the split, and are found again."""

import json
import unicodedata
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charrnn.config.settings import ReadingSettings
from charrnn.errors import CharRNNError, CheckpointError, CorpusError, ResourceError, UsageError
from charrnn.text.arrays import ArrayWriter
from charrnn.text.codes import END
from charrnn.text.corpus import Corpus
from charrnn.text.dataset import Dataset, open_dataset
from charrnn.text.dataset_encoding import encode_dataset
from charrnn.text.parts import Part
from charrnn.text.record_part import Records
from charrnn.text.split import count_held_out, parse_validation
from charrnn.text.text_parts import OneText, PartedText
from charrnn.text.vocabulary import Vocabulary
from charrnn.text.vocabulary_counts import vocabulary_of

SHAKESPEARE = Path(__file__).parents[2] / "shared" / "corpora" / "tinyshakespeare.txt"


def encoded(
    tmp_path: Path,
    text: str,
    validation: str = "0.1",
    *,
    seed: int = 1,
    chunk_bytes: int = 16,
    **reading: str,
) -> tuple[Dataset, Vocabulary]:
    path = tmp_path / "text.txt"
    path.write_bytes(text.encode())
    read = ReadingSettings(**reading)  # type: ignore[arg-type] # every one of them is a text
    corpus = Corpus([str(path)], read, chunk_bytes=chunk_bytes)
    vocabulary = vocabulary_of(
        corpus.statistics().counts, corpus.reading.level, end=corpus.reading.mode == "lines"
    )
    return encode_dataset(corpus, vocabulary, tmp_path / "run", validation, seed), vocabulary


def records_of(part: Part, vocabulary: Vocabulary) -> list[str]:
    """The records of a part, each through its own inputs and targets."""
    assert isinstance(part, Records)
    found = []
    for number in part.chosen:
        first, last = part.bounds[number], part.bounds[number + 1]
        inputs, targets = part.ids[first:last], part.ids[first + 1 : last + 1]
        assert inputs[0] == targets[-1] == vocabulary.end
        assert np.array_equal(inputs[1:], targets[:-1])
        found.append(vocabulary.decode(inputs[1:]))
    return found


def held(dataset: Dataset) -> Part:
    assert dataset.validation is not None
    return dataset.validation


def chosen(part: Part) -> list[int]:
    """The numbers of its records."""
    assert isinstance(part, Records)
    return [int(number) for number in part.chosen]


@pytest.mark.parametrize("chunk_bytes", [1, 7, 4096])
@pytest.mark.parametrize("form", ["none", "nfd"])
def test_text_is_held_out_from_its_end(tmp_path: Path, chunk_bytes: int, form: str) -> None:
    text = "한국어 text e\u0301 " * 10
    dataset, vocabulary = encoded(tmp_path, text, "0.25", chunk_bytes=chunk_bytes, normalize=form)
    parts = (dataset.training, held(dataset))
    decoded = [unicodedata.normalize("NFC", vocabulary.decode(part.ids)) for part in parts]
    assert "".join(decoded) == unicodedata.normalize("NFC", text)
    assert parts[0].characters + parts[1].characters == len(text)
    assert parts[0].utf8_bytes + parts[1].utf8_bytes == len(text.encode())
    assert parts[1].characters == count_held_out(Fraction("0.25"), len(text), "")
    assert text.encode()[-parts[1].utf8_bytes :].decode() == text[-parts[1].characters :]


def test_a_count_holds_back_so_many_characters(tmp_path: Path) -> None:
    dataset, vocabulary = encoded(tmp_path, "abcdefgh", "3")
    assert vocabulary.decode(held(dataset).ids) == "fgh"
    assert vocabulary.decode(dataset.training.ids) == "abcde"


def test_no_character_is_parted(tmp_path: Path) -> None:
    dataset, vocabulary = encoded(tmp_path, "abcde\u0301fg", "3")
    assert vocabulary.decode(held(dataset).ids) == "fg"
    assert (dataset.training.characters, held(dataset).characters) == (6, 2)


@pytest.mark.parametrize("validation", ["0", "0.0"])
def test_nothing_is_held_out_when_nothing_is_asked(tmp_path: Path, validation: str) -> None:
    dataset, vocabulary = encoded(tmp_path, "hello", validation)
    assert dataset.validation is None
    assert dataset.notices == ()
    assert vocabulary.decode(dataset.training.ids) == "hello"


@pytest.mark.parametrize(
    ("text", "validation"), [("hello", "0.1"), ("abc", "2"), ("hello", "0.99"), ("a", "0.5")]
)
def test_a_text_too_short_to_split_is_trained_whole_and_says_so(
    tmp_path: Path, text: str, validation: str
) -> None:
    dataset, vocabulary = encoded(tmp_path, text, validation)
    assert dataset.validation is None
    assert dataset.training.characters == len(text)
    assert vocabulary.decode(dataset.training.ids) == text
    assert "too short" in dataset.notices[0]


@pytest.mark.parametrize("validation", ["1.5", "-1", "-0.1", "nan", "inf", "1e400"])
def test_a_number_that_is_neither_share_nor_count_is_wrong_use(tmp_path: Path, validation: str) -> None:
    with pytest.raises(UsageError, match=r"--validation is .*; expected 0, a share below 1"):
        encoded(tmp_path, "hello", validation)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("mode", ["text", "lines"])
def test_as_much_as_there_is_cannot_be_held_out(tmp_path: Path, mode: str) -> None:
    with pytest.raises(UsageError, match=r"--validation is 5, but the text has 5 (characters|lines)"):
        encoded(tmp_path, "hello" if mode == "text" else "a\nb\nc\nd\ne", "5", mode=mode)
    assert not (tmp_path / "run").exists()


def test_shares_are_exact() -> None:
    assert count_held_out(Fraction("0.1"), 1_115_394, "characters") == 111_540
    assert parse_validation("0.1") == Fraction(1, 10)
    assert parse_validation("1e3") == 1000
    assert parse_validation("held.txt") == "held.txt"


@pytest.mark.skipif(not SHAKESPEARE.exists(), reason="the field's benchmark text is not on this machine")
def test_the_fields_benchmark_is_split_as_in_the_field(tmp_path: Path) -> None:
    dataset, _ = encoded(tmp_path, SHAKESPEARE.read_text(encoding="utf-8"), chunk_bytes=2**20)
    assert (dataset.training.characters, held(dataset).characters) == (1_003_854, 111_540)


@pytest.mark.parametrize("chunk_bytes", [1, 7, 4096])
def test_lines_are_whole_and_in_one_part_each(tmp_path: Path, chunk_bytes: int) -> None:
    lines = [f"name {number} 한e\u0301" * ((number + 1) % 3) for number in range(40)]
    dataset, vocabulary = encoded(
        tmp_path, "\r\n".join(lines), "0.25", chunk_bytes=chunk_bytes, mode="lines", normalize="nfd"
    )
    for part in (dataset.training, held(dataset)):
        found = [unicodedata.normalize("NFC", record) for record in records_of(part, vocabulary)]
        assert found == [unicodedata.normalize("NFC", lines[number]) for number in chosen(part)]
        assert part.characters == sum(map(len, found))
        assert part.utf8_bytes == sum(len(record.encode()) for record in found)
    numbers = [*chosen(dataset.training), *chosen(held(dataset))]
    assert sorted(numbers) == list(range(40))
    assert held(dataset).records == 10


def test_lines_are_drawn_by_seed(tmp_path: Path) -> None:
    text = "\n".join(map(str, range(100)))

    def drawn(seed: int) -> list[int]:
        dataset, _ = encoded(tmp_path, text, "10", seed=seed, mode="lines")
        return chosen(held(dataset))

    assert drawn(1) == drawn(1) != drawn(2)
    assert drawn(1) != list(range(90, 100))


def test_byte_lines_count_characters(tmp_path: Path) -> None:
    dataset, vocabulary = encoded(tmp_path, "한글\nab\n글", "0", mode="lines", level="byte")
    assert records_of(dataset.training, vocabulary) == ["한글", "ab", "글"]
    assert (dataset.training.characters, dataset.training.utf8_bytes) == (5, 11)


def test_a_single_line_is_trained_whole(tmp_path: Path) -> None:
    dataset, vocabulary = encoded(tmp_path, "only", "0.5", mode="lines")
    assert dataset.validation is None
    assert records_of(dataset.training, vocabulary) == ["only"]
    assert dataset.notices


@pytest.mark.parametrize("mode", ["text", "lines"])
def test_a_file_of_its_own_is_read_the_same_way(tmp_path: Path, mode: str) -> None:
    other = tmp_path / "held.txt"
    other.write_bytes(b"ba\r\nab")
    dataset, vocabulary = encoded(tmp_path, "abab\nba\n", str(other), mode=mode, newlines="lf")
    if mode == "text":
        assert vocabulary.decode(held(dataset).ids) == "ba\nab"
        assert vocabulary.decode(dataset.training.ids) == "abab\nba\n"
    else:
        assert records_of(held(dataset), vocabulary) == ["ba", "ab"]
        assert records_of(dataset.training, vocabulary) == ["abab", "ba"]


@pytest.mark.parametrize("mode", ["text", "lines"])
def test_a_file_of_its_own_may_have_characters_that_the_corpus_lacks(tmp_path: Path, mode: str) -> None:
    other = tmp_path / "held.txt"
    other.write_text("abxx", encoding="utf-8")
    dataset, vocabulary = encoded(tmp_path, "abab", str(other), mode=mode)
    ids = held(dataset).ids.tolist()
    assert [number for number in ids if number != vocabulary.end] == [0, 1, len(vocabulary), len(vocabulary)]
    assert held(dataset).characters == 4
    (notice,) = dataset.notices
    assert "2 characters of it are unknown to the model" in notice
    assert "'x' U+0078" in notice


def test_a_file_of_its_own_that_is_too_short_or_missing_is_said_before_anything_is_written(
    tmp_path: Path,
) -> None:
    other = tmp_path / "held.txt"
    other.write_text("a", encoding="utf-8")
    with pytest.raises(CorpusError, match="too short to measure on"):
        encoded(tmp_path, "abab", str(other))
    with pytest.raises(CorpusError, match="does not exist"):
        encoded(tmp_path, "abab", str(tmp_path / "none.txt"))
    assert not (tmp_path / "run").exists()


def test_ids_are_mapped_and_narrow(tmp_path: Path) -> None:
    dataset, vocabulary = encoded(tmp_path, "hello world")
    assert dataset.training.ids.dtype == vocabulary.dtype == np.uint8
    stored = np.load(tmp_path / "run" / "corpus.npy", allow_pickle=False)
    assert vocabulary.decode(stored) == "hello world"
    assert not dataset.training.ids.flags.owndata


def encoded_files(
    folder: Path, texts: list[str], validation: str = "0.1", *, chunk_bytes: int = 4096, **reading: str
) -> tuple[Dataset, Vocabulary]:
    """A folder of files, encoded."""
    files = folder / "files"
    files.mkdir()
    for number, text in enumerate(texts):
        (files / f"{number:03}.txt").write_bytes(text.encode())
    corpus = Corpus([str(files)], ReadingSettings(**reading), chunk_bytes=chunk_bytes)  # type: ignore[arg-type]
    vocabulary = vocabulary_of(corpus.statistics().counts, corpus.reading.level)
    return encode_dataset(corpus, vocabulary, folder / "run", validation, 1), vocabulary


@pytest.mark.parametrize("chunk_bytes", [1, 4096])
@pytest.mark.parametrize("form", ["none", "nfd"])
@pytest.mark.parametrize("validation", ["0.1", "0.5", "777"])
def test_of_several_files_stretches_over_the_whole_are_held_out(
    tmp_path: Path, chunk_bytes: int, form: str, validation: str
) -> None:
    texts = [f"{number} 한e\u0301 file " * 150 for number in range(10, 20)]
    dataset, vocabulary = encoded_files(tmp_path, texts, validation, chunk_bytes=chunk_bytes, normalize=form)
    whole, training, out = "".join(texts), dataset.training, held(dataset)
    assert isinstance(training, PartedText)
    assert isinstance(out, PartedText)
    assert len(out.texts) == len(training.texts) >= 5
    spans = np.concatenate(list(zip(training.texts, out.texts, strict=True)))
    assert np.array_equal(spans[1:, 0], spans[:-1, 1])  # in turn, and nothing is lost
    pieces = [unicodedata.normalize("NFC", vocabulary.decode(out.ids[a:b])) for a, b in spans]
    assert "".join(pieces) == unicodedata.normalize("NFC", whole)
    assert not any(piece.startswith("\u0301") for piece in pieces)
    assert training.characters + out.characters == len(whole)
    assert training.utf8_bytes + out.utf8_bytes == len(whole.encode())
    expected = count_held_out(parse_validation(validation), len(whole), "")  # type: ignore[arg-type]
    assert out.characters == pytest.approx(expected, abs=len(out.texts))
    found = {number for number in range(10, 20) if str(number) in "".join(pieces[1::2])}
    assert len(found) >= 5
    for part, of in ((training, training.texts), (out, out.texts)):
        assert part.symbols == int(np.diff(of).sum())
    assert out.scored_symbols == out.symbols - len(out.texts)
    assert out.scored_characters == out.characters - len(out.texts)


def test_the_same_text_as_one_file_has_its_end_held_out(tmp_path: Path) -> None:
    text = "abcdefgh" * 500
    dataset, vocabulary = encoded(tmp_path, text, chunk_bytes=4096)
    assert isinstance(held(dataset), OneText)
    assert isinstance(dataset.training, OneText)
    assert vocabulary.decode(held(dataset).ids) == text[-400:]
    spread, _ = encoded_files(tmp_path, [text])
    assert isinstance(held(spread), PartedText)
    assert spread.fingerprint != dataset.fingerprint


def test_the_beginning_of_a_part_in_stretches_is_that_of_each(tmp_path: Path) -> None:
    dataset, _ = encoded_files(tmp_path, ["abcdefgh" * 100] * 10)
    whole, some = held(dataset), held(dataset).beginning(200)
    assert isinstance(some, PartedText)
    assert np.array_equal(some.texts[:, 0], whole.texts[:, 0])
    assert (some.texts[:, 1] < whole.texts[:, 1]).all()
    assert some.symbols == some.characters == pytest.approx(200, abs=len(some.texts))
    assert whole.beginning(10**6) is whole


def test_where_cuts_would_fall_into_one_character_the_end_is_held_out(tmp_path: Path) -> None:
    text = "a" + "\u0301" * 3000 + "bcdefghi" * 100
    dataset, vocabulary = encoded_files(tmp_path, [text], "0.2")
    assert isinstance(held(dataset), OneText)
    assert vocabulary.decode(held(dataset).ids) == text[-held(dataset).characters :]


def test_what_never_stands_in_the_training_part_is_said(tmp_path: Path) -> None:
    dataset, _ = encoded(tmp_path, "abab" * 30 + "xxay", "5")
    (notice,) = dataset.notices
    assert notice.startswith("3 of 5 held-out characters are never seen in training: 'x' U+0078")
    assert encoded(tmp_path, "abab" * 30, "5")[0].notices == ()


def test_lines_that_stand_in_both_parts_are_counted(tmp_path: Path) -> None:
    lines = [f"name {number}" for number in range(150)]
    dataset, _ = encoded(tmp_path, "\n".join(lines * 20), "0.1", mode="lines", chunk_bytes=4096)
    training, out = (
        {bytes(part.ids[begin : end - 1]) for begin, end in part.texts}
        for part in (dataset.training, held(dataset))
    )
    assert out <= training
    assert dataset.repeated == 300
    assert any("300 of 300 held-out lines also stand in the training part" in n for n in dataset.notices)
    once, _ = encoded(tmp_path, "\n".join([*lines, "twice", "twice"]), "0.3", mode="lines", chunk_bytes=4096)
    drawn = set(chosen(held(once)))
    assert once.repeated == len(drawn & {150, 151}) % 2
    assert open_dataset(tmp_path / "run").repeated == once.repeated


def same(first: Part | None, second: Part | None) -> bool:
    if first is None or second is None:
        return first is second
    arrays = zip(first.arrays, second.arrays, strict=True)
    counts = (first.characters, first.utf8_bytes) == (second.characters, second.utf8_bytes)
    return type(first) is type(second) and counts and all(np.array_equal(a, b) for a, b in arrays)


@pytest.mark.parametrize("mode", ["text", "lines"])
@pytest.mark.parametrize("validation", ["0", "0.4", "text.txt"])
def test_a_dataset_is_found_again(tmp_path: Path, mode: str, validation: str) -> None:
    where = str(tmp_path / validation) if validation.endswith("txt") else validation
    written, _ = encoded(tmp_path, "one\ntwo\nthree\nfour\n", where, mode=mode)
    found = open_dataset(tmp_path / "run", written.fingerprint)
    assert same(found.training, written.training)
    assert same(found.validation, written.validation)
    with pytest.raises(CheckpointError, match="of another text or split"):
        open_dataset(tmp_path / "run", "0" * 64)


def test_a_fingerprint_follows_text_and_split(tmp_path: Path) -> None:
    prints = {
        encoded(tmp_path, text, validation, seed=seed)[0].fingerprint
        for text, validation, seed in [
            ("abcdef", "2", 1),
            ("abcdea", "2", 1),
            ("abcdef", "3", 1),
            ("abcdef", "2", 2),
        ]
    }
    assert len(prints) == 4
    assert encoded(tmp_path, "abcdef", "2")[0].fingerprint in prints


def spoil_length(run: Path) -> None:
    np.save(run / "corpus.npy", np.zeros(3, np.uint8))


def spoil_bounds(run: Path) -> None:
    np.save(run / "corpus-bounds.npy", np.zeros(0, np.int64))


def spoil_bytes(run: Path) -> None:
    (run / "corpus.npy").write_bytes(b"garbage")


def spoil_description(run: Path) -> None:
    (run / "dataset.json").write_text("[]", encoding="utf-8")


def spoil_pickle(run: Path) -> None:
    np.save(run / "corpus.npy", np.array([{}], object), allow_pickle=True)


def spoil_entry(run: Path) -> None:
    path = run / "dataset.json"
    entry: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(entry | {"training": {"file": "corpus"}}), encoding="utf-8")


@pytest.mark.parametrize(
    "spoil", [spoil_length, spoil_bounds, spoil_bytes, spoil_description, spoil_pickle, spoil_entry]
)
def test_what_is_damaged_is_said(tmp_path: Path, spoil: Any) -> None:  # noqa: ANN401 - functions above
    encoded(tmp_path, "one\ntwo\nthree\n", "1", mode="lines")
    spoil(tmp_path / "run")
    with pytest.raises(CheckpointError, match="missing or damaged") as caught:
        open_dataset(tmp_path / "run")
    assert "\n" not in str(caught.value)


def test_an_array_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    def write(numbers: int) -> None:
        with ArrayWriter(tmp_path / "a.npy", np.uint8, 3) as writer:
            writer.write(np.zeros(1))
            if not numbers:
                raise KeyboardInterrupt
            writer.write(np.zeros(numbers - 1))

    with pytest.raises(KeyboardInterrupt):
        write(0)
    with pytest.raises(ValueError, match="2 of 3"):
        write(2)
    assert list(tmp_path.iterdir()) == []
    write(3)
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file stands here", encoding="utf-8")
    with pytest.raises(CharRNNError, match="cannot be written"):
        encoded(tmp_path, "hello")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.npy.partial").symlink_to("/dev/full")
    writer = ArrayWriter(tmp_path / "a.npy", np.uint8, 10**6).__enter__()
    with pytest.raises(ResourceError, match="free some space"):
        writer.write(np.zeros(10**6, np.uint8))
    with pytest.raises(ResourceError):
        writer.__exit__(None, None, None)
    assert not (tmp_path / "a.npy").exists()


def test_end_is_the_mark_of_lines(tmp_path: Path) -> None:
    _, vocabulary = encoded(tmp_path, "a\nb", "0", mode="lines")
    assert vocabulary.codes.tolist() == [97, 98, END]
