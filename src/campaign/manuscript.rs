//! What a template of a PDF letter is given: who writes to whom, when, and the letter itself. Nothing in it is code.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;
use serde::ser::SerializeMap as _;

use super::blocks::{Block, cleaned};
use super::definition::{Definition, Sender};
use super::recipient::Recipient;
use super::words::Tongue;

/// The version of [`Manuscript::data`]: a template may look at it.
const FORMAT: u32 = 1;

/// A letter merged for the typesetter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manuscript {
    /// The template: `brief.typ`.
    pub template: String,
    /// What the PDF is called; safe on every file system.
    pub file_name: String,
    /// The subject: one line.
    pub subject: String,
    /// The body.
    pub body: Vec<Block>,
}

#[derive(Serialize)]
struct Data<'a> {
    format: u32,
    campaign: &'a str,
    language: &'a str,
    date: Dated,
    subject: &'a str,
    sender: BTreeMap<&'a str, String>,
    recipient: To<'a>,
    body: &'a [Block],
}

#[derive(Serialize)]
struct Dated {
    iso: String,
    written: String,
}

#[derive(Serialize)]
struct To<'a> {
    key: &'a str,
    name: Option<String>,
    organisation: Option<String>,
    fields: Fields<'a>,
}

struct Fields<'a>(&'a [(String, String)]);

impl Serialize for Fields<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_entry(name, &cleaned(value))?;
        }
        map.end()
    }
}

impl Manuscript {
    /// Returns what the template reads with `json("data.json")`.
    pub fn data(&self, definition: &Definition, to: &Recipient, today: Date) -> Vec<u8> {
        let tongue = Tongue::of(&definition.language);
        let iso = today.to_string();
        let written = tongue.map_or_else(|| iso.clone(), |tongue| tongue.date(today));
        let data = Data {
            format: FORMAT,
            campaign: &definition.name,
            language: &definition.language,
            date: Dated { iso, written },
            subject: &self.subject,
            sender: sender(&definition.sender),
            recipient: To {
                key: &to.key,
                name: to.name.as_deref().map(cleaned),
                organisation: to.organisation.as_deref().map(cleaned),
                fields: Fields(&to.fields),
            },
            body: &self.body,
        };
        serde_json::to_vec(&data).unwrap_or_default()
    }
}

/// The sender as the letter knows it: `sender.name`, `sender.postal_address`.
fn sender(sender: &Sender) -> BTreeMap<&str, String> {
    let mut all: BTreeMap<&str, String> =
        sender.fields.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
    let from = &sender.from;
    all.insert("name", from.name.clone().unwrap_or_default());
    all.insert("address", from.address.to_string());
    all.insert("reply_to", sender.reply_to.as_ref().unwrap_or(from).address.to_string());
    all
}
