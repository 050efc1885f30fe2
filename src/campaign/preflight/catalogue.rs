//! Every finding under its name: how grave it is, what it means, what to do, and whether it may be accepted.
//!
//! `docs/reference/findings.md` is made from [`ALL`].

use crate::campaign::problem::{Place, Problem, Severity};

/// One kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its name; never changed once it is out.
    pub name: &'static str,
    /// How grave it is before real recipients. An error is only a warning while nothing leaves the machine.
    pub severity: Severity,
    /// What it means: a sentence without a full stop.
    pub means: &'static str,
    /// What to do: a sentence without a full stop.
    pub remedy: &'static str,
    /// Whether a person may let it stand.
    pub acceptable: bool,
}

impl Finding {
    /// Returns the finding of a name.
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().copied().find(|finding| finding.name == name)
    }

    /// Makes a problem of it.
    pub fn at(&self, place: Place, said: impl Into<String>) -> Problem {
        Problem::new(self.severity, self.name, place, said)
    }

    /// Makes a problem of it that only warns, because this time it is less sure.
    pub fn softly(&self, place: Place, said: impl Into<String>) -> Problem {
        Problem::new(Severity::Warning, self.name, place, said)
    }
}

/// Makes constants of findings, and the list of all of them.
macro_rules! findings {
    ($($constant:ident $name:literal $severity:ident $accept:literal: $means:literal; $remedy:literal.)*) => {
        $(
            #[doc = $means]
            pub const $constant: Finding = Finding {
                name: $name,
                severity: Severity::$severity,
                means: $means,
                remedy: $remedy,
                acceptable: $accept,
            };
        )*
        /// All of them, in the order of the reference.
        pub const ALL: &[&Finding] = &[$(&$constant),*];
    };
}

