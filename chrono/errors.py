"""Every failure has a name, a sentence and a remedy; the same code is log field, metric label and API text."""

from typing import NamedTuple


class Reason(NamedTuple):
    """Why something did not happen: a stable code, a sentence, and what to do about it."""

    code: str
    message: str
    remedy: str


class ChronoError(Exception):
    """A failure that breaks what was asked. Carries its `reason` and the `facts` that explain it."""

    def __init__(self, reason: Reason, **facts: object) -> None:
        super().__init__(reason, facts)
        self.reason = reason
        self.facts = facts

    def __str__(self) -> str:
        told = ", ".join(f"{name}={value}" for name, value in self.facts.items())
        return f"{self.reason.message}{f' ({told})' if told else ''}; {self.reason.remedy}"


def reason_of(code: str) -> Reason:
    """The reason that a recorded code stands for; one that says as much when another version wrote it."""
    known = {reason.code: reason for reason in globals().values() if isinstance(reason, Reason)}
    return known.get(code) or Reason(code, f"another version of Chrono called it {code}", "see its docs/runbook.md")


# What a caller sent
BAD_BATCH = Reason("bad_batch", "the body is not a batch of feeds", "see /schema/openapi.json for its form")
BAD_MARKET = Reason("bad_market", "this is not a market", "write BASE/QUOTE in upper case, such as BTC/USD")
BATCH_TOO_LARGE = Reason("batch_too_large", "more feeds than one batch may hold", "send at most 100 feeds a batch")
BAD_SIGNATURE = Reason("bad_signature", "the request is not signed as asked", "sign with the worker's secret, once")
BAD_REQUEST = Reason("bad_request", "the request is not of its form", "mend each fault listed")
NO_KEY = Reason("no_key", "this path needs a key", "send Authorization: Bearer <key>, or X-API-Key")
BAD_KEY = Reason("bad_key", "the key is not known here", "ask the operator for a key")
WRONG_CLASS = Reason(
    "wrong_class", "the caller may not call this path", "use a key of the class that the path asks for"
)
NO_ROUTE = Reason("no_route", "there is nothing under this path", "see /schema/openapi.json for what there is")
TOO_MANY_REQUESTS = Reason("too_many_requests", "more requests than the limit allows", "wait for Retry-After seconds")
BODY_TOO_LARGE = Reason("body_too_large", "the body is larger than this path takes", "send less at once")
BODY_SLOW = Reason("body_slow", "the body did not arrive in time", "send it again, faster")
BODY_ENCODED = Reason("body_encoded", "this path takes plain JSON only", "send application/json, not compressed")
NOT_ACCEPTABLE = Reason("not_acceptable", "no asked form can be given", "see the Accept values of the path")
BAD_TIME = Reason("bad_time", "this is not a time", "write RFC 3339 UTC or epoch milliseconds")
BAD_SETTINGS = Reason("bad_settings", "the settings have faults", "mend each fault listed")
RAW_PRIVATE_KEY = Reason(
    "raw_private_key",
    "a private key stands in the settings",
    "take it out, treat it as known to others, and give a reference (env:NAME or file:PATH)",
)

# What the market did not give
NO_SOURCES = Reason("no_sources", "no venue has a fresh price", "check `chrono venues` and the collectors")
TOO_FEW_SOURCES = Reason(
    "too_few_sources",
    "fewer independent venues than the minimum",
    "add venues, or lower the minimum knowingly",
)
NO_PATH = Reason("no_path", "no conversion leads to the asked currency", "price the missing edge, such as USDT/USD")
UNPRICED_EDGE = Reason(
    "unpriced_edge", "a conversion on the way has no value", "look at the edge with `chrono explain`"
)
THIN_CONVERSION = Reason(
    "thin_conversion",
    "half of the weight or more went through conversions that are not fit to vote with",
    "`chrono explain` names the weakness of each edge; one with too few venues needs more of them",
)
GRAPH_CYCLE = Reason("graph_cycle", "conversions depend on one another in a circle", "remove one edge of the circle")
LOW_CONFIDENCE = Reason("low_confidence", "the venues do not agree", "look at `chrono explain` for who says what")
UNKNOWN_MARKET = Reason("unknown_market", "nobody has quoted this market", "see /metadata/markets for what is listed")
STALE_VALUE = Reason("stale_value", "the newest value is older than asked", "ask for an older value, or wait")
UNKNOWN_VENUE = Reason("unknown_venue", "Chrono does not read this venue", "see `chrono venues list` for the names")

