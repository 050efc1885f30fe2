//! The phrases of `rules.toml`, compiled once.

use std::sync::LazyLock;

use regex::bytes::{RegexSet, RegexSetBuilder};
use serde::Deserialize;

/// Every list of the file.
pub(crate) struct Rules {
    pub(crate) sender: Phrases,
    pub(crate) bounce_subject: Phrases,
    pub(crate) delay: Phrases,
    pub(crate) expired: Phrases,
    pub(crate) report: Phrases,
    pub(crate) cause: Phrases,
    pub(crate) returned: Phrases,
    pub(crate) auto_subject: Phrases,
    pub(crate) auto_text: Phrases,
    pub(crate) unsubscribe_subject: Phrases,
    pub(crate) unsubscribe_short: Phrases,
    pub(crate) unsubscribe_long: Phrases,
    pub(crate) unsubscribe_not: Phrases,
    pub(crate) complaint: Phrases,
    pub(crate) receipt: Phrases,
    pub(crate) delivered: Phrases,
    pub(crate) other: Phrases,
    pub(crate) attribution: Phrases,
    pub(crate) original: Phrases,
    pub(crate) signature: Phrases,
    pub(crate) closing: Phrases,
    pub(crate) prefix: Phrases,
}

/// The rules; read at the first call.
pub(crate) fn rules() -> &'static Rules {
    static RULES: LazyLock<Rules> = LazyLock::new(|| {
        // A test reads the file, so that it cannot be unreadable here; and if it were, nothing would be recognised, and all
        // of it would wait for a person.
        let file = read(include_str!("rules.toml")).unwrap_or_default();
        let phrases = |list: Vec<Rule>| Phrases::new(list).unwrap_or_else(|_| Phrases::none());
        Rules {
            sender: phrases(file.sender),
            bounce_subject: phrases(file.bounce_subject),
            delay: phrases(file.delay),
            expired: phrases(file.expired),
            report: phrases(file.report),
            cause: phrases(file.cause),
            returned: phrases(file.returned),
            auto_subject: phrases(file.auto_subject),
            auto_text: phrases(file.auto_text),
            unsubscribe_subject: phrases(file.unsubscribe_subject),
            unsubscribe_short: phrases(file.unsubscribe_short),
            unsubscribe_long: phrases(file.unsubscribe_long),
            unsubscribe_not: phrases(file.unsubscribe_not),
            complaint: phrases(file.complaint),
            receipt: phrases(file.receipt),
            delivered: phrases(file.delivered),
            other: phrases(file.other),
            attribution: phrases(file.attribution),
            original: phrases(file.original),
            signature: phrases(file.signature),
            closing: phrases(file.closing),
            prefix: phrases(file.prefix),
        }
    });
    &RULES
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    sender: Vec<Rule>,
    bounce_subject: Vec<Rule>,
    delay: Vec<Rule>,
    expired: Vec<Rule>,
    report: Vec<Rule>,
    cause: Vec<Rule>,
    returned: Vec<Rule>,
    auto_subject: Vec<Rule>,
    auto_text: Vec<Rule>,
    unsubscribe_subject: Vec<Rule>,
    unsubscribe_short: Vec<Rule>,
    unsubscribe_long: Vec<Rule>,
    unsubscribe_not: Vec<Rule>,
    complaint: Vec<Rule>,
    receipt: Vec<Rule>,
    delivered: Vec<Rule>,
    other: Vec<Rule>,
    attribution: Vec<Rule>,
    original: Vec<Rule>,
    signature: Vec<Rule>,
    closing: Vec<Rule>,
    prefix: Vec<Rule>,
}

fn read(text: &str) -> Result<File, toml::de::Error> {
    toml::from_str(text)
}

/// One rule.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// What it proves.
    pub(crate) proves: String,
    /// Subject and detail of a status code.
    #[serde(default, deserialize_with = "subject_and_detail")]
    pub(crate) status: Option<(u16, u16)>,
    /// Whether a failure of this kind passes.
    #[serde(default)]
    pub(crate) temporary: bool,
    text: Vec<String>,
    /// For people.
    pub(crate) because: String,
}

fn subject_and_detail<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Option<(u16, u16)>, D::Error> {
    let text = String::deserialize(input)?;
    let parts = text
        .split_once('.')
        .and_then(|(subject, detail)| Some((subject.parse().ok()?, detail.parse().ok()?)));
    parts.map(Some).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not like 1.1")))
}

/// A list of rules as one machine.
pub(crate) struct Phrases {
    set: RegexSet,
    /// For each expression, its rule.
    of: Vec<usize>,
    rules: Vec<Rule>,
}

impl Phrases {
    fn new(rules: Vec<Rule>) -> Result<Self, regex::Error> {
        let of =
            rules.iter().enumerate().flat_map(|(nth, rule)| rule.text.iter().map(move |_| nth)).collect();
        let texts = rules.iter().flat_map(|rule| &rule.text);
        // Bytes, since the texts are made plain before: a `.` of one byte keeps the machine small.
        let set = RegexSetBuilder::new(texts)
            .unicode(false)
            .size_limit(256 << 20)
            .dfa_size_limit(64 << 20)
            .build()?;
        Ok(Self { set, of, rules })
    }

    fn none() -> Self {
        Self { set: RegexSet::empty(), of: Vec::new(), rules: Vec::new() }
    }

    /// Returns the first rule that fits a plain text, in the order of the file.
    pub(crate) fn first(&self, plain: &str) -> Option<&Rule> {
        let hit = self.set.matches(plain.as_bytes()).iter().next()?;
        self.of.get(hit).and_then(|nth| self.rules.get(*nth))
    }

    /// Returns whether any rule fits.
    pub(crate) fn fits(&self, plain: &str) -> bool {
        self.set.is_match(plain.as_bytes())
    }

    /// Returns how many expressions fit for each thing that is proven.
    pub(crate) fn proven(&self, plain: &str) -> Vec<(&Rule, usize)> {
        let mut found: Vec<(usize, usize)> = Vec::new();
        for hit in &self.set.matches(plain.as_bytes()) {
            let nth = self.of[hit];
            match found.last_mut() {
                Some((last, count)) if *last == nth => *count += 1,
                _ => found.push((nth, 1)),
            }
        }
        found.into_iter().filter_map(|(nth, count)| Some((self.rules.get(nth)?, count))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_can_be_read_and_are_written_in_plain_text() {
        let file = read(include_str!("rules.toml")).unwrap();
        let lists = [
            file.sender,
            file.bounce_subject,
            file.delay,
            file.expired,
            file.report,
            file.cause,
            file.returned,
            file.auto_subject,
            file.auto_text,
            file.unsubscribe_subject,
            file.unsubscribe_short,
            file.unsubscribe_long,
            file.unsubscribe_not,
            file.complaint,
            file.receipt,
            file.delivered,
            file.other,
            file.attribution,
            file.original,
            file.signature,
            file.closing,
            file.prefix,
        ];
        for list in lists {
            assert!(!list.is_empty());
            for rule in &list {
                for text in &rule.text {
                    let lower: String = crate::inbox::words::plain(text);
                    let written: String = text
                        .split_whitespace()
                        .collect::<Vec<_>>()
                        .join(" ")
                        .replace("\\S", "\\s")
                        .replace("\\B", "\\b");
                    assert_eq!(
                        lower.replace('：', ":"),
                        written.trim_start().replace('：', ":"),
                        "{}",
                        rule.because
                    );
                }
                assert!(!rule.because.is_empty() && !rule.because.ends_with('.'), "{}", rule.because);
            }
            Phrases::new(list).unwrap();
        }
    }
}
