"""What `chrono ftso entity` comes to, and what it says is to be done."""

import pytest

from chrono.cli.entity_words import judged
from chrono.cli.ftso_entity import ROLES
from chrono.keys.entity_calls import ENTITY_ROLES

CALL = {"role": "submit"}


def document(act, states, **more):
    roles = [{"role": role, "state": state} for role, state in states.items()]
    return {"act": act, "roles": roles, "calls": [], "funds": [], "sent": None, **more}


VERDICTS = [
    (document(None, {"submit": "stands", "delegation": "elsewhere"}), "done"),
    (document(None, {"submit": "stands", "delegation": "no_address"}), "open"),
    (document(None, {"submit": "elsewhere"}), "open"),
    (document(None, {"submit": "proposed", "signing_policy": "missing"}), "open"),
    (document(None, {"submit": "missing", "signing_policy": "taken"}), "failed"),
    (document(None, {"submit": "unknown"}), "failed"),
    (document("propose", {"submit": "proposed", "signing_policy": "stands"}), "done"),
    (document("propose", {"submit": "missing"}, calls=[CALL]), "ready"),
    (document("propose", {"submit": "missing"}, calls=[CALL], funds=[{"account": "0x"}]), "failed"),
    (document("propose", {"submit": "missing", "signing_policy": "no_address"}, calls=[CALL]), "failed"),
    (document("propose", {"submit": "proposed"}, calls=[CALL], sent=[CALL]), "done"),
    (document("propose", {"submit": "missing"}, calls=[CALL], sent=[CALL]), "failed"),
    (document("confirm", {"submit": "missing"}), "open"),
    (document("confirm", {"submit": "proposed"}, calls=[CALL]), "ready"),
    (document("confirm", {"submit": "proposed", "signing_policy": "missing"}, calls=[CALL]), "open"),
    (document("confirm", {"submit": "proposed", "delegation": "elsewhere"}, calls=[CALL]), "failed"),
    (document("confirm", {"submit": "stands"}, calls=[CALL], sent=[CALL]), "done"),
    (document("confirm", {"submit": "stands", "signing_policy": "missing"}, calls=[CALL], sent=[CALL]), "open"),
    (document("confirm", {"submit": "proposed"}, calls=[CALL], sent=[CALL]), "failed"),
]


@pytest.mark.parametrize(("told", "verdict"), VERDICTS)
def test_what_it_comes_to(told, verdict):
    assert judged(told)["verdict"] == verdict


def test_the_roles_of_the_command_are_those_that_an_entity_has():
    assert tuple(role.value for role in ENTITY_ROLES) == ROLES
