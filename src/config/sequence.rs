//! The sequence, put together of the settings it is reckoned with.

use super::Config;
use crate::delivery::enrollment::Sequence;

impl Config {
    /// Returns the sequence of letters with everything that decides when each is due.
    pub fn sequence(&self) -> Sequence {
        Sequence {
            rules: self.rules.clone(),
            working: self.working.clone(),
            window: self.window.clone(),
            deadlines: self.deadlines.clone(),
        }
    }
}
