//! Whom a report is about, where no field says it.

use super::super::super::incoming::Incoming;
use super::super::super::returned::Report;
use super::super::super::rules::rules;
use super::super::super::words::{addresses, plain};
use crate::mail::parsed::mailboxes;

/// How many recipients are named at most.
const MOST: usize = 500;

/// Adds an address that is not there yet, in whatever case.
pub(super) fn add(found: &mut Vec<String>, address: &str) {
    if found.len() < MOST
        && !address.is_empty()
        && !found.iter().any(|known| known.eq_ignore_ascii_case(address))
    {
        found.push(address.to_owned());
    }
}

/// Finds the recipients: a field for them, the text, the letter that came back, the address that the report came to.
pub(super) fn find(incoming: &Incoming<'_>, report: &Report) -> Vec<String> {
    let mut found = Vec::new();
    for value in incoming.mail.fields.all("x-failed-recipients") {
        addresses(value).iter().for_each(|(_, address)| add(&mut found, address));
    }
    if !found.is_empty() {
        return found;
    }
    let written = of_letter(report);
    let named = in_text(report, &written, &ours(incoming, report, true));
    // A report may come in the name of the very address that failed.
    let named = if named.is_empty() && written.is_empty() {
        in_text(report, &written, &ours(incoming, report, false))
    } else {
        named
    };
    if !named.is_empty() {
        return named;
    }
    if !written.is_empty() {
        return written;
    }
    let said = spelled_in_our_address(incoming);
    if said.is_empty() { without_domain(incoming, report) } else { said }
}

/// A name alone, below a line that announces it: its domain is that of the system that reports.
fn without_domain(incoming: &Incoming<'_>, report: &Report) -> Vec<String> {
    let mut found = Vec::new();
    let Some((_, domain)) = incoming.from.rsplit_once('@').filter(|_| report.returned.is_none()) else {
        return found;
    };
    let mut announced = 0;
    for line in report.text.lines().filter(|line| !line.trim().is_empty()) {
        let bare = line.trim().trim_matches(['<', '>', '"', '\'', ':', '.', ',']);
        let is_name = (2..=64).contains(&bare.len())
            && bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
        if announced > 0 && is_name && !line.trim().ends_with('.') {
            add(&mut found, &format!("{bare}@{domain}"));
        }
        let words = plain(line);
        announced = if words.ends_with(':')
            && (words.contains("recipient") || words.contains("address") || words.contains("user"))
        {
            2
        } else {
            i32::max(announced - 1, 0)
        };
    }
    found
}

/// Makes a whole address of what stands in a field: `ada` alone, where the letter went to `ada@x.example`.
pub(super) fn whole(named: &str, incoming: &Incoming<'_>, report: &Report) -> Option<String> {
    if let Some((_, address)) = addresses(named).first() {
        return Some((*address).to_owned());
    }
    let local = named.trim_start_matches('\\').split('@').next().unwrap_or_default();
    let mut candidates = of_letter(report);
    candidates.extend(addresses(&report.text).iter().map(|(_, address)| (*address).to_owned()));
    let same = candidates
        .iter()
        .find(|address| address.split('@').next().is_some_and(|part| part.eq_ignore_ascii_case(local)));
    let only = of_letter(report);
    same.cloned()
        .or_else(|| (only.len() == 1).then(|| only[0].clone()))
        .or_else(|| find(incoming, report).into_iter().next())
}

/// The addresses that the returned letter was for.
fn of_letter(report: &Report) -> Vec<String> {
    let mut found = Vec::new();
    let Some(returned) = &report.returned else { return found };
    for name in [
        "x-envelope-to",
        "envelope-to",
        "x-rcpt-to",
        "x-original-to",
        "to",
        "cc",
        "bcc",
        "apparently-to",
        "delivered-to",
    ] {
        for value in returned.fields.all(name) {
            for (_, address) in mailboxes(value) {
                if address.contains('@') {
                    add(&mut found, &address);
                }
            }
        }
        if !found.is_empty() && name != "to" {
            break;
        }
    }
    found
}

/// How sure it is that an address is the one that failed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Mentioned,
    Announced,
    Failing,
    Leading,
}

