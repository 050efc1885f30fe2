//! Automatic answers (RFC 3834, 5230): away, received, gone, retired, prove yourself, use our form.
//!
//! Fewer than half say so in a header, so subject and text count as much; and a header alone proves little, since newsletters
//! and bug trackers bear it, too.

use jiff::civil::Date;

use super::super::absence;
use super::super::rules::rules;
use super::super::words::count;
use super::receipt::is_calendar;
use super::{View, automatic_subject};
use crate::delivery::inbound::{AutoReply, Kind, Reading};
use crate::mail::auto_submitted::AutoSubmitted;

/// What the text proves, by how many phrases.
#[derive(Clone, Copy, Debug, Default)]
struct Proven {
    automatic: usize,
    away: usize,
    left: usize,
    retired: usize,
    challenge: usize,
    form: usize,
    /// Receipt in a machine's words.
    acknowledgement: usize,
    /// Thanks and promises, as people use them, too.
    courtesy: usize,
}

impl Proven {
    fn of(text: &str) -> Self {
        let mut proven = Self::default();
        for (rule, times) in rules().auto_text.proven(text) {
            match rule.proves.as_str() {
                "automatic" => proven.automatic = times,
                "away" => proven.away = times,
                "left" => proven.left = times,
                "retired" => proven.retired = times,
                "challenge" => proven.challenge = times,
                "form" => proven.form = times,
                "courtesy" => proven.courtesy = times,
                _ => proven.acknowledgement = times,
            }
        }
        proven
    }

    fn any(self) -> bool {
        self.automatic
            + self.away
            + self.left
            + self.retired
            + self.challenge
            + self.form
            + self.acknowledgement
            + self.courtesy
            > 0
    }
}

/// Reads an automatic answer; `tied` is whether it belongs to a letter of ours.
pub(super) fn read(view: &View<'_>, tied: bool, today: Date) -> Option<Reading> {
    let incoming = &view.incoming;
    let proven = Proven::of(&view.new_plain);
    let subject =
        automatic_subject(view).filter(|_| !is_fresh_bulk(view) || incoming.auto != AutoSubmitted::No);
    let vendor = vendor(view);
    let header = header(view);
    let words = count(&view.new_plain);
    if is_calendar(view) {
        return None;
    }
    let answers = tied || incoming.answers() || incoming.prefix == Some("reply");
    let mut reasons: Vec<String> = Vec::new();
    if let Some(reason) = &vendor {
        reasons.push(reason.clone());
    }
    if let Some(reason) = header {
        reasons.push(reason.to_owned());
    }
    if let Some(proves) = subject {
        reasons.push(format!("the subject is that of an automatic answer ({proves})"));
    }
    let by_header = vendor.is_some() || header.is_some();
    let is_one = if by_header {
        // A long text of its own, without any of the phrases, is a person's whose program marks everything.
        let by_path_alone = vendor.is_none() && incoming.auto == AutoSubmitted::No;
        let individual =
            !proven.any() && subject.is_none() && (words > 150 || by_path_alone && view.new.quotes);
        let newsletter = is_fresh_bulk(view) && subject.is_none() && !tied && proven.automatic == 0;
        // Nobody's mail program answers with an empty return path.
        let answered_by_none = incoming.null_path && answers;
        let weak = header.is_some()
            && vendor.is_none()
            && incoming.auto != AutoSubmitted::Replied
            && !answered_by_none;
        !individual
            && !newsletter
            && (subject.is_some()
                || proven.any()
                    && (!weak
                        || answers
                        || proven.away + proven.automatic + proven.left + proven.retired + proven.challenge
                            > 0
                        || proven.acknowledgement >= 1 && proven.acknowledgement + proven.courtesy >= 2)
                || tied
                || !weak && (answers || words < 150))
    } else if subject.is_some() {
        by_subject(view, subject, proven, words)
    } else {
        by_text(view, proven, words, answers)
    };
    if !is_one {
        return None;
    }
    let kind = subtype(subject, proven, view);
    let mut reading = Reading::new(Kind::AutoReply);
    reading.auto_reply = Some(kind);
    reading.needs_a_person = kind.needs_a_person();
    reading.reasons = reasons;
    if reading.reasons.is_empty() {
        reading.reasons.push("the text is that of an automatic answer".to_owned());
    }
    reading.reasons.push(format!("automatic answer: {}", kind.words()));
    if kind == AutoReply::Away || proven.away > 0 && kind != AutoReply::LeftOrganisation {
        let written = incoming.mail.date().map_or(today, |moment| moment.day);
        reading.until = absence::until(&view.new_plain, written)
            .or_else(|| absence::until(&incoming.subject_plain, written));
        if let Some(day) = reading.until {
            reading.reasons.push(format!("they name {day}"));
        }
    }
    if reading.needs_a_person {
        reading.reasons.push("a person should look".to_owned());
    }
    Some(reading)
}

