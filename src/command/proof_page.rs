//! What a proof says, as a page for people: in Dutch for a Dutch campaign, else in English.

use std::fmt::Write as _;

use super::evidence::Evidence;
use crate::campaign::enclosure::Enclosure;
use crate::delivery::state::State;

/// Returns the page for people.
pub(super) fn page(evidence: &Evidence) -> String {
    let say = |dutch: &'static str, english: &'static str| if evidence.dutch { dutch } else { english };
    let title = say(
        "Wat er is verstuurd, en wat de mailserver antwoordde",
        "What was sent, and what the mail server said",
    );
    let mut text = format!("{title}\n{}\n\n", "=".repeat(title.chars().count()));
    let mut line = |word: &str, said: &str| {
        let _ = writeln!(text, "{word:<16}{said}");
    };
    let message = &evidence.message;
    line(say("Campagne", "Campaign"), &evidence.campaign);
    let whom = [Some(&evidence.recipient.key), evidence.recipient.organisation.as_ref()];
    line(say("Voor", "For"), &whom.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(", "));
    line(say("Van", "From"), &message.from);
    line(say("Aan", "To"), &message.to.join(", "));
    if !message.cc.is_empty() {
        line(say("Kopie aan", "Copy to"), &message.cc.join(", "));
    }
    line(say("Onderwerp", "Subject"), &message.subject);
    line(say("Gedateerd", "Dated"), &message.dated.told);
    line("Message-ID", &message.message_id);
    for Enclosure { name, file } in &message.attachments {
        let said = format!(
            "{name} ({}, {} {}, SHA-256 {})",
            file.media_type,
            file.size,
            say("bytes", "octets"),
            file.digest
        );
        line(say("Bijlage", "Attachment"), &said);
    }
    line(
        say("Bericht", "Message"),
        &format!("{}, {} {}", message.file, message.octets, say("bytes", "octets")),
    );
    line("SHA-256", &message.sha256);
    text.push('\n');
    let mut line = |word: &str, said: &str| {
        let _ = writeln!(text, "{word:<16}{said}");
    };
    let envelope = &evidence.envelope;
    line(say("Afzender", "Envelope from"), envelope.reverse_path.as_deref().unwrap_or("<>"));
    line(say("Bestemming", "Envelope to"), &envelope.forward_paths.join(", "));
    if !envelope.left_out.is_empty() {
        line(say("Weggelaten", "Left out"), &envelope.left_out.join(", "));
    }
    if !envelope.not_taken.is_empty() {
        line(say("Niet aangenomen", "Not taken"), &envelope.not_taken.join(", "));
    }
    if let Some(account) = &evidence.relay.account {
        line(say("Mailserver", "Mail server"), account);
    }
    if let Some(reply) = &evidence.relay.reply {
        line(say("Antwoord", "Reply"), &reply.to_string());
    }
    if let Some(queue_id) = &evidence.relay.queue_id {
        line(say("Daar bekend als", "Known there as"), queue_id);
    }
    let heading = say("Pogingen", "Attempts");
    let _ = writeln!(text, "\n{heading}\n{}\n", "-".repeat(heading.len()));
    for attempt in &evidence.attempts {
        let number = attempt.number.map_or(String::new(), |number| format!("{number}. "));
        let what = outcome(&attempt.outcome, evidence.dutch);
        let _ = writeln!(text, "{number}{}: {what}", attempt.ended.told);
        let reply = attempt.reply.as_ref().map(ToString::to_string);
        // What we make of a reply is told in English, and stands in the other page.
        for said in [reply, attempt.note.clone().filter(|_| !evidence.dutch)].into_iter().flatten() {
            let _ = writeln!(text, "   {said}");
        }
    }
    for later in &evidence.later {
        let _ = writeln!(text, "{}: {}", later.at.told, outcome(&later.what, evidence.dutch));
        let reply = later.reply.as_ref().map(ToString::to_string);
        for said in [reply, later.note.clone()].into_iter().flatten() {
            let _ = writeln!(text, "   {said}");
        }
    }
    let heading = say("Wat dit betekent", "What this means");
    let _ = writeln!(text, "\n{heading}\n{}\n\n{}", "-".repeat(heading.len()), evidence.means);
    let _ = writeln!(
        text,
        "\n{}",
        say(
            "In letter.eml staat het bericht zoals het is overgedragen, byte voor byte; elk mailprogramma opent het. De SHA-256\n\
             hierboven is die van dit bestand (na te gaan met `sha256sum letter.eml`). In proof.json staat hetzelfde voor programma's.",
            "letter.eml is the message as it was handed over, byte for byte; any mail program opens it. The SHA-256 above is that of\n\
             this file (check it with `sha256sum letter.eml`). proof.json says the same for programs."
        )
    );
    text
}

