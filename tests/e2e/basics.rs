//! What is true of every route.

use serde_json::json;
use tradepost_testkit::World;

crate::tests![health_is_public_and_says_healthy];

async fn health_is_public_and_says_healthy(world: World) {
    let answer = world.get("/health").await.expect(200);
    assert_eq!(answer.json()["status"], json!("healthy"));
}
