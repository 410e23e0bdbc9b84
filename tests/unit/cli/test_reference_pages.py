"""The pages under docs/generated are what the code says now."""

import pytest

from docs.generate import FOLDER, HEAD, PAGES, stale, write


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_committed_page_is_what_the_code_says(name: str) -> None:
    committed = (FOLDER / name).read_text(encoding="utf-8")
    assert committed == HEAD + PAGES[name](), f"docs/generated/{name} is stale; run `make docs`"


def test_a_page_that_differs_is_found_stale(tmp_path) -> None:
    assert stale(tmp_path) == list(PAGES)
    write(tmp_path)
    assert stale(tmp_path) == []
    page = tmp_path / next(iter(PAGES))
    page.write_text(page.read_text() + "more\n")
    assert stale(tmp_path) == [page.name]


def test_every_page_in_the_folder_is_written_by_a_function() -> None:
    assert {path.name for path in FOLDER.glob("*.md")} == set(PAGES)


def test_the_settings_page_names_every_setting_in_the_environment() -> None:
    from chrono.settings.catalogue import FLAT_NAMES, catalogue

    page = PAGES["settings.md"]()
    assert [s.env for s in catalogue().values() if f"`{s.env}`" not in page] == []
    assert [name for name in FLAT_NAMES if f"`{name}`" not in page] == []


def test_the_reasons_page_has_an_anchor_for_every_reason() -> None:
    from chrono import errors

    page = PAGES["reasons.md"]()
    reasons = [value for value in vars(errors).values() if isinstance(value, errors.Reason)]
    assert [reason.code for reason in reasons if f"### {reason.code}\n" not in page] == []
    assert len({reason.code for reason in reasons}) == len(reasons)


def test_the_command_line_page_names_every_command() -> None:
    from chrono.cli.root import COMMANDS

    page = PAGES["cli.md"]()
    assert [name for name in COMMANDS if f"## chrono {name}\n" not in page] == []
