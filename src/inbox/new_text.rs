//! What somebody wrote anew: without what they quote, without signature, without what lists and we ourselves put below.
//!
//! Above, below and in between: people answer in all three ways, in four languages, in programs that mark a quotation with
//! `>`, with a header, with a line, or not at all.

use super::rules::rules;
use super::words::plain;

/// How many lines are read.
const LINES: usize = 4000;

/// A text, parted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewText {
    /// What is new.
    pub text: String,
    /// Whether anything was quoted.
    pub quotes: bool,
}

/// Returns the new part of a text; lines that are in `own` (see [`own_lines`]) do not count.
pub fn new_text(text: &str, own: &[String]) -> NewText {
    let lines: Vec<&str> = text.lines().take(LINES).collect();
    let mut kept: Vec<&str> = Vec::new();
    let mut quotes = false;
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        let bare = line.trim();
        if is_quoted(line) {
            quotes = true;
            at += 1;
            continue;
        }
        if let Some(used) = attribution(&lines[at..]) {
            quotes = true;
            at += used;
            let marked =
                lines[at..].iter().find(|line| !line.trim().is_empty()).is_some_and(|line| is_quoted(line));
            if !marked && has_words(&kept) {
                break;
            }
            continue;
        }
        if is_separator(bare) && header(&lines[at + 1..]).is_some()
            || header(&lines[at..]).is_some()
            || is_original_mark(bare)
        {
            quotes = true;
            // With nothing above it, it was passed on without a word, or is answered below in a way that nobody can see.
            break;
        }
        if has_words(&kept) && (is_signature(line) || is_separator(bare)) {
            break;
        }
        if !own.is_empty() && !bare.is_empty() && own.contains(&plain(bare)) {
            at += 1;
            continue;
        }
        kept.push(line);
        at += 1;
    }
    NewText { text: kept.join("\n").trim().to_owned(), quotes }
}

/// Makes [`super::Settings::own_lines`] of our footer, as it stands below our letters.
pub fn own_lines(footer: &str) -> Vec<String> {
    footer.lines().map(plain).filter(|line| !line.is_empty()).collect()
}

fn has_words(kept: &[&str]) -> bool {
    kept.iter().any(|line| line.chars().any(char::is_alphanumeric))
}

fn is_quoted(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with('>') || line.starts_with("| ") || {
        // "AJ> text", as some news readers quote.
        let initials = line.bytes().take_while(u8::is_ascii_uppercase).count();
        (1..=4).contains(&initials) && line.as_bytes().get(initials) == Some(&b'>')
    }
}

/// "On … wrote:", over up to four lines; returns how many.
fn attribution(lines: &[&str]) -> Option<usize> {
    let mut joined = String::new();
    for (nth, line) in lines.iter().take(4).enumerate() {
        // One that goes on over lines begins with "On", a date, an address or a name in quotation marks: "Hello" does not.
        const OPENING: [&str; 11] = ["on", "op", "am", "um", "le", "el", "il", "em", "den", "in", "at"];
        let opens =
            lines[0].split_whitespace().next().is_some_and(|word| OPENING.contains(&plain(word).as_str()));
        let begins = opens || lines[0].contains(|c: char| c.is_ascii_digit() || matches!(c, '@' | '"'));
        if line.trim().is_empty() || nth > 0 && (is_quoted(line) || !begins) {
            break;
        }
        joined.push(' ');
        joined.push_str(line.trim());
        if joined.len() > 400 {
            break;
        }
        if line.trim_end().ends_with([':', '：']) && rules().attribution.fits(&plain(&joined)) {
            return Some(nth + 1);
        }
    }
    None
}

/// The header of a letter as Outlook and others put it above what is answered: three of four fields within a few lines.
fn header(lines: &[&str]) -> Option<usize> {
    const NAMES: [&[&str]; 4] = [
        &[
            "from",
            "van",
            "von",
            "de",
            "da",
            "fra",
            "fran",
            "od",
            "expediteur",
            "fan",
            "от",
            "发件人",
            "差出人",
        ],
        &[
            "sent",
            "verzonden",
            "verstuurd",
            "gesendet",
            "envoye",
            "date",
            "datum",
            "enviado",
            "inviato",
            "data",
            "skickat",
            "sendt",
            "wyslano",
            "дата",
            "отправлено",
            "发送时间",
            "日期",
            "送信日時",
            "ferstjoerd",
        ],
        &["to", "aan", "an", "a", "para", "til", "till", "do", "destinataire", "кому", "收件人", "宛先"],
        &[
            "subject",
            "onderwerp",
            "betreff",
            "objet",
            "asunto",
            "oggetto",
            "assunto",
            "amne",
            "emne",
            "temat",
            "тема",
            "主题",
            "件名",
            "underwerp",
        ],
    ];
    let mut seen = [false; 4];
    let mut ends = 0;
    let first = lines.iter().position(|line| !line.trim().is_empty())?;
    if first > 2 {
        return None;
    }
    for (nth, line) in lines.iter().enumerate().skip(first).take(9) {
        let bare = line.trim().trim_start_matches(['*', '_']);
        let Some((name, value)) = bare.split_once([':', '：']) else {
            // Long lists of addressees go on over lines.
            if nth == first || bare.is_empty() && seen.iter().filter(|seen| **seen).count() < 2 {
                break;
            }
            continue;
        };
        let name = plain(name.trim_end_matches(['*', '_', ' ', '\u{a0}']));
        match NAMES.iter().position(|names| names.contains(&name.as_str())) {
            Some(at) if !value.trim().is_empty() || at == 3 => {
                seen[at] = true;
                ends = nth + 1;
            }
            _ if nth == first => break,
            _ => {}
        }
    }
    (seen.iter().filter(|seen| **seen).count() >= 3).then_some(ends)
}

