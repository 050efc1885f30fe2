//! The files that a letter says go along: for all (`"standpunten.pdf"`), or for each (`"per-partij/{{afkorting}}.pdf"`).
//!
//! A path leads from the campaign's folder `attachments/` downwards and never out of it: what the author writes is checked when
//! the letter is read, and what a field holds is made part of one file's name before it is put in. Nothing is opened here.

use jiff::civil::Date;

use super::definition::Definition;
use super::enclosure::FileMark;
use super::file_name;
use super::front_matter::Attached;
use super::merge::Walk;
use super::problem::{Place, Problem};
use super::script::{Node, Resolver};
use super::tags::Kind;
use super::words::Tongue;
use crate::mail::headers;

/// The folder within the campaign's.
pub const FOLDER: &str = "attachments";

/// A letter has at most so many; who has more wants one ZIP file.
const MOST: usize = 50;

/// The files of one letter.
#[derive(Clone, Debug, Default)]
pub(super) struct Attachments(Vec<Entry>);

#[derive(Clone, Debug)]
struct Entry {
    path: Vec<Node>,
    name: Option<Vec<Node>>,
    optional: bool,
    /// The file for all, as it was frozen; nothing where each has another.
    frozen: Option<FileMark>,
    for_all: bool,
    place: Place,
}

/// A file that a row's letter asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted<'l> {
    /// Where it is below the folder [`FOLDER`]; leads nowhere else.
    pub path: String,
    /// What the reader sees it called; safe on every file system.
    pub name: String,
    /// The file itself, where it is the same for all: it was frozen with the letter.
    pub frozen: Option<&'l FileMark>,
    /// Whether the letter goes without it where it is not there.
    pub optional: bool,
    /// Where the letter asks for it.
    pub place: &'l Place,
}

/// Returns whether a path is the same for all.
pub(super) fn is_for_all(path: &str) -> bool {
    !path.contains("{{") && refused(path).is_none()
}

impl Attachments {
    /// Checks and resolves them, as the letter itself is.
    pub(super) fn compile(
        attached: &[Attached],
        file: &str,
        definition: &Definition,
        resolver: &mut Resolver<'_>,
    ) -> Self {
        if let Some(one) = attached.get(MOST) {
            let said = format!("a letter has at most {MOST} attachments");
            resolver.problems.push(Problem::error("attachments", one.place.clone(), said));
        }
        let entries = attached.iter().take(MOST);
        Self(entries.filter_map(|one| Entry::compile(one, file, definition, resolver)).collect())
    }

    /// Returns whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns what one row's letter asks for.
    pub(super) fn wanted(
        &self,
        columns: &[&str],
        today: Date,
        tongue: Option<Tongue>,
    ) -> Result<Vec<Wanted<'_>>, Vec<Problem>> {
        let (mut wanted, mut findings) = (Vec::with_capacity(self.0.len()), Vec::new());
        for entry in &self.0 {
            match entry.wanted(columns, today, tongue) {
                Ok(one) => wanted.extend(one),
                Err(mut found) => findings.append(&mut found),
            }
        }
        if findings.is_empty() { Ok(wanted) } else { Err(findings) }
    }
}

impl Entry {
    fn compile(
        attached: &Attached,
        file: &str,
        definition: &Definition,
        resolver: &mut Resolver<'_>,
    ) -> Option<Self> {
        let path = attached.path.source(file, resolver.problems);
        let name = attached.name.as_ref().map(|name| name.source(file, resolver.problems));
        // Fields become part of a name, so any letter stands for them here.
        let mut written = String::new();
        let mut at = 0;
        for tag in path.as_ref()?.tags.iter() {
            written.push_str(&attached.path.text[at..tag.start]);
            if matches!(tag.kind, Kind::Put) {
                written.push('x');
            }
            at = tag.end;
        }
        written.push_str(&attached.path.text[at..]);
        if let Some(why) = refused(&written) {
            let shown = headers::clean(&attached.path.text);
            resolver.problems.push(
                Problem::error("attachments", attached.place.clone(), format!("`{shown}` {why}")).hint(format!(
                    "a path leads from the folder `{FOLDER}/` downwards, as `per-partij/{{{{afkorting}}}}.pdf`"
                )),
            );
            return None;
        }
        let for_all = is_for_all(&attached.path.text);
        let frozen = definition.attachments.get(&attached.path.text).filter(|_| for_all);
        if for_all && frozen.is_none() && !attached.optional {
            let path = &attached.path.text;
            let said = format!("`{FOLDER}/{path}` is not there, or cannot be taken along");
            resolver.problems.push(
                Problem::error("no-attachment", attached.place.clone(), said)
                    .hint("with `optional = true` a letter goes without it"),
            );
        }
        Some(Self {
            path: resolver.resolve(&path?),
            name: match name {
                Some(name) => Some(resolver.resolve(&name?)),
                None => None,
            },
            optional: attached.optional,
            frozen: frozen.cloned(),
            for_all,
            place: attached.place.clone(),
        })
    }

