"""Who signed: secp256k1 by its own formulas, slow and short."""

from eth_hash.auto import keccak

P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)
Point = tuple[int, int, int]
"""Jacobian; z = 0 is the point at infinity."""
NOTHING: Point = (0, 1, 0)


def recover(digest: bytes, v: int, r: int, s: int) -> bytes | None:
    """The signer's address; None when it is no signature."""
    if v not in {27, 28} or not 0 < r < N or not 0 < s <= N // 2:
        return None
    y_squared = (pow(r, 3, P) + 7) % P
    y = pow(y_squared, (P + 1) // 4, P)
    if y * y % P != y_squared:
        return None
    y = y if y % 2 == v - 27 else P - y
    inverse = pow(r, -1, N)
    z = int.from_bytes(digest, "big")
    key = _both((G[0], G[1], 1), -z * inverse % N, (r, y, 1), s * inverse % N)
    if key[2] == 0:
        return None
    scale = pow(key[2], -1, P)
    x, y = key[0] * scale**2 % P, key[1] * scale**3 % P
    return keccak(x.to_bytes(32, "big") + y.to_bytes(32, "big"))[12:]


def eth_signed(message_hash: bytes) -> bytes:
    return keccak(b"\x19Ethereum Signed Message:\n32" + message_hash)


def _both(one: Point, times: int, other: Point, other_times: int) -> Point:
    """The sum of two multiples, bit by bit together."""
    together = _add(one, other)
    found = NOTHING
    for bit in range(255, -1, -1):
        found = _double(found)
        which = (times >> bit & 1, other_times >> bit & 1)
        if which != (0, 0):
            found = _add(found, {(1, 0): one, (0, 1): other, (1, 1): together}[which])
    return found


def _double(point: Point) -> Point:
    x, y, z = point
    if z == 0 or y == 0:
        return NOTHING
    s = 4 * x * y * y % P
    m = 3 * x * x % P
    x2 = (m * m - 2 * s) % P
    return x2, (m * (s - x2) - 8 * y**4) % P, 2 * y * z % P


def _add(one: Point, other: Point) -> Point:
    if one[2] == 0 or other[2] == 0:
        return other if one[2] == 0 else one
    z1, z2 = one[2] ** 2 % P, other[2] ** 2 % P
    u1, u2 = one[0] * z2 % P, other[0] * z1 % P
    s1, s2 = one[1] * other[2] * z2 % P, other[1] * one[2] * z1 % P
    if u1 == u2:
        return _double(one) if s1 == s2 else NOTHING
    h, r = (u2 - u1) % P, (s2 - s1) % P
    h2 = h * h % P
    h3 = h * h2 % P
    x = (r * r - h3 - 2 * u1 * h2) % P
    return x, (r * (u1 * h2 - x) - s1 * h3) % P, h * one[2] * other[2] % P
