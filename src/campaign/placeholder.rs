//! Left-overs that must never reach a reader: `[your name]`, `XXX`, `TODO`, the shipped example's own text.

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

/// The letters that ship with the program: nobody should send them as they are.
const SHIPPED: [&str; 2] =
    [include_str!("../../templates/letter.md"), include_str!("../../assets/starter/templates/letter.md")];

/// Finds everything that looks as if it was still to be filled in.
///
/// Text in square brackets counts, unless it is a Markdown link (`[text](…)`, `[text][…]`, `[text]: …`), a task
/// box (`[ ]`, `[x]`), or within double braces, where brackets belong to the template language.
pub fn leftovers(text: &str) -> Vec<Leftover> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let visible = without_braces(line);
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
    }
    found.sort_by_key(|leftover| (leftover.line, leftover.column));
    found
}

/// Finds the same in a page of HTML, where brackets in styles and remarks mean something else.
pub fn leftovers_in_page(html: &str) -> Vec<Leftover> {
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
    leftovers(&visible)
}

/// Returns whether this is the text of a letter that ships with the program, white space aside.
pub fn is_shipped_letter(text: &str) -> bool {
    let same = |shipped: &&str| text.split_whitespace().eq(shipped.split_whitespace());
    SHIPPED.iter().any(same)
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
        leftovers(text).into_iter().map(|leftover| leftover.text).collect()
    }

    #[test]
    fn brackets_and_words_that_wait_to_be_filled_in_are_found_with_their_place() {
        let found = leftovers("Geachte [naam],\n\nWij vragen XXX en [tweede punt].");
        let places: Vec<_> = found.iter().map(|f| (f.line, f.column, f.text.as_str())).collect();
        assert_eq!(places, [(1, 9, "[naam]"), (3, 12, "XXX"), (3, 19, "[tweede punt]")]);
    }

    #[test]
    fn links_boxes_template_brackets_and_longer_words_are_not() {
        let text = "[onze site](https://x.example) [ref][1] [1]: x\n- [ ] a\n- [x] b\n{{[Naam partij]}} XXXL TODOS a[1]";
        assert_eq!(texts(text), Vec::<String>::new());
    }

    #[test]
    fn brackets_in_the_styles_and_remarks_of_a_page_are_none() {
        let page = "<!--[if mso]><p>é</p><![endif]--><STYLE>a[href]{x:y}\n b[title]{}</STYLE>[naam]";
        let found = leftovers_in_page(page);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].line, found[0].text.as_str()), (2, "[naam]"));
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(leftovers("één [naam]")[0].column, 5);
    }

    #[test]
    fn the_shipped_letters_know_themselves() {
        assert!(SHIPPED.iter().all(|letter| is_shipped_letter(letter)));
        assert!(is_shipped_letter(&SHIPPED[0].replace('\n', "\r\n")));
        assert!(!is_shipped_letter("another letter"));
        assert!(texts(SHIPPED[0]).is_empty(), "the example itself has nothing to fill in");
        assert!(!texts(SHIPPED[1]).is_empty(), "the starter does");
    }
}