# What the house could not do
DATABASE_AWAY = Reason("database_away", "PostgreSQL does not answer", "check `chrono doctor`; writes go to the spool")
SPOOL_FULL = Reason("spool_full", "PostgreSQL is away and the spool is full", "bring PostgreSQL back or free the disk")
CACHE_AWAY = Reason("cache_away", "Redis does not answer", "check REDIS_URL; memory serves meanwhile")
PORT_TAKEN = Reason("port_taken", "another program listens on this port", "stop it, or choose another port")
DATA_DIR_BUSY = Reason(
    "data_dir_busy", "another Chrono runs on this data folder", "stop it, or choose another data_dir"
)
DATA_DIR_OF_ANOTHER_MARKET = Reason(
    "data_dir_of_another_market",
    "the data folder holds prices of another market: invented ones and real ones are not mixed",
    "choose another data_dir (CHRONO__DATA_DIR), or --market as the folder was made with",
)
DATA_DIR_UNREACHABLE = Reason(
    "data_dir_unreachable",
    "PostgreSQL may not run as root, and the user it would run as cannot enter the data folder",
    "choose a data_dir under folders that everyone may enter, run Chrono as an ordinary user, or set DATABASE_URL",
)
POSTGRES_FAILED = Reason(
    "postgres_failed", "the embedded PostgreSQL does not start", "read postgres.log in the data folder"
)
DATABASE_TOO_OLD = Reason("database_too_old", "this PostgreSQL is too old", "use PostgreSQL 15 or newer")
ROW_REFUSED = Reason("row_refused", "the database cannot hold this row", "mend what the sender says in it")
SCHEMA_UNKNOWN = Reason(
    "schema_unknown", "the database was written by a newer Chrono", "upgrade Chrono, or restore a backup"
)
REDIS_UNPROTECTED = Reason(
    "redis_unprotected", "Redis is not on this machine and has no password", "set requirepass and put it into REDIS_URL"
)
BAD_CURSOR = Reason("bad_cursor", "this is not a cursor of ours", "pass `next` of the answer before, unchanged")
UNKNOWN_ROUND = Reason(
    "unknown_round",
    "nothing is recorded of this voting round",
    "see /rounds, or `chrono ftso rounds`, for those there are",
)
NO_PROVIDER = Reason(
    "no_provider",
    "no provider runs here",
    "give [flare] a seat, an identity and nodes, then `chrono run`; `chrono ftso check` says what is missing",
)
NO_DERIVATION = Reason("no_derivation", "no value is recorded for that time", "ask for a stored time, or none")
OTHER_ALGORITHM = Reason(
    "other_algorithm", "the value was made by another version of the rule", "recompute it with that version of Chrono"
)
BAD_MODEL = Reason("bad_model", "the file is not an anomaly model that Chrono reads", "train one: chrono models train")
NO_TRAINER = Reason(
    "no_trainer", "PyOD, which trains anomaly models, is not installed", "install it: pip install 'chrono[models]'"
)
TRAINING_FAILED = Reason(
    "training_failed", "the training ended without a model", "see its last lines; give it more history"
)
BAD_TAPE = Reason("bad_tape", "the file is not a tape that Chrono reads", "see `chrono replay --help` for the layouts")
BAD_MARKET_MAP = Reason("bad_market_map", "the market map has faults", "mend each fault listed")
BAD_REWARDS = Reason(
    "bad_rewards",
    "this is not a published reward epoch",
    "fetch it again, or see `chrono rewards verify --help` for what can be read",
)

