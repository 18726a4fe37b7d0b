//! Query parameters and path segments.

use std::borrow::Cow;
use std::collections::HashMap;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use tradepost_problem::{Rejection, http};

use super::{Fields, FromFields, Input};

/// The query of a request, read as a `T`. Unknown parameters are ignored; of one given twice the last counts.
#[derive(Debug)]
pub struct Query<T>(pub T);

/// The path segments of a request, percent-decoded and read as a `T`.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: FromFields> FromRequest for Query<T> {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(named(request.query_string()).map(Self))
    }
}

impl<T: FromFields> FromRequest for Path<T> {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        // The router decodes segments into a sequence; their names are beside it.
        let names = request.match_info().iter().map(|(name, _)| name.to_owned());
        ready(match web::Path::<Vec<String>>::extract(request).into_inner() {
            Ok(segments) => fields(names.zip(segments.into_inner()).collect()).map(Self),
            Err(_) => Err(unreadable()),
        })
    }
}

fn named<T: FromFields>(query: &str) -> Result<T, Rejection> {
    match web::Query::<Vec<(String, String)>>::from_query(query) {
        Ok(pairs) => fields(pairs.into_inner().into_iter().collect()),
        Err(_) => Err(unreadable()),
    }
}

fn fields<T: FromFields>(values: HashMap<String, String>) -> Result<T, Rejection> {
    let inputs =
        values.into_iter().map(|(name, value)| (Cow::Owned(name), Input::Text(Cow::Owned(value)))).collect();
    Fields::new(inputs).read()
}

fn unreadable() -> Rejection {
    Rejection::new(&http::MALFORMED, "The address of the request could not be read.")
}
