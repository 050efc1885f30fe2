//! Left-overs that must never reach a reader: `[your name]`, `XXX`, `TODO`, lorem ipsum, the marks of other programs' merges,
//! the shipped example's own text.

use super::words::Tongue;

/// What was found, with its place in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// The line, from 1.
    pub line: u64,
    /// The column, from 1, in characters.
    pub column: u32,
    /// The text itself, shortened.
    pub text: String,
}

/// So many characters of a left-over are shown.
const LONGEST: usize = 60;

/// Words that authors leave for later, found as whole words in capitals.
const WORDS: [&str; 4] = ["XXX", "TODO", "TBD", "FIXME"];

/// The text that typesetters fill a page with, in lower case.
const FILLER: [&str; 3] = ["lorem ipsum", "dolor sit amet", "consectetur adipi"];

/// The letters of the example that ships with the program: nobody should send them as they are.
const EXAMPLE: [&str; 3] = [
    include_str!("../../templates/letter.md"),
    include_str!("../../templates/herinnering.md"),
    include_str!("../../templates/laatste.md"),
];

/// The letter of the starter: nor this one.
const STARTER: &str = include_str!("../../assets/starter/templates/letter.md");

/// The settings that ship with the program.
const SHIPPED_SETTINGS: &str = include_str!("../../config.toml");

/// A paragraph of fewer words than this may well be anybody's.
const FEWEST_WORDS: usize = 12;

/// Finds everything that looks as if it was still to be filled in, in what an author wrote.
///
/// Text in square brackets counts, unless it is a Markdown link (`[text](…)`, `[text][…]`, `[text]: …`), a task
/// box (`[ ]`, `[x]`), or within double braces, where brackets belong to the template language.
pub fn leftovers(text: &str, tongue: Option<Tongue>) -> Vec<Leftover> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        look(number, line, &without_braces(line), tongue, &mut found);
    }
    found.sort_by_key(|leftover| (leftover.line, leftover.column));
    found
}

/// Finds the same in a page of HTML, where brackets in styles and remarks mean something else.
pub fn leftovers_in_page(html: &str, tongue: Option<Tongue>) -> Vec<Leftover> {
    let plain = html.to_ascii_lowercase();
    let mut visible = html.to_owned();
    for (open, close) in [("<!--", "-->"), ("<style", "</style")] {
        let mut from = 0;
        while let Some(start) = plain[from..].find(open).map(|at| at + from) {
            let end = plain[start..].find(close).map_or(plain.len(), |at| start + at + close.len());
            // Every line keeps its length, so that places stay the same.
            let blanks = html[start..end].split('\n').map(|line| " ".repeat(line.len()));
            visible.replace_range(start..end, &blanks.collect::<Vec<_>>().join("\n"));
            from = end;
        }
    }
    leftovers(&visible, tongue)
}

/// Finds the same in a value, where double braces are as odd as anything else.
pub fn leftovers_of_a_value(value: &str, tongue: Option<Tongue>) -> Vec<Leftover> {
    let mut found = Vec::new();
    let may = |byte: u8| matches!(byte, b'[' | b'{' | b'<' | b'%' | b'*' | 0xC2);
    let words = WORDS.iter().any(|word| value.contains(word));
    if words
        || value.bytes().any(may)
        || FILLER.iter().any(|filler| value.len() >= filler.len() && holds(value, filler))
    {
        for (number, line) in (1..).zip(value.lines()) {
            look(number, line, line, tongue, &mut found);
        }
        found.sort_by_key(|leftover| (leftover.line, leftover.column));
    }
    found
}

fn holds(text: &str, filler: &str) -> bool {
    let begins = filler.as_bytes()[0];
    text.as_bytes().windows(filler.len()).any(|window| {
        window[0].eq_ignore_ascii_case(&begins) && window.eq_ignore_ascii_case(filler.as_bytes())
    })
}