findings! {
    EMPTY_FIELD "empty-field" Error false:
        "a field is empty for a row where the letter shows it (\"Geachte ,\")";
        "fill it in, or write `{{default naam \"…\"}}` or `{{optional naam}}`".
    LEFT_OVER "left-over" Error false:
        "something is still to be filled in: `[…]`, `XXX`, `TODO`, lorem ipsum, or the mark of a merge (`{{naam}}` in a cell, `«Naam»`)";
        "fill it in".
    NO_VALUE "no-value" Error true:
        "a cell says that it has no value (`n.v.t.`, `-`, `onbekend`, `NULL`, `#N/B`), and the letter would show that";
        "leave the cell empty, and write `{{default naam \"…\"}}`".
    HTML_ENTITY "html-entity" Error true:
        "a cell holds HTML (`&amp;`), which the reader would see as it stands";
        "write the sign itself".
    SHOUTING_NAME "shouting-name" Warning true:
        "a name is in capitals throughout";
        "write it as its bearer does".
    ADDRESS_AS_NAME "address-as-name" Warning true:
        "there is a mail address where a name belongs";
        "write the name, or leave the cell empty".
    DOUBLE_BLANK "double-blank" Warning true:
        "a value that the letter shows has two blanks in a row";
        "take one out".
    ODD_DISPLAY_NAME "odd-display-name" Warning true:
        "the name beside an address has signs that mail programs distrust, or is longer than 78 characters";
        "shorten it to what people call the recipient".
    EMPTY_SALUTATION "empty-salutation" Error true:
        "the salutation names nobody (\"Geachte,\")";
        "write `{{default naam \"…\"}}` in it".
    DOUBLED_SALUTATION "doubled-salutation" Error true:
        "the salutation says something twice (\"Geachte heer De heer Jansen\")";
        "have it either in the letter or in the cell".
    BLANK_BEFORE_COMMA "blank-before-comma" Warning true:
        "there is a blank before the comma of the salutation";
        "take it out".
    EXAMPLE_TEXT "example-text" Error false:
        "the letter, or what the settings tell of the sender, is that of the example";
        "write your own".
    EXAMPLE_PARAGRAPH "example-paragraph" Warning true:
        "a paragraph is that of the example letter";
        "write your own".
    EXAMPLE_ADDRESS "example-address" Error false:
        "an address, of a recipient or of the sender, can by its name reach nobody";
        "put in the real one".
    WRONG_LANGUAGE "wrong-language" Warning true:
        "the letter reads as another language than `campaign.language`, which screen readers and dates follow";
        "set `language` in `[campaign]`".
    THIN_TEXT "thin-text" Warning true:
        "the letter has hardly any text, or only links";
        "say in a few sentences what it is about".
    WRONG_WEEKDAY "wrong-weekday" Error true:
        "the day of the week does not fit the date (a warning where no year is written)";
        "look into a calendar".
    PAST_DEADLINE "past-deadline" Warning true:
        "the letter or the settings set a term that has passed";
        "set another".
    INSECURE_LINK "insecure-link" Warning true:
        "a link begins with `http:`";
        "write `https:`, or ask the site's owner for it".
    DECEPTIVE_LINK "deceptive-link" Error true:
        "a link shows one address and goes to another, as in phishing";
        "let it show where it goes, or words".
    EXAMPLE_LINK "example-link" Error false:
        "a link goes to a site that nobody can reach: an example, this machine, a private network";
        "put in the real one".
    SHORTENED_LINK "shortened-link" Warning true:
        "a link goes through a shortener, which spam filters distrust";
        "write the full address".
    EMPTY_LINK "empty-link" Warning true:
        "a link has no text to click on";
        "write some between the brackets".
    MAILTO_TYPO "mailto-typo" Error true:
        "a mail link holds no address, or one with a typing error";
        "correct it".
    LONG_SUBJECT "long-subject" Warning true:
        "the subject has more than 78 characters; most programs show some 60";
        "shorten it".
    OVERLONG_SUBJECT "overlong-subject" Error false:
        "the subject has more than 900 octets, which servers refuse";
        "shorten it".
    BROKEN_SUBJECT "broken-subject" Warning true:
        "a cell brings a line break into the subject, where it becomes a blank";
        "take it out of the cell".
    SHOUTING_SUBJECT "shouting-subject" Warning true:
        "the subject is in capitals throughout, or has more than one exclamation mark";
        "write it as you would on paper".
    FALSE_REPLY "false-reply" Error true:
        "the subject of a first letter pretends to be an answer (`Re:`) or forwarded (`Fwd:`)";
        "take that out".
    EXCLAMATIONS "exclamations" Warning true:
        "the letter shouts (`!!!`)";
        "one mark is enough".
    OTHER_CONVERSATION "other-conversation" Warning true:
        "a letter that follows another has a subject of its own, so mail programs show it as another conversation";
        "take the subject away: then it answers under the first letter's, with `Re:`".
    LARGE_LETTER "large-letter" Warning true:
        "the HTML has more than 80 kB; Gmail cuts a message off at about 102 kB";
        "shorten the letter".
    MAIL_PROGRAM "mail-program" Warning true:
        "the HTML uses what a common mail program does not show, or nobody has looked up";
        "use something plainer".
    LARGE_ATTACHMENT "large-attachment" Warning true:
        "an attachment has more than 1 MB";
        "make it smaller, or link to it".
    HUGE_ATTACHMENT "huge-attachment" Error true:
        "an attachment has more than 10 MB, which many servers refuse";
        "link to it".
    LARGE_VOLUME "large-volume" Warning true:
        "all messages together have more than 1 GB; they fill your Sent folder too";
        "make the attachments smaller, or link to them".
    TWO_SPELLINGS "two-spellings" Warning true:
        "two rows look like one person under two spellings";
        "take one row out".
    SHARED_TEXT "shared-text" Warning true:
        "more recipients of one organisation than `[preflight] per-organisation` get the same text";
        "choose among them, or write to each what is meant for them".
    ODD_DOMAIN "odd-domain" Warning true:
        "the domain of an address looks like a typing error";
        "correct it".
    NEEDS_SMTPUTF8 "needs-smtputf8" Warning true:
        "an address has letters beyond ASCII before the @, which many servers do not take (RFC 6531)";
        "ask for another address".
    FREEMAIL_SENDER "freemail-sender" Warning true:
        "the letters come from an address at a free mail host, which holds such letters for spam";
        "use an address of your own domain".
    FREEMAIL_REPLY_TO "freemail-reply-to" Warning true:
        "answers go to a free mail host, and the letter comes from elsewhere, as in fraud";
        "use an address of your own domain in `reply-to`".
    SPAM_SCORE "spam-score" Error true:
        "SpamAssassin takes the letter for spam: 5 points or more";
        "look at the rules that it names".
    SPAM_RULES "spam-rules" Warning true:
        "SpamAssassin gives the letter more than 2 points; 5 make it spam";
        "look at the rules that it names".
    WRONG_ACCEPTANCE "wrong-acceptance" Error false:
        "an acceptance names no finding, one that cannot be accepted, or no reason";
        "correct it".
    UNUSED_ACCEPTANCE "unused-acceptance" Warning false:
        "a finding is accepted, and there is none of that name";
        "take the acceptance out".
}

/// Returns the table of `docs/reference/findings.md`.
pub fn reference() -> String {
    use std::fmt::Write as _;
    let mut text = String::from(
        "# Findings\n\nMade from the program itself. What `check`, `preview` and `send` find in a letter, a roster and the settings, before a \
         letter leaves. An *error* stops `send`; as long as nothing leaves the machine (a rehearsal, a folder, a relay on this computer) it is shown as a \
         warning. Whatever else is wrong, such as a key that does not exist or a row that cannot be read, is an error with its place and \
         cannot be accepted.\n\nWhere *accept* says yes, you may let a finding stand, [with a reason](letter.md#accepting-a-finding).\n\n\
         | name | severity | what it means | what to do | accept |\n|---|---|---|---|---|\n",
    );
    for finding in ALL {
        let severity = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let accept = if finding.acceptable { "yes" } else { "no" };
        let cell = |text: &str| text.replace('|', "\\|");
        let _ = writeln!(
            text,
            "| `{}` | {severity} | {} | {} | {accept} |",
            finding.name,
            cell(finding.means),
            cell(finding.remedy)
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_sentences_end_without_a_full_stop() {
        let names: HashSet<_> = ALL.iter().map(|finding| finding.name).collect();
        assert_eq!(names.len(), ALL.len());
        for finding in ALL {
            assert!(
                finding.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte == b'8')
            );
            assert!(!finding.means.ends_with('.') && !finding.remedy.ends_with('.'), "{}", finding.name);
            assert!(
                finding.severity == Severity::Error || finding.acceptable || **finding == UNUSED_ACCEPTANCE
            );
        }
    }
}
