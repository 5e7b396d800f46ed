//! Comparison without regard to case.

/// Each character in lower case, by itself: a text folds alike wherever it stands (ruling B20). Both small sigmas are one letter.
pub(super) fn fold(text: &str) -> String {
    text.chars()
        .flat_map(char::to_lowercase)
        .map(|c| if c == 'ς' { 'σ' } else { c })
        .collect()
}
