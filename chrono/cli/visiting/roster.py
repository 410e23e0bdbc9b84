"""The venues as this machine reads them: a chain is read through the node that the settings name, or is off."""

from collections.abc import Iterable, Mapping

from chrono.cli import frame
from chrono.ingest.venues.roster import spec_of
from chrono.ingest.venues.spec import VenueSpec


def specs_here(names: Iterable[str], elsewhere: Mapping[str, str]) -> list[VenueSpec]:
    """The specs of these venues, in their order. `elsewhere` gives addresses (`HOST:PORT`) that stand in for them.

    Raises: SettingsError when a chain is among them and the settings have faults.
    """
    return [_with_node(spec_of(name), elsewhere.get(name)) for name in names]


def is_off(spec: VenueSpec) -> bool:
    """Whether it is a chain that no node is named for."""
    return spec.through_node is not None and not spec.rest.instruments.url


def _with_node(spec: VenueSpec, host: str | None) -> VenueSpec:
    if spec.through_node is None:
        return spec
    node = frame.load().settings.venues.ethereum_rpc
    if node is not None:
        return spec.through_node(node.reveal())
    return spec if host is None else spec.through_node(f"http://{host}/")
