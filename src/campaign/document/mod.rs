//! A letter that exists already (`.docx`, `.odt`, `.md`, `.html`, `.txt`) as the first draft of a template.
//!
//! Bytes go in, a small tree of blocks and runs comes out of [`read`], and [`draft`](draft::draft) writes it as
//! `templates/letter.md`: everything in it that would be markup is escaped, and what was read back is compared.
//! What a letter has no room for is dropped, and told in a [`Note`].

mod archive;
mod docx;
pub mod draft;
mod flow;
mod html;
mod markdown;
mod nesting;
mod odt;
mod odt_style;
mod sort;
mod table;
mod tidy;
mod txt;
mod write;
mod xml;

pub use sort::{LARGEST_FILE, read};

/// Returns the Markdown of a page that is a letter, whose styles stand on its elements.
pub(super) fn markdown_of(page: &super::html::Page) -> String {
    write::markdown(&tidy::document(html::of(page)).blocks).0
}

/// A document, as far as a letter can say it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// Its title, where its properties or its heading name one.
    pub title: Option<String>,
    /// What it says, from top to bottom.
    pub blocks: Vec<Block>,
    /// What was kept in another form, what was dropped, and what wants a look.
    pub notes: Notes,
}

/// One block of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// A paragraph.
    Paragraph(Vec<Run>),
    /// A heading of a level from 1 to 6.
    Heading(u8, Vec<Run>),
    /// A list; `first` is the number of the first item of a numbered one.
    List {
        /// The first number; nothing where bullets stand.
        first: Option<u64>,
        /// The items.
        items: Vec<Vec<Block>>,
    },
    /// A quotation.
    Quote(Vec<Block>),
    /// A table: rows of cells. It is made into text before it is written.
    Table {
        /// Whether the first row names the columns.
        header: bool,
        /// The rows.
        rows: Vec<Vec<Vec<Block>>>,
    },
    /// A line across.
    Rule,
}

/// A piece of a line, in one style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// What it says.
    pub content: Content,
    /// How it looks and where it leads.
    pub style: Style,
}

/// What a run says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Text.
    Text(String),
    /// A line break.
    Break,
    /// A field of a mail merge, under the name that the document has for it.
    Field(String),
    /// The date of today.
    Today,
}

/// How a run looks and where it leads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Bold.
    pub bold: bool,
    /// Italic.
    pub italic: bool,
    /// The address it links to: `https`, `http`, `mailto` or `tel`.
    pub link: Option<String>,
}

impl Run {
    /// Text in no particular style.
    pub fn text(text: impl Into<String>) -> Self {
        Self { content: Content::Text(text.into()), style: Style::default() }
    }
}

/// Why nothing can be made of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A format that we do not read, by its name, and what to save it as.
    #[error("this is {0}, which cannot be read here")]
    Other(&'static str),
    /// Protected with a password.
    #[error("this document is protected with a password")]
    Encrypted,
    /// Cut off or damaged.
    #[error("this document is damaged or cut off")]
    Broken,
    /// Larger than a letter can be.
    #[error("this document is far larger than a letter")]
    TooLarge,
    /// Nothing that a person wrote is in it.
    #[error("there is no text in this document")]
    Empty,
    /// Not a document to make a letter of, but a letter.
    #[error("this is a letter of postduif already")]
    Letter,
    /// No format that we know.
    #[error("this is no document of a kind that can be read here")]
    Unknown,
}

impl Unreadable {
    /// Says what to do about it.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Other("a spreadsheet") => {
                "a letter is a text: save it as .docx or .odt; a list of recipients goes into recipients.csv"
            }
            Self::Other(_) | Self::Unknown => {
                "open it in the program it was written with and save it as .docx or .odt (\"Save as\" or \"Export\")"
            }
            Self::Encrypted => "open it, take the password away, and save it again as .docx or .odt",
            Self::Broken => {
                "open it in a word processor, which can often mend it, and save it again as .docx or .odt"
            }
            Self::TooLarge => "copy the text of the letter into a new document and save that",
            Self::Letter => "copy it to templates/letter.md of a folder that `init` has written",
            Self::Empty => {
                "if the letter is a picture (a scan), type it, or have it recognised, and save it as .docx or .odt"
            }
        }
    }
}

/// What a note is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// It is there, in another form.
    Changed,
    /// It is not there.
    Dropped,
    /// A person should look at it.
    Look,
}

/// One thing to know about a document that was made into a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What it is about.
    pub sort: Sort,
    /// One sentence without a full stop.
    pub said: String,
}

/// What there is to know about a document that was made into a letter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes(Vec<Counted>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Counted {
    sort: Sort,
    one: String,
    /// Nothing where it is said once, however often it is met.
    many: Option<&'static str>,
    count: usize,
}

impl Notes {
    /// Says something once.
    pub(super) fn say(&mut self, sort: Sort, said: impl Into<String>) {
        let one = said.into();
        // A document may have a thousand of one kind; a person reads some twenty.
        if self.0.len() < 40 && !self.0.iter().any(|note| note.one == one) {
            self.0.push(Counted { sort, one, many: None, count: 1 });
        }
    }

    /// Counts something: "a picture", "pictures".
    pub(super) fn count(&mut self, sort: Sort, one: &str, many: &'static str) {
        match self.0.iter_mut().find(|note| note.many == Some(many)) {
            Some(note) => note.count += 1,
            None => self.0.push(Counted { sort, one: one.to_owned(), many: Some(many), count: 1 }),
        }
    }

    /// Returns them: first what changed, then what was dropped, then what wants a look.
    pub fn list(&self) -> Vec<Note> {
        let mut notes: Vec<Note> = self
            .0
            .iter()
            .map(|note| Note {
                sort: note.sort,
                said: match note.many {
                    Some(many) if note.count > 1 => format!("{} {many}", note.count),
                    _ => note.one.clone(),
                },
            })
            .collect();
        notes.sort_by_key(|note| note.sort);
        notes
    }
}
