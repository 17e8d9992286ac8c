"""Tables that look clean as text and as HTML, and the same on every machine."""

from abc import ABC, abstractmethod
from html import escape

Cells = tuple[str, ...]


class Table(ABC):
    """An object whose repr is a table; a notebook shows it as HTML, a terminal as aligned text.

    Attributes:
        header: one title per column.
        left: how many of the first columns are aligned to the left; the others hold numbers.
    """

    header: Cells
    left: int = 2

    @abstractmethod
    def cells(self) -> list[Cells]:
        """The rows, as text."""

    def notes(self) -> list[str]:
        """Lines under the table."""
        return []

    def __repr__(self) -> str:
        rows = [self.header, *self.cells()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(map(self._aligned, range(len(widths)), row, widths)).rstrip() for row in rows]
        rule = "-" * max(map(len, lines))
        return "\n".join([lines[0], rule, *lines[1:], rule, *self.notes()])

    def _aligned(self, column: int, cell: str, width: int) -> str:
        return cell.ljust(width) if column < self.left else cell.rjust(width)

    def _repr_html_(self) -> str:
        def row(cells: Cells, tag: str) -> str:
            sides = ["left" if column < self.left else "right" for column in range(len(cells))]
            items = (
                f'<{tag} style="text-align: {side}">{escape(cell)}</{tag}>'
                for side, cell in zip(sides, cells, strict=True)
            )
            return f"<tr>{''.join(items)}</tr>"

        body = "\n".join(row(cells, "td") for cells in self.cells())
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes())
        return f"<table>\n<thead>{row(self.header, 'th')}</thead>\n<tbody>\n{body}\n</tbody>\n</table>{notes}"
