//! Every bound of the server that is fixed, in one place; each is named in the error that it causes. The bounds that an
//! operator may move (`body_bytes`, `sessions_per_user`, `password_hashing_at_once`, session times) are settings, with their
//! defaults in `config/default.toml`.

/// An evaluate request no larger than this is decided on the async worker that read it; a larger one, and every tree,
/// goes to a blocking thread, so that no decision holds up other connections.
pub(crate) const INLINE_BODY_BYTES: usize = 16 * 1024;
/// Longest session token or user name that is looked up at all.
pub(crate) const TOKEN_BYTES: usize = 512;
/// Longest password that is hashed: a longer one is refused before it costs anything.
pub(crate) const PASSWORD_BYTES: usize = 1024;
/// Shortest password of a new user.
pub(crate) const PASSWORD_CHARACTERS_MINIMUM: usize = 8;
/// Log-ins that may wait for a password hash; past that the answer is 503.
pub(crate) const PASSWORD_HASHING_QUEUE: usize = 256;
/// Sessions kept in memory; past that those idle longest are looked up in the store again when they come back.
pub(crate) const SESSIONS_IN_MEMORY: usize = 200_000;
/// A session's last use is written no oftener than this, milliseconds (ruling B29).
pub(crate) const SESSION_WRITE_INTERVAL_MS: i64 = 60_000;
/// Sessions that a query on a realm lists: those used last.
pub(crate) const SESSIONS_PER_LISTING: u32 = 1_000;
/// Age at which a started log-in (an `authId`) is given up, milliseconds.
pub(crate) const LOGIN_AGE_MS: i64 = 5 * 60_000;
/// Log-ins that were started and used up, remembered until their age is over.
pub(crate) const SPENT_LOGINS: usize = 100_000;
/// Levels of realms below the root.
pub(crate) const REALM_DEPTH: usize = 16;
/// How often a document is read again because somebody else changed it before it was written.
pub(crate) const REWRITE_ATTEMPTS: usize = 8;
/// Query parameters of one request.
pub(crate) const QUERY_PARAMETERS: usize = 64;
/// Revisions in one answer.
pub(crate) const REVISIONS_PER_PAGE: u32 = 1000;
/// Documents that the difference of two revisions shows; it counts all.
pub(crate) const DIFFERENCES_SHOWN: usize = 1000;
/// Keys that a query's rows may be sorted by.
pub(crate) const SORT_KEYS: usize = 16;
/// Members that a client may choose of an answer.
pub(crate) const FIELDS: usize = 1000;
/// Identities that the environment of one request may name, whose groups matter.
pub(crate) const NAMED_IDENTITIES: usize = 100;
/// A user's attributes as JSON, in bytes.
pub(crate) const USER_BYTES: usize = 128 * 1024;
/// Nesting of a `_queryFilter`.
pub(crate) const FILTER_DEPTH: usize = 256;
/// Comparisons of a `_queryFilter`: each is made for every row.
pub(crate) const FILTER_COMPARISONS: usize = 1000;
/// Connections whose TLS handshake is under way at once.
pub(crate) const TLS_HANDSHAKES: usize = 256;
/// Time for one TLS handshake, seconds.
pub(crate) const TLS_HANDSHAKE_SECONDS: u64 = 10;
/// Steps that all scripts of one request may take together; one script may take a fifth of them (`script.wasm` counts).
pub(crate) const SCRIPT_STEPS_PER_REQUEST: u32 = 50_000_000;
/// Steps that all scripts of one request may take together on the thread that answers it: about an eighth of a
/// millisecond. A trivial script takes 1300. What takes longer is run again on a thread of its own.
pub(crate) const SCRIPT_STEPS_AT_ONCE: u32 = 16_000;
/// Scripts whose source is kept in memory; past that they are read from the store again.
pub(crate) const SCRIPTS_IN_MEMORY: usize = 10_000;
/// Transactions of one session that may wait for their confirmation; one more ends the oldest.
pub(crate) const TRANSACTIONS_PER_SESSION: u32 = 100;
/// Values of `TxId` that one request is tried with.
pub(crate) const TRANSACTION_IDS_PER_REQUEST: usize = 10;
/// Outside conditions asked for in one request (scripts, transactions).
pub(crate) const NEEDS_PER_REQUEST: usize = 1000;
/// Issuers of JWTs that one realm can trust.
pub(crate) const REALM_ISSUERS: usize = 32;
/// Trusted issuers whose keys are kept in memory.
pub(crate) const ISSUERS_IN_MEMORY: usize = 1000;
/// Modules of one authentication chain.
pub(crate) const CHAIN_MODULES: usize = 16;
/// Longest source of a script, bytes.
pub(crate) const SCRIPT_BYTES: usize = 256 * 1024;
/// Terms of a text pattern in a `_queryFilter`: branches and what is listed in a class count, too.
pub(crate) const PATTERN_TERMS: usize = 1000;
/// Nesting of groups in such a pattern.
pub(crate) const PATTERN_DEPTH: usize = 64;
/// Steps that comparing one text with one pattern may take.
pub(crate) const PATTERN_STEPS: usize = 100_000;
/// The same for all patterns of a query and all its rows together, with a step for each letter.
pub(crate) const FILTER_STEPS: usize = 20_000_000;
/// Retired keys of one ring: those that still verify what they signed.
pub(crate) const RETIRED_KEYS: usize = 16;
/// Greatest age that a bundle may be given, seconds: signing keys stay published for longer (`key_retired_days`).
pub(crate) const BUNDLE_AGE_SECONDS: u64 = 30 * 86_400;
/// Age of a bundle whose definition names none, seconds.
pub(crate) const BUNDLE_AGE_SECONDS_DEFAULT: u64 = 3600;
/// Policy sets of one bundle.
pub(crate) const BUNDLE_POLICY_SETS: usize = 256;
/// Readers of one bundle; groups are the way to have more.
pub(crate) const BUNDLE_READERS: usize = 1000;
/// Bundle definitions of one realm.
pub(crate) const BUNDLE_DEFINITIONS: usize = 256;
/// Longest that a long poll for a notice may take, seconds: below the minute after which proxies give up.
pub(crate) const NOTICE_WAIT_SECONDS: u64 = 55;
/// A stream of notices is never silent for longer, seconds: the most that `notice_seconds` can be.
pub(crate) const NOTICE_INTERVAL_SECONDS: u64 = 15;
/// Longest JWT that is taken apart: access tokens, assertions.
pub(crate) const JWT_BYTES: usize = 8 * 1024;
/// Verified access tokens kept in memory, so that their signature is checked once.
pub(crate) const TOKENS_IN_MEMORY: usize = 100_000;
/// Difference between clocks that other issuers' tokens and clients' assertions are allowed, milliseconds.
pub(crate) const CLOCK_SKEW_MS: i64 = 30_000;
/// Longest life of a client assertion, milliseconds; the skew comes on top (tokens specification §4.5).
pub(crate) const ASSERTION_LIFE_MS: i64 = 3_600_000;
/// Longest `jti` of an assertion.
pub(crate) const JTI_BYTES: usize = 256;
/// Shortest and longest client secret that can be imported.
pub(crate) const CLIENT_SECRET_MINIMUM: usize = 16;
pub(crate) const CLIENT_SECRET_MAXIMUM: usize = 512;
/// Longest name of a client, role or role mapping, in characters.
pub(crate) const CLIENT_NAME_CHARACTERS: usize = 100;
/// Longest value that a role mapping looks for, in characters: a `sub` has at most 255 (OpenID Connect Core §2), a group's
/// name at most [`TOKEN_BYTES`] bytes.
pub(crate) const MAPPING_VALUE_CHARACTERS: usize = 512;
/// Public keys of one client.
pub(crate) const CLIENT_KEYS: usize = 8;
/// Longest life of an access token, seconds: retired signing keys stay published for as long.
pub(crate) const ACCESS_TOKEN_SECONDS: u32 = 86_400;
/// Longest life of an access token for a user, seconds (seed 004's product has the same bound).
pub(crate) const USER_TOKEN_SECONDS: u32 = 3_600;
/// How long failed authentications are counted, milliseconds.
pub(crate) const THROTTLE_WINDOW_MS: i64 = 60_000;
/// Addresses and names whose failures are counted at once.
pub(crate) const THROTTLE_ENTRIES: usize = 100_000;
/// Parameters of a form body.
pub(crate) const FORM_PARAMETERS: usize = 64;
/// Time for one answer of another token issuer, seconds.
pub(crate) const ISSUER_FETCH_SECONDS: u64 = 5;
/// Largest answer of another token issuer.
pub(crate) const ISSUER_RESPONSE_BYTES: usize = 256 * 1024;
/// Keys of another issuer that are looked at.
pub(crate) const ISSUER_KEYS: usize = 100;
/// Age at which another issuer's keys are fetched again, milliseconds.
pub(crate) const ISSUER_KEYS_AGE_MS: i64 = 3_600_000;
/// Fetches of another issuer's keys in the time that follows; more than that waits.
pub(crate) const ISSUER_FETCHES: u32 = 5;
/// That time, milliseconds.
pub(crate) const ISSUER_FETCHES_MS: i64 = 60_000;
/// Largest form body of an OAuth endpoint.
pub(crate) const FORM_BYTES: usize = 64 * 1024;
/// Levels of PolicyServer's policies.
pub(crate) const HIERARCHY_DEPTH: usize = 32;
/// PolicyServer's policies, roles, permissions and assignments together: they are kept in memory.
pub(crate) const HIERARCHY_ENTRIES: usize = 100_000;
/// Longest name of one of them, and longest value of an assignment, in characters.
pub(crate) const HIERARCHY_NAME_CHARACTERS: usize = 200;
/// Longest description of one of them, in characters.
pub(crate) const HIERARCHY_TEXT_CHARACTERS: usize = 2000;
/// Claims of one request to PolicyServer's runtime.
pub(crate) const HIERARCHY_CLAIMS: usize = 1000;
/// Users or roles that one search finds.
pub(crate) const HIERARCHY_SEARCH_RESULTS: usize = 100;
/// Tokens that a list shows at most, the oldest first.
pub(crate) const TOKENS_LISTED: u32 = 10_000;
/// Events that a listener of notifications may leave unread before its connection is closed.
pub(crate) const NOTIFICATIONS_UNREAD: usize = 4096;
/// Largest request on a connection for notifications, bytes.
pub(crate) const NOTIFICATION_REQUEST_BYTES: usize = 16 * 1024;
/// How long a message to a listener may take, seconds.
pub(crate) const NOTIFICATION_SEND_SECONDS: u64 = 10;
/// Sessions that another node ended, kept until it has told how.
pub(crate) const SESSIONS_ENDED_ELSEWHERE: usize = 10_000;
/// Objects of one page of Pexip's API.
pub(crate) const PEXIP_PAGE: usize = 1000;
/// Shortest life of an access token that can be set over Pexip's API, seconds (seed 003's product has the same bound).
pub(crate) const ACCESS_TOKEN_SECONDS_MINIMUM: u32 = 60;
