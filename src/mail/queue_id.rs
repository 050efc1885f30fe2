//! The name that a relay gives a letter in its own logs, as it tells it in the reply to end-of-data (RFC 5321 §4.2 leaves the
//! words to the server). With it the relay's postmaster finds the letter.

use super::headers::clean;

/// Nobody's queue id is longer; what is, is no id.
const LONGEST: usize = 160;

/// Finds the queue id in the text of a reply; nothing where the relay tells none that we know how to read.
pub fn of(text: &str) -> Option<String> {
    let text = clean(text);
    let forms: [fn(&str) -> Option<&str>; 8] =
        [exchange, gmail, queued_as, yandex, id, before_accepted, bracketed, alone];
    let found = forms.iter().find_map(|form| form(&text))?;
    let found = found.trim_matches(['.', ',', ';', ':', '<', '>', '(', ')', '"', '\'']);
    (!found.is_empty() && found.len() <= LONGEST).then(|| found.to_owned())
}

/// What stands behind `words`, in any case.
fn behind<'t>(text: &'t str, words: &str) -> Option<&'t str> {
    let at = text.to_ascii_lowercase().find(words)? + words.len();
    text.get(at..).map(str::trim_start)
}

fn first(text: &str) -> Option<&str> {
    text.split_whitespace().next()
}

/// Exchange and Microsoft 365: `<id@x> [InternalId=12, Hostname=y] 9 bytes in 0.1, 76 KB/sec Queued mail for delivery`.
fn exchange(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once('[')?;
    let (inside, rest) = rest.split_once(']')?;
    (rest.contains("Queued mail for delivery") && inside.contains('=')).then_some(inside)
}

/// Gmail and Google Workspace: `OK  1725795012 4fb4d7f45d1cf-5c3ebd4si76a12.34 - gsmtp`.
fn gmail(text: &str) -> Option<&str> {
    text.strip_suffix("- gsmtp")?.split_whitespace().next_back()
}

/// Postfix and many others: `Ok: queued as 4X1Y2Z3abc`.
fn queued_as(text: &str) -> Option<&str> {
    first(behind(text, "queued as ")?)
}

/// Yandex: `Ok: queued on mail-1.yandex.net 1725795012-Ab1Cd2`.
fn yandex(text: &str) -> Option<&str> {
    behind(text, "queued on ")?.split_whitespace().nth(1)
}

/// Exim, Stalwart, KumoMTA and others: `OK id=1sn2Xy-0003Ab-Cd`, `Message queued with id 1f2e.`, `OK ids=…`.
fn id(text: &str) -> Option<&str> {
    ["ids=", "id=", " id "].into_iter().find_map(|words| {
        let found = first(behind(text, words)?)?;
        found.contains(|c: char| c.is_ascii_digit()).then_some(found)
    })
}

/// sendmail, OpenSMTPD and Proofpoint: `4886AbCd012345 Message accepted for delivery`.
fn before_accepted(text: &str) -> Option<&str> {
    let at = text.to_ascii_lowercase().find("message accepted for delivery")?;
    text.get(..at)?.split_whitespace().next_back().filter(|id| id.contains(|c: char| c.is_ascii_digit()))
}

/// Haraka and Mimecast: `Message Queued (5E6B-…)`, `Received OK [abcDEF12.uk1]`.
fn bracketed(text: &str) -> Option<&str> {
    let (open, close) = [('(', ')'), ('[', ']')].into_iter().find(|(_, close)| text.ends_with(*close))?;
    let inside = text.strip_suffix(close)?.rsplit_once(open)?.1;
    (inside.len() >= 8 && !inside.contains(' ') && inside.contains(|c: char| c.is_ascii_digit()))
        .then_some(inside)
}

