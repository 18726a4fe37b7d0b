use chrono::NaiveDate;

use super::{
    COMMON_PASSWORDS, DateOfBirth, Description, Email, NewPassword, Password, PersonName, Phone, Username,
    age_on,
};

fn accepts<T: std::str::FromStr>(texts: &[&str]) {
    for text in texts {
        assert!(text.parse::<T>().is_ok(), "{text:?} should be accepted");
    }
}

fn refuses<T: std::str::FromStr>(texts: &[&str]) {
    for text in texts {
        assert!(text.parse::<T>().is_err(), "{text:?} should be refused");
    }
}

#[test]
fn usernames_are_trimmed_lowered_and_of_6_to_30_plain_characters() {
    assert_eq!(" Alice_1 ".parse::<Username>().unwrap().as_str(), "alice_1");
    accepts::<Username>(&["abcdef", &"a".repeat(30)]);
    refuses::<Username>(&["abcde", &"a".repeat(31), "with space", "älice1", "a-b-c-d", "      "]);
}

#[test]
fn addresses_need_a_dot_in_the_domain_and_at_most_254_characters() {
    assert_eq!("Ann@Example.COM".parse::<Email>().unwrap().as_str(), "ann@example.com");
    let label = "d".repeat(60);
    let domain = format!("{label}.{label}.{label}.example.org");
    let of_length = |n: usize| format!("{}@{domain}", "a".repeat(n - domain.len() - 1));
    accepts::<Email>(&["a.b+c@example.co.uk", &of_length(254)]);
    refuses::<Email>(&[
        "",
        "a",
        "a@b",
        "a@b@c.de",
        "Ann <ann@example.com>",
        "a@[127.0.0.1]",
        " a@b.de",
        &of_length(255),
    ]);
}

#[test]
fn passwords_have_12_to_128_characters_of_four_sorts() {
    let long = |n: usize| format!("Aa1!{}", "x".repeat(n - 4));
    accepts::<NewPassword>(&["TestPassword123!", &long(12), &long(128), "Passwörter ßind 1"]);
    refuses::<NewPassword>(&[
        &long(11),
        &long(129),
        "lowercase1234!",
        "UPPERCASE1234!",
        "NoDigitsHere!!",
        "NoSymbols12345",
        "Password123!",
    ]);
    accepts::<Password>(&["            ", &"x".repeat(128)]);
    refuses::<Password>(&[&"x".repeat(11), &"x".repeat(129)]);
}

#[test]
fn every_listed_password_would_pass_without_the_list() {
    for common in COMMON_PASSWORDS.lines() {
        let form = common.parse::<NewPassword>().map_err(|rule| rule.to_string());
        assert_eq!(form.err().as_deref(), Some("is on the list of common passwords"), "{common}");
    }
}

#[test]
fn a_password_must_not_contain_its_owner() {
    let email: Email = "johnny@example.com".parse().unwrap();
    let suits = |text: &str| text.parse::<NewPassword>().unwrap().suits("trader_1", Some(&email)).is_ok();
    assert!(suits("Correct-Horse-7"));
    assert!(!suits("xxTRADER_1xx!A1a"));
    assert!(!suits("My-JOHNNY-pass-1"));
}

#[test]
fn names_are_letters_of_any_script() {
    accepts::<PersonName>(&["Ann", " O'Neil ", "Jean-Luc", "प्रिया", "محمد", "J. R.", &"é".repeat(50)]);
    refuses::<PersonName>(&["", "   ", "<b>", "Ann2", "a\u{0}b", "'-.", &"a".repeat(51)]);
}

#[test]
fn phones_have_10_to_15_digits() {
    accepts::<Phone>(&["+1 (555) 010-9999", "1234567890", "123456789012345"]);
    refuses::<Phone>(&["123456789", "1234567890123456", "12345abcde", "٠١٢٣٤٥٦٧٨٩"]);
}

#[test]
fn ages_run_from_13_to_120() {
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    assert_eq!(age_on(day("2010-06-15"), day("2023-06-14")), 12);
    assert_eq!(age_on(day("2010-06-15"), day("2023-06-15")), 13);
    accepts::<DateOfBirth>(&["1990-02-28"]);
    refuses::<DateOfBirth>(&[
        "1990-02-30",
        "1990-2-28",
        "1990- 2-28",
        "28.02.1990",
        "1850-01-01",
        "2999-01-01",
    ]);
}

#[test]
fn descriptions_have_at_most_200_characters() {
    accepts::<Description>(&["", &"é".repeat(200)]);
    refuses::<Description>(&[&"é".repeat(201), "two\nlines"]);
}
