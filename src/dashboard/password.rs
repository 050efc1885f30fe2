//! The password of the page, and how guessing it is slowed. Pure: the time is an argument.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use jiff::Timestamp;
use ring::hmac::{self, HMAC_SHA256, Key, Tag};
use ring::rand::SystemRandom;

use super::guard::NoRandom;

/// The password that lets in: only what it takes to know it again.
#[derive(Debug)]
pub struct Password {
    /// Of this process alone, so that how long a comparison takes says nothing about the password.
    key: Key,
    tag: Tag,
}

/// Why a text is no password.
#[derive(Debug, thiserror::Error)]
pub enum NoPassword {
    /// It can be guessed.
    #[error("the password has {0} characters and needs {least} or more: whoever guesses it can send letters in your name", least = Password::SHORTEST)]
    Short(usize),
    /// The system gives no random numbers.
    #[error(transparent)]
    NoRandom(#[from] NoRandom),
}

impl Password {
    /// The fewest characters that it may have.
    pub const SHORTEST: usize = 12;

    /// Takes a password.
    ///
    /// # Errors
    /// When it is shorter than [`Password::SHORTEST`].
    pub fn new(text: &str) -> Result<Self, NoPassword> {
        let length = text.chars().count();
        if length < Self::SHORTEST {
            return Err(NoPassword::Short(length));
        }
        let key = Key::generate(HMAC_SHA256, &SystemRandom::new()).map_err(|_| NoRandom)?;
        let tag = hmac::sign(&key, text.as_bytes());
        Ok(Self { key, tag })
    }

    /// Whether a guess is the password.
    pub(super) fn is(&self, guess: &str) -> bool {
        hmac::verify(&self.key, guess.as_bytes(), self.tag.as_ref()).is_ok()
    }
}

/// The wrong passwords of the last minute, and whom they came from. It never holds more than [`Wrong::OF_ALL`].
#[derive(Debug, Default)]
pub(super) struct Wrong(VecDeque<(Timestamp, IpAddr)>);

impl Wrong {
    /// How long a wrong password counts.
    pub(super) const SPAN: Duration = Duration::from_secs(60);
    /// So many from one place in that time, and it has to wait.
    pub(super) const OF_ONE: usize = 5;
    /// So many from all together, and everybody has to wait: whoever guesses may have many addresses.
    pub(super) const OF_ALL: usize = 30;

    /// Returns how long somebody has to wait before a password of theirs is looked at; nothing where it is looked at now.
    pub(super) fn wait(&mut self, now: Timestamp, from: IpAddr) -> Option<Duration> {
        let age = |at: Timestamp| Duration::try_from(now.duration_since(at));
        // What lies ahead was written down by a clock that has been set back since.
        self.0.retain(|(at, _)| age(*at).is_ok_and(|age| age < Self::SPAN));
        let place = place(from);
        let own = self.0.iter().filter(|(_, whose)| *whose == place).count();
        let oldest = if self.0.len() >= Self::OF_ALL {
            self.0.front()
        } else if own >= Self::OF_ONE {
            self.0.iter().find(|(_, whose)| *whose == place)
        } else {
            None
        };
        oldest.map(|(at, _)| Self::SPAN.saturating_sub(age(*at).unwrap_or_default()))
    }

    /// Writes down that a password was wrong.
    pub(super) fn note(&mut self, now: Timestamp, from: IpAddr) {
        self.0.push_back((now, place(from)));
    }
}

/// The place that an address belongs to: of IPv6, the network of one house (RFC 6177), which has more addresses than there are guesses.
fn place(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_the_password_is_the_password() {
        let password = Password::new("vier woorden én een").unwrap();
        assert!(password.is("vier woorden én een"));
        for wrong in ["", "vier woorden én ee", "Vier woorden én een", "vier woorden én een "] {
            assert!(!password.is(wrong), "{wrong}");
        }
        assert!(!format!("{password:?}").contains("woorden"));
    }

    #[test]
    fn a_short_password_is_none() {
        let said = Password::new("elf tekens!").unwrap_err().to_string();
        assert_eq!(
            said,
            "the password has 11 characters and needs 12 or more: whoever guesses it can send letters in your name"
        );
        assert!(Password::new("twaalf teken").is_ok());
    }

    #[test]
    fn whoever_was_wrong_five_times_waits_until_the_first_is_a_minute_old() {
        let (mut wrong, here, there) = (Wrong::default(), from("192.0.2.7"), from("192.0.2.8"));
        let at = |seconds: i64| Timestamp::from_second(seconds).unwrap();
        for second in 0..5 {
            assert_eq!(wrong.wait(at(second), here), None);
            wrong.note(at(second), here);
        }
        assert_eq!(wrong.wait(at(10), here), Some(Duration::from_secs(50)));
        assert_eq!(
            wrong.wait(at(10), from("::ffff:192.0.2.7")),
            Some(Duration::from_secs(50)),
            "the same in other clothes"
        );
        assert_eq!(wrong.wait(at(10), there), None, "another place need not wait");
        assert_eq!(wrong.wait(at(59), here), Some(Duration::from_secs(1)));
        assert_eq!(wrong.wait(at(60), here), None);
        wrong.note(at(60), here);
        assert_eq!(
            wrong.wait(at(60), here),
            Some(Duration::from_secs(1)),
            "the second is not a minute old yet"
        );
    }

    #[test]
    fn many_places_together_make_everybody_wait_and_fill_no_memory() {
        let (mut wrong, now) = (Wrong::default(), Timestamp::UNIX_EPOCH);
        for number in 0..1000 {
            let from = IpAddr::V6(Ipv6Addr::from_bits(u128::from(number as u32) << 64));
            if wrong.wait(now, from).is_none() {
                wrong.note(now, from);
            }
        }
        assert_eq!(wrong.0.len(), Wrong::OF_ALL);
        assert_eq!(wrong.wait(now, from("192.0.2.7")), Some(Wrong::SPAN));
        let house = [from("2001:db8::1"), from("2001:db8::ffff:2")].map(place);
        assert_eq!(house[0], house[1]);
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let (mut wrong, here) = (Wrong::default(), from("192.0.2.7"));
        for _ in 0..5 {
            wrong.note(Timestamp::from_second(5000).unwrap(), here);
        }
        assert_eq!(wrong.wait(Timestamp::from_second(100).unwrap(), here), None);
    }
}
