//! How far one subscription is: which seq comes next, and whether it comes from the log or live.
//!
//! Live events arrive in the order of their seqs, but some of them may be told before the subscription has caught up,
//! and (after trouble with the feed) some may not be told at all. So a live event is sent only when it is the next
//! one; an earlier one has been sent, and a later one says that the log holds what is missing.

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Track {
    /// The seq to send next.
    next: u64,
    /// All seqs below it are known to be in the log.
    end: u64,
    replaying: bool,
}

/// What to do with a live event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnLive {
    Send,
    /// It has been sent, or the replay will bring it.
    Drop,
    /// Something before it is missing: replay from the log.
    Replay,
}

impl Track {
    /// Sends from `next` on; all below `end` is in the log.
    pub(crate) fn new(next: u64, end: u64) -> Self {
        Self { next, end, replaying: next < end }
    }

    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    pub(crate) fn is_replaying(&self) -> bool {
        self.replaying
    }

    pub(crate) fn on_live(&mut self, seq: u64) -> OnLive {
        self.end = self.end.max(seq.saturating_add(1));
        if seq < self.next || self.replaying {
            return OnLive::Drop;
        }
        if seq == self.next {
            self.next += 1;
            return OnLive::Send;
        }
        self.replaying = true;
        OnLive::Replay
    }

    /// There is an event with this seq, but it did not come along: replay, unless it has been sent.
    pub(crate) fn on_missed(&mut self, seq: u64) -> OnLive {
        self.end = self.end.max(seq.saturating_add(1));
        if seq < self.next || self.replaying {
            return OnLive::Drop;
        }
        self.replaying = true;
        OnLive::Replay
    }

    /// The log holds this event. Whether it is to be sent.
    pub(crate) fn on_replayed(&mut self, seq: u64) -> bool {
        let is_next = seq == self.next;
        if is_next {
            self.next += 1;
            self.end = self.end.max(self.next);
        }
        is_next
    }

    /// Part of the log has been replayed. Whether the subscription is live now.
    pub(crate) fn caught_up(&mut self) -> bool {
        if self.next >= self.end {
            self.replaying = false;
        }
        !self.replaying
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_next_is_sent_and_what_was_sent_is_dropped() {
        let mut track = Track::new(5, 5);
        assert_eq!(track.on_live(4), OnLive::Drop);
        assert_eq!(track.on_live(5), OnLive::Send);
        assert_eq!(track.on_live(5), OnLive::Drop);
        assert_eq!(track.on_live(6), OnLive::Send);
    }

    #[test]
    fn a_hole_is_filled_from_the_log() {
        let mut track = Track::new(5, 5);
        assert_eq!(track.on_live(7), OnLive::Replay);
        assert_eq!(track.on_live(8), OnLive::Drop, "the replay brings it");
        assert!(track.on_replayed(5) && track.on_replayed(6));
        assert!(!track.caught_up());
        assert!(track.on_replayed(7) && track.on_replayed(8));
        assert!(track.caught_up());
        assert_eq!(track.on_live(9), OnLive::Send);
    }

    #[test]
    fn an_event_that_could_not_be_told_is_replayed() {
        let mut track = Track::new(5, 5);
        assert_eq!(track.on_missed(4), OnLive::Drop);
        assert_eq!(track.on_missed(5), OnLive::Replay);
        assert!(track.on_replayed(5));
        assert!(track.caught_up());
    }

    /// Whatever comes live, early, late, twice or not at all, and however the replay is cut into pages: each seq is
    /// sent once and in order.
    #[test]
    fn every_seq_is_sent_once_and_in_order() {
        let mut seed = 7_u64;
        let mut random = move |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        for _ in 0..2_000 {
            let (mut head, after) = (random(20), random(20));
            let after = after.min(head);
            let mut track = Track::new(after, head);
            let mut sent = Vec::new();
            let mut told = head.saturating_sub(random(5));
            for _ in 0..60 {
                match random(4) {
                    0 => head += random(3),
                    1 if told < head => {
                        let lost = random(8) == 0;
                        if !lost && track.on_live(told) == OnLive::Send {
                            sent.push(told);
                        }
                        told += 1;
                    }
                    2 if told > 0 && track.on_live(told - 1) == OnLive::Send => sent.push(told - 1),
                    _ if track.is_replaying() => {
                        let to = head.min(track.next() + random(4));
                        for seq in track.next()..to {
                            if track.on_replayed(seq) {
                                sent.push(seq);
                            }
                        }
                        track.caught_up();
                    }
                    _ => {}
                }
            }
            // In the end one more event comes, and what is missing before it is replayed.
            if track.on_live(head) == OnLive::Send {
                sent.push(head);
            }
            while track.is_replaying() {
                for seq in track.next()..=head {
                    if track.on_replayed(seq) {
                        sent.push(seq);
                    }
                }
                track.caught_up();
            }
            assert_eq!(sent, (after..=head).collect::<Vec<_>>());
        }
    }
}
