"""`charrnn train --resume`: continue a run exactly where it stopped."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from charrnn.commands.caller import Caller, shown
from charrnn.commands.corpora import counted
from charrnn.commands.learning_text import encode, with_prompt
from charrnn.commands.outcome import finish, tell
from charrnn.commands.plan_line import until
from charrnn.commands.task import make_task
from charrnn.config.declaration import build, flat, names_where, option_name
from charrnn.config.settings import IN_THE_RUN_FOLDER, ReadingSettings, TrainSettings
from charrnn.config.values import duration, seconds
from charrnn.decoding.prompt import read_prompt
from charrnn.errors import CharRNNError, CheckpointError, CorpusError, UsageError
from charrnn.runs.checkpoint import Checkpoint
from charrnn.runs.folder import Run, named, read_config
from charrnn.runs.lock import locked
from charrnn.runs.recovery import newest_unfinished, recover
from charrnn.runs.report import Display
from charrnn.text.arrays import writable
from charrnn.text.corpus import Corpus
from charrnn.text.dataset import Dataset, open_dataset
from charrnn.training.machine import is_available, pick_device
from charrnn.training.memory import check_fits
from charrnn.training.plan import choose
from charrnn.training.rolling_back import misfit
from charrnn.training.schedule import RunClock, rate
from charrnn.training.session import Session
from charrnn.training.setup import plan_facts, set_up

BOUNDS = names_where(TrainSettings, on_resume="bound")
MACHINE = names_where(TrainSettings, on_resume="last bits")
CHANGEABLE = (*BOUNDS, *MACHINE, *names_where(TrainSettings, on_resume="may change"))
FIXED = names_where(TrainSettings, on_resume="fixed")


def resume(given: Mapping[str, Any], caller: Caller, prompt: str | None = None) -> Run:
    """Go on with a run; it knows its settings and its text.

    Args:
        given: the settings that were set, by name.
        caller: who asks for it.
        prompt: as it was typed, instead of the settings' own, which is the text itself.
    """
    build(TrainSettings, dict(given) | {"max_time": str(given.get("max_time", "1s")).removeprefix("+")})
    run = Run(named(given["run"])) if "run" in given else newest_unfinished()
    if not run.folder.is_dir():
        raise CheckpointError(f"{run.folder} does not exist; give the folder of a run, or leave --resume out")
    with locked(run.folder):
        run.sweep()
        found = recover(run)
        checkpoint = found.checkpoint
        begun = settings_begun_with(run, checkpoint)
        given = dict(given) | time_in_all(given, checkpoint)
        settings = continued(begun, given, finished=checkpoint.progress.finished)
        settings = with_prompt(settings, prompt)
        with shown(caller, quiet=settings.output.quiet) as display:
            for notice in found.notices:
                display.note(notice)
            is_extended = any(given[name] != begun.get(name) for name in BOUNDS if name in given)
            if checkpoint.progress.finished and not is_extended:
                display.note(nothing_to_do(run, checkpoint))
                return run
            corpus = the_corpus(given.get("corpus", ()), checkpoint, display)
            session = go_on(run, checkpoint, settings, corpus, display=display, caller=caller)
            display.note(going_on(session, is_extended=is_extended))
            if other := other_bits(begun, session):
                display.note(f"continuing with {other}: from here on, the weights are not bit-identical")
            if flat(session.setup.plan.settings) != flat(build(TrainSettings, begun)):
                run.write_config(session.setup.plan.settings)
            progress = finish(session, found.path)
        tell(progress, run.folder, quiet=settings.output.quiet)
    return run


_ONCE_WITHOUT = {"weight_dropout": 0.0, "substring_rows": 0, "processes": 1}
"""What settings mean that checkpoints of earlier versions do not have."""


def settings_begun_with(run: Run, checkpoint: Checkpoint) -> dict[str, Any]:
    """Every setting of a run by name; those that name files stand in its `config.toml` alone."""
    try:
        named = read_config(str(run.config))
    except CharRNNError:  # it goes on all the same
        named = {}
    every = named | _ONCE_WITHOUT | checkpoint.settings
    return {name: value for name, value in every.items() if name in IN_THE_RUN_FOLDER}


def time_in_all(given: Mapping[str, Any], checkpoint: Checkpoint) -> dict[str, str]:
    """The bound that `--max-time +5m` means: so much more than what was done."""
    max_time = given.get("max_time", "")
    if not max_time.startswith("+"):
        return {}
    added_seconds = checkpoint.training.numbers.get("budget", {}).get("added_seconds", 0.0)
    done_seconds = max(0.0, checkpoint.progress.seconds - added_seconds)
    return {"max_time": duration(done_seconds + seconds(max_time.removeprefix("+")))}


def continued(begun: Mapping[str, Any], given: Mapping[str, Any], *, finished: bool) -> TrainSettings:
    """The settings that a run goes on with; new bounds take the place of all those a run has ended by.

    Raises:
        UsageError: one is given that cannot change.
    """
    for name, value in given.items():
        is_other = value not in {begun.get(name), "auto"}
        if is_other and name in FIXED:
            was = "nothing there" if begun.get(name) is None else repr(begun[name])
            raise UsageError(
                f"{option_name(name)} is {value!r}, but the run was begun with {was}, which cannot change; "
                "leave it out to go on, or leave --resume out to begin another run"
            )
    replaced = BOUNDS if finished and any(name in given for name in BOUNDS) else ()
    kept = {name: value for name, value in begun.items() if name not in replaced}
    as_before = {name for name in MACHINE if given.get(name) == "auto"}
    new = {name: given[name] for name in CHANGEABLE if name in given and name not in as_before}
    return on_this_machine(build(TrainSettings, kept | new), begun, new)


def on_this_machine(
    settings: TrainSettings, begun: Mapping[str, Any], new: Mapping[str, Any]
) -> TrainSettings:
    """The settings with a device that is here.

    On another than before precision and threads are chosen, and threads in another number of processes.
    """
    machine = settings.machine
    if "device" not in new and not is_available(machine.device):
        machine = replace(machine, device="auto")
    machine = replace(machine, device=pick_device(machine).type)
    if machine.device != begun.get("device"):
        machine = replace(machine, precision=new.get("precision", "auto"), threads=new.get("threads"))
    if machine.processes != begun.get("processes"):
        machine = replace(machine, threads=new.get("threads"))
    return replace(settings, machine=machine)


def nothing_to_do(run: Run, checkpoint: Checkpoint) -> str:
    """What to say of a run that has ended."""
    return (
        f"{run.folder} has ended after {checkpoint.progress.step:,} updates: nothing is left to do; "
        "give --steps, --epochs or --max-time to extend it, such as --max-time +5m"
    )


def other_bits(begun: Mapping[str, Any], session: Session) -> str:
    """What of the machine is not as it was, in words; empty where all is."""
    pairs = ((name, begun.get(name), getattr(session.setup.plan.settings.machine, name)) for name in MACHINE)
    return ", ".join(f"{option_name(name)} {now} (was {was})" for name, was, now in pairs if now != was)


def the_corpus(paths: tuple[str, ...], checkpoint: Checkpoint, display: Display) -> Corpus | None:
    """The corpus that is named again, if one is.

    Raises:
        CorpusError: it is not the run's.
    """
    if not paths:
        return None
    corpus = counted(paths, build(ReadingSettings, checkpoint.settings), display)
    if corpus.statistics().fingerprint != checkpoint.corpus.fingerprint:
        raise CorpusError(
            f"{', '.join(paths)} is not the text that the run learns from; leave it out, since the run has "
            "its own copy"
        )
    return corpus


def open_text(
    run: Run, checkpoint: Checkpoint, corpus: Corpus | None, settings: TrainSettings, display: Display
) -> Dataset:
    """The run's own copy of its text; one that is not usable is made anew from a corpus that is named again.

    Raises:
        CheckpointError: it is missing, or was changed.
    """
    try:
        return _checked(open_dataset(run.folder), checkpoint, run)
    except CheckpointError as error:
        why = str(error).partition(";")[0]
        if corpus is None:
            raise CheckpointError(
                f"{why}; name the text again: charrnn train --resume --run {run.folder} CORPUS"
            ) from error
    display.note(f"{why}; it is encoded again")
    encoding, vocabulary = Run(run.encoding), checkpoint.vocabulary
    try:
        again = encode(corpus, vocabulary, settings, encoding, display, answers=checkpoint.answers)
        _checked(again, checkpoint, run)
        with writable(run.folder):
            for file in sorted(run.encoding.iterdir(), key=lambda file: file.suffix == ".json"):
                file.replace(run.folder / file.name)
    finally:
        shutil.rmtree(run.encoding, ignore_errors=True)
    return open_dataset(run.folder)


def _checked(dataset: Dataset, checkpoint: Checkpoint, run: Run) -> Dataset:
    if not dataset.is_learnt_by(checkpoint.corpus.encoded, checkpoint.vocabulary):
        raise CheckpointError(
            f"the encoded text in {run.folder} is not what the run learns from; put it back, or begin anew"
        )
    return dataset


def go_on(
    run: Run,
    checkpoint: Checkpoint,
    settings: TrainSettings,
    corpus: Corpus | None,
    *,
    display: Display,
    caller: Caller,
) -> Session:
    """The run as it was when it was saved.

    Raises:
        CheckpointError: the checkpoint is of another run.
        ResourceError: it takes more memory than there is.
    """
    try:
        checkpoint.training.check_whole()
        read_prompt(begun_prompt(checkpoint), checkpoint.vocabulary, checkpoint.reading.normalize)
    except (KeyError, UsageError) as error:
        raise misfit(run.folder, error) from error
    read_prompt(settings.output.prompt, checkpoint.vocabulary, checkpoint.reading.normalize)
    dataset = open_text(run, checkpoint, corpus, settings, display)
    plan = choose(
        settings, plan_facts(dataset, checkpoint.vocabulary, checkpoint.answers, settings.machine.device)
    )
    check_fits(plan)
    numbers = checkpoint.training.numbers
    setup = set_up(
        plan,
        make_task(plan.settings, checkpoint.vocabulary, checkpoint.corpus, checkpoint.answers),
        dataset,
        checkpoint.vocabulary,
        checkpoint.corpus,
        clock=RunClock(checkpoint.progress.seconds, caller.started),
        added_seconds=numbers["budget"]["added_seconds"],
        measured_symbols=int(numbers["session"]["measured_symbols"]),
        answers=checkpoint.answers,
        world=caller.world,
    )
    session = Session(setup, run, display, caller.stops)
    session.saver.find_best(checkpoint)
    session.rolling_back.restore(checkpoint)
    if checkpoint.progress.finished:  # what ended it, patience too, counts anew
        session.validating.stale = 0
    return session


def begun_prompt(checkpoint: Checkpoint) -> str:
    """How the run's samples begin, going by its checkpoint."""
    return build(TrainSettings, checkpoint.settings).output.prompt


def going_on(session: Session, *, is_extended: bool) -> str:
    """Where the run goes on, and how its schedule does."""
    trainer, settings = session.trainer, session.setup.plan.settings
    line = f"resume {session.run.folder} at step {trainer.step:,}, until {until(settings.budget)}"
    if not is_extended:
        return line
    progress = trainer.budget.progress(trainer.step)
    share = rate(progress) * trainer.rate_factor
    return (
        f"{line}: {progress:.0%} of its schedule is done, so the learning rate goes on at {share:.0%} of the "
        "highest and falls to zero at the new end"
    )