/// Looks at one line; `visible` is the line as a reader sees it, octet for octet.
fn look(number: u64, line: &str, visible: &str, tongue: Option<Tongue>, found: &mut Vec<Leftover>) {
    let mut rest = 0;
    while let Some(open) = visible[rest..].find('[').map(|at| at + rest) {
        let Some(close) = visible[open..].find(']').map(|at| at + open) else { break };
        let (inside, after) = (&visible[open + 1..close], &visible[close + 1..]);
        let link = after.starts_with(['(', '[', ':']) || visible[..open].ends_with(']');
        if !link && inside.chars().filter(|c| c.is_alphabetic()).count() >= 2 {
            found.push(leftover(number, line, open, &line[open..=close]));
        }
        rest = close + 1;
    }
    for word in WORDS {
        for (at, _) in visible.match_indices(word) {
            let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
            let before = visible[..at].chars().next_back();
            if edge(before) && edge(visible[at + word.len()..].chars().next()) {
                found.push(leftover(number, line, at, word));
            }
        }
    }
    let lower = visible.to_ascii_lowercase();
    if let Some(at) = FILLER.iter().filter_map(|filler| lower.find(filler)).min() {
        let shown: String = line[at..].chars().take(26).collect();
        found.push(leftover(number, line, at, shown.trim_end()));
    }
    for (open, close) in MARKS {
        // Guillemets are the quotation marks of French, and there blanks stand within them or longer texts.
        if *open == "«" && matches!(tongue, Some(Tongue::French | Tongue::German)) {
            continue;
        }
        for (at, _) in visible.match_indices(open) {
            let inside = &visible[at + open.len()..];
            let Some(end) = inside.find(close) else { continue };
            // People write blanks within double braces and guillemets; a comparison has them within its signs.
            let name = if matches!(*open, "{{" | "«") { inside[..end].trim() } else { &inside[..end] };
            if is_a_field(name) && !visible[..at].ends_with(open.chars().next().unwrap_or(' ')) {
                found.push(leftover(number, line, at, &line[at..at + open.len() + end + close.len()]));
            }
        }
    }
}

/// How other programs mark where a field goes.
const MARKS: &[(&str, &str)] =
    &[("{{", "}}"), ("{", "}"), ("«", "»"), ("<<", ">>"), ("%%", "%%"), ("*|", "|*")];

/// Returns whether a text within such marks is the name of a field: one word, with a letter in it.
fn is_a_field(text: &str) -> bool {
    text.chars().any(char::is_alphabetic)
        && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '#' | '/'))
}

/// Returns whether this is the text of a letter that ships with the program, white space aside.
pub fn is_shipped_letter(text: &str) -> bool {
    let same = |shipped: &&str| text.split_whitespace().eq(shipped.split_whitespace());
    EXAMPLE.iter().chain([&STARTER]).any(same)
}

/// Returns the paragraphs that are those of the example's letters: the line of each, and how it begins.
///
/// What the starter's paragraphs ask to be filled in is found as a left-over, and the rest of it is meant to be kept.
pub fn shipped_paragraphs(text: &str) -> Vec<(u64, String)> {
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shipped = EXAMPLE.iter().flat_map(|letter| paragraphs(letter));
    let shipped: Vec<String> = shipped.map(|(_, paragraph)| squeezed(&paragraph)).collect();
    paragraphs(text)
        .map(|(line, paragraph)| (line, squeezed(&paragraph)))
        .filter(|(_, paragraph)| paragraph.split(' ').count() >= FEWEST_WORDS && shipped.contains(paragraph))
        .map(|(line, paragraph)| (line, paragraph.chars().take(40).chain(['…']).collect()))
        .collect()
}

/// The blocks of a text that empty lines part, each with its first line.
fn paragraphs(text: &str) -> impl Iterator<Item = (u64, String)> {
    let mut blocks: Vec<(u64, String)> = Vec::new();
    let mut open = false;
    for (number, line) in (1..).zip(text.lines()) {
        match blocks.last_mut().filter(|_| open) {
            _ if line.trim().is_empty() => {
                open = false;
                continue;
            }
            Some((_, block)) => {
                block.push('\n');
                block.push_str(line);
            }
            None => blocks.push((number, line.to_owned())),
        }
        open = true;
    }
    blocks.into_iter()
}

/// Returns whether a value stands in the settings that ship with the program.
pub fn is_shipped_setting(value: &str) -> bool {
    value.len() >= 6 && SHIPPED_SETTINGS.contains(&format!("= \"{value}\""))
}

/// Puts a sign in the place of every octet of `{{…}}`, so that what stands round it is parted.
pub fn without_tags(text: &str, sign: char) -> String {
    let sign = if sign.is_ascii() { sign } else { ' ' };
    let mut visible = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find("{{") {
        let close = rest[open..].find("}}").map_or(rest.len(), |at| open + at + 2);
        visible.push_str(&rest[..open]);
        visible.extend(rest[open..close].bytes().map(|byte| if byte == b'\n' { '\n' } else { sign }));
        rest = &rest[close..];
    }
    visible + rest
}

