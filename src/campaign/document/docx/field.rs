//! Word's field codes (ECMA-376 part 1 §17.16): what a letter makes of each.

use crate::campaign::document::{Content, Notes, Run, Sort, Style};

/// How deep fields may stand in each other.
const DEEPEST: usize = 50;

/// What becomes of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// A column of the mail merge.
    Merge(String),
    /// A link round what the field shows.
    Link(String),
    /// The date of the day.
    Today,
    /// Something that a person must fill in.
    Marker(&'static str),
    /// Something that a mail has no use for; its code.
    Drop(String),
    /// A choice of the merge, of which only the present outcome is known.
    Choice,
    /// What it shows is taken as text.
    Shown,
}

impl Field {
    /// Reads an instruction: ` MERGEFIELD "Naam partij" \* MERGEFORMAT `.
    pub(super) fn of(instruction: &str) -> Self {
        let mut words = words(instruction).into_iter();
        let code = words.next().unwrap_or_default().to_uppercase();
        // The first word that is no switch; what follows a switch may be its value, which comes later in practice.
        let mut argument = || words.find(|word| !word.starts_with('\\')).filter(|word| !word.is_empty());
        match code.as_str() {
            "MERGEFIELD" => argument().map_or(Self::Shown, Self::Merge),
            "HYPERLINK" => argument().map_or(Self::Shown, Self::Link),
            "DATE" | "TIME" => Self::Today,
            "ADDRESSBLOCK" => Self::Marker("[adres]"),
            "GREETINGLINE" => Self::Marker("[aanhef]"),
            "FILLIN" | "ASK" => Self::Marker("[in te vullen]"),
            "PAGE" | "NUMPAGES" | "SECTION" | "SECTIONPAGES" | "NEXT" | "NEXTIF" | "SKIPIF" | "MERGEREC"
            | "MERGESEQ" | "SET" | "XE" | "TC" | "RD" => Self::Drop(code),
            "IF" => Self::Choice,
            _ => Self::Shown,
        }
    }
}

/// A field that has begun and not ended (§17.16.18).
#[derive(Debug)]
struct Open {
    instruction: String,
    /// Whether what comes now is what it shows.
    shown: bool,
    what: Field,
    /// What stands instead of what it shows, until it is put.
    instead: Option<Content>,
    /// Whether what it shows is left out.
    silent: bool,
    style: Style,
}

/// The fields round the place that is being read; they may begin in one paragraph and end in another.
#[derive(Debug, Default)]
pub(super) struct Fields {
    open: Vec<Open>,
    /// How many have begun beyond the deepest.
    deeper: usize,
}

impl Fields {
    /// Puts a piece into the line, unless a field round it says otherwise.
    pub(super) fn put(&mut self, content: Content, mut style: Style, out: &mut Vec<Run>) {
        if self.open.iter().any(|field| !field.shown) {
            return;
        }
        let link = self.open.iter().rev().find_map(|field| match &field.what {
            Field::Link(target) => Some(target.clone()),
            _ => None,
        });
        style.link = style.link.or(link);
        match self.open.iter_mut().find(|field| field.silent) {
            Some(field) => out.extend(field.instead.take().map(|content| Run { content, style })),
            None => out.push(Run { content, style }),
        }
    }

    pub(super) fn begin(&mut self, style: Style) {
        if self.open.len() >= DEEPEST {
            self.deeper += 1;
            return;
        }
        self.open.push(Open {
            instruction: String::new(),
            shown: false,
            what: Field::Shown,
            instead: None,
            silent: false,
            style,
        });
    }

    /// Adds to the instruction of the innermost field.
    pub(super) fn instruct(&mut self, text: &str) {
        if let Some(field) =
            self.open.last_mut().filter(|field| !field.shown && field.instruction.len() < 2000)
        {
            field.instruction.push_str(text);
        }
    }

