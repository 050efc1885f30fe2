//! HTML as the text that a reader sees. For reading what came in, never for showing it.
//!
//! Every block begins a line, a `blockquote` (and what mail programs use in its place) is marked with `> ` as in plain text,
//! and what nobody sees is left out. It follows tags and no rules of nesting, so that nothing can be too broken for it.

/// How much HTML is read, in bytes.
const LIMIT: usize = 512 << 10;

/// Returns the text of HTML.
pub fn html_text(html: &str) -> String {
    let html = super::fields::cut(html, LIMIT);
    let mut text = Text::default();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        text.characters(&rest[..at]);
        rest = &rest[at..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
            continue;
        }
        let Some(end) = tag_end(rest) else {
            text.characters(rest);
            rest = "";
            break;
        };
        let tag = &rest[1..end];
        rest = &rest[end + 1..];
        let name: String =
            tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        let name = name.to_ascii_lowercase();
        if !tag.starts_with('/') && matches!(name.as_str(), "style" | "script" | "title" | "template") {
            rest = behind(rest, &name);
        } else if tag.starts_with('/') {
            text.close(&name);
        } else {
            text.open(&name, tag);
        }
    }
    text.characters(rest);
    text.out
}

/// Finds the `>` of the tag that begins here; one in quotation marks does not count, unless they never end.
fn tag_end(text: &str) -> Option<usize> {
    let first = *text.as_bytes().get(1)?;
    if !(first.is_ascii_alphabetic() || matches!(first, b'/' | b'!' | b'?')) {
        return None;
    }
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate().take(4096) {
        match (quote, byte) {
            (None, b'>') => return Some(at),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    text.find('>')
}

/// Returns what stands behind the end of an element whose content nobody sees.
fn behind<'a>(rest: &'a str, name: &str) -> &'a str {
    let mut from = 0;
    while let Some(at) = rest[from..].find("</") {
        let here = &rest[from + at + 2..];
        if here.get(..name.len()).is_some_and(|word| word.eq_ignore_ascii_case(name)) {
            return here.find('>').map_or("", |end| &here[end + 1..]);
        }
        from += at + 2;
    }
    ""
}

#[derive(Default)]
struct Text {
    out: String,
    /// How deep in quotations.
    quoted: usize,
    /// A blank is due before the next character.
    blank: bool,
}

impl Text {
    fn characters(&mut self, text: &str) {
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let (shown, used) = if c == '&' { entity(rest) } else { (Some(c), c.len_utf8()) };
            rest = &rest[used..];
            match shown {
                Some(c) if c.is_whitespace() => self.blank = true,
                Some('\u{200b}' | '\u{200c}' | '\u{200d}' | '\u{feff}' | '\u{ad}') | None => {}
                Some(c) => {
                    let begins = self.out.is_empty() || self.out.ends_with('\n');
                    if begins {
                        (0..self.quoted.min(5)).for_each(|_| self.out.push_str("> "));
                    } else if self.blank {
                        self.out.push(' ');
                    }
                    self.blank = false;
                    self.out.push(c);
                }
            }
        }
    }

    fn line(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
        self.blank = false;
    }

    fn paragraph(&mut self) {
        self.line();
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    fn open(&mut self, name: &str, tag: &str) {
        match name {
            "br" => {
                self.out.push('\n');
                self.blank = false;
            }
            "blockquote" => {
                self.line();
                self.quoted += 1;
            }
            "p" | "h1" | "h2" | "h3" | "h4" | "ul" | "ol" | "table" => self.paragraph(),
            "hr" => {
                self.line();
                self.out.push_str("________________________________\n");
            }
            "div" | "tr" | "li" | "dt" | "dd" | "pre" | "section" | "article" | "center" | "address" => {
                self.line();
                // Outlook draws a line above what is answered.
                if tag.contains("divRplyFwdMsg")
                    || tag.contains("border-top:solid")
                    || tag.contains("border-top: solid")
                {
                    self.out.push_str("________________________________\n");
                }
            }
            "td" | "th" => self.blank = true,
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "blockquote" => {
                self.line();
                self.quoted = self.quoted.saturating_sub(1);
            }
            "p" | "h1" | "h2" | "h3" | "h4" | "ul" | "ol" | "table" => self.paragraph(),
            "div" | "tr" | "li" | "dt" | "dd" | "pre" | "section" | "article" | "center" | "address" => {
                self.line()
            }
            "td" | "th" => self.blank = true,
            _ => {}
        }
    }
}

