//! Which module owns a path.

use std::fmt;
use std::iter;

/// A module that upstreams serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Module {
    /// Accounts, sessions and balances.
    User,
    /// Orders, the portfolio and asset balances.
    Order,
    /// The catalog and its prices.
    Inventory,
}

impl Module {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::User, Self::Order, Self::Inventory];

    /// The name, as in settings and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Order => "order",
            Self::Inventory => "inventory",
        }
    }

    /// The module that owns a path as it stands in a request, escapes and all. Nobody owns what is not listed
    /// here, and nobody a path with a dot segment in any spelling: somebody behind the gateway might resolve it,
    /// and then it would be another path than the one that was looked at.
    pub(crate) fn owning(path: &str) -> Option<Self> {
        if has_dot_segment(path) {
            return None;
        }
        ROUTES.iter().find(|(prefix, _)| is_below(path, prefix)).map(|(_, module)| *module)
    }
}

impl fmt::Display for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The longest first, so that the first that fits is the one that counts.
const ROUTES: [(&str, Module); 8] = [
    ("/.well-known/jwks.json", Module::User),
    ("/api/v1/balance/asset", Module::Order),
    ("/api/v1/inventory", Module::Inventory),
    ("/api/v1/portfolio", Module::Order),
    ("/api/v1/balance", Module::User),
    ("/api/v1/orders", Module::Order),
    ("/api/v1/assets", Module::Order),
    ("/api/v1/auth", Module::User),
];

/// Whether a path begins with all segments of a prefix. Escapes of characters that need none are as good as the
/// characters (RFC 3986 section 6.2.2.2), as they are for the router of the module itself.
fn is_below(path: &str, prefix: &str) -> bool {
    let mut path = unescaped(path, |byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    prefix.bytes().all(|byte| path.next() == Some(byte)) && matches!(path.next(), None | Some(b'/'))
}

fn has_dot_segment(path: &str) -> bool {
    let (mut dots, mut others) = (0_usize, false);
    for byte in unescaped(path, |_| true).chain(iter::once(b'/')) {
        match byte {
            b'/' | b'\\' => {
                if !others && (1..=2).contains(&dots) {
                    return true;
                }
                (dots, others) = (0, false);
            }
            b'.' => dots += 1,
            _ => others = true,
        }
    }
    false
}

/// The bytes of a path, with those escapes undone that stand for a byte of this sort.
fn unescaped(path: &str, is_undone: fn(u8) -> bool) -> impl Iterator<Item = u8> {
    let mut rest = path.as_bytes();
    iter::from_fn(move || {
        let (first, tail) = rest.split_first()?;
        if let (b'%', Some(byte)) = (first, escaped(tail).filter(|byte| is_undone(*byte))) {
            rest = &tail[2..];
            return Some(byte);
        }
        rest = tail;
        Some(*first)
    })
}

fn escaped(digits: &[u8]) -> Option<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let value = digit(digits.first()?)? * 16 + digit(digits.get(1)?)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::{Module, ROUTES};

    #[test]
    fn the_longest_prefix_of_whole_segments_counts() {
        for (path, owner) in [
            ("/api/v1/auth/login", Some(Module::User)),
            ("/api/v1/balance", Some(Module::User)),
            ("/api/v1/balance/", Some(Module::User)),
            ("/api/v1/balance/deposit", Some(Module::User)),
            ("/api/v1/balance/assets", Some(Module::User)),
            ("/api/v1/balance/asset", Some(Module::Order)),
            ("/api/v1/balance/asset/BTC", Some(Module::Order)),
            ("/.well-known/jwks.json", Some(Module::User)),
            ("/api/v1/orders", Some(Module::Order)),
            ("/api/v1/portfolio", Some(Module::Order)),
            ("/api/v1/assets/balances", Some(Module::Order)),
            ("/api/v1/inventory/assets", Some(Module::Inventory)),
            ("/api/v1/inventory/assets/a.b..c", Some(Module::Inventory)),
            ("/api/v1/inventory/assets/...", Some(Module::Inventory)),
            ("/api/v1/ordersx", None),
            ("/api/v1/order", None),
            ("/api/v1", None),
            ("/api/v2/orders", None),
            ("/API/v1/orders", None),
            ("/", None),
            ("", None),
            ("*", None),
            ("/internal/accounts/settle", None),
            ("/metrics", None),
            ("/health/ready", None),
            ("//api/v1/orders", None),
            ("/.well-known/jwks", None),
        ] {
            assert_eq!(Module::owning(path), owner, "{path}");
        }
        assert!(ROUTES.windows(2).all(|pair| pair[0].0.len() >= pair[1].0.len()), "sorted by length");
    }

    #[test]
    fn needless_escapes_change_nothing_and_escaped_slashes_are_no_slashes() {
        for (path, owner) in [
            ("/api/v1/%6frders", Some(Module::Order)),
            ("/%61%70%69/v1/%6Frders/x", Some(Module::Order)),
            ("/api/v1/%62alance/asset/BTC", Some(Module::Order)),
            ("/api/v1/orders/%20%20%20", Some(Module::Order)),
            ("/api/v1/orders/a%2Fb", Some(Module::Order)),
            ("/api/v1/orders/100%", Some(Module::Order)),
            ("/api/v1/orders/%zz", Some(Module::Order)),
            ("/api/v1/orders%2Fx", None),
            ("/api%2Fv1%2Forders", None),
            ("/api/v1/%256frders", None),
            ("/api/v1/orders%", None),
        ] {
            assert_eq!(Module::owning(path), owner, "{path}");
        }
    }

    #[test]
    fn nobody_owns_a_dot_segment_in_any_spelling() {
        for path in [
            "/api/v1/orders/..",
            "/api/v1/orders/.",
            "/api/v1/orders/../../../internal",
            "/api/v1/./orders",
            "/internal/../api/v1/orders",
            "/api/v1/orders/%2e%2e/internal",
            "/api/v1/orders/.%2E/internal",
            "/api/v1/orders/..%2finternal",
            "/api/v1/orders%2f..%2finternal",
            "/api/v1/orders/..\\internal",
            "/api/v1/orders/..%5Cinternal",
            "/api/v1/orders/x%5c%2e%2e",
        ] {
            assert_eq!(Module::owning(path), None, "{path}");
        }
    }
}
