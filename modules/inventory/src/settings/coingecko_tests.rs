use super::{CoinGeckoSettings, Plan};

const PRO: &str = "https://pro-api.coingecko.com/api/v3";

fn check(change: impl FnOnce(&mut CoinGeckoSettings)) -> Result<(), String> {
    let mut settings = CoinGeckoSettings::public();
    change(&mut settings);
    settings.check()
}

#[test]
fn every_number_has_two_bounds() {
    type Case = (fn(&mut CoinGeckoSettings, u32), &'static str, u32, u32);
    let cases: [Case; 6] = [
        (|settings, value| settings.per_page = value, "per_page", 1, 250),
        (|settings, value| settings.pages = value, "pages", 1, 20),
        (|settings, value| settings.interval_s = value.into(), "interval_s", 10, 3_600),
        (|settings, value| settings.timeout_ms = value.into(), "timeout_ms", 100, 60_000),
        (|settings, value| settings.max_body_bytes = value as usize, "max_body_bytes", 1_024, 67_108_864),
        (|settings, value| settings.categories_refresh_h = value, "categories_refresh_h", 1, 8_760),
    ];
    for (change, key, min, max) in cases {
        for good in [min, max] {
            assert_eq!(check(|settings| change(settings, good)), Ok(()), "{key} {good}");
        }
        for bad in [min - 1, max + 1] {
            let error = check(|settings| change(settings, bad)).unwrap_err();
            assert!(error.starts_with(&format!("inventory.coingecko.{key} must be from")), "{error}");
        }
    }
}

#[test]
fn a_plan_a_key_and_an_address_must_fit() {
    let public = CoinGeckoSettings::public().base_url;
    let public = public.as_str();
    for (plan, key, url, refused) in [
        (Plan::Public, "", public, None),
        (Plan::Demo, "CG-key", public, None),
        (Plan::Pro, "CG-key", PRO, None),
        (Plan::Pro, "CG-key", "http://127.0.0.1:8080/api/v3", None),
        (Plan::Public, "", "http://mirror.example/api/v3", None),
        (Plan::Public, "CG-key", public, Some("api_key is set, but plan")),
        (Plan::Demo, "", public, Some("api_key must be set")),
        (Plan::Pro, "", PRO, Some("api_key must be set")),
        (Plan::Pro, "CG-key", public, Some("base_url is that of the public API")),
        (Plan::Demo, "CG-key", PRO, Some("base_url is that of plan = \"pro\"")),
        (Plan::Public, "", PRO, Some("base_url is that of plan = \"pro\"")),
        (Plan::Demo, "CG-key\n", public, Some("api_key must be visible ASCII")),
        (Plan::Demo, "CG-key", "http://mirror.example/api/v3", Some("base_url must be https")),
        (Plan::Public, "", "api.coingecko.com", Some("base_url must be an address")),
        (Plan::Public, "", "ftp://api.coingecko.com", Some("base_url must be an address")),
        (Plan::Public, "", "https://a:b@api.coingecko.com", Some("base_url must be an address")),
        (Plan::Public, "", "https://api.coingecko.com/?a", Some("base_url must be an address")),
    ] {
        let outcome = check(|settings| {
            settings.plan = plan;
            settings.api_key = key.to_owned().into();
            settings.base_url = url.to_owned();
        });
        let expected = refused.map(|sentence| format!("inventory.coingecko.{sentence}"));
        match (outcome, expected) {
            (Ok(()), None) => {}
            (Err(error), Some(expected)) => {
                assert!(error.starts_with(&expected), "{plan:?} {url}: {error}");
                assert!(!error.contains("CG-key"), "{error}");
            }
            (outcome, _) => panic!("{plan:?} {key:?} {url}: {outcome:?}"),
        }
    }
}

#[test]
fn only_dollars_are_asked_for() {
    let error = check(|settings| settings.currency = "eur".to_owned()).unwrap_err();
    assert!(error.starts_with("inventory.coingecko.currency must be \"usd\""), "{error}");
}

#[test]
fn categories_are_pairs_of_words_in_a_list_or_a_text() {
    let mut settings = CoinGeckoSettings::public();
    settings.categories = vec!["layer-1 = smart-contracts".to_owned(), "meme-token=meme".to_owned()];
    let pair = |theirs: &str, ours: &str| (theirs.to_owned(), ours.to_owned());
    let expected = vec![pair("layer-1", "smart-contracts"), pair("meme-token", "meme")];
    assert_eq!(settings.mapping(), Ok(expected));
    for bad in ["layer-1", "=meme", "meme-token=", "Meme=meme", "a=b c", &format!("{}=a", "a".repeat(65))] {
        let error = check(|settings| settings.categories = vec![bad.to_owned()]).unwrap_err();
        assert!(error.starts_with("inventory.coingecko.categories must be"), "{error}");
    }
}

#[test]
fn what_is_printed_has_no_key() {
    let settings = CoinGeckoSettings { api_key: "CG-key".to_owned().into(), ..CoinGeckoSettings::public() };
    assert!(!format!("{settings:?}").contains("CG-key"));
}
