"""Tables that look clean as text, as HTML and as Markdown, and the same on every machine."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from html import escape

Cells = tuple[str, ...]


class Table(ABC):
    """An object whose repr is a table; a notebook shows it as HTML, a terminal as aligned text.

    Attributes:
        header: one title per column.
        left: how many of the first columns are aligned to the left; the others hold numbers.
        ruled: whether rules part header, rows and notes of the text; else an empty line goes before the notes.
    """

    header: Cells
    left: int = 2
    ruled: bool = True

    @abstractmethod
    def cells(self) -> list[Cells]:
        """The rows, as text."""

    def notes(self) -> list[str]:
        """Lines under the table."""
        return []

    def style(self, row: int, column: int) -> str:
        """CSS of a cell in HTML, beyond its alignment; rows are counted from 0, without the header."""
        return ""

    def __repr__(self) -> str:
        rows = [self.header, *self.cells()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(map(self._aligned, range(len(widths)), row, widths)).rstrip() for row in rows]
        if not self.ruled:
            return "\n".join([*lines, "", *self.notes()])
        rule = "-" * max(map(len, lines))
        return "\n".join([lines[0], rule, *lines[1:], rule, *self.notes()])

    def _aligned(self, column: int, cell: str, width: int) -> str:
        return cell.ljust(width) if column < self.left else cell.rjust(width)

    def _repr_html_(self) -> str:
        def line(cells: Cells, tag: str, styles: Iterable[str]) -> str:
            sides = ["left" if column < self.left else "right" for column in range(len(cells))]
            items = (
                f'<{tag} style="text-align: {side}{style and f"; {style}"}">{escape(cell)}</{tag}>'
                for side, style, cell in zip(sides, styles, cells, strict=True)
            )
            return f"<tr>{''.join(items)}</tr>"

        columns = range(len(self.header))
        head = line(self.header, "th", [""] * len(columns))
        body = "\n".join(
            line(cells, "td", [self.style(row, column) for column in columns])
            for row, cells in enumerate(self.cells())
        )
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes())
        return f"<table>\n<thead>{head}</thead>\n<tbody>\n{body}\n</tbody>\n</table>{notes}"


class Markdown(str):
    """Markdown text: a notebook renders it, a terminal shows it as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def _repr_markdown_(self) -> str:
        return str(self)


def markdown_table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> Markdown:
    """A table whose cells may hold links; integers get a comma at the thousands."""

    def line(cells: Sequence[object]) -> str:
        return f"| {' | '.join(f'{cell:,}' if isinstance(cell, int) else str(cell) for cell in cells)} |"

    return Markdown("\n".join(map(line, [titles, ["---"] * len(titles), *rows])))


def markdown_list(lines: Iterable[str]) -> Markdown:
    """A line for each, with a dot before it."""
    return Markdown("\n".join(f"- {line}" for line in lines))