/// What programs mark their automatic answers with, beside RFC 3834.
pub(super) fn vendor(view: &View<'_>) -> Option<String> {
    const FIELDS: [&str; 14] = [
        "x-autoreply",
        "x-autorespond",
        "x-auto-reply-from",
        "x-mail-autoreply",
        "x-autoresponder",
        "x-autoreply-from",
        "x-autorespond-from",
        "x-vacation",
        "x-ms-exchange-inbox-rules-loop",
        "x-autogenerated",
        "x-auto-reply",
        "x-responder",
        "x-ebay-autoreply",
        "x-autoreply-domain",
    ];
    let incoming = &view.incoming;
    let no = |value: &str| matches!(value, "no" | "false" | "0" | "none");
    if let Some(name) = FIELDS.iter().find(|name| incoming.lower(name).is_some_and(|value| !no(&value))) {
        return Some(format!("the field {name}"));
    }
    let precedence = incoming.lower("precedence").unwrap_or_default();
    if precedence.starts_with("auto_reply") || precedence.starts_with("auto-reply") {
        return Some("Precedence: auto_reply".to_owned());
    }
    if incoming
        .lower("x-ms-exchange-generated-message-source")
        .is_some_and(|value| value.contains("mailbox rules agent"))
    {
        return Some("the rules of an Exchange mailbox".to_owned());
    }
    if incoming.lower("x-apple-action").is_some_and(|value| value.contains("vacation")) {
        return Some("X-Apple-Action: VACATION".to_owned());
    }
    if incoming.lower("x-post-messageclass").is_some_and(|value| value.contains("autoresponder"))
        || incoming.lower("delivered-to").is_some_and(|value| value == "autoresponder")
    {
        return Some("the mark of an autoresponder".to_owned());
    }
    None
}

