//! Tests of whose address counts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::{PublicOrigin, TrustedProxies, key};

fn proxies(entries: &[&str]) -> TrustedProxies {
    TrustedProxies::parse(&entries.iter().map(|entry| (*entry).to_owned()).collect::<Vec<_>>()).unwrap()
}

fn client(trusted: &[&str], peer: &str, lines: &[&str]) -> String {
    let lines: Vec<_> = lines.iter().map(|&line| ("x-forwarded-for", line)).collect();
    proxies(trusted).client(peer.parse().unwrap(), &headers(&lines)).0.to_string()
}

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    headers
}

#[test]
fn nobody_is_believed_who_is_not_trusted() {
    for trusted in [&[][..], &["10.0.0.0/8"]] {
        for lines in [&[][..], &["203.0.113.9"], &["10.0.0.1, 10.0.0.2"], &["nonsense"]] {
            assert_eq!(client(trusted, "192.0.2.1", lines), "192.0.2.1", "{trusted:?} {lines:?}");
        }
    }
}

#[test]
fn the_walk_from_the_right_ends_at_the_first_address_that_is_not_trusted() {
    let trusted = &["10.0.0.0/8", "2001:db8::1", "192.0.2.7"];
    for (peer, lines, expected) in [
        ("10.0.0.1", &[][..], "10.0.0.1"),
        ("10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
        // What a client put there itself stands to the left.
        ("10.0.0.1", &["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", &["198.51.100.1,203.0.113.9,10.0.0.2 , 10.9.9.9"], "203.0.113.9"),
        ("10.0.0.1", &["198.51.100.1", "203.0.113.9", "10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", &["198.51.100.1, 203.0.113.9", "10.0.0.2, 192.0.2.7"], "203.0.113.9"),
        ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("2001:db8::1", &["2001:db8::2"], "2001:db8::2"),
        ("::ffff:10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", &["::ffff:203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", &["203.0.113.9, ::ffff:10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", &["203.0.113.9:4711"], "203.0.113.9"),
        ("10.0.0.1", &["[2001:db8::9]:4711"], "2001:db8::9"),
        ("10.0.0.1", &["[2001:db8::9]"], "2001:db8::9"),
        ("10.255.255.255", &["11.0.0.0"], "11.0.0.0"),
        ("9.255.255.255", &["203.0.113.9"], "9.255.255.255"),
    ] {
        assert_eq!(client(trusted, peer, lines), expected, "{peer} {lines:?}");
    }
}

#[test]
fn what_cannot_be_read_ends_the_walk_at_the_last_address_that_could() {
    for (lines, expected) in [
        (&["203.0.113.9, nonsense"][..], "10.0.0.1"),
        (&["203.0.113.9, nonsense, 10.0.0.2"], "10.0.0.2"),
        (&["203.0.113.9,, 10.0.0.2"], "10.0.0.2"),
        (&["203.0.113.9", "", "10.0.0.2"], "10.0.0.2"),
        (&["203.0.113.9, unknown"], "10.0.0.1"),
        (&["203.0.113.256"], "10.0.0.1"),
        (&["203.0.113.9."], "10.0.0.1"),
        (&["[2001:db8::9"], "10.0.0.1"),
        (&["for=203.0.113.9"], "10.0.0.1"),
        (&[""], "10.0.0.1"),
    ] {
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", lines), expected, "{lines:?}");
    }
    let no_text = HeaderValue::from_bytes(b"203.0.113.9\xff").unwrap();
    let no_text = HeaderMap::from_iter([(HeaderName::from_static("x-forwarded-for"), no_text)]);
    let peer = IpAddr::from([10, 0, 0, 1]);
    assert_eq!(proxies(&["10.0.0.1"]).client(peer, &no_text).0, peer);
}

#[test]
fn entries_that_would_never_match_or_make_no_sense_are_named() {
    let parse = |entry: &str| TrustedProxies::parse(&[entry.to_owned()]).map(|_| ());
    for entry in ["10.0.0.1", "10.0.0.0/8", "0.0.0.0/0", "fd00::/8", "::1", "::ffff:10.0.0.1"] {
        assert_eq!(parse(entry), Ok(()), "{entry}");
    }
    for entry in ["", "proxy", "10.0.0.0/33", "10.0.0", "10.0.0.1:80", "fd00::/129", "::ffff:10.0.0.0/104"] {
        assert!(parse(entry).unwrap_err().contains(&format!("`{entry}`")), "{entry}");
    }
    assert_eq!(client(&["::ffff:10.0.0.1"], "10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
}

#[test]
fn a_key_is_an_address_of_ipv4_or_a_64_of_ipv6() {
    let key = |address: &str| key(address.parse().unwrap());
    assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff:ffff:ffff:ffff"));
    assert_eq!(key("203.0.113.9"), key("::ffff:203.0.113.9"));
    let distinct = ["2001:db8:1:2::1", "2001:db8:1:3::1", "203.0.113.9", "203.0.113.8", "::1", "0.0.0.0"];
    let keys: std::collections::BTreeSet<_> = distinct.iter().map(|address| key(address)).collect();
    assert_eq!(keys.len(), distinct.len());
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from(bits))),
        any::<u8>().prop_map(|last| IpAddr::from([10, 0, 0, last])),
        any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from(bits))),
    ]
}

proptest! {
    /// Whatever a client puts into the header, the entry of the first trusted proxy decides.
    #[test]
    fn what_a_client_writes_itself_changes_nothing(
        spoofed in "[ -~]{0,60}",
        own in address(),
        hops in prop::collection::vec(any::<u8>(), 0..5),
    ) {
        let trusted = proxies(&["10.0.0.0/8"]);
        prop_assume!(!trusted.trusts(own.to_canonical()));
        let hops: Vec<_> = hops.iter().map(|last| IpAddr::from([10, 0, 0, *last])).collect();
        let (peer, before) = hops.split_last().map_or((own, &[][..]), |(peer, before)| (*peer, before));
        let told: Vec<_> = hops.first().map(|_| own).into_iter().chain(before.iter().copied()).collect();
        let list: Vec<_> = [spoofed.clone()].into_iter().chain(told.iter().map(ToString::to_string)).collect();
        let elements = told.iter().map(|address| match address {
            IpAddr::V4(address) => format!("for={address};proto=https"),
            IpAddr::V6(address) => format!("for=\"[{address}]\";proto=https"),
        });
        let elements: Vec<_> = [spoofed].into_iter().chain(elements).collect();
        let list = headers(&[("x-forwarded-for", &list.join(", "))]);
        let elements = headers(&[("forwarded", &elements.join(", "))]);
        prop_assert_eq!(trusted.client(peer, &list).0, own.to_canonical());
        let (client, origin) = trusted.client(peer, &elements);
        prop_assert_eq!(client, own.to_canonical());
        prop_assert_eq!(origin, PublicOrigin { scheme: told.first().map(|_| "https"), host: None });
    }

    /// The answer is always the peer or something that stands in the header, and never IPv4 written as IPv6.
    #[test]
    fn the_walk_never_makes_an_address_up(peer in address(), lines in prop::collection::vec("[0-9a-f:., ]{0,40}", 0..4)) {
        let values: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", line.as_str())).collect();
        let found = proxies(&["0.0.0.0/0", "::/0"]).client(peer, &headers(&values)).0;
        prop_assert_eq!(found, found.to_canonical());
        let mut stands = lines.iter().flat_map(|line| line.split(',')).filter_map(super::address);
        prop_assert!(found == peer.to_canonical() || stands.any(|address| address == found));
    }
}

fn origin(peer: &str, lines: &[(&'static str, &str)]) -> (String, Option<&'static str>, Option<String>) {
    let proxies = proxies(&["10.0.0.0/8"]);
    let (client, PublicOrigin { scheme, host }) = proxies.client(peer.parse().unwrap(), &headers(lines));
    (client.to_string(), scheme, host)
}

#[test]
fn scheme_and_host_are_those_of_the_first_trusted_proxy() {
    for (lines, scheme, host) in [
        (
            &[("x-forwarded-proto", "HTTPS"), ("x-forwarded-host", " a.example ")][..],
            Some("https"),
            Some("a.example"),
        ),
        // Each proxy appends, and the client has said something to the left of them.
        (
            &[
                ("x-forwarded-for", "1.1.1.1, 203.0.113.9, 10.0.0.2"),
                ("x-forwarded-proto", "http, https, http"),
                ("x-forwarded-host", "evil.example, a.example, inner"),
            ],
            Some("https"),
            Some("a.example"),
        ),
        // The first proxy says it alone, and those behind it leave it as it is.
        (
            &[("x-forwarded-for", "203.0.113.9, 10.0.0.2"), ("x-forwarded-proto", "https")],
            Some("https"),
            None,
        ),
        (&[("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "http, https")], Some("https"), None),
        (
            &[("x-forwarded-for", "203.0.113.9, 10.0.0.2"), ("x-forwarded-proto", "gopher, https")],
            Some("https"),
            None,
        ),
        (
            &[("forwarded", "for=1.1.1.1;proto=http;host=b, for=203.0.113.9;proto=https;host=\"a:1\"")],
            Some("https"),
            Some("a:1"),
        ),
        // Of a proxy that says the one thing, the other is not believed: its client may have said that.
        (&[("x-forwarded-for", "203.0.113.9"), ("forwarded", "proto=https;host=evil.example")], None, None),
        (&[("x-forwarded-for", "203.0.113.9")], None, None),
        (&[], None, None),
    ] {
        let (_, found, named) = origin("10.0.0.1", lines);
        assert_eq!((found, named.as_deref()), (scheme, host), "{lines:?}");
        assert_eq!(origin("192.0.2.1", lines), ("192.0.2.1".to_owned(), None, None), "{lines:?}");
    }
}

#[test]
fn forwarded_names_the_client_where_nothing_else_does() {
    for (forwarded, client) in [
        ("for=203.0.113.9", "203.0.113.9"),
        ("for=\"203.0.113.9:4711\";proto=https", "203.0.113.9"),
        ("for=\"[2001:db8::9]\", for=10.0.0.2", "2001:db8::9"),
        ("for=\"[2001:db8::9]:4711\"", "2001:db8::9"),
        ("for=1.1.1.1, for=203.0.113.9", "203.0.113.9"),
        ("for=203.0.113.9, for=unknown", "10.0.0.1"),
        ("for=203.0.113.9, for=_hidden, for=10.0.0.2", "10.0.0.2"),
        ("proto=https", "10.0.0.1"),
    ] {
        assert_eq!(origin("10.0.0.1", &[("forwarded", forwarded)]).0, client, "{forwarded}");
        assert_eq!(origin("192.0.2.1", &[("forwarded", forwarded)]).0, "192.0.2.1", "{forwarded}");
    }
    assert_eq!(
        origin("10.0.0.1", &[("forwarded", "for=1.1.1.1"), ("x-forwarded-for", "203.0.113.9")]).0,
        "203.0.113.9"
    );
}
