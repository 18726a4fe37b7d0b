//! What administrators changed of an asset, or that they added it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tradepost_inventory_api::Rules;
use tradepost_kernel::{AssetId, Price, Timestamp};

use super::Asset;

/// What administrators changed of an asset. It counts more than what its source says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amendment {
    pub asset: AssetId,
    pub suspension: Option<Suspension>,
    pub category: Option<String>,
    pub description: Option<String>,
    #[serde(default)]
    pub rules: Rules,
    pub custom: Option<Custom>,
}

/// That an asset is not traded for now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    /// Since when.
    pub at: Timestamp,
    /// Why, for people; nobody need say.
    pub reason: Option<String>,
}

/// An asset of the administrators' own, at a price that holds until they change it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Custom {
    pub name: String,
    pub price: Price,
    /// When the price was set.
    pub priced_at: Timestamp,
}

/// The category of an asset of which nobody said one.
pub const OTHER: &str = "other";

impl Amendment {
    /// Of an asset that was not changed yet.
    pub fn none(asset: AssetId) -> Self {
        let rules = Rules::default();
        Self { asset, suspension: None, category: None, description: None, rules, custom: None }
    }

    /// The asset as it is shown: as its source describes it, with what was changed.
    pub fn apply(&self, described: Option<&Arc<Asset>>) -> Option<Arc<Asset>> {
        if self.category.is_none() && self.description.is_none() && self.custom.is_none() {
            return described.cloned();
        }
        let mut asset = match &self.custom {
            Some(custom) => custom.asset(self.asset),
            None => Asset::clone(described?),
        };
        if let Some(category) = &self.category {
            asset.category.clone_from(category);
        }
        if let Some(description) = &self.description {
            asset.description = Some(description.clone()).filter(|text| !text.is_empty());
        }
        Some(Arc::new(asset))
    }
}

impl Custom {
    fn asset(&self, id: AssetId) -> Asset {
        Asset {
            id,
            name: self.name.clone(),
            description: None,
            category: OTHER.to_owned(),
            image: None,
            rank: None,
            is_active: true,
            circulating_supply: None,
            total_supply: None,
            max_supply: None,
        }
    }
}
