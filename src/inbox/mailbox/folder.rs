//! Folders: which of them are read, and which are only looked into. Pure.

use super::utf7;

/// What a folder is for (RFC 6154 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Copies of what was sent.
    Sent,
    /// What is not sent yet.
    Drafts,
    /// What the server takes for spam.
    Junk,
}

/// Folders that are for something, as mail programs and hosts name them where no server says so: in English, Dutch,
/// German, French and Frisian; in lower case, the last part of the name.
const USUAL: [(Use, &[&str]); 3] = [
    (
        Use::Sent,
        &[
            "sent",
            "sent items",
            "sent mail",
            "sent messages",
            "sent-mail",
            "verzonden",
            "verzonden items",
            "verzonden berichten",
            "verzonden e-mail",
            "verstuurd",
            "gesendet",
            "gesendete objekte",
            "gesendete elemente",
            "gesendete nachrichten",
            "envoyés",
            "éléments envoyés",
            "messages envoyés",
            "ferstjoerd",
        ],
    ),
    (Use::Drafts, &["drafts", "draft", "concepten", "concept", "entwürfe", "brouillons", "konsepten"]),
    (
        Use::Junk,
        &[
            "junk",
            "junk e-mail",
            "junk email",
            "junk mail",
            "spam",
            "bulk",
            "bulk mail",
            "ongewenst",
            "ongewenste e-mail",
            "ongewenste reclame",
            "spamverdacht",
            "junk-e-mail",
            "pourriel",
            "courrier indésirable",
            "indésirables",
            "netwinske e-mail",
        ],
    ),
];

/// A folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Its name as people read it: `Ongewenste e-mail`.
    pub name: String,
    /// Its name as the server or the file system has it.
    pub(super) wire: String,
    /// The sign between the parts of its name, where it can have several.
    pub(super) delimiter: Option<char>,
    /// What the server says that it is for.
    pub(super) special: Option<Use>,
}

impl Folder {
    pub(super) fn new(wire: String, delimiter: Option<char>, special: Option<Use>) -> Self {
        Self { name: utf7::decode(&wire), wire, delimiter, special }
    }

    /// A folder of a Maildir: its name, as Maildir++ writes it, and the subfolder.
    pub(super) fn in_maildir(name: &str, wire: String) -> Self {
        Self { name: utf7::decode(name), wire, delimiter: Some('.'), special: None }
    }

    fn is_inbox(&self) -> bool {
        self.name.eq_ignore_ascii_case("INBOX")
    }

    /// Whether somebody who writes `wanted` means this folder. Only INBOX may be written in any case (RFC 3501 §5.1); parts
    /// may be joined by a slash, whatever the server has between them.
    fn is_called(&self, wanted: &str) -> bool {
        let wanted = wanted.trim();
        if self.is_inbox() {
            return wanted.eq_ignore_ascii_case("INBOX");
        }
        let slashed = self.delimiter.map(|delimiter| self.name.replace(delimiter, "/"));
        self.name == wanted || slashed.is_some_and(|slashed| slashed == wanted)
    }

    fn usual_use(&self) -> Option<Use> {
        let last =
            self.delimiter.and_then(|delimiter| self.name.rsplit(delimiter).next()).unwrap_or(&self.name);
        let last = last.to_lowercase();
        USUAL.iter().find(|(_, names)| names.contains(&last.as_str())).map(|(usual, _)| *usual)
    }
}

/// The folders of a mailbox, as they are used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folders {
    /// Those that are read for replies and reports.
    pub read: Vec<Folder>,
    /// Those with copies of what was sent; they are only asked whether a certain message lies in them.
    pub sent: Vec<Folder>,
}

impl Folders {
    /// Names them for people: `INBOX and Junk`.
    pub fn describe(&self) -> String {
        let names: Vec<&str> = self.read.iter().map(|folder| folder.name.as_str()).collect();
        match names.as_slice() {
            [] => "no folder".to_owned(),
            [one] => (*one).to_owned(),
            [before @ .., last] => format!("{} and {last}", before.join(", ")),
        }
    }
}

/// Why folders cannot be read as they are wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FolderError {
    /// There is none of that name.
    #[error("there is no folder `{wanted}`; there are {}", known.join(", "))]
    Missing {
        /// The name in the settings.
        wanted: String,
        /// The names that there are, each in back-ticks.
        known: Vec<String>,
    },
    /// What we wrote ourselves lies in it, and that is no reply.
    #[error("`{0}` holds what was sent or is still to be sent, and no replies; it cannot be read for them")]
    Ours(String),
}

