"""Every setting, declared once: its default, its help, its limits, whether it may change.

That one line yields the command-line option, its help, the check of its value, the line in
`config.toml` and the row in `docs/options.md`. A setting whose default is None is chosen by the plan
(`training/plan.py`) from the corpus and the budget. Knows nothing of torch, numpy or the command line.
"""

from dataclasses import dataclass, field

from charrnn.config.character_sets import character_set
from charrnn.config.declaration import Checked, names_where, setting
from charrnn.config.values import (
    cell_place,
    held_cell,
    license_identifier,
    named_pattern,
    one_character,
    separating,
    steps_or_seconds,
    temperatures,
    time_bound,
)
from charrnn.errors import UsageError

CORPUS_HELP = (
    "files, folders, -, .gz .bz2 .xz, builtin:python, builtin:docs, builtin:unicode-names or builtin:hello"
)
"""What a corpus may be, wherever one is named."""

ON_INVALID_BYTES = ("strict", "replace", "ignore")

DEVICES = ("auto", "cpu", "cuda", "mps")
"""Where a network may compute; auto: on an NVIDIA GPU if there is one."""


@dataclass(frozen=True)
class ReadingSettings(Checked):
    """The task, and how text is read."""

    task: str = setting(
        "language",
        "language: write text; from lines in two columns, classify: predict the label of a text, generate: "
        "write a text with a given label, translate: turn a text into another, tag: tag each character",
        choices=("language", "classify", "generate", "translate", "tag"),
    )
    mode: str | None = setting(
        None,
        "text: one long text, with the state carried along; lines: independent lines of any length",
        choices=("text", "lines"),
        chosen="text; lines with --columns or another --task",
    )
    level: str = setting(
        "char", "whether a symbol is a Unicode code point or a byte", choices=("char", "byte")
    )
    normalize: str = setting(
        "none",
        "Unicode normal form of the text; nfd splits Hangul syllables into jamo: far fewer symbols",
        choices=("none", "nfc", "nfd", "nfkc", "nfkd"),
    )
    encoding: str = setting("utf-8", "encoding of the files", check=one_character, metavar="NAME")
    errors: str = setting(
        "strict",
        "what to do with invalid bytes: stop, replace them by U+FFFD, or ignore them",
        choices=ON_INVALID_BYTES,
    )
    newlines: str = setting(
        "keep", "keep line endings, or convert CR LF and CR to LF", choices=("keep", "lf")
    )
    delimiter: str | None = setting(
        None,
        "lines mode: records of several lines, each ended by a line equal to TEXT ('' for a blank line)",
        metavar="TEXT",
        escapes=True,
        chosen="each line is a record",
    )
    columns: str | None = setting(
        None,
        "column of a table to train on, each row a record: a number from 1, a name (with --header), or a "
        "key (JSON Lines); with --task, two columns A,B: the input and the target",
        check=one_character,
        metavar="COLUMN",
        chosen="whole lines; 1,2 with --task",
    )
    format: str | None = setting(
        None,
        "format of a table: tab-separated, CSV with quotes, or JSON Lines; conll: a character, a tab and its "
        "tag on each line, a blank line after each text; labels: __label__x before each text, or files named "
        "LABEL.txt",
        choices=("tsv", "csv", "jsonl", "conll", "labels"),
        chosen="by the file's suffix, else tsv",
    )
    separator: str | None = setting(
        None,
        "the character between the columns of a table",
        check=separating,
        metavar="CHAR",
        escapes=True,
        chosen="by the format",
    )
    header: bool = setting(False, "the first row names the columns")
    target_symbols: str | None = setting(
        None,
        "translate: split targets into characters, or at spaces, for symbols such as phonemes",
        choices=("chars", "spaces"),
        chosen="chars",
    )

    restore: str | None = setting(
        None,
        "tag: train on plain text to restore its spaces, capitals (case) or diacritics (marks)",
        choices=("spaces", "case", "marks"),
        chosen="tags of a table",
    )

    def __post_init__(self) -> None:
        """Choose the mode where it is unset; a table is a text of lines."""
        if self.mode is None:
            object.__setattr__(self, "mode", "lines" if self.is_table else "text")
        super().__post_init__()

    @property
    def is_table(self) -> bool:
        """Whether rows are read, not all that stands there."""
        return self.columns is not None or self.task != "language"


