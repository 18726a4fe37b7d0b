//! `GET /inventory/categories`: the sorts of assets there are.

use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use serde::Serialize;
use tradepost_platform::encoding::encode;
use tradepost_problem::{Outage, Rejection};
use utoipa::ToSchema;

use super::example;
use super::fresh::fresh;
use super::kept::keep;
use super::number::Number;
use super::once;
use crate::Inventory;
use crate::domain::category_name;
use crate::overview::CategorySum;
use crate::snapshot::Snapshot;

/// Lists the categories of the catalog, the one with the largest market capitalisation first.
#[utoipa::path(
    tag = "inventory",
    responses((status = 200, description = "All categories.", body = CategoryAnswer)),
)]
#[get("/inventory/categories", wrap = "from_fn(encode)", wrap = "from_fn(keep)")]
pub async fn list_categories(
    inventory: Data<Inventory>,
    request: HttpRequest,
) -> Result<HttpResponse, Rejection> {
    let snapshot = inventory.snapshot();
    fresh(&request, snapshot.version, || Ok(once(&snapshot.categories, || answer(&snapshot))?.clone()))
}

fn answer(snapshot: &Snapshot) -> Result<String, Outage> {
    let data = snapshot.category_sums().into_iter().map(Category::from).collect();
    serde_json::to_string(&CategoryAnswer { data })
        .map_err(|error| Outage::internal("write the categories", &error))
}

/// The categories.
#[derive(Serialize, ToSchema)]
pub struct CategoryAnswer {
    /// All there are.
    data: Vec<Category>,
}

/// A sort of assets.
#[derive(Serialize, ToSchema)]
#[schema(example = example::category)]
pub struct Category {
    /// The word for it, as the list of assets takes it.
    category: String,
    /// What people call it.
    name: String,
    /// How many assets are of it, those that cannot be traded included.
    asset_count: usize,
    /// Dollars: the market capitalisations of all of them together, as far as they are known.
    total_market_cap: Number,
}

impl From<CategorySum> for Category {
    fn from(sum: CategorySum) -> Self {
        let CategorySum { category, asset_count, total_market_cap } = sum;
        let name = category_name(&category);
        Self { category, name, asset_count, total_market_cap: total_market_cap.into() }
    }
}
