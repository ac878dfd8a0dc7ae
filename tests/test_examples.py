"""Texts with labels: read from every format, held out by distinct text and by label, laid on disk."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from program import charrnn

from charrnn.commands.corpora import make_vocabulary
from charrnn.config.settings import ReadingSettings, VocabularySettings
from charrnn.errors import CheckpointError, CorpusError
from charrnn.text.corpus import Corpus
from charrnn.text.dataset import Dataset, open_dataset
from charrnn.text.dataset_encoding import encode_dataset
from charrnn.text.example_parts import Labelled
from charrnn.text.labels import check_labels, labels_of
from charrnn.text.split import drawn_by_kind

PAIRS = [("eins", "de"), ("", "de"), ('t"wo', "en"), ("dréi,", "lb")]


pytestmark = pytest.mark.usefixtures("in_empty_folder")


def corpus_of(name: str, data: str | bytes, **reading: str | bool) -> Corpus:
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_bytes(data.encode() if isinstance(data, str) else data)
    return Corpus([name], ReadingSettings(task="classify", **reading))  # type: ignore[arg-type]


def pairs(corpus: Corpus) -> list[tuple[str, str]]:
    texts = "".join(corpus.texts()).split("\n")[:-1]
    return list(zip(texts, [cell.text for _, cell in corpus.answers()], strict=True))


TSV = "".join(f"{text}\t{label}\n" for text, label in PAIRS)
CSV = 'label,n,text\r\nde,1,eins\r\nde,2,\r\nen,3,"t""wo"\r\nlb,4,"dréi,"\r\n'
JSONL = "".join(json.dumps({"t": text, "l": label, "n": 1}) + "\n" for text, label in PAIRS)


@pytest.mark.parametrize(
    ("name", "data", "reading"),
    [
        ("t.tsv", TSV, {}),
        ("t.txt", TSV, {}),
        ("t.tsv.gz", gzip.compress(TSV.encode(), mtime=0), {}),
        ("t.txt", TSV.replace("\t", ";"), {"separator": ";"}),
        ("t.csv", 'de|eins\nde|\nen|"t""wo"\nlb|dréi,', {"columns": "2,1", "separator": "|"}),
        ("t.csv", CSV, {"columns": "text,label", "header": True}),
        ("t.jsonl", JSONL, {"columns": "t,l"}),
        ("t.txt", "".join(f"__label__{label} {text}\n" for text, label in PAIRS), {"format": "labels"}),
        ("t.tsv", TSV.encode("utf-16"), {"encoding": "utf-16"}),
    ],
)
def test_a_text_and_its_label_are_read(name: str, data: str | bytes, reading: dict[str, str | bool]) -> None:
    corpus = corpus_of(name, data, **reading)
    assert pairs(corpus) == PAIRS
    assert labels_of(corpus) == ("de", "en", "lb")
    assert corpus.reading.mode == "lines"


def test_a_folder_has_a_file_for_each_label() -> None:
    for name, text in (("de.txt", "eins\nzwei\n"), ("en.txt.gz", "one"), ("pt.br.txt", "\num\n")):
        corpus_of(f"words/{name}", gzip.compress(text.encode()) if name.endswith("gz") else text)
    corpus = Corpus(["words"], ReadingSettings(task="classify"))
    assert pairs(corpus) == [("eins", "de"), ("zwei", "de"), ("one", "en"), ("um", "pt.br")]


@pytest.mark.parametrize(
    ("name", "data", "reading", "message"),
    [
        ("t.tsv", "a\tx\nb", {}, "t.tsv, line 2: found 1 column ('b'); expected 2, as in line 1"),
        (
            "t.tsv",
            "a\nb",
            {},
            "t.tsv, line 1: found 1 column ('a'), none of them '2'; give another --columns",
        ),
        ("t.csv", 'a,x\n"b,y\n', {}, "t.csv, line 2: not a row of CSV: unexpected end of data; expected"),
        ("t.csv", 'a,"x\ty"\n', {}, r"t.csv, line 1: found the label 'x\ty'; expected a text of 1 to 1,000"),
        ("t.csv", 'a,"x\ny"\n', {}, r"t.csv, line 1: found the label 'x\ny'; expected a text of 1 to 1,000"),
        ("t.tsv", "a\tx\nb\t\n", {}, "t.tsv, line 2: found the label ''; expected a text of 1 to 1,000"),
        ("t.tsv", "a\tx\nb\tx\n", {}, "t.tsv has the label 'x' alone; expected two or more"),
        ("t.txt", "__label__x a\nb\n", {"format": "labels"}, "t.txt, line 2: found 'b'; expected __label__x"),
        ("t.jsonl", '{"t": "a"}', {"columns": "t,l"}, "t.jsonl, line 1: found 't'; expected an object with"),
        (
            "t.tsv",
            "".join(f"a\t{number}\n" for number in range(100_000)),
            {},
            "t.tsv, line 50,001: found over 50,000 distinct labels, such as '50000'; expected fewer",
        ),
    ],
)
def test_a_bad_row_is_told_with_file_line_and_what_was_found(
    name: str, data: str, reading: dict[str, str | bool], message: str
) -> None:
    with pytest.raises(CorpusError) as caught:
        labels_of(corpus_of(name, data, **reading))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--columns", "1"),
            "--columns is '1'; expected two columns for this task, such as 1,2 or text,label",
        ),
        (("--columns", "1,0"), "--columns is 1,0; expected numbers from 1, or names"),
        (("--columns", "text,label"), "--columns is 'text', a name, and without --header no row has names"),
        (("--mode", "text"), "--mode is text, but --task classify makes each row a line; leave --mode out"),
        (
            ("--separator", "ab"),
            "--separator is 'ab'; expected one character, neither a line end nor a quote",
        ),
        (("--delimiter", "%"), "--delimiter is '%', but --task classify makes each row a record"),
        (("--format", "labels", "--separator", ";"), "--separator is ';', but --format labels has none"),
    ],
)
def test_what_does_not_go_together_is_wrong_use(arguments: tuple[str, ...], message: str) -> None:
    Path("t.txt").write_text(TSV)
    result = charrnn("train", "t.txt", "--task", "classify", *arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.removeprefix("charrnn: ").startswith(message)
    assert result.err.count("\n") == 1
    assert [path.name for path in Path().iterdir()] == ["t.txt"]


def encoded(corpus: Corpus, validation: str, seed: int = 1, folder: str = "run") -> Dataset:
    vocabulary = make_vocabulary(corpus, VocabularySettings())
    return encode_dataset(corpus, vocabulary, Path(folder), validation, seed, answers=labels_of(corpus))


def test_what_is_held_out_is_new_and_of_every_label() -> None:
    rows = [(f"a{number % 40}", "often") for number in range(100)] + [("b1", "twice"), ("b2", "twice")]
    rows += [("c", "once"), ("a1", "twice")]
    corpus = corpus_of("t.tsv", "".join(f"{text}\t{label}\n" for text, label in rows))
    dataset = encoded(corpus, "0.1")
    training, held_out = dataset.examples
    assert isinstance(training, Labelled)
    assert isinstance(held_out, Labelled)
    chosen = held_out.texts.chosen
    texts = [{rows[number] for number in part.texts.chosen.tolist()} for part in (training, held_out)]
    assert {text for text, _ in texts[0]}.isdisjoint(text for text, _ in texts[1])
    names = ("often", "once", "twice")
    assert labels_of(corpus) == names
    found = [names[label] for label in held_out.labels[chosen]]
    assert found == [rows[number][1] for number in chosen.tolist()]
    assert found.count("twice") >= 1
    assert "once" not in found
    assert 8 <= found.count("often") <= 12
    assert dataset.repeated == 0
    assert encoded(corpus, "0.1", seed=1, folder="again").digest() == dataset.digest()
    assert encoded(corpus, "0.1", seed=2, folder="other").digest() != dataset.digest()


def test_drawing_depends_on_no_hash() -> None:
    kinds = np.array([0, 0, 0, 0, 1, 1], np.int32)
    first = drawn_by_kind(np.array([5, 3, 9, 3, 1, 2]), kinds, 2, 1)
    assert first.tolist() == drawn_by_kind(np.array([1, 7, 2, 7, 6, 5]), kinds, 2, 1).tolist()
    assert drawn_by_kind(np.array([1, 2]), np.zeros(2, np.int32), 0, 1).tolist() == []


@given(st.integers(0, 2**32))
def test_texts_with_many_rows_are_held_out_last(seed: int) -> None:
    hashes = np.array([7] * 20 + list(range(100, 130)))
    drawn = drawn_by_kind(hashes, np.zeros(50, np.int32), 10, seed)
    assert len(drawn) == 6
    assert (drawn >= 20).all()
    of_two = drawn_by_kind(np.array([1, 1, 2, 2]), np.zeros(4, np.int32), 2, seed)
    assert of_two.tolist() in ([0, 1], [2, 3])


def test_labels_that_are_changed_on_disk_are_found() -> None:
    corpus = corpus_of("t.tsv", TSV)
    dataset = encoded(corpus, "0")
    vocabulary = make_vocabulary(corpus, VocabularySettings())
    assert dataset.is_learnt_by(dataset.digest(), vocabulary)
    path, digest = Path("run/corpus-labels.npy"), dataset.digest()
    labels = np.load(path)
    np.save(path, labels[::-1])
    assert not open_dataset(Path("run")).is_learnt_by(digest, vocabulary)
    for damaged in (labels[:-1], labels.astype(np.int64)):
        np.save(path, damaged)
        with pytest.raises(CheckpointError, match=r"corpus-labels\.npy does not fit the text"):
            open_dataset(Path("run"))


def test_a_label_of_the_validation_file_alone_is_refused() -> None:
    Path("v.tsv").write_text("eins\tde\nuno\tit\n")
    with pytest.raises(CorpusError, match=r"^v\.tsv, line 2: found the label 'it', which is not in the"):
        encoded(corpus_of("t.tsv", TSV), "v.tsv")


def test_what_stands_in_both_parts_is_counted() -> None:
    Path("v.tsv").write_text("eins\tde\nneu\tde\n")
    dataset = encoded(corpus_of("t.tsv", TSV), "v.tsv")
    assert dataset.repeated == 1
    assert any(notice.startswith("1 of 2 held-out lines also stand in") for notice in dataset.notices)


@pytest.mark.parametrize("labels", [["a"], ["b", "a"], ["a", "a"], ["a", "b\t"], ["a", 2], ["", "a"]])
def test_a_list_that_is_none_of_labels_is_refused(labels: list[object]) -> None:
    with pytest.raises(ValueError, match=r"label|text"):
        check_labels(labels)