@dataclass(frozen=True)
class VocabularySettings(Checked):
    """The vocabulary."""

    min_count: int = setting(
        1,
        "characters that occur fewer than N times become the unknown symbol",
        minimum=1,
        maximum=2**40,
        metavar="N",
    )
    vocabulary: str | None = setting(
        None,
        "a vocabulary made by `charrnn vocab --output`; characters not in it become the unknown symbol",
        metavar="FILE",
        chosen="the characters of the corpus",
        is_file=True,
    )


@dataclass(frozen=True)
class ModelSettings(Checked):
    """The network. The plan chooses what is not set, from the corpus and the budget."""

    cell: str = setting("lstm", "the recurrent cell", choices=("lstm", "gru", "rnn"), of_the_model=True)
    layers: int | None = setting(
        None,
        "stacked recurrent layers",
        minimum=1,
        maximum=64,
        metavar="N",
        chosen="chosen",
        of_the_model=True,
    )
    hidden: int | None = setting(
        None,
        "hidden units of each layer",
        minimum=1,
        maximum=16384,
        metavar="N",
        chosen="chosen",
        of_the_model=True,
    )
    embedding: int | None = setting(
        None,
        "embedding size; 0 is one-hot",
        minimum=0,
        maximum=16384,
        metavar="N",
        chosen="chosen",
        of_the_model=True,
    )
    dropout: float | None = setting(
        None,
        "dropout probability",
        minimum=0.0,
        maximum=0.95,
        metavar="P",
        chosen="chosen",
    )
    weight_dropout: float | None = setting(
        None,
        "dropout probability of the recurrent weights",
        minimum=0.0,
        maximum=0.95,
        metavar="P",
        chosen="chosen",
    )
    init_from: str | None = setting(
        None,
        "start from the weights of another model: a run folder, the name of a run, or a checkpoint file; the "
        "vocabulary may differ",
        check=one_character,
        metavar="PATH",
        chosen="random weights",
        is_file=True,
    )


@dataclass(frozen=True)
class BudgetSettings(Checked):
    """When to stop: at the first limit reached, where the learning rate is zero. The default is 5 minutes."""

    max_time: str | None = setting(
        None,
        "stop after this time, such as 90s, 10m, 2h, from the start of the program to its end; with "
        "--resume, the total of the run, or +5m for five minutes more",
        check=time_bound,
        metavar="TIME",
        chosen="5m, without --epochs and --steps",
        on_resume="bound",
    )
    epochs: float | None = setting(
        None,
        "stop after this many passes over the text",
        minimum=1e-6,
        maximum=1e9,
        metavar="X",
        chosen="no limit",
        on_resume="bound",
    )
    steps: int | None = setting(
        None,
        "stop after this many updates",
        minimum=1,
        maximum=10**12,
        metavar="N",
        chosen="no limit",
        on_resume="bound",
    )
    patience: int | None = setting(
        None,
        "early stopping: stop after this many validations in a row without a new best",
        minimum=1,
        maximum=10**9,
        metavar="N",
        chosen="never",
        on_resume="may change",
    )


@dataclass(frozen=True)
class RecipeSettings(Checked):
    """How the network is trained. The plan chooses what is not set."""

    batch_size: int | None = setting(
        None,
        "batch size, in sequences",
        minimum=1,
        maximum=65536,
        metavar="N",
        chosen="chosen",
    )
    sequence_length: int | None = setting(
        None,
        "length of truncated back-propagation through time, in characters",
        minimum=1,
        maximum=65536,
        metavar="N",
        chosen="chosen",
    )
    learning_rate: float | None = setting(
        None,
        "peak learning rate, after the warm-up",
        minimum=1e-9,
        maximum=100.0,
        metavar="X",
        chosen="chosen",
    )
    optimizer: str = setting(
        "muon",
        "muon: orthogonalised momentum for the recurrent matrices, AdamW for the rest; adamw: AdamW for all",
        choices=("muon", "adamw"),
    )
    weight_decay: float | None = setting(
        None, "weight decay", minimum=0.0, maximum=10.0, metavar="X", chosen="chosen"
    )
    gradient_clip: float = setting(
        1.0, "maximum gradient norm; 0 for no limit", minimum=0.0, maximum=1e9, metavar="X"
    )


