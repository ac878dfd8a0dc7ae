"""Every setting, declared once: its default, its help, its limits, whether it may change.

That one line yields the command-line option, its help, the check of its value, the line in
`config.toml` and the row in `docs/options.md`. A setting whose default is None is chosen by the plan
(`training/plan.py`) from the corpus and the budget. Knows nothing of torch, numpy or the command line.
"""

from dataclasses import dataclass, field

from charrnn.config.character_sets import character_set
from charrnn.config.declaration import Checked, names_where, setting
from charrnn.config.values import one_character, separating, steps_or_seconds, temperatures, time_bound

CORPUS_HELP = (
    "files, folders, -, .gz .bz2 .xz, builtin:python, builtin:docs, builtin:unicode-names or builtin:hello"
)
"""What a corpus may be, wherever one is named."""


@dataclass(frozen=True)
class ReadingSettings(Checked):
    """How text is read, and what counts as one symbol of it."""

    task: str = setting(
        "language",
        "what is learnt: to write text; or, of lines in two columns, the label of a text (classify), a text "
        "by its label (generate), another text (translate), or a tag for each character (tag)",
        choices=("language", "classify", "generate", "translate", "tag"),
    )
    mode: str | None = setting(
        None,
        "one long text whose state carries on, or independent lines of different lengths",
        choices=("text", "lines"),
        chosen="text; lines with --columns or another --task",
    )
    level: str = setting(
        "char", "what one symbol is: a Unicode code point, or a byte", choices=("char", "byte")
    )
    normalize: str = setting(
        "none",
        "Unicode normal form of the text; nfd makes Hangul syllables jamo: far fewer symbols",
        choices=("none", "nfc", "nfd", "nfkc", "nfkd"),
    )
    encoding: str = setting("utf-8", "how bytes become characters", check=one_character, metavar="NAME")
    errors: str = setting(
        "strict",
        "bytes that the encoding does not allow: stop, put U+FFFD in their place, or leave them out",
        choices=("strict", "replace", "ignore"),
    )
    newlines: str = setting(
        "keep", "keep line ends as they are, or turn CR LF and CR into LF", choices=("keep", "lf")
    )
    delimiter: str | None = setting(
        None,
        "lines mode: a line equal to TEXT ends a record ('' for a blank line), so that records may be longer "
        "than a line",
        metavar="TEXT",
        escapes=True,
        chosen="each line is a record",
    )
    columns: str | None = setting(
        None,
        "learn from one column of a table, each row a line: its number from 1, its name (with --header), or "
        "its key (JSON Lines); A,B with --task: what is read, and what is to be found",
        check=one_character,
        metavar="COLUMN",
        chosen="whole lines; 1,2 with --task",
    )
    format: str | None = setting(
        None,
        "format of a table: separated by tabs, CSV with quotes, or JSON Lines; conll: a character, a tab and "
        "its tag on each line, a blank line after each text; labels: __label__x before each text, or files "
        "called LABEL.txt",
        choices=("tsv", "csv", "jsonl", "conll", "labels"),
        chosen="what the file's name ends in, else tsv",
    )
    separator: str | None = setting(
        None,
        "one character that parts the columns of a table",
        check=separating,
        metavar="CHAR",
        escapes=True,
        chosen="as the format has it",
    )
    header: bool = setting(False, "the first row names the columns")
    target_symbols: str | None = setting(
        None,
        "translate: one symbol of a target is a character, or what stands between blanks, such as a phoneme",
        choices=("chars", "spaces"),
        chosen="chars",
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
    """Which symbols have an id of their own."""

    min_count: int = setting(
        1,
        "characters that occur fewer times become the one unknown symbol",
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
    """The network. What is unset the plan chooses from the corpus and the budget."""

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
        "probability that a recurrent weight is left out of an update",
        minimum=0.0,
        maximum=0.95,
        metavar="P",
        chosen="chosen",
    )
    init_from: str | None = setting(
        None,
        "start from the weights of a model, a run (its folder or name) or a checkpoint file; the vocabulary "
        "may differ",
        check=one_character,
        metavar="PATH",
        chosen="random weights",
        is_file=True,
    )


@dataclass(frozen=True)
class BudgetSettings(Checked):
    """When to stop: the first bound reached; the learning rate reaches zero there. With none, 5 minutes."""

    max_time: str | None = setting(
        None,
        "stop after 90s, 10m, 2h, counted from the start of the program to its end; with --resume the total "
        "of the run, and +5m is that much more than what was done",
        check=time_bound,
        metavar="TIME",
        chosen="5m, when no other bound is given",
        on_resume="bound",
    )
    epochs: float | None = setting(
        None,
        "stop after this many passes over the text",
        minimum=1e-6,
        maximum=1e9,
        metavar="X",
        chosen="no bound",
        on_resume="bound",
    )
    steps: int | None = setting(
        None,
        "stop after this many updates",
        minimum=1,
        maximum=10**12,
        metavar="N",
        chosen="no bound",
        on_resume="bound",
    )
    patience: int | None = setting(
        None,
        "stop after this many validations in a row without a new best",
        minimum=1,
        maximum=10**9,
        metavar="N",
        chosen="never",
        on_resume="may change",
    )


@dataclass(frozen=True)
class RecipeSettings(Checked):
    """How the network learns. What is unset the plan chooses."""

    batch_size: int | None = setting(
        None,
        "batch size: sequences read side by side in one update",
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
        "read texts from both ends, with classify and tag; else forward only",
    )
    class_weights: str = setting(
        "none",
        "how much an example counts, with classify: alike, or all examples of one label as much as those of "
        "any other",
        choices=("none", "balanced"),
    )
    label_smoothing: float = setting(
        0.05,
        "share of the probability that is asked for all labels alike, with classify",
        minimum=0.0,
        maximum=0.99,
        metavar="X",
    )


@dataclass(frozen=True)
class MachineSettings(Checked):
    """What it runs on."""

    seed: int = setting(
        1,
        "seed of every random choice; random draws one and prints it",
        minimum=0,
        maximum=2**63 - 1,
        metavar="N|random",
    )
    device: str = setting(
        "auto", "where to train", choices=("auto", "cpu", "cuda", "mps"), on_resume="last bits"
    )
    precision: str = setting(
        "auto",
        "floating-point format of matrix products in training; auto: the fastest for the device and the size "
        "of the network; fp16 on a GPU only",
        choices=("auto", "fp32", "bf16", "fp16"),
        on_resume="last bits",
    )
    threads: int | None = setting(
        None,
        "CPU threads",
        minimum=1,
        maximum=1024,
        metavar="N",
        chosen="one for each core; with --max-time the fastest number, timed again and again",
        on_resume="last bits",
    )


@dataclass(frozen=True)
class OutputSettings(Checked):
    """Where it goes, and what is shown meanwhile."""

    run: str | None = setting(
        None,
        "the run folder to make",
        metavar="DIR",
        check=one_character,
        chosen="runs/NAME-OF-THE-CORPUS",
        is_file=True,
        is_saved=False,
        on_resume="which run",
    )
    resume: bool = setting(
        False,
        "go on with the run in --run, or with the newest unfinished one, exactly where it stopped",
        is_saved=False,
        on_resume="which run",
    )
    save_every: str = setting(
        "60s",
        "interval between saves, in steps or on the clock",
        check=steps_or_seconds,
        metavar="N|TIME",
        may_be_number=True,
        on_resume="may change",
    )
    sample_every: str = setting(
        "20s",
        "interval between samples that are shown, in steps or on the clock",
        check=steps_or_seconds,
        metavar="N|TIME",
        may_be_number=True,
        on_resume="may change",
    )
    prompt: str = setting(
        "",
        "how those samples begin, given as for charrnn sample",
        metavar="TEXT",
        on_resume="may change",
    )
    quiet: bool = setting(
        False,
        "show errors only; for this call, not for the run",
        is_saved=False,
        on_resume="may change",
    )
    dry_run: bool = setting(
        False,
        "print the plan, the memory and disk it takes and what the text is like, and write nothing",
        is_saved=False,
    )


@dataclass(frozen=True)
class TrainSettings(Checked):
    """Everything `charrnn train` can be told."""

    corpus: tuple[str, ...] = setting((), CORPUS_HELP, is_option=False, is_file=True, on_resume="which run")
    validation: str = setting(
        "0.1",
        "what is held out for validation, a share below 1 or a number of characters: the end of a single "
        "file, stretches spread over a folder, several files or a built-in, or so many lines drawn by "
        "seed; 0 for none; or a file of its own",
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
        "write a picture to a new file: .svg, or .png (which needs the extra `plot`)",
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


@dataclass(frozen=True)
class Request(Checked):
    """What to write."""

    prompt: str = setting(
        "",
        r"how every text begins; '\n' is a newline, '\\' a backslash, as in --allow; @FILE reads a file as "
        "it is, - standard input, and @@ begins a text with @",
        metavar="TEXT",
    )
    label: str | None = setting(
        None,
        "of a model of --task generate: what kind of text to write; '*' draws a label for each text, as "
        "often as the model was trained on it",
        metavar="NAME",
        chosen="none",
    )
    length: int | None = setting(
        None,
        "characters to write after the prompt; 0 for no end",
        minimum=0,
        maximum=2**62,
        metavar="N",
        chosen=f"{DEFAULT_LENGTH}; in lines mode as a line has, ten times the corpus's longest at most",
    )
    count: int = setting(1, "how many texts", minimum=1, maximum=10**9, metavar="N")
    stop: tuple[str, ...] = setting(
        (),
        r"end before this text, such as '\n\n', would be written; may be given several times",
        check=_texts,
        metavar="TEXT",
        escapes=True,
    )
    until_line: int | None = setting(
        None,
        "end with the N-th line that is written; without --length, there is no other end",
        minimum=1,
        maximum=2**62,
        metavar="N",
        chosen="any number of lines",
    )
    best_of: int = setting(
        1,
        "for every text, write N and keep the one whose characters were the likeliest on average",
        minimum=1,
        maximum=10**6,
        metavar="N",
    )
    output: str | None = setting(
        None,
        "a new file to write to, with progress on standard error; one that exists is never overwritten",
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
    on_unknown: str = setting(
        "error",
        "what the model does not know of the prompt: an error, left out, or replaced by what is nearest in "
        "compatibility, case, accents or looks",
        choices=POLICIES,
    )


@dataclass(frozen=True)
class SampleSettings(Checked):
    """How each character is chosen. Models are mixed, then the filters work in the order of this list."""

    mix: float | None = setting(
        None,
        "with --checkpoint given several times: the share that the first model has of the distribution; the "
        "others have equal parts of the rest",
        minimum=0.0,
        maximum=1.0,
        metavar="P",
        chosen="equal parts for all",
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
        "raise the probabilities of recently written characters to this power; 1 is off; of a small alphabet "
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
        "below 1 safer, above 1 bolder, up to 100; 0 writes the likeliest character every time; X:Y goes "
        "from one to the other over the length",
        check=temperatures,
        metavar="X|X:Y",
    )
    top_k: int = setting(
        0,
        "choose among the N likeliest; 0 is off; of 65 characters few are likely at any place, so 5 to 20 "
        "changes something",
        minimum=0,
        maximum=2**31,
        metavar="N",
    )
    typical: float = setting(
        1.0,
        "locally typical sampling: choose among those nearest to the expected surprise, up to this share of "
        "probability; 1 is off",
        minimum=0.0,
        maximum=1.0,
        metavar="P",
    )
    top_p: float = setting(
        1.0,
        "nucleus sampling: choose among the fewest likeliest that hold this share of probability; 1 is off; "
        "inside a word 0.95 often leaves one or two",
        minimum=0.0,
        maximum=1.0,
        metavar="P",
    )
    min_p: float = setting(
        0.0,
        "leave out what is less than P times as likely as the likeliest; 0 is off; 0.02 removes most slips",
        minimum=0.0,
        maximum=1.0,
        metavar="P",
    )


@dataclass(frozen=True)
class SeeingSettings(Checked):
    """What else is told of the text that is written."""

    color: str = setting(
        "none",
        "paint each character by how surprising it was to the model, unfiltered; on a terminal only, "
        "elsewhere --json has the figures",
        choices=("none", "surprise"),
    )
    novelty: tuple[str, ...] = setting(
        (),
        "say what of the text stands in a corpus word for word; may be given several times; auto is the "
        "corpus that the model was trained on, if it is still the same",
        check=_paths,
        metavar="CORPUS|auto",
    )
    interactive: bool = setting(
        False, "write together: type a beginning, take one of the likeliest characters, or let it run"
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


@dataclass(frozen=True)
class TranslateSettings(Checked):
    """How each line is answered."""

    beam: int = setting(
        5,
        "targets that are followed at each step; 1 takes the likeliest symbol every time",
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
    interactive: bool = setting(False, "a conversation: a line typed, a line answered")
    seed: int = setting(
        1,
        "seed of what --temperature draws; random draws one and prints it",
        minimum=0,
        maximum=2**63 - 1,
        metavar="N|random",
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
        "instead of TEXT: validation, what the model's run held out, as the run folder keeps it",
        choices=("validation",),
        metavar="validation",
    )
    window: int = setting(
        0, "reset the state after every N characters; 0 carries it", minimum=0, maximum=2**62, metavar="N"
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
    html: str | None = setting(
        None, "write a page that shows the text by surprise, a new file", metavar="FILE"
    )
    exact: bool = setting(False, "read a long text in one pass instead of at many places at once; slower")
    show: bool = setting(False, "paint the text by surprise, with what was likelier under it")
    per_line: bool = setting(False, "print bits per character, a tab and the line, for each line")
    per_character: bool = setting(False, "print a JSON line for each character, with what was expected there")
    gradients: bool = setting(
        False,
        "show how the gradient of a character's loss fades with the distance back; --checkpoint may be given "
        "several times",
    )
    adapt: bool = setting(
        False, "dynamic evaluation: score a second time with a copy that learns from what it has just scored"
    )
    adapt_rate: float = setting(0.001, "learning rate of --adapt", minimum=0.0, maximum=10.0, metavar="X")
    adapt_decay: float = setting(
        0.0003,
        "decay of --adapt towards the trained weights, at each step",
        minimum=0.0,
        maximum=1.0,
        metavar="P",
    )
    adapt_window: int = setting(
        32, "symbols between two steps of --adapt", minimum=1, maximum=65536, metavar="N"
    )