# What guards the keys
PASSWORD_UNREADABLE = Reason(
    "password_unreadable",
    "the password of the keystore cannot be read",
    "give --password keychain:SERVICE, fd:N, file:PATH (mode 600) or env:NAME; never the password itself",
)
KEYSTORE_ABSENT = Reason(
    "keystore_absent", "there is no such key", "see `chrono wallet list`; make one with `chrono wallet new ROLE`"
)
KEYSTORE_EXISTS = Reason(
    "keystore_exists",
    "there is a key already",
    "Chrono never writes over a key: to turn to a new one say --beside; else move the file away first",
)
KEYSTORE_SHARED = Reason(
    "keystore_shared", "one key would serve two roles", "give every role a key of its own: `chrono wallet new ROLE`"
)
KEYSTORE_OPEN = Reason(
    "keystore_open",
    "others may reach the keystore",
    "chmod 600 the file and 700 its folder, both the running user's; replace a key that others could read",
)
KEYSTORE_FOREIGN = Reason(
    "keystore_foreign",
    "the file is not a keystore of Chrono for this network and role",
    "open it with the program that made it, and give its key to `chrono wallet import ROLE`",
)
KEYSTORE_DAMAGED = Reason("keystore_damaged", "the keystore is damaged", "put the copy of your backup in its place")
WALLET_FILE_FOREIGN = Reason(
    "wallet_file_foreign",
    "the file is not a wallet's keystore that can be opened here",
    "export the key as a keystore of version 3 (scrypt, or pbkdf2 with hmac-sha256), or use a Ledger",
)
WRONG_PASSWORD = Reason(
    "wrong_password", "the password does not open the keystore", "give the one that it was made with"
)
BAD_KEY_TEXT = Reason(
    "bad_key_text",
    "this is neither a private key nor a mnemonic",
    "give 64 hex digits, or 12 to 24 words; see `chrono wallet import --help`",
)
COLD_ROLE = Reason(
    "cold_role", "this role is kept on a hardware wallet", "use a Ledger for it; Chrono keeps hot keys only"
)
SIGNER_REFUSED = Reason(
    "signer_refused",
    "the policy in front of the key does not allow this",
    "nothing was signed; look at what asked for it, and at the key's role and caps",
)
SIGNER_CONFLICT = Reason(
    "signer_conflict",
    "another result of this round is signed already",
    "nothing was signed, and nothing more may be: a second signature is punished; find out why the results differ",
)
SIGNER_FAULT = Reason(
    "signer_fault",
    "a signature does not lead back to its key",
    "nothing was given out; test this machine's memory, and the key with `chrono wallet verify`",
)
LEDGER_AWAY = Reason(
    "ledger_away",
    "no Ledger answers",
    "connect it, unlock it and open its Ethereum app; the hot keys go on without it",
)
LEDGER_DECLINED = Reason("ledger_declined", "the Ledger did not sign", "look at its display, and try again")