/// Blanks out `{{…}}`, keeping every byte's place.
fn without_braces(line: &str) -> String {
    let mut visible = line.to_owned();
    let mut from = 0;
    while let Some(open) = visible[from..].find("{{").map(|at| at + from) {
        let close = visible[open..].find("}}").map_or(visible.len(), |at| open + at + 2);
        visible.replace_range(open..close, &" ".repeat(close - open));
        from = close;
    }
    visible
}

fn leftover(line: u64, text: &str, at: usize, found: &str) -> Leftover {
    let column = u32::try_from(text[..at].chars().count()).unwrap_or(u32::MAX).saturating_add(1);
    let mut text: String = found.chars().take(LONGEST).collect();
    if text.len() < found.len() {
        text.push('…');
    }
    Leftover { line, column, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        leftovers(text, Some(Tongue::Dutch)).into_iter().map(|leftover| leftover.text).collect()
    }

    #[test]
    fn brackets_and_words_that_wait_to_be_filled_in_are_found_with_their_place() {
        let found = leftovers("Geachte [naam],\n\nWij vragen XXX en [tweede punt].", None);
        let places: Vec<_> = found.iter().map(|f| (f.line, f.column, f.text.as_str())).collect();
        assert_eq!(places, [(1, 9, "[naam]"), (3, 12, "XXX"), (3, 19, "[tweede punt]")]);
    }

    #[test]
    fn links_boxes_template_brackets_and_longer_words_are_not() {
        let text = "[onze site](https://x.example) [ref][1] [1]: x\n- [ ] a\n- [x] b\n{{[Naam partij]}} XXXL TODOS a[1]";
        assert_eq!(texts(text), Vec::<String>::new());
    }

    #[test]
    fn filler_and_the_marks_of_other_merges_are_found_and_quotation_marks_are_not() {
        for (text, found) in [
            ("Lorem ipsum dolor sit amet, en meer", "Lorem ipsum dolor sit amet"),
            ("Geachte «Achternaam»,", "«Achternaam»"),
            ("Geachte {naam},", "{naam}"),
            ("Geachte <<Naam>>,", "<<Naam>>"),
            ("Geachte *|FNAME|*,", "*|FNAME|*"),
            ("Geachte %%naam%%,", "%%naam%%"),
        ] {
            assert_eq!(texts(text), [found], "{text}");
        }
        for text in [
            "Hij zei «kom morgen maar langs».",
            "{{naam}} en {{#if partij}}x{{/if}}",
            "a << b >> c",
            "100 %% zeker",
            "f{1, 2}",
        ] {
            assert_eq!(texts(text), [] as [String; 0], "{text}");
        }
        assert_eq!(leftovers("«bonjour»", Some(Tongue::French)), []);
        let value =
            |value: &str| leftovers_of_a_value(value, None).into_iter().map(|it| it.text).collect::<Vec<_>>();
        assert_eq!(value("{{naam}}"), ["{{naam}}"]);
        assert_eq!(value("LOREM IPSUM"), ["LOREM IPSUM"]);
        assert_eq!(value("TODO"), ["TODO"]);
        assert_eq!(value("een gewone waarde, met é en ß"), [] as [String; 0]);
    }

    #[test]
    fn brackets_in_the_styles_and_remarks_of_a_page_are_none() {
        let page = "<!--[if mso]><p>é</p><![endif]--><STYLE>a[href]{x:y}\n b[title]{}</STYLE>[naam]";
        let found = leftovers_in_page(page, None);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].line, found[0].text.as_str()), (2, "[naam]"));
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(leftovers("één [naam]", None)[0].column, 5);
    }

    #[test]
    fn the_shipped_letters_know_themselves() {
        assert!(EXAMPLE.iter().chain([&STARTER]).all(|letter| is_shipped_letter(letter)));
        assert!(is_shipped_letter(&EXAMPLE[0].replace('\n', "\r\n")));
        assert!(!is_shipped_letter("another letter"));
        assert!(EXAMPLE.iter().all(|letter| texts(letter).is_empty()), "the example has nothing to fill in");
        assert!(!texts(STARTER).is_empty(), "the starter does");
    }
}
