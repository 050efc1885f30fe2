//! To which letter a message belongs: by evidence, strongest first.
//!
//! The order is that of [`Evidence`]. What is found by a token or by a Message-ID cannot be chance, since neither can be guessed;
//! by the failed recipient it is the latest letter to that address; by the sender's address or domain it is a guess that a
//! person must confirm. A provider of free mailboxes is nobody's organisation.

use super::incoming::{Incoming, base_subject};
use super::sent::{Sent, SentLetter};
use super::words::{addresses, plain};
use crate::delivery::inbound::{Evidence, Kind, Matched};
use crate::mail::fields::{self, Fields};
use crate::mail::html_text::html_text;
use crate::mail::parsed::{Content, ParsedMail, mailboxes};

/// How long after a letter something still belongs to it, in days.
pub const WINDOW_DAYS: i64 = 200;

/// What a message holds that may name a letter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clues {
    /// Message-IDs, the best first.
    pub(crate) ids: Vec<String>,
    /// Message-IDs that a returned letter bears: if they are not ours, the letter was not ours.
    pub(crate) returned_ids: Vec<String>,
    /// The subject of the returned letter, plain.
    pub(crate) returned_subject: Option<String>,
    pub(crate) envelope_id: Option<String>,
    /// Who failed, or complained.
    pub(crate) recipients: Vec<String>,
}

/// Finds the letter.
pub(crate) fn find(incoming: &Incoming<'_>, kind: Kind, clues: &Clues, sent: &Sent) -> Option<Matched> {
    let matched = |letter: &SentLetter, by: Evidence, evidence: &str| Matched {
        key: letter.key.clone(),
        step: letter.step,
        letter: letter.number,
        by,
        evidence: evidence.to_owned(),
    };
    for address in token_addresses(incoming) {
        if let Some((letter, token)) = by_token(&address, sent) {
            return Some(matched(letter, Evidence::Token, &token));
        }
    }
    // What List-Unsubscribe gives as a subject.
    let words = incoming.subject_plain.split([' ', ':', '[', ']', '(', ')']).filter(|word| word.len() >= 16);
    if let Some((letter, token)) =
        words.filter_map(|word| sent.by_token(word).map(|letter| (letter, word))).next()
    {
        return Some(matched(letter, Evidence::Token, token));
    }
    for id in &clues.ids {
        if let Some(letter) = sent.by_id(id) {
            return Some(matched(letter, Evidence::MessageId, id));
        }
    }
    if let Some(id) = &clues.envelope_id
        && let Some(letter) = sent.by_envelope_id(id)
    {
        return Some(matched(letter, Evidence::EnvelopeId, id));
    }
    if let Some((letter, id)) = anywhere(incoming.mail, sent) {
        return Some(matched(letter, Evidence::MessageId, &id));
    }
    if let Some((letter, reference)) = sent.by_reference(&plain(&incoming.text)) {
        return Some(matched(letter, Evidence::Reference, reference));
    }
    let written = incoming.mail.date().map(|moment| moment.seconds);
    let reports = matches!(kind, Kind::Bounce | Kind::Complaint | Kind::Receipt | Kind::Unsubscribe);
    if reports {
        for recipient in &clues.recipients {
            let letters = sent.to_address(recipient).filter(|(_, subject)| {
                // A report about a letter that bears somebody else's id is about somebody else's letter.
                clues.returned_ids.is_empty()
                    || clues
                        .returned_subject
                        .as_deref()
                        .is_some_and(|returned| !subject.is_empty() && base_subject(returned) == *subject)
            });
            if let Some(letter) = latest(letters, written) {
                return Some(matched(letter, Evidence::Recipient, recipient));
            }
        }
    }
    if kind == Kind::Bounce || kind == Kind::Receipt {
        return None;
    }
    let senders = senders(&incoming.mail.fields);
    for address in &senders {
        if let Some(letter) = latest(sent.to_address(address), written) {
            return Some(matched(letter, Evidence::From, address));
        }
    }
    let subject = base_subject(&incoming.subject_plain);
    for address in &senders {
        let Some((_, domain)) = address.rsplit_once('@') else { continue };
        if is_freemail(domain) {
            continue;
        }
        for domain in domains(domain) {
            let same = sent.to_domain(domain).filter(|(_, ours)| {
                ours.len() >= 4 && (subject == *ours || ours.len() >= 8 && subject.contains(ours))
            });
            if let Some(letter) = latest(same, written) {
                return Some(matched(letter, Evidence::Organisation, domain));
            }
        }
    }
    None
}

