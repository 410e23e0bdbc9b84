"""What can be set, with its unit and default. `docs/generated/settings.md` is written from these Structs."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from chrono.settings.kinds import Chain, Gwei, Port, Positive, PositiveFloat, Secret


class Server(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where Chrono listens."""

    host: Annotated[str, Meta(description="address of both doors")] = "127.0.0.1"
    port: Annotated[Port, Meta(description="main door: REST, WebSocket, SSE, the Flare seams")] = 3000
    stream_port: Annotated[Port, Meta(description="fast WebSocket door; 0 takes a free port")] = 3002
    value_provider_port: Annotated[
        Port | None, Meta(description="also serve the value provider here, on loopback (3101 by custom)")
    ] = None
    data_provider_port: Annotated[
        Port | None, Meta(description="also serve the protocol data provider here, on loopback (3100 by custom)")
    ] = None
    domain: Annotated[
        str | None,
        Meta(description="domain of the hosts that the reverse proxy serves: gateway.DOMAIN is limited by host"),
    ] = None
    cors_origins: Annotated[tuple[str, ...], Meta(description="origins that browsers may read from")] = ("*",)
    trusted_proxies: Annotated[
        tuple[str, ...], Meta(description="networks whose X-Forwarded-For is believed (the reverse proxy)")
    ] = ()
    seam_networks: Annotated[
        tuple[str, ...],
        Meta(description="networks that may call the Flare seams and read /metrics without a key"),
    ] = ("127.0.0.0/8", "::1/128")


