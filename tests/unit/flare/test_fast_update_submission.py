"""The call of a fast update, read back, and everything that is no such call."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chrono.flare.abi import Malformed
from chrono.flare.fast_updates.sortition import Credential
from chrono.flare.fast_updates.submission import FastUpdate, decode_calldata, decode_update
from chrono.flare.signatures import Signature

words = st.integers(0, 2**256 - 1)
hashes = st.binary(min_size=32, max_size=32)
updates = st.builds(
    FastUpdate, words, st.builds(Credential, words, st.tuples(words, words), words, words), st.binary(max_size=40)
)
signatures = st.builds(Signature, st.integers(0, 255), hashes, hashes)


@given(updates, signatures)
def test_an_update_comes_back_from_its_call(update, signature):
    assert decode_calldata(update.calldata(signature)) == (update, signature)
    assert decode_update(update.encode(signature)) == (update, signature)


@given(updates, signatures, st.data())
def test_a_call_that_is_cut_off_is_malformed(update, signature, data):
    calldata = update.calldata(signature)
    # Zeros that only fill the last word of the outer bytes may be missing nowhere: the length is checked.
    cut = data.draw(st.integers(0, len(calldata) - 33))
    with pytest.raises(Malformed):
        decode_calldata(calldata[:cut])


@given(st.binary(max_size=600))
def test_any_bytes_are_an_update_or_malformed(data):
    for read in (decode_update, lambda data: decode_calldata(bytes.fromhex("833bf6c0") + data), decode_calldata):
        try:
            update, signature = read(data)
        except Malformed:
            continue
        assert decode_update(update.encode(signature)) == (update, signature)


@given(updates, st.integers(0, 255))
def test_another_block_is_another_message(update, bit):
    other = FastUpdate(update.block ^ 1 << bit, update.credential, update.deltas)
    assert other.message_hash() != update.message_hash()


@given(updates, signatures, st.binary(min_size=4, max_size=4).filter(lambda selector: selector != b"\x83\x3b\xf6\xc0"))
def test_a_call_of_another_function_is_no_update(update, signature, selector):
    with pytest.raises(Malformed, match="submitAndPass"):
        decode_calldata(selector + update.calldata(signature)[4:])