    fn wanted(
        &self,
        columns: &[&str],
        today: Date,
        tongue: Option<Tongue>,
    ) -> Result<Option<Wanted<'_>>, Vec<Problem>> {
        if self.for_all && self.frozen.is_none() {
            return Ok(None);
        }
        let (path, mut findings) = Walk::path(&self.path, columns, today, tongue);
        findings.retain(|finding| !(self.optional && finding.name == "empty-field"));
        // Where the field that names the file may be empty, its author has said so.
        if findings.is_empty() && path.rsplit('/').next().is_none_or(|last| last.trim().is_empty()) {
            return Ok(None);
        }
        if let (true, Some(why)) = (findings.is_empty(), refused(&path)) {
            let said = format!("`{}` {why}", headers::clean(&path));
            findings.push(Problem::error("attachments", self.place.clone(), said));
        }
        let last = path.rsplit('/').next().unwrap_or_default();
        let ending = last.rsplit_once('.').map(|(_, ending)| ending);
        let ending = ending.filter(|ending| ending.len() <= 10 && ending.chars().all(char::is_alphanumeric));
        let ending = ending.map_or(String::new(), |ending| format!(".{ending}"));
        let shown = match &self.name {
            Some(name) => {
                let (name, mut found) = Walk::plain(name, columns, today, tongue);
                findings.append(&mut found);
                name
            }
            None => last.to_owned(),
        };
        let name = file_name::safe(&shown, &ending);
        if name.is_none() && findings.is_empty() {
            let said = "nothing is left of the name of this attachment for this row";
            findings.push(Problem::error("attachments", self.place.clone(), said));
        }
        if !findings.is_empty() {
            return Err(findings);
        }
        let (frozen, optional) = (self.frozen.as_ref(), self.optional);
        Ok(name.map(|name| Wanted { path, name, frozen, optional, place: &self.place }))
    }
}

/// Says why a path is none that a file may be taken from; nothing where it may.
///
/// The rules are those of every file system at once, so that a campaign folder can be moved: no way up or out, no drive, no
/// device of Windows, no character that a name cannot have.
fn refused(path: &str) -> Option<&'static str> {
    if path.chars().any(headers::unprintable) {
        return Some("holds a control character or an invisible mark");
    }
    if path.contains(['\\', ':']) {
        return Some("holds `\\` or `:`; folders are parted by `/`");
    }
    if path.starts_with('/') {
        return Some("begins at the root of the disk");
    }
    for part in path.split('/') {
        // Windows takes `.. ` for `..`, and `nul.pdf` for a device.
        let bare = part.trim_end_matches(['.', ' ']);
        if bare.is_empty() {
            return Some(if part.contains('.') { "leads up or nowhere" } else { "names no file" });
        }
        if file_name::is_device(bare) {
            return Some("has the name of a device of Windows");
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_never_leads_out_of_its_folder() {
        for path in [
            "",
            "/",
            "/etc/passwd",
            "//server/share",
            "..",
            "../x",
            "a/../../x",
            "a/..",
            "a/.. /x",
            "a/. ./x",
            "./x",
            "a//b",
            "a/",
            "C:x",
            "C:/x",
            "a\\b",
            "\\\\server\\x",
            "a:stream",
            "nul",
            "NUL.pdf",
            "a/com1.txt",
            "con .x",
            "a\0b",
            "a\nb",
            "a\u{202e}b",
            " ",
            "...",
            "lpt9/x",
        ] {
            assert!(refused(path).is_some(), "{path:?}");
        }
        for path in [
            "a.pdf",
            "per-partij/D66.pdf",
            "Één & ander (2).pdf",
            ".verborgen",
            "a..b",
            "console.pdf",
            "com10.x",
        ] {
            assert_eq!(refused(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_not_refused_stays_below(path in "[a./\\\\: \\x00]{0,12}|\\PC{0,20}") {
            if refused(&path).is_none() {
                let path = std::path::Path::new(&path);
                prop_assert!(path.components().all(|part| matches!(part, std::path::Component::Normal(_))));
            }
        }

        #[test]
        fn a_field_in_a_path_is_never_more_than_part_of_one_name(value in any::<String>()) {
            let part = file_name::part(&value);
            let path = format!("per-partij/{part}.pdf");
            prop_assert!(!part.contains(['/', '\\', ':', '\0', '\n']));
            prop_assert!(refused(&path).is_some() || path.split('/').count() == 2);
        }
    }
}