class Store(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """PostgreSQL. Without an address Chrono runs the one that comes with it."""

    database_url: Annotated[
        Secret | None, Meta(description="postgresql://…; empty means the embedded PostgreSQL in data_dir")
    ] = None
    pool_size: Annotated[Positive, Meta(description="connections for reads")] = 6
    writers: Annotated[Positive, Meta(description="group-commit writers for ingest")] = 2
    deadline_s: Annotated[PositiveFloat, Meta(description="client-side limit of every database call, seconds")] = 5.0
    raw_retention_days: Annotated[Positive, Meta(description="days that raw quotes and trades are kept")] = 90
    retention_days: Annotated[Positive, Meta(description="days that candles and consensus are kept")] = 730


class Redis(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The optional shared cache and fan-out between instances."""

    url: Annotated[Secret | None, Meta(description="redis://… or rediss://…; empty means memory")] = None
    cache_ttl_s: Annotated[Positive, Meta(description="life of latest:{symbol}, seconds")] = 60
    prefix: Annotated[str, Meta(description="in front of every key and channel")] = "chrono:"


class Ingest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the ingest door takes."""

    max_age_s: Annotated[Positive, Meta(description="an older feed is refused by itself, seconds")] = 86_400
    future_s: Annotated[Positive, Meta(description="a feed further ahead is refused by itself, seconds")] = 5
    spool_max_mb: Annotated[Positive, Meta(description="size of the local spool while PostgreSQL is away, MB")] = 1024
    secrets: Annotated[
        dict[str, Secret],
        Meta(description="worker_id -> its signing secret, given as env:NAME or file:PATH"),
    ] = field(default_factory=dict)
    signing_required: Annotated[bool, Meta(description="refuse unsigned ingest")] = False


class Venues(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Venues that Chrono reads directly."""

    enabled: Annotated[
        tuple[str, ...], Meta(description="venues to read, by name; all means every one of the market map")
    ] = ("all",)
    store_every_s: Annotated[
        PositiveFloat, Meta(description="at most one quote of each book is stored in so many seconds")
    ] = 10.0
    store_trades: Annotated[
        tuple[str, ...],
        Meta(description="markets whose single trades are stored too, 150 bytes each; all means every one of the map"),
    ] = ()
    ethereum_rpc: Annotated[
        Secret | None,
        Meta(description="https://… JSON-RPC of an Ethereum node for on-chain prices; empty means without them"),
    ] = None


class Pricing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rule of consensus; see docs/estimators.md."""

    window_s: Annotated[Positive, Meta(description="how far back quotes count, seconds")] = 180
    minimum_sources: Annotated[Positive, Meta(description="independent venues that a votable value needs")] = 3
    half_life_s: Annotated[
        PositiveFloat,
        Meta(description="age at which a quote weighs half within its venue; a venue as a whole fades 8 times slower"),
    ] = 2.0
    k: Annotated[PositiveFloat, Meta(description="venues beyond k scaled MAD are dropped")] = 3.0
    floor_bps: Annotated[PositiveFloat, Meta(description="but never one nearer than this to the median, bps")] = 10.0
    max_weight: Annotated[float, Meta(gt=0, le=1, description="most that one venue weighs")] = 0.3
    minimum_confidence: Annotated[
        float, Meta(ge=0, le=1, description="below it a value is degraded and not voted with")
    ] = 0.3
    apart_bps: Annotated[
        PositiveFloat, Meta(description="a newest price nearer to the others than this never stands apart, bps")
    ] = 30.0
    trust_floor: Annotated[float, Meta(ge=0.01, le=1, description="least trust in a venue that stood apart")] = 0.1
    edge_move_bps: Annotated[
        PositiveFloat, Meta(description="a conversion farther than this from its own level is not voted with, bps")
    ] = 100.0
    edge_spread_bps: Annotated[
        PositiveFloat, Meta(description="a conversion on which venues differ by more is not voted with, bps")
    ] = 100.0
    model_file: Annotated[str, Meta(description="learned anomaly model of `chrono models train`; empty means none")] = (
        ""
    )
    edges: Annotated[tuple[str, ...], Meta(description="conversions: each is priced as a market of its own")] = (
        "USDT/USD",
        "USDC/USD",
        "FDUSD/USD",
        "EUR/USD",
        "GBP/USD",
        "USD/JPY",
        "USDT/KRW",
        "BTC/USD",
        "ETH/USD",
    )


class Api(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may call, and how often. Keys are secrets: give them by environment or reference."""

    internal_keys: Annotated[tuple[Secret, ...], Meta(description="keys of class internal")] = ()
    public_keys: Annotated[tuple[Secret, ...], Meta(description="keys of class public, tier free")] = ()
    paid_keys: Annotated[tuple[Secret, ...], Meta(description="keys of class public, tier paid")] = ()
    admin_keys: Annotated[tuple[Secret, ...], Meta(description="keys of class admin")] = ()
    rate_limit_internal: Annotated[Positive, Meta(description="requests per minute per internal key")] = 5000
    rate_limit_public_free: Annotated[Positive, Meta(description="requests per minute per free key")] = 1000
    rate_limit_public_paid: Annotated[Positive, Meta(description="requests per minute per paid key")] = 10_000
    rate_limit_address: Annotated[Positive, Meta(description="requests per minute per address without a key")] = 100
    host_limits: Annotated[
        dict[str, Positive],
        Meta(description="host name -> requests per minute per address; gateway.DOMAIN has 30 unless it stands here"),
    ] = field(default_factory=dict)


class Stream(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Live streams."""

    heartbeat_interval_s: Annotated[PositiveFloat, Meta(description="seconds between heartbeats")] = 30.0
    max_connections: Annotated[Positive, Meta(description="sockets held at once")] = 10_000
    keyless_per_address: Annotated[
        Positive, Meta(description="sockets of one address that have shown no right key yet, held at once")
    ] = 100
    max_symbols: Annotated[Positive, Meta(description="markets one connection may subscribe")] = 200
    messages_per_s: Annotated[Positive, Meta(description="frames a client may send per second")] = 5
    origins: Annotated[tuple[str, ...], Meta(description="browser origins that may open a socket; * means any")] = (
        "*",
    )
    stall_s: Annotated[PositiveFloat, Meta(description="a reader stalled this long is cut, seconds")] = 5.0


class Logs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Structured logs on stderr."""

    level: Annotated[Literal["debug", "info", "warning", "error"], Meta(description="least severe that shows")] = "info"
    format: Annotated[Literal["auto", "pretty", "json"], Meta(description="auto: pretty on a terminal, else json")] = (
        "auto"
    )


class Telemetry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Metrics and traces."""

    metrics_enabled: Annotated[bool, Meta(description="serve /metrics")] = True
    otlp_endpoint: Annotated[
        str | None, Meta(description="send OpenTelemetry spans here (OTLP over HTTP); empty means off")
    ] = None


class Flare(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The voter: which place it takes beside Flare's own clients, its nodes and keys, and what it may spend."""

    seat: Annotated[
        Literal["none", "data-provider", "submitter"],
        Meta(
            description="none: values on request only; data-provider: commits, reveals and results for Flare's own"
            " system client, which sends them; submitter: Chrono sends, signs and finalises itself"
        ),
    ] = "none"
    mode: Annotated[
        Literal["dry-run", "live"],
        Meta(description="dry-run computes and shows everything, and signs and sends nothing; live is the real thing"),
    ] = "dry-run"
    identity: Annotated[str | None, Meta(description="identity address of the entity, 0x and 40 hex digits")] = None
    nodes: Annotated[
        tuple[Secret, ...],
        Meta(description="http(s):// JSON-RPC addresses of C-chain nodes, several are better; they may hold keys"),
    ] = ()
    node_sockets: Annotated[
        tuple[Secret, ...],
        Meta(description="ws(s):// addresses of the same nodes in the same order, where new blocks are heard at once"),
    ] = ()
    registry: Annotated[
        str | None,
        Meta(description="address of the FlareContractRegistry; empty means Flare's own, the same on every network"),
    ] = None
    deployment: Annotated[
        str | None, Meta(description="deploy.json with contract addresses, to hold against what the registry says")
    ] = None
    password: Annotated[
        str | None,
        Meta(description="where the keystores' password lies: keychain:SERVICE, fd:N, file:PATH or env:NAME"),
    ] = None
    fdc_url: Annotated[
        str | None,
        Meta(description="where the fdc-client serves submit1, submit2 and submitSignatures, such as http://…/fsp"),
    ] = None
    fdc_key: Annotated[Secret | None, Meta(description="X-API-KEY that the fdc-client asks for")] = None
    without_fdc: Annotated[
        bool,
        Meta(description="vote live without an fdc-client, knowing that the entity then fails the FDC condition"),
    ] = False
    data_provider_key: Annotated[
        Secret | None, Meta(description="X-API-KEY that the system client must show to the protocol data provider")
    ] = None
    commit_gwei: Annotated[Gwei, Meta(description="most that a commit offers for a unit of gas, tip included")] = 2000
    reveal_gwei: Annotated[Gwei, Meta(description="the same for a reveal, which is owed once committed")] = 15_000
    signature_gwei: Annotated[Gwei, Meta(description="the same for submitSignatures")] = 5000
    relay_gwei: Annotated[Gwei, Meta(description="the same for a finalisation, and for the duties of an epoch")] = 5000
    hour_coins: Annotated[
        Positive, Meta(description="most that one key spends in an hour, in coins of the network; half is for reveals")
    ] = 100
    reward_data: Annotated[
        str | None,
        Meta(description="folder or https:// address with the published reward data; empty: rewards are not signed"),
    ] = None
    local_chain_id: Annotated[Positive, Meta(description="chain id of the network `local`")] = 31_337
    local_reveal_s: Annotated[
        Positive, Meta(description="length of the reveal window on the network `local`, seconds")
    ] = 45
    fip16_activation_reward_epoch: Annotated[
        dict[str, Annotated[int, Meta(ge=0, le=16_777_215)]],
        Meta(
            description="network -> first reward epoch that votes by FIP.16; a network that is not named never does."
            " Every provider of a network must have the same one: with another one, medians and roots differ from"
            " theirs, so set it only to what the network has announced"
        ),
    ] = field(default_factory=dict)


class Alerts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is told when the duty is in danger: one HTTP POST with JSON for each alert, and one when it is over."""

    url: Annotated[
        Secret | None, Meta(description="https://… that takes the POST; empty means that alerts stand in the log only")
    ] = None
    token: Annotated[Secret | None, Meta(description="sent as Authorization: Bearer, for a receiver that asks")] = None
    private_network: Annotated[
        bool, Meta(description="the receiver is on this machine or in a private network, and may be plain http://")
    ] = False


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be set, by room."""

    data_dir: Annotated[str, Meta(description="the one folder that a run writes to")] = ""
    network: Annotated[
        Chain,
        Meta(description="the Flare network; local is a chain of one's own, whose calendar is read from its Relay"),
    ] = "coston2"
    server: Server = Server()
    store: Store = Store()
    redis: Redis = Redis()
    ingest: Ingest = Ingest()
    venues: Venues = Venues()
    pricing: Pricing = Pricing()
    flare: Flare = Flare()
    api: Api = Api()
    stream: Stream = Stream()
    logs: Logs = Logs()
    telemetry: Telemetry = Telemetry()
    alerts: Alerts = Alerts()
