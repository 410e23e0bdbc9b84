"""The pools that are read: well-known ones of Ethereum's main network, deep for years.

The instrument list asks the chain for each pool's tokens and leaves out a pool whose tokens are others than here.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct


class Token(Struct, frozen=True):
    """A token. `coin` is what it stands for: WETH is ether, redeemed by its own contract; WBTC is only a claim."""

    address: str
    coin: str
    decimals: int


class Pool(Struct, frozen=True):
    """A pool, named by its address in lower case. `token0` has the lower address, as the contract orders them.

    `is_inverted`: the market is token1 paid in token0 (USDC/WETH is read as ETH/USDC).
    """

    address: str
    token0: Token
    token1: Token
    is_inverted: bool = False

    @property
    def base(self) -> Token:
        """What is bought."""
        return self.token1 if self.is_inverted else self.token0

    @property
    def quote(self) -> Token:
        """What it is paid in."""
        return self.token0 if self.is_inverted else self.token1


_WETH: Final = Token("0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2", "ETH", 18)
_WBTC: Final = Token("0x2260fac5e5542a773aa44fbcfedf7c193bc2c599", "WBTC", 8)
_USDC: Final = Token("0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", "USDC", 6)
_USDT: Final = Token("0xdac17f958d2ee523a2206206994597c13d831ec7", "USDT", 6)
_DAI: Final = Token("0x6b175474e89094c44da98b954eedeac495271d0f", "DAI", 18)
_USDE: Final = Token("0x4c9edd5852cd905f086c759e8383e09bff1e68b3", "USDE", 18)
_LINK: Final = Token("0x514910771af9ca656af840dff83e8264ecf986ca", "LINK", 18)
_UNI: Final = Token("0x1f9840a85d5af5bf1d1762f925bdaddc4201f984", "UNI", 18)
_AAVE: Final = Token("0x7fc66500c84a76ad7e9c93437bfc5ac33e2ddae9", "AAVE", 18)
_PEPE: Final = Token("0x6982508145454ce325ddbe47a25d4ec3d2311933", "PEPE", 18)

_ALL: Final = (
    # ETH/USDC 0.05 % and 0.3 %
    Pool("0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640", _USDC, _WETH, is_inverted=True),
    Pool("0x8ad599c3a0ff1de082011efddc58f1908eb6e6d8", _USDC, _WETH, is_inverted=True),
    # ETH/USDT 0.05 % and 0.3 %
    Pool("0x11b815efb8f581194ae79006d24e0d814b7697f6", _WETH, _USDT),
    Pool("0x4e68ccd3e89f51c3074ca5072bbac773960dfa36", _WETH, _USDT),
    # WBTC/USDC, WBTC/USDT 0.3 %; WBTC/ETH 0.05 %
    Pool("0x99ac8ca7087fa4a2a1fb6357269965a2014abc35", _WBTC, _USDC),
    Pool("0x9db9e0e53058c89e5b94e29621a205198648425b", _WBTC, _USDT),
    Pool("0x4585fe77225b41b697c938b018e2ac67ac5a20c0", _WBTC, _WETH),
    # Stable coins 0.01 %
    Pool("0x3416cf6c708da44db2624d63ea0aaef7113527c6", _USDC, _USDT),
    Pool("0x5777d92f208679db4b9778590fa3cab3ac9e2168", _DAI, _USDC),
    Pool("0x435664008f38b0650fbc1c9fc971d0a3bc2f1e47", _USDE, _USDT),
    # Coins of Ethereum paid in ether, 0.3 %
    Pool("0xa6cc3c2531fdaa6ae1a3ca84c2855806728693e8", _LINK, _WETH),
    Pool("0x1d42064fc4beb5f8aaf85f4617ae8b3b5b8bd801", _UNI, _WETH),
    Pool("0x5ab53ee1d50eef2c1dd3d5402789cd27bb52c1bb", _AAVE, _WETH),
    Pool("0x11950d141ecb863f01007add7d1a342041227b58", _PEPE, _WETH),
)

POOLS: Final[Mapping[str, Pool]] = {pool.address: pool for pool in _ALL}
