//! `GET /inventory/assets/{asset_id}/prices`: what an asset cost.

use std::hash::{DefaultHasher, Hash, Hasher};

use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use chrono::DateTime;
use serde::Serialize;
use tradepost_kernel::Timestamp;
use tradepost_platform::encoding::encode;
use tradepost_platform::request::{Fields, FromFields, Path, Query, moment, text};
use tradepost_problem::{Outage, Rejection};
use utoipa::{IntoParams, ToSchema};

use super::asset::Which;
use super::fresh::fresh;
use super::kept::keep;
use super::number::Number;
use crate::Inventory;
use crate::domain::{Candle, Interval};

/// Shows what an asset cost: the lowest and the highest price of each span of time, with the first and the last.
///
/// An answer has at most 1000 candles, those that begin last. For older ones ask again with the first `timestamp` as
/// `to`. The last candle is of a span that may not be over. Simulated prices have a past as long as anybody asks for;
/// of prices that were fetched, minutes and five minutes go back for 1000 candles, hours and days for as long as the
/// platform keeps them. The prices that administrators set have none.
#[utoipa::path(
    tag = "inventory",
    params(Which, Span),
    responses(
        (status = 200, description = "The candles, the oldest first.", body = CandlesAnswer),
        (status = 404, description = "`asset_not_found`: the catalog has no such asset."),
        (status = 422, description = "`validation_failed`: a parameter breaks its rule."),
    )
)]
#[get("/inventory/assets/{asset_id}/prices", wrap = "from_fn(encode)", wrap = "from_fn(keep)")]
pub async fn get_prices(
    inventory: Data<Inventory>,
    path: Path<Which>,
    query: Query<Span>,
    request: HttpRequest,
) -> Result<HttpResponse, Rejection> {
    let (Which { asset_id }, Span { interval, from, to }) = (path.0, query.0);
    let ms = |moment: Option<Timestamp>, else_ms| moment.map_or(else_ms, |moment| moment.timestamp_millis());
    let range = ms(from, i64::MIN)..ms(to, i64::MAX);
    let text = write(&inventory.into_inner().candles(asset_id, interval, range).await?)?;
    // What is over does not change any more, so its tag is what it says.
    let mut version = DefaultHasher::new();
    text.hash(&mut version);
    fresh(&request, version.finish(), || Ok(text))
}

/// Which candles are asked for.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Span {
    /// How long a candle takes: `1m`, `5m`, `1h` or `1d`.
    #[param(value_type = Option<String>, default = "1h", pattern = "^(1m|5m|1h|1d)$", example = "1h")]
    interval: Interval,
    /// Only candles that begin at this time or later (RFC 3339).
    #[param(value_type = Option<String>, example = "2026-01-01T00:00:00Z")]
    from: Option<Timestamp>,
    /// Only candles that begin before this time (RFC 3339).
    #[param(value_type = Option<String>, example = "2100-01-01T00:00:00Z")]
    to: Option<Timestamp>,
}

impl FromFields for Span {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let interval = fields.optional("interval", text(str::parse::<Interval>));
        let from = fields.optional("from", text(moment));
        let to = fields.optional("to", text(moment));
        Some(Self { interval: interval?.unwrap_or(Interval::Hour), from: from?, to: to? })
    }
}

/// What an asset cost.
#[derive(Serialize, ToSchema)]
struct CandlesAnswer {
    data: Vec<CandleBody>,
}

/// What an asset cost within a span of time, in dollars.
#[derive(Serialize, ToSchema)]
#[schema(example = super::example::candle)]
struct CandleBody {
    /// When the span begins.
    #[schema(value_type = String, format = DateTime)]
    timestamp: Timestamp,
    open: Number,
    high: Number,
    low: Number,
    close: Number,
}

impl From<&Candle> for CandleBody {
    fn from(candle: &Candle) -> Self {
        Self {
            // Candles begin in the past, and not before there were prices.
            timestamp: DateTime::from_timestamp_millis(candle.start_ms).unwrap_or_default(),
            open: candle.open.into(),
            high: candle.high.into(),
            low: candle.low.into(),
            close: candle.close.into(),
        }
    }
}

fn write(candles: &[Candle]) -> Result<String, Outage> {
    let answer = CandlesAnswer { data: candles.iter().map(CandleBody::from).collect() };
    serde_json::to_string(&answer).map_err(|error| Outage::internal("write candles", &error))
}