/// Whether it comes from an address or an organisation that we wrote to lately, though nothing else ties it to a letter.
pub(crate) fn is_acquainted(incoming: &Incoming<'_>, sent: &Sent) -> bool {
    let written = incoming.mail.date().map(|moment| moment.seconds);
    senders(&incoming.mail.fields).iter().any(|address| {
        let domain = address.rsplit_once('@').map(|(_, domain)| domain).filter(|domain| !is_freemail(domain));
        latest(sent.to_address(address), written).is_some()
            || domain.is_some_and(|domain| {
                domains(domain).any(|domain| latest(sent.to_domain(domain), written).is_some())
            })
    })
}

/// The latest of some letters that went before the message was written, and not too long before.
fn latest<'a>(
    letters: impl Iterator<Item = (&'a SentLetter, &'a str)>,
    written: Option<i64>,
) -> Option<&'a SentLetter> {
    const DAY: i64 = 86_400;
    letters
        .map(|(letter, _)| letter)
        .filter(|letter| match (letter.sent_at, written) {
            // Clocks differ by hours.
            (Some(sent), Some(written)) => sent <= written + DAY && sent >= written - WINDOW_DAYS * DAY,
            _ => true,
        })
        .max_by_key(|letter| letter.sent_at)
}

/// Every address that may carry a token: where it came to, and where the returned letter came from.
fn token_addresses(incoming: &Incoming<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let mut take = |fields: &Fields, names: &[&str]| {
        for name in names {
            for value in fields.all(name) {
                found.extend(addresses(value).iter().map(|(_, address)| (*address).to_owned()));
            }
        }
    };
    take(
        &incoming.mail.fields,
        &[
            "delivered-to",
            "x-original-to",
            "envelope-to",
            "x-envelope-to",
            "to",
            "cc",
            "x-forwarded-to",
            "apparently-to",
            "received",
            "resent-to",
        ],
    );
    for mail in super::returned::messages(incoming.mail) {
        take(&mail.fields, &["return-path", "reply-to", "from", "x-envelope-from", "errors-to", "sender"]);
    }
    found
}

/// Finds a token in the local part: `name+token`, `name+b-token`, `token`.
fn by_token<'a>(address: &str, sent: &'a Sent) -> Option<(&'a SentLetter, String)> {
    let local = address.rsplit_once('@')?.0;
    let pieces = local.split('+').chain(local.split(['+', '-', '='])).chain([local]);
    pieces
        .filter(|piece| piece.len() >= 16)
        .find_map(|piece| sent.by_token(piece).map(|letter| (letter, piece.to_owned())))
}

/// Looks for any of our ids wherever it may stand: in texts, in returned headers, in the fields of returned letters.
fn anywhere<'a>(mail: &ParsedMail, sent: &'a Sent) -> Option<(&'a SentLetter, String)> {
    const NAMES: [&str; 6] = [
        "message-id",
        "x-microsoft-original-message-id",
        "x-google-original-message-id",
        "x-original-message-id",
        "in-reply-to",
        "references",
    ];
    let parts = mail.parts();
    for part in &parts {
        if let Content::Message(inner) = &part.content {
            for id in NAMES.iter().flat_map(|name| inner.fields.ids(name)) {
                if let Some(letter) = sent.by_id(&id) {
                    return Some((letter, id));
                }
            }
            if let Some(found) = anywhere(inner, sent) {
                return Some(found);
            }
        }
    }
    for part in &parts {
        let text = match &part.content {
            Content::Html(html) => html_text(html).into(),
            _ => match part.as_text() {
                Some(text) => text,
                None => continue,
            },
        };
        for (_, address) in addresses(&text) {
            if let Some(letter) = sent.by_id(address) {
                return Some((letter, format!("<{address}>")));
            }
        }
        // Ids may hold what no address does; and those that were folded are found by their brackets.
        for id in text.lines().filter(|line| line.contains('<')).flat_map(fields::message_ids) {
            if let Some(letter) = sent.by_id(&id) {
                return Some((letter, id));
            }
        }
    }
    None
}

fn senders(fields: &Fields) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for name in ["from", "reply-to", "sender"] {
        for value in fields.all(name) {
            for (_, address) in mailboxes(value) {
                let address = address.to_lowercase();
                if address.contains('@') && !found.contains(&address) {
                    found.push(address);
                }
            }
        }
    }
    found
}

/// A domain and those above it, down to two labels: `post.party.example`, `party.example`.
fn domains(domain: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(domain);
    std::iter::from_fn(move || {
        let here = rest?;
        rest = here.split_once('.').map(|(_, above)| above).filter(|above| above.contains('.'));
        Some(here)
    })
}

/// Whether a domain gives mailboxes to everybody, so that it says nothing about an organisation.
pub fn is_freemail(domain: &str) -> bool {
    let domain = domain.to_lowercase();
    FREEMAIL
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .any(|known| domain == known || domain.strip_suffix(known).is_some_and(|rest| rest.ends_with('.')))
}

/// One domain a line.
const FREEMAIL: &str = include_str!("freemail.txt");

#[cfg(test)]
mod tests {
    use super::*;

