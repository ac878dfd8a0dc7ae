"""Files that earlier versions wrote: they load, and write the same, for ever.

Both are the `last` of a run on `program.TEXT`; a new format gets a file of its own beside them.

    format-2    charrnn train text.txt --hidden 16 --embedding 8 --steps 300 --batch-size 8
                --sequence-length 32
    format-3    charrnn train text.txt, and `RUN_3`
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
import safetensors.numpy
from forging import entry_of, in_format_2
from interruptions import stopped_at
from program import SMALL, TEXT, charrnn

from charrnn.errors import CheckpointError
from charrnn.runs.checkpoint import load, save

GOLDEN = Path(__file__).parent / "golden" / "format-2.safetensors"
GOLDEN_3 = GOLDEN.with_name("format-3.safetensors")
DIGEST_3 = "69c01447ccc22bea2c25a2e86b5e9beacab8f41bc653ccb9bb25dae3d4f22ffd"
RUN_3 = (
    *("--mode", "lines", "--cell", "gru", "--layers", "2", "--dropout", "0.2", "--hidden", "16"),
    *("--embedding", "8", "--steps", "300", "--batch-size", "8", "--threads", "1"),
)


def test_it_is_what_it_was() -> None:
    info = charrnn("info", "--checkpoint", GOLDEN, "--json").json
    found = {name: info[name] for name in ("cell", "layers", "hidden", "step", "weights_sha256")}
    digest = "970bd9a4bea88527a17c3c0ec5d357c3ecd0ede86d23430e0e6c841bbcfb23e5"
    assert found == {"cell": "lstm", "layers": 1, "hidden": 16, "step": 300, "weights_sha256": digest}
    assert load(GOLDEN).training.arrays, "what a run goes on with is there too"


def test_format_3_is_what_it_was() -> None:
    info = charrnn("info", "--checkpoint", GOLDEN_3, "--json").json
    found = {name: info[name] for name in ("cell", "layers", "hidden", "mode", "step", "weights_sha256")}
    facts = {"cell": "gru", "layers": 2, "hidden": 16, "mode": "lines", "step": 300}
    assert found == facts | {"weights_sha256": DIGEST_3}
    entry = entry_of(GOLDEN_3)
    assert (entry["format"], entry["task"]) == (3, "language")


TEXTS = [
    (
        (GOLDEN, "--length", "80", "--temperature", "0"),
        "One of, 1 came flew off, 0 came flew off, 0 came back!\n1 little birds sat on wall nu",
    ),
    (
        (GOLDEN, "--length", "80", "--seed", "7"),
        "One o1 of, 2 4flew off, 1 caamle flew 1 off, 1 cameee b, came bacbkk\n5 lll nume back",
    ),
    ((GOLDEN_3, "--temperature", "0"), "One flew off, 1 came back!\n"),
    (
        (GOLDEN_3, "--count", "3", "--temperature", "1.5", "--seed", "7"),
        "One fk!\nOne flew off, 0 came back!\nOne flew oa! off, 0 cameeba6k!\n",
    ),
]


@pytest.mark.parametrize(("options", "text"), TEXTS)
def test_it_writes_what_it_wrote(options: tuple[str | Path, ...], text: str) -> None:
    written = charrnn("sample", "--prompt", "One ", "--checkpoint", *options)
    assert (written.code, written.out) == (0, text)


@pytest.mark.parametrize(("golden", "bits"), [(GOLDEN, 0.248373), (GOLDEN_3, 0.218335)])
def test_it_scores_as_it_scored(golden: Path, bits: float, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text(TEXT[-500:], encoding="utf-8")
    score = charrnn("evaluate", text, "--checkpoint", golden, "--json").json
    assert score["bits_per_character"] == pytest.approx(bits, abs=1e-4)


def test_format_3_goes_on_as_it_went_on(tmp_path: Path) -> None:
    """To the last bit where this processor computes as the one that made it: where the run comes out so."""
    text = tmp_path / "text.txt"
    text.write_text(TEXT, encoding="utf-8")
    assert charrnn("train", text, *RUN_3, "--quiet", "--run", tmp_path / "anew").code == 0
    for name in ("whole", "stopped", "of format 2"):
        (tmp_path / name).mkdir()
        shutil.copy(GOLDEN_3, tmp_path / name / "last.safetensors")
    in_format_2(tmp_path / "of format 2" / "last.safetensors")
    resume = ("train", str(text), "--resume", "--steps", "320", "--quiet", "--run")
    assert stopped_at("update", 9, *resume, str(tmp_path / "stopped")).code == 130
    digests = set()
    for name in ("whole", "stopped", "of format 2"):
        assert charrnn(*resume, tmp_path / name).code == 0
        last = load(tmp_path / name / "last.safetensors")
        assert last.progress.step == 320
        assert last.progress.validation_nats_per_character == pytest.approx(0.101305, abs=1e-4)
        digests.add(last.fingerprint())
    (digest,) = digests
    if load(tmp_path / "anew" / "last.safetensors").fingerprint() == DIGEST_3:
        assert digest == "db7904ddc4f542944924652f5cbccadc1dba08a882ab84fa1e4c422f8fe7811b"


def written_anew(path: Path, *, by: float = 0.0) -> None:
    """Let the library write a copy of the golden file, its first bias changed by so much."""
    with safetensors.safe_open(GOLDEN_3, framework="numpy") as file:
        metadata = file.metadata()
    arrays = safetensors.numpy.load_file(GOLDEN_3)
    arrays["model.output.bias"][0] += by
    safetensors.numpy.save_file(arrays, path, metadata)


@pytest.mark.parametrize(("options", "text"), TEXTS[2:])
def test_a_file_that_the_library_has_written_writes_the_same(
    options: tuple[str | Path, ...], text: str, tmp_path: Path
) -> None:
    path = tmp_path / "anew.safetensors"
    written_anew(path)
    assert charrnn("sample", "--prompt", "One ", "--checkpoint", path, *options[1:]).out == text


def test_a_file_that_the_library_has_written_with_another_value_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "anew.safetensors"
    written_anew(path, by=1e-6)
    refused = charrnn("sample", "--checkpoint", path)
    assert (refused.code, refused.out) == (CheckpointError.exit_code, "")
    assert "its digest is not that of its content" in refused.err


def test_the_format_2_of_the_tests_is_that_of_version_0_1(tmp_path: Path) -> None:
    """The golden file, saved as format 3 and made one of format 2 again, is what it was."""
    path, golden = tmp_path / "last.safetensors", load(GOLDEN)
    save(path, golden)
    assert entry_of(path)["format"] == 3
    in_format_2(path)
    assert {"digest", "format"} | entry_of(path).keys() == entry_of(GOLDEN).keys()
    assert safetensors.numpy.save(safetensors.numpy.load_file(path)) == safetensors.numpy.save(
        safetensors.numpy.load_file(GOLDEN)
    )
    again = load(path)
    assert (again.fingerprint(), again.progress) == (golden.fingerprint(), golden.progress)


def test_a_changed_bit_in_a_file_of_format_2_is_found(tmp_path: Path) -> None:
    path, whole = tmp_path / "x.safetensors", bytearray(GOLDEN.read_bytes())
    for place in (len(whole) - 1, len(whole) // 2, 3000):
        damaged = whole.copy()
        damaged[place] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError):
            load(path)


def test_a_run_of_format_2_goes_on_exactly_and_is_saved_as_format_3(tmp_path: Path) -> None:
    text, hashes = tmp_path / "text.txt", []
    text.write_text(TEXT, encoding="utf-8")
    for name in ("old", "new"):
        run = tmp_path / name
        assert charrnn("train", text, "--run", run, *SMALL).code == 0
        if name == "old":
            for path in run.glob("*.safetensors"):
                in_format_2(path)
        assert charrnn("train", "--resume", "--run", run, "--steps", "30", "--quiet").code == 0
        assert entry_of(run / "last.safetensors")["format"] == 3
        hashes.append(
            charrnn("info", "--checkpoint", run / "last.safetensors", "--json").json["weights_sha256"]
        )
    assert hashes[0] == hashes[1]


def test_a_classifier_of_format_3_is_what_it_was() -> None:
    """The `last` of `train rows.tsv --task classify --cell gru --hidden 8 --embedding 4 --steps 120`."""
    golden = GOLDEN.with_name("format-3-classify.safetensors")
    checkpoint = load(golden)
    assert (checkpoint.task, checkpoint.answers) == ("classify", ("A", "B"))
    assert checkpoint.fingerprint() == "2d0c148aaa3bada8c44377be85e170c38bae3e8b4130635ea581836c8472f573"
    assert checkpoint.training.arrays, "what a run goes on with is there too"
    assert charrnn("classify", "--checkpoint", golden, "--text", "aaz", "--text", "bx").out == "A\nB\n"


RUN_OF_A_TASK = ("--hidden", "8", "--embedding", "4", "--steps", "120", "--batch-size", "8", "--threads", "1")


@dataclass(frozen=True)
class GoldenTask:
    """The `last` of `train rows.tsv --task TASK`, `options` and `RUN_OF_A_TASK`.

    Attributes:
        rows: the examples.
        options: of the run.
        answers: what there was to be found.
        digest: of its weights.
        use: a command, and what it prints.
        later: the validation score and the weights after 130 updates.
    """

    rows: str
    options: tuple[str, ...]
    answers: tuple[str, ...]
    digest: str
    use: tuple[tuple[str, ...], str]
    later: tuple[float, str]


GOLDEN_TASKS = {
    "generate": GoldenTask(
        "".join(f"{'ab' * (n % 4 + 1)}{'cd'[n % 3 > 0]}\t{'AB'[n % 3 > 0]}\n" for n in range(60)),
        (),
        ("A", "B"),
        "a6c56e0968e7215ef73d682420a26bdb6b309987592176525d8dc379da9c18a0",
        (("sample", "--label", "B", "--count", "3", "--seed", "7"), "abc\nabababc\nababd\n"),
        (0.490312, "f37dbad4ebe212be79a3be2c086e8ae35b8148949bcdefc39dd846230c64923d"),
    ),
    "tag": GoldenTask(
        "".join(
            f"{'ab' * (n % 4)}{'cé' * (n % 3)}\t{'B E ' * (n % 4)}{'S S ' * (n % 3)}\n" for n in range(60)
        ),
        ("--cell", "gru", "--normalize", "nfd", "--learning-rate", "0.003", "--substring-rows", "0"),
        ("B", "E", "S"),
        "e99370cc52f9d8f9f9c57c03bad3a082f0013945b4fe05dd96736bbca62b66e0",
        (("tag", "--text", "abcé", "--text", "céb", "--output", "tags"), "B E S S\nS B E\n"),
        (1.0, "2e33403da8ddf0e070d78a56dfd721b67b3513fcf9b9074419213a1239091d40"),
    ),
    "translate": GoldenTask(
        "".join(
            f"{'ab' * (n % 4)}{'cdé'[n % 3]}{'b' * (n % 5)}\t{'X ' * (n % 4)}{'CDE'[n % 3]}\n"
            for n in range(60)
        ),
        ("--target-symbols", "spaces", "--dropout", "0.1"),
        ("C", "D", "E", "X"),
        "a359a22653464734f913306f0ab25f55f141707eea6c41ea0d607f918ea7f0d6",
        (("translate", "--text", "abdbb", "--text", "ababé", "--text", "q"), "X D\nX X E\nC\n"),
        (1.0, "f1c2b3db2a8305db30667ca7c5874a1078d5d562333f52604b92965a6b9c0250"),
    ),
}


@pytest.mark.parametrize("task", GOLDEN_TASKS)
def test_a_task_of_format_3_is_what_it_was_and_goes_on_as_it_went_on(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    golden, path = GOLDEN_TASKS[task], GOLDEN.with_name(f"format-3-{task}.safetensors")
    checkpoint = load(path)
    found = (checkpoint.task, checkpoint.answers, checkpoint.fingerprint())
    assert found == (task, golden.answers, golden.digest)
    command, printed = golden.use
    assert charrnn(*command, "--checkpoint", path).out == printed
    monkeypatch.chdir(tmp_path)
    Path("rows.tsv").write_text(golden.rows, encoding="utf-8")
    made = ("train", "rows.tsv", "--task", task, *golden.options, *RUN_OF_A_TASK, "--quiet")
    assert charrnn(*made, "--run", "anew").code == 0
    Path("run").mkdir()
    shutil.copy(path, "run/last.safetensors")
    assert charrnn("train", "rows.tsv", "--resume", "--steps", "130", "--quiet", "--run", "run").code == 0
    last, (score, digest) = load(Path("run/last.safetensors")), golden.later
    assert last.progress.step == 130
    assert last.progress.validation_nats_per_character == pytest.approx(score, abs=1e-4)
    if load(Path("anew/last.safetensors")).fingerprint() == golden.digest:
        assert last.fingerprint() == digest