fn in_text(report: &Report, written: &[String], ours: &[String]) -> Vec<String> {
    let lines: Vec<&str> = report.text.lines().collect();
    let mut found: Vec<(Place, &str)> = Vec::new();
    let mut announced = 0;
    for (nth, line) in lines.iter().enumerate() {
        let here = addresses(line);
        if here.is_empty() {
            if !line.trim().is_empty() {
                announced = if announces(line) { 3 } else { announced.max(1) - 1 };
            }
            continue;
        }
        let words = plain(line);
        for (at, address) in here {
            if is_somebody_else(address, line, at, ours) {
                continue;
            }
            let place = place(&words, line, at, address, announced > 0, lines.get(nth + 1).copied());
            found.push((place, address));
        }
        if announces(line) {
            announced = 3;
        }
    }
    let to = |address: &str| written.iter().any(|known| known.eq_ignore_ascii_case(address));
    let best = found.iter().map(|(place, _)| *place).max();
    let Some(best) = best else { return Vec::new() };
    // In weak places the letter's own addressees are the better witnesses.
    let confirmed: Vec<&str> =
        found.iter().map(|(_, address)| *address).filter(|address| to(address)).collect();
    let chosen: Vec<&str> = if best < Place::Failing && !confirmed.is_empty() {
        confirmed
    } else if best == Place::Mentioned && !written.is_empty() {
        Vec::new()
    } else {
        found.iter().filter(|(place, _)| *place == best).map(|(_, address)| *address).collect()
    };
    let mut out = Vec::new();
    chosen.into_iter().for_each(|address| add(&mut out, address));
    out
}

fn place(words: &str, line: &str, at: usize, address: &str, announced: bool, next: Option<&str>) -> Place {
    let before = line[..at].trim_start_matches(|c: char| !c.is_alphanumeric());
    let behind = line[at + address.len()..]
        .trim_start_matches(['>', '"', '\'', ')', ']', ':', ';', ',', '.', ' ', '\t', '*']);
    let rcpt = words.contains("rcpt to");
    if rcpt
        || before.is_empty()
            && (behind.is_empty() || announced || rules().cause.fits(&plain(behind)) || has_code(behind))
    {
        return Place::Leading;
    }
    let label = plain(before);
    let labelled = [
        "to:",
        "recipient:",
        "recipients:",
        "address:",
        "user:",
        "mailbox:",
        "to",
        "recipient",
        "for",
        "recipient(s):",
        "smtp:",
        "e-mail:",
        "email:",
        "failed:",
        "ontvanger:",
        "empfanger:",
        "destinataire:",
        "aan:",
        "an:",
        "a:",
    ]
    .iter()
    .any(|word| {
        label == *word
            || label.ends_with(&format!(" {word}"))
            || label.ends_with(&format!(" {word} <"))
            || label == format!("{word} <")
    });
    if labelled && announced
        || rules().cause.fits(words)
        || has_code(words)
        || next.is_some_and(|next| next.starts_with([' ', '\t']) && rules().cause.fits(&plain(next)))
    {
        return Place::Failing;
    }
    if labelled || announced || announces(line) {
        return Place::Announced;
    }
    Place::Mentioned
}

fn has_code(text: &str) -> bool {
    super::super::super::status::reply_code(text).is_some()
        || crate::mail::smtp_reply::EnhancedCode::first_in(text).is_some()
}

/// Whether a line says that those who failed are named next.
fn announces(line: &str) -> bool {
    let words = plain(line);
    let about = [
        "recipient",
        "address",
        "deliver",
        "following",
        "user",
        "mailbox",
        "failed",
        "reach",
        "adres",
        "ontvanger",
        "bezorg",
        "empfanger",
        "zugestellt",
        "zustell",
        "destinataire",
        "adresse",
        "remis",
        "destinatario",
        "direccion",
        "entreg",
        "undeliver",
        "could not",
        "unable",
        "person",
        "受信",
        "宛",
        "收件人",
        "получател",
        "адрес",
    ];
    about.iter().any(|word| words.contains(word))
}

/// Who did not fail: the letter's sender, whom the report came to, and (`with_reporter`) whoever reports.
fn ours(incoming: &Incoming<'_>, report: &Report, with_reporter: bool) -> Vec<String> {
    let mut ours = Vec::new();
    let mut take = |fields: &crate::mail::fields::Fields, names: &[&str]| {
        for name in names {
            for value in fields.all(name) {
                addresses(value).iter().for_each(|(_, address)| ours.push(address.to_lowercase()));
            }
        }
    };
    take(&incoming.mail.fields, &["to", "delivered-to", "x-original-to", "cc", "envelope-to"]);
    if with_reporter {
        take(&incoming.mail.fields, &["from", "reply-to", "return-path"]);
    }
    if let Some(returned) = &report.returned {
        take(&returned.fields, &["from", "return-path", "sender", "reply-to", "errors-to"]);
    }
    ours
}

