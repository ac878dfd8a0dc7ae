"""Records of a text: line ends and delimiters become end marks. Knows nothing of files or encodings."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from charrnn.text.codes import CARRIAGE_RETURN, END, LINE_FEED, to_codes
from charrnn.text.normalization import normalized

Codes = NDArray[np.uint32]

_BLANKS = " \t"


def lines_ended(texts: Iterable[str]) -> Iterator[Codes]:
    """Each line's codes and `END`; a line ends by LF or CR LF, the last one also where the text ends."""
    held = ""
    last = END
    for text in texts:
        joined = held + text
        held = "\r" if joined.endswith("\r") else ""
        codes = _lines_as_records(to_codes(joined.removesuffix("\r")))
        last = int(codes[-1]) if len(codes) else last
        yield codes
    if held or last != END:
        yield np.append(to_codes(held), np.uint32(END))


def records_ended(
    texts: Iterable[str], delimiter: str, found: Callable[[], object] = lambda: None
) -> Iterator[Codes]:
    """Each record's codes and `END`, where a line equal to the delimiter ends a record.

    Line ends inside a record stay; the one before the delimiter's line goes with it. An empty delimiter
    means one or more blank lines: no record is empty then. Blanks at the end of a delimiter's line, which
    nobody sees, do not matter.

    Args:
        texts: the pieces of a text.
        delimiter: the line, without its end.
        found: is called wherever the delimiter stands.
    """
    splitter = _Splitter(delimiter, found)
    held: list[str] = []
    for text in texts:
        first, feed, rest = text.rpartition("\n")
        if feed:
            yield splitter.split("".join([*held, first, feed]))
            held = []
        held.append(rest)
    yield splitter.split("".join(held))
    if splitter.is_open:
        yield np.array([END], np.uint32)


def cells_ended(cells: Iterable[Sequence[str]], form: str) -> Iterator[Codes]:
    """Each cell's codes in a normal form, and `END`; line ends within a cell stay."""
    for some in cells:
        texts = ["".join(normalized([text], form)) for text in some]
        codes = to_codes("\n".join([*texts, ""])).copy()
        codes[np.cumsum([len(text) + 1 for text in texts]) - 1] = END
        yield codes


def _lines_as_records(codes: Codes) -> Codes:
    feeds = np.flatnonzero(codes == LINE_FEED)
    ended = codes.copy()
    ended[feeds] = END
    before = feeds[feeds > 0] - 1
    returns = before[codes[before] == CARRIAGE_RETURN]
    return np.delete(ended, returns) if len(returns) else ended


class _Splitter:
    """Goes through whole lines; a line's end waits until the next line shows whether the record goes on."""

    def __init__(self, delimiter: str, found: Callable[[], object]) -> None:
        self.is_open = False
        self._delimiter, self._found = delimiter.rstrip(_BLANKS), found
        self._line_end = ""

    def split(self, lines: str) -> Codes:
        """The codes of whole lines, of which only a text's last may have no end."""
        pieces: list[str] = []
        ends: list[int] = []
        length = 0
        for line in lines.removesuffix("\n").split("\n") if lines else ():
            piece = self._piece(line)
            if piece is None:
                ends.append(length)
                piece = "\n"
            pieces.append(piece)
            length += len(piece)
        codes = to_codes("".join(pieces)).copy()
        codes[ends] = END
        return codes

    def _piece(self, line: str) -> str | None:
        """What a line adds to the text; None for an end mark."""
        content = line.removesuffix("\r")
        if content.rstrip(_BLANKS) != self._delimiter:
            piece = self._line_end + content
            self._line_end = line[len(content) :] + "\n"
            self.is_open = True
            return piece
        self._found()
        ends_record = self.is_open or self._delimiter
        self._line_end = ""
        self.is_open = False
        return None if ends_record else ""
