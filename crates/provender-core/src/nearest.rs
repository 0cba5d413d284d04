//! The word that somebody probably meant.

use crate::Error;

/// The candidate that is most like `word`, case apart, if any is like it at all.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let allowed = (word.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

impl Error {
    /// Adds to an error about an unknown word the known one that was probably meant, if there is one.
    #[must_use]
    pub fn suggest<'a>(self, word: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(word, known) {
            Some(near) => self.with("did you mean", near),
            None => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_misspellings_and_nothing_else() {
        let known = ["entities", "schema", "source", "ttl"];
        assert_eq!(nearest("entites", known), Some("entities"));
        assert_eq!(nearest("Schema", known), Some("schema"));
        assert_eq!(nearest("tll", known), Some("ttl"));
        assert_eq!(nearest("x", known), None);
        assert_eq!(nearest("columns", known), None);
    }
}