    /// The instruction is complete; what follows is what the field shows.
    pub(super) fn show(&mut self, notes: &mut Notes) {
        let Some(field) = self.open.last_mut().filter(|field| !field.shown) else { return };
        field.shown = true;
        field.what = Field::of(&field.instruction);
        field.instead = match &field.what {
            Field::Merge(name) => Some(Content::Field(name.clone())),
            Field::Today => Some(Content::Today),
            Field::Marker(marker) => Some(Content::Text((*marker).to_owned())),
            _ => None,
        };
        field.silent = field.instead.is_some() || matches!(field.what, Field::Drop(_));
        match &field.what {
            Field::Drop(code) => {
                let said = format!("a field `{code}`, for which a mail has no use");
                notes.count(Sort::Dropped, &said, "fields for which a mail has no use, such as page numbers");
            }
            Field::Choice => {
                let shown: String = field.instruction.split_whitespace().collect::<Vec<_>>().join(" ");
                let shown: String = shown.chars().take(80).collect();
                notes.say(
                    Sort::Look,
                    format!("the merge chose by `{shown}`; what it showed last stands there now: write `{{{{#if …}}}}` instead"),
                );
            }
            _ => {}
        }
    }

    pub(super) fn end(&mut self, notes: &mut Notes, out: &mut Vec<Run>) {
        if self.deeper > 0 {
            self.deeper -= 1;
            return;
        }
        self.show(notes);
        let Some(field) = self.open.pop() else { return };
        if let Some(content) = field.instead {
            self.put(content, field.style, out);
        }
        // A field within the instruction of another is part of what that says.
        if let (Field::Merge(name), Some(outer)) = (&field.what, self.open.last_mut())
            && !outer.shown
        {
            outer.instruction.push_str(&format!("«{name}»"));
        }
    }

    /// Says so when a field has swallowed what comes after it.
    pub(super) fn look_for_open_ones(&self, notes: &mut Notes) {
        if self.open.iter().any(|field| !field.shown || field.silent) {
            notes.say(Sort::Look, "a field has no end, and what stands after it is missing here: compare the letter with the document");
        }
    }
}

/// Cuts an instruction into words; those in quotes may hold blanks.
fn words(instruction: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut chars = instruction.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' | '“' | '”' => {
                let mut word = String::new();
                while let Some(c) = chars.next() {
                    match c {
                        '\\' if matches!(chars.peek(), Some('"' | '\\')) => word.extend(chars.next()),
                        '"' | '“' | '”' => break,
                        c => word.push(c),
                    }
                }
                words.push(word);
            }
            c if c.is_whitespace() => {}
            c => {
                let mut word = String::from(c);
                while let Some(c) = chars.next_if(|c| !c.is_whitespace() && *c != '"') {
                    word.push(c);
                }
                words.push(word);
            }
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_codes_are_read_as_word_writes_them() {
        for (instruction, field) in [
            (" MERGEFIELD Naam \\* MERGEFORMAT ", Field::Merge("Naam".to_owned())),
            (" MERGEFIELD  \"Naam partij\"  \\* Upper", Field::Merge("Naam partij".to_owned())),
            ("mergefield Naam", Field::Merge("Naam".to_owned())),
            (" MERGEFIELD ", Field::Shown),
            (" HYPERLINK \"https://x.example/a?b=1\" ", Field::Link("https://x.example/a?b=1".to_owned())),
            (" HYPERLINK \\l \"_Toc1\" ", Field::Link("_Toc1".to_owned())),
            (" DATE \\@ \"d MMMM yyyy\" ", Field::Today),
            (" PAGE   \\* MERGEFORMAT", Field::Drop("PAGE".to_owned())),
            (" GREETINGLINE \\f \"<<_BEFORE_ Beste >>\" ", Field::Marker("[aanhef]")),
            (" IF «M» = \"m\" \"heer\" \"mevrouw\" ", Field::Choice),
            (" REF bladwijzer ", Field::Shown),
            ("", Field::Shown),
            ("MERGEFIELD \"open", Field::Merge("open".to_owned())),
        ] {
            assert_eq!(Field::of(instruction), field, "{instruction}");
        }
    }
}
