//! Names of the metrics, and the layout of the keys.
//!
//! Below the prefix: `live-2` (a hash: which generation of each projection is live, which is being filled),
//! `g:{generation}:...` (what one projection holds; of conversations: `cursors`, `filled`, and for each `members`, `window`,
//! `said`), `t:{posts}:{graph}:{user}` (a timeline, made of both),
//! `evictions` (what is known of the server's evictions), `b:...` (a timeline that is being put together), and, since the log lost a history
//! below `h:{history}:`, `z:{name}` (a frozen order), `page:{name}` (a page that was good), `m:...` and `marks:{bucket}` (marks). Ids are 16 bytes, as they are.

use std::collections::HashSet;

/// As in `lua/common.lua`. 2: with marks, of blocks from the beginning on.
pub(super) const LIVE: &str = "live-2";
/// In that hash: what marks, pages and orders are named by since the log lost a history.
pub(super) const HISTORY: &str = "history";
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

/// What a sweep leaves.
#[derive(Debug)]
pub(super) struct Kept {
    /// Of the generations that are live or being filled, and of the history.
    pub(super) tokens: HashSet<String>,
    /// The log lost a history before: what should name one and names none is of that one.
    pub(super) has_history: bool,
}

impl Kept {
    /// Whether a key is to go. `rest` is the key without the prefix.
    pub(super) fn is_left_over(&self, rest: &[u8]) -> bool {
        let mut parts = rest.splitn(4, |byte| *byte == b':');
        let kind = parts.next();
        let mut unknown = || {
            let token = parts.next().map(std::str::from_utf8);
            token.is_none_or(|token| token.is_ok_and(|token| !self.tokens.contains(token)))
        };
        match kind {
            Some(b"g" | b"h") => unknown(),
            Some(b"t") => unknown() || unknown(),
            Some(b"m" | b"marks" | b"page" | b"z") => self.has_history,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_generations_that_are_gone_are_left_over() {
        let tokens = HashSet::from(["1-aa".to_owned(), "2-bb".to_owned()]);
        let mut kept = Kept { tokens, has_history: false };
        let of_live =
            [LIVE, "b:9-zz:1-aa:u", "g:1-aa:cursors", "g:1-aa:author:a:b", "t:1-aa:2-bb:u:v", "h:1-aa:m:p:x"];
        let of_none = ["z:77", "page:7", "m:p:x", "marks:12"];
        for key in of_live.iter().chain(&of_none) {
            assert!(!kept.is_left_over(key.as_bytes()), "{key}");
        }
        for key in ["g:9-zz:cursors", "g:9-zz:author:x", "t:1-aa:9-zz:u", "t:9-zz:2-bb:u", "h:9-zz:m:p:x"] {
            assert!(kept.is_left_over(key.as_bytes()), "{key}");
        }
        assert!(!kept.is_left_over(b"t:1-aa:2-bb:\xff\xfe:"));
        assert!(kept.is_left_over(b"t:1-aa:2-bc:\xff\xfe:"));
        kept.has_history = true;
        assert!(of_live.iter().all(|key| !kept.is_left_over(key.as_bytes())));
        assert!(of_none.iter().all(|key| kept.is_left_over(key.as_bytes())));
    }

    #[test]
    fn no_two_generations_have_one_token() {
        assert_ne!(new_token(3), new_token(3));
        assert_eq!(number_of(&new_token(3)), 3);
    }
}