# What the chain did not do
NODE_UNREACHABLE = Reason("node_unreachable", "the node takes no connection", "check its address, and that it runs")
NODE_SILENT = Reason("node_silent", "the node did not answer in time", "look at its load, or name a nearer node")
NODE_GARBLED = Reason(
    "node_garbled", "the node answered something else than was asked", "take the node out, or mend it"
)
NODE_WRONG_CHAIN = Reason("node_wrong_chain", "the node serves another chain", "give a node of the configured network")
NODE_BUSY = Reason("node_busy", "the node asks us to slow down", "raise its limit, or name more nodes")
NODE_REFUSED = Reason("node_refused", "the node refused the request", "see what it said")
NO_HEALTHY_NODE = Reason(
    "no_healthy_node", "no node of the network answers as it should", "see `chrono status`; name more nodes"
)
NODES_DISAGREE = Reason("nodes_disagree", "the nodes contradict each other", "find out which is wrong, and take it out")
NOT_CONFIRMED = Reason("not_confirmed", "too few nodes confirm it", "name more nodes, or wait for those that lag")
ATTEMPT_NOT_KEPT = Reason(
    "attempt_not_kept", "the transaction could not be written to disk, so it was not sent", "free or mend the disk"
)
NOT_MINED = Reason(
    "not_mined", "the transaction was in no block before its deadline", "compare the fee caps with the chain's base fee"
)
NOT_SENT = Reason(
    "not_sent", "no node took the transaction before its deadline", "look at the nodes' states and answers"
)
TOO_LATE = Reason(
    "too_late", "the transaction came after the last moment to send it", "look why the step before was late"
)
FEES_TOO_HIGH = Reason(
    "fees_too_high", "the chain asks more than the caps or the hourly budget allow", "raise the caps knowingly, or wait"
)
NOT_FUNDED = Reason("not_funded", "the account does not hold the gas limit at the fee cap", "send coins to the account")
TRANSACTION_REVERTED = Reason(
    "transaction_reverted", "the transaction is in a block, and failed there", "see the contract's reason in the log"
)
NONCE_TAKEN = Reason(
    "nonce_taken",
    "a transaction that is not ours used the account's nonce",
    "stop whatever else uses this key: a second Chrono, or a wallet",
)
INTENT_CHANGED = Reason(
    "intent_changed", "the same duty was asked for with another payload", "report it: what was sent once never changes"
)
CONTRACT_MISSING = Reason(
    "contract_missing", "the registry does not know this contract", "check the network and the registry's address"
)
CONTRACTS_MOVED = Reason(
    "contracts_moved",
    "contracts moved while Chrono was away, and it had begun with where they were",
    "nothing: the duty begins anew with where they are now",
)
WRONG_CALENDAR = Reason(
    "wrong_calendar", "the chain counts its epochs otherwise than we do", "check `network`, or upgrade Chrono"
)
BAD_DEPLOYMENT = Reason(
    "bad_deployment",
    "this is not a list of deployed contracts",
    "write names and addresses as JSON, as deploy.json does",
)
HISTORY_CUT = Reason(
    "history_cut", "no node has the blocks that are needed", "name a node with at least 9 days of history"
)
HISTORY_BEHIND = Reason(
    "history_behind", "the blocks read do not reach past the deadline yet", "look at the nodes: heads, and how they lag"
)

# What a reward epoch asks of an entity
NOT_REGISTERED = Reason(
    "not_registered",
    "the entity is no voter of this reward epoch, and earns nothing in it",
    "see `chrono ftso check` for what the chain lacks; `chrono ftso register --send` tries at once, while it is open",
)
EPOCH_DUTY_REFUSED = Reason(
    "epoch_duty_refused", "the contract refuses a duty of the reward epoch", "do what the fact `remedy` says"
)
EPOCH_DUTY_OVER = Reason(
    "epoch_duty_over", "a duty of the reward epoch was not done while it was open", "see the reason that it had before"
)
POLICY_KEY_ABSENT = Reason(
    "policy_key_absent",
    "the signing-policy key that the chain knows for this reward epoch is not here",
    "put its keystore back: after a rotation the old key serves until the rewards of its last epoch are signed",
)
REWARD_DATA_ABSENT = Reason(
    "reward_data_absent",
    "the reward epoch is not published yet at flare.reward_data",
    "nothing, mostly: it comes about a day later and is looked for again; else check the address or the folder",
)
REWARD_DATA_WRONG = Reason(
    "reward_data_wrong",
    "the published reward epoch is not one to sign",
    "see the fact `why`, and `chrono rewards verify`; fetch it again or ask whoever published it",
)
REWARD_DATA_UNREAD = Reason(
    "reward_data_unread",
    "nothing is known of the rewards: no published reward epoch was looked for",
    "set flare.reward_data to a folder or an address of published rewards; right after a start, wait a minute",
)
COUNT_INCOMPLETE = Reason(
    "count_incomplete",
    "the reward epoch is not counted from its beginning yet",
    "nothing, mostly: what the chain tells of it is being read; look at the nodes if it takes hours",
)
ROUNDS_UNCOUNTED = Reason(
    "rounds_uncounted",
    "too many rounds of the reward epoch passed while Chrono was not there to count them",
    "nothing is to be done: the next reward epoch is counted whole if Chrono runs through it",
)
NOTHING_ASKED = Reason(
    "nothing_asked",
    "nothing is asked of us: we are too light for it, or nobody has done any of it in this reward epoch yet",
    "nothing is to be done",
)

