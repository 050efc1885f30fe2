//! From what a report says to one status code (RFC 3463), and from that to what it means for the address.

use super::rules::{Rule, rules};
use super::words::plain;
use crate::mail::smtp_reply::EnhancedCode;

/// A status, and where it was taken from.
#[derive(Clone, Debug)]
pub(crate) struct Status {
    pub(crate) code: EnhancedCode,
    /// What the words of the report say: a word of `rules.toml`.
    pub(crate) cause: Option<&'static Rule>,
    /// For people: `Status`, `the reply 550`, …
    pub(crate) from: &'static str,
}

/// What is known when a status is looked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Said<'a> {
    /// The field `Status`.
    pub(crate) declared: Option<EnhancedCode>,
    /// What the other server said about this recipient.
    pub(crate) diagnostic: &'a str,
    /// Everything that the report says.
    pub(crate) report: &'a str,
    /// Whether it is still being tried.
    pub(crate) delayed: bool,
}

/// Finds the status: the field, the enhanced code in the diagnostic, the reply's three digits, and last the words.
///
/// `x.0.0` is a placeholder that many gateways write: an enhanced code behind it is better, if it is of the same class. Words are
/// asked only where no code is given at all; what they say of the address counts in any case.
pub(crate) fn find(said: Said<'_>) -> Status {
    let words = plain(said.diagnostic);
    let declared = said.declared.filter(|code| code.class != 2);
    if let Some(code) = declared.filter(|code| !is_placeholder(*code)) {
        return Status { code, cause: cause(&words, said.report, false), from: "the field Status" };
    }
    let class = declared.map(|code| code.class);
    let texts = [said.diagnostic, said.report];
    for (nth, text) in texts.into_iter().enumerate() {
        // What the report as a whole says is the better witness only where no field says anything.
        if nth == 1 && declared.is_some() {
            break;
        }
        if let Some(code) = enhanced(text, class) {
            return Status { code, cause: cause(&words, said.report, false), from: "the reply" };
        }
    }
    if let Some(code) = declared {
        return Status { code, cause: cause(&words, said.report, true), from: "the field Status" };
    }
    let reply = reply_code(said.diagnostic).or_else(|| reply_code(said.report));
    let of_reply = reply.and_then(|code| u8::try_from(code / 100).ok());
    let expired = rules().expired.fits(&words) || rules().expired.fits(&plain(said.report));
    let found = cause(&words, said.report, false);
    // qmail and others say that they will not try again, whatever the cause.
    let final_word = !said.delayed
        && ["permanent error", "permanent fatal", "permanently"]
            .iter()
            .any(|word| plain(said.report).contains(word));
    let temporary = said.delayed || !final_word && found.is_some_and(|rule| rule.temporary);
    let class =
        of_reply.unwrap_or(if temporary || expired && !final_word && found.is_none() { 4 } else { 5 });
    let (subject, detail) = match found.and_then(|rule| rule.status) {
        Some(status) => status,
        None if expired => (4, 7),
        None => of_number(reply),
    };
    let code = EnhancedCode { class, subject, detail };
    let from = match (reply, found) {
        (Some(_), None) => "the reply's code",
        (_, Some(_)) => "the words of the report",
        _ if expired => "the words of the report",
        _ => "no code at all",
    };
    // After days of trying without an answer, it is the time that has run out.
    if expired && found.is_some_and(|rule| rule.temporary) {
        return Status { code: EnhancedCode { class, subject: 4, detail: 7 }, cause: found, from };
    }
    Status { code, cause: found, from }
}

/// Whether a code says no more than its class.
pub(crate) fn is_placeholder(code: EnhancedCode) -> bool {
    code.subject == 0 && code.detail == 0
}

/// Finds the enhanced code of a text: the first that says something, of the class that is known.
fn enhanced(text: &str, class: Option<u8>) -> Option<EnhancedCode> {
    let mut placeholder = None;
    for (at, code) in EnhancedCode::all_in(text) {
        let version = text[..at].trim_end().ends_with("version") || text[..at].ends_with("X.");
        if code.class == 2 || version || class.is_some_and(|class| class != code.class) {
            continue;
        }
        if !is_placeholder(code) {
            return Some(code);
        }
        placeholder = placeholder.or(Some(code));
    }
    placeholder.filter(|_| class.is_none() && cause(&plain(text), "", false).is_none())
}

/// What three digits say by themselves (RFC 5321 §4.2.3).
fn of_number(code: Option<u16>) -> (u16, u16) {
    match code {
        Some(551) => (1, 6),
        Some(552 | 452) => (2, 2),
        Some(553 | 501) => (1, 3),
        Some(421) => (3, 2),
        Some(500 | 502 | 503 | 504) => (5, 1),
        _ => (0, 0),
    }
}

/// Finds what the words say: those about this recipient before those of the whole report.
fn cause(words: &str, report: &str, only_words: bool) -> Option<&'static Rule> {
    let of_words = rules().cause.first(words);
    if of_words.is_some() || only_words && !words.is_empty() {
        return of_words;
    }
    rules().cause.first(&plain(report))
}

/// Finds a reply code of class 4 or 5 in running text, where one may stand.
pub(crate) fn reply_code(text: &str) -> Option<u16> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at + 3 <= bytes.len() {
        let here = &bytes[at..];
        let digits =
            matches!(here[0], b'4' | b'5') && matches!(here[1], b'0'..=b'7') && here[2].is_ascii_digit();
        let before = &text.get(..at).unwrap_or_default();
        let apart =
            !before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | ',' | '@' | '/' | '_'));
        let behind = bytes.get(at + 3);
        let apart = apart
            && behind.is_none_or(|byte| {
                matches!(
                    byte,
                    b' ' | b'-' | b'\r' | b'\n' | b')' | b':' | b'_' | b'"' | b'\'' | b';' | b'<' | b'.'
                )
            });
        if digits && apart && may_stand(before) {
            return text.get(at..at + 3).and_then(|digits| digits.parse().ok());
        }
        at += 1;
    }
    None
}