/// What an event is called.
fn outcome(event: &str, dutch: bool) -> String {
    if !dutch {
        return event.replace('-', " ");
    }
    match event {
        "accepted" => "aangenomen".to_owned(),
        "deferred" => "uitgesteld door de mailserver".to_owned(),
        "refused" => "geweigerd".to_owned(),
        "expired" => "opgegeven na de laatste poging".to_owned(),
        "in-doubt" => "onzeker: de verbinding brak toen het bericht al was overgedragen".to_owned(),
        "requeued" => "teruggezet in de wachtrij".to_owned(),
        "settled" => "door een mens vastgesteld".to_owned(),
        "bounced" => "teruggekomen".to_owned(),
        other => other.to_owned(),
    }
}

/// What a state means, and what it does not.
pub(super) fn meaning(state: State, settled: bool, account: Option<&str>, dutch: bool) -> String {
    let say =
        |in_dutch: &str, in_english: &str| if dutch { in_dutch.to_owned() } else { in_english.to_owned() };
    if account.is_some_and(|account| account == "rehearsal" || account.starts_with("folder:")) {
        return say(
            "Dit was een generale repetitie: de brief heeft deze computer niet verlaten.",
            "This was a rehearsal: the letter did not leave this machine.",
        );
    }
    match state {
        State::Accepted if settled => say(
            "De verbinding brak toen het bericht al was overgedragen. Een mens heeft daarna vastgesteld dat het is verstuurd; een\n\
             antwoord van de mailserver is er niet.",
            "The line broke when the message had been handed over. A person then found that it had gone out; there is no reply of\n\
             the mail server.",
        ),
        State::Accepted => say(
            "De mailserver hierboven heeft het bericht aangenomen en daarmee de zorg ervoor overgenomen (RFC 5321, paragraaf 6.1).\n\
             Dat is geen bewijs dat het in een postvak is aangekomen of gelezen. Wat er daarna mee gebeurde, staat in de logboeken\n\
             van de mailservers; met de Message-ID en het kenmerk hierboven is het daarin te vinden.",
            "The mail server above took the message, and with it the responsibility for it (RFC 5321, section 6.1). That is no proof\n\
             that it arrived in a mailbox or was read. What became of it then is in the logs of the mail servers, where it can be\n\
             found by the Message-ID and by the name that the server gave it above.",
        ),
        State::Bounced => say(
            "De mailserver heeft het bericht aangenomen, en later is gemeld dat het niet kon worden bezorgd.",
            "The mail server took the message, and a report came later that it could not be delivered.",
        ),
        State::InDoubt => say(
            "De verbinding brak toen het bericht al was overgedragen, voordat de mailserver antwoordde. Niemand weet of het is\n\
             verstuurd.",
            "The line broke when the message had been handed over and before the mail server replied. Nobody knows whether it went\n\
             out.",
        ),
        _ => say(
            "Het bericht is overgedragen, en de mailserver heeft het niet aangenomen.",
            "The message was handed over, and the mail server did not take it.",
        ),
    }
}
