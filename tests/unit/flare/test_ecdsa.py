"""Signatures: who made them, and what cannot be one."""

import pytest

from chrono.flare.abi import Malformed
from chrono.flare.signatures import CURVE_ORDER, Signature, address_of, eth_signed, recover, sign
from chrono_core import keccak256
from tests.fakes.signers import address_at, key_of

DIGEST = eth_signed(keccak256(b"a message"))


def test_a_signature_is_recovered_to_its_signer() -> None:
    for place in range(20):
        signature = sign(DIGEST, key_of(place))
        assert signature.v in (27, 28)
        assert signature.is_low_s
        assert recover(DIGEST, signature) == address_at(place)


def test_the_prefix_is_that_of_a_32_byte_message() -> None:
    assert eth_signed(bytes(32)) == keccak256(b"\x19Ethereum Signed Message:\n32" + bytes(32))


@pytest.mark.parametrize("v", [0, 1, 26, 29, 255])
def test_v_is_27_or_28_and_never_reduced_by_27(v: int) -> None:
    good = sign(DIGEST, key_of(1))
    assert recover(DIGEST, Signature(v, good.r, good.s)) is None


@pytest.mark.parametrize(
    ("r", "s"), [(0, 1), (1, 0), (CURVE_ORDER, 1), (1, CURVE_ORDER), (2**256 - 1, 2**256 - 1), (0, 0), (5, 1)]
)
def test_numbers_outside_the_curve_are_nobodys_signature(r: int, s: int) -> None:
    for v in (27, 28):
        assert recover(DIGEST, Signature(v, r.to_bytes(32, "big"), s.to_bytes(32, "big"))) is None


def test_the_mirrored_signature_is_the_same_signers_but_not_low() -> None:
    good = sign(DIGEST, key_of(3))
    mirrored = Signature(55 - good.v, good.r, (CURVE_ORDER - int.from_bytes(good.s, "big")).to_bytes(32, "big"))
    assert not mirrored.is_low_s
    assert recover(DIGEST, mirrored) == address_at(3)


def test_another_digest_is_another_signer() -> None:
    assert recover(eth_signed(bytes(32)), sign(DIGEST, key_of(0))) != address_at(0)


@pytest.mark.parametrize("key", [b"", bytes(32), b"\xff" * 32, bytes(33)])
def test_a_key_that_is_none_signs_nothing(key: bytes) -> None:
    with pytest.raises(ValueError):
        sign(DIGEST, key)
    with pytest.raises(ValueError):
        address_of(key)


def test_a_cut_signature_is_refused_with_its_place() -> None:
    with pytest.raises(Malformed, match="64 are left") as refused:
        Signature.decode(bytes(3 + 64), 3)
    assert refused.value.at == 3
