//! Coins as CoinGecko writes them.

use crate::server::Answer;

/// A coin with every field, as the documentation of the API has them; price and market cap digit for digit.
pub fn coin(id: &str, symbol: &str, price: &str, market_cap: &str) -> String {
    format!(
        r#"{{"id":"{id}","symbol":"{symbol}","name":"{id} coin","image":"https://img.example/{id}.png?1696501400",
        "current_price":{price},"market_cap":{market_cap},"market_cap_rank":1,"fully_diluted_valuation":null,
        "total_volume":17135990479,"high_24h":65363.5,"low_24h":64469,"price_change_24h":-523.6328486847997,
        "price_change_percentage_24h":-0.60001,"market_cap_change_24h":-10478829283.891113,
        "market_cap_change_percentage_24h":-0.80093,"circulating_supply":20068353.0,"total_supply":20068353.0,
        "max_supply":21000000.0,"ath":126080,"ath_change_percentage":-48.70606,
        "ath_date":"2025-10-06T10:57:42.558Z","atl":0.000000000056366,"atl_change_percentage":95272.79418,
        "atl_date":"2013-07-05T16:00:00.000Z","roi":null,"last_updated":"2026-03-01T11:59:30.000Z",
        "price_change_percentage_24h_in_currency":-0.6000112233,
        "price_change_percentage_30d_in_currency":12.25,
        "price_change_percentage_7d_in_currency":3.0123456789}}"#
    )
}

pub fn list(coins: &[String]) -> Answer {
    Answer::Ok(format!("[{}]", coins.join(",")))
}

/// A page on which bitcoin and ether cost so much.
pub fn page(bitcoin: &str, ether: &str) -> Answer {
    list(&[coin("bitcoin", "btc", bitcoin, "1297846869995"), coin("ethereum", "eth", ether, "300000000000")])
}
