"""The model that the settings name, read from its file."""

from pathlib import Path

import structlog

from chrono.errors import BAD_MODEL, ChronoError
from chrono.pricing.case import Learned
from chrono.pricing.models import MOST_BYTES, read_model
from chrono.settings import Pricing

log = structlog.get_logger()


def load_learned(rules: Pricing) -> Learned | None:
    """The learned layer that `pricing.model_file` asks for; None when it asks for none.

    Raises: ChronoError(BAD_MODEL) when the file is away or damaged: a layer that was asked
    for is not left out silently.
    """
    if not rules.model_file:
        return None
    learned, _ = read_model(model_bytes(Path(rules.model_file)))
    return learned


def announce(learned: Learned | None) -> None:
    """Say in the log whether there is a learned layer, and which."""
    if learned is None:
        log.info("learned_layer_absent", because="pricing.model_file is empty")
    else:
        log.info("learned_layer", digest=learned.digest, limit=learned.limit)


def model_bytes(path: Path) -> bytes:
    """What the file holds, as far as a model may. Raises: ChronoError(BAD_MODEL)."""
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ChronoError(BAD_MODEL, file=str(path), fault=error.strerror) from error
