//! The kinds of subject and condition nodes, and their payloads.

/// Set in a node's kind when its result must not be kept for the rest of the request: it asks
/// for outside results, which depend on the resource, or has an effect.
pub(crate) const VOLATILE: u32 = 1 << 31;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $label:literal;)*) => {
        /// What a node is. The payload of each kind is given in words: `s` a string id, `i` a
        /// number, `l` a 64-bit number (two words), `[…]` a count and that many.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Kind { $($(#[$doc])* $name = $number),* }

        impl Kind {
            pub(crate) fn of(word: u32) -> Option<Self> {
                match word & !VOLATILE {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// The type's name in AM's JSON.
            pub(crate) fn label(self) -> &'static str {
                match self { $(Self::$name => $label),* }
            }
        }
    };
}

kinds! {
    /// No condition at all: true.
    Always = 0, "";
    /// `[node]`
    And = 1, "AND";
    /// `[node]`
    Or = 2, "OR";
    /// `node`
    Not = 3, "NOT";
    /// –
    AuthenticatedUsers = 10, "AuthenticatedUsers";
    /// group values there are (0/1) `i`, folded values `[s]`
    Identity = 11, "Identity";
    /// name `s`, value `s`
    JwtClaim = 12, "JwtClaim";
    /// –
    Never = 13, "NONE";
    /// A legacy plug-in: undetermined.
    Legacy = 14, "Policy";
    /// level `i`, level as text `s`
    AuthLevel = 20, "AuthLevel";
    /// level `i`, level as text `s`
    LeAuthLevel = 21, "LEAuthLevel";
    /// idle minutes `i` (negative: no idle check), session property of the idle check `s`, schemes `[s]`
    AuthScheme = 22, "AuthScheme";
    /// realm `s`
    AuthenticateToRealm = 23, "AuthenticateToRealm";
    /// service `s`
    AuthenticateToService = 24, "AuthenticateToService";
    /// folded universal ids `[s]`
    AmIdentityMembership = 25, "AMIdentityMembership";
    /// minutes `l`, terminate (0/1) `i`
    Session = 26, "Session";
    /// ignore case (0/1) `i`, properties: `[name s, values [s]]`
    SessionProperty = 27, "SessionProperty";
    /// window `iiiiii`, zone: 0 none, 1 fixed offset `i`, 2 name `s`
    SimpleTime = 28, "SimpleTime";
    /// DNS patterns, folded `[s]`, ranges `[family i, low, high (4 words each)]`
    Ipv4 = 29, "IPv4";
    /// As IPv4.
    Ipv6 = 30, "IPv6";
    /// A filter in prefix form, see `crate::evaluate::filter`.
    LdapFilter = 31, "LDAPFilter";
    /// scopes `[s]`
    OAuth2Scope = 32, "OAuth2Scope";
    /// rules `[name s, value s, has ranges i, ranges […], then i, then value s]`
    ResourceEnvIp = 33, "ResourceEnvIP";
    /// script id `s`
    Script = 34, "Script";
    /// strategy `s`, specifier `s`
    Transaction = 35, "Transaction";
}