/// Amazon SES, SparkPost, Courier, qmail: an id alone behind `Ok`, or `ok 1725795012 qp 12345`.
fn alone(text: &str) -> Option<&str> {
    let (word, rest) = text.split_once(' ')?;
    let ok = word.trim_end_matches(['.', ':', ',']).eq_ignore_ascii_case("ok");
    let qmail = rest.contains(" qp ") && rest.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    let single = !rest.contains(' ') && rest.len() >= 8 && rest.contains(|c: char| c.is_ascii_digit());
    (ok && (qmail || single)).then_some(rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn relays_tell_it_in_many_ways() {
        for (text, expected) in [
            // Postfix, and who speaks like it; our own rehearsal relay.
            ("Ok: queued as 4X1Y2Z3abcz9s", "4X1Y2Z3abcz9s"),
            ("Ok: queued as 2F1C03A0D4.", "2F1C03A0D4"),
            ("Ok: queued as R00000007", "R00000007"),
            (
                "OK: queued as <202509080730.12345@smtp-relay.provider.example>",
                "202509080730.12345@smtp-relay.provider.example",
            ),
            ("Message queued as a1b2c3d4-0001", "a1b2c3d4-0001"),
            // Exim, Stalwart, KumoMTA, and large Dutch and German providers.
            ("OK id=1sn2Xy-00000003AbC-1dEf", "1sn2Xy-00000003AbC-1dEf"),
            (
                "Requested mail action okay, completed: id=1MN5Jj-1sfABC0xyz-00J1a2",
                "1MN5Jj-1sfABC0xyz-00J1a2",
            ),
            ("Message queued with id 1f2e3d4c5b6a.", "1f2e3d4c5b6a"),
            ("OK ids=d7ef132b5b7711ea8c8b000c29c33806", "d7ef132b5b7711ea8c8b000c29c33806"),
            // Exchange and Microsoft 365.
            (
                "<abc.def.1@ngo.example> [InternalId=93415200785412, Hostname=DB9PR02MB1234.eurprd02.prod.outlook.com] 12345 bytes in 0.123, 97.612 KB/sec Queued mail for delivery",
                "InternalId=93415200785412, Hostname=DB9PR02MB1234.eurprd02.prod.outlook.com",
            ),
            (
                "OK <abc@ngo.example> [Hostname=AM0PR.prod.outlook.com] Queued mail for delivery",
                "Hostname=AM0PR.prod.outlook.com",
            ),
            // Gmail.
            (
                "OK  1725795012 4fb4d7f45d1cf-5c3ebd4689bsi7654321a12.34 - gsmtp",
                "4fb4d7f45d1cf-5c3ebd4689bsi7654321a12.34",
            ),
            (
                "OK DMARC:Quarantine 1725795012 ffacd0b85a97d-378956d3789si1.2 - gsmtp",
                "ffacd0b85a97d-378956d3789si1.2",
            ),
            // sendmail, OpenSMTPD, Proofpoint.
            ("4887UCxK012345 Message accepted for delivery", "4887UCxK012345"),
            ("41gtw3hr8k-1 Message accepted for delivery", "41gtw3hr8k-1"),
            // Amazon SES, SparkPost, Courier, qmail, Yandex, Haraka, Mimecast.
            (
                "Ok 0102018f1a2b3c4d-5e6f7a8b-0000-4000-8000-0123456789ab-000000",
                "0102018f1a2b3c4d-5e6f7a8b-0000-4000-8000-0123456789ab-000000",
            ),
            ("OK 8B/3C-12345-ABCDEF66", "8B/3C-12345-ABCDEF66"),
            ("Ok. 000000000004A1B2.0000000066DD0A3C.00003039", "000000000004A1B2.0000000066DD0A3C.00003039"),
            ("ok 1725795012 qp 12345", "1725795012 qp 12345"),
            ("Ok: queued on mail-nwsmtp-1.yandex.net 1725795012-Ab1Cd2Ef3", "1725795012-Ab1Cd2Ef3"),
            (
                "Message Queued (5E6B0C1A-9F3D-4C1B-8E2A-0B1C2D3E4F50.1)",
                "5E6B0C1A-9F3D-4C1B-8E2A-0B1C2D3E4F50.1",
            ),
            ("SmtpThread-123 Received OK [aBcDeF12GhI.uk1]", "aBcDeF12GhI.uk1"),
        ] {
            assert_eq!(of(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn where_a_relay_tells_none_there_is_none() {
        for text in [
            "",
            "Ok",
            "OK",
            "Great success",
            "Message received",
            "message received",
            "Requested mail action okay, completed",
            "Queued (0.123 seconds)",
            "ok dirdel",
            "Ok, message saved",
            "Message accepted for delivery",
            "did you know that it was said as a whole",
            "queued as ",
            &format!("queued as {}", "x".repeat(1000)),
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_relay_says_it_is_read_or_not_and_never_a_panic(text in "\\PC{0,80}|(queued as|id=|OK |\\[|\\]|\\(|\\)|- gsmtp|é| ){0,12}") {
            if let Some(id) = of(&text) {
                prop_assert!(!id.is_empty() && id.len() <= LONGEST && !id.contains('\n'));
            }
        }
    }
}