/// RFC 3834's field, and other signs that count only with a phrase or a tie.
fn header(view: &View<'_>) -> Option<&'static str> {
    let incoming = &view.incoming;
    match incoming.auto {
        AutoSubmitted::Replied => return Some("Auto-Submitted: auto-replied"),
        AutoSubmitted::Generated | AutoSubmitted::Other => return Some("Auto-Submitted"),
        AutoSubmitted::No => {}
    }
    if incoming.null_path {
        return Some("an empty return path");
    }
    let precedence = incoming.lower("precedence").unwrap_or_default();
    (precedence == "junk").then_some("Precedence: junk")
}

/// A newsletter or a notification: sent to many, and no answer to anything.
fn is_fresh_bulk(view: &View<'_>) -> bool {
    let incoming = &view.incoming;
    let fields = &incoming.mail.fields;
    (fields.has("list-unsubscribe")
        || fields.has("list-id")
        || fields.has("feedback-id")
        || fields.has("x-campaign"))
        && !incoming.answers()
}

/// A subject is enough where a program puts it in front; where people write so too, the text must agree.
fn by_subject(view: &View<'_>, subject: Option<&str>, proven: Proven, words: usize) -> bool {
    let answered = view.incoming.prefix.is_some() && view.new.quotes;
    let received = proven.acknowledgement + proven.courtesy;
    match subject {
        Some("automatic") => !answered || proven.any(),
        // "Re: Out of office?" with a quotation is somebody's answer.
        Some("away") => {
            (proven.away > 0 || !answered && words < 120)
                && !(answered && proven.automatic == 0)
                && !(view.incoming.prefix == Some("reply")
                    && view.incoming.answers()
                    && proven.away + proven.automatic == 0)
        }
        Some("acknowledgement") => {
            proven.automatic > 0
                || proven.acknowledgement >= 1 && received >= 2 && !is_personal(view)
                || view.incoming.prefix.is_none() && !view.new.quotes && words < 60 && !is_personal(view)
                || received + proven.form >= 1 && words < 120 && !answered && !is_personal(view)
        }
        Some("left" | "retired") => proven.left + proven.retired > 0 && !answered,
        Some(_) => proven.challenge > 0 || proven.automatic > 0,
        None => false,
    }
}

/// Without any header and with our own subject: the text alone.
fn by_text(view: &View<'_>, proven: Proven, words: usize, answers: bool) -> bool {
    // Somebody who quotes writes with a program for people; most machines do not quote, and those that do say what they are.
    let quotes = view.new.quotes;
    if words == 0 || is_fresh_bulk(view) || view.incoming.is_bulk() && !answers {
        return false;
    }
    if proven.automatic > 0 {
        let enough = proven.away
            + proven.acknowledgement
            + proven.courtesy
            + proven.left
            + proven.retired
            + proven.challenge
            + proven.form
            > 0;
        return enough && words < 400 || words < 60 && !quotes;
    }
    if quotes || is_personal(view) {
        return false;
    }
    // "I am away until …, for urgent matters …", and nothing that answers anything.
    let short = words < 80;
    let all = proven.acknowledgement + proven.courtesy;
    let away = proven.away >= 3 && words < 160
        || proven.away >= 2 && words < 60
        || proven.away >= 1 && short && (all >= 1 || names_a_day(view));
    let received = proven.acknowledgement >= 1 && (all >= 3 && words < 200 || all >= 2 && short);
    // A colleague who takes over says so; a machine says whom to write to.
    let elsewhere = ["@", "wenden", "contact", "mailen naar", "adressez"]
        .iter()
        .any(|word| view.new_plain.contains(word));
    let gone = proven.left + proven.retired >= 2 && words < 100
        || proven.left + proven.retired >= 1 && words < 50 && elsewhere;
    let form = proven.form >= 1 && proven.acknowledgement >= 1 && all >= 2 && words < 200;
    away || received || gone || form || proven.challenge >= 2
}

/// Whether an absence with its end is told.
fn names_a_day(view: &View<'_>) -> bool {
    let written = view.incoming.mail.date().map(|moment| moment.day);
    written.is_some_and(|written| absence::until(&view.new_plain, written).is_some())
}

/// Signs of somebody who thought about our letter: it was discussed, there are answers to points, "but", a question.
fn is_personal(view: &View<'_>) -> bool {
    const WORDS: [&str; 40] = [
        " besproken",
        "and discussed",
        "gelezen en",
        "read it and",
        "with interest",
        "met belangstelling",
        "met interesse",
        " attached",
        "bijgevoegd",
        "in de bijlage",
        "bijgaand",
        "anbei",
        "ci-joint",
        "hierbij ons",
        "hierbij onze",
        "our answer",
        "ons antwoord",
        "onze reactie",
        "ons standpunt",
        "our position",
        "we support",
        "wij steunen",
        "we agree",
        "mee eens",
        "i think",
        "ik denk",
        "ik vind",
        "wij vinden",
        "we vinden",
        ", maar ",
        ", but ",
        ", aber ",
        ", mais ",
        "helaas moeten",
        "unfortunately we",
        "wir unterstutzen",
        "nous soutenons",
        "nog een vraag",
        "one question",
        "ik stuur",
    ];
    let text = &view.new_plain;
    // "We read all of it, but cannot answer everybody" is what offices say to everybody.
    let to_everybody = [
        "iedereen",
        "everyone",
        "everybody",
        "individual",
        "persoonlijk",
        "personally",
        "alle mails",
        "each ",
    ]
    .iter()
    .any(|word| text.contains(word));
    let found =
        WORDS.iter().filter(|word| text.contains(*word) && !(to_everybody && word.starts_with(','))).count();
    found >= if count(text) > 80 { 2 } else { 1 }
}

fn subtype(subject: Option<&str>, proven: Proven, view: &View<'_>) -> AutoReply {
    let of_subject = match subject {
        Some("left") => Some(AutoReply::LeftOrganisation),
        Some("retired") => Some(AutoReply::AddressRetired),
        Some("challenge") => Some(AutoReply::Challenge),
        _ => None,
    };
    if let Some(kind) = of_subject {
        return kind;
    }
    if proven.challenge > 0 && proven.away == 0 {
        return AutoReply::Challenge;
    }
    if proven.left > 0 && (proven.away <= 2 || proven.left > 1) {
        return AutoReply::LeftOrganisation;
    }
    if subject == Some("away") || proven.away > 0 && proven.away >= proven.acknowledgement + proven.courtesy {
        return AutoReply::Away;
    }
    if proven.retired > 0 {
        return AutoReply::AddressRetired;
    }
    if proven.form > 0 {
        return AutoReply::UseOurForm;
    }
    if subject == Some("acknowledgement") || proven.acknowledgement + proven.courtesy > 0 {
        return AutoReply::Acknowledgement;
    }
    if proven.away > 0 || view.incoming.subject_plain.contains("away") {
        return AutoReply::Away;
    }
    AutoReply::Other
}
