"""Explains calldata as `chrono ftso decode` does, on Coston unless told otherwise."""

from typing import Any

from chrono.cli.decoding.finding import About, Calldata
from chrono.cli.decoding.terms import Terms
from chrono.cli.decoding.transaction import describe
from chrono.cli.decoding.words import lines_of
from chrono.flare.contracts.functions import FUNCTION_BY_NAME
from chrono.flare.networks import COSTON

ROUND = 1210
START_S = COSTON.timing.first_start_s + 90 * ROUND


def told(data: bytes | str, **terms: Any) -> dict[str, Any]:
    about = terms.pop("about", About())
    text = data if isinstance(data, str) else "0x" + data.hex()
    document = describe(Calldata(about, text), Terms(COSTON, **terms))
    assert all(isinstance(line, str) for line in lines_of(document))
    return document


def words(data: bytes | str, **terms: Any) -> str:
    return "\n".join(lines_of(told(data, **terms)))


def call(name: str, *arguments: Any) -> bytes:
    return FUNCTION_BY_NAME[name].encode(*arguments)
