//! What proxies say of a request that they pass on: `X-Forwarded-For`, `-Proto` and `-Host`, or the `Forwarded` of
//! RFC 7239 where there is none of those. Each proxy appends, so all of it is read from the end.

use actix_web::http::header::HeaderMap;

/// What one proxy says of the request as it came to it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Hop<'a> {
    /// Who called it.
    pub client: &'a str,
    /// The scheme it was called with.
    pub scheme: Option<&'a str>,
    /// The host it was asked for.
    pub host: Option<&'a str>,
}

/// What the proxies said, the last of them first. A list that is shorter than another was begun by a later proxy.
pub(super) fn hops(headers: &HeaderMap) -> Vec<Hop<'_>> {
    let list = |name| lines(headers, name).flat_map(|line| line.rsplit(',')).collect::<Vec<_>>();
    let (clients, schemes, hosts) =
        (list("x-forwarded-for"), list("x-forwarded-proto"), list("x-forwarded-host"));
    let count = clients.len().max(schemes.len()).max(hosts.len());
    if count == 0 {
        return lines(headers, "forwarded").flat_map(|line| backwards(line, ',')).map(element).collect();
    }
    let hop = |n| Hop {
        client: clients.get(n).copied().unwrap_or_default(),
        scheme: schemes.get(n).copied(),
        host: hosts.get(n).copied(),
    };
    (0..count).map(hop).collect()
}

/// The lines of a header from the last on. One that is no text counts as empty and not as absent.
fn lines<'a>(headers: &'a HeaderMap, name: &'static str) -> impl Iterator<Item = &'a str> {
    let lines: Vec<_> = headers.get_all(name).map(|line| line.to_str().unwrap_or_default()).collect();
    lines.into_iter().rev()
}

/// The parts of a text from the last on; separators between quotes are none. Whatever a client sends to the left, an
/// open quote included, leaves the parts on the right as the proxies wrote them.
fn backwards(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    text.rsplit(move |character| {
        is_quoted ^= character == '"';
        character == separator && !is_quoted
    })
}

/// One element of `Forwarded`, such as `for="[2001:db8::1]:4711";proto=https;host=example.com`.
fn element(text: &str) -> Hop<'_> {
    let mut hop = Hop::default();
    for (name, value) in backwards(text, ';').filter_map(|pair| pair.trim().split_once('=')) {
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        match name.to_ascii_lowercase().as_str() {
            "for" => hop.client = value,
            "proto" => hop.scheme = Some(value),
            "host" => hop.host = Some(value),
            _ => {}
        }
    }
    hop
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

    use super::{Hop, hops};

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn hop<'a>(client: &'a str, scheme: Option<&'a str>, host: Option<&'a str>) -> Hop<'a> {
        Hop { client, scheme, host }
    }

    #[test]
    fn lists_are_matched_from_their_ends() {
        let headers = headers(&[
            ("x-forwarded-for", "1.1.1.1, 2.2.2.2"),
            ("x-forwarded-for", "3.3.3.3"),
            ("x-forwarded-proto", "https,http"),
            ("x-forwarded-host", "example.com"),
            ("forwarded", "for=9.9.9.9;proto=https"),
        ]);
        let expected = [
            hop("3.3.3.3", Some("http"), Some("example.com")),
            hop(" 2.2.2.2", Some("https"), None),
            hop("1.1.1.1", None, None),
        ];
        assert_eq!(hops(&headers), expected);
    }

    #[test]
    fn forwarded_counts_where_none_of_the_others_is() {
        let headers = headers(&[
            ("forwarded", "For=1.1.1.1; Proto=https ;host=\"a,b;c\""),
            ("forwarded", "for=\"[2001:db8::1]:4711\";by=_x, proto=http"),
        ]);
        let expected = [
            hop("", Some("http"), None),
            hop("[2001:db8::1]:4711", None, None),
            hop("1.1.1.1", Some("https"), Some("a,b;c")),
        ];
        assert_eq!(hops(&headers), expected);
        assert_eq!(hops(&HeaderMap::new()), []);
    }

    #[test]
    fn an_open_quote_of_a_client_swallows_nothing_of_a_proxy() {
        for spoofed in ["for=\"", "for=\"1.1.1.1", "for=\"1.1.1.1\\\"", "\"", "for=1.1.1.1;proto=\"https"] {
            let headers =
                headers(&[("forwarded", &format!("{spoofed}, for=2.2.2.2;proto=http;host=\"a:80\""))]);
            assert_eq!(hops(&headers)[0], hop("2.2.2.2", Some("http"), Some("a:80")), "{spoofed}");
        }
    }
}
