//! The views of the distributed profile: their stores.

pub mod clickhouse;
pub mod postgres;
pub mod redis;

use nova_views::DeadLetter;

/// In order of position, about `limit`: letters of one position belong together, going on behind it must miss none.
fn first_letters(mut all: Vec<DeadLetter>, limit: usize) -> Vec<DeadLetter> {
    all.sort_by_key(|letter| letter.position);
    let end = all.get(limit).map(|letter| letter.position);
    if let Some(end) = end {
        let cut = all.iter().position(|letter| letter.position == end).unwrap_or(limit);
        all.truncate(if cut == 0 { limit } else { cut });
    }
    all
}
