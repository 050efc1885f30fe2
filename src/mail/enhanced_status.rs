//! The registry of enhanced status codes (RFC 5248, with RFC 3463, 3886, 4468, 4865, 4954, 5321, 6710, 6531, 7293, 7372, 7505, 8616): what each
//! means, in our words.

use super::smtp_reply::EnhancedCode;

/// Subject, detail, meaning.
const REGISTRY: &[(u16, u16, &str)] = &[
    (0, 0, "no particulars"),
    (1, 0, "something is wrong with the address"),
    (1, 1, "there is no such mailbox"),
    (1, 2, "there is no such mail domain"),
    (1, 3, "the address is malformed"),
    (1, 4, "the address may mean several mailboxes"),
    (1, 5, "the address is valid"),
    (1, 6, "the mailbox has moved and left no address"),
    (1, 7, "the sender's address is malformed"),
    (1, 8, "the sender's domain cannot be reached"),
    (1, 9, "it was handed to a system that sends no reports"),
    (1, 10, "the domain takes no mail at all"),
    (2, 0, "something is wrong with the mailbox"),
    (2, 1, "the mailbox is closed, or takes no mail"),
    (2, 2, "the mailbox is full"),
    (2, 3, "the message is larger than the mailbox takes"),
    (2, 4, "a mailing list could not be expanded"),
    (3, 0, "something is wrong with their mail system"),
    (3, 1, "their mail system is full"),
    (3, 2, "their mail system takes no mail at the moment"),
    (3, 3, "their mail system cannot do what was asked"),
    (3, 4, "the message is too large for their mail system"),
    (3, 5, "their mail system is misconfigured"),
    (3, 6, "the priority was changed"),
    (4, 0, "something is wrong on the way"),
    (4, 1, "their host did not answer"),
    (4, 2, "the connection broke"),
    (4, 3, "the name server gave no answer"),
    (4, 4, "there is no way to their host"),
    (4, 5, "the mail system is overloaded, or a limit was reached"),
    (4, 6, "the message went round in a loop"),
    (4, 7, "it could not be delivered in the time allowed"),
    (5, 0, "something is wrong with the protocol"),
    (5, 1, "a command was not valid"),
    (5, 2, "a command was malformed"),
    (5, 3, "there were too many recipients"),
    (5, 4, "an argument was not valid"),
    (5, 5, "the wrong version of the protocol"),
    (5, 6, "the authentication exchange line is too long"),
    (6, 0, "something is wrong with the content"),
    (6, 1, "their mail system does not take this kind of content"),
    (6, 2, "a conversion is needed and not allowed"),
    (6, 3, "a conversion is needed and not supported"),
    (6, 4, "something was lost in a conversion"),
    (6, 5, "a conversion failed"),
    (6, 6, "the content could not be fetched"),
    (6, 7, "letters beyond ASCII in addresses are not supported"),
    (6, 8, "a reply in UTF-8 is needed and not allowed"),
    (6, 9, "a header in UTF-8 cannot be handed on"),
    (7, 0, "their policy does not take it"),
    (7, 1, "their policy does not take mail from us, or takes it for spam"),
    (7, 2, "we may not write to that mailing list"),
    (7, 3, "a security conversion is needed and not possible"),
    (7, 4, "a security feature is not supported"),
    (7, 5, "cryptography failed"),
    (7, 6, "a cryptographic algorithm is not supported"),
    (7, 7, "the integrity of the message could not be confirmed"),
    (7, 8, "the login was refused"),
    (7, 9, "the login's mechanism is too weak"),
    (7, 10, "encryption is needed"),
    (7, 11, "encryption is needed for that mechanism of login"),
    (7, 12, "a change of password is needed"),
    (7, 13, "the account is disabled"),
    (7, 14, "a trust relationship is needed"),
    (7, 15, "the priority is too low"),
    (7, 16, "the message is too large for its priority"),
    (7, 17, "the mailbox has changed its owner"),
    (7, 18, "the domain has changed its owner"),
    (7, 19, "it cannot be checked who owns the mailbox"),
    (7, 20, "no DKIM signature passed"),
    (7, 21, "no DKIM signature was acceptable"),
    (7, 22, "no DKIM signature fits the author"),
    (7, 23, "SPF did not pass"),
    (7, 24, "SPF could not be checked"),
    (7, 25, "the reverse name of the sending host did not pass"),
    (7, 26, "several checks of authentication failed"),
    (7, 27, "the sender's domain takes no mail"),
    (7, 28, "there is too much mail of this kind"),
    (7, 29, "ARC did not pass"),
    (7, 30, "REQUIRETLS is needed"),
];

/// Says what a code means; `None` where the registry does not have it.
pub fn meaning(code: EnhancedCode) -> Option<&'static str> {
    REGISTRY
        .iter()
        .find(|(subject, detail, _)| (*subject, *detail) == (code.subject, code.detail))
        .map(|(_, _, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_is_sorted_and_every_code_stands_once() {
        assert!(REGISTRY.is_sorted_by(|a, b| (a.0, a.1) < (b.0, b.1)));
        assert_eq!(meaning(EnhancedCode::parse("5.2.2").unwrap()), Some("the mailbox is full"));
        assert_eq!(meaning(EnhancedCode::parse("5.9.9").unwrap()), None);
    }
}
