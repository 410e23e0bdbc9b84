"""Tables on terminals of any width: what is left out is said, and no address loses a digit."""

from io import StringIO

from rich.console import Console

from chrono.cli.tables import FittingTable

ADDRESS = "0x7FA2D6FaB7E0eD71AC9D710ffc827113AcC4Eb69"
COLUMNS = ("round", "phase", "within 0.5 %", "gas", "cost")
ROWS = (("48", "finalized", "22/63", "82456", "0.010307 coins"), ("47", "over", "", "", ""))


def shown(width: int, columns: tuple[str, ...], rows: tuple[tuple[str, ...], ...], **how: object) -> list[str]:
    """The lines that a terminal of this width shows."""
    out = StringIO()
    table = FittingTable(columns, rows, how.get("right", ()), how.get("spare", ()))  # type: ignore[arg-type]
    Console(file=out, width=width, no_color=True).print(table)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def rounds(width: int) -> list[str]:
    """A table of rounds."""
    return shown(width, COLUMNS, ROWS, right=COLUMNS[2:], spare=(("gas",), ("cost",)))


def test_a_table_that_fits_is_one_line_a_row_with_every_column() -> None:
    assert rounds(60) == [
        "round  phase      within 0.5 %    gas            cost",
        "48     finalized         22/63  82456  0.010307 coins",
        "47     over",
    ]


def test_heads_of_numbers_are_broken_before_anything_is_left_out() -> None:
    lines = rounds(50)
    assert lines[0].strip() == "within"
    assert lines[2] == "48     finalized   22/63  82456  0.010307 coins"


def test_spare_columns_go_in_their_order_and_are_named() -> None:
    assert rounds(45)[2:] == [
        "48     finalized   22/63  0.010307 coins",
        "47     over",
        "(too narrow here for: gas; a pipe and --json",
        "have them)",
    ]
    assert "48     finalized   22/63" in rounds(30)


def test_an_address_is_wrapped_and_never_cut() -> None:
    lines = shown(40, ("role", "address"), (("submit_signatures", ADDRESS),))
    cells = [line[19:].strip() for line in lines[1:]]
    assert "".join(cells) == ADDRESS
    assert lines[1].startswith("submit_signatures")


def test_a_column_whose_cells_are_empty_is_no_fault() -> None:
    assert shown(20, ("", ""), (("", ""),)) == [""]
    assert shown(20, ("a", "b"), ()) == ["a  b"]