/// A line of dashes or underscores.
fn is_separator(bare: &str) -> bool {
    bare.len() >= 10 && bare.chars().all(|c| matches!(c, '_' | '-' | '=' | '*' | '─' | '—' | ' '))
}

/// "-----Original Message-----", in many languages.
fn is_original_mark(bare: &str) -> bool {
    let dashed = bare.starts_with("--") || bare.starts_with("__") || bare.starts_with("==");
    let words = bare.trim_matches(['-', '_', '=', ' ', ':', '*']);
    !words.is_empty()
        && words.len() < 60
        && (dashed || bare.ends_with(':'))
        && rules().original.fits(&plain(words))
}

fn is_signature(line: &str) -> bool {
    matches!(line.trim_end(), "--" | "- -" | "—") || rules().signature.fits(&plain(line))
}

/// Returns the text above the closing formula: "Met vriendelijke groet,".
pub(crate) fn without_closing(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let end = lines
        .iter()
        .position(|line| rules().closing.fits(&plain(line)))
        .filter(|end| has_words(&lines[..*end]));
    lines[..end.unwrap_or(lines.len())].join("\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> String {
        new_text(text, &[]).text
    }

    #[test]
    fn what_is_above_below_and_between_is_kept() {
        for text in [
            "Dank, prima.\n\nOp ma 1 sep. 2025 om 10:00 schreef Ada <ada@x.example>:\n> oud\n> ouder\n",
            "Dank, prima.\n\nOn Mon, Sep 1, 2025 at 10:00 AM Ada\n<ada@x.example> wrote:\n\n> old\n",
            "Dank, prima.\n\nAm 01.09.2025 um 10:00 schrieb Ada:\n> alt\n",
            "Dank, prima.\n\nLe lun. 1 sept. 2025 à 10:00, Ada <ada@x.example> a écrit :\n\n> vieux\n",
            "Dank, prima.\n\n-----Original Message-----\nFrom: Ada\nSent: Monday\nTo: Ben\nSubject: plan\n\nold\n",
            "Dank, prima.\n\nVan: Ada <ada@x.example>\nVerzonden: maandag 1 september 2025 10:00\nAan: Ben\nOnderwerp: plan\n\noud\n",
            "Dank, prima.\n\n________________________________\nVon: Ada\nGesendet: Montag\nAn: Ben\nBetreff: Plan\n\nalt\n",
            "Dank, prima.\n\n*From:* Ada\n*Sent:* Monday\n*To:* Ben\n*Subject:* plan\n\nold\n",
            "Dank, prima.\n\n-- \nAda\nPartij\n",
            "Dank, prima.\n\nVerzonden vanaf mijn iPhone\n\n> Op 1 sep 2025 schreef Ada:\n> oud\n",
            "Op 1 september 2025 schreef Ada:\n> oud\n> ouder\n\nDank, prima.\n",
            "> oud\n\nDank, prima.\n",
            "Dank, prima.\n01.09.2025 10:00 \"ada@x.example\" <\nada@x.example> schreef:\n\n> oud\n",
            "On 1 Sep 2025 Ada wrote:\n> old\nDank, prima.\n",
            "Dank, prima.\n_______________________________________________\nlist mailing list\nlist@x.example\n",
        ] {
            assert_eq!(read(text), "Dank, prima.", "{text}");
        }
        assert_eq!(read("> een vraag\nJa.\n> nog een\nNee.\n"), "Ja.\nNee.");
    }

    #[test]
    fn our_own_footer_does_not_count() {
        let own = own_lines("Wilt u geen brieven meer? Antwoord met afmelden.\n");
        let text = "Dank.\n\nWilt u geen brieven meer? Antwoord met afmelden.\n";
        assert_eq!(new_text(text, &own).text, "Dank.");
    }

    #[test]
    fn a_text_without_quotations_is_all_new() {
        let text = "Beste Ada,\n\nVan: dat weet ik niet.\nOp 3 september schreef de krant erover.\n\nGroet";
        assert_eq!(new_text(text, &[]), NewText { text: text.to_owned(), quotes: false });
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic_and_nothing_is_invented(text in "(> |On |wrote:|Op |schreef |:|From: a|Sent: b|To: c|Subject: d|--|____________|\\n|a|é|\\PC){0,60}") {
            let new = new_text(&text, &[]);
            for line in new.text.lines() {
                prop_assert!(text.contains(line.trim()));
            }
            without_closing(&text);
        }

        #[test]
        fn what_stands_above_a_quotation_comes_back(words in "[a-z]{2,9}( [a-z]{2,9}){0,9}") {
            prop_assume!(!words.starts_with("op ") && !words.starts_with("on "));
            let text = format!("{words}\n\nOp 1 september 2025 schreef Ada:\n> iets anders\n");
            prop_assert_eq!(new_text(&text, &[]).text, words);
        }
    }
}
