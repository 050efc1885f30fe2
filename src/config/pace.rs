//! The pace: as the user gives it, or a careful one for the relay's host.

use std::time::Duration;

use serde::Deserialize;

use super::schema::RawPace;
use super::words::span;
use crate::delivery::pace::{Limit, Pace};

/// The pace and why it is that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaceChoice {
    /// The pace.
    pub pace: Pace,
    /// The same for people, as one clause.
    pub said: String,
    /// Whether it is our default and not the user's word.
    pub defaulted: bool,
}

impl PaceChoice {
    /// The pace for a relay that nobody knows.
    pub fn careful() -> Self {
        let pace = profile("").pace();
        Self { said: said(&pace), pace, defaulted: true }
    }
}

/// What one kind of relay bears.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RelayProfile {
    /// Who it is.
    pub name: String,
    /// The ends of host names it is for; none means every other.
    pub hosts: Vec<String>,
    /// Time between two letters.
    pub gap: Option<String>,
    /// Letters within a minute.
    pub per_minute: Option<u32>,
    /// Letters within an hour.
    pub per_hour: Option<u32>,
    /// Letters within a day.
    pub per_day: Option<u32>,
    /// What chance adds to the gap.
    pub jitter: Option<String>,
    /// Letters over one connection.
    pub letters_per_connection: u32,
}

#[derive(Deserialize)]
struct Profiles {
    profile: Vec<RelayProfile>,
}

/// Returns the profile for a host.
pub fn profile(host: &str) -> RelayProfile {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let known: Vec<RelayProfile> = toml::from_str::<Profiles>(include_str!("relay_profile.toml"))
        .map(|profiles| profiles.profile)
        .unwrap_or_default();
    let matches = |end: &String| {
        host.strip_suffix(end.as_str()).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    known
        .into_iter()
        .find(|profile| profile.hosts.is_empty() || profile.hosts.iter().any(matches))
        // A test holds the file to be readable; if it ever were not, be careful all the same.
        .unwrap_or_else(|| RelayProfile {
            name: "an unknown mail host".to_owned(),
            hosts: vec![],
            gap: None,
            per_minute: Some(3),
            per_hour: Some(180),
            per_day: Some(250),
            jitter: None,
            letters_per_connection: 20,
        })
}

impl RelayProfile {
    /// Returns its pace.
    pub fn pace(&self) -> Pace {
        let gap = self.gap.as_deref().and_then(span).map(|window| Limit { letters: 1, window });
        let mut limits: Vec<Limit> = gap.into_iter().collect();
        limits.extend(limits_of(self.per_minute, self.per_hour, self.per_day));
        Pace { limits, per_domain: None, jitter: self.jitter.as_deref().and_then(span).unwrap_or_default() }
    }
}

fn limits_of(minute: Option<u32>, hour: Option<u32>, day: Option<u32>) -> impl Iterator<Item = Limit> {
    [(minute, Pace::MINUTE), (hour, Pace::HOUR), (day, Pace::DAY)]
        .into_iter()
        .filter_map(|(letters, window)| Some(Limit { letters: letters?, window }))
}

/// Says limits for people: "1 letter each 5 s, 400 a day".
pub fn said(pace: &Pace) -> String {
    let mut parts: Vec<String> = pace
        .limits
        .iter()
        .map(|limit| match limit.window {
            Pace::MINUTE => format!("{} a minute", limit.letters),
            Pace::HOUR => format!("{} an hour", limit.letters),
            Pace::DAY => format!("{} a day", limit.letters),
            window if limit.letters == 1 => format!("1 letter each {}", time(window)),
            window => format!("{} in {}", limit.letters, time(window)),
        })
        .collect();
    if let Some(limit) = &pace.per_domain {
        parts.push(format!("{} a minute to one domain", limit.letters));
    }
    if parts.is_empty() {
        parts.push("no limit".to_owned());
    }
    parts.join(", ")
}

fn time(span: Duration) -> String {
    let milliseconds = span.as_millis();
    if milliseconds.is_multiple_of(1000) {
        format!("{} s", milliseconds / 1000)
    } else {
        format!("{milliseconds} ms")
    }
}

/// The user's own pace, checked before; `None` where the table sets no limit and does not say `unlimited`.
pub fn given(raw: &RawPace, jitter: Duration) -> Option<PaceChoice> {
    let pace = Pace {
        limits: limits_of(raw.per_minute, raw.per_hour, raw.per_day).collect(),
        per_domain: raw.per_domain_per_minute.map(|letters| Limit { letters, window: Pace::MINUTE }),
        jitter,
    };
    let none = pace.limits.is_empty() && pace.per_domain.is_none();
    match (none, raw.unlimited == Some(true)) {
        (false, _) => Some(PaceChoice { said: said(&pace), pace, defaulted: false }),
        (true, true) => Some(PaceChoice {
            pace,
            said: "unlimited, as `[pace] unlimited = true` says".to_owned(),
            defaulted: false,
        }),
        (true, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_profile_is_read_and_hosts_match_by_whole_labels() {
        assert!(toml::from_str::<Profiles>(include_str!("relay_profile.toml")).is_ok());
        assert_eq!(said(&profile("smtp.gmail.com").pace()), "1 letter each 5 s, 400 a day");
        assert_eq!(profile("email-smtp.eu-west-1.amazonaws.com").name, "Amazon SES");
        assert_eq!(profile("evilamazonaws.com").name, "an unknown mail host");
        assert_eq!(said(&profile("mail.council.example").pace()), "3 a minute, 180 an hour, 250 a day");
    }
}
