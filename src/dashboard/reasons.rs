//! Why something that came back is taken for what it is: the sentences of the classification in the visitor's language. The ledger keeps
//! them in English; what is not here, such as the words of a rule about codes, is shown as it is kept, and said to be English.

use super::texts::Lang;

/// Whole sentences.
const WHOLE: [(&str, &str); 22] = [
    ("it answers our letter", "het antwoordt op onze brief"),
    ("it comes from where we wrote to", "het komt van waar wij heen schreven"),
    ("it answers a letter: In-Reply-To", "het antwoordt op een brief: In-Reply-To"),
    ("its subject is that of an answer", "het onderwerp is dat van een antwoord"),
    ("it belongs to a thread: References", "het hoort bij een gesprek: References"),
    ("it quotes a letter", "het haalt een brief aan"),
    ("it may be automatic; a person should look", "het kan automatisch zijn; een mens moet kijken"),
    ("it belongs to a calendar", "het hoort bij een agenda"),
    ("nothing ties it to a letter", "niets verbindt het met een brief"),
    (
        "it belongs to no letter of ours, as far as can be seen",
        "het hoort voor zover te zien is bij geen van onze brieven",
    ),
    ("that is not sure; a person should look", "dat is niet zeker; een mens moet kijken"),
    ("a person should look", "een mens moet kijken"),
    ("the text is that of an automatic answer", "de tekst is die van een automatisch antwoord"),
    ("the text is that of a delivery report", "de tekst is die van een bezorgbericht"),
    ("it is still being tried", "het wordt nog geprobeerd"),
    ("our own side is to blame, so the address stays", "het ligt aan onze kant, dus het adres blijft"),
    ("a mailing list handed it on", "een mailinglijst gaf het door"),
    ("another system handed the report on", "een ander systeem gaf het bericht door"),
    ("a report says that it was delivered", "een bericht zegt dat het bezorgd is"),
    ("a provider's notification of a bounce", "een melding van een provider dat het terugkwam"),
    ("RFC 8460 report about TLS", "een rapport over TLS (RFC 8460)"),
    ("a person says so", "een mens zegt het"),
];

/// Sentences that end with something of the message.
const BEGINNINGS: [(&str, &str); 6] = [
    ("they name ", "zij noemen "),
    ("it is our own letter to ", "het is onze eigen brief aan "),
    ("it comes from ourselves, ", "het komt van onszelf, "),
    ("the subject is that of an automatic answer ", "het onderwerp is dat van een automatisch antwoord "),
    ("the status is from ", "de status is van "),
    ("RFC 8098 notification: ", "leesbevestiging (RFC 8098): "),
];

/// Kinds of automatic answers.
const AUTOMATIC: [(&str, &str); 7] = [
    ("they are away", "zij zijn afwezig"),
    ("receipt is acknowledged", "de ontvangst wordt bevestigd"),
    ("the person has left the organisation", "degene is weg bij de organisatie"),
    ("the address is no longer used", "het adres wordt niet meer gebruikt"),
    ("the sender is asked to prove something first", "de afzender moet eerst iets bewijzen"),
    (
        "they ask for something else than a letter, such as a form",
        "zij vragen iets anders dan een brief, zoals een formulier",
    ),
    ("an automatic answer of no particular kind", "een automatisch antwoord van geen bijzonder soort"),
];

/// Returns a reason in a language; nothing where it is there in English alone.
pub(super) fn in_words(lang: Lang, reason: &str) -> Option<String> {
    if lang == Lang::English {
        return Some(reason.to_owned());
    }
    let find = |table: &[(&str, &'static str)], said: &str| {
        table.iter().find(|(english, _)| *english == said).map(|(_, dutch)| *dutch)
    };
    if let Some(dutch) = find(&WHOLE, reason) {
        return Some(dutch.to_owned());
    }
    if let Some(kind) = reason.strip_prefix("automatic answer: ") {
        return find(&AUTOMATIC, kind).map(|dutch| format!("automatisch antwoord: {dutch}"));
    }
    if let Some((key, evidence)) =
        reason.strip_prefix("it belongs to ").and_then(|rest| rest.split_once(" by "))
    {
        return Some(format!("het hoort bij {key}, volgens {evidence}"));
    }
    let rest = |(english, dutch): &(&str, &str)| Some(format!("{dutch}{}", reason.strip_prefix(english)?));
    BEGINNINGS.iter().find_map(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::inbound::AutoReply;

    #[test]
    fn reasons_are_said_in_dutch_and_what_is_not_known_stays_english() {
        let dutch = |reason: &str| in_words(Lang::Dutch, reason);
        assert_eq!(dutch("they name 2025-09-08").as_deref(), Some("zij noemen 2025-09-08"));
        assert_eq!(
            dutch("it belongs to EVP by <a.b@c.example>").as_deref(),
            Some("het hoort bij EVP, volgens <a.b@c.example>")
        );
        for kind in [
            AutoReply::Away,
            AutoReply::Acknowledgement,
            AutoReply::LeftOrganisation,
            AutoReply::AddressRetired,
            AutoReply::Challenge,
            AutoReply::UseOurForm,
            AutoReply::Other,
        ] {
            assert!(dutch(&format!("automatic answer: {}", kind.words())).is_some(), "{}", kind.words());
        }
        assert_eq!(dutch("5.1.1: the mailbox is not there"), None);
        assert_eq!(in_words(Lang::English, "anything").as_deref(), Some("anything"));
    }
}
