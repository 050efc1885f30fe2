//! When to stop a run by itself: repeated trouble that is not about the recipient.

use std::time::Duration;

use super::judgement::{Judgement, Verdict};

/// What the breaker wants done after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Nothing is wrong.
    GoOn,
    /// Let the relay rest.
    Rest {
        /// How long.
        rest: Duration,
        /// Whether to go at half the rate after that.
        slower: bool,
    },
    /// End the run: the relay cannot be reached. The next run may try again at once.
    Leave {
        /// The reason, in a sentence for people.
        why: String,
    },
    /// Pause the campaign, for good or for a time; it goes on only when a person says so or the time has come.
    Pause {
        /// The reason, in a sentence for people.
        why: String,
        /// How long the account must rest; without it a person must look.
        rest: Option<Duration>,
    },
}

/// Counts what went wrong in a row.
#[derive(Clone, Debug)]
pub struct Breaker {
    lanes: u32,
    /// Conversations that broke, without one in between that did not.
    broken: u32,
    /// Letters in doubt, without one accepted in between.
    doubts: u32,
    /// Refused messages (not recipients), without one accepted in between.
    refused: u32,
    /// Times we were told to slow down, in this run.
    slowed: u32,
    accepted_in_all: u64,
    refused_in_all: u64,
}

impl Breaker {
    /// Broken conversations in a row that end a run, for one lane; other lanes may each break once more.
    pub const BROKEN_LIMIT: u32 = 6;
    /// Letters in doubt in a row that pause the campaign, for one lane: a relay that never answers makes only doubts.
    pub const DOUBT_LIMIT: u32 = 3;
    /// Refused messages in a row that pause the campaign.
    pub const REFUSED_LIMIT: u32 = 2;
    /// How often the relay may ask for less before the campaign pauses.
    pub const SLOWED_LIMIT: u32 = 5;

    /// A breaker for a run over that many connections: what befalls all of them at once is one trouble.
    pub fn new(lanes: u32) -> Self {
        Self {
            lanes: lanes.max(1),
            broken: 0,
            doubts: 0,
            refused: 0,
            slowed: 0,
            accepted_in_all: 0,
            refused_in_all: 0,
        }
    }

    /// Hears one judgement; `broken` says that the relay gave no complete reply.
    pub fn heard(&mut self, judged: &Judgement, broken: bool) -> Advice {
        let because = || judged.because.clone();
        // A lane replaces a used-up connection by itself; a relay that wants a new one for every new one is broken.
        let broken = broken || judged.verdict == Verdict::Reconnect;
        if !broken {
            self.broken = 0;
        }
        match judged.verdict {
            Verdict::Accepted => {
                self.accepted_in_all += 1;
                (self.doubts, self.refused) = (0, 0);
                Advice::GoOn
            }
            Verdict::Login | Verdict::Stop => Advice::Pause { why: because(), rest: None },
            Verdict::PauseAccount => {
                Advice::Pause { why: because(), rest: Some(judged.wait.unwrap_or(HOUR)) }
            }
            Verdict::SlowDown => {
                self.slowed += 1;
                if self.slowed < Self::SLOWED_LIMIT {
                    return Advice::Rest { rest: judged.wait.unwrap_or(MINUTE), slower: true };
                }
                let why = format!("the relay asked {} times for less: {}", self.slowed, because());
                Advice::Pause { why, rest: Some(judged.wait.unwrap_or(HOUR)) }
            }
            Verdict::BadMessage => {
                self.refused_in_all += 1;
                self.refused += 1;
                if self.refused < Self::REFUSED_LIMIT && !self.too_many_refused() {
                    return Advice::GoOn;
                }
                Advice::Pause {
                    why: format!("the relay refuses the letter itself: {}", because()),
                    rest: None,
                }
            }
            Verdict::InDoubt => {
                self.doubts += 1;
                if self.doubts < Self::DOUBT_LIMIT + self.lanes - 1 {
                    return Advice::GoOn;
                }
                let why =
                    format!("{} letters in a row are in doubt, the last because {}", self.doubts, because());
                Advice::Pause { why, rest: None }
            }
            Verdict::TryLater if !broken => Advice::GoOn,
            Verdict::TryLater | Verdict::Reconnect => {
                self.broken += 1;
                if self.broken < Self::BROKEN_LIMIT + self.lanes - 1 {
                    let rest = Duration::from_secs(1 << ((self.broken - 1) / self.lanes).min(5));
                    return Advice::Rest { rest, slower: false };
                }
                Advice::Leave { why: format!("{} conversations in a row broke: {}", self.broken, because()) }
            }
            Verdict::BadRecipient => Advice::GoOn,
        }
    }