@dataclass(frozen=True)
class ExampleSettings(Checked):
    """How it learns from examples, with another --task."""

    bidirectional: bool = setting(
        True,
        "read texts from both ends, with classify, tag and translate; else forward only",
        tasks=("classify", "tag", "translate"),
    )
    attention: bool = setting(
        True,
        "let the decoder attend to the whole source, with translate; else it starts from its end state alone",
        tasks=("translate",),
    )
    class_weights: str = setting(
        "none",
        "weight of an example in the loss, with classify: the same for all, or balanced, so that each label "
        "counts the same in total",
        choices=("none", "balanced"),
        tasks=("classify",),
    )
    label_smoothing: float = setting(
        0.05,
        "share of the target probability that is spread evenly over all labels, with classify",
        minimum=0.0,
        maximum=0.99,
        metavar="X",
        tasks=("classify",),
    )
    substring_rows: int | None = setting(
        None,
        "rows of a table of what the substrings around a character mean for its tag, with tag; 0 for none",
        minimum=0,
        maximum=2**24,
        chosen="by text, vocabulary and tags",
        tasks=("tag",),
    )


@dataclass(frozen=True)
class MachineSettings(Checked):
    """Seed, device and threads."""

    seed: int = setting(
        1,
        "seed of every random choice; random draws one and prints it",
        minimum=0,
        maximum=2**63 - 1,
        metavar="N|random",
    )
    device: str = setting("auto", "where to train", choices=DEVICES, on_resume="last bits")
    precision: str = setting(
        "auto",
        "precision of matrix products in training; auto: the fastest for the device and the size of the "
        "network; fp16: GPU only",
        choices=("auto", "fp32", "bf16", "fp16"),
        on_resume="last bits",
    )
    threads: int | None = setting(
        None,
        "CPU threads",
        minimum=1,
        maximum=1024,
        metavar="N",
        chosen="one per core; with --max-time, the fastest number, timed repeatedly",
        on_resume="last bits",
    )
    processes: int = setting(
        1,
        "processes that train together, each with its share of a batch; auto: one for each GPU",
        minimum=1,
        maximum=65536,
        metavar="N|auto",
        on_resume="last bits",
    )


@dataclass(frozen=True)
class OutputSettings(Checked):
    """The run folder, checkpoints and samples."""

    run: str | None = setting(
        None,
        "the run folder to create; with --resume, the run to continue",
        metavar="DIR",
        check=one_character,
        chosen="runs/NAME-OF-THE-CORPUS",
        is_file=True,
        is_saved=False,
        on_resume="which run",
    )
    resume: bool = setting(
        False,
        "continue the run in --run, or the newest unfinished one, exactly where it stopped",
        is_saved=False,
        on_resume="which run",
    )
    save_every: str = setting(
        "60s",
        "interval between checkpoints, in updates or in time",
        check=steps_or_seconds,
        metavar="N|TIME",
        may_be_number=True,
        on_resume="may change",
    )
    sample_every: str = setting(
        "20s",
        "interval between the samples shown in training, in updates or in time",
        check=steps_or_seconds,
        metavar="N|TIME",
        may_be_number=True,
        on_resume="may change",
    )
    prompt: str = setting(
        "",
        "how these samples begin; same syntax as for charrnn sample",
        metavar="TEXT",
        on_resume="may change",
    )
    quiet: bool = setting(
        False,
        "show errors only; applies to this call and is not saved with the run",
        is_saved=False,
        on_resume="may change",
    )
    dry_run: bool = setting(
        False,
        "print the plan, a summary of the text and the memory and disk space needed; write nothing",
        is_saved=False,
    )


