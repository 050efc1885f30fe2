//! What an ending means: whose fault it is, and what to do. Rules as data, in `reply_rules.toml`.

use std::sync::OnceLock;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::attempt::{Ending, Stage};
use crate::mail::smtp_reply::{EnhancedCode, SmtpReply};

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

/// Judges an ending by the rules of `reply_rules.toml`.
///
/// Never panics, whatever a relay says. A 2yz to end-of-data is always [`Verdict::Accepted`]; every
/// [`Ending::Silence`] is [`Verdict::InDoubt`].
pub fn judge(ending: &Ending) -> Judgement {
    if let Ending::Accepted { reply, .. } | Ending::Rejected { stage: Stage::EndOfData, reply } = ending
        && (reply.is_positive() || matches!(ending, Ending::Accepted { .. }))
    {
        let mut because = "the relay took responsibility for the letter".to_owned();
        if let Ending::Accepted { without, .. } = ending {
            for (address, reply) in without {
                because.push_str(&format!(", but not for {address} ({reply})"));
            }
        }
        return Judgement { verdict: Verdict::Accepted, wait: None, because };
    }
    match rules().iter().find(|rule| rule.fits(ending)) {
        // What befalls a session is nobody's attempt: the letter that happened to be next loses nothing by it.
        Some(rule) if rule.verdict == Verdict::TryLater && !ending.stage().in_transaction() => Judgement {
            verdict: Verdict::Reconnect,
            wait: Some(rule.wait.map_or(SESSION_WAIT, |wait| wait.0)),
            because: rule.because.clone(),
        },
        Some(rule) => Judgement {
            verdict: rule.verdict,
            wait: rule.wait.map(|wait| wait.0),
            because: rule.because.clone(),
        },
        // The last rules fit anything, so this is for a file that lost them: careful, never a second copy.
        None if matches!(ending, Ending::Silence { .. }) => {
            Judgement { verdict: Verdict::InDoubt, wait: None, because: String::new() }
        }
        None => Judgement { verdict: Verdict::Stop, wait: None, because: "no rule fits this ending".into() },
    }
}

/// How long a letter rests after no session could be had for it.
const SESSION_WAIT: Duration = Duration::from_secs(5);

/// The rules, in order, read once.
fn rules() -> &'static [Rule] {
    static RULES: OnceLock<Vec<Rule>> = OnceLock::new();
    // A test reads the file, so that it cannot be unreadable here.
    RULES.get_or_init(|| read_rules(include_str!("reply_rules.toml")).unwrap_or_default())
}

fn read_rules(text: &str) -> Result<Vec<Rule>, toml::de::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        rule: Vec<Rule>,
    }
    toml::from_str::<File>(text).map(|file| file.rule)
}

/// One rule: everything it names must fit.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    #[serde(default)]
    ending: EndingKind,
    #[serde(default)]
    at: Vec<Stage>,
    #[serde(default)]
    code: Vec<CodeRange>,
    #[serde(default)]
    enhanced: Vec<StatusPattern>,
    /// In lower case.
    #[serde(default)]
    text: Vec<String>,
    verdict: Verdict,
    wait: Option<Wait>,
    because: String,
    /// For the test, and for people.
    #[cfg_attr(not(test), expect(dead_code, reason = "read by the test only"))]
    example: String,
}

impl Rule {
    fn fits(&self, ending: &Ending) -> bool {
        let (kind, said) = match ending {
            Ending::Accepted { reply, .. } | Ending::Rejected { reply, .. } => {
                (EndingKind::Rejected, &reply.text)
            }
            Ending::Broken { why, .. } => (EndingKind::Broken, why),
            Ending::Unfit { why } => (EndingKind::Unfit, why),
            Ending::Silence { why } => (EndingKind::Silence, why),
        };
        if kind != self.ending || !(self.at.is_empty() || self.at.contains(&ending.stage())) {
            return false;
        }
        let reply = ending.reply();
        let fits_code = self.code.is_empty()
            || reply.is_some_and(|reply| self.code.iter().any(|range| range.contains(reply.code)));
        let fits_status = self.enhanced.is_empty()
            || reply
                .and_then(SmtpReply::status)
                .is_some_and(|status| self.enhanced.iter().any(|pattern| pattern.fits(status)));
        fits_code && fits_status && (self.text.is_empty() || contains_any(said, &self.text))
    }
}

