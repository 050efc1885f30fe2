//! A typesetter with templates of a test, and campaigns that ask for a PDF.

use std::path::Path;

use jiff::ZonedDateTime;
use postduif::typesetting::{Files, Order, Settings, Typesetter};

use crate::support::town::Campaign;
pub(crate) use crate::support::typesetter::{letters_only, program, program_and_tools, tool};

/// A typesetter with these templates.
pub(crate) fn typesetter(
    program: &Path,
    templates: &[(&str, &str)],
    limit: std::time::Duration,
) -> Typesetter {
    let settings = Settings { program: Some(program.to_owned()), folders: Vec::new(), limit, processes: 2 };
    let templates =
        templates.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect();
    Typesetter::new(settings, &Files { templates, fonts: Vec::new() })
}

/// A letter of the 29th of October 2025.
pub(crate) fn order<'a>(template: &'a str, data: &'a [u8], dated: &'a ZonedDateTime) -> Order<'a> {
    Order { template, ident: "a letter", dated, data }
}

pub(crate) fn election_day() -> ZonedDateTime {
    "2025-10-29T00:00:00+01:00[Europe/Amsterdam]".parse().unwrap()
}

/// The shipped campaign in a folder of its own, with the PDF switched on as the note in its letter says.
pub(crate) fn shipped() -> Campaign {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let campaign = Campaign::new();
    let mut files = vec!["config.toml".to_owned(), "recipients.csv".to_owned()];
    for entry in std::fs::read_dir(root.join("templates")).unwrap() {
        files.push(format!("templates/{}", entry.unwrap().file_name().to_string_lossy()));
    }
    for file in files {
        campaign.write(&file, std::fs::read(root.join(&file)).unwrap());
    }
    let letter = campaign.read("templates/letter.md");
    assert_eq!(letter.matches("\n# pdf = ").count(), 1, "one line to switch on");
    campaign.write("templates/letter.md", letter.replace("\n# pdf = ", "\npdf = "));
    campaign.configure("per-minute = 60", "unlimited = true");
    campaign
}

/// Three recipients and a letter that asks for a PDF by this template.
pub(crate) fn small(template: &str) -> Campaign {
    let campaign = Campaign::new();
    campaign.write("templates/letter.md", LETTER).write("templates/brief.typ", template);
    campaign
}

/// A letter that asks for a PDF.
pub(crate) const LETTER: &str = "+++
subject = \"A letter to {{partij}}\"
pdf = \"brief.typ\"
pdf-name = \"Letter to {{partij}}\"
+++
Dear {{naam}},

This is for **{{partij}}**.
";

/// A template that shows all that it is given.
pub(crate) const PLAIN: &str = r#"#let data = json("data.json")
#set document(title: data.subject)
#set text(lang: "nl")
#let inline(pieces) = pieces.map(p => if "inline" in p { inline(p.inline) } else if "text" in p { p.text } else { " " }).join()
#for block in data.body { par(inline(block.inline)) }
#for (key, value) in data.recipient.fields { par(key + ": " + value) }
"#;
