//! What an ending means: whose fault it is, and what to do. Rules as data, in `reply_rules.toml`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::attempt::Ending;

/// What to do about an ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The relay has it.
    Accepted,
    /// Not now for this recipient: again later. Counts as an attempt.
    TryLater,
    /// The connection is used up (`421 max messages`): again at once on a new one. Does not count.
    Reconnect,
    /// We are too fast: half the rate, and a rest. Does not count as an attempt.
    SlowDown,
    /// The account must rest until a time. Does not count as an attempt.
    PauseAccount,
    /// The relay does not take our login: stop until somebody has looked. Never again with the same secret.
    Login,
    /// Stop the campaign: sending on makes it worse.
    Stop,
    /// This address takes no mail. It alone is refused.
    BadRecipient,
    /// This message is not wanted; others will fare the same. Refused; the breaker counts.
    BadMessage,
    /// Nobody knows whether it went out.
    InDoubt,
}

/// An ending with its meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What to do.
    pub verdict: Verdict,
    /// How long to wait at least, where the rule says so.
    pub wait: Option<Duration>,
    /// What it means, in a sentence for people.
    pub because: String,
}

/// Judges an ending.
pub fn judge(ending: &Ending) -> Judgement {
    let _ = ending;
    Judgement { verdict: Verdict::InDoubt, wait: None, because: String::new() }
}
