//! The salutation: one that names nobody, or says something twice.

use super::Found;
use super::catalogue::{BLANK_BEFORE_COMMA, DOUBLED_SALUTATION, EMPTY_SALUTATION};

/// Words that open a salutation, in lower case. Those of the second list may also stand alone ("Hallo,").
const OPENERS: [&str; 19] = [
    "geachte",
    "geachten",
    "beste",
    "lieve",
    "waarde",
    "hooggeachte",
    "weledele",
    "dear",
    "geehrte",
    "geehrter",
    "geehrtes",
    "liebe",
    "lieber",
    "cher",
    "chère",
    "chers",
    "chères",
    "achte",
    "bêste",
];
const LOOSE: [&str; 6] = ["hallo", "hoi", "hello", "hi", "bonjour", "goedendag"];

/// Forms of address; those of one row are the same one.
const TITLES: [&[&str]; 9] = [
    &["heer", "dhr", "meneer"],
    &["mevrouw", "mevr", "mw"],
    &["heren"],
    &["dames"],
    &["mr", "mister", "sir"],
    &["mrs", "ms", "miss", "madam"],
    &["herr", "herrn"],
    &["frau"],
    &["monsieur", "madame"],
];

/// A word of a line, in lower case, and what stands between it and the next one.
struct Word {
    text: String,
    gap: String,
}

fn words(line: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut inside = false;
    for c in line.chars() {
        if c.is_alphanumeric() || c == '\'' || c == '’' {
            if !inside {
                words.push(Word { text: String::new(), gap: String::new() });
            }
            inside = true;
            if let Some(word) = words.last_mut() {
                word.text.extend(c.to_lowercase());
            }
        } else {
            inside = false;
            if let Some(word) = words.last_mut() {
                word.gap.push(c);
            }
        }
    }
    words
}

fn opens(word: &str) -> bool {
    OPENERS.contains(&word) || LOOSE.contains(&word)
}

/// The longest salutation, in octets; "Geachte leden van de programmacommissie van …" has some 80.
const LONGEST: usize = 200;

/// Returns whether a line may begin with a salutation: cheap, since every line with a value is asked.
pub fn is_one(line: &str) -> bool {
    let first = line.split(|c: char| !c.is_alphanumeric()).next().unwrap_or("");
    if !(2..=12).contains(&first.len()) {
        return false;
    }
    let first = first.to_lowercase();
    opens(&first) || first == "sehr" || first == "très"
}

/// Looks at one line that [`is_one`].
pub fn look(line: &str, found: &mut Vec<Found>) {
    let end = line.find([',', '!', ':']).map_or(line.len(), |at| at + 1);
    let (line, rest) = line.split_at(end);
    if line.len() > LONGEST {
        return;
    }
    let words = words(line);
    let shown = super::shown(line.trim());
    let Some(opener) = words.iter().position(|word| opens(&word.text)) else { return };
    let opened = &words[opener];
    let blank = |gap: &str| gap.chars().all(|c| c.is_whitespace() || c == '.');
    let strict = OPENERS.contains(&opened.text.as_str());
    // "Beste, maar niet enige" is no salutation.
    if strict && rest.trim().is_empty() && opened.gap.trim_start().starts_with([',', '!', ':']) {
        found.push(Found::new(&EMPTY_SALUTATION, format!("`{shown}` names nobody")));
        return;
    }
    let next = words.get(opener + 1);
    if blank(&opened.gap) && next.is_some_and(|next| opens(&next.text) && next.text != "waarde") {
        found.push(Found::new(&DOUBLED_SALUTATION, format!("`{shown}` greets twice")));
    } else if words.windows(2).enumerate().any(|(at, pair)| doubled(&words, at, pair, &blank)) {
        found.push(Found::new(&DOUBLED_SALUTATION, format!("`{shown}` has a form of address twice")));
    }
    if line.contains(" ,") {
        found.push(Found::new(&BLANK_BEFORE_COMMA, format!("`{shown}` has a blank before the comma")));
    }
}

/// Returns whether a form of address follows itself, with `de` between them at most.
fn doubled(words: &[Word], at: usize, pair: &[Word], blank: &impl Fn(&str) -> bool) -> bool {
    let row = |word: &Word| TITLES.iter().position(|row| row.contains(&word.text.as_str()));
    let [first, second] = pair else { return false };
    let Some(of) = row(first) else { return false };
    if !blank(&first.gap) {
        return false;
    }
    if row(second) == Some(of) {
        // French has "Madame, Monsieur," with a comma, and never without.
        return true;
    }
    // "Geachte heer De Heer," greets a man of that name; "Geachte heer De heer Jansen," greets him twice.
    let Some(third) = words.get(at + 2).filter(|third| second.text == "de" && row(third) == Some(of)) else {
        return false;
    };
    blank(&second.gap) && blank(&third.gap) && words.len() > at + 3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(line: &str) -> Vec<&'static str> {
        let mut found = Vec::new();
        if is_one(line) {
            look(line, &mut found);
        }
        found.into_iter().map(|found| found.finding.name).collect()
    }

    #[test]
    fn salutations_that_embarrass_are_found_and_their_neighbours_are_not() {
        for (line, expected) in [
            ("Geachte ,", "empty-salutation"),
            ("Geachte,", "empty-salutation"),
            ("Dear ,", "empty-salutation"),
            ("Sehr geehrte,", "empty-salutation"),
            ("Beste !", "empty-salutation"),
            ("Geachte heer De heer Jansen,", "doubled-salutation"),
            ("Geachte heer heer Jansen,", "doubled-salutation"),
            ("Geachte heer dhr. Jansen,", "doubled-salutation"),
            ("Geachte mevrouw mevrouw De Vries,", "doubled-salutation"),
            ("Geachte mevrouw mevr. De Vries,", "doubled-salutation"),
            ("Beste Beste Ada,", "doubled-salutation"),
            ("Geachte Geachte leden,", "doubled-salutation"),
            ("Beste Geachte heer,", "doubled-salutation"),
            ("Dear Mr Mr. Smith,", "doubled-salutation"),
            ("Sehr geehrter Herr Herr Doktor,", "doubled-salutation"),
            ("Geachte heer Jansen ,", "blank-before-comma"),
            ("Geachte heer De heer Jansen, wij schrijven u omdat het zo is.", "doubled-salutation"),
        ] {
            assert_eq!(names(line), [expected], "{line}");
        }
        for line in [
            "Geachte heer De Heer,",
            "Geachte heer, mevrouw,",
            "Geachte heer/mevrouw,",
            "Geachte heer of mevrouw De Vries,",
            "Geachte mevrouw Beste,",
            "Geachte dames en heren,",
            "Geachte leden van de programmacommissie van D66,",
            "Hallo,",
            "Hallo beste mensen,",
            "Madame, Monsieur,",
            "Dear Sir or Madam,",
            "Sehr geehrte Damen und Herren,",
            "De heer de heer",
            "Waarde vriend,",
            "Besteed er aandacht aan , zeiden wij.",
            "Geachte Heer, wees ons genadig",
            "Beste, maar niet enige uitweg: wachten.",
        ] {
            if line == "Hallo beste mensen," {
                // A greeting and an opener are one too many on paper, too.
                assert_eq!(names(line), ["doubled-salutation"], "{line}");
            } else {
                assert_eq!(names(line), [] as [&str; 0], "{line}");
            }
        }
    }
}
