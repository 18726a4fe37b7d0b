use std::collections::HashMap;

use super::{Batch, PIECE};
use crate::snapshot::{Material, Snapshot};
use crate::stream::tests::row;

fn batch(ids: &[String]) -> Batch {
    let rows: Vec<_> = ids.iter().map(|id| row(id, "12.50")).collect();
    let snapshot = Snapshot::take(
        &Material { version: 0xbeef, source: "file", rows: &rows, amendments: &HashMap::new() },
        None,
    );
    Batch::of(&snapshot, snapshot.entries.iter(), 0)
}

fn text(batch: &Batch, assets: &[&str]) -> String {
    let assets: Vec<_> = assets.iter().map(|asset| asset.parse().unwrap()).collect();
    let pieces = batch.pieces(Some(&assets.into()));
    String::from_utf8(pieces.concat()).unwrap()
}

fn event(asset: &str) -> String {
    format!(
        "event: price\ndata: {{\"asset_id\":\"{asset}\",\"price_usd\":12.5,\"price_change_percentage_24h\":null,\
         \"is_active\":true,\"price_source\":\"file\",\"last_updated\":\"1970-01-01T00:00:00Z\"}}\n\n"
    )
}

#[test]
fn only_the_last_event_that_a_reader_gets_has_the_id() {
    let batch = batch(&["A", "B", "C"].map(str::to_owned));
    let (a, b, c) = (event("A"), event("B"), event("C"));
    assert_eq!(String::from_utf8(batch.pieces(None).concat()).unwrap(), format!("{a}{b}id: beef\n{c}"));
    assert_eq!(text(&batch, &["A", "B"]), format!("{a}id: beef\n{b}"));
    assert_eq!(text(&batch, &["A"]), format!("id: beef\n{a}"));
    assert_eq!(text(&batch, &["D"]), "");
}

#[test]
fn much_text_comes_in_pieces_and_only_the_last_event_of_all_has_the_id() {
    let ids: Vec<_> = (0..1000).map(|number| format!("A{number}")).collect();
    let batch = batch(&ids);
    let pieces = batch.pieces(None);
    assert!(pieces.len() > 5 && pieces.iter().all(|piece| piece.len() < PIECE + 512));
    let text = String::from_utf8(pieces.concat()).unwrap();
    assert_eq!((text.matches("event: price").count(), text.matches("id: ").count()), (1000, 1));
    assert!(text[..text.find("id: ").unwrap()].matches("event: price").count() == 999);
}
