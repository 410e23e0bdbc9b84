"""The sortition once more, in Python's whole numbers and schoolbook formulas: slow, and nothing like the core.

From EIP-196 (the curve) and fsp.md section 8 (the sums). None is the point at infinity.
"""

from hashlib import sha256

P = 21888242871839275222246405745257275088696311157297823662689037894645226208583
Q = 21888242871839275222246405745257275088548364400416034343698204186575808495617
G = (1, 2)
Point = tuple[int, int] | None


def add(one: Point, other: Point) -> Point:
    """The third point of the line through two, mirrored."""
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 == x2 and (y1 + y2) % P == 0:
        return None
    slope = 3 * x1 * x1 * pow(2 * y1, -1, P) if one == other else (y2 - y1) * pow(x2 - x1, -1, P)
    x = (slope * slope - x1 - x2) % P
    return x, (slope * (x1 - x) - y1) % P


def times(scalar: int, point: Point) -> Point:
    """Doubling and adding."""
    result = None
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point, scalar = add(point, point), scalar >> 1
    return result


def on_curve(point: tuple[int, int]) -> bool:
    """Whether y^2 = x^3 + 3."""
    x, y = point
    return (y * y - x * x * x - 3) % P == 0


def word(number: int) -> bytes:
    """32 bytes, most significant first."""
    return number.to_bytes(32, "big")


def draw(seed: int, block: int, replicate: int) -> tuple[int, int]:
    """The first x from the hash on for which x^3 + 3 has a root, by Euler's criterion."""
    x = int.from_bytes(sha256(word(seed) + word(block) + word(replicate)).digest(), "big") % P
    while pow(x**3 + 3, (P - 1) // 2, P) != 1:
        x += 1
    return x, pow(x**3 + 3, (P + 1) // 4, P)


def challenge(*points: Point) -> int:
    """The scalar c of a proof: all points as words, hashed."""
    flat = b"".join(word(number) for point in points for number in point or (0, 0))
    return int.from_bytes(sha256(flat).digest(), "big") % Q


def prove(secret: int, seed: int, block: int, replicate: int, nonce: int) -> tuple[int, int, int, int]:
    """(gamma.x, gamma.y, c, s)."""
    h = draw(seed, block, replicate)
    gamma = times(secret, h)
    assert gamma is not None
    c = challenge(G, h, times(secret, G), gamma, times(nonce, G), times(nonce, h))
    return *gamma, c, (nonce - c * secret) % Q


def holds(key: tuple[int, int], seed: int, block: int, replicate: int, credential: tuple[int, int, int, int]) -> bool:
    """The contract's equation: c is the hash of the points that c and s lead back to."""
    x, y, c, s = credential
    h, gamma = draw(seed, block, replicate), (x, y)
    if not (on_curve(key) and on_curve(gamma)):
        return False
    u = add(times(c, key), times(s, G))
    v = add(times(c, gamma), times(s, h))
    return challenge(G, h, key, gamma, u, v) == c
