//! When to stop a run by itself: repeated refusals that are not about the recipient.

use std::time::Duration;

use super::judgement::{Judgement, Verdict};

/// What the breaker wants done after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Nothing is wrong.
    GoOn,
    /// Half the rate from now on, and rest first.
    SlowDown {
        /// How long to rest.
        rest: Duration,
    },
    /// Stop, for good or for a time; sending resumes only when a person says so or the time has come.
    Pause {
        /// The reason, in a sentence for people.
        why: String,
        /// How long the account must rest; without it a person must look.
        rest: Option<Duration>,
    },
}

/// Counts what went wrong in a row.
#[derive(Clone, Debug, Default)]
pub struct Breaker {
    /// Broken or refused sessions in a row, without a letter accepted between.
    broken_in_a_row: u32,
    /// Refused messages (not recipients) in a row.
    refused_in_a_row: u32,
    /// Times we were told to slow down, in this run.
    slowed: u32,
    accepted: u64,
    refused_messages: u64,
}

impl Breaker {
    /// How many broken conversations in a row stop a run.
    pub const BROKEN_LIMIT: u32 = 10;
    /// How many refused messages in a row stop a run.
    pub const REFUSED_LIMIT: u32 = 2;
    /// How often the relay may ask for less before the run stops.
    pub const SLOWED_LIMIT: u32 = 5;

    /// Hears one judgement; `broken` says that the line broke or no session could be had.
    pub fn heard(&mut self, judged: &Judgement, broken: bool) -> Advice {
        match judged.verdict {
            Verdict::Accepted => {
                self.accepted += 1;
                self.broken_in_a_row = 0;
                self.refused_in_a_row = 0;
                Advice::GoOn
            }
            Verdict::Login | Verdict::Stop => Advice::Pause { why: judged.because.clone(), rest: None },
            Verdict::PauseAccount => {
                Advice::Pause { why: judged.because.clone(), rest: Some(judged.wait.unwrap_or(HOUR)) }
            }
            Verdict::SlowDown => {
                self.slowed += 1;
                if self.slowed >= Self::SLOWED_LIMIT {
                    let why = format!("the relay asked {} times for less: {}", self.slowed, judged.because);
                    return Advice::Pause { why, rest: Some(judged.wait.unwrap_or(HOUR)) };
                }
                Advice::SlowDown { rest: judged.wait.unwrap_or(MINUTE) }
            }
            Verdict::BadMessage => {
                self.refused_messages += 1;
                self.refused_in_a_row += 1;
                if self.refused_in_a_row >= Self::REFUSED_LIMIT || self.too_many_refused() {
                    let why = format!("the relay refuses the letter itself: {}", judged.because);
                    return Advice::Pause { why, rest: None };
                }
                Advice::GoOn
            }
            Verdict::TryLater | Verdict::Reconnect | Verdict::InDoubt if broken => {
                self.broken_in_a_row += 1;
                if self.broken_in_a_row >= Self::BROKEN_LIMIT {
                    let why =
                        format!("{} conversations in a row broke: {}", self.broken_in_a_row, judged.because);
                    return Advice::Pause { why, rest: None };
                }
                Advice::GoOn
            }
            Verdict::TryLater | Verdict::Reconnect | Verdict::InDoubt | Verdict::BadRecipient => {
                self.broken_in_a_row = 0;
                Advice::GoOn
            }
        }
    }

    /// More than one in fifty, once there are fifty to look at.
    fn too_many_refused(&self) -> bool {
        let seen = self.accepted + self.refused_messages;
        seen >= 50 && self.refused_messages * 50 > seen
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
        let mut breaker = Breaker::default();
        assert!((0..10_000).all(|_| breaker.heard(&judged(Verdict::BadRecipient), false) == Advice::GoOn));
    }

    #[test]
    fn the_second_refused_message_in_a_row_stops_it() {
        let mut breaker = Breaker::default();
        assert!(!pauses(&breaker.heard(&judged(Verdict::BadMessage), false)));
        assert!(!pauses(&breaker.heard(&judged(Verdict::Accepted), false)));
        assert!(!pauses(&breaker.heard(&judged(Verdict::BadMessage), false)));
        assert!(pauses(&breaker.heard(&judged(Verdict::BadMessage), false)));
    }

    #[test]
    fn one_refused_message_in_forty_stops_it() {
        let mut breaker = Breaker::default();
        let paused = (0..400).any(|n| {
            let verdict = if n % 40 == 39 { Verdict::BadMessage } else { Verdict::Accepted };
            pauses(&breaker.heard(&judged(verdict), false))
        });
        assert!(paused);
    }

    #[test]
    fn a_login_refused_stops_it_at_once_and_until_a_person_looks() {
        let advice = Breaker::default().heard(&judged(Verdict::Login), false);
        assert_eq!(advice, Advice::Pause { why: "said so".into(), rest: None });
    }

    #[test]
    fn a_relay_that_is_gone_stops_it_after_ten_broken_lines_but_deferrals_do_not() {
        let mut breaker = Breaker::default();
        assert!(!(0..100).any(|_| pauses(&breaker.heard(&judged(Verdict::TryLater), false))));
        assert!(!(1..10).any(|_| pauses(&breaker.heard(&judged(Verdict::TryLater), true))));
        assert!(pauses(&breaker.heard(&judged(Verdict::TryLater), true)));
    }
}
