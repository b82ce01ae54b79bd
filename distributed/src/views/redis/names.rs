//! Names of the metrics, and the layout of the keys.
//!
//! Below the prefix: `live-2` (a hash: which generation of each projection is live, which is being filled),
//! `g:{generation}:...` (what one projection holds; of conversations: `cursors`, `filled`, and for each `members`, `window`,
//! `said`), `t:{posts}:{graph}:{user}` (a timeline, made of both),
//! `evictions` (what is known of the server's evictions), `b:...` (a timeline that is being put together), `z:{name}` (a frozen order), `page:{name}` (a page that was good), `m:...` and `marks:{bucket}` (marks). Ids are 16 bytes, as they are.

use std::collections::HashSet;

/// As in `lua/common.lua`. 2: with marks, of blocks from the beginning on.
pub(super) const LIVE: &str = "live-2";
/// A hash: up to which count of the server's evictions the views were whole.
pub(super) const EVICTIONS: &str = "evictions";

pub(super) const FAN_OUT_FOLLOWERS: &str = "redis_fan_out_followers_total";
pub(super) const FAN_OUT_SECONDS: &str = "redis_fan_out_seconds";
pub(super) const REGENERATIONS: &str = "redis_timeline_regenerations_total";
pub(super) const PAGES_TOO_LARGE: &str = "redis_pages_too_large_total";
pub(super) const SCRIPT_SECONDS: &str = "redis_script_seconds";

/// A generation: which one it is, and something that no other one of the same number ever had. So what was written for a
/// generation that is gone is never taken for part of one that came after it.
pub(super) fn new_token(number: u64) -> String {
    format!("{number}-{:016x}", rand::random::<u64>())
}

pub(super) fn number_of(token: &str) -> u64 {
    token.split('-').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Whether a key belongs to a generation that is neither live nor being filled. `rest` is the key without the prefix.
pub(super) fn is_left_over(rest: &[u8], known: &HashSet<String>) -> bool {
    let mut parts = rest.splitn(4, |byte| *byte == b':');
    let kind = parts.next();
    let mut unknown = || {
        parts.next().is_none_or(|token| std::str::from_utf8(token).is_ok_and(|token| !known.contains(token)))
    };
    match kind {
        Some(b"g") => unknown(),
        Some(b"t") => unknown() || unknown(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_generations_that_are_gone_are_left_over() {
        let known = HashSet::from(["1-aa".to_owned(), "2-bb".to_owned()]);
        for key in [LIVE, "z:77", "b:9-zz:1-aa:u", "g:1-aa:cursors", "g:1-aa:author:a:b", "t:1-aa:2-bb:u:v"] {
            assert!(!is_left_over(key.as_bytes(), &known), "{key}");
        }
        for key in ["g:9-zz:cursors", "g:9-zz:author:x", "t:1-aa:9-zz:u", "t:9-zz:2-bb:u"] {
            assert!(is_left_over(key.as_bytes(), &known), "{key}");
        }
        assert!(!is_left_over(b"t:1-aa:2-bb:\xff\xfe:", &known));
        assert!(is_left_over(b"t:1-aa:2-bc:\xff\xfe:", &known));
    }

    #[test]
    fn no_two_generations_have_one_token() {
        assert_ne!(new_token(3), new_token(3));
        assert_eq!(number_of(&new_token(3)), 3);
    }
}
