//! [`Catalog`] between processes: both halves of `POST /internal/inventory/{method}`.
//!
//! The form of every request and answer is held by the files in `tests/wire/`. Two versions of the platform may
//! talk to each other, so fields are added and never changed; unknown ones are ignored.

use std::sync::Arc;

use actix_web::Responder;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, ServiceConfig, post};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tradepost_kernel::AssetId;
use tradepost_platform::peer::{Call, Peer, admit, reply};
use tradepost_problem::Rejection;

use crate::{Catalog, CatalogError, Listing, QuoteChanges};

/// The name of this module in addresses and service tokens.
pub const MODULE: &str = "inventory";
/// Who may ask.
const CALLERS: &[&str] = &["order"];

/// The argument of [`Catalog::listing`].
#[derive(Debug, Serialize, Deserialize)]
pub struct ListingQuery {
    /// Which asset.
    pub asset: AssetId,
}

/// The argument of [`Catalog::listings`].
#[derive(Debug, Serialize, Deserialize)]
pub struct ListingsQuery {
    /// Which assets.
    pub assets: Vec<AssetId>,
}

/// The argument of [`Catalog::quotes_since`].
#[derive(Debug, Serialize, Deserialize)]
pub struct QuotesQuery {
    /// Only what changed after this version.
    pub version: u64,
}

/// [`Catalog`] in another process.
pub struct CatalogClient(Peer);

impl CatalogClient {
    /// The catalog behind this peer.
    #[must_use]
    pub const fn new(peer: Peer) -> Self {
        Self(peer)
    }
}

#[async_trait]
impl Catalog for CatalogClient {
    async fn listing(&self, asset: AssetId) -> Result<Option<Listing>, CatalogError> {
        self.0.call("listing", None, &ListingQuery { asset }).await
    }

    async fn listings(&self, assets: Vec<AssetId>) -> Result<Vec<Listing>, CatalogError> {
        self.0.call("listings", None, &ListingsQuery { assets }).await
    }

    async fn quotes_since(&self, version: u64) -> Result<QuoteChanges, CatalogError> {
        self.0.call("quotes_since", None, &QuotesQuery { version }).await
    }
}

/// The answering half, for the internal listener.
pub fn routes(config: &mut ServiceConfig, catalog: Arc<dyn Catalog>) {
    let scope = web::scope("/internal/inventory")
        .wrap(from_fn(|request, next| admit(MODULE, CALLERS, request, next)))
        .app_data(Data::from(catalog))
        .route("/listing", post().to(listing))
        .route("/listings", post().to(listings))
        .route("/quotes_since", post().to(quotes_since));
    config.service(scope);
}

async fn listing(call: Call<ListingQuery>, catalog: Data<dyn Catalog>) -> Result<impl Responder, Rejection> {
    reply(catalog.listing(call.argument().asset).await)
}

async fn listings(
    call: Call<ListingsQuery>,
    catalog: Data<dyn Catalog>,
) -> Result<impl Responder, Rejection> {
    reply(catalog.listings(call.argument().assets).await)
}

async fn quotes_since(
    call: Call<QuotesQuery>,
    catalog: Data<dyn Catalog>,
) -> Result<impl Responder, Rejection> {
    reply(catalog.quotes_since(call.argument().version).await)
}