# What the voter did not do
IDENTITY_BUSY = Reason(
    "identity_busy",
    "another Chrono votes for this identity on this network",
    "stop it: two voters of one identity are punished for every round",
)
SUB_PROTOCOL_AWAY = Reason(
    "sub_protocol_away",
    "a protocol that shares our transactions gave nothing in time",
    "look at its client (flare.fdc_url); our own part of the round goes on without it",
)
SUB_PROTOCOL_WRONG = Reason(
    "sub_protocol_wrong",
    "a protocol that shares our transactions answered something else than was asked",
    "look at the version and address of its client (flare.fdc_url)",
)
JOURNAL_BROKEN = Reason(
    "journal_broken",
    "the journal cannot be written, so nothing is committed: a commit whose reveal is lost is punished thirtyfold",
    "free or mend the disk of the data folder; owed reveals go on from memory, and the journal is tried again soon",
)
JOURNAL_FOREIGN = Reason(
    "journal_foreign",
    "the journal is of another network, identity or version of Chrono",
    "give every identity and network a data folder of its own, and do not go back behind the version that wrote it",
)
JOURNAL_DAMAGED = Reason(
    "journal_damaged",
    "records in the middle of the journal cannot be read any more",
    "the damaged file lies beside it; rounds that it may have held are never committed or signed again; test the disk",
)
COMMIT_CONFLICT = Reason(
    "commit_conflict",
    "another commit of this round is in the journal",
    "nothing was sent: the first commit of a round is its only one; find out who asked twice",
)
RANDOM_REPEATED = Reason(
    "random_repeated",
    "the random of this commit was used before",
    "nothing was sent; the system's source of randomness is broken, or the machine was restored from a snapshot",
)
ROUND_CLOSED = Reason(
    "round_closed",
    "the round lies behind the journal's mark, and nothing new is said in it",
    "nothing is to be done: what the journal no longer knows, or the chain alone knows, is never said a second time",
)
UNKNOWN_SUBMISSION = Reason(
    "unknown_submission",
    "the chain holds a transaction of our address that the journal does not know",
    "stop the other program that uses this key, or put the newest journal back; two rounds are kept silent",
)
SCAN_NOT_DONE = Reason(
    "scan_not_done",
    "our own transactions of the last two rounds have not been looked at yet",
    "wait for the history to be read; if it takes long, look at the nodes",
)
HEAD_STALE = Reason(
    "head_stale",
    "the newest block is too old to commit by",
    "look at the nodes and how they lag; a reveal is sent all the same",
)
CLOCK_SKEWED = Reason(
    "clock_skewed",
    "this machine's clock is too far from the chain's to commit by",
    "let it keep time (NTP), and look at the nodes",
)
EPOCHS_DIFFER = Reason(
    "epochs_differ",
    "two nodes and we do not agree on the last signing policy: a feed list that we do not know spoils a reveal",
    "look at the nodes, and how far the history is read",
)
EPOCH_UNKNOWN = Reason(
    "epoch_unknown",
    "the signing policy, voters or feeds of the round are not known",
    "wait for the history to be read; name a node with at least 9 days of it",
)
NOT_A_VOTER = Reason(
    "not_a_voter",
    "the identity is not in the signing policy of the round's reward epoch",
    "see `chrono ftso check` for what its registration lacked; it is tried again for the next reward epoch",
)
NO_VALUES = Reason("no_values", "there is no value of any feed to commit to", "see `chrono status` for the venues")
VALUES_LATE = Reason(
    "values_late", "the values were not there when the commit had to leave", "look at this machine's load"
)
NOT_READY = Reason(
    "not_ready",
    "Chrono was not running, or not ready, when the commit of the round had to leave",
    "nothing is to be done after a start; else see when and why it was down",
)
STOPPING = Reason(
    "stopping", "Chrono is about to stop, so it begins no round", "nothing is to be done; what is owed is still sent"
)
REVEAL_MISSED = Reason(
    "reveal_missed",
    "a commit left and its reveal was in no block in time, which is punished thirtyfold",
    "read the round with `chrono ftso explain`; see docs/runbook.md for a missed round",
)
NO_REVEALS = Reason(
    "no_reveals",
    "nobody revealed in this round, so it has no result",
    "nothing is to be done here; look at the network",
)
RESULT_DIFFERS = Reason(
    "result_differs",
    "the result on chain is another one than ours",
    "nothing more is signed for the round; keep the data folder and report it",
)
GRACE_OVER = Reason(
    "grace_over",
    "the round was finalised before our signature was ready, so none was sent",
    "look at how far the nodes' heads lag behind",
)
NOT_FINALISED = Reason(
    "not_finalised",
    "nobody finalised the round in time, nor did we: too little weight signed one result",
    "nothing is to be done here if others are missing; else look at `chrono ftso explain`",
)
NOT_OUR_ADDRESS = Reason(
    "not_our_address",
    "the address is not the one that the chain knows for our entity in this reward epoch",
    "compare flare.identity and the system client's address; after a rotation the new one counts from its epoch on",
)
NO_DATA_PROVIDER = Reason(
    "no_data_provider", "no protocol data provider is served here", "set flare.seat = data-provider"
)
REVEAL_OWED = Reason(
    "reveal_owed",
    "a commit left and its reveal is owed, which these settings would not send",
    "start with flare.seat = submitter and flare.mode = live, and stop that with SIGTERM; or wait for the deadline",
)
DRY_RUN = Reason(
    "dry_run",
    "a dry run signs and sends nothing",
    "nothing is to be done; set flare.mode = live when what it shows is right",
)
HOT_KEY_ABSENT = Reason(
    "hot_key_absent",
    "the key that the chain knows for this duty and reward epoch is not here",
    "put its keystore into the key folder: `chrono wallet list` shows those that are there",
)
STEP_FAILED = Reason(
    "step_failed",
    "a step of the round failed in a way that nobody foresaw",
    "report it with the log; it is tried again",
)
VOTER_AWAY = Reason(
    "voter_away", "the voter does not run now", "look at `chrono status` for why; it is started again by itself"
)