fn contains_any(said: &str, wanted: &[String]) -> bool {
    let said = said.to_lowercase();
    wanted.iter().any(|words| said.contains(words.as_str()))
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum EndingKind {
    #[default]
    Rejected,
    Broken,
    Unfit,
    Silence,
}

/// `550`, or `400-499`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct CodeRange {
    from: u16,
    to: u16,
}

impl CodeRange {
    fn contains(self, code: u16) -> bool {
        (self.from..=self.to).contains(&code)
    }
}

impl TryFrom<String> for CodeRange {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let (from, to) = text.split_once('-').unwrap_or((&text, &text));
        match (from.parse(), to.parse()) {
            (Ok(from), Ok(to)) if from <= to => Ok(Self { from, to }),
            _ => Err(format!("`{text}` is neither a number nor a range")),
        }
    }
}

/// `5.7.1`, `4.7.500-699`, `5.7.*`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct StatusPattern([CodeRange; 3]);

impl StatusPattern {
    fn fits(self, status: EnhancedCode) -> bool {
        let parts = [u16::from(status.class), status.subject, status.detail];
        self.0.iter().zip(parts).all(|(range, part)| range.contains(part))
    }
}

impl TryFrom<String> for StatusPattern {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let part = |part: &str| match part {
            "*" => Ok(CodeRange { from: 0, to: u16::MAX }),
            part => CodeRange::try_from(part.to_owned()),
        };
        match text.split('.').collect::<Vec<_>>()[..] {
            [class, subject, detail] => Ok(Self([part(class)?, part(subject)?, part(detail)?])),
            _ => Err(format!("`{text}` is no enhanced status code")),
        }
    }
}

/// `30s`, `15m`, `24h`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct Wait(Duration);