    fn letters() -> Sent {
        let letter = |key: &str, id: &str, address: &str, subject: &str, sent_at| SentLetter {
            key: key.into(),
            message_id: id.into(),
            address: address.into(),
            subject: subject.into(),
            sent_at: Some(sent_at),
            ..SentLetter::default()
        };
        Sent::new([
            letter(
                "ADA",
                "<3abcdefgh.klmnopqrstuvw.xyzabcdefghij.1@ours.example>",
                "ada@party.example",
                "Our appeal for the programme",
                1_756_000_000,
            ),
            letter(
                "ADA",
                "<3abcdefgi.klmnopqrstuvx.xyzabcdefghij.2@ours.example>",
                "ada@party.example",
                "Our appeal for the programme",
                1_757_000_000,
            ),
            letter(
                "BEN",
                "<Plain.Id@ours.example>",
                "ben@gmail.com",
                "Our appeal for the programme",
                1_756_000_000,
            ),
        ])
    }

    fn found(text: &str, kind: Kind, clues: &Clues) -> Option<(String, Evidence)> {
        let mail = ParsedMail::read(text.as_bytes());
        find(&Incoming::of(&mail), kind, clues, &letters()).map(|matched| (matched.key, matched.by))
    }

    #[test]
    fn the_strongest_evidence_decides() {
        let none = Clues::default();
        let head = "Date: Mon, 08 Sep 2025 10:00:00 +0200\n";
        let sure = |key: &str, by| Some((key.to_owned(), by));
        for (fields, expected) in [
            (
                "To: us+3abcdefghklmnopqrstuvw@ours.example\nFrom: ben@gmail.com\n",
                sure("ADA", Evidence::Token),
            ),
            (
                "To: us+b-3abcdefghklmnopqrstuvw@ours.example\nFrom: x@y.example\n",
                sure("ADA", Evidence::Token),
            ),
            ("From: ADA@party.example\n", sure("ADA", Evidence::From)),
            (
                "From: carl@party.example\nSubject: Antw: Our appeal for the programme\n",
                sure("ADA", Evidence::Organisation),
            ),
            (
                "From: carl@mail.party.example\nSubject: RE: Our appeal for the programme\n",
                sure("ADA", Evidence::Organisation),
            ),
            ("From: carl@party.example\nSubject: lunch\n", None),
            ("From: other@gmail.com\nSubject: Re: Our appeal for the programme\n", None),
            ("From: Ben@GMAIL.com\n", sure("BEN", Evidence::From)),
        ] {
            assert_eq!(found(&format!("{head}{fields}\nhello\n"), Kind::Reply, &none), expected, "{fields}");
        }
    }

    #[test]
    fn ids_are_compared_with_their_case_and_found_wherever_they_stand() {
        let text = |id: &str| format!("From: x@y.example\n\nIt failed. The letter was {id} of yesterday.\n");
        assert_eq!(
            found(&text("<Plain.Id@ours.example>"), Kind::Bounce, &Clues::default()).unwrap().0,
            "BEN"
        );
        assert_eq!(found(&text("Plain.Id@ours.example"), Kind::Bounce, &Clues::default()).unwrap().0, "BEN");
        assert_eq!(found(&text("<plain.id@ours.example>"), Kind::Bounce, &Clues::default()), None);
    }

    #[test]
    fn a_report_about_somebody_elses_letter_is_not_ours() {
        let mut clues = Clues { recipients: vec!["ada@party.example".into()], ..Clues::default() };
        let text = "From: MAILER-DAEMON@x.example\nDate: Mon, 08 Sep 2025 10:00:00 +0200\n\nno\n";
        assert_eq!(found(text, Kind::Bounce, &clues).unwrap().1, Evidence::Recipient);
        clues.returned_ids = vec!["<other@elsewhere.example>".into()];
        assert_eq!(found(text, Kind::Bounce, &clues), None);
        // Unless a relay put another id on what is plainly our letter.
        clues.returned_subject = Some("our appeal for the programme".into());
        assert_eq!(found(text, Kind::Bounce, &clues).unwrap().1, Evidence::Recipient);
    }

    #[test]
    fn too_long_ago_is_no_evidence_and_the_latest_letter_counts() {
        let clues = Clues { recipients: vec!["ada@party.example".into()], ..Clues::default() };
        let text = |date: &str| format!("From: MAILER-DAEMON@x.example\nDate: {date}\n\nno\n");
        assert_eq!(found(&text("Mon, 08 Sep 2029 10:00:00 +0200"), Kind::Bounce, &clues), None);
        assert_eq!(found(&text("Mon, 08 Sep 2008 10:00:00 +0200"), Kind::Bounce, &clues), None);
        assert!(found(&text("Thu, 28 Aug 2025 10:00:00 +0200"), Kind::Bounce, &clues).is_some());
    }
}