/// Whether an address in the text is the sender's, the postmaster's, or the name of a message.
fn is_somebody_else(address: &str, line: &str, at: usize, ours: &[String]) -> bool {
    let lower = address.to_lowercase();
    let local = lower.split('@').next().unwrap_or_default();
    let desk = [
        "postmaster",
        "mailer-daemon",
        "abuse",
        "helpdesk",
        "support",
        "hostmaster",
        "webmaster",
        "noreply",
        "no-reply",
        "mailadmin",
        "unblock",
        "delist",
        "servicedesk",
    ];
    let before = plain(&line[..at]);
    let id = [
        "message-id",
        "message id",
        "messageid",
        "msgid",
        "message reference",
        "mid:",
        "references",
        "in-reply-to",
        "mail from",
        "from:",
        "sender:",
        "from <",
        "reply-to",
        "van:",
        "von:",
        "de:",
        "contact",
        "return-path",
        "mailto:postmaster",
    ]
    .iter()
    .any(|word| before.contains(word) && !before.contains("rcpt to"));
    // Long names without a vowel are made by programs.
    let digits = local.bytes().filter(u8::is_ascii_digit).count();
    let made = local.len() >= 24 && digits * 3 >= local.len();
    ours.contains(&lower) || desk.contains(&local) || id || made
}

/// VERP: the failed address spelled inside the one that the report came to, as `bounces+ada=x.example@ours.example`.
fn spelled_in_our_address(incoming: &Incoming<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for name in ["delivered-to", "x-original-to", "envelope-to", "to"] {
        for value in incoming.mail.fields.all(name) {
            for (_, address) in addresses(value) {
                if let Some(spelled) = verp(address) {
                    add(&mut found, &spelled);
                }
            }
        }
    }
    found
}

fn verp(address: &str) -> Option<String> {
    let (local, _) = address.rsplit_once('@')?;
    let (user, domain) = local.rsplit_once('=')?;
    let user = user
        .rsplit_once(['+', '-'])
        .filter(|(list, user)| !list.is_empty() && !user.is_empty())
        .map(|(_, user)| user)?;
    (domain.contains('.')
        && domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')))
    .then(|| format!("{user}@{domain}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::parsed::ParsedMail;

    fn named(text: &str) -> Vec<String> {
        let mail = ParsedMail::read(
            format!("From: MAILER-DAEMON@mx.example\nTo: us@ours.example\n\n{text}").as_bytes(),
        );
        let incoming = Incoming::of(&mail);
        let report = Report::of(&incoming);
        find(&incoming, &report)
    }

    #[test]
    fn whoever_failed_is_found_and_nobody_else() {
        for (text, expected) in [
            ("<ada@x.example>:\nSorry, no mailbox here by that name. (#5.1.1)\n", vec!["ada@x.example"]),
            (
                "Delivery to ada@x.example failed. Contact postmaster@x.example or help@x.example.\n",
                vec!["ada@x.example"],
            ),
            (
                "The following addresses failed:\n\n  ada@x.example\n    no such user\n  ben@y.example\n    mailbox full\n",
                vec!["ada@x.example", "ben@y.example"],
            ),
            (
                ">>> MAIL FROM:<us@ours.example>\n>>> RCPT TO:<ada@x.example>\n<<< 550 User unknown\n",
                vec!["ada@x.example"],
            ),
            (
                "Your message from us@ours.example was not delivered: 550 <ada@x.example>: unknown\n",
                vec!["ada@x.example"],
            ),
            (
                "It failed.\n\nMessage-ID: <20251103101010.12@ours.example>\nTo: ada@x.example\nSubject: plan\nFrom: us@ours.example\nDate: today\n",
                vec!["ada@x.example"],
            ),
            ("Nothing is said.\n", vec![]),
        ] {
            assert_eq!(named(text), expected, "{text}");
        }
    }

    #[test]
    fn an_address_spelled_inside_ours_is_read() {
        assert_eq!(verp("bounces+ada=x.example@ours.example").as_deref(), Some("ada@x.example"));
        assert_eq!(verp("list-bounces-ada=x.example@ours.example").as_deref(), Some("ada@x.example"));
        assert_eq!(verp("ada=b@ours.example"), None);
    }
}