/// The named characters that letters use; others stay as they are written.
const NAMED: &[(&str, char)] = &[
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", ' '),
    ("ndash", '–'),
    ("mdash", '—'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("hellip", '…'),
    ("bull", '•'),
    ("middot", '·'),
    ("euro", '€'),
    ("copy", '©'),
    ("reg", '®'),
    ("laquo", '«'),
    ("raquo", '»'),
    ("szlig", 'ß'),
    ("ccedil", 'ç'),
    ("Ccedil", 'Ç'),
    ("ntilde", 'ñ'),
    ("oslash", 'ø'),
    ("aring", 'å'),
    ("aelig", 'æ'),
];

/// Letters with a mark: `eacute` is `e` with an acute.
const MARKS: &[(&str, &str, &str)] = &[
    ("acute", "aeiouyAEIOUY", "áéíóúýÁÉÍÓÚÝ"),
    ("grave", "aeiouAEIOU", "àèìòùÀÈÌÒÙ"),
    ("circ", "aeiouAEIOU", "âêîôûÂÊÎÔÛ"),
    ("uml", "aeiouyAEIOU", "äëïöüÿÄËÏÖÜ"),
    ("tilde", "anoANO", "ãñõÃÑÕ"),
];

/// Reads a character reference; returns what is shown and how many bytes were used.
fn entity(text: &str) -> (Option<char>, usize) {
    let plain = (Some('&'), 1);
    let Some(end) = text.bytes().take(12).position(|byte| byte == b';') else { return plain };
    let Some(name) = text.get(1..end) else { return plain };
    let number = name.strip_prefix('#').map(|digits| match digits.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => digits.parse(),
    });
    let found = match number {
        Some(number) => number.ok().and_then(char::from_u32),
        None => named(name),
    };
    found.map_or(plain, |c| (Some(c).filter(|c| !c.is_control() || c.is_whitespace()), end + 1))
}

fn named(name: &str) -> Option<char> {
    if let Some((_, c)) = NAMED.iter().find(|(known, _)| *known == name) {
        return Some(*c);
    }
    let letter = name.chars().next()?;
    let (_, plain, marked) = MARKS.iter().find(|(mark, _, _)| name.get(letter.len_utf8()..) == Some(mark))?;
    let at = plain.chars().position(|c| c == letter)?;
    marked.chars().nth(at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn blocks_are_lines_and_quotations_are_marked() {
        let html = "<html><head><title>no</title><style>p{}</style></head><body><!-- no --><div>Dag,</div><p>Eén&nbsp;twee<br>drie &lt;4&gt;</p>\
                    <blockquote><div>oud</div>ouder</blockquote>Groet<table><tr><td>a</td><td>b</td></tr></table></body></html>";
        assert_eq!(html_text(html), "Dag,\n\nEén twee\ndrie <4>\n\n> oud\n> ouder\nGroet\n\na b\n\n");
    }

    #[test]
    fn marks_and_numbers_are_read_and_others_stay() {
        assert_eq!(html_text("f&eacute;&#8364;&#x20AC; &ouml; &nosuch; AT&T &"), "fé€€ ö &nosuch; AT&T &");
        assert_eq!(html_text("a < b and c <unclosed"), "a < b and c <unclosed");
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(html in "(<|>|/|!--|-->|&|;|#|x|\"|blockquote|style|é|\\PC){0,80}") {
            html_text(&html);
        }
    }
}
