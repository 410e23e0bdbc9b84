"""Passwords come by reference, and what was given instead is never repeated."""

import os

import pytest

from chrono.errors import PASSWORD_UNREADABLE, ChronoError
from chrono.keys import passwords
from chrono.keys.passwords import read_password


def _refused(reference, environ=None, folder=None, **more):
    with pytest.raises(ChronoError) as error:
        read_password(reference, environ or {}, folder, **more)
    assert error.value.reason is PASSWORD_UNREADABLE
    return str(error.value)


def test_a_password_is_read_from_the_environment(tmp_path):
    password = read_password("env:WALLET", {"WALLET": "hunter2"}, tmp_path)
    assert password.reveal() == "hunter2"
    assert "hunter2" not in repr(password) + f"{password}"


def test_a_password_is_read_from_a_file_of_ours_alone(tmp_path):
    file = tmp_path / "password"
    file.write_text("hunter2\n")
    file.chmod(0o644)
    assert "chmod 600" in _refused("file:password", folder=tmp_path)
    file.chmod(0o600)
    assert read_password("file:password", {}, tmp_path).reveal() == "hunter2"


@pytest.mark.parametrize("written", [b"hunter2", b"hunter2\n", b"hunter2\r\n"])
def test_a_password_is_read_from_a_descriptor_which_is_then_closed(tmp_path, written):
    reading, writing = os.pipe()
    os.write(writing, written)
    os.close(writing)
    assert read_password(f"fd:{reading}", {}, tmp_path).reveal() == "hunter2"
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(reading)


@pytest.mark.parametrize("reference", ["fd:", "fd:x", "fd:-1", "fd:999999", "fd:99999999999999999999", "fd:٣"])
def test_a_descriptor_that_is_none_is_refused(tmp_path, reference):
    _refused(reference, folder=tmp_path)


@pytest.mark.parametrize("written", [b"", b"\n", b"\xff\xfe", b"x" * 5000])
def test_what_is_no_password_is_refused(tmp_path, written):
    reading, writing = os.pipe()
    os.write(writing, written)
    os.close(writing)
    _refused(f"fd:{reading}", folder=tmp_path)


@pytest.mark.parametrize("given", ["hunter2", "keystore:x", "ledger:x", "", "http:hunter2"])
def test_a_password_in_clear_is_refused_and_not_repeated(tmp_path, given):
    assert "hunter2" not in _refused(given, folder=tmp_path)


def _security(tmp_path, body):
    """A program that stands in for the Keychain's command."""
    command = tmp_path / "security"
    command.write_text(f"#!/bin/sh\n{body}\n")
    command.chmod(0o700)
    return str(command)


def test_the_keychain_is_asked_for_the_service_by_name(tmp_path):
    body = '[ "$*" = "find-generic-password -s chrono submit -w" ] && [ -z "$HOME" ] && echo hunter2'
    password = read_password("keychain:chrono submit", {}, tmp_path, security=_security(tmp_path, body))
    assert password.reveal() == "hunter2"


@pytest.mark.parametrize(("code", "told"), [(44, "add-generic-password"), (36, "unlock"), (1, "code 1")])
def test_a_keychain_that_gives_nothing_says_what_to_do(tmp_path, code, told):
    command = _security(tmp_path, f"exit {code}")
    assert told in _refused("keychain:chrono", folder=tmp_path, security=command)


def test_a_keychain_that_is_not_there_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(passwords.platform, "system", lambda: "Linux")
    assert "macOS only" in _refused("keychain:chrono", folder=tmp_path)
    assert "does not start" in _refused("keychain:chrono", folder=tmp_path, security=str(tmp_path / "none"))
    assert "name of the service" in _refused("keychain:", folder=tmp_path, security="x")
