//! The parts that a letter includes, found without compiling it: what is wrong with the letter may be looked for all the same.

use super::definition::LetterSource;
use super::script::within;

/// Returns the names of the parts that a letter includes, directly or through each other, those included among which a
/// field chooses.
pub fn used(source: &LetterSource) -> Vec<&String> {
    let mut used: Vec<&String> = Vec::new();
    let mut texts = vec![&source.text];
    while let Some(text) = texts.pop() {
        for tag in text.split("{{").skip(1) {
            let Some(rest) = tag.trim_start_matches(['~', ' ']).strip_prefix('>') else { continue };
            let inner = rest.split("}}").next().unwrap_or(rest).trim_start();
            let name =
                inner.split(|c: char| c.is_whitespace() || matches!(c, '~' | '[' | '(')).next().unwrap_or("");
            let default = inner.split_once("default=\"").and_then(|(_, rest)| rest.split('"').next());
            for (known, partial) in &source.partials {
                let meant = known == name
                    || name.ends_with('/') && within(known, name)
                    || Some(known.as_str()) == default;
                if meant && !used.contains(&known) {
                    used.push(known);
                    texts.push(partial);
                }
            }
        }
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_parts_and_those_that_a_field_chooses_among_are_found() {
        let partial = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let source = LetterSource {
            name: "letter".to_owned(),
            text: "{{> foot}} {{~> partij/[afkorting] default=\"anders\"}} {{>kop wie=naam}} {{>footer"
                .to_owned(),
            partials: [
                partial("foot", "{{> deep/one}}"),
                partial("deep/one", "{{> foot}}"),
                partial("partij/D66", "x"),
                partial("partij/oud/PvdA", "in a folder below"),
                partial("partij", "not the folder"),
                partial("anders", "x"),
                partial("kop", "x"),
                partial("footer", "never closed, and meant all the same"),
                partial("unused", "x"),
            ]
            .into(),
        };
        assert_eq!(used(&source), ["foot", "anders", "partij/D66", "kop", "footer", "deep/one"]);
    }
}