# Whom nobody reached
ALERT_UNDELIVERED = Reason(
    "alert_undelivered", "the receiver of alerts did not take the message", "look at the receiver; it is tried again"
)
ALERT_REFUSED = Reason(
    "alert_refused",
    "the receiver of alerts refuses the message",
    "check alerts.url and alerts.token with `chrono alerts test`",
)
ALERT_ADDRESS = Reason(
    "alert_address",
    "the receiver of alerts is in a private network, and that is not allowed",
    "check where the name leads; if it is meant so, set alerts.private_network = true",
)

# What a reader of the streams did
BAD_FRAME = Reason("bad_frame", "the message is not a frame that streams understand", "see /schema/asyncapi.json")
BAD_WEBSOCKET = Reason("bad_websocket", "the frame breaks RFC 6455", "use a WebSocket library without extensions")
FRAME_TOO_LARGE = Reason("frame_too_large", "the message is too large", "subscribe in several smaller messages")
FRAME_FLOOD = Reason("frame_flood", "too many messages per second", "keep to the limit that hello names")
KEY_MISSING = Reason("key_missing", "the connection is not authorised", "send an auth frame with a key first")
KEY_LATE = Reason("key_late", "no key came in time", "send the key in the URL, a header or the first message")
TOO_MANY_MARKETS = Reason("too_many_markets", "the connection holds as many markets as it may", "subscribe to *")
STREAM_FULL = Reason("stream_full", "this instance holds as many connections as it may", "come back later")
STREAM_CROWDED = Reason(
    "stream_crowded", "too many connections of this address owe a key", "send the key with the handshake, or later"
)
READER_SLOW = Reason("reader_slow", "the reader stopped taking frames", "read faster, or subscribe to fewer markets")