/// Chooses among the folders that there are: those that are wanted or, where nothing is wanted, INBOX and the spam folder.
///
/// # Errors
/// [`FolderError`] for the first wanted folder that cannot be read.
pub(super) fn choose(all: &[Folder], wanted: &[String]) -> Result<Folders, FolderError> {
    let is_for = |folder: &Folder, what: Use| {
        // Where the server says which folder is for something, no other is, whatever it is called.
        let told = all.iter().any(|folder| folder.special == Some(what));
        let found = if told { folder.special } else { folder.usual_use() };
        !folder.is_inbox() && found == Some(what)
    };
    let of = |what: Use| all.iter().filter(move |folder| is_for(folder, what)).cloned();
    let mut read: Vec<Folder> = Vec::new();
    if wanted.is_empty() {
        read.extend(all.iter().find(|folder| folder.is_inbox()).cloned());
        read.extend(of(Use::Junk));
        if read.is_empty() {
            return Err(missing("INBOX", all));
        }
    }
    for name in wanted {
        let folder = all.iter().find(|folder| folder.is_called(name)).ok_or_else(|| missing(name, all))?;
        if is_for(folder, Use::Sent) || is_for(folder, Use::Drafts) {
            return Err(FolderError::Ours(folder.name.clone()));
        }
        if !read.contains(folder) {
            read.push(folder.clone());
        }
    }
    Ok(Folders { read, sent: of(Use::Sent).collect() })
}

/// How many names a message shows at most.
const SHOWN: usize = 30;

fn missing(wanted: &str, all: &[Folder]) -> FolderError {
    let mut known: Vec<String> = all.iter().take(SHOWN).map(|folder| format!("`{}`", folder.name)).collect();
    match all.len() {
        0 => known.push("none".to_owned()),
        all if all > SHOWN => known.push(format!("{} more", all - SHOWN)),
        _ => {}
    }
    FolderError::Missing { wanted: wanted.to_owned(), known }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(names: &[&str]) -> Vec<Folder> {
        names.iter().map(|name| Folder::new((*name).to_owned(), Some('.'), None)).collect()
    }

    fn names(folders: &[Folder]) -> Vec<&str> {
        folders.iter().map(|folder| folder.name.as_str()).collect()
    }

    fn wanted(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn without_a_wish_inbox_and_spam_are_read_and_sent_is_looked_into() {
        let all = plain(&[
            "Archief",
            "INBOX",
            "INBOX.Verzonden items",
            "INBOX.Concepten",
            "INBOX.Ongewenste e-mail",
        ]);
        let found = choose(&all, &[]).unwrap();
        assert_eq!(names(&found.read), ["INBOX", "INBOX.Ongewenste e-mail"]);
        assert_eq!(names(&found.sent), ["INBOX.Verzonden items"]);
        assert_eq!(found.describe(), "INBOX and INBOX.Ongewenste e-mail");
        assert_eq!(names(&choose(&plain(&["Inbox"]), &[]).unwrap().read), ["Inbox"]);
    }

    #[test]
    fn what_the_server_says_wins_over_names() {
        let mut all = plain(&["INBOX", "Sent", "Postvak uit", "Spam", "Rommel"]);
        all[2].special = Some(Use::Sent);
        all[4].special = Some(Use::Junk);
        let found = choose(&all, &[]).unwrap();
        assert_eq!((names(&found.read), names(&found.sent)), (vec!["INBOX", "Rommel"], vec!["Postvak uit"]));
        // A folder that is only called so may then be read.
        assert_eq!(names(&choose(&all, &wanted(&["Sent"])).unwrap().read), ["Sent"]);
    }

    #[test]
    fn wanted_folders_are_found_as_people_write_them() {
        let all = plain(&["INBOX", "Archief.2025", "&AMk-tat"]);
        let found = choose(&all, &wanted(&["inbox", "Archief/2025", "État", "INBOX"])).unwrap();
        assert_eq!(names(&found.read), ["INBOX", "Archief.2025", "État"]);
        assert_eq!(found.read[2].wire, "&AMk-tat");
    }

    #[test]
    fn a_folder_that_cannot_be_read_is_told_with_those_that_can() {
        let all = plain(&["INBOX", "Sent", "Concepten"]);
        let error = choose(&all, &wanted(&["INBOX", "Postvak"])).unwrap_err();
        assert_eq!(error.to_string(), "there is no folder `Postvak`; there are `INBOX`, `Sent`, `Concepten`");
        for ours in ["Sent", "Concepten"] {
            assert_eq!(choose(&all, &wanted(&[ours])).unwrap_err(), FolderError::Ours(ours.to_owned()));
        }
        assert_eq!(choose(&[], &[]).unwrap_err().to_string(), "there is no folder `INBOX`; there are none");
        let many: Vec<String> = (0..40).map(|nth| format!("x{nth}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(choose(&plain(&many), &[]).unwrap_err().to_string().ends_with("`x29`, 10 more"));
    }
}
