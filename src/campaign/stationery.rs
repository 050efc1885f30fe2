//! What PDF letters are typeset with: templates, pictures and fonts.
//!
//! Templates and drawings are frozen with the campaign as they are; of pictures and fonts the digest is frozen, so that one that
//! was exchanged is noticed.

use std::collections::BTreeMap;

use ring::digest;
use serde::{Deserialize, Serialize};

use super::definition::hex;

/// The endings of files that are frozen as text.
const TEXTS: [&str; 2] = ["typ", "svg"];
/// The endings of pictures.
const PICTURES: [&str; 5] = ["png", "jpg", "jpeg", "gif", "webp"];
/// The endings of fonts.
const FONTS: [&str; 3] = ["otf", "ttf", "ttc"];

/// What a file of the campaign is to the typesetter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A template (`.typ`) or a drawing (`.svg`).
    Text,
    /// A picture.
    Picture,
    /// A font.
    Font,
}

impl Kind {
    /// Tells it by the name's ending.
    pub fn of(name: &str) -> Option<Self> {
        let (_, ending) = name.rsplit_once('.')?;
        let is = |endings: &[&str]| endings.iter().any(|known| known.eq_ignore_ascii_case(ending));
        match () {
            () if is(&TEXTS) => Some(Self::Text),
            () if is(&PICTURES) => Some(Self::Picture),
            () if is(&FONTS) => Some(Self::Font),
            () => None,
        }
    }
}

/// Templates in full, pictures and fonts by their digest (SHA-256 in hexadecimal); all by file name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stationery {
    /// Every `templates/*.typ` and `templates/*.svg`.
    pub texts: BTreeMap<String, String>,
    /// Every picture of `templates/`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pictures: BTreeMap<String, String>,
    /// Every font of the folder named in `[pdf] fonts`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fonts: BTreeMap<String, String>,
}

impl Stationery {
    /// Returns whether there is nothing: no letter of the campaign asks for a PDF.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.pictures.is_empty() && self.fonts.is_empty()
    }
}

/// Returns the digest by which a picture or a font is known.
pub fn fingerprint(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}