impl TryFrom<String> for Wait {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no span of time like 30s, 15m or 24h");
        let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return Err(wrong()),
        };
        let number: u32 = number.parse().map_err(|_| wrong())?;
        Ok(Self(Duration::from_secs(u64::from(number) * seconds)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Makes the ending that a rule's example tells of.
    fn ending_of(rule: &Rule) -> Ending {
        let (stage, said) = rule.example.split_once(": ").unwrap();
        let stage = Stage::ALL.into_iter().find(|known| known.name() == stage).unwrap();
        let why = said.to_owned();
        match rule.ending {
            EndingKind::Rejected => Ending::Rejected { stage, reply: SmtpReply::parse(said).unwrap() },
            EndingKind::Broken => Ending::Broken { stage, why },
            EndingKind::Unfit => Ending::Unfit { why },
            EndingKind::Silence => Ending::Silence { why },
        }
    }

    #[test]
    fn the_rules_can_be_read_and_each_is_reached_by_its_own_example() {
        let rules = read_rules(include_str!("reply_rules.toml")).unwrap();
        assert!(rules.len() > 50, "{}", rules.len());
        for (nth, rule) in rules.iter().enumerate() {
            let ending = ending_of(rule);
            let hit = rules.iter().position(|rule| rule.fits(&ending)).map(|hit| &rules[hit].example);
            assert_eq!(hit, Some(&rules[nth].example));
            assert!(rule.text.iter().all(|text| *text == text.to_lowercase()), "{:?}", rule.text);
            assert!(!rule.because.is_empty() && !rule.because.ends_with('.'), "{}", rule.because);
        }
    }

    fn verdict(stage: Stage, said: &str) -> Verdict {
        judge(&Ending::Rejected { stage, reply: SmtpReply::parse(said).unwrap() }).verdict
    }

    #[test]
    fn whose_fault_it_is_depends_on_where_it_was_said() {
        assert_eq!(verdict(Stage::RcptTo, "550 no"), Verdict::BadRecipient);
        assert_eq!(verdict(Stage::MailFrom, "550 no"), Verdict::BadMessage);
        assert_eq!(verdict(Stage::Greeting, "550 no"), Verdict::Stop);
        assert_eq!(verdict(Stage::Auth, "535 no"), Verdict::Login);
        assert_eq!(verdict(Stage::RcptTo, "550 5.7.1 we take no mail from strangers"), Verdict::BadRecipient);
        assert_eq!(
            verdict(Stage::EndOfData, "550 5.7.1 we take no mail from strangers"),
            Verdict::BadMessage
        );
    }

    #[test]
    fn number_9_a_421_for_the_rate_and_then_the_end_of_the_line_is_no_permanent_failure() {
        for stage in Stage::ALL.into_iter().filter(|stage| *stage != Stage::Auth) {
            for text in ["421", "421 4.7.0 Try again later", "421 4.3.2 Service shutting down"] {
                let expected = if stage.in_transaction() { Verdict::TryLater } else { Verdict::Reconnect };
                assert_eq!(verdict(stage, text), expected, "{stage} {text}");
            }
            assert_eq!(verdict(stage, "421 4.7.0 You are sending too fast"), Verdict::SlowDown);
        }
    }

    #[test]
    fn number_10_too_many_login_attempts_is_a_rest_and_not_a_wrong_password() {
        let judged = judge(&Ending::Rejected {
            stage: Stage::Auth,
            reply: SmtpReply::parse("454 4.7.0 Too many login attempts, please try again later.").unwrap(),
        });
        assert_eq!((judged.verdict, judged.wait), (Verdict::PauseAccount, Some(Duration::from_secs(1800))));
    }

    #[test]
    fn a_quota_of_the_account_never_strikes_off_a_recipient() {
        for said in [
            "550 5.4.5 Daily user sending limit exceeded",
            "550 5.7.1 Daily SMTP relay limit exceeded for user",
            "554 5.2.2 mailbox; Submission quota exceeded",
            "550 You have reached your message limit",
            "454 Throttling failure: Daily message quota exceeded.",
        ] {
            for stage in [Stage::MailFrom, Stage::RcptTo, Stage::EndOfData] {
                assert_eq!(verdict(stage, said), Verdict::PauseAccount, "{said}");
            }
        }
    }

    fn any_reply() -> impl Strategy<Value = SmtpReply> {
        (any::<u16>(), prop::option::of("[245]\\.[0-9]{1,3}\\.[0-9]{1,3}|\\PC{0,8}"), "\\PC{0,60}")
            .prop_map(|(code, enhanced, text)| SmtpReply { code, enhanced, text })
    }

    proptest! {
        #[test]
        fn no_reply_makes_it_panic(reply in any_reply(), stage in prop::sample::select(&Stage::ALL[..]), why in "\\PC{0,60}") {
            judge(&Ending::Rejected { stage, reply: reply.clone() });
            prop_assert_eq!(judge(&Ending::Accepted { reply, without: Vec::new() }).verdict, Verdict::Accepted);
            prop_assert_ne!(judge(&Ending::Broken { stage, why: why.clone() }).verdict, Verdict::InDoubt);
            prop_assert_eq!(judge(&Ending::Silence { why }).verdict, Verdict::InDoubt);
        }

        #[test]
        fn every_yes_to_the_end_of_data_is_a_yes(code in 200_u16..300, text in "\\PC{0,60}") {
            let reply = SmtpReply { code, enhanced: None, text };
            prop_assert_eq!(judge(&Ending::Rejected { stage: Stage::EndOfData, reply }).verdict, Verdict::Accepted);
        }

        #[test]
        fn a_no_in_a_transaction_is_never_in_doubt_and_never_a_yes(mut reply in any_reply(), code in 400_u16..600, stage in prop::sample::select(&Stage::ALL[5..])) {
            reply.code = code;
            let verdict = judge(&Ending::Rejected { stage, reply }).verdict;
            prop_assert!(!matches!(verdict, Verdict::Accepted | Verdict::InDoubt));
        }
    }

    #[test]
    fn what_befalls_a_session_costs_no_letter_an_attempt() {
        for stage in Stage::ALL {
            let judged = judge(&Ending::Broken { stage, why: "the relay closed the line".into() });
            let expected = if stage.in_transaction() { Verdict::TryLater } else { Verdict::Reconnect };
            assert_eq!(judged.verdict, expected, "{stage}");
        }
    }
}