    /// More than one in fifty, once there are fifty to look at.
    fn too_many_refused(&self) -> bool {
        let seen = self.accepted_in_all + self.refused_in_all;
        seen >= 50 && self.refused_in_all * 50 > seen
    }
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(verdict: Verdict) -> Judgement {
        Judgement { verdict, wait: None, because: "said so".into() }
    }

    fn pauses(advice: &Advice) -> bool {
        matches!(advice, Advice::Pause { .. })
    }

    #[test]
    fn a_bad_address_never_stops_a_run() {
        let mut breaker = Breaker::new(1);
        assert!((0..10_000).all(|_| breaker.heard(&judged(Verdict::BadRecipient), false) == Advice::GoOn));
    }

    #[test]
    fn the_second_refused_message_in_a_row_stops_it() {
        let mut breaker = Breaker::new(1);
        assert!(!pauses(&breaker.heard(&judged(Verdict::BadMessage), false)));
        assert!(!pauses(&breaker.heard(&judged(Verdict::Accepted), false)));
        assert!(!pauses(&breaker.heard(&judged(Verdict::BadMessage), false)));
        assert!(pauses(&breaker.heard(&judged(Verdict::BadMessage), false)));
    }

    #[test]
    fn one_refused_message_in_forty_stops_it() {
        let mut breaker = Breaker::new(1);
        let paused = (0..400).any(|n| {
            let verdict = if n % 40 == 39 { Verdict::BadMessage } else { Verdict::Accepted };
            pauses(&breaker.heard(&judged(verdict), false))
        });
        assert!(paused);
    }

    #[test]
    fn a_login_refused_stops_it_at_once_and_until_a_person_looks() {
        let advice = Breaker::new(16).heard(&judged(Verdict::Login), false);
        assert_eq!(advice, Advice::Pause { why: "said so".into(), rest: None });
    }

    #[test]
    fn a_relay_that_is_gone_gets_longer_rests_and_then_the_run_ends_but_deferrals_do_neither() {
        let mut breaker = Breaker::new(1);
        assert!((0..100).all(|_| breaker.heard(&judged(Verdict::TryLater), false) == Advice::GoOn));
        let advice: Vec<_> = (0..6).map(|_| breaker.heard(&judged(Verdict::Reconnect), true)).collect();
        let rests: Vec<_> = advice
            .iter()
            .filter_map(|advice| match advice {
                Advice::Rest { rest, slower: false } => Some(rest.as_secs()),
                _ => None,
            })
            .collect();
        assert_eq!(rests, [1, 2, 4, 8, 16]);
        assert!(matches!(advice[5], Advice::Leave { .. }));
    }

    #[test]
    fn a_relay_that_ends_every_new_connection_politely_does_not_keep_us_busy_for_ever() {
        let mut breaker = Breaker::new(1);
        let left = (0..6).map(|_| breaker.heard(&judged(Verdict::Reconnect), false)).last();
        assert!(matches!(left, Some(Advice::Leave { .. })));
    }

    #[test]
    fn what_befalls_sixteen_lanes_at_once_is_one_trouble() {
        let mut breaker = Breaker::new(16);
        let second = Advice::Rest { rest: Duration::from_secs(1), slower: false };
        assert!((0..16).all(|_| breaker.heard(&judged(Verdict::Reconnect), true) == second));
        let mut breaker = Breaker::new(16);
        assert!((0..16).all(|_| breaker.heard(&judged(Verdict::InDoubt), true) == Advice::GoOn));
    }

    #[test]
    fn a_relay_that_makes_only_doubts_is_left_alone() {
        let mut breaker = Breaker::new(1);
        let advice: Vec<_> = (0..3).map(|_| breaker.heard(&judged(Verdict::InDoubt), true)).collect();
        assert!(!pauses(&advice[1]) && pauses(&advice[2]));
    }
}