@dataclass(frozen=True)
class TrainSettings(Checked):
    """Everything `charrnn train` can be told."""

    corpus: tuple[str, ...] = setting((), CORPUS_HELP, is_option=False, is_file=True, on_resume="which run")
    validation: str = setting(
        "0.1",
        "what to hold out for validation: a fraction below 1, a number of characters or lines, 0 for none, "
        "or a separate file; taken from the end of a single file, in stretches from several files, a folder "
        "or a built-in, and at random in lines mode",
        metavar="FRACTION|COUNT|FILE",
        check=one_character,
        may_be_number=True,
        is_file=True,
    )
    reading: ReadingSettings = field(default_factory=ReadingSettings)
    symbols: VocabularySettings = field(default_factory=VocabularySettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    budget: BudgetSettings = field(default_factory=BudgetSettings)
    recipe: RecipeSettings = field(default_factory=RecipeSettings)
    examples: ExampleSettings = field(default_factory=ExampleSettings)
    machine: MachineSettings = field(default_factory=MachineSettings)
    output: OutputSettings = field(default_factory=OutputSettings)


IN_THE_RUN_FOLDER = names_where(TrainSettings, is_saved=True)
"""Settings of training that `config.toml` keeps."""

IN_THE_CHECKPOINT = names_where(TrainSettings, is_saved=True, is_file=False)
"""Settings of training that a checkpoint keeps."""


def _picture(path: str) -> None:
    if not path.lower().endswith((".png", ".svg")):
        raise ValueError("a file that ends in .png or .svg")


@dataclass(frozen=True)
class PlotSettings(Checked):
    """How curves are drawn."""

    by: str = setting("step", "what the x axis shows", choices=("step", "seconds", "characters"))
    output: str | None = setting(
        None,
        "write the plot to a new file: .svg, or .png (which needs the extra `plot`)",
        check=_picture,
        metavar="FILE",
        chosen="the terminal",
    )


DEFAULT_LENGTH = 500

POLICIES = ("error", "skip", "nearest")
"""What to do with characters of a prompt that a model does not know."""


def _texts(stop: object) -> None:
    if isinstance(stop, tuple) and not all(stop):
        raise ValueError("texts of at least one character")


def _paths(novelty: tuple[str, ...]) -> None:
    if "auto" in novelty and len(novelty) > 1:
        raise ValueError("either auto or corpora")
    if not all(novelty):
        raise ValueError("files, folders, built-in texts or auto")


def _held_cells(values: tuple[str, ...]) -> None:
    """Check that each is a cell and its value, and that no cell comes twice."""
    places = [held_cell(value)[:2] for value in values]
    if len(dict.fromkeys(places)) < len(places):
        raise ValueError("one value for each cell")


@dataclass(frozen=True)
class Request(Checked):
    """What to write."""

    prompt: str = setting(
        "",
        r"how every text begins; '\n' is a newline, '\\' a backslash, as in --allow; @FILE reads a file "
        "literally, - standard input; @@ is a literal @",
        metavar="TEXT",
    )
    label: str | None = setting(
        None,
        "for a model trained with --task generate: the label of the texts to write; '*' draws a label for "
        "each text, as often as it occurred in training",
        metavar="NAME",
        chosen="none",
    )
    length: int | None = setting(
        None,
        "characters to write after the prompt; 0 for no limit",
        minimum=0,
        maximum=2**62,
        metavar="N",
        chosen=f"{DEFAULT_LENGTH}; in lines mode to the line's end, at most ten times the corpus's longest",
    )
    count: int = setting(1, "how many texts", minimum=1, maximum=10**9, metavar="N")
    stop: tuple[str, ...] = setting(
        (),
        r"end where this text, such as '\n\n', would come next; may be given several times",
        check=_texts,
        metavar="TEXT",
        escapes=True,
    )
    until_line: int | None = setting(
        None,
        "end after N lines; without --length, there is no other limit",
        minimum=1,
        maximum=2**62,
        metavar="N",
        chosen="any number of lines",
    )
    best_of: int = setting(
        1,
        "for every text, write N candidates and keep the one with the highest mean log probability",
        minimum=1,
        maximum=10**6,
        metavar="N",
    )
    output: str | None = setting(
        None,
        "write to a new file, with progress on standard error; an existing file is never overwritten",
        check=one_character,
        metavar="FILE",
        chosen="standard output",
    )
    seed: int = setting(
        1,
        "seed of every random choice; random draws one and prints it",
        minimum=0,
        maximum=2**63 - 1,
        metavar="N|random",
    )
    set: tuple[str, ...] = setting(
        (),
        "hold a cell at a value from the prompt on: of an LSTM its memory, else its hidden state; may be "
        "given several times; charrnn inspect says what cells follow, and what values they take",
        check=_held_cells,
        metavar="LAYER:CELL=X",
    )
    on_unknown: str = setting(
        "error",
        "what to do with characters of the prompt that the model does not know: stop, skip them, or replace "
        "them by the nearest in compatibility, case, accents or looks",
        choices=POLICIES,
    )


@dataclass(frozen=True)
class SampleSettings(Checked):
    """How each character is chosen. Models are mixed, then filters are applied in the order of this list."""

    mix: float | None = setting(
        None,
        "with several --checkpoint: the weight of the first model in the mixed distribution; the others "
        "share the rest equally",
        minimum=0.0,
        maximum=1.0,
        metavar="P",
        chosen="equal weights",
    )
    allow: str | None = setting(
        None,
        r"write these characters only: single ones, ranges, and escapes such as 'a-z \n'",
        check=character_set,
        metavar="CHARS",
        chosen="all",
    )
    deny: str | None = setting(
        None, "never write these characters", check=character_set, metavar="CHARS", chosen="none"
    )
    repetition_penalty: float = setting(
        1.0,
        "raise the probabilities of recently written characters to this power; 1 is off; in a small alphabet "
        "every letter is recent, so values near 1, such as 1.05, go a long way",
        minimum=0.01,
        maximum=100.0,
        metavar="X",
    )
    repetition_window: int = setting(
        64, "how many of the last characters count as recent", minimum=1, maximum=2**20, metavar="N"
    )
    temperature: float | str = setting(
        1.0,
        "below 1 safer, above 1 bolder, up to 100; 0 always takes the likeliest character; X:Y moves from X "
        "to Y over the length of the text",
        check=temperatures,
        metavar="X|X:Y",
    )
    top_k: int = setting(
        0,
        "choose among the N likeliest; 0 is off; few characters are likely at any place, so only values up "
        "to about 20 make a difference",
        minimum=0,
        maximum=2**31,
        metavar="N",
    )
    typical: float = setting(
        1.0,
        "locally typical sampling: choose among the characters nearest to the expected surprise, up to this "
        "total probability; 1 is off",
        minimum=0.0,
        maximum=1.0,
        metavar="P",
    )
    top_p: float = setting(
        1.0,
        "nucleus sampling: choose among the likeliest characters, up to this total probability; 1 is off; "
        "inside a word 0.95 often leaves one or two",
        minimum=0.0,
        maximum=1.0,
        metavar="P",
    )
    min_p: float = setting(
        0.0,
        "drop characters less than P times as likely as the likeliest; 0 is off; 0.02 removes most slips",
        minimum=0.0,
        maximum=1.0,
        metavar="P",
    )


@dataclass(frozen=True)
class SeeingSettings(Checked):
    """What else is told of the text that is written."""

    color: str = setting(
        "none",
        "colour each character by its surprise under the unfiltered model; on a terminal only (--json has "
        "the figures)",
        choices=("none", "surprise"),
    )
    novelty: tuple[str, ...] = setting(
        (),
        "report how much of the output is copied verbatim from a corpus; may be given several times; auto is "
        "the training corpus, if it has not changed",
        check=_paths,
        metavar="CORPUS|auto",
    )
    interactive: bool = setting(
        False, "write together: type a beginning, pick a likely next character, or let the model continue"
    )


@dataclass(frozen=True)
class ClassifySettings(Checked):
    """What is said of each line."""

    top: int | None = setting(
        None,
        "print the N likeliest labels, each with its probability, all joined by tabs",
        minimum=1,
        maximum=2**31,
        metavar="N",
        chosen="the likeliest alone, without its probability",
    )
    min_probability: float = setting(
        0.0,
        "print ? where the likeliest label is less likely",
        minimum=0.0,
        maximum=1.0,
        metavar="P",
    )
    explain: bool = setting(
        False, "also print each text, coloured by what its characters contribute to the likeliest label"
    )
    html: str | None = setting(
        None, "write a new HTML page that shows the same of the texts", metavar="FILE", chosen="none"
    )


@dataclass(frozen=True)
class TranslateSettings(Checked):
    """How each line is answered."""

    beam: int = setting(
        5,
        "beam width: targets kept at each step; 1 is greedy decoding",
        minimum=1,
        maximum=4096,
        metavar="N",
    )
    n_best: int | None = setting(
        None,
        "print the N likeliest targets: source, rank, log-probability and target, joined by tabs",
        minimum=1,
        maximum=4096,
        metavar="N",
        chosen="the likeliest alone",
    )
    temperature: float | None = setting(
        None,
        "draw a target, symbol by symbol: below 1 safer, above 1 bolder",
        minimum=0.0,
        maximum=100.0,
        metavar="X",
        chosen="search for the likeliest",
    )
    max_length: int = setting(
        500, "break a target off after so many symbols", minimum=1, maximum=2**20, metavar="N"
    )
    memory: bool = setting(False, "answer a source that training had with the target that it had there")
    attention: bool = setting(False, "show which characters of the source each symbol looked at")
    html: str | None = setting(
        None, "write a new HTML page that shows the same of all lines", metavar="FILE", chosen="none"
    )
    interactive: bool = setting(False, "a conversation: a line typed, a line answered")
    seed: int = setting(
        1,
        "seed of what --temperature draws; random draws one and prints it",
        minimum=0,
        maximum=2**63 - 1,
        metavar="N|random",
    )

    def __post_init__(self) -> None:
        """Check that what is asked for goes together."""
        super().__post_init__()
        if self.temperature is not None and self.n_best is not None:
            raise UsageError(
                f"--temperature {self.temperature:g} draws one target, and --n-best {self.n_best} asks for "
                "the likeliest; leave one out"
            )


@dataclass(frozen=True)
class TagSettings(Checked):
    """What is printed of each line."""

    output: str | None = setting(
        None,
        "text: the line, cut by its tags; tags: the tag of each character; conll: a character, a tab and its "
        "tag on each line, a blank line after each text",
        choices=("text", "tags", "conll"),
        chosen="text where tags are BIO or BMES, else tags",
    )
    separator: str = setting(" ", "what joins the parts of a line that is cut", metavar="TEXT", escapes=True)


@dataclass(frozen=True)
class EvaluateSettings(Checked):
    """How a text is scored, and what is told of it."""

    part: str | None = setting(
        None,
        "instead of TEXT: the validation part of the model's run, from its run folder",
        choices=("validation",),
        metavar="validation",
    )
    beam: int = setting(
        5, "translate: beam width, as in charrnn translate", minimum=1, maximum=4096, metavar="N"
    )
    n_best: int | None = setting(
        None,
        "translate: also the share of sources whose target is one of the N likeliest",
        minimum=1,
        maximum=4096,
        metavar="N",
        chosen="the likeliest alone",
    )
    window: int = setting(
        0, "reset the state every N characters; 0 carries it through", minimum=0, maximum=2**62, metavar="N"
    )
    baselines: bool = setting(False, "also score simple means, such as n-grams, on the same text")
    min_probability: float | None = setting(
        None,
        "of a model of --task classify: also tell for how many texts the likeliest label is as likely as "
        "this, and the accuracy of those",
        minimum=0.0,
        maximum=1.0,
        metavar="P",
        chosen="not told",
    )
    wrong: str | None = setting(
        None,
        "with a model of classify, translate or tag: a new file for the lines that were wrong, each with its "
        "own answer and the model's, separated by tabs; --errors FILE is the same",
        metavar="FILE",
    )
    html: str | None = setting(
        None,
        "write a new HTML page that shows the text coloured by surprise; of another --task, the figures and "
        "the lines that were wrong",
        metavar="FILE",
    )
    exact: bool = setting(
        False, "read a long text in a single pass, not from many places in parallel; slower"
    )
    show: bool = setting(False, "show the text coloured by surprise, with likelier characters below")
    per_line: bool = setting(False, "print bits per character, a tab and the line, for each line")
    per_character: bool = setting(False, "print a JSON line for each character, with the model's predictions")
    gradients: bool = setting(
        False,
        "show how the gradient of a character's loss vanishes as it flows back in time; --checkpoint may be "
        "given several times",
    )
    adapt: bool = setting(
        False, "dynamic evaluation: score again with a copy that keeps learning from the text already scored"
    )
    adapt_rate: float = setting(0.001, "learning rate of --adapt", minimum=0.0, maximum=10.0, metavar="X")
    adapt_decay: float = setting(
        0.0003,
        "decay of --adapt towards the trained weights, at each update",
        minimum=0.0,
        maximum=1.0,
        metavar="P",
    )
    adapt_window: int = setting(
        32, "symbols between two updates of --adapt", minimum=1, maximum=65536, metavar="N"
    )
    device: str = setting(
        "auto",
        "where a model of language or generate computes; those of the other tasks compute on the CPU",
        choices=DEVICES,
    )


@dataclass(frozen=True)
class ExportSettings(Checked):
    """What is exported."""

    weights: str | None = setting(
        None,
        "how weights are stored: f32 as they are, f16 as halves, int8 as bytes with a scale for each row; "
        "what that costs is measured and printed",
        choices=("f32", "f16", "int8"),
        chosen="f16 for a page, else f32",
    )
    title: str | None = setting(
        None, "what the model is called", check=one_character, metavar="TEXT", chosen="the name of the corpus"
    )
    prompt: str = setting("", "a page: the prompt that stands there at first", metavar="TEXT", escapes=True)
    license: str | None = setting(
        None,
        "the licence of the model, by its SPDX identifier, such as mit or cc-by-4.0; or other",
        check=license_identifier,
        metavar="ID",
        chosen="none named; a folder needs one",
    )


def _patterns(values: tuple[str, ...]) -> None:
    """Check that each is a name and a regular expression, and that no name comes twice."""
    names = [named_pattern(value)[0] for value in values]
    if len(set(names)) < len(names):
        raise ValueError("a name of its own for each")


@dataclass(frozen=True)
class InspectSettings(Checked):
    """What is looked for, and what is told of it."""

    characters: int = setting(
        20_000,
        "how much of the text is inspected, in passages spread over it",
        minimum=800,
        maximum=200_000,
        metavar="N",
    )
    cell: str | None = setting(
        None,
        "only this cell, and all that it follows; layers and cells are counted from 1",
        check=cell_place,
        metavar="LAYER:N",
        chosen="for each property the best cell",
    )
    property: tuple[str, ...] = setting(
        (),
        "also look for cells that are different inside the matches of a regular expression; may be given "
        "several times",
        check=_patterns,
        metavar="NAME=REGEX",
    )
    top: int = setting(20, "how many findings are shown", minimum=1, maximum=10_000, metavar="N")
    ablate: int = setting(
        32,
        "hold so many cells at their mean, one by one, and tell what that costs; those of the findings "
        "first, then, where characters are predicted, those whose gradients promise most; 0 loads no PyTorch",
        minimum=0,
        maximum=4096,
        metavar="N",
    )
    show: bool = setting(False, "also show text painted by the values of the first cell")
    html: str | None = setting(
        None,
        "write a new HTML page: the findings, the gates, text painted by the first cells",
        metavar="FILE",
    )
    seed: int = setting(
        1,
        "seed of the pairings by chance and of the untrained network",
        minimum=0,
        maximum=2**63 - 1,
        metavar="N",
    )
