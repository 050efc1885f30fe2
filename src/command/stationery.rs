//! What PDF letters are typeset with: read from the campaign's folder, held to what was frozen, handed to the typesetter.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::campaign::problem::{Place, Problem, Problems};
use crate::campaign::stationery::{Kind, Stationery, fingerprint};
use crate::typesetting::{Files, Settings, Typesetter};

/// The largest template, picture or font.
const LARGEST_FILE: u64 = 8 << 20;
/// All of them together.
const LARGEST: u64 = 32 << 20;

/// Pictures and fonts as they are now, by file name.
#[derive(Debug, Default)]
pub struct Materials {
    pictures: BTreeMap<String, Vec<u8>>,
    fonts: BTreeMap<String, Vec<u8>>,
    /// The folder of the fonts, for people.
    folder: String,
}

/// Reads `templates/` and the folder of fonts.
pub fn read(templates: &Path, fonts: Option<&Path>, problems: &mut Problems) -> (Stationery, Materials) {
    let (mut stationery, mut materials) = (Stationery::default(), Materials::default());
    let mut room = LARGEST;
    for path in files(templates) {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let kind = match Kind::of(name) {
            Some(Kind::Font) | None => continue,
            Some(kind) => kind,
        };
        let place = Place::file(format!("templates/{name}"));
        let Some(bytes) = bytes(&path, &place, &mut room, problems) else { continue };
        match kind {
            Kind::Text => match String::from_utf8(bytes) {
                Ok(text) => {
                    let text = text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned();
                    stationery.texts.insert(name.to_owned(), text);
                }
                Err(_) => problems.push(
                    Problem::error("not-utf-8", place, "the file is not in UTF-8")
                        .hint("save it as UTF-8 in your editor"),
                ),
            },
            Kind::Picture | Kind::Font => {
                stationery.pictures.insert(name.to_owned(), fingerprint(&bytes));
                materials.pictures.insert(name.to_owned(), bytes);
            }
        }
    }
    let Some(fonts) = fonts else { return (stationery, materials) };
    let shown = super::shown_path(fonts);
    materials.folder.clone_from(&shown);
    for path in files(fonts) {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if Kind::of(name) == Some(Kind::Font) {
            let place = Place::file(format!("{shown}/{name}"));
            if let Some(bytes) = bytes(&path, &place, &mut room, problems) {
                stationery.fonts.insert(name.to_owned(), fingerprint(&bytes));
                materials.fonts.insert(name.to_owned(), bytes);
            }
        }
    }
    if stationery.fonts.is_empty() {
        let said = "`[pdf] fonts` names a folder without a font in it (.otf, .ttf, .ttc)";
        problems.push(Problem::error("no-fonts", Place::file(shown), said));
    }
    (stationery, materials)
}

/// Reads the fonts of a folder that can be read, each with the folder by which people know it.
pub fn fonts(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let (mut room, shown) = (LARGEST, super::shown_path(folder));
    let mut read = |path: PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str())?;
        let name = (Kind::of(name) == Some(Kind::Font)).then(|| format!("{shown}/{name}"))?;
        let bytes = bytes(&path, &Place::file(&name), &mut room, &mut Problems::default())?;
        Some((name, bytes))
    };
    files(folder).into_iter().filter_map(&mut read).collect()
}

/// Makes the typesetter for what was frozen; where a picture or a font is not the frozen one, that is a problem.
pub fn typesetter(
    frozen: &Stationery,
    materials: &Materials,
    settings: Settings,
    problems: &mut Problems,
) -> Typesetter {
    let mut matched = |frozen: &BTreeMap<String, String>, there: &BTreeMap<String, Vec<u8>>, folder: &str| {
        let mut files = Vec::new();
        for (name, digest) in frozen {
            match there.get(name) {
                Some(bytes) if fingerprint(bytes) == *digest => files.push((name.clone(), bytes.clone())),
                found => {
                    let what = if found.is_some() { "has changed" } else { "is gone" };
                    problems.push(
                        Problem::error(
                            "changed-file",
                            Place::file(format!("{folder}{name}")),
                            format!("the file {what} since the letters were frozen"),
                        )
                        .hint("put it back as it was; to use another, give the campaign another name"),
                    );
                }
            }
        }
        files
    };
    let mut templates: Vec<(String, Vec<u8>)> =
        frozen.texts.iter().map(|(name, text)| (name.clone(), text.clone().into_bytes())).collect();
    templates.extend(matched(&frozen.pictures, &materials.pictures, "templates/"));
    let folder = format!("{}/", materials.folder);
    let fonts = matched(&frozen.fonts, &materials.fonts, &folder);
    let fonts = fonts.into_iter().map(|(name, bytes)| (format!("{folder}{name}"), bytes)).collect();
    Typesetter::new(settings, &Files { templates, fonts })
}

/// Returns the files of a folder, sorted, without those in folders below it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.is_file());
    paths.sort();
    paths
}

fn bytes(path: &Path, place: &Place, room: &mut u64, problems: &mut Problems) -> Option<Vec<u8>> {
    let size = fs::metadata(path).map_or(0, |about| about.len());
    if size > LARGEST_FILE || size > *room {
        let said = format!("the file has {} MB, which is too much for a letter", size / 1_000_000);
        problems.push(
            Problem::error("large-file", place.clone(), said)
                .hint("what no template needs may stand in another folder"),
        );
        return None;
    }
    *room -= size;
    match fs::read(path) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            problems.push(Problem::error("unreadable", place.clone(), format!("it cannot be read: {error}")));
            None
        }
    }
}
