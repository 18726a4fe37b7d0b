//! `GET /inventory/prices/stream`: prices as they change.

use actix_web::body::BodyStream;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use tradepost_kernel::AssetId;
use tradepost_platform::guard::ClientAddress;
use tradepost_platform::request::{Fields, FromFields, Query, text};
use tradepost_problem::Rejection;
use utoipa::IntoParams;

use crate::Inventory;
use crate::stream::{Assets, PriceEvent};

/// The most assets that one request names.
const MOST_ASSETS: usize = 100;
const LAST_EVENT_ID: &str = "Last-Event-ID";
/// What proxies of the nginx family take for "pass on what comes as it comes".
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
const EXAMPLE: &str = "retry: 2000\n\nid: 5d41402abc4b2a76\nevent: price\ndata: {\"asset_id\":\"BTC\",\
    \"price_usd\":64123.45,\"price_change_percentage_24h\":1.32,\"is_active\":true,\
    \"price_source\":\"simulated\",\"last_updated\":\"2026-03-01T12:00:00Z\"}\n\n:\n\n";

/// Sends prices as they change, as server-sent events, for as long as the client listens.
///
/// Each asset's price comes first, then an event `price` whenever its price changes, or whether it can be traded. Of
/// several that change at once only the last has an id; ids are opaque. Whoever sends the last one it got as
/// `Last-Event-ID` is told only what changed since, if that is known still, and all prices otherwise. A comment comes
/// when there is nothing to tell. Whoever reads too slowly is cut off, and goes on by its `Last-Event-ID`.
#[utoipa::path(
    tag = "inventory",
    params(
        Asked,
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that the client got; \
         browsers send it by themselves.", example = "5d41402abc4b2a76"),
    ),
    responses(
        (status = 200, description = "Events, without an end. The data of each event `price` is a JSON object as in \
         the schema.", content_type = "text/event-stream", body = PriceEvent, example = json!(EXAMPLE)),
        (status = 404, description = "`asset_not_found`: the catalog lacks one of the assets."),
        (status = 422, description = "`validation_failed`: a parameter breaks its rule."),
        (status = 429, description = "`too_many_streams`: this address has as many streams open as it may."),
    )
)]
#[get("/inventory/prices/stream")]
pub async fn stream_prices(
    inventory: Data<Inventory>,
    query: Query<Asked>,
    request: HttpRequest,
) -> Result<HttpResponse, Rejection> {
    let last = request.headers().get(LAST_EVENT_ID).and_then(|id| id.to_str().ok());
    let since = last.and_then(|id| u64::from_str_radix(id, 16).ok());
    let reader = inventory.open_stream(ClientAddress::key_of(&request), query.0.assets, since)?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((X_ACCEL_BUFFERING, "no"))
        .body(BodyStream::new(reader.into_stream())))
}

/// Which assets are asked for.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// The symbols of up to 100 assets, in either case, with commas between them; all assets unless given.
    #[param(
        required = false,
        value_type = Option<String>,
        pattern = "^[A-Za-z0-9]{1,10}(,[A-Za-z0-9]{1,10}){0,99}$",
        example = "BTC,ETH"
    )]
    assets: Option<Assets>,
}

impl FromFields for Asked {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { assets: fields.optional("assets", text(symbols))? })
    }
}

fn symbols(text: &str) -> Result<Assets, String> {
    let symbols = text.split(',').map(str::parse::<AssetId>).collect::<Result<Vec<_>, _>>();
    let mut symbols =
        symbols.map_err(|error| format!("must be symbols with commas between them; each {error}"))?;
    if symbols.len() > MOST_ASSETS {
        return Err(format!("must be at most {MOST_ASSETS} symbols"));
    }
    symbols.sort_unstable();
    symbols.dedup();
    Ok(symbols.into())
}

#[cfg(test)]
mod tests {
    use super::symbols;

    #[test]
    fn symbols_are_read_in_either_case_and_each_counts_once() {
        let read =
            |text: &str| symbols(text).map(|read| read.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(read("eth,BTC,Eth").unwrap(), ["BTC", "ETH"]);
        for malformed in ["", ",", "BTC,", "BTC, ETH", "ELEVENCHARS", "B-C"] {
            assert!(read(malformed).is_err(), "{malformed:?}");
        }
        let many = |count: usize| (0..count).map(|n| format!("A{n}")).collect::<Vec<_>>().join(",");
        assert_eq!(read(&many(100)).unwrap().len(), 100);
        assert!(read(&many(101)).is_err());
    }
}
