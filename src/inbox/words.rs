//! Text made plain, so that a phrase is found however it was written.

/// Returns text in lower case, letters without their marks, straight quotation marks, and one blank for every run of blanks.
///
/// `Één  "Straße"\n` gives `een "strasse"`.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut blank = false;
    for c in text.chars() {
        if c.is_whitespace() || matches!(c, '\u{a0}' | '\u{200b}' | '\u{feff}') || c.is_control() {
            blank = true;
            continue;
        }
        if blank && !out.is_empty() {
            out.push(' ');
        }
        blank = false;
        if c.is_ascii() {
            out.push(c.to_ascii_lowercase());
        } else {
            push_plain(c, &mut out);
        }
    }
    out
}

fn push_plain(c: char, out: &mut String) {
    let folded = match c {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'À' | 'Á' | 'Â' | 'Ã' | 'Ä' | 'Å' | 'ą' | 'Ą' | 'ă' | 'ā' => {
            "a"
        }
        'è' | 'é' | 'ê' | 'ë' | 'È' | 'É' | 'Ê' | 'Ë' | 'ę' | 'Ę' | 'ě' | 'ē' => "e",
        'ì' | 'í' | 'î' | 'ï' | 'Ì' | 'Í' | 'Î' | 'Ï' | 'ī' | 'ı' | 'İ' => "i",
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'Ò' | 'Ó' | 'Ô' | 'Õ' | 'Ö' | 'Ø' | 'ő' | 'ō' => {
            "o"
        }
        'ù' | 'ú' | 'û' | 'ü' | 'Ù' | 'Ú' | 'Û' | 'Ü' | 'ů' | 'ű' | 'ū' => "u",
        'ý' | 'ÿ' | 'Ý' => "y",
        'ç' | 'Ç' | 'ć' | 'Ć' | 'č' | 'Č' => "c",
        'ñ' | 'Ñ' | 'ń' | 'Ń' | 'ň' => "n",
        'ś' | 'Ś' | 'š' | 'Š' | 'ş' | 'Ş' | 'ș' => "s",
        'ź' | 'ż' | 'ž' | 'Ź' | 'Ż' | 'Ž' => "z",
        'ł' | 'Ł' => "l",
        'ř' | 'Ř' => "r",
        'ť' | 'ț' => "t",
        'ğ' | 'Ğ' => "g",
        'ß' => "ss",
        'æ' | 'Æ' => "ae",
        'œ' | 'Œ' => "oe",
        '‘' | '’' | '‚' | '‛' | '´' | '`' => "'",
        '“' | '”' | '„' | '«' | '»' => "\"",
        '–' | '—' | '‐' | '‑' | '−' => "-",
        '…' => "...",
        '\u{300}'..='\u{36f}' | '\u{200e}' | '\u{200f}' | '\u{ad}' => "",
        _ => {
            out.extend(c.to_lowercase());
            return;
        }
    };
    out.push_str(folded);
}

/// Counts words.
pub(crate) fn count(text: &str) -> usize {
    text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).count()
}

/// Returns the mail addresses of a text, as they are written, each with where it begins, in bytes.
pub(crate) fn addresses(text: &str) -> Vec<(usize, &str)> {
    const NAMES: [&str; 8] = ["to", "rcpt", "recipient", "for", "user", "addr", "email", "smtp"];
    let bytes = text.as_bytes();
    let local = |c: char| c.is_alphanumeric() || "!#$%&*+/=?^_{|}~.-'".contains(c);
    let domain = |c: char| c.is_alphanumeric() || c == '-' || c == '.';
    let mut found = Vec::new();
    for at in memchr::memchr_iter(b'@', bytes) {
        let (before, after) = (&text[..at], &text[at + 1..]);
        let begins =
            before.char_indices().rev().take(80).take_while(|(_, c)| local(*c)).last().map(|(n, _)| n);
        let Some(begins) = begins else { continue };
        let ends = after.char_indices().take(255).find(|(_, c)| !domain(*c)).map_or(after.len(), |(n, _)| n);
        let ends = at + 1 + after[..ends].trim_end_matches(['.', '-']).len();
        let whole = &text[begins..ends];
        let bare = whole.trim_start_matches(['\'', '.', '-', '=', '*', '{', '|', '#', '!', '/', '&']);
        // `rcpt=ada@x`, `to=ada@x`: what stands before the sign is the name of a field.
        let bare = match bare.split_once('=') {
            Some((name, rest)) if NAMES.iter().any(|known| name.eq_ignore_ascii_case(known)) => rest,
            _ => bare,
        };
        let host = bare.rsplit('@').next().unwrap_or_default();
        if bare.find('@').is_some_and(|n| n > 0) && host.len() >= 3 && host.chars().any(char::is_alphabetic) {
            found.push((ends - bare.len(), bare));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_made_plain() {
        assert_eq!(plain("  Één  „Straße“\r\n\tl’été… "), "een \"strasse\" l'ete...");
        assert_eq!(plain("Не Удается"), "не удается");
    }

    #[test]
    fn addresses_are_found_in_running_text() {
        let found = |text| addresses(text).into_iter().map(|(_, address)| address).collect::<Vec<_>>();
        assert_eq!(found("to <ada@x.example>, 'ben@y.example'."), ["ada@x.example", "ben@y.example"]);
        assert_eq!(found("RCPT TO:<a.b+c@x-y.example>: 550"), ["a.b+c@x-y.example"]);
        assert_eq!(found("rcpt=ada@x.example zoë@exämple.example"), ["ada@x.example", "zoë@exämple.example"]);
        assert_eq!(found("@x.example a@ @ user@1.2"), Vec::<&str>::new());
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "(@|\\.|-|=|a|é|\\PC){0,40}") {
            for (at, address) in addresses(&text) {
                prop_assert_eq!(&text[at..at + address.len()], address);
            }
            plain(&text);
        }
    }
}
