"""`charrnn sample --interactive`: a person at a terminal and a model write one text together."""

import importlib
import sys
from collections.abc import Callable
from contextlib import suppress

from charrnn.config.character_sets import unescaped
from charrnn.config.settings import Request
from charrnn.decoding.conversation import CHOICES, STRETCH, Choice, Conversation
from charrnn.display.sanitizer import Sanitizer, visible, write_text
from charrnn.errors import UnknownCharacterError, UsageError

HELP = f"""\
type text        it is added to what stands there (\\n a new line, \\t a tab, \\\\ a backslash)
1 to {CHOICES}           take that one of the likeliest characters
Enter            let the model write on; Ctrl-C stops it
:run N           let it write N characters
:add TEXT        add TEXT as it is, such as a digit or what begins with a colon
:undo  :new      take the last step back; begin an empty text
:text            show the whole text
:help  :quit     this help; leave, as Ctrl-D does
"""

LONGEST_NUMBER = 19
"""Digits; a number of more is no count of characters."""

_TAIL = 60
"""Characters of the text that stand above the choices."""


def write_together(conversation: Conversation, request: Request) -> None:
    """Ask for lines until there are no more; a line does what `HELP` says.

    Args:
        conversation: the text.
        request: its prompt begins the text, its length is that of a stretch.
    """
    with suppress(ImportError):  # line editing and history for `input`, where there is a library for it
        importlib.import_module("readline")
    table = Table(conversation, request.length)
    _show("Type how the text begins; Enter alone lets the model write; :help for more.\n")
    table.type(request.prompt)
    while table.is_open:
        try:
            line = input("> ")
        except EOFError:
            _show("\n")
            return
        except KeyboardInterrupt:
            _show("\n")
            raise
        table.obey(line)


class Table:
    """What the lines do that a person types.

    Attributes:
        is_open: whether there is more to come.
    """

    def __init__(self, conversation: Conversation, length: int | None) -> None:
        self.is_open = True
        self._conversation = conversation
        self._length = STRETCH if length is None else length
        self._choices: list[Choice] = []
        self._commands: dict[str, Callable[[str], None]] = {
            ":run": self._run,
            ":add": self.type,
            ":undo": self._undo,
            ":new": self._restart,
            ":text": lambda _: _show(visible(conversation.text) + "\n"),
            ":help": lambda _: _show(HELP),
            ":quit": self._quit,
        }

    def obey(self, line: str) -> None:
        """Do what a line says; what cannot be done is said, and changes nothing."""
        name, _, rest = line.partition(" ")
        try:
            if not line:
                self._run("")
            elif name in self._commands:
                self._commands[name](rest)
            elif line.startswith(":"):
                _show(f"there is no {visible(name)}; :help shows what there is\n")
            elif line in map(str, range(1, len(self._choices) + 1)):
                self._take(self._choices[int(line) - 1])
            else:
                self.type(unescaped(line))
        except UsageError as error:
            _show(f"{visible(str(error))}\n")
        except UnknownCharacterError as error:  # composed with what stood before, it has no symbol
            self._conversation.undo()
            _show(f"{visible(str(error))}\n")
            self._show_place()

    def type(self, text: str) -> None:
        """Add text."""
        notice = self._conversation.add(text)
        if notice:
            _show(visible(notice) + "\n")
        self._show_place()

    def _take(self, choice: Choice) -> None:
        self._conversation.take(choice)
        self._show_place()

    def _undo(self, _: str) -> None:
        self._conversation.undo()
        self._show_place()

    def _restart(self, _: str) -> None:
        self._conversation.restart()
        self._show_place()

    def _quit(self, _: str) -> None:
        self.is_open = False

    def _run(self, length: str) -> None:
        """Show the end of the text and what the model adds to it, as it comes."""
        if length and not (length.isdecimal() and len(length) < LONGEST_NUMBER and int(length) > 0):
            _show(f":run {visible(length)}: expected a number of characters, such as :run 200\n")
            return
        sanitizer = Sanitizer()
        _show(sanitizer.feed(_last_line(self._conversation.text)))
        try:
            for piece in self._conversation.run(int(length or self._length)):
                _show(sanitizer.feed(piece))
        except KeyboardInterrupt:
            pass  # the wish to stop the model, not the program
        _show("\n")
        self._show_choices()

    def _show_place(self) -> None:
        text = self._conversation.text
        _show(visible(_last_line(text)) + "\n" if text else "")
        self._show_choices()

    def _show_choices(self) -> None:
        """The likeliest characters by number; a text that has ended makes way for a new one."""
        if self._conversation.is_ended:
            _show("(the text has ended; a new one begins)\n")
            self._conversation.restart()
        self._choices = self._conversation.choices()
        shown = (f"{i}: {_label(one.symbol)} {one.probability:.0%}" for i, one in enumerate(self._choices, 1))
        _show("  " + "   ".join(shown) + "\n")


def _show(text: str) -> None:
    write_text(sys.stdout, text)


def _last_line(text: str) -> str:
    """The end of a text, at most a line of it."""
    line = text.rpartition("\n")[2]
    return line if len(line) <= _TAIL else "…" + line[-_TAIL:]


def _label(symbol: str) -> str:
    """A symbol that can be told from its surroundings."""
    return {" ": "␣", "\n": r"\n", "\t": r"\t"}.get(symbol) or visible(symbol)
