"""Tables say the same as text, as HTML and as Markdown."""

from helpers.tables import Cells, Table, markdown_list, markdown_table


class Loaves(Table):
    header = ("bread", "price")
    left = 1

    def cells(self) -> list[Cells]:
        return [("rye & wheat", "4.20"), ("rye", "12.00")]

    def notes(self) -> list[str]:
        return ["Prices < 20."]


class Plain(Loaves):
    ruled = False

    def style(self, row: int, column: int) -> str:
        return "color: red" if (row, column) == (1, 1) else ""


def test_text_is_aligned_and_parted_by_rules_or_by_an_empty_line():
    rows = ["bread        price", "rye & wheat   4.20", "rye          12.00"]
    rule = "-" * 18
    assert repr(Loaves()).splitlines() == [rows[0], rule, *rows[1:], rule, "Prices < 20."]
    assert repr(Plain()).splitlines() == [*rows, "", "Prices < 20."]


def test_html_is_escaped_and_a_cell_may_have_a_style_of_its_own():
    html = Plain()._repr_html_()
    assert '<td style="text-align: left">rye &amp; wheat</td>' in html and "<p>Prices &lt; 20.</p>" in html
    assert '<td style="text-align: right; color: red">12.00</td>' in html and html.count("color") == 1


def test_markdown_is_rendered_in_a_notebook_and_is_its_own_text():
    table = markdown_table(["bread", "sold"], [("[rye](rye.md)", 1_200)])
    assert (
        table
        == repr(table)
        == table._repr_markdown_()
        == "| bread | sold |\n| --- | --- |\n| [rye](rye.md) | 1,200 |"
    )
    assert markdown_list(["rye", "wheat"]) == "- rye\n- wheat" and markdown_list([]) == ""
