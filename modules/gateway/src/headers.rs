//! Which headers pass the gateway, in either direction. All names here are in lower case, as both sides have them.

/// Headers about one connection rather than the message (RFC 9110 section 7.6.1). `Keep-Alive` and
/// `Proxy-Connection` are not standard and are sent all the same; lengths are of this connection's framing.
const HOP_BY_HOP: [&str; 11] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The headers that a message's own `Connection` header names besides.
#[derive(Debug)]
pub(crate) struct Nominated<'a>(Vec<&'a str>);

impl<'a> Nominated<'a> {
    /// Reads the values of `Connection`. What nearly everybody sends there names no header.
    pub fn new(values: impl Iterator<Item = &'a [u8]>) -> Self {
        let texts = values.filter_map(|value| std::str::from_utf8(value).ok());
        let names = texts.flat_map(|text| text.split(',')).map(str::trim);
        let is_name =
            |name: &&str| !["", "close", "keep-alive"].iter().any(|not| name.eq_ignore_ascii_case(not));
        Self(names.filter(is_name).collect())
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|other| other.eq_ignore_ascii_case(name))
    }

    fn is_hop_by_hop(&self, name: &str) -> bool {
        HOP_BY_HOP.contains(&name) || self.has(name)
    }

    /// Whether a header of a request goes on to the upstream. What the gateway sets itself does not, nor what
    /// services believe of each other, nor what would make the upstream answer CORS, which is answered here; and
    /// `Expect` is met by the server that received it.
    pub fn reaches_upstream(&self, name: &str) -> bool {
        let is_own = matches!(
            name,
            "host"
                | "forwarded"
                | "x-real-ip"
                | "x-request-id"
                | "x-service-token"
                | "x-deadline-ms"
                | "expect"
                | "origin"
        );
        let own_families = ["x-forwarded-", "x-tradepost-", "access-control-"];
        !is_own && !own_families.iter().any(|family| name.starts_with(family)) && !self.is_hop_by_hop(name)
    }

    /// Whether a header of an answer goes on to the client. The gateway has its own request ids, CORS and limits.
    pub fn reaches_client(&self, name: &str) -> bool {
        let is_own = matches!(name, "x-request-id" | "x-service-token" | "x-deadline-ms");
        let own_families = ["access-control-", "ratelimit", "x-ratelimit-", "x-tradepost-"];
        !is_own && !own_families.iter().any(|family| name.starts_with(family)) && !self.is_hop_by_hop(name)
    }
}

/// What is left of `Vary` without what the gateway's own CORS adds again.
pub(crate) fn vary(value: &str) -> String {
    let cors = ["origin", "access-control-request-method", "access-control-request-headers"];
    let names = value.split(',').map(str::trim);
    let others = names.filter(|name| !cors.iter().any(|cors| name.eq_ignore_ascii_case(cors)));
    others.filter(|name| !name.is_empty()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{Nominated, vary};

    #[test]
    fn connection_names_further_headers() {
        let values: [&[u8]; 3] = [b"keep-alive, X-Custom ,close", b"\xff", b"TE,x-other"];
        let nominated = Nominated::new(values.into_iter());
        assert_eq!(nominated.0, ["X-Custom", "TE", "x-other"]);
        assert!(!nominated.reaches_upstream("x-custom") && !nominated.reaches_client("x-other"));
        assert!(nominated.reaches_upstream("x-third") && nominated.reaches_client("x-third"));
    }

    #[test]
    fn vary_loses_what_cors_adds_again() {
        for (value, left) in [
            ("Origin, Access-Control-Request-Method, Access-Control-Request-Headers", ""),
            ("Accept-Encoding, origin", "Accept-Encoding"),
            ("Origin-Agent,Accept ,, Origin", "Origin-Agent, Accept"),
            ("*", "*"),
        ] {
            assert_eq!(vary(value), left);
        }
    }
}