/// Whether a reply code may stand behind this: at the beginning of a line, behind a sign, or behind a word that announces it.
fn may_stand(before: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or_default();
    let line = line.trim_end();
    if line.is_empty() || line.ends_with([':', ';', '<', '(', '#', '=', '[', '"', '\'', '>', '|', '-', '&']) {
        return true;
    }
    const ANNOUNCE: [&str; 18] = [
        "error",
        "code",
        "said",
        "smtp",
        "returned",
        "reply",
        "response",
        "replied",
        "status",
        "with",
        "got",
        "reason",
        "answer",
        "answered",
        "esmtp",
        "was",
        "responded",
        "failed",
    ];
    let word = line.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_lowercase();
    ANNOUNCE.contains(&word.as_str())
}

/// Whether the address itself is bad, so that writing again makes no sense.
///
/// Not the same as permanent: a full mailbox, a letter too large or a spam filter say nothing against the address.
pub(crate) fn address_bad(status: &Status, said: &str) -> bool {
    let code = status.code;
    if code.class != 5 {
        return false;
    }
    let cause = status.cause.map(|rule| rule.proves.as_str());
    let by_code = match (code.subject, code.detail) {
        (1, 0..=4 | 6 | 10) | (2, 1) => {
            !matches!(cause, Some("ours" | "policy" | "full" | "size"))
                || matches!((code.subject, code.detail), (1, 1..=3 | 6 | 10))
        }
        // Office 365 says so of recipients that do not exist.
        (4, 1) => plain(said).contains("recipient address rejected"),
        _ => false,
    };
    // 5.7.1 is said of everything; the words decide there, and only where they are plain.
    let by_words = matches!(cause, Some("unknown" | "moved" | "host" | "syntax" | "disabled"))
        && matches!(
            (code.subject, code.detail),
            (0, 0) | (1, _) | (2, 0 | 1) | (4, 0 | 4) | (5, 0) | (3, 0) | (7, 1 | 0)
        );
    by_code || by_words
}

/// Whether it is our own side's limit, policy or address that stood in the way.
pub(crate) fn ours_to_blame(status: &Status) -> bool {
    // The second line is Office 365's, of senders and tenants.
    let by_code = matches!(
        (status.code.subject, status.code.detail),
        (1, 7 | 8) | (7, 8 | 20..=27 | 29) | (7, 57 | 60 | 64 | 67 | 68 | 501..=512 | 705 | 708 | 750)
    );
    by_code || status.cause.is_some_and(|rule| rule.proves == "ours")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Option<EnhancedCode> {
        text.split_whitespace().next().and_then(EnhancedCode::parse)
    }

    fn of(declared: &str, diagnostic: &str) -> (String, bool) {
        let status = find(Said { declared: code(declared), diagnostic, ..Said::default() });
        (status.code.to_string(), address_bad(&status, diagnostic))
    }

    #[test]
    fn a_placeholder_gives_way_to_what_stands_behind_it() {
        for (declared, diagnostic, status, bad) in [
            ("5.1.1", "550 5.7.1 no", "5.1.1", true),
            ("5.0.0", "smtp; 550 5.7.1 blocked", "5.7.1", false),
            ("5.0.0", "550 5.1.1 <a@b.example>... User unknown", "5.1.1", true),
            ("5.0.0", "550 No such user here", "5.0.0", true),
            ("5.0.0", "552 mailbox full", "5.0.0", false),
            ("5.0.0", "", "5.0.0", false),
            ("5.0.0", "450 4.7.1 greylisted", "5.0.0", false),
            ("4.0.0", "connection timed out", "4.0.0", false),
            ("", "550 No such user here", "5.1.1", true),
            ("", "552 mailbox full", "5.2.2", false),
            ("", "550 5.4.1 Recipient address rejected: Access denied", "5.4.1", true),
            ("5.4.1", "550 5.4.1 Recipient address rejected: Access denied", "5.4.1", true),
            ("5.1.10", "550 5.1.10 null MX", "5.1.10", true),
            ("", "552 5.2.2 over quota", "5.2.2", false),
            ("", "421 service not available", "4.3.2", false),
            ("", "said: 550 something nobody knows", "5.0.0", false),
            ("", "host mx.example[192.0.2.1] said: 450 4.2.0 <a@b.example>: greylisted", "4.2.0", false),
        ] {
            assert_eq!(of(declared, diagnostic), (status.to_owned(), bad), "{declared} {diagnostic}");
        }
    }

    #[test]
    fn numbers_that_are_no_replies_are_left_alone() {
        for text in ["we have 550 members", "4,500 KB", "port 587", "192.0.2.550", "500ms", "2550 x"] {
            assert_eq!(reply_code(text), None, "{text}");
        }
        for text in
            ["550 no", "said: 550 no", "(550 no)", "<<< 550-no", "SMTP error 550", "x\n550 no", "#550"]
        {
            assert_eq!(reply_code(text), Some(550), "{text}");
        }
    }

    #[test]
    fn a_limit_of_our_own_is_ours() {
        let ours = |text| ours_to_blame(&find(Said { diagnostic: text, ..Said::default() }));
        assert!(ours("550 5.4.5 Daily user sending limit exceeded"));
        assert!(ours("550 5.7.26 This mail is unauthenticated"));
        assert!(!ours("550 5.1.1 no such user"));
        assert!(!ours("552 5.2.2 mailbox full"));
    }
}
