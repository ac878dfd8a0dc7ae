"""A panel at the bottom of a terminal that survives resizing and the output of other programs.

rich redraws by moving up as many lines as it drew last. This fails when the terminal was resized, since the
lines are wrapped anew, and when another program has written below them. Knows nothing of what is shown.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType

from rich.console import Console, ConsoleRenderable, RenderableType
from rich.control import Control
from rich.live import Live
from rich.live_render import LiveRender
from rich.text import Text

REDRAWN_A_SECOND = 4

SHOW_CURSOR, HIDE_CURSOR = b"\x1b[?25h", b"\x1b[?25l"


class LivePanel(Live):
    """A live display below notes, drawn anew where the old place is lost.

    After a change of size the screen is cleared for notes and panel. Ctrl-Z shows the cursor, and nothing is
    drawn in the background; in the foreground again the panel stands below what was written meanwhile.
    """

    def __init__(self, console: Console, panel: Callable[[], RenderableType]) -> None:
        super().__init__(console=console, refresh_per_second=REDRAWN_A_SECOND, get_renderable=panel)
        self._notes: list[Text] = []
        self._drawn_size = console.size
        self._is_away = False
        self._suspending: signal.Handlers | object | None = None

    def __enter__(self) -> "LivePanel":
        super().__enter__()
        if hasattr(signal, "SIGTSTP") and threading.current_thread() is threading.main_thread():
            self._suspending = signal.signal(signal.SIGTSTP, self._suspend)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._suspending is not None:
            signal.signal(signal.SIGTSTP, self._suspending)  # type: ignore[arg-type] # what was there before
        super().__exit__(kind, error, traceback)

    def note(self, text: Text) -> None:
        """Print a line above the panel."""
        self._notes.append(text)
        self.console.print(text)

    def refresh(self) -> None:
        """Draw the panel, unless another program has the terminal."""
        if _in_background(self.console):
            self._is_away = True
            return
        if self._is_away:
            self._is_away = False
            self._forget()
            _write(self.console, HIDE_CURSOR)
        super().refresh()

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """What rich prints, and the panel below it."""
        if self._is_away:
            return renderables
        if self.console.size != self._drawn_size:
            self._drawn_size = self.console.size
            self._forget()
            renderables = [Control.home(), Control.clear(), *self._notes, *renderables]
        return super().process_renderables(renderables)

    def _forget(self) -> None:
        """Let the panel be drawn where the cursor is, not over the one before."""
        self._live_render = LiveRender(self.get_renderable(), vertical_overflow=self.vertical_overflow)

    def _suspend(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signal module's form
        """Stop as if nobody handled the signal, but with a cursor."""
        _write(self.console, SHOW_CURSOR)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)  # goes on here after SIGCONT
        signal.signal(number, self._suspend)
        self._is_away = True


def _in_background(console: Console) -> bool:
    """Whether another program has the terminal; where that cannot be told, no."""
    try:
        return os.tcgetpgrp(console.file.fileno()) != os.getpgrp()
    except (
        AttributeError,
        OSError,
        ValueError,
    ):  # no terminal of this program's own, or none of such systems
        return False


def _write(console: Console, codes: bytes) -> None:
    """Send codes at once: a signal may come while the console is in the midst of printing."""
    with contextlib.suppress(OSError, ValueError):
        os.write(console.file.fileno(), codes)
