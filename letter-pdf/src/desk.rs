//! What lies on the typesetter's desk: the files it was handed, the fonts, and nothing else.
//!
//! No template can reach a file, a package or the network, because [`Sheet`] is all it sees of the world.

use std::collections::HashMap;

use typst::diag::{FileError, FileResult};
use typst::ecow::eco_format;
use typst::foundations::{Bytes, Datetime, Duration};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt as _, World};

use crate::protocol::Fault;

/// The name under which a template reads its letter.
pub(crate) const DATA: &str = "data.json";

/// Libertinus Serif, under the SIL Open Font License (`fonts/OFL.txt`).
const FONTS: [&[u8]; 4] = [
    include_bytes!("../fonts/LibertinusSerif-Regular.otf"),
    include_bytes!("../fonts/LibertinusSerif-Italic.otf"),
    include_bytes!("../fonts/LibertinusSerif-Bold.otf"),
    include_bytes!("../fonts/LibertinusSerif-BoldItalic.otf"),
];

/// What all letters of a process share.
#[derive(Debug)]
pub(crate) struct Desk {
    library: LazyHash<Library>,
    book: LazyHash<FontBook>,
    fonts: Vec<Font>,
    sources: HashMap<FileId, Source>,
    files: HashMap<FileId, Bytes>,
    /// The names of the files, for people.
    names: Vec<String>,
}

impl Desk {
    /// Lays out files and fonts; says what cannot be used.
    pub(crate) fn new(
        files: Vec<(String, Vec<u8>)>,
        fonts: Vec<(String, Vec<u8>)>,
    ) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut faces: Vec<Font> = Vec::new();
        // A font of the user's own goes before the embedded one of that name.
        for (name, bytes) in fonts {
            let found: Vec<Font> = Font::iter(Bytes::new(bytes)).collect();
            if found.is_empty() {
                faults.push(Fault::of_file(&name, "this is no font (TrueType or OpenType)"));
            }
            faces.extend(found);
        }
        faces.extend(FONTS.iter().flat_map(|bytes| Font::iter(Bytes::new(*bytes))));
        let (mut sources, mut all, mut names) = (HashMap::new(), HashMap::new(), Vec::new());
        for (name, bytes) in files {
            let Some(id) = id(&name).filter(|_| name != DATA) else {
                faults.push(Fault::of_file(&name, "a file cannot have this name"));
                continue;
            };
            if is_source(&name) {
                match String::from_utf8(bytes) {
                    Ok(text) => {
                        let source = Source::new(id, text.clone());
                        sources.insert(id, source);
                        all.insert(id, Bytes::from_string(text));
                    }
                    Err(_) => faults.push(Fault::of_file(&name, "the file is not in UTF-8")),
                }
            } else {
                all.insert(id, Bytes::new(bytes));
            }
            names.push(name);
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self {
            library: LazyHash::new(Library::default()),
            book: LazyHash::new(FontBook::from_fonts(&faces)),
            fonts: faces,
            sources,
            files: all,
            names,
        })
    }

    /// Returns the families of the fonts, each once.
    pub(crate) fn families(&self) -> Vec<String> {
        self.book.families().map(|(name, _)| name.to_owned()).collect()
    }

    /// Returns the characters that some font has, as stretches.
    pub(crate) fn characters(&self) -> Vec<(u32, u32)> {
        let mut all: Vec<u32> = self.fonts.iter().flat_map(|font| font.info().coverage.iter()).collect();
        all.sort_unstable();
        all.dedup();
        let mut stretches: Vec<(u32, u32)> = Vec::new();
        for character in all {
            match stretches.last_mut() {
                Some((_, last)) if *last + 1 == character => *last = character,
                _ => stretches.push((character, character)),
            }
        }
        stretches
    }

    /// Lays a letter on the desk.
    pub(crate) fn sheet(&self, template: &str, data: Vec<u8>, today: Datetime) -> Result<Sheet<'_>, Fault> {
        let missing = || Fault::of_file(template, "there is no such template");
        let main = id(template).ok_or_else(missing)?;
        if !self.sources.contains_key(&main) {
            return Err(missing());
        }
        let data_id = id(DATA).ok_or_else(missing)?;
        Ok(Sheet { desk: self, main, data: Bytes::new(data), data_id, today })
    }
}

/// One letter on the desk: all that its template can see.
#[derive(Debug)]
pub(crate) struct Sheet<'d> {
    desk: &'d Desk,
    main: FileId,
    data: Bytes,
    data_id: FileId,
    today: Datetime,
}

impl Sheet<'_> {
    /// Returns the families of the fonts, each once.
    pub(crate) fn families(&self) -> Vec<String> {
        self.desk.families()
    }

    /// Says why there is no such file.
    fn none(&self, id: FileId) -> FileError {
        FileError::Other(Some(match id.root() {
            VirtualRoot::Package(package) => {
                eco_format!("{package}: a letter uses no packages; put the file beside the template")
            }
            VirtualRoot::Project => {
                let mut names: Vec<&str> = self.desk.names.iter().map(String::as_str).collect();
                names.push(DATA);
                let name = id.vpath().get_without_slash();
                eco_format!("there is no `{name}` beside the template; there are {}", names.join(", "))
            }
        }))
    }
}

impl World for Sheet<'_> {
    fn library(&self) -> &LazyHash<Library> {
        &self.desk.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.desk.book
    }

    fn main(&self) -> FileId {
        self.main
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        self.desk.sources.get(&id).cloned().ok_or_else(|| {
            if self.desk.files.contains_key(&id) { FileError::NotSource } else { self.none(id) }
        })
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        if id == self.data_id {
            return Ok(self.data.clone());
        }
        self.desk.files.get(&id).cloned().ok_or_else(|| self.none(id))
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.desk.fonts.get(index).cloned()
    }

    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        Some(self.today)
    }
}

/// Returns the identifier of a name; none where it would lead out of the folder.
fn id(name: &str) -> Option<FileId> {
    Some(RootedPath::new(VirtualRoot::Project, VirtualPath::new(name).ok()?).intern())
}

/// Returns whether a file holds Typst.
fn is_source(name: &str) -> bool {
    name.ends_with(".typ")
}
